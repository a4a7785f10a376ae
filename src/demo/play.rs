//! Plays one simulation into a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_indexer::Intake;
use groundcrew_indexer::docs::{DocumentSource, IndexSummary, index_directory};
use groundcrew_indexer::sources::cluster::read_snapshot;
use groundcrew_llm::Embedder;
use groundcrew_masking::Masker;
use groundcrew_simulator::{Fault, Simulation, SimulationOptions, Step, Truth};
use groundcrew_store::{Durability, Store};
use groundcrew_telemetry::{Alert, Batch, ClusterSnapshot, Timestamp};
use rust_embed::RustEmbed;
use thiserror::Error;

use super::send::Exporter;
use crate::app::Running;

/// Normal time before the fault: enough to know what normal is, little enough to wait for.
const NORMAL: Duration = Duration::from_secs(30 * 60);
/// How long it has been broken when the question is asked.
const BROKEN: Duration = Duration::from_secs(6 * 60);

/// The runbooks and past incidents that fit the simulated shop.
#[derive(RustEmbed)]
#[folder = "runbooks"]
struct Runbooks;

/// A demo that could not be played.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The receiver did not take the telemetry.
    #[error("failed to send simulated telemetry: {0}")]
    Send(String),
    /// Changes or cluster state could not be stored.
    #[error("failed to store simulated events: {0}")]
    Store(String),
    /// The shipped runbooks could not be indexed.
    #[error("failed to index the shipped runbooks: {0}")]
    Runbooks(String),
}

/// What to play.
#[derive(Clone, Copy, Debug)]
pub struct DemoOptions {
    /// What breaks; `None` for a healthy shop.
    pub fault: Option<Fault>,
    /// Same seed, same outage.
    pub seed: u64,
    /// When the simulation ends.
    pub end: Timestamp,
}

/// What was played.
#[derive(Clone, Debug)]
pub struct Played {
    /// What the simulator knows about it; `None` when nothing broke.
    pub truth: Option<Truth>,
    /// The alert that went off, if one did.
    pub alert: Option<Alert>,
}

/// Plays a simulation into `running`; `progress` gets steps done and steps in all.
///
/// # Errors
/// When the receivers or the store do not take it.
pub async fn play(
    running: &Running,
    token: &str,
    options: DemoOptions,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Played, DemoError> {
    let length = NORMAL + BROKEN;
    let start = options.end.plus_secs(-i64::try_from(length.as_secs()).unwrap_or(0));
    let simulation = Simulation::new(SimulationOptions {
        seed: options.seed,
        start,
        normal: NORMAL,
        broken: BROKEN,
        fault: options.fault,
    });
    let truth = simulation.truth();
    let exporter = Exporter::new(running.addresses.otlp_http, token);
    let total = length.as_secs() / 10;
    let mut alert = None;
    for (number, step) in simulation.enumerate() {
        exporter.send(&step).await?;
        alert = step.alert.clone().or(alert);
        submit_events(&running.intake, step).await?;
        progress(number as u64 + 1, total);
    }
    Ok(Played { truth, alert })
}

/// What does not travel as OTLP goes in by the same door.
async fn submit_events(intake: &Intake, step: Step) -> Result<(), DemoError> {
    let mut batches = Vec::new();
    if !step.changes.is_empty() {
        batches.push(Batch::Changes(step.changes));
    }
    if !step.cluster.is_empty() {
        // Saved output of `kubectl` is read as `groundcrew ingest` reads it.
        let read = |saved: &ClusterSnapshot| read_snapshot(&saved.title, &saved.text, saved.time);
        batches.push(Batch::Cluster(step.cluster.iter().map(read).collect()));
    }
    batches.extend(step.alert.map(|alert| Batch::Alerts(vec![alert])));
    if batches.is_empty() {
        return Ok(());
    }
    let accepted = intake.submit_async(batches, Durability::Synced).await;
    accepted.map(|_| ()).map_err(|refused| DemoError::Store(refused.reason.to_string()))
}

/// Writes the shipped runbooks and past incidents below `root`.
///
/// # Errors
/// When they cannot be written.
pub fn write_shipped_runbooks(root: &Path) -> Result<(), DemoError> {
    let failed = |error: &dyn std::fmt::Display| DemoError::Runbooks(error.to_string());
    for name in Runbooks::iter() {
        let Some(file) = Runbooks::get(&name) else { continue };
        let path = root.join(Path::new(name.as_ref()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        }
        std::fs::write(&path, &file.data).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Indexes the shipped runbooks and past incidents into `store`.
///
/// # Errors
/// When they cannot be written out or indexed.
pub fn index_shipped_runbooks(
    store: &Arc<Store>,
    masker: &Masker,
    embedder: Option<&dyn Embedder>,
) -> Result<IndexSummary, DemoError> {
    let failed = |error: &dyn std::fmt::Display| DemoError::Runbooks(error.to_string());
    let directory = tempfile::tempdir().map_err(|error| failed(&error))?;
    let root = directory.path().join("runbooks");
    write_shipped_runbooks(&root)?;
    index_directory(DocumentSource::at(&root), store.documents(), masker, embedder, &|_| {})
        .map_err(|error| failed(&error))
}
