//! Masks personal data and secrets before anything is written: the only caller of [`Masker::mask`] on the write path.
//!
//! It fails closed. When the masker cannot examine some text of a batch, the batch is masked again record by record, so
//! that only the records it fails on are withheld, and those are counted.

use groundcrew_masking::{Masked, Masker};
use groundcrew_telemetry::{Batch, LogBatch, MetricBatch, SpanBatch};

use super::enrich::Enricher;

/// Batches after masking, and how many records were withheld.
#[derive(Debug, Default)]
pub struct MaskedBatches {
    /// What may be stored.
    pub batches: Vec<Masked<Batch>>,
    /// Records that must not be.
    pub withheld: usize,
}

/// Masks every batch. Each is enriched right after its texts are masked and before it is sealed as [`Masked`], so that
/// nothing derived from a text can hold more than the masked text does.
pub fn mask_batches(
    batches: Vec<Batch>,
    masker: &Masker,
    enricher: &mut Enricher,
) -> MaskedBatches {
    let mut masked = MaskedBatches { batches: Vec::with_capacity(batches.len()), withheld: 0 };
    for batch in batches {
        match mask_one(batch, masker, enricher) {
            Ok(batch) => masked.batches.push(batch),
            Err(batch) => mask_record_by_record(*batch, masker, enricher, &mut masked),
        }
    }
    masked
}

/// The masked batch, or the batch itself when a text of it could not be masked.
fn mask_one(
    batch: Batch,
    masker: &Masker,
    enricher: &mut Enricher,
) -> Result<Masked<Batch>, Box<Batch>> {
    let mut clean = std::mem::take(&mut enricher.clean);
    let masked = masker.try_mask_with(&mut clean, batch, |batch, visit| {
        batch.for_each_text_mut(visit);
        enricher.enrich(batch);
    });
    enricher.clean = clean;
    enricher.settle(masked.is_ok());
    masked.map_err(|(batch, _)| Box::new(batch))
}

fn mask_record_by_record(
    batch: Batch,
    masker: &Masker,
    enricher: &mut Enricher,
    masked: &mut MaskedBatches,
) {
    for single in split(batch) {
        let records = single.record_count();
        match mask_one(single, masker, enricher) {
            Ok(batch) => masked.batches.push(batch),
            Err(_) => masked.withheld += records,
        }
    }
}

/// One batch per record, in order.
fn split(batch: Batch) -> Vec<Batch> {
    match batch {
        Batch::Logs(LogBatch { resource, scope, records }) => records
            .into_iter()
            .map(|record| (resource.clone(), scope.clone(), vec![record]))
            .map(|(resource, scope, records)| Batch::Logs(LogBatch { resource, scope, records }))
            .collect(),
        Batch::Spans(SpanBatch { resource, scope, spans }) => spans
            .into_iter()
            .map(|span| (resource.clone(), scope.clone(), vec![span]))
            .map(|(resource, scope, spans)| Batch::Spans(SpanBatch { resource, scope, spans }))
            .collect(),
        Batch::Metrics(MetricBatch { resource, scope, series }) => series
            .into_iter()
            .map(|one| (resource.clone(), scope.clone(), vec![one]))
            .map(|(resource, scope, series)| {
                Batch::Metrics(MetricBatch { resource, scope, series })
            })
            .collect(),
        Batch::Changes(changes) => {
            changes.into_iter().map(|change| Batch::Changes(vec![change])).collect()
        }
        Batch::Alerts(alerts) => {
            alerts.into_iter().map(|alert| Batch::Alerts(vec![alert])).collect()
        }
        Batch::Cluster(snapshots) => {
            snapshots.into_iter().map(|snapshot| Batch::Cluster(vec![snapshot])).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::{LogRecord, Resource};

    use super::*;

    #[test]
    fn only_what_cannot_be_examined_is_withheld() {
        // Longer than any text the masker examines.
        let too_long = "x".repeat(65 << 20);
        let records = ["password=hunter2secret", &too_long, "started"]
            .map(|body| LogRecord { body: body.to_owned(), ..LogRecord::default() })
            .to_vec();
        let resource = Resource::service_named("shop");
        let batch = Batch::Logs(LogBatch { resource, scope: String::new(), records });
        let masker = Masker::new();
        let mut enricher = Enricher::default();
        let masked = mask_batches(vec![batch], &masker, &mut enricher);
        assert_eq!(masked.withheld, 1);
        let bodies: Vec<String> = masked
            .batches
            .iter()
            .flat_map(|batch| match &**batch {
                Batch::Logs(logs) => logs.records.clone(),
                _ => Vec::new(),
            })
            .map(|record| {
                assert!(record.template.is_some());
                record.body
            })
            .collect();
        assert_eq!(bodies.len(), 2);
        assert!(!bodies[0].contains("hunter2"), "{}", bodies[0]);
        assert_eq!(bodies[1], "started");
        assert!(enricher.take_new().iter().all(|(_, text)| !text.contains("hunter2")));
    }
}
