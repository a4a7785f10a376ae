//! What all measurements share: finding cases, a fresh store each, reading and writing JSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use groundcrew_indexer::sources::cluster::read_snapshot;
use groundcrew_indexer::sources::files::{IngestOptions, ingest_paths};
use groundcrew_indexer::stages::decode::{
    Decoded, logs_from_protobuf, metrics_from_protobuf, spans_from_protobuf,
};
use groundcrew_indexer::{Intake, IntakeSettings};
use groundcrew_simulator::Step;
use groundcrew_store::{Access, Durability, Store, StoreError, StoreOptions};
use groundcrew_telemetry::{Batch, ClusterSnapshot, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use thiserror::Error;

use crate::investigate::Investigator;

/// Batches of a simulated step that are submitted together.
const BATCHES_AT_ONCE: usize = 16;

/// A measurement that could not be made.
#[derive(Debug, Error)]
pub enum EvalError {
    /// A file could not be read or written.
    #[error("failed to access {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {message}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// There is nothing to measure.
    #[error("no cases in {0}\nhint: give the folder that holds the case folders")]
    NoCases(PathBuf),
    /// There are no log lines to group.
    #[error("no log in {0}\nhint: give the folder that holds files called NAME_2k.log")]
    NoLogs(PathBuf),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A case could not be fed in.
    #[error("failed to ingest {path}: {message}")]
    Ingest {
        /// The case.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// A store of its own for one measurement; gone when dropped.
pub(super) struct FreshStore {
    pub(super) investigator: Arc<Investigator>,
    intake: Intake,
    directory: TempDir,
}

impl FreshStore {
    /// An empty store, with the masker, prompt and embedder of `like` and no model.
    pub(super) fn new(like: &Investigator) -> Result<Self, EvalError> {
        let directory = tempfile::tempdir()
            .map_err(|source| EvalError::File { path: std::env::temp_dir(), source })?;
        let dir = directory.path().to_owned();
        let options =
            StoreOptions { dir, access: Access::ReadWrite, memory_bytes_max: 256 * 1024 * 1024 };
        let store = Arc::new(Store::open(options)?);
        let investigator = Arc::new(Investigator {
            store: Arc::clone(&store),
            masker: Arc::clone(&like.masker),
            embedder: Arc::clone(&like.embedder),
            model: None,
            prompt: like.prompt.clone(),
            limits: like.limits,
            neighbours: None,
            processors: Arc::default(),
        });
        let intake = Intake::new(store, Arc::clone(&like.masker), IntakeSettings::default());
        Ok(Self { investigator, intake, directory })
    }

    pub(super) fn store(&self) -> &Arc<Store> {
        &self.investigator.store
    }

    /// Where its files are.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Feeds one step of a simulation in as the receivers would, without the wire.
    pub(super) fn feed(&self, step: Step) -> Result<(), EvalError> {
        let mut decoded: Vec<Decoded> = Vec::new();
        decoded.extend(step.logs.into_iter().map(|logs| logs_from_protobuf(logs, step.time)));
        decoded.extend(step.traces.into_iter().map(spans_from_protobuf));
        decoded.extend(step.metrics.into_iter().map(metrics_from_protobuf));
        let mut batches: Vec<Batch> = decoded.into_iter().flat_map(|one| one.batches).collect();
        if !step.changes.is_empty() {
            batches.push(Batch::Changes(step.changes));
        }
        if !step.cluster.is_empty() {
            // Saved output of `kubectl` is read as `groundcrew ingest` reads it.
            let read =
                |saved: &ClusterSnapshot| read_snapshot(&saved.title, &saved.text, saved.time);
            batches.push(Batch::Cluster(step.cluster.iter().map(read).collect()));
        }
        batches.extend(step.alert.map(|alert| Batch::Alerts(vec![alert])));
        // In parts, because the intake bounds what is in flight.
        while !batches.is_empty() {
            let rest = batches.split_off(batches.len().min(BATCHES_AT_ONCE));
            let part = std::mem::replace(&mut batches, rest);
            self.intake.submit(part, Durability::OnFlush).map_err(|refused| EvalError::Ingest {
                path: "the simulation".into(),
                message: refused.reason.to_string(),
            })?;
        }
        Ok(())
    }

    /// Feeds files in as `groundcrew ingest` would, with `now` as the clock.
    pub(super) fn ingest(&self, paths: &[PathBuf], now: Timestamp) -> Result<(), EvalError> {
        // The same file may belong to several cases; in a measurement each counts.
        let options =
            IngestOptions { fallback_time: Some(now), again: true, ..IngestOptions::at(now) };
        ingest_paths(paths, &self.intake, &options, &|_| {}).map_err(|error| {
            EvalError::Ingest {
                path: paths.first().cloned().unwrap_or_default(),
                message: error.to_string(),
            }
        })?;
        Ok(self.store().flush()?)
    }
}

/// Does `work` for each of `items`, `jobs` at a time; the results in the order of the items.
pub(super) fn each_of<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: &(dyn Fn(&T) -> Result<R, EvalError> + Sync),
) -> Result<Vec<R>, EvalError> {
    let next = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<usize, Result<R, EvalError>>> = Mutex::default();
    let take_one = || {
        let position = next.fetch_add(1, Ordering::Relaxed);
        let done = work(items.get(position)?);
        results.lock().ok()?.insert(position, done);
        Some(())
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, 16) {
            scope.spawn(|| while take_one().is_some() {});
        }
    });
    results.into_inner().unwrap_or_default().into_values().collect()
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, EvalError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| EvalError::File { path: path.to_owned(), source })?;
    serde_json::from_str(&text)
        .map_err(|error| EvalError::Format { path: path.to_owned(), message: error.to_string() })
}

/// Folders below `root`, at most `depth` levels down, that hold a `case.json`, sorted.
pub(super) fn find_cases(
    root: &Path,
    depth: usize,
    only: Option<&str>,
) -> Result<Vec<PathBuf>, EvalError> {
    let mut cases = Vec::new();
    let mut open = vec![(root.to_owned(), 0)];
    while let Some((folder, level)) = open.pop() {
        if folder.join("case.json").is_file() {
            cases.push(folder);
            continue;
        }
        if level >= depth {
            continue;
        }
        let entries = std::fs::read_dir(&folder)
            .map_err(|source| EvalError::File { path: folder.clone(), source })?;
        open.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.is_dir())
                .map(|path| (path, level + 1)),
        );
    }
    cases.retain(|case| only.is_none_or(|only| case.to_string_lossy().contains(only)));
    cases.sort();
    if cases.is_empty() {
        return Err(EvalError::NoCases(root.to_owned()));
    }
    Ok(cases)
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Writes JSON lines.
///
/// # Errors
/// When the file cannot be written.
pub fn write_lines<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), EvalError> {
    let failed = |source| EvalError::File { path: path.to_owned(), source };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    for row in rows {
        serde_json::to_writer(&mut file, row).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
    }
    file.flush().map_err(failed)
}
