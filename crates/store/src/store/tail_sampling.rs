//! Thins traces that are no longer fresh: failed and slow ones stay, and of the rest an even share.
//!
//! What a question reads of an hour is a sample of whole traces, by a fixed hash of their ids (ADR 7). The share that
//! stays is the beginning of that same order, large enough that such a question reads what it read before; what goes is
//! what nobody would have read, but for looking up one trace by its id. All of it was counted before (ADR 27, ADR 30).
//!
//! That is the tail sampling of a Collector, done where whole traces lie together and without holding back any.

use std::sync::Arc;
use std::time::Duration;

use groundcrew_telemetry::{TimeRange, TraceId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::handle::Store;
use super::live::Live;
use crate::latency::LatencySketch;
use crate::memory::Memory;
use crate::pace::Pace;
use crate::span_rollup::SpanRollup;
use crate::span_sample::sample_hash;
use crate::split::{STRETCH_NANOS, Sampled, SpanBlock, Split, SplitMeta};
use crate::{StoreError, retention};

/// An hour.
const HOUR_NANOS: f64 = 3.6e12;
/// A split of which more than this share would stay is left as it is.
const SHARE_MAX: f64 = 0.5;
/// Spans that take longer than this share of their operation's are slow.
const SLOW_QUANTILE: f64 = 0.99;
/// And this many times its median: an operation that always takes the same has no slow ones.
const SLOW_RATIO: f64 = 2.0;
/// A trace may lie in splits whose times are this far apart. Where one of them shows that it stands out, it stays in all.
const TORN_SECS: i64 = 60;

/// How old traces are thinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TailSampling {
    /// How long all are kept.
    pub after: Duration,
    /// About how many spans an hour the even share has: what a question reads.
    pub even_spans_per_hour: usize,
}

impl Store {
    /// Thins splits whose traces are old enough. Says how many.
    pub(super) fn sample_traces(
        &self,
        wanted: TailSampling,
        pace: &mut Pace<'_>,
    ) -> Result<usize, StoreError> {
        let (receipts, unmergeable) = {
            let sealer = self.sealer();
            (sealer.manifest.receipts, sealer.unmergeable.clone())
        };
        let now = self.clock.now();
        let Some(before) = retention::cutoff(Some(wanted.after), receipts, now) else {
            return Ok(0);
        };
        let splits = Arc::clone(&self.live().splits);
        let mut sampled = 0;
        for split in &splits.spans {
            let meta = &split.meta;
            let is_old = retention::counts_from(meta.last, meta.received, now) < before;
            let is_whole = meta.sampled.is_none() && !meta.is_cold();
            let Some(share) = even_share(meta, wanted.even_spans_per_hour) else { continue };
            if !is_old || !is_whole || unmergeable.contains(&meta.id) {
                continue;
            }
            if pace.must_stop() {
                break;
            }
            // Read once for what stands out, and once for what stays.
            pace.spend(split.bytes().saturating_mul(2));
            let hash_max = (share * u64::MAX as f64) as u64;
            match self.read_back_sampled(split, hash_max) {
                // A split of nothing but counts cannot be written.
                Ok(memory) if memory.spans.is_empty() => {}
                Ok(memory) => {
                    let left = Sampled { hash_max, spans: meta.count };
                    self.replace_splits(std::slice::from_ref(split), &memory, Some(left), pace)?;
                    sampled += 1;
                }
                Err(error) => {
                    self.warnings.add(format!("old traces were not thinned: {error}"));
                    self.sealer().unmergeable.push(meta.id);
                }
            }
        }
        Ok(sampled)
    }

    /// What stays of a split, with the counts of all of it.
    fn read_back_sampled(&self, split: &Split, hash_max: u64) -> Result<Memory, StoreError> {
        let standing_out = self.standing_out(split)?;
        let stays = |trace: TraceId| {
            let hash = sample_hash(trace);
            hash <= hash_max || standing_out.contains(&hash)
        };
        let mut live = Live::default();
        self.read_back_spans(split, &stays, &mut live)?;
        live.active.span_rollup = Some((*self.rollup_of(split)?).clone());
        Ok(live.active)
    }

    /// Hashes of the traces of a split that stand out in it or, where they may lie in several, in one beside it.
    fn standing_out(&self, split: &Split) -> Result<FxHashSet<u64>, StoreError> {
        let around = TimeRange::new(
            split.meta.first.plus_secs(-TORN_SECS),
            split.meta.last.plus_secs(TORN_SECS),
        );
        let splits = Arc::clone(&self.live().splits);
        let mut found = FxHashSet::default();
        // Nothing is fetched from a bucket for it.
        let at_hand = splits.spans.iter().filter(|other| !other.meta.is_cold());
        for other in at_hand.filter(|other| other.overlaps(around)) {
            let is_itself = other.meta.id == split.meta.id;
            match self.standing_out_of(other, around, &mut found) {
                // Of the others it is only more that stays.
                Err(error) if is_itself => return Err(error),
                _ => {}
            }
        }
        Ok(found)
    }

    fn standing_out_of(
        &self,
        split: &Split,
        range: TimeRange,
        found: &mut FxHashSet<u64>,
    ) -> Result<(), StoreError> {
        let usual = Usual::of(self.rollup_of(split)?.as_ref());
        let file = self.reader.rows(split)?;
        for meta in file.blocks.iter().filter(|meta| meta.overlaps(range)) {
            let block =
                SpanBlock::decode(&file.read(meta)?).map_err(|error| file.damaged(error))?;
            let view = block.view();
            for (row, _, origin, trace) in view.heads() {
                let hash = sample_hash(trace);
                if found.contains(&hash) {
                    continue;
                }
                let service = file.resources.get(origin).map_or("", |resource| resource.service());
                let span = view.span(row);
                if span.is_error() || usual.is_slow(service, &span.name, span.duration_nanos()) {
                    found.insert(hash);
                }
            }
        }
        Ok(())
    }
}

/// The share of a split's traces that makes so many spans an hour; `None` when it is so much that nothing is gained.
fn even_share(meta: &SplitMeta, spans_per_hour: usize) -> Option<f64> {
    let stretches = meta.last.nanos_since(meta.first) / STRETCH_NANOS + 1;
    let hours = stretches as f64 * STRETCH_NANOS as f64 / HOUR_NANOS;
    let share = spans_per_hour as f64 * hours / meta.count.max(1) as f64;
    (share <= SHARE_MAX).then_some(share)
}

/// From which duration on spans of each operation are slow.
struct Usual {
    slow_nanos: FxHashMap<String, FxHashMap<String, f64>>,
}

impl Usual {
    fn of(rollup: &SpanRollup) -> Self {
        let mut times: FxHashMap<(u32, u32), LatencySketch> = FxHashMap::default();
        for (key, sketch) in &rollup.cells {
            times.entry((key.service, key.operation)).or_default().merge(sketch);
        }
        let name = |number: u32| rollup.names.get(number as usize).map_or("", |name| name);
        let mut slow_nanos: FxHashMap<String, FxHashMap<String, f64>> = FxHashMap::default();
        for ((service, operation), sketch) in times {
            let quantiles = sketch.quantile(SLOW_QUANTILE).zip(sketch.quantile(0.5));
            if let Some((slow, median)) = quantiles {
                let of_service = slow_nanos.entry(name(service).to_owned()).or_default();
                of_service.insert(name(operation).to_owned(), slow.max(SLOW_RATIO * median));
            }
        }
        Self { slow_nanos }
    }

    /// Operations beyond those that are counted apart are never slow.
    fn is_slow(&self, service: &str, operation: &str, nanos: i64) -> bool {
        let slow = self.slow_nanos.get(service).and_then(|known| known.get(operation));
        slow.is_some_and(|slow| nanos as f64 > *slow)
    }
}
