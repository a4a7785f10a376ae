//! The simulated shop, fed to a store of its own with the parts that answer questions over it.

use std::sync::Arc;

use groundcrew::investigate::{Investigator, LazyEmbedder, ModelLimits};
use groundcrew_indexer::sources::cluster::read_snapshot;
use groundcrew_indexer::stages::decode::{
    logs_from_protobuf, metrics_from_protobuf, spans_from_protobuf,
};
use groundcrew_indexer::{Intake, IntakeSettings};
use groundcrew_llm::LocalEmbedder;
use groundcrew_masking::Masker;
use groundcrew_simulator::Step;
use groundcrew_store::{Access, Durability, Store, StoreOptions};
use groundcrew_telemetry::Batch;
use tempfile::TempDir;

/// A store of its own.
pub(crate) struct Shop {
    /// Answers questions over it.
    pub(crate) investigator: Investigator,
    /// Takes telemetry in.
    pub(crate) intake: Intake,
    /// Where it is; gone when the shop is.
    pub(crate) directory: TempDir,
}

impl Shop {
    /// An empty one; documents are searched by their words.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            dir: directory.path().to_owned(),
            access: Access::ReadWrite,
            memory_bytes_max: 256 * 1024 * 1024,
        };
        let store = Arc::new(Store::open(options).unwrap());
        let masker = Arc::new(Masker::new());
        let intake =
            Intake::new(Arc::clone(&store), Arc::clone(&masker), IntakeSettings::default());
        let prompt = include_str!("../../prompts/explain.md").parse().unwrap();
        // There is no model there.
        let nowhere = directory.path().join("no-model");
        let embedder = LazyEmbedder::new(move || Ok(Box::new(LocalEmbedder::load(&nowhere)?)));
        let embedder = Arc::new(embedder);
        let limits = ModelLimits::default();
        let (model, neighbours) = (None, None);
        let investigator = Investigator {
            store,
            masker,
            embedder,
            model,
            prompt,
            limits,
            neighbours,
            processors: Arc::default(),
        };
        Self { investigator, intake, directory }
    }

    /// Takes in what the shop sends in one step, as the receivers would, without the wire.
    pub(crate) fn feed(&self, step: Step) {
        let mut batches: Vec<Batch> = Vec::new();
        for logs in step.logs {
            batches.extend(logs_from_protobuf(logs, step.time).batches);
        }
        for spans in step.traces {
            batches.extend(spans_from_protobuf(spans).batches);
        }
        for points in step.metrics {
            batches.extend(metrics_from_protobuf(points).batches);
        }
        batches.push(Batch::Changes(step.changes));
        let cluster = step.cluster.iter();
        let cluster = cluster.map(|saved| read_snapshot(&saved.title, &saved.text, saved.time));
        batches.push(Batch::Cluster(cluster.collect()));
        batches.extend(step.alert.map(|alert| Batch::Alerts(vec![alert])));
        for part in batches.chunks(16) {
            self.intake.submit(part.to_vec(), Durability::OnFlush).unwrap();
        }
    }
}
