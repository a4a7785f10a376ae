//! Groups the log records into batches of one resource and scope each.

use groundcrew_telemetry::{Batch, LogBatch, LogRecord, Resource};

/// Open batches looked through for a match; where more resources alternate they come to more, smaller batches.
const OPEN_MAX: usize = 32;

/// Batches under construction.
#[derive(Default)]
pub(in crate::sources) struct LogBatches {
    batches: Vec<LogBatch>,
}

impl LogBatches {
    /// Adds a record to the batch of its resource and scope.
    pub(in crate::sources) fn push(&mut self, resource: &Resource, scope: &str, record: LogRecord) {
        let open = self.batches.iter_mut().rev().take(OPEN_MAX);
        let mut matching = open.filter(|batch| batch.scope == scope && batch.resource == *resource);
        match matching.next() {
            Some(batch) => batch.records.push(record),
            None => self.batches.push(LogBatch {
                resource: resource.clone(),
                scope: scope.to_owned(),
                records: vec![record],
            }),
        }
    }

    /// Takes what was grouped so far.
    pub(in crate::sources) fn take(&mut self) -> Vec<Batch> {
        self.batches.drain(..).map(Batch::Logs).collect()
    }
}
