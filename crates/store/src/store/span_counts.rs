//! Answers what spans counted, from rollups.

use std::sync::Arc;

use groundcrew_telemetry::Timestamp;
use rustc_hash::FxHashMap;

use super::handle::Store;
use crate::memory::SpanPortion;
use crate::origin::Origin;
use crate::query::ServiceFilter;
use crate::slot::slot_of;
use crate::span_rollup::{PodSeen, SpanRollup, SpanRollupBuilder};
use crate::span_tally::SpanTally;
use crate::split::{RowsFile, SpanBlock, Split};
use crate::{SpanCountQuery, SpanCounts, StoreError};

impl Store {
    /// What spans counted by operation and between services: all of them. No row that is sealed is
    /// read for it.
    pub fn span_counts(&self, query: &SpanCountQuery) -> Result<SpanCounts, StoreError> {
        self.read(|| {
            let (memories, splits) = {
                let live = self.live();
                let memories = live.memories().map(|memory| memory.spans.clone());
                (memories.collect::<Vec<Vec<Arc<SpanPortion>>>>(), Arc::clone(&live.splits))
            };
            let mut sum = Sum::new(query);
            for portions in &memories {
                if portions.iter().any(|portion| sum.overlaps(portion.first, portion.last)) {
                    sum.add(&tally_of(portions));
                }
            }
            for split in &splits.spans {
                if !sum.overlaps(split.meta.first, split.meta.last) {
                    continue;
                }
                match self.rollup_of(split) {
                    Ok(rollup) => sum.add(&rollup),
                    Err(error) => self.skip(error)?,
                }
            }
            Ok(SpanCounts::of(&sum.builder.finish()))
        })
    }

    /// The counts of a split; of one without, or with damaged ones, its rows are counted.
    pub(super) fn rollup_of(&self, split: &Split) -> Result<Arc<SpanRollup>, StoreError> {
        match self.reader.span_counts(split) {
            Ok(Some(file)) => return Ok(Arc::clone(&file.rollup)),
            Ok(None) => {}
            Err(error) => self.skip(error)?,
        }
        tally_split(self.reader.rows(split)?.as_ref()).map(Arc::new)
    }
}

/// Sums what a query asks for.
struct Sum<'q> {
    query: &'q SpanCountQuery,
    slots: (i64, i64),
    builder: SpanRollupBuilder,
}

impl<'q> Sum<'q> {
    fn new(query: &'q SpanCountQuery) -> Self {
        let slots = if query.range.is_empty() {
            (1, 0)
        } else {
            (slot_of(query.range.start), slot_of(query.range.end.plus_nanos(-1)))
        };
        Self { query, slots, builder: SpanRollupBuilder::default() }
    }

    fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        slot_of(first) <= self.slots.1 && self.slots.0 <= slot_of(last)
    }

    fn add(&mut self, rollup: &SpanRollup) {
        let services = ServiceFilter(&self.query.services);
        let (from, to) = self.slots;
        let sees = |seen: &PodSeen| slot_of(seen.first) <= to && from <= slot_of(seen.last);
        let slot_as = |slot: i64| (from..=to).contains(&slot).then_some(0);
        self.builder.add_where(rollup, &|name| services.admits(name), &sees, &slot_as);
    }
}

/// Counts spans in memory.
fn tally_of(portions: &[Arc<SpanPortion>]) -> SpanRollup {
    let count = portions.iter().map(|portion| portion.heads.len()).sum();
    let mut tally = SpanTally::with_capacity(count);
    let mut senders: FxHashMap<*const Origin, usize> = FxHashMap::default();
    for portion in portions {
        let origin = &portion.origin;
        let known = senders.entry(Arc::as_ptr(origin));
        let sender = *known.or_insert_with(|| tally.sender(&origin.resource));
        for row in 0..portion.heads.len() {
            if let Some(span) = portion.span(row) {
                tally.add_packed(sender, &span);
            }
        }
    }
    tally.finish()
}

/// Counts the rows of a split.
fn tally_split(file: &RowsFile) -> Result<SpanRollup, StoreError> {
    let mut tally = SpanTally::default();
    let senders: Vec<usize> =
        file.resources.iter().map(|resource| tally.sender(resource)).collect();
    for meta in &file.blocks {
        let block = SpanBlock::decode(&file.read(meta)?).map_err(|error| file.damaged(error))?;
        let view = block.view();
        for (row, _, origin, _) in view.heads() {
            if let Some(sender) = senders.get(origin) {
                tally.add_span(*sender, &view.span(row));
            }
        }
    }
    Ok(tally.finish())
}
