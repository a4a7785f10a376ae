//! `groundcrew ingest`: files and stdin into the store, with progress and an honest summary.

use std::cell::Cell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use groundcrew_indexer::sources::files::{IngestOptions, IngestSummary, ingest_paths};
use groundcrew_indexer::sources::follow::{FollowOptions, Followed, follow};
use groundcrew_indexer::{Intake, IntakeSettings};
use groundcrew_masking::Masker;
use groundcrew_store::{Access, Upkeep};
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::IngestArguments;
use super::exit::Exit;
use super::interrupt::Interrupts;
use super::print;
use crate::app;
use crate::config::Settings;
use crate::investigate::format::count;
use crate::text::visible;

/// Rejected records shown; the rest are counted.
const REJECTED_SHOWN: usize = 20;

pub(super) fn run(settings: &Settings, arguments: &IngestArguments) -> Result<Exit> {
    let now = match &arguments.at {
        Some(at) => Timestamp::parse(at).with_context(|| {
            format!("--at `{at}` is not an RFC 3339 time such as 2026-11-22T03:12:00Z")
        })?,
        None => SystemClock.now(),
    };
    let store = app::open_store(settings, Access::ReadWrite).context(
        "hint: while `groundcrew serve` runs, send OTLP to it, or stop it for the import",
    )?;
    let intake =
        Intake::new(Arc::clone(&store), Arc::new(Masker::new()), IntakeSettings::default());
    if arguments.follow {
        return follow_files(&intake, arguments);
    }
    let fallback_time = arguments.at.is_some().then_some(now);
    let options = IngestOptions {
        fallback_time,
        service: arguments.service.clone(),
        again: arguments.again,
        ..IngestOptions::at(now)
    };
    let bar = progress_bar();
    let summary = ingest_paths(&arguments.paths, &intake, &options, &|progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
        bar.set_message(format!("{} records", count(progress.records)));
    });
    bar.finish_and_clear();
    let summary = summary?;
    store.flush()?;
    store.tend(&Upkeep::default(), &|| false)?;
    print_summary(&summary);
    let nothing_taken = summary.records.total() == 0 && summary.already_ingested.is_empty();
    Ok(if nothing_taken { Exit::NotEnoughEvidence } else { Exit::Success })
}

/// Follows files until Ctrl-C.
fn follow_files(intake: &Intake, arguments: &IngestArguments) -> Result<Exit> {
    if arguments.paths.iter().any(|path| path.as_os_str() == "-") {
        anyhow::bail!("`-` is read as it comes; leave out --follow");
    }
    let interrupts = Interrupts::listen();
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let patterns: Vec<String> = arguments.paths.iter().map(text).collect();
    print::note(visible(&format!("following {}; Ctrl-C ends", patterns.join(", "))));
    let options = FollowOptions { patterns, service: arguments.service.clone() };
    let last = Cell::new(Followed::default());
    follow(intake, &options, &|| interrupts.happened(), &|so_far| last.set(so_far))?;
    intake.flush()?;
    let Followed { files, records, left_out } = last.get();
    print::note(format!("stored {} records of {files} files", count(records)));
    if left_out > 0 {
        print::note(format!("{} could not be masked or read", count(left_out)));
    }
    Ok(if records == 0 { Exit::NotEnoughEvidence } else { Exit::Success })
}

fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print_summary(summary: &IngestSummary) {
    for line in summary_lines(summary) {
        print::note(visible(&line));
    }
}

/// The summary in lines: what was taken, then everything that was not and why.
fn summary_lines(summary: &IngestSummary) -> Vec<String> {
    let records = &summary.records;
    let kinds: Vec<String> = [
        (records.logs, "log records"),
        (records.spans, "spans"),
        (records.points, "metric points"),
        (records.changes, "changes"),
        (records.alerts, "alerts"),
        (records.snapshots, "cluster snapshots"),
        (records.charges, "charges"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, name)| format!("{} {name}", count(number)))
    .collect();
    let taken = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
    let mut lines = vec![format!("ingested {taken} from {} files", count(summary.files))];
    if !summary.already_ingested.is_empty() {
        let number = summary.already_ingested.len();
        lines.push(format!("{number} files had been ingested before; --again takes them anew"));
    }
    let notes = &summary.notes;
    for (number, what) in [
        (summary.withheld, "records were withheld because they could not be masked"),
        (summary.undated, "log records carried no time and got that of the ingest"),
        (notes.truncated_texts, "texts were too long and were cut"),
        (notes.replaced_utf8, "inputs held bytes that are not UTF-8, which were replaced"),
        (notes.base64_ids, "ids came in base64 where OTLP/JSON wants hex, and were understood"),
        (summary.charges_replaced, "charges of earlier exports of the same periods made way"),
        (notes.points_without_value, "metric points had no finite value and were dropped"),
    ] {
        if number > 0 {
            lines.push(format!("{} {what}", count(number)));
        }
    }
    lines.extend(rejected_lines(summary));
    for skipped in &summary.skipped {
        let word = if skipped.is_error { "failed" } else { "skipped" };
        lines.push(format!("{word} {}: {}", skipped.path.display(), skipped.reason));
    }
    let more = summary.skipped_total.saturating_sub(summary.skipped.len() as u64);
    if more > 0 {
        lines.push(format!("and {} more files were not read", count(more)));
    }
    lines
}

fn rejected_lines(summary: &IngestSummary) -> Vec<String> {
    if summary.rejected_total == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!("{} records were rejected:", count(summary.rejected_total))];
    for rejected in summary.rejected.iter().take(REJECTED_SHOWN) {
        lines.push(format!("  {}:{}: {}", rejected.path.display(), rejected.line, rejected.reason));
    }
    let shown = REJECTED_SHOWN.min(summary.rejected.len()) as u64;
    let more = summary.rejected_total.saturating_sub(shown);
    if more > 0 {
        lines.push(format!("  and {} more", count(more)));
    }
    lines
}
