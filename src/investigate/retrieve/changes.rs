//! Changes and alerts around the incident.

use groundcrew_store::Store;
use groundcrew_telemetry::{Alert, AlertStatus, ChangeEvent, TimeRange};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, EvidenceKind, Gap, Own, clip};
use super::super::material::Gathered;
use super::super::question::Plan;

/// How long before the window a change may have been made and still be looked at.
const CHANGES_LOOKBACK_SECS: i64 = 7 * 86_400;
/// Longest diff in a candidate, in bytes.
const DIFF_BYTES_MAX: usize = 1_500;

pub(super) fn gather(store: &Store, plan: &Plan, gathered: &mut Gathered) {
    let range =
        TimeRange::new(plan.whole().start.plus_secs(-CHANGES_LOOKBACK_SECS), plan.window.end);
    match store.changes(range) {
        Ok(changes) => {
            gathered.candidates.extend(changes.iter().map(|change| change_candidate(change, plan)));
            gathered.observations.changes = changes;
        }
        Err(error) => gathered
            .gaps
            .push(Gap::new(format!("changes could not be read: {error}"), "groundcrew doctor")),
    }
    match store.alerts(range) {
        Ok(alerts) => {
            gathered.candidates.extend(alerts.iter().map(alert_candidate));
            let now = alerts.iter().filter(|alert| plan.window.contains(alert.starts_at));
            gathered.alerts = now.map(|alert| alert.name.clone()).collect();
        }
        Err(error) => gathered
            .gaps
            .push(Gap::new(format!("alerts could not be read: {error}"), "groundcrew doctor")),
    }
}

/// The key under which a change is one item, wherever it was found.
pub(super) fn change_key(change: &ChangeEvent) -> String {
    format!("change:{}", change.name())
}

pub(super) fn change_candidate(change: &ChangeEvent, plan: &Plan) -> Candidate {
    let service = change.service.as_deref().unwrap_or("");
    let mut text = format!("{} {} {}", change.time, change.kind.name(), change.id);
    for (label, value) in [
        ("service", &change.service),
        ("by", &change.actor),
        ("from", &change.from),
        ("to", &change.to),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(" {label} {value}"));
        }
    }
    text.push_str(&format!("\n  {}", change.title));
    if !change.files.is_empty() {
        text.push_str(&format!("\n  files: {}", change.files.join(", ")));
    }
    if !change.commits.is_empty() {
        text.push_str(&format!("\n  commits: {}", change.commits.join(", ")));
    }
    if !change.diff.is_empty() {
        text.push_str(&format!("\n{}", clip(&change.diff, DIFF_BYTES_MAX)));
    }
    let near = change.time >= plan.window.start.plus_secs(-3_600);
    Candidate {
        kind: EvidenceKind::Change,
        title: format!("{} {} {}", change.kind.name(), service, clip(&change.title, 120))
            .replace("  ", " "),
        service: change.service.clone(),
        range: Some(TimeRange::new(change.time, change.time.plus_nanos(1))),
        query: Some(format!("changes id:{}", change.id)),
        text,
        score: if near { 0.45 } else { 0.30 },
        own: Own::FirstLine,
        measure: Some(Measure::Change { id: change.name().to_owned() }),
        series: None,
        drawn: None,
        key: change_key(change),
    }
}

fn alert_candidate(alert: &Alert) -> Candidate {
    let firing = alert.status == AlertStatus::Firing;
    let state = if firing { "firing" } else { "resolved" };
    let mut text = format!("{} {state} since {}", alert.name, alert.starts_at);
    if !alert.severity.is_empty() {
        text.push_str(&format!(" severity {}", alert.severity));
    }
    if !alert.text.is_empty() {
        text.push_str(&format!("\n  {}", alert.text));
    }
    for (heading, attributes) in [("labels", &alert.labels), ("annotations", &alert.annotations)] {
        if !attributes.0.is_empty() {
            let pairs: Vec<String> =
                attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            text.push_str(&format!("\n  {heading}: {}", pairs.join(" ")));
        }
    }
    Candidate {
        kind: EvidenceKind::Alert,
        title: format!("alert {} {state}", alert.name),
        service: alert.service.clone(),
        range: Some(TimeRange::new(
            alert.starts_at,
            alert.ends_at.unwrap_or(alert.starts_at.plus_nanos(1)),
        )),
        query: Some(format!("alerts fingerprint:{}", alert.fingerprint)),
        text,
        score: if firing { 0.55 } else { 0.35 },
        own: Own::FirstLine,
        measure: None,
        series: None,
        drawn: None,
        key: format!("alert:{}:{}", alert.fingerprint, alert.starts_at.nanos()),
    }
}
