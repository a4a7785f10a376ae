//! What is wrong now, what was, and whether anything is heard at all.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use groundcrew_store::{StateDb, Store};
use groundcrew_telemetry::{Alert, AlertStatus, TimeRange, Timestamp};

use super::metrics::markers;
use super::services::services;
use super::view::{
    AlertRow, IncidentRow, IncidentsView, OpenedRow, OverviewView, ServiceState, SignalRow, Time,
};
use super::when::{Asked, ExploreError};
use crate::investigate::answer::{Answer, Verdict};
use crate::investigate::context::PRIVATE;
use crate::investigate::remembered::IncidentRecord;
use crate::memory::{Found, MemoryError, find, incidents as remembered};

/// How far back alerts and changes are told.
const DAY_SECS: i64 = 86_400;
/// How long ago what still fires may have begun.
const FIRING_SECS: i64 = 30 * DAY_SECS;
/// Alerts told.
const ALERTS_MAX: usize = 50;
/// Incidents opened by alerts that are looked through for the first page.
const OPENED_MAX: usize = 100;
/// Incidents told on the first page, and in the list of all.
const INCIDENTS_MAX: usize = 10;
const INCIDENTS_LISTED_MAX: usize = 300;

/// The first page.
///
/// # Errors
/// When the stores cannot be read.
pub fn overview(store: &Store, now: Timestamp) -> Result<OverviewView, ExploreError> {
    let coverage = store.coverage()?;
    let signal = |name: &str, signal: groundcrew_store::SignalCoverage| SignalRow {
        name: name.to_owned(),
        count: signal.count,
        newest: signal.range.map(|range| Time(range.end.plus_nanos(-1))),
    };
    let signals = vec![
        signal("logs", coverage.logs),
        signal("spans", coverage.spans),
        signal("metric points", coverage.points),
    ];
    let view = services(store, &Asked::default(), now)?;
    let day = TimeRange::new(view.to.0.plus_secs(-DAY_SECS), now.plus_secs(1));
    // What fires may have begun long ago; what has ended is news for a day.
    let month = TimeRange::new(day.start.plus_secs(-FIRING_SECS), day.end);
    let mut alerts = folded_alerts(store, month)?;
    let ended = |alert: &AlertRow| alert.until.unwrap_or(alert.since).0;
    alerts.retain(|alert| alert.firing || day.contains(ended(alert)));
    alerts.truncate(ALERTS_MAX);
    let opened = opened(store.state(), day)?;
    let mut incidents = incidents(store.state(), INCIDENTS_MAX)?;
    incidents.retain(|row| opened.iter().all(|opened| opened.code != row.code));
    let known = view.services.len() as u64;
    Ok(OverviewView {
        now: Time(now),
        from: view.from,
        to: view.to,
        alerts,
        opened,
        incidents,
        changes: markers(store, day, None)?,
        unwell: view
            .services
            .into_iter()
            .filter(|service| service.state != ServiceState::Fine)
            .collect(),
        services: known,
        signals,
    })
}

/// Incidents that alerts opened and that go on or ended within `day`.
fn opened(state: &StateDb, day: TimeRange) -> Result<Vec<OpenedRow>, ExploreError> {
    let mut rows = Vec::new();
    for incident in state.opened(OPENED_MAX)? {
        if incident.over_at.is_some_and(|over_at| !day.contains(over_at)) {
            continue;
        }
        let answer = state.answer(&incident.answer_id)?;
        let answer = answer.and_then(|json| serde_json::from_str::<Answer>(&json).ok());
        rows.push(OpenedRow {
            firing: incident.firing() as u64,
            alerts: incident.alerts.len() as u64,
            code: incident.code,
            title: incident.title,
            confidence: answer.as_ref().and_then(|answer| answer.confidence),
            headline: answer.map(|answer| answer.headline),
            since: Time(incident.since),
            until: incident.over_at.map(Time),
            services: incident.services,
        });
    }
    rows.sort_by_key(|row| Reverse((row.until.is_none(), row.since)));
    Ok(rows)
}

/// Alerts of a time, those of one name and service folded; firing ones first, then the newest.
pub(super) fn folded_alerts(
    store: &Store,
    range: TimeRange,
) -> Result<Vec<AlertRow>, ExploreError> {
    // An alert is told again when it ends: the last word on each is what holds.
    let mut last: BTreeMap<String, Alert> = BTreeMap::new();
    for alert in store.alerts(range)? {
        let key = if alert.fingerprint.is_empty() {
            format!("{}:{:?}:{}", alert.name, alert.service, alert.starts_at)
        } else {
            format!("{}:{}", alert.fingerprint, alert.starts_at)
        };
        last.insert(key, alert);
    }
    let mut rows: BTreeMap<(String, Option<String>), AlertRow> = BTreeMap::new();
    for alert in last.into_values() {
        let firing = alert.status == AlertStatus::Firing;
        let since = Time(alert.starts_at);
        let until = alert.ends_at.map(Time);
        let row = rows.entry((alert.name.clone(), alert.service.clone())).or_insert(AlertRow {
            name: alert.name,
            severity: alert.severity,
            service: alert.service,
            firing: false,
            since,
            until: None,
            count: 0,
            text: alert.text,
        });
        row.firing |= firing;
        row.since = row.since.min(since);
        row.until = row.until.max(until);
        row.count += 1;
    }
    let mut rows: Vec<AlertRow> = rows.into_values().collect();
    rows.iter_mut().filter(|row| row.firing).for_each(|row| row.until = None);
    rows.sort_by(|a, b| (b.firing, b.since, &a.name).cmp(&(a.firing, a.since, &b.name)));
    Ok(rows)
}

/// Answers and incidents that people spoke about, newest first.
///
/// # Errors
/// When the state cannot be read.
pub fn listed_incidents(state: &StateDb) -> Result<IncidentsView, ExploreError> {
    Ok(IncidentsView { incidents: incidents(state, INCIDENTS_LISTED_MAX)? })
}

/// The answer behind an incident's code, or an answer's id.
///
/// # Errors
/// When there is none, or the state cannot be read.
pub fn answer_of(state: &StateDb, code: &str) -> Result<Answer, ExploreError> {
    let id = match find(state, code) {
        Ok(Found::Answer(answer)) => return Ok(*answer),
        Ok(Found::Record(record)) => record.answer_id,
        Err(MemoryError::NotFound(_)) => return Err(ExploreError::NotFound("incident")),
        Err(error) => return Err(ExploreError::Bad(error.to_string())),
    };
    let json = state.answer(&id)?.ok_or(ExploreError::NotFound("answer"))?;
    serde_json::from_str(&json)
        .map_err(|error| ExploreError::Bad(format!("the stored answer cannot be read: {error}")))
}

fn incidents(state: &StateDb, limit: usize) -> Result<Vec<IncidentRow>, ExploreError> {
    let unreadable = |error: MemoryError| ExploreError::Bad(format!("the memory: {error}"));
    let mut rows: BTreeMap<String, IncidentRow> = BTreeMap::new();
    let ids = state.answer_ids(Some(PRIVATE), limit)?;
    for id in &ids {
        let answer = state.answer(id)?.and_then(|json| serde_json::from_str::<Answer>(&json).ok());
        if let Some(answer) = answer {
            rows.insert(answer.answer_id.clone(), of_answer(answer));
        }
    }
    for record in remembered(state).map_err(unreadable)?.into_iter().take(limit) {
        let known = rows.remove(&record.answer_id);
        rows.insert(record.answer_id.clone(), of_record(record, known));
    }
    let mut rows: Vec<IncidentRow> = rows.into_values().collect();
    rows.sort_by(|a, b| (b.at, &a.code).cmp(&(a.at, &b.code)));
    rows.truncate(limit);
    Ok(rows)
}

fn of_answer(answer: Answer) -> IncidentRow {
    IncidentRow {
        code: answer.incident,
        title: answer.headline,
        question: answer.question,
        at: Time(answer.to),
        verdict: answer.verdict,
        confidence: answer.confidence,
        services: answer.scope,
        said: None,
    }
}

fn of_record(record: IncidentRecord, answer: Option<IncidentRow>) -> IncidentRow {
    let said = match (&record.struck, record.feedback.last()) {
        (Some(_), _) => Some("struck".to_owned()),
        (None, said) => said.map(|said| said.opinion.name().to_owned()),
    };
    match answer {
        Some(row) => IncidentRow { code: record.code, said, ..row },
        None => IncidentRow {
            code: record.code,
            title: record.title,
            question: String::new(),
            at: Time(record.since.unwrap_or(record.recorded_at)),
            verdict: Verdict::LikelyCause,
            confidence: None,
            services: record.services,
            said,
        },
    }
}
