//! Answers what logs counted, from rollups.

use std::collections::BTreeMap;
use std::sync::Arc;

use groundcrew_telemetry::{Severity, TemplateId, TemplateRow, Timestamp};

use rustc_hash::FxHashSet;

use super::handle::Store;
use crate::first_rows::RowRef;
use crate::query::ServiceFilter;
use crate::split::{Joint, LogBlock, RollupOf, Split, SplitSet};
use crate::template_fold::{Source, TemplateFold, WantedRows};
use crate::{StoreError, TemplateQuery};

/// With rows to show of more rollups than this, none is opened again only for rows from the middle: the busiest moments of
/// many templates lie all over a long time.
const MIDDLE_SOURCES_MAX: usize = 64;

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
            let rollups = self.each_rollup(&splits, &mut |place, of| {
                let mut asking = folds.iter_mut().filter(|fold| fold.asks(&of)).peekable();
                if asking.peek().is_some() {
                    // Let go before the next one is opened: a busy day has thousands.
                    let rollup = self.reader.rollup(&of)?;
                    let (first, last) = of.bounds();
                    let is_ordered = matches!(of, RollupOf::Split(_));
                    let number = numbered(source, place);
                    let source = Source { number, first, last, is_ordered };
                    asking.for_each(|fold| rollup.fold(source, fold));
                }
                Ok(())
            })?;
            self.show_rows(source, &rollups, &mut folds)?;
            Ok(folds.into_iter().map(|fold| fold.finish(&self.templates)).collect())
        })
    }

    /// Calls `read` with place and splits of each rollup that there is of logs. In the place of a joint one that cannot be
    /// read come those of its splits. Gives back which were called for in the end.
    fn each_rollup<'s>(
        &self,
        splits: &'s SplitSet,
        read: &mut dyn FnMut(usize, RollupOf<'s>) -> Result<(), StoreError>,
    ) -> Result<Vec<RollupOf<'s>>, StoreError> {
        let mut rollups = splits.rollups();
        let mut place = 0;
        while let Some(of) = rollups.get(place).copied() {
            match (read(place, of), of) {
                (Err(error), RollupOf::Joint(joint, splits)) => {
                    self.pass_over(joint, &error);
                    rollups.splice(place..=place, splits.iter().map(RollupOf::Split));
                    continue;
                }
                (Err(error), RollupOf::Split(_)) => self.skip(error)?,
                (Ok(()), _) => {}
            }
            place += 1;
        }
        Ok(rollups)
    }

    /// Says that a joint rollup cannot be read, unless it has gone with some of its splits.
    fn pass_over(&self, joint: &Joint, error: &StoreError) {
        if !error.is_not_found() {
            self.warnings.add(format!("{error}; its splits are read one by one"));
        }
        tracing::debug!(id = joint.id, %error, "a joint rollup is passed over");
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

    /// Gives the folds the rows that they may show; the first rollup is the source `first`.
    fn show_rows(
        &self,
        first: u32,
        rollups: &[RollupOf<'_>],
        folds: &mut [TemplateFold<'_>],
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<_> = folds.iter().map(TemplateFold::wanted).collect();
        let sources = wanted.iter().flat_map(|wanted| wanted.keys());
        let are_many = sources.collect::<FxHashSet<_>>().len() > MIDDLE_SOURCES_MAX;
        for (source, of) in (first..).zip(rollups) {
            let is_wanted = |rows: &WantedRows| !rows.ends.is_empty() || !are_many;
            if !wanted.iter().any(|wanted| wanted.get(&source).is_some_and(is_wanted)) {
                continue;
            }
            let shown = match self.reader.shown(of) {
                Ok(shown) => Some(shown),
                Err(error) => {
                    self.skip(error)?;
                    None
                }
            };
            for (fold, wanted) in folds.iter_mut().zip(&mut wanted) {
                let WantedRows { ends, middles } = wanted.remove(&source).unwrap_or_default();
                let missing = |rows: Vec<RowRef>, fold: &mut TemplateFold<'_>| match &shown {
                    Some(shown) => shown.show(rows, fold),
                    None => rows,
                };
                let (ends, middles) = (missing(ends, fold), missing(middles, fold));
                match of {
                    RollupOf::Split(split) => {
                        self.fetch_rows(split, 0, &WantedRows { ends, middles }.all(), fold)?;
                    }
                    // Rows from the middle lie all over its splits.
                    RollupOf::Joint(joint, splits) => {
                        self.fetch_joint_rows(joint, splits, &ends, fold)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Fetches rows that are numbered as in a joint rollup.
    fn fetch_joint_rows(
        &self,
        joint: &Joint,
        splits: &[Arc<Split>],
        wanted: &[RowRef],
        fold: &mut TemplateFold<'_>,
    ) -> Result<(), StoreError> {
        let place_of = |at: &RowRef| joint.place_of(at.row);
        for of_split in wanted.chunk_by(|one, other| place_of(one) == place_of(other)) {
            let Some((place, before)) = of_split.first().and_then(place_of) else { continue };
            let Some(split) = splits.get(place) else { continue };
            self.fetch_rows(split, before, of_split, fold)?;
        }
        Ok(())
    }

    /// Fetches times and bodies of rows into the fold, reading each block once. The split's first row has number `before`.
    fn fetch_rows(
        &self,
        split: &Split,
        before: u64,
        wanted: &[RowRef],
        fold: &mut TemplateFold<'_>,
    ) -> Result<(), StoreError> {
        // Nothing is fetched from a bucket for the sake of examples.
        if wanted.is_empty() || !split.meta.has_rows || split.meta.is_cold() {
            return Ok(());
        }
        let file = match self.reader.rows(split) {
            Ok(file) => file,
            Err(error) => return self.skip(error),
        };
        let block_of = |at: &RowRef| file.block_of(at.row.saturating_sub(before));
        let start_of = |at: &RowRef| block_of(at).map(|(start, _)| start);
        for of_block in wanted.chunk_by(|one, other| start_of(one) == start_of(other)) {
            let Some(first) = of_block.first() else { continue };
            let Some((start, block)) = block_of(first) else { continue };
            let start = start + before;
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
                    memory.rollup().count(slots, template, services, &mut add);
                }
                Arc::clone(&live.splits)
            };
            let admits = |name: &str| services.admits(name);
            self.each_rollup(&splits, &mut |_, of| match of.may_have(slots, services) {
                true => self.reader.count((&of, template), slots, &admits, &mut add),
                false => Ok(()),
            })?;
            Ok(counts
                .into_iter()
                .map(|((minute, severity), count)| (minute, severity, count))
                .collect())
        })
    }
}

/// The number of the source at `place`, of which the first has number `first`.
fn numbered(first: u32, place: usize) -> u32 {
    first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX))
}
