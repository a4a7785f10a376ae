//! The part of an append that needs no lock: sharing resources, counting, measuring.

use std::sync::Arc;

use groundcrew_telemetry::{
    Alert, Batch, ChangeEvent, ClusterSnapshot, LogBatch, MetricSeries, SpanBatch,
};

use super::packed_spans::SpanPortion;
use super::portions::LogPortion;
use super::rollup::{Counted, count_portion};
use super::size;
use crate::StoreError;
use crate::origin::{Origin, Origins, hash_series};

/// A batch that only has to be put in place.
#[derive(Debug)]
pub(crate) enum Prepared {
    Logs(LogPortion, Counted),
    Spans(SpanPortion),
    /// Series with the hashes of their identities.
    Metrics(Arc<Origin>, Vec<(u64, MetricSeries)>),
    Changes(Vec<ChangeEvent>),
    Alerts(Vec<Alert>),
    Cluster(Vec<ClusterSnapshot>),
}

/// Makes a batch ready to be put in place.
pub(crate) fn prepare(batch: Batch, origins: &Origins) -> Result<Prepared, StoreError> {
    Ok(match batch {
        Batch::Logs(batch) => prepare_logs(batch, origins),
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

fn prepare_logs(batch: LogBatch, origins: &Origins) -> Prepared {
    let origin = origins.intern(batch.resource);
    let counted = count_portion(&batch.records);
    let bytes = batch.records.iter().map(size::log_record).sum();
    Prepared::Logs(LogPortion::new(origin, batch.records, bytes), counted)
}

fn prepare_spans(batch: SpanBatch, origins: &Origins) -> Result<SpanPortion, StoreError> {
    SpanPortion::new(origins.intern(batch.resource), &batch.spans)
}
