//! The part of an append that needs no lock: packing, sharing resources, measuring.

use std::sync::Arc;

use groundcrew_telemetry::{Alert, Batch, ChangeEvent, ClusterSnapshot, MetricSeries, SpanBatch};

use super::packed_logs::PackedLogs;
use super::packed_spans::SpanPortion;
use super::portions::LogPortion;
use crate::StoreError;
use crate::origin::{Origin, Origins, hash_series};

/// A batch whose log records are packed, which are most of what comes.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Without them.
    pub(crate) batch: Batch,
    pub(crate) logs: PackedLogs,
}

/// A batch that only has to be put in place.
#[derive(Debug)]
pub(crate) enum Prepared {
    Logs(LogPortion),
    Spans(SpanPortion),
    /// Series with the hashes of their identities.
    Metrics(Arc<Origin>, Vec<(u64, MetricSeries)>),
    Changes(Vec<ChangeEvent>),
    Alerts(Vec<Alert>),
    Cluster(Vec<ClusterSnapshot>),
}

/// Packs the log records of a batch.
pub(crate) fn pack(mut batch: Batch) -> Result<Packed, StoreError> {
    let logs = match &mut batch {
        Batch::Logs(batch) => PackedLogs::of(&std::mem::take(&mut batch.records))?,
        _ => PackedLogs::default(),
    };
    Ok(Packed { batch, logs })
}

/// Makes a batch ready to be put in place.
pub(crate) fn prepare(packed: Packed, origins: &Origins) -> Result<Prepared, StoreError> {
    let Packed { batch, logs } = packed;
    Ok(match batch {
        Batch::Logs(batch) => Prepared::Logs(LogPortion::new(origins.intern(batch.resource), logs)),
        Batch::Spans(batch) => Prepared::Spans(prepare_spans(batch, origins)?),
        Batch::Metrics(batch) => {
            let series = batch.series.into_iter().map(|series| (hash_series(&series), series));
            Prepared::Metrics(origins.intern(batch.resource), series.collect())
        }
        Batch::Changes(changes) => Prepared::Changes(changes),
        Batch::Alerts(alerts) => Prepared::Alerts(alerts),
        Batch::Cluster(snapshots) => Prepared::Cluster(snapshots),
    })
}

fn prepare_spans(batch: SpanBatch, origins: &Origins) -> Result<SpanPortion, StoreError> {
    SpanPortion::new(origins.intern(batch.resource), &batch.spans)
}
