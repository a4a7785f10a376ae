//! One memory: portions of rows as they came, with what is needed to skip them.

use std::sync::Arc;

use groundcrew_telemetry::{LogRecord, MetricSeries, Severity, Timestamp};

use super::metrics::MemoryMetrics;
use super::packed_spans::SpanPortion;
use super::rollup::{Counted, MemoryRollup, RowAt};
use crate::origin::Origin;
use crate::span_rollup::SpanRollup;

/// What a rollup cell takes beside its row.
const CELL_BYTES: usize = 120;
/// What a portion takes beside its rows.
const PORTION_BYTES: usize = 200;

/// Log records of one origin that came together.
#[derive(Debug)]
pub(crate) struct LogPortion {
    pub(crate) origin: Arc<Origin>,
    pub(crate) records: Vec<LogRecord>,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) severity_max: Severity,
    pub(crate) bytes: usize,
}

impl LogPortion {
    pub(super) fn new(origin: Arc<Origin>, records: Vec<LogRecord>, bytes: usize) -> Self {
        let (mut first, mut last) = (Timestamp::MAX, Timestamp::MIN);
        let mut severity_max = Severity::UNSPECIFIED;
        for record in &records {
            first = first.min(record.time);
            last = last.max(record.time);
            severity_max = severity_max.max(record.severity);
        }
        Self { origin, records, first, last, severity_max, bytes }
    }
}

/// The rows that came since the last seal.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) logs: Vec<Arc<LogPortion>>,
    pub(crate) rollup: MemoryRollup,
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

    /// The log record at a place.
    pub(crate) fn log_at(&self, at: RowAt) -> Option<&LogRecord> {
        self.logs.get(at.portion as usize)?.records.get(at.row as usize)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.spans.is_empty() && self.metrics.series.is_empty()
    }

    pub(crate) fn add_logs(&mut self, portion: LogPortion, counted: Counted) {
        if portion.records.is_empty() {
            return;
        }
        let number = u32::try_from(self.logs.len()).unwrap_or(u32::MAX);
        let cells_new = self.rollup.add(number, &portion.origin.service, counted);
        self.bytes += PORTION_BYTES + portion.bytes + cells_new * CELL_BYTES;
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
