//! Makes one split out of many small ones, so that the number of files stays bounded by the amount of data.
//!
//! The rows are read back into a memory and sealed again. Splits that are next to each other in order are taken, so
//! that of two points for one time the later still holds; and only ones of about one time, so that a split is old as a
//! whole and can go. Only the exchange itself keeps a seal waiting.

use std::sync::Arc;
use std::time::Duration;

use groundcrew_telemetry::{
    Batch, LogBatch, LogRecord, MetricBatch, Resource, Span, SpanBatch, TimeRange, Timestamp,
    TraceId,
};
use rustc_hash::FxHashMap;

use super::handle::Store;
use super::live::Live;
use super::seal::remove_unpublished;
use crate::StoreError;
use crate::manifest::Manifest;
use crate::memory::{Memory, pack, prepare};
use crate::pace::Pace;
use crate::span_rollup::SpanRollupBuilder;
use crate::split::{
    Covers, LogBlock, Sampled, SpanBlock, Split, SplitSignal, SplitSpec, split_dirs, write_splits,
};

/// Small splits of one signal next to each other that may stay.
const SMALL_SPLITS_MAX: usize = 16;

impl Store {
    /// Merges small splits of less than `span_max` in all, within the budget of `pace`. Appends and seals go on
    /// meanwhile. Says how many splits became fewer.
    pub(super) fn merge_small_splits(
        &self,
        span_max: Duration,
        pace: &mut Pace<'_>,
    ) -> Result<usize, StoreError> {
        let mut merged = 0;
        for signal in SplitSignal::ALL {
            loop {
                let run = self.small_run(signal, span_max);
                if run.len() <= 1 || pace.must_stop() {
                    break;
                }
                match self.read_back(&run, pace) {
                    Ok(memory) => {
                        self.replace_splits(&run, &memory, sampled_of(&run), pace)?;
                        merged += run.len();
                    }
                    Err(error) => {
                        self.warnings.add(format!("small splits were not merged: {error}"));
                        let ids = run.iter().map(|split| split.meta.id);
                        self.sealer().unmergeable.extend(ids);
                    }
                }
            }
        }
        Ok(merged)
    }

    /// From which size in memory on a split stays as it is.
    pub(super) const fn full_bytes(&self) -> u64 {
        (self.memory_bytes_max / 4) as u64
    }

    /// Small splits next to each other that fit one memory together and lie within a span of time: the longest run when
    /// it is long enough, else one whose time is over, to which nothing will come any more. Empty when there is none.
    fn small_run(&self, signal: SplitSignal, span_max: Duration) -> Vec<Arc<Split>> {
        let unmergeable = self.sealer().unmergeable.clone();
        let splits = Arc::clone(&self.live().splits);
        let mut runs: Vec<Vec<Arc<Split>>> = vec![Vec::new()];
        for split in splits.of(signal) {
            let is_small = split.meta.memory_bytes < self.full_bytes()
                && split.meta.has_rows
                && !split.meta.is_cold()
                && !unmergeable.contains(&split.meta.id);
            let begins = runs.last().is_none_or(|run| !self.fits(run, split, span_max));
            if !is_small || begins {
                runs.push(Vec::new());
            }
            if let Some(run) = runs.last_mut().filter(|_| is_small) {
                run.push(Arc::clone(split));
            }
        }
        // The last run may still grow.
        let growing = runs.pop().filter(|run| run.len() > SMALL_SPLITS_MAX);
        let over = runs.into_iter().filter(|run| run.len() > 1);
        growing.into_iter().chain(over).max_by_key(Vec::len).unwrap_or_default()
    }

    /// Whether a split can be merged with those of `run`. One that spans much already may get company within its span.
    fn fits(&self, run: &[Arc<Split>], split: &Arc<Split>, span_max: Duration) -> bool {
        let all = || run.iter().chain([split]).map(|split| &split.meta);
        if run.iter().any(|other| other.meta.sampled.is_some() != split.meta.sampled.is_some()) {
            return false;
        }
        let bytes: u64 = all().map(|meta| meta.memory_bytes).sum();
        let first = all().map(|meta| meta.first).min().unwrap_or(Timestamp::MIN);
        let last = all().map(|meta| meta.last).max().unwrap_or(Timestamp::MAX);
        let widest = all().map(|meta| meta.last.nanos_since(meta.first)).max().unwrap_or_default();
        let span_max = i64::try_from(span_max.as_nanos()).unwrap_or(i64::MAX);
        let span = last.nanos_since(first);
        bytes <= self.memory_bytes_max as u64 && (span < span_max || span <= widest)
    }

    fn read_back(&self, run: &[Arc<Split>], pace: &mut Pace<'_>) -> Result<Memory, StoreError> {
        let mut live = Live::default();
        let mut counted = SpanRollupBuilder::default();
        for split in run {
            pace.spend(split.bytes());
            match split.meta.signal {
                SplitSignal::Logs => self.read_back_logs(split, &mut live)?,
                SplitSignal::Spans => {
                    self.read_back_spans(split, &|_| true, &mut live)?;
                    // Added up and not counted again: what was counted does not change.
                    counted.add(self.rollup_of(split)?.as_ref());
                }
                SplitSignal::Metrics => self.read_back_metrics(split, &mut live)?,
            }
        }
        live.active.span_rollup = Some(counted.finish());
        Ok(live.active)
    }

    fn read_back_logs(&self, split: &Split, live: &mut Live) -> Result<(), StoreError> {
        let file = self.reader.rows(split)?;
        for meta in &file.blocks {
            let mut by_origin: FxHashMap<usize, Vec<LogRecord>> = FxHashMap::default();
            LogBlock::open(&file, meta)?.for_each(&mut |origin, record| {
                by_origin.entry(origin).or_default().push(record);
            })?;
            for (resource, records) in in_order(&file.resources, by_origin) {
                let batch = Batch::Logs(LogBatch { resource, scope: String::new(), records });
                live.apply(prepare(pack(batch)?, &self.origins)?)?;
            }
        }
        Ok(())
    }

    /// Spans of the traces that `stays` says.
    pub(super) fn read_back_spans(
        &self,
        split: &Split,
        stays: &dyn Fn(TraceId) -> bool,
        live: &mut Live,
    ) -> Result<(), StoreError> {
        let file = self.reader.rows(split)?;
        for meta in &file.blocks {
            let block =
                SpanBlock::decode(&file.read(meta)?).map_err(|error| file.damaged(error))?;
            let view = block.view();
            let mut by_origin: FxHashMap<usize, Vec<Span>> = FxHashMap::default();
            for (row, _, origin, trace_id) in view.heads() {
                if stays(trace_id) {
                    by_origin.entry(origin).or_default().push(view.span(row));
                }
            }
            for (resource, spans) in in_order(&file.resources, by_origin) {
                let batch = Batch::Spans(SpanBatch { resource, scope: String::new(), spans });
                live.apply(prepare(pack(batch)?, &self.origins)?)?;
            }
        }
        Ok(())
    }

    fn read_back_metrics(&self, split: &Split, live: &mut Live) -> Result<(), StoreError> {
        let file = self.reader.series(split)?;
        let mut failures = Vec::new();
        let mut batches = Vec::new();
        file.for_each(
            TimeRange::ALL,
            &|_, _| true,
            &mut |resource, series| batches.push((Arc::clone(resource), series)),
            &mut |error| failures.push(error),
        );
        if let Some(error) = failures.pop() {
            return Err(error);
        }
        for (resource, series) in batches {
            let resource = (*resource).clone();
            let batch = MetricBatch { resource, scope: String::new(), series: vec![series] };
            live.apply(prepare(pack(Batch::Metrics(batch))?, &self.origins)?)?;
        }
        Ok(())
    }

    /// Puts the rows of `memory` in the place of the splits of `run`, all of one signal.
    pub(super) fn replace_splits(
        &self,
        run: &[Arc<Split>],
        memory: &Memory,
        sampled: Option<Sampled>,
        pace: &mut Pace<'_>,
    ) -> Result<(), StoreError> {
        let Some(signal) = run.first().map(|split| split.meta.signal) else { return Ok(()) };
        let ids: Vec<u64> = run.iter().map(|split| split.meta.id).collect();
        let (id_first, unpublished) = {
            let mut sealer = self.sealer();
            sealer.id_next += 1;
            (sealer.id_next - 1, sealer.unpublished.clone())
        };
        let metas = || run.iter().map(|split| &split.meta);
        let spec = SplitSpec {
            id_first,
            order: metas().map(|meta| meta.order).max(),
            wal_floor: metas().map(|meta| meta.wal_floor).max().unwrap_or_default(),
            replaces: [ids.clone(), unpublished, self.left_of(signal, run)?].concat(),
            received: metas().map(|meta| meta.received).max().unwrap_or(Timestamp::MIN),
            covers: Some(Covers {
                first: metas().map(|meta| meta.first).min().unwrap_or(Timestamp::MAX),
                last: metas().map(|meta| meta.last).max().unwrap_or(Timestamp::MIN),
                services: metas().flat_map(|meta| meta.services.iter().cloned()).collect(),
                sampled,
            }),
        };
        let written = write_splits(&self.dir, memory, &spec).inspect_err(|_| {
            let left = remove_unpublished(&self.dir, vec![id_first]);
            self.sealer().unpublished.extend(left);
        })?;
        let new: Vec<Split> =
            written.iter().map(|meta| Split::new(&self.dir, meta.clone())).collect();
        pace.spend(new.iter().map(Split::bytes).sum());

        let mut sealer = self.sealer();
        let mut manifest = Manifest { id_next: sealer.id_next, ..sealer.manifest.clone() };
        manifest.splits.retain(|split| !ids.contains(&split.id));
        manifest.splits.extend(written);
        if let Err(error) = manifest.save(&self.dir) {
            sealer.unpublished.push(id_first);
            return Err(error);
        }
        sealer.manifest = manifest;
        sealer.remove_unpublished(&self.dir);
        let mut live = self.live_mut();
        let mut splits = (*live.splits).clone();
        splits.of_mut(signal).retain(|split| !ids.contains(&split.meta.id));
        new.into_iter().for_each(|split| splits.add(split));
        live.splits = Arc::new(splits);
        drop(live);
        drop(sealer);
        run.iter().for_each(|split| {
            split.mark_gone();
            self.reader.forget(split.meta.id);
        });
        Ok(())
    }

    /// What the splits of `run` have replaced and what is still on disk, because somebody reads it or it could not be
    /// removed.
    fn left_of(&self, signal: SplitSignal, run: &[Arc<Split>]) -> Result<Vec<u64>, StoreError> {
        let replaced = || run.iter().flat_map(|split| split.meta.replaces.iter().copied());
        let there = split_dirs(&self.dir, signal)?;
        Ok(replaced().filter(|id| there.iter().any(|(other, _)| other == id)).collect())
    }
}

/// What is left of the traces of several splits together: of those between their bounds only some are there.
fn sampled_of(run: &[Arc<Split>]) -> Option<Sampled> {
    let each = || run.iter().filter_map(|split| split.meta.sampled);
    let hash_max = each().map(|sampled| sampled.hash_max).min()?;
    Some(Sampled { hash_max, spans: each().map(|sampled| sampled.spans).sum() })
}

/// Rows with their resource, by ascending number, so that the same splits always merge into the same bytes.
fn in_order<R>(
    resources: &[Arc<Resource>],
    by_origin: FxHashMap<usize, Vec<R>>,
) -> impl Iterator<Item = (Resource, Vec<R>)> {
    let mut groups: Vec<(usize, Vec<R>)> = by_origin.into_iter().collect();
    groups.sort_by_key(|(origin, _)| *origin);
    groups.into_iter().filter_map(|(origin, rows)| Some(((**resources.get(origin)?).clone(), rows)))
}
