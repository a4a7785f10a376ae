//! Answers what logs counted, from rollups.

use std::collections::BTreeMap;
use std::sync::Arc;

use groundcrew_telemetry::{Severity, TemplateId, TemplateRow, Timestamp};

use rustc_hash::FxHashSet;

use super::handle::Store;
use crate::query::ServiceFilter;
use crate::slot::slot_of;
use crate::split::{LogBlock, Split, SplitSet};
use crate::template_fold::{RowRef, Source, TemplateFold, WantedRows};
use crate::{StoreError, TemplateQuery};

/// With rows to show in more splits than this, none is opened again only for rows from the middle: the busiest moments of
/// many templates lie all over a long time.
const MIDDLE_SPLITS_MAX: usize = 64;

impl Store {
    /// Log templates with their counts, by service, most frequent first. Answered from counts kept per ten seconds, so
    /// the range is widened to whole tens of seconds.
    pub fn log_templates(&self, query: &TemplateQuery) -> Result<Vec<TemplateRow>, StoreError> {
        let mut rows = self.log_templates_of(std::slice::from_ref(query))?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// As [`Self::log_templates`], of several queries: what more than one of them asks for is read once.
    pub fn log_templates_of(
        &self,
        queries: &[TemplateQuery],
    ) -> Result<Vec<Vec<TemplateRow>>, StoreError> {
        self.read(|| {
            let mut folds: Vec<TemplateFold<'_>> = queries.iter().map(TemplateFold::new).collect();
            let mut source = 0;
            let splits = {
                let live = self.live();
                for memory in live.memories() {
                    folds.iter_mut().for_each(|fold| fold.add_memory(source, memory));
                    source += 1;
                }
                Arc::clone(&live.splits)
            };
            // A rollup is let go before the next one is opened: a busy day has thousands.
            for (source, split) in (source..).zip(&splits.logs) {
                let mut asking = folds.iter_mut().filter(|fold| fold.asks(split)).peekable();
                if asking.peek().is_none() {
                    continue;
                }
                match self.reader.rollup(split) {
                    Ok(rollup) => {
                        let (first, last) = (split.meta.first, split.meta.last);
                        let source = Source { number: source, first, last };
                        asking.for_each(|fold| rollup.fold(source, fold));
                    }
                    Err(error) => self.skip(error)?,
                }
            }
            self.show_rows(source, &splits, &mut folds)?;
            Ok(folds.into_iter().map(|fold| fold.finish(&self.templates)).collect())
        })
    }

    /// Since when there are no more than so many splits of logs before `end`: what a question may look at beyond its own
    /// time without getting slower as more is stored.
    #[must_use]
    pub fn newest_logs_since(&self, end: Timestamp, splits_max: usize) -> Timestamp {
        let splits = Arc::clone(&self.live().splits);
        let before = splits.logs.iter().filter(|split| split.meta.first < end);
        let mut lasts: Vec<Timestamp> = before.map(|split| split.meta.last).collect();
        lasts.sort_unstable_by(|one, other| other.cmp(one));
        lasts.get(splits_max).map_or(Timestamp::MIN, |last| last.plus_nanos(1))
    }

    /// Gives the folds the rows of splits that they may show; the first split is the source `first`.
    fn show_rows(
        &self,
        first: u32,
        splits: &SplitSet,
        folds: &mut [TemplateFold<'_>],
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<WantedRows> = folds.iter().map(TemplateFold::wanted).collect();
        let sources = wanted.iter().flat_map(|wanted| wanted.rows.keys());
        let are_many = sources.collect::<FxHashSet<_>>().len() > MIDDLE_SPLITS_MAX;
        for (source, split) in (first..).zip(&splits.logs) {
            let is_wanted = |wanted: &WantedRows| match are_many {
                true => wanted.ends.contains(&source),
                false => wanted.rows.contains_key(&source),
            };
            if !wanted.iter().any(is_wanted) {
                continue;
            }
            let shown = match self.reader.shown(split) {
                Ok(shown) => shown,
                Err(error) => {
                    self.skip(error)?;
                    continue;
                }
            };
            // Nothing is fetched from a bucket for the sake of examples.
            let may_fetch = split.meta.has_rows && !split.meta.is_cold();
            for (fold, wanted) in folds.iter_mut().zip(&mut wanted) {
                let missing = shown.show(wanted.rows.remove(&source).unwrap_or_default(), fold);
                if may_fetch && !missing.is_empty() {
                    self.fetch_rows(split, &missing, fold)?;
                }
            }
        }
        Ok(())
    }

    /// Fetches times and bodies of rows into the fold, reading each block once.
    fn fetch_rows(
        &self,
        split: &Split,
        wanted: &[RowRef],
        fold: &mut TemplateFold<'_>,
    ) -> Result<(), StoreError> {
        let file = match self.reader.rows(split) {
            Ok(file) => file,
            Err(error) => return self.skip(error),
        };
        let start_of = |at: &RowRef| file.block_of(at.row).map(|(start, _)| start);
        for of_block in wanted.chunk_by(|one, other| start_of(one) == start_of(other)) {
            let Some(first) = of_block.first() else { continue };
            let Some((start, block)) = file.block_of(first.row) else { continue };
            let rows = of_block.iter().filter_map(|at| usize::try_from(at.row - start).ok());
            let fetched = LogBlock::open(&file, block).and_then(|block| {
                block.bodies(rows, &mut |row, time, body| {
                    fold.put_row(RowRef { row: start + row as u64, ..*first }, time, body);
                })
            });
            fetched.or_else(|error| self.skip(error))?;
        }
        Ok(())
    }

    /// Log records per minute and severity, ascending. Answered from counts: the range is widened to whole tens of seconds.
    pub fn log_counts(
        &self,
        query: &TemplateQuery,
        template: Option<TemplateId>,
    ) -> Result<Vec<(i64, Severity, u64)>, StoreError> {
        self.read(|| {
            let slots = query.slots();
            let services = ServiceFilter(&query.services);
            let mut counts: BTreeMap<(i64, Severity), u64> = BTreeMap::new();
            let mut add = |minute, severity, count| {
                *counts.entry((minute, severity)).or_default() += count;
            };
            let splits = {
                let live = self.live();
                for memory in live.memories() {
                    memory.rollup.count(slots, template, services, &mut add);
                }
                Arc::clone(&live.splits)
            };
            for split in &splits.logs {
                let (first, last) = (slot_of(split.meta.first), slot_of(split.meta.last));
                if first > slots.1 || slots.0 > last || !split.has_any_of(services) {
                    continue;
                }
                let admits = |name: &str| services.admits(name);
                let counted = self.reader.count((split, template), slots, &admits, &mut add);
                counted.or_else(|error| self.skip(error))?;
            }
            Ok(counts
                .into_iter()
                .map(|((minute, severity), count)| (minute, severity, count))
                .collect())
        })
    }
}
