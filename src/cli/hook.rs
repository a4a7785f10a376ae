//! `groundcrew hook test`: what would be understood of a message, without taking it in.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use groundcrew_indexer::sources::messages::{Message, Posted, read_message};
use groundcrew_telemetry::{Alert, AlertStatus, ChangeEvent, Clock, SystemClock};

use super::exit::Exit;
use super::print;
use crate::app;
use crate::config::Settings;
use crate::text::visible;

#[derive(Subcommand, Debug)]
pub(super) enum HookCommand {
    /// Read a saved message and say what is understood of it
    Test(TestArguments),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  groundcrew hook test alert.json\n  groundcrew hook test push.json --source github --header 'X-GitHub-Event: push'\n  \
curl -s ... | groundcrew hook test - --source argocd"
)]
pub(super) struct TestArguments {
    /// The message's body; `-` for stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The last part of the address it would be posted to; chooses a mapping of hooks.mappings
    #[arg(long, value_name = "NAME", default_value = "test")]
    pub source: String,
    /// A header it would come with; may be given more than once
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
}

pub(super) fn run(settings: &Settings, command: &HookCommand) -> Result<Exit> {
    let HookCommand::Test(arguments) = command;
    let headers = headers(&arguments.header)?;
    let body = read(&arguments.file)?;
    let mappings = app::load_mappings(&settings.hooks.mappings)?;
    let posted = Posted {
        source: &arguments.source,
        headers: &headers,
        body: &body,
        now: SystemClock.now(),
    };
    match read_message(&posted, &mappings) {
        Ok(message) => print::out(&told(&message))?,
        Err(why) => {
            bail!("{why}\nhint: docs/OPERATING.md, Alerts and changes, says what is understood")
        }
    }
    Ok(Exit::Success)
}

fn headers(given: &[String]) -> Result<BTreeMap<String, String>> {
    let header = |line: &String| {
        let (name, value) = line
            .split_once(':')
            .with_context(|| format!("`{line}` is no header\nhint: write `Name: value`"))?;
        Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    given.iter().map(header).collect()
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body).context("failed to read stdin")?;
        return Ok(body);
    }
    std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))
}

fn told(message: &Message) -> String {
    let mut lines: Vec<String> = Vec::new();
    for alert in &message.alerts {
        lines.extend(alert_lines(alert));
    }
    for change in &message.changes {
        lines.extend(change_lines(change));
    }
    if let Some(group) = &message.group {
        lines.push(format!("  group     {group}"));
    }
    if let Some(why) = &message.passed_over {
        lines.push(format!("passed over: {why}"));
    }
    if lines.is_empty() {
        lines.push("nothing: an empty list".to_owned());
    }
    lines.iter().map(|line| format!("{}\n", visible(line))).collect()
}

fn alert_lines(alert: &Alert) -> Vec<String> {
    let state = match alert.status {
        AlertStatus::Firing => "firing",
        AlertStatus::Resolved => "resolved",
    };
    let mut lines = vec![format!("alert {state}: {}", alert.name)];
    field(&mut lines, "service", alert.service.as_deref());
    field(&mut lines, "severity", Some(&alert.severity));
    field(&mut lines, "since", Some(&alert.starts_at.to_string()));
    field(&mut lines, "until", alert.ends_at.map(|at| at.to_string()).as_deref());
    field(
        &mut lines,
        "text",
        Some(&alert.text).filter(|text| **text != alert.name).map(String::as_str),
    );
    field(&mut lines, "runbook", alert.runbook_url.as_deref());
    field(&mut lines, "source", Some(&alert.source));
    field(&mut lines, "told apart", Some(&alert.fingerprint));
    lines
}

fn change_lines(change: &ChangeEvent) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", change.kind.name(), change.title)];
    field(&mut lines, "service", change.service.as_deref());
    field(&mut lines, "at", Some(&change.time.to_string()));
    field(&mut lines, "from", change.from.as_deref());
    field(&mut lines, "to", change.to.as_deref());
    field(&mut lines, "by", change.actor.as_deref());
    field(&mut lines, "commits", Some(&change.commits.join(" ")));
    field(&mut lines, "files", Some(&change.files.join(" ")));
    field(&mut lines, "link", change.link.as_deref());
    field(&mut lines, "id", Some(&change.id));
    lines
}

fn field(lines: &mut Vec<String>, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        lines.push(format!("  {name:<10} {}", value.replace('\n', " · ")));
    }
}
