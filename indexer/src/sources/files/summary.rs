//! What an ingest is asked, and what it tells: options, progress, summary.

use std::path::{Path, PathBuf};

use groundcrew_store::StoreError;
use groundcrew_telemetry::{Batch, Timestamp};

use crate::intake::Refused;
use crate::stages::decode::{DecodeNotes, Rejections};

/// Rejected records and skipped files that are listed; further ones are only counted.
const LISTED_MAX: usize = 100;

/// How to read files.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    /// The present.
    pub now: Timestamp,
    /// The time of what does not carry its own. Without it, the file's modification time.
    pub fallback_time: Option<Timestamp>,
    /// The service of log lines, over what they or the file's name say.
    pub service: Option<String>,
    /// Also read files whose content was ingested before.
    pub again: bool,
    /// The most that one file may expand to.
    pub expanded_bytes_max: u64,
}

impl IngestOptions {
    /// The defaults at `now`. A file may expand to 64 GiB: it is read in pieces, so what the cap guards is the disk.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, fallback_time: None, service: None, again: false, expanded_bytes_max: 64 << 30 }
    }
}

/// How far an ingest has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IngestProgress {
    /// The file being read.
    pub path: PathBuf,
    /// Bytes read, as they lie on disk.
    pub bytes_done: u64,
    /// Bytes to read in all, as far as known.
    pub bytes_total: u64,
    /// Records stored.
    pub records: u64,
}

/// Records by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RecordCounts {
    /// Log records.
    pub logs: u64,
    /// Spans.
    pub spans: u64,
    /// Metric points.
    pub points: u64,
    /// Change events.
    pub changes: u64,
    /// Alerts.
    pub alerts: u64,
    /// Cluster snapshots.
    pub snapshots: u64,
    /// Charges of billing exports.
    pub charges: u64,
}

impl RecordCounts {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let telemetry = self.logs + self.spans + self.points;
        telemetry + self.changes + self.alerts + self.snapshots + self.charges
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        let slot = match batch {
            Batch::Logs(_) => &mut self.logs,
            Batch::Spans(_) => &mut self.spans,
            Batch::Metrics(_) => &mut self.points,
            Batch::Changes(_) => &mut self.changes,
            Batch::Alerts(_) => &mut self.alerts,
            Batch::Cluster(_) => &mut self.snapshots,
        };
        *slot += batch.record_count() as u64;
    }
}

/// A record that was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RejectedRecord {
    /// The file.
    pub path: PathBuf,
    /// Its line, counted from 1; 0 for the file as a whole.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// A file or folder that was not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SkippedFile {
    /// Which.
    pub path: PathBuf,
    /// Why, and what would help.
    pub reason: String,
    /// Whether that is a fault (unreadable, missing) and not merely nothing to take (empty, a document).
    pub is_error: bool,
}

/// What an ingest came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IngestSummary {
    /// Files read.
    pub files: u64,
    /// Records handed to the store, withheld ones included.
    pub records: RecordCounts,
    /// Records not stored because masking failed on them.
    pub withheld: u64,
    /// Records not taken, all counted, the first ones listed.
    pub rejected_total: u64,
    /// The first rejected records.
    pub rejected: Vec<RejectedRecord>,
    /// Records kept with a change.
    pub notes: DecodeNotes,
    /// Log records without a time of their own.
    pub undated: u64,
    /// Files and folders not read, all counted, the first ones listed.
    pub skipped_total: u64,
    /// The first skipped files and folders.
    pub skipped: Vec<SkippedFile>,
    /// Charges that earlier exports of the same account and period had told, and that made way.
    pub charges_replaced: u64,
    /// Files whose content was ingested before.
    pub already_ingested: Vec<PathBuf>,
}

impl IngestSummary {
    pub(super) fn reject(&mut self, path: &Path, line: u64, reason: impl Into<String>) {
        self.rejected_total += 1;
        if self.rejected.len() < LISTED_MAX {
            let path = path.to_owned();
            self.rejected.push(RejectedRecord { path, line, reason: reason.into() });
        }
    }

    pub(super) fn reject_all(&mut self, path: &Path, line: u64, rejections: Rejections) {
        let listed = rejections.reasons.len() as u64;
        for reason in rejections.reasons {
            self.reject(path, line, reason);
        }
        self.rejected_total += rejections.count.saturating_sub(listed);
    }

    /// Notes something not read that should have been.
    pub(super) fn fail(&mut self, path: &Path, reason: impl Into<String>) {
        self.skip_as(path, reason.into(), true);
    }

    /// Notes something in which there is nothing to read.
    pub(super) fn skip(&mut self, path: &Path, reason: impl Into<String>) {
        self.skip_as(path, reason.into(), false);
    }

    fn skip_as(&mut self, path: &Path, reason: String, is_error: bool) {
        self.skipped_total += 1;
        if self.skipped.len() < LISTED_MAX {
            self.skipped.push(SkippedFile { path: path.to_owned(), reason, is_error });
        }
    }
}

/// Why an ingest stopped before its end. What was stored until then is durable and stays.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The intake refused and waiting did not help.
    #[error("telemetry was refused: {0}")]
    Refused(#[from] Refused),
    /// The store could not make durable what it had taken.
    #[error("failed to finish the ingest: {0}")]
    Store(#[from] StoreError),
    /// The reading thread failed.
    #[error("the reader stopped unexpectedly; run the ingest again")]
    ReaderFailed,
}
