//! One memory: portions of rows as they came, with what is needed to skip them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use groundcrew_telemetry::{MetricSeries, Severity, Timestamp};

use super::metrics::MemoryMetrics;
use super::packed_logs::{PackedLog, PackedLogs};
use super::packed_spans::SpanPortion;
use super::rollup::{MemoryRollup, RowAt};
use crate::origin::Origin;
use crate::span_rollup::SpanRollup;

/// What a seal takes for a log record beside the portion: its place in the order, its tokens, and often a cell that counts
/// it alone.
const SEALING_BYTES: usize = 112;
/// What a portion takes beside its rows.
const PORTION_BYTES: usize = 200;

/// Log records of one origin that came together.
#[derive(Debug)]
pub(crate) struct LogPortion {
    pub(crate) origin: Arc<Origin>,
    pub(crate) rows: PackedLogs,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) severity_max: Severity,
    /// What it counts for towards a seal: more than it takes itself.
    pub(crate) bytes: usize,
}

impl LogPortion {
    pub(super) fn new(origin: Arc<Origin>, rows: PackedLogs) -> Self {
        let (mut first, mut last) = (Timestamp::MAX, Timestamp::MIN);
        let mut severity_max = Severity::UNSPECIFIED;
        for head in rows.heads() {
            first = first.min(head.time);
            last = last.max(head.time);
            severity_max = severity_max.max(head.severity);
        }
        let bytes = rows.memory() + SEALING_BYTES * rows.heads().len();
        Self { origin, rows, first, last, severity_max, bytes }
    }
}

/// The rows that came since the last seal.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) logs: Vec<Arc<LogPortion>>,
    rollup: Mutex<MemoryRollup>,
    pub(crate) spans: Vec<Arc<SpanPortion>>,
    /// What the spans counted, where it is known already: when splits are merged. Otherwise they are counted when sealed.
    pub(crate) span_rollup: Option<SpanRollup>,
    pub(crate) metrics: MemoryMetrics,
    bytes: usize,
}

impl Memory {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts bytes that are kept elsewhere but wait for the same seal.
    pub(crate) fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// What the log records count for.
    pub(crate) fn rollup(&self) -> MutexGuard<'_, MemoryRollup> {
        // Nothing that is done under the lock can panic.
        let mut rollup = self.rollup.lock().unwrap_or_else(PoisonError::into_inner);
        rollup.count_up_to(&self.logs);
        rollup
    }

    /// The log record at a place.
    pub(crate) fn log_at(&self, at: RowAt) -> Option<PackedLog<'_>> {
        self.logs.get(at.portion as usize)?.rows.record(at.row as usize)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.spans.is_empty() && self.metrics.series.is_empty()
    }

    pub(crate) fn add_logs(&mut self, portion: LogPortion) {
        if portion.rows.heads().is_empty() {
            return;
        }
        self.bytes += PORTION_BYTES + portion.bytes;
        self.logs.push(Arc::new(portion));
    }

    pub(crate) fn add_spans(&mut self, portion: SpanPortion) {
        if portion.heads.is_empty() {
            return;
        }
        self.bytes += PORTION_BYTES + portion.bytes;
        self.spans.push(Arc::new(portion));
    }

    pub(crate) fn add_metrics(&mut self, origin: &Arc<Origin>, series: Vec<(u64, MetricSeries)>) {
        for (hash, one) in series {
            // A series without points says nothing; keeping it would let empty batches fill the memory.
            if !one.points.is_empty() {
                self.bytes += self.metrics.add(origin, hash, one);
            }
        }
    }
}
