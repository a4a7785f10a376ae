//! `groundcrew what-changed`: changes, new log patterns and services that are not as before, of one stretch of time.

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use clap::Args;
use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::json;

use super::arguments::DoctorOutput;
use super::exit::Exit;
use super::stores::{self, WhenArguments, moment};
use super::terminal::{Terminal, clipped};
use super::{print, render};
use crate::config::Settings;
use crate::explore::view::{Marker, Pattern, ServiceRow, ServiceState};
use crate::explore::{self, Asked};
use crate::investigate::format::count;
use crate::text::visible;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const NEW: Style = AnsiColor::Yellow.on_default();
/// Patterns that are looked through, and shown.
const PATTERNS_READ: usize = 200;
const PATTERNS_SHOWN: usize = 12;
/// A known pattern has changed when it comes so many times as often.
const GROWN: f64 = 3.0;
/// Longest text of a pattern, in columns.
const TEXT_COLUMNS: usize = 120;

#[derive(Args, Debug)]
#[command(
    after_help = "Compared with the time before, of the same length. Exit code 1 when nothing did.\n\n\
Examples:\n  groundcrew what-changed\n  groundcrew what-changed --since 2h --service checkout"
)]
pub(super) struct ChangesArguments {
    /// Of this service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    #[command(flatten)]
    pub when: WhenArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,
}

pub(super) fn run(
    settings: &Settings,
    arguments: ChangesArguments,
    terminal: &Terminal,
) -> Result<Exit> {
    let store = stores::open(settings)?;
    let now = SystemClock.now();
    let service = arguments.service.unwrap_or_default();
    let asked = Asked { service: service.clone(), limit: Some(PATTERNS_READ), ..Asked::default() };
    let asked = arguments.when.of(&store, asked)?;
    let changes = explore::metrics(&store, &asked, now)?.markers;
    let patterns = explore::patterns(&store, &asked, now)?;
    let (from, to) = (moment(patterns.from.0), moment(patterns.to.0));
    let patterns: Vec<Pattern> =
        patterns.patterns.into_iter().filter(has_changed).take(PATTERNS_SHOWN).collect();
    let services = explore::services(&store, &asked, now)?.services.into_iter();
    let services: Vec<ServiceRow> = services
        .filter(|row| row.state != ServiceState::Fine)
        .filter(|row| service.is_empty() || row.name == service)
        .collect();
    let is_nothing = changes.is_empty() && patterns.is_empty() && services.is_empty();
    match arguments.output {
        DoctorOutput::Json => {
            let told = json!({"changes": changes, "patterns": patterns, "services": services});
            print::out(&format!("{told}\n"))?;
        }
        DoctorOutput::Text if is_nothing => {
            print::note(format!("nothing changed from {from} to {to}"))
        }
        DoctorOutput::Text => {
            let mut page = format!("{DIM}{from} to {to}{DIM:#}\n");
            section(&mut page, "Changes", changes.iter().map(change));
            section(&mut page, "Services", services.iter().map(service_line));
            section(&mut page, "Log patterns", patterns.iter().map(pattern));
            print::out(&terminal.fit(&page))?;
        }
    }
    Ok(if is_nothing { Exit::NotEnoughEvidence } else { Exit::Success })
}

fn has_changed(pattern: &Pattern) -> bool {
    pattern.is_new || pattern.before.is_some_and(|before| pattern.count as f64 >= before * GROWN)
}

fn section(page: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        page.push_str(&format!("{BOLD}{title}{BOLD:#}\n"));
        lines.for_each(|line| page.push_str(&format!("  {line}\n")));
    }
}

fn change(change: &Marker) -> String {
    let whose = change.service.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let values = match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!(" ({before} → {after})"),
        (None, Some(after)) => format!(" (→ {after})"),
        _ => String::new(),
    };
    let by = change.actor.as_deref().map(|actor| format!(" by {actor}")).unwrap_or_default();
    let told = visible(&format!("{}{whose}: {}{values}{by}", change.kind, change.title));
    format!("{} {told}", moment(change.at.0))
}

fn service_line(row: &ServiceRow) -> String {
    visible(&format!("{}: {}", row.name, row.why))
}

fn pattern(pattern: &Pattern) -> String {
    let counts: Vec<f64> = pattern.counts.iter().map(|count| *count as f64).collect();
    let how = match pattern.before {
        _ if pattern.is_new => format!("{NEW}new{NEW:#}"),
        Some(before) if before >= 1.0 => format!("{:.0}×", pattern.count as f64 / before),
        _ => "more".to_owned(),
    };
    let text = visible(&pattern.text).replace('\n', " ");
    format!(
        "{how} {} {} {} {} {}",
        count(pattern.count),
        render::sparkline(&counts),
        visible(&pattern.level),
        visible(&pattern.service),
        clipped(&text, TEXT_COLUMNS)
    )
}
