//! Runs an ingest: the reading thread, the writing thread, and what is remembered at the end.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use groundcrew_store::Durability;

use super::file::{FileContext, read_file};
use super::outbox::{Outbox, Parcel};
use super::summary::{IngestError, IngestOptions, IngestProgress, IngestSummary};
use super::walk::walk;
use crate::intake::{Admission, Intake, RefusalReason, Refused};

/// Parcels between the threads.
const PARCELS_MAX: usize = 2;
/// How often a busy intake is asked again.
const TRIES_MAX: u32 = 120;
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Reads every file named by or under `paths` (`-` is standard input) and stores what is in them.
///
/// Returns once everything is durable. Files whose content was ingested before are left out, unless the options say
/// otherwise. `progress` is called on the calling thread.
///
/// # Errors
/// When the intake or the store fails for good. What was stored until then is durable, and the files that were complete
/// are remembered, so running the same ingest again continues with the rest.
pub fn ingest_paths(
    paths: &[PathBuf],
    intake: &Intake,
    options: &IngestOptions,
    progress: &dyn Fn(IngestProgress),
) -> Result<IngestSummary, IngestError> {
    let mut summary = IngestSummary::default();
    let files = walk(paths, &mut summary);
    let bytes_total = files.iter().map(|file| file.bytes).sum();
    let (sender, receiver) = sync_channel(PARCELS_MAX);
    let (outcome, read) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut outbox = Outbox::new(sender);
            let parts = OnceCell::new();
            for file in &files {
                let context = FileContext {
                    intake,
                    options,
                    files: &files,
                    parts: &parts,
                    outbox: &mut outbox,
                    summary: &mut summary,
                };
                // The writer going away first is its failure to report, not the reader's.
                if read_file(file, context).is_err() {
                    break;
                }
            }
            summary.records = outbox.counts;
        });
        let mut writer = Writer { intake, progress, bytes_total, written: Written::default() };
        let outcome = writer.run(receiver).map_err(|refused| (refused, writer.written.clone()));
        (outcome.map(|()| writer.written), reader.join())
    });
    let (written, failure) = match outcome {
        Ok(written) => (written, None),
        Err((refused, written)) => (written, Some(refused)),
    };
    intake.flush()?;
    for (path, hash) in &written.files {
        intake.store().state().remember_file(hash, &path.to_string_lossy(), options.now)?;
    }
    if let Some(refused) = failure {
        return Err(refused.into());
    }
    read.map_err(|_| IngestError::ReaderFailed)?;
    summary.withheld = written.withheld;
    Ok(summary)
}

/// What the writing thread has done.
#[derive(Clone, Default)]
struct Written {
    records: u64,
    withheld: u64,
    /// Complete files and the hashes of their content.
    files: Vec<(PathBuf, String)>,
}

struct Writer<'a> {
    intake: &'a Intake,
    progress: &'a dyn Fn(IngestProgress),
    bytes_total: u64,
    written: Written,
}

impl Writer<'_> {
    fn run(&mut self, parcels: Receiver<Parcel>) -> Result<(), Refused> {
        for parcel in parcels {
            match parcel {
                Parcel::Batches { batches, bytes, path, bytes_done, synced } => {
                    let durability = if synced { Durability::Synced } else { Durability::OnFlush };
                    let admission = self.admit(bytes)?;
                    let accepted = self.intake.submit_admitted(admission, batches, durability)?;
                    self.written.records += accepted.records as u64;
                    self.written.withheld += accepted.withheld as u64;
                    let (bytes_total, records) = (self.bytes_total, self.written.records);
                    (self.progress)(IngestProgress { path, bytes_done, bytes_total, records });
                }
                Parcel::FileRead { path, hash } => {
                    self.written.files.extend(hash.map(|hash| (path, hash)));
                }
            }
        }
        Ok(())
    }

    /// Waits while the intake is busy with what others send.
    fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let mut tries = 0;
        loop {
            match self.intake.admit(bytes) {
                Err(Refused { retry_after: Some(wait), reason: RefusalReason::Busy })
                    if tries < TRIES_MAX =>
                {
                    tries += 1;
                    std::thread::sleep(wait.min(WAIT_MAX));
                }
                outcome => return outcome,
            }
        }
    }
}
