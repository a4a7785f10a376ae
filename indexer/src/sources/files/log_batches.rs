//! Groups the log records into batches of one resource each.

use groundcrew_telemetry::{Batch, LogBatch, LogRecord, Resource};
use rustc_hash::FxHashMap;

use crate::stages::caps::hash_of;

/// Batches under construction.
#[derive(Default)]
pub(in crate::sources) struct LogBatches {
    batches: Vec<LogBatch>,
    /// Where the last batch of each resource is, by the hash of its attributes.
    places: FxHashMap<u64, usize>,
}

impl LogBatches {
    /// Adds a record to the batch of its resource.
    pub(in crate::sources) fn push(&mut self, resource: &Resource, scope: &str, record: LogRecord) {
        let hash = hash_of(&resource.attributes, 0);
        let place = self.places.get(&hash).and_then(|place| self.batches.get_mut(*place));
        if let Some(batch) = place.filter(|batch| batch.resource == *resource) {
            // Scopes are not kept at rest: a batch for each logger would be for nothing.
            if batch.scope != scope {
                batch.scope.clear();
            }
            batch.records.push(record);
            return;
        }
        self.places.insert(hash, self.batches.len());
        self.batches.push(LogBatch {
            resource: resource.clone(),
            scope: scope.to_owned(),
            records: vec![record],
        });
    }

    /// Takes what was grouped so far.
    pub(in crate::sources) fn take(&mut self) -> Vec<Batch> {
        self.places.clear();
        self.batches.drain(..).map(Batch::Logs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_resource_are_one_batch_however_they_alternate() {
        let mut batches = LogBatches::default();
        for number in 0..900 {
            let resource = Resource::service_named(&format!("s{}", number % 90));
            let scope = if number % 90 == 7 { "one" } else { ["a", "b"][number / 90 % 2] };
            batches.push(&resource, scope, LogRecord::default());
        }
        let taken = batches.take();
        assert_eq!(taken.len(), 90);
        assert!(taken.iter().all(|batch| batch.record_count() == 10));
        let scopes = taken.iter().filter_map(|batch| match batch {
            Batch::Logs(logs) => Some(logs.scope.as_str()).filter(|scope| !scope.is_empty()),
            _ => None,
        });
        assert_eq!(scopes.collect::<Vec<&str>>(), ["one"]);
        batches.push(&Resource::service_named("s1"), "a", LogRecord::default());
        assert_eq!(batches.take().len(), 1);
    }
}
