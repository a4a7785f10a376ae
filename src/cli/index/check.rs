//! `groundcrew index --check`: what is wrong with documents, grouped, or as JSON.

use anyhow::Result;
use groundcrew_indexer::docs::check::{CheckReport, Finding, FindingKind, KnownNames, check};
use groundcrew_store::{Access, StoreError};
use groundcrew_telemetry::{Clock, SystemClock, TimeRange};
use serde_json::json;

use super::super::arguments::IndexArguments;
use super::super::exit::Exit;
use super::super::print;
use super::Reader;
use crate::app::{self, AppError};
use crate::config::Settings;
use crate::text::visible;

pub(super) fn run(
    settings: &Settings,
    reader: &Reader,
    arguments: &IndexArguments,
) -> Result<Exit> {
    let known = match known_names(settings) {
        Ok(known) => known,
        // Without a store there is nothing else to know.
        Err(AppError::Store(StoreError::Missing { .. })) => KnownNames::default(),
        Err(error) => {
            let reason = visible(&error.to_string());
            print::note(format!("alerts and services of the store are not looked at: {reason}"));
            KnownNames::default()
        }
    };
    let sources: Vec<_> =
        arguments.directories.iter().map(|directory| reader.source(directory)).collect();
    let report = check(&sources, &known, SystemClock.now())?;
    print::out(&if arguments.json { as_json(&report) } else { as_text(&report) })?;
    Ok(if report.findings.is_empty() { Exit::Success } else { Exit::NotEnoughEvidence })
}

fn known_names(settings: &Settings) -> Result<KnownNames, AppError> {
    let store = app::open_store(settings, Access::ReadOnly)?;
    let alerts = store.alerts(TimeRange::ALL)?;
    Ok(KnownNames {
        alerts: alerts.into_iter().map(|alert| (alert.name, alert.runbook_url)).collect(),
        services: store.coverage()?.services,
    })
}

fn as_json(report: &CheckReport) -> String {
    let finding = |finding: &Finding| {
        let path = finding.path.to_string_lossy();
        json!({"kind": finding.kind.name(), "path": path, "line": finding.line, "what": finding.what})
    };
    let findings: Vec<_> = report.findings.iter().map(finding).collect();
    let report = json!({"pages": report.pages, "alerts": report.alerts, "findings": findings});
    format!("{report:#}\n")
}

fn as_text(report: &CheckReport) -> String {
    let mut text = String::new();
    for kind in FindingKind::ALL {
        let found: Vec<_> = report.findings.iter().filter(|found| found.kind == kind).collect();
        if found.is_empty() {
            continue;
        }
        text.push_str(&format!("{} ({})\n", kind.heading(), found.len()));
        for finding in found {
            text.push_str(&format!("  {}\n", visible(&line(finding)).replace('\n', " ")));
        }
        text.push('\n');
    }
    let verdict = match report.findings.len() {
        0 => "nothing wrong".to_owned(),
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    text.push_str(&format!(
        "checked {} pages and {} alerts: {verdict}\n",
        report.pages, report.alerts
    ));
    text
}

/// `path:line: what`, with only as much of the place as there is.
fn line(finding: &Finding) -> String {
    let path = finding.path.display().to_string();
    match (path.is_empty(), finding.line) {
        (true, _) => finding.what.clone(),
        (false, 0) => format!("{path}: {}", finding.what),
        (false, line) => format!("{path}:{line}: {}", finding.what),
    }
}
