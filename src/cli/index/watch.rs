//! `groundcrew index --watch`: follows changes until Ctrl-C.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use groundcrew_indexer::docs::{IndexSummary, SourceState};
use groundcrew_llm::Embedder;
use groundcrew_telemetry::{Clock, SystemClock};

use super::super::exit::Exit;
use super::super::print;
use super::super::serve::until_signalled;
use super::{Reader, embedder, index, print_problems, print_summary};
use crate::app;
use crate::config::Settings;
use crate::text::visible;

/// Between two looks. What changed between them may change further, so it is indexed when two looks agree.
const INTERVAL: Duration = Duration::from_millis(500);

/// What is watched, and how it is indexed.
struct Watched {
    settings: Settings,
    reader: Reader,
    embedder: Option<Box<dyn Embedder>>,
}

/// A directory, and how it looked.
struct Directory {
    path: PathBuf,
    /// When it was last indexed.
    indexed: Option<SourceState>,
    /// At the last look.
    seen: Option<SourceState>,
    /// What was last said to be wrong, so that it is not said twice.
    complaint: String,
}

pub(in super::super) async fn run(settings: Settings, directories: Vec<PathBuf>) -> Result<Exit> {
    let reader = Reader::new(&settings);
    let embedder = embedder(&settings);
    let watched = Arc::new(Watched { settings, reader, embedder });
    let mut directories: Vec<Directory> = directories
        .into_iter()
        .map(|path| Directory { path, indexed: None, seen: None, complaint: String::new() })
        .collect();
    let stop = until_signalled();
    tokio::pin!(stop);
    loop {
        // Indexing is slow, and an interrupted one leaves the old index in place: nobody need wait for it.
        let watched = Arc::clone(&watched);
        let round = tokio::task::spawn_blocking(move || {
            for directory in &mut directories {
                look(&watched, directory)?;
            }
            Ok::<_, anyhow::Error>(directories)
        });
        directories = tokio::select! {
            stopped = &mut stop => return stopped.map(|()| Exit::Success),
            done = round => done.context("failed to watch")??,
        };
        tokio::select! {
            stopped = &mut stop => return stopped.map(|()| Exit::Success),
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Looks at a directory, and indexes it when it has changed and stopped changing.
///
/// # Errors
/// When it cannot be indexed for the first time.
fn look(watched: &Watched, directory: &mut Directory) -> Result<()> {
    let state = match SourceState::of(&directory.path) {
        Ok(state) => state,
        Err(error) if directory.indexed.is_none() => {
            return Err(error)
                .with_context(|| format!("failed to read {}", directory.path.display()));
        }
        Err(error) => {
            complain(directory, &format!("cannot be read now: {error}"));
            return Ok(());
        }
    };
    let is_first = directory.indexed.is_none();
    let is_quiet = is_first || directory.seen.as_ref() == Some(&state);
    directory.seen = Some(state.clone());
    if !is_quiet || directory.indexed.as_ref() == Some(&state) {
        return Ok(());
    }
    match reindex(watched, &directory.path) {
        Ok(summary) => {
            directory.indexed = Some(state);
            directory.complaint.clear();
            if is_first {
                print_summary(&summary);
                print::note(format!("watching {}; stop with Ctrl-C", directory.path.display()));
            } else {
                print_changes(&summary)?;
            }
            Ok(())
        }
        Err(error) if is_first => Err(error),
        // It is tried again, as long as it takes.
        Err(error) => {
            complain(directory, &format!("{error:#}"));
            Ok(())
        }
    }
}

/// The store is held only while it is written, so that others can write in between.
fn reindex(watched: &Watched, path: &Path) -> Result<IndexSummary> {
    let documents = app::open_documents(&watched.settings)?;
    index(&documents, &watched.reader, watched.embedder.as_deref(), path)
}

fn print_changes(summary: &IndexSummary) -> Result<()> {
    let now = SystemClock.now().clock_time();
    for change in &summary.changes {
        let passages = match change.chunks {
            0 => String::new(),
            1 => ", 1 passage".to_owned(),
            count => format!(", {count} passages"),
        };
        let line = format!("{now} {} {}{passages}", change.kind.name(), change.id);
        print::out(&format!("{}\n", visible(&line).replace('\n', " ")))?;
    }
    print_problems(summary);
    Ok(())
}

fn complain(directory: &mut Directory, what: &str) {
    if directory.complaint != what {
        what.clone_into(&mut directory.complaint);
        let line = format!("{}: {what}", directory.path.display());
        print::note(format!("{}; what was indexed before is still searched", visible(&line)));
    }
}
