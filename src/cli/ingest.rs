//! `groundcrew ingest`: files and stdin into the store, with progress and an honest summary.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::{Context, Result};
use groundcrew_indexer::{IngestOptions, IngestSummary, Intake, IntakeSettings, ingest_paths};
use groundcrew_masking::Masker;
use groundcrew_store::Access;
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::IngestArguments;
use super::exit::Exit;
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
    let options = IngestOptions {
        now,
        service: arguments.service.clone(),
        again: arguments.again,
        ..IngestOptions::default()
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
    print_summary(&summary);
    let nothing_taken = summary.records() == 0 && summary.already_ingested == 0;
    Ok(if nothing_taken { Exit::NotEnoughEvidence } else { Exit::Success })
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
    let kinds: Vec<String> = summary
        .kinds()
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(name, number)| format!("{} {name}", count(number)))
        .collect();
    let taken = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
    let mut lines = vec![format!("ingested {taken} from {} files", count(summary.files))];
    if summary.already_ingested > 0 {
        lines.push(format!(
            "{} files had been ingested before; --again takes them anew",
            summary.already_ingested
        ));
    }
    if summary.withheld > 0 {
        lines.push(format!(
            "{} records were withheld because they could not be masked",
            count(summary.withheld)
        ));
    }
    lines.extend(summary.notes.iter().cloned());
    if summary.rejected_total > 0 {
        lines.push(format!("{} records were rejected:", count(summary.rejected_total)));
        for rejected in summary.rejected.iter().take(REJECTED_SHOWN) {
            lines.push(format!("  {}:{}: {}", rejected.file, rejected.line, rejected.reason));
        }
        let more = summary
            .rejected_total
            .saturating_sub(REJECTED_SHOWN.min(summary.rejected.len()) as u64);
        if more > 0 {
            lines.push(format!("  and {} more", count(more)));
        }
    }
    for (path, reason) in &summary.skipped {
        lines.push(format!("skipped {path}: {reason}"));
    }
    lines
}
