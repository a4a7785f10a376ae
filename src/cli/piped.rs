//! What is piped in, or lies in files, and is asked about: read into a store of its own, since other telemetry would only
//! get in the way.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use groundcrew_indexer::sources::files::{IngestOptions, ingest_paths};
use groundcrew_indexer::{Intake, IntakeSettings};
use groundcrew_store::Access;
use groundcrew_telemetry::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};

use super::print;
use crate::app;
use crate::config::Settings;
use crate::investigate::Investigator;
use crate::investigate::question::Question;

/// How long nothing comes before it is said what is waited for.
const SILENCE: Duration = Duration::from_secs(2);

/// Telemetry of its own, and the directory that goes with it.
pub(super) struct Piped {
    /// Answers over it.
    pub investigator: Arc<Investigator>,
    /// The question; about the end of what was read, unless it has a time of its own.
    pub question: Question,
    /// Removed when it is dropped.
    pub directory: tempfile::TempDir,
}

/// Whether something comes through a pipe. Waits until it is known: whatever writes may need a moment for its first byte.
/// Only a pipe counts: a terminal, `/dev/null`, a socket and a file that a loop reads from are not meant for us.
pub(super) fn comes_through_a_pipe() -> bool {
    let stdin = std::io::stdin();
    let is_pipe =
        fstat(&stdin).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    if stdin.is_terminal() || !is_pipe {
        return false;
    }
    let wait = |limit: Option<&Timespec>| {
        let mut asked = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut asked, limit) {
            Ok(0) => None,
            Ok(_) => Some(asked.iter().any(|one| one.revents().contains(PollFlags::IN))),
            Err(_) => Some(false),
        }
    };
    let silence = Timespec { tv_sec: SILENCE.as_secs().cast_signed(), tv_nsec: 0 };
    wait(Some(&silence)).or_else(|| {
        print::note("waiting for what is piped in; `< /dev/null` asks about what is stored");
        wait(None)
    }) == Some(true)
}

/// Reads files, or stdin as `-`; `None` when there is nothing in them.
pub(super) fn read(
    settings: &Settings,
    paths: &[PathBuf],
    mut question: Question,
) -> Result<Option<Piped>> {
    let directory = tempfile::tempdir().context("failed to make a temporary directory")?;
    let mut settings = settings.clone();
    settings.data.dir = directory.path().to_owned();
    let store = app::open_store(&settings, Access::ReadWrite)?;
    let investigator = app::build_investigator(&settings, Arc::clone(&store))?;
    let (masker, limits) = (Arc::clone(&investigator.masker), IntakeSettings::default());
    let intake = Intake::new(Arc::clone(&store), masker, limits);
    let options = IngestOptions::at(question.at);
    let summary = ingest_paths(paths, &intake, &options, &|_| {})
        .context("failed to read what is asked about")?;
    store.flush()?;
    if summary.records.total() == 0 {
        return Ok(None);
    }
    let coverage = store.coverage()?;
    if let Some(range) = coverage.logs.range.or(coverage.spans.range).or(coverage.points.range)
        && !question.at_given
    {
        question.at = range.end.min(question.at.max(Timestamp::MIN));
        question.at_given = true;
    }
    Ok(Some(Piped { investigator, question, directory }))
}

/// The same, of what must be there.
pub(super) fn must_read(
    settings: &Settings,
    paths: &[PathBuf],
    question: Question,
) -> Result<Piped> {
    match read(settings, paths, question)? {
        Some(piped) => Ok(piped),
        None => bail!(
            "there is nothing to ask about\nhint: kubectl logs deploy/NAME | groundcrew ask \"what broke?\""
        ),
    }
}
