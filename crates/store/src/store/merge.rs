//! Makes one split out of many small ones, so that the number of files stays bounded by the amount of data.
//!
//! The rows are read back into a memory and sealed again. Splits that are next to each other in order are taken, so
//! that of two points for one time the later still holds.

use std::sync::Arc;

use groundcrew_telemetry::{
    Batch, LogBatch, LogRecord, MetricBatch, Resource, Span, SpanBatch, TimeRange,
};
use rustc_hash::FxHashMap;

use super::handle::{Sealer, Store};
use super::live::Live;
use crate::StoreError;
use crate::manifest::Manifest;
use crate::memory::{Memory, prepare};
use crate::split::{LogBlock, SpanBlock, Split, SplitSignal, SplitSpec, write_splits};

/// Small splits of one signal next to each other that may stay.
const SMALL_SPLITS_MAX: usize = 16;

impl Store {
    pub(super) fn merge_small_splits(&self, sealer: &mut Sealer) -> Result<(), StoreError> {
        for signal in SplitSignal::ALL {
            let run = self.small_run(sealer, signal);
            if run.len() <= SMALL_SPLITS_MAX {
                continue;
            }
            match self.read_back(&run) {
                Ok(memory) => self.replace_splits(sealer, signal, &run, &memory)?,
                Err(error) => {
                    self.warnings.add(format!("small splits were not merged: {error}"));
                    sealer.unmergeable.extend(run.iter().map(|split| split.meta.id));
                }
            }
        }
        Ok(())
    }

    /// The longest run of small splits that fit one memory together.
    fn small_run(&self, sealer: &Sealer, signal: SplitSignal) -> Vec<Arc<Split>> {
        let small_bytes = (self.memory_bytes_max / 4) as u64;
        let splits = Arc::clone(&self.live().splits);
        let mut longest: Vec<Arc<Split>> = Vec::new();
        let mut run: Vec<Arc<Split>> = Vec::new();
        let mut run_bytes = 0;
        for split in splits.of(signal) {
            let bytes = split.meta.memory_bytes;
            let is_small = bytes < small_bytes && !sealer.unmergeable.contains(&split.meta.id);
            if !is_small || run_bytes + bytes > self.memory_bytes_max as u64 {
                run.clear();
                run_bytes = 0;
            }
            if is_small {
                run.push(Arc::clone(split));
                run_bytes += bytes;
            }
            if run.len() > longest.len() {
                longest.clone_from(&run);
            }
        }
        longest
    }

    fn read_back(&self, run: &[Arc<Split>]) -> Result<Memory, StoreError> {
        let mut live = Live::default();
        for split in run {
            match split.meta.signal {
                SplitSignal::Logs => self.read_back_logs(split, &mut live)?,
                SplitSignal::Spans => self.read_back_spans(split, &mut live)?,
                SplitSignal::Metrics => self.read_back_metrics(split, &mut live)?,
            }
        }
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
                live.apply(prepare(batch, &self.origins))?;
            }
        }
        Ok(())
    }

    fn read_back_spans(&self, split: &Split, live: &mut Live) -> Result<(), StoreError> {
        let file = self.reader.rows(split)?;
        for meta in &file.blocks {
            let block =
                SpanBlock::decode(&file.read(meta)?).map_err(|error| file.damaged(error))?;
            let view = block.view();
            let mut by_origin: FxHashMap<usize, Vec<Span>> = FxHashMap::default();
            for (row, _, origin, _) in view.heads() {
                by_origin.entry(origin).or_default().push(view.span(row));
            }
            for (resource, spans) in in_order(&file.resources, by_origin) {
                let batch = Batch::Spans(SpanBatch { resource, scope: String::new(), spans });
                live.apply(prepare(batch, &self.origins))?;
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
            live.apply(prepare(Batch::Metrics(batch), &self.origins))?;
        }
        Ok(())
    }

    fn replace_splits(
        &self,
        sealer: &mut Sealer,
        signal: SplitSignal,
        run: &[Arc<Split>],
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let ids: Vec<u64> = run.iter().map(|split| split.meta.id).collect();
        let spec = SplitSpec {
            id_first: sealer.id_next,
            order: run.iter().map(|split| split.meta.order).max(),
            wal_floor: run.iter().map(|split| split.meta.wal_floor).max().unwrap_or_default(),
            replaces: ids.clone(),
        };
        sealer.id_next += 1;
        let metas = write_splits(&self.dir, memory, &spec)?;
        let mut manifest = Manifest { id_next: sealer.id_next, ..sealer.manifest.clone() };
        manifest.splits.retain(|split| !ids.contains(&split.id));
        manifest.splits.extend(metas.iter().cloned());
        manifest.save(&self.dir)?;
        sealer.manifest = manifest;

        let mut live = self.live_mut();
        let mut splits = (*live.splits).clone();
        splits.of_mut(signal).retain(|split| !ids.contains(&split.meta.id));
        metas.into_iter().for_each(|meta| splits.add(Split::new(&self.dir, meta)));
        live.splits = Arc::new(splits);
        drop(live);
        run.iter().for_each(|split| split.mark_replaced());
        Ok(())
    }
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
