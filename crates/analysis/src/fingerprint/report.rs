//! From a written report to its fingerprint: lines that are quoted, metrics and services that are named, words for faults.
//!
//! A report shows less than telemetry does, so what it does not say is held against nobody; see [`super::compare()`].

use std::collections::BTreeSet;

use super::make::{fault_sign, measured};
use super::{Fingerprint, Role, Sign, SignKind, shortened};
use crate::FaultKind;
use crate::templates::template_of;

/// Fewest words of a quotation that is taken for a line a program wrote.
const LINE_WORDS_MIN: usize = 4;
/// Most lines that are taken from one report.
const LINES_MAX: usize = 24;
/// Most metrics that are taken from one report.
const METRICS_MAX: usize = 16;

/// A written report on an incident.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report<'a> {
    /// The report, Markdown. Untrusted.
    pub text: &'a str,
    /// What was the cause, in the report's words; `""` when it does not say.
    pub cause: &'a str,
    /// Services it says it is about.
    pub services: &'a [String],
    /// Alerts it says went off.
    pub alerts: &'a [String],
}

impl Fingerprint {
    /// What a report says the incident looked like. `known` are services that exist, looked for by name.
    #[must_use]
    pub fn of_report(report: &Report<'_>, known: &[String]) -> Self {
        let mut print = Self { told: true, ..Self::default() };
        let quoted = quotations(report.text);
        let lines = quoted.iter().filter(|text| is_line(text)).take(LINES_MAX);
        print.signs.extend(lines.map(|text| {
            let template = template_of(text);
            let detail = format!("{:016x}", template.id.0);
            named(SignKind::LineNew, detail, 0.8, &template.text)
        }));
        let metrics: BTreeSet<&str> =
            quoted.iter().filter_map(|text| metric_name(text)).take(METRICS_MAX).collect();
        print.signs.extend(metrics.into_iter().map(|name| Sign {
            class: measured(name, "").to_owned(),
            ..named(SignKind::MetricNamed, name.to_owned(), 0.5, "")
        }));
        for alert in report.alerts {
            print.signs.push(named(SignKind::Alert, shortened(alert), 0.4, ""));
        }
        let spoken_of = |service: &&String| is_named(report.text, service);
        let services: BTreeSet<&String> =
            report.services.iter().chain(known.iter().filter(spoken_of)).collect();
        for service in services {
            let sign = named(SignKind::ServiceNamed, String::new(), 0.5, "");
            print.signs.push(Sign { service: shortened(service), ..sign });
        }
        if let Some(kind) = fault_kind(report.cause).or_else(|| fault_kind(report.text)) {
            let service = report.services.first().map_or("", String::as_str);
            print.signs.push(fault_sign(service, Role::Unknown, kind));
        }
        print.tidy();
        print
    }
}

fn named(kind: SignKind, detail: String, weight: f64, text: &str) -> Sign {
    Sign {
        kind,
        detail,
        class: String::new(),
        service: String::new(),
        role: Role::Unknown,
        weight,
        text: shortened(text),
    }
}

/// What stands as code: lines of blocks that are not commands, and spans between backticks.
fn quotations(text: &str) -> Vec<String> {
    let mut quoted = Vec::new();
    let mut fence: Option<bool> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("```") {
            fence = match fence {
                Some(_) => None,
                None => Some(is_prose(language)),
            };
        } else if let Some(counts) = fence {
            if counts && !trimmed.is_empty() {
                quoted.push(trimmed.to_owned());
            }
        } else {
            // Text that runs over a line's end is not followed: half a quotation is none.
            let spans = trimmed.split('`').skip(1).step_by(2);
            let paired = trimmed.matches('`').count() / 2;
            quoted.extend(spans.take(paired).map(|span| span.trim().to_owned()));
        }
    }
    quoted
}

/// Whether a block in this language may hold what programs wrote; commands and settings are not symptoms.
fn is_prose(language: &str) -> bool {
    matches!(language.trim(), "" | "text" | "txt" | "log" | "logs" | "plain" | "plaintext")
}

fn is_line(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic));
    words.count() >= LINE_WORDS_MIN
}

/// The metric that a quotation names, without its labels.
fn metric_name(text: &str) -> Option<&str> {
    let name = text.split(['{', '[', '(']).next().unwrap_or("").trim();
    let parts = name.split(['.', '_', ':']).filter(|part| !part.is_empty()).count();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c));
    (plain && parts >= 2 && name.len() <= 120 && !measured(name, "").is_empty()).then_some(name)
}

/// Whether `text` holds `name` as a word of its own.
fn is_named(text: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty()
        && text.match_indices(name).any(|(start, found)| {
            let before = text.get(..start).and_then(|head| head.chars().next_back());
            let after = text.get(start + found.len()..).and_then(|tail| tail.chars().next());
            !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
        })
}

/// Words that people use for kinds of fault, whatever their system.
const FAULT_WORDS: [(FaultKind, &[&str]); 10] = [
    (FaultKind::Memory, &["memory", "heap", "oom", "oomkilled", "leak", "leaked", "leaks"]),
    (FaultKind::Disk, &["disk", "filesystem", "inodes", "wal", "disks"]),
    (FaultKind::Cpu, &["cpu", "throttled", "throttling", "cores"]),
    (
        FaultKind::Network,
        &["network", "packets", "dns", "certificate", "tls", "partition", "firewall", "mtu"],
    ),
    (
        FaultKind::Config,
        &[
            "config",
            "configuration",
            "misconfigured",
            "setting",
            "settings",
            "flag",
            "property",
            "variable",
        ],
    ),
    (
        FaultKind::Dependency,
        &["provider", "vendor", "third-party", "upstream", "external", "partner"],
    ),
    (FaultKind::Load, &["traffic", "surge", "spike", "load", "overload", "overloaded", "crawler"]),
    (
        FaultKind::Scheduling,
        &["probe", "readiness", "liveness", "unschedulable", "evicted", "crashloopbackoff"],
    ),
    (FaultKind::Exception, &["exception", "panic", "nullpointerexception", "threw", "traceback"]),
    (FaultKind::CodeError, &["bug", "regression", "refactoring", "typo"]),
];

/// The kind of fault that a text speaks of most; `None` when it speaks of none. Of equals the first in the table.
#[must_use]
pub fn fault_kind(text: &str) -> Option<FaultKind> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !(c.is_alphanumeric() || c == '-')).collect();
    let count = |known: &[&str]| words.iter().filter(|word| known.contains(word)).count();
    let mut best: Option<(usize, FaultKind)> = None;
    for (kind, known) in FAULT_WORDS {
        let hits = count(known);
        if hits > best.map_or(0, |(most, _)| most) {
            best = Some((hits, kind));
        }
    }
    best.map(|(_, kind)| kind)
}
