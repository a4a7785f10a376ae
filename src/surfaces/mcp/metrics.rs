//! `query_metric` and `what_changed`.

use groundcrew_telemetry::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::arguments::{QueryMetric, WhatChanged, asked, limit};
use super::said::{Said, Wrong, counted, left_out};
use crate::explore::view::{AlertRow, Marker, SeriesView};
use crate::explore::{self, Asked};
use crate::investigate::Investigator;
use crate::investigate::evidence::shorten;

/// Points of a series that are given.
const POINTS_MAX: usize = 40;
/// Names of metrics that are given.
const NAMES_MAX: usize = 100;
/// Alerts that are given.
const ALERTS_MAX: usize = 30;
/// Longest text of a change or an alert, in bytes.
const TEXT_BYTES_MAX: usize = 400;

/// Series of a time.
#[derive(Serialize, JsonSchema)]
pub(super) struct MetricsShape {
    /// Start of the time.
    from: String,
    /// Its end.
    to: String,
    /// The series: those that left their usual band furthest first.
    series: Vec<SeriesShape>,
    /// Series that are not given.
    left_out: u64,
    /// Names of metrics that there are, when none was asked for or none was found.
    names: Vec<String>,
    /// Names that are not given.
    names_left_out: usize,
    /// Changes in the time, newest first.
    changes: Vec<ChangeShape>,
}

/// One series.
#[derive(Serialize, JsonSchema)]
struct SeriesShape {
    /// The metric's name.
    name: String,
    /// Its unit; counters are given per second.
    unit: String,
    /// Whose.
    service: String,
    /// The pod.
    pod: Option<String>,
    /// What tells it from others of the name, as `key=value`.
    labels: Vec<String>,
    /// How it stands beside the time before.
    state: SeriesState,
    /// Where nine in ten values of the time before lie; null when there are too few.
    usual: Option<BandShape>,
    /// The lowest value in the time.
    low: f64,
    /// The highest.
    high: f64,
    /// The last.
    last: f64,
    /// Values over the time, oldest first, thinned.
    points: Vec<PointShape>,
}

/// How a series stands beside the time before.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SeriesState {
    /// Inside its usual band.
    Usual,
    /// It left its usual band and is back.
    WasOutside,
    /// It is outside its usual band.
    Outside,
    /// Too little is known of the time before.
    Unknown,
}

/// A band.
#[derive(Clone, Copy, Serialize, JsonSchema)]
struct BandShape {
    /// Its lower end.
    low: f64,
    /// Its upper end.
    high: f64,
}

/// One value.
#[derive(Serialize, JsonSchema)]
struct PointShape {
    /// When.
    time: String,
    /// The value.
    value: f64,
}

/// Metric series.
pub(super) fn query(
    from: &Investigator,
    given: QueryMetric,
    now: Timestamp,
) -> Result<Said, Wrong> {
    let limit = limit(given.limit, 8, 30);
    let is_named = given.metric.is_some();
    let asked = Asked {
        name: given.metric.unwrap_or_default(),
        ..asked(given.service, given.from, given.to)
    };
    let view = explore::metrics(&from.store, &asked, now)?;
    let left = view.left_out + view.series.len().saturating_sub(limit) as u64;
    let start_ms = view.from.0.nanos() / 1_000_000;
    let series: Vec<SeriesShape> =
        view.series.iter().take(limit).filter_map(|one| shown(one, start_ms)).collect();
    let tells_names = !is_named || series.is_empty();
    let names = view.names.iter().filter(|_| tells_names);
    let shape = MetricsShape {
        from: view.from.0.to_string(),
        to: view.to.0.to_string(),
        left_out: left,
        names_left_out: names.clone().count().saturating_sub(NAMES_MAX),
        names: names.take(NAMES_MAX).cloned().collect(),
        changes: view.markers.iter().map(|one| change(one, view.to.0)).collect(),
        series,
    };
    let hint = if is_named && shape.series.is_empty() {
        " There is no series of that name in that time; the names that there are follow."
    } else {
        ""
    };
    let summary = format!(
        "{} series between {} and {}, those that left their usual band furthest first{}.{hint}",
        shape.series.len(),
        shape.from,
        shape.to,
        left_out(shape.left_out)
    );
    let mut recorded: Vec<String> = shape.series.iter().map(line).collect();
    if tells_names && !shape.names.is_empty() {
        recorded.push(format!("names: {}", shape.names.join(", ")));
    }
    Ok(Said::new(&shape, summary, &recorded))
}

fn shown(series: &SeriesView, start_ms: i64) -> Option<SeriesShape> {
    let present: Vec<(i64, f64)> =
        series.points.iter().copied().filter(|(at, _)| *at >= start_ms).collect();
    let (_, last) = *present.last()?;
    let values = || present.iter().map(|(_, value)| *value);
    let usual = series.usual.map(|(low, high)| BandShape { low, high });
    let step = present.len().div_ceil(POINTS_MAX).max(1);
    let points = present.iter().rev().step_by(step).collect::<Vec<_>>().into_iter().rev();
    Some(SeriesShape {
        name: series.name.clone(),
        unit: series.unit.clone(),
        service: series.service.clone(),
        pod: series.pod.clone(),
        labels: series.labels.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        state: usual.map_or(SeriesState::Unknown, |usual| state(usual, &present)),
        usual,
        low: values().fold(f64::INFINITY, f64::min),
        high: values().fold(f64::NEG_INFINITY, f64::max),
        last,
        points: points
            .map(|(at, value)| PointShape {
                time: Timestamp::from_millis(*at).to_string(),
                value: *value,
            })
            .collect(),
    })
}

/// How the values stand to the band: more than one in ten outside it is no chance, and the last third tells whether it
/// goes on.
fn state(usual: BandShape, present: &[(i64, f64)]) -> SeriesState {
    let is_outside = |(_, value): &&(i64, f64)| *value < usual.low || *value > usual.high;
    let is_more = |points: &[(i64, f64)], share: usize| {
        points.iter().filter(is_outside).count() * share > points.len()
    };
    let (_, end) = present.split_at(present.len() - present.len().div_ceil(3));
    match (is_more(end, 2), is_more(present, 10)) {
        (true, _) => SeriesState::Outside,
        (false, true) => SeriesState::WasOutside,
        (false, false) => SeriesState::Usual,
    }
}

fn line(series: &SeriesShape) -> String {
    let state = match series.state {
        SeriesState::Usual => "as usual",
        SeriesState::WasOutside => "was outside its usual band and is back",
        SeriesState::Outside => "outside its usual band",
        SeriesState::Unknown => "nothing to compare it with",
    };
    let usual = series
        .usual
        .map(|band| format!(", usual {:.3} to {:.3}", band.low, band.high))
        .unwrap_or_default();
    let whose = series.pod.as_ref().unwrap_or(&series.service);
    format!(
        "{} of {whose} [{}]: {state}; {:.3} to {:.3}, last {:.3}{usual} {}",
        series.name,
        series.labels.join(","),
        series.low,
        series.high,
        series.last,
        series.unit
    )
}

/// What changed and what fired.
#[derive(Serialize, JsonSchema)]
pub(super) struct ChangesShape {
    /// Start of the time.
    from: String,
    /// Its end.
    to: String,
    /// Changes, those nearest to the end first.
    changes: Vec<ChangeShape>,
    /// Alerts: firing ones first, then the newest.
    alerts: Vec<AlertShape>,
    /// Alerts that are not given.
    alerts_left_out: usize,
}

/// One change.
#[derive(Serialize, JsonSchema)]
struct ChangeShape {
    /// When.
    at: String,
    /// Seconds before the end of the time.
    secs_before_end: i64,
    /// deploy, commit, flag, config, scaling or change.
    kind: String,
    /// In one line.
    title: String,
    /// The service it acts on.
    service: Option<String>,
    /// Version or value before.
    before: Option<String>,
    /// Version or value after.
    after: Option<String>,
    /// Who did it.
    actor: Option<String>,
}

/// Alerts of one name and service.
#[derive(Serialize, JsonSchema)]
struct AlertShape {
    /// The rule's name.
    name: String,
    /// How bad it is, in the sender's word.
    severity: String,
    /// The service it names.
    service: Option<String>,
    /// Whether it still holds.
    firing: bool,
    /// The earliest start.
    since: String,
    /// The latest end; null while one holds.
    until: Option<String>,
    /// How many were folded.
    count: u64,
    /// What the rule's author wrote.
    text: String,
}

/// What changed.
pub(super) fn changed(
    from: &Investigator,
    given: WhatChanged,
    now: Timestamp,
) -> Result<Said, Wrong> {
    let happened = explore::changes(&from.store, &asked(given.service, given.from, given.to), now)?;
    let (start, end) = (happened.range.start, happened.range.end);
    let shape = ChangesShape {
        from: start.to_string(),
        to: end.to_string(),
        changes: happened.changes.iter().map(|one| change(one, end)).collect(),
        alerts: happened.alerts.iter().take(ALERTS_MAX).map(alert).collect(),
        alerts_left_out: happened.alerts.len().saturating_sub(ALERTS_MAX),
    };
    let summary = format!(
        "{} and {} between {} and {}{}.",
        counted(shape.changes.len(), "change"),
        counted(shape.alerts.len(), "alert"),
        shape.from,
        shape.to,
        left_out(shape.alerts_left_out as u64)
    );
    let on = |service: &Option<String>| service.clone().unwrap_or_else(|| "no service".to_owned());
    let mut recorded: Vec<String> = shape
        .changes
        .iter()
        .map(|one| {
            let (before, after) = (one.before.as_deref(), one.after.as_deref());
            let versions = match (before, after) {
                (None, None) => String::new(),
                (before, after) => {
                    format!(" ({} to {})", before.unwrap_or("?"), after.unwrap_or("?"))
                }
            };
            format!("{} {} of {}: {}{versions}", one.at, one.kind, on(&one.service), one.title)
        })
        .collect();
    recorded.extend(shape.alerts.iter().map(|one| {
        let stands = if one.firing { "fires" } else { "ended" };
        format!("{} alert {} of {} {stands}: {}", one.since, one.name, on(&one.service), one.text)
    }));
    Ok(Said::new(&shape, summary, &recorded))
}

fn change(marker: &Marker, end: Timestamp) -> ChangeShape {
    ChangeShape {
        at: marker.at.0.to_string(),
        secs_before_end: end.secs_since(marker.at.0).round() as i64,
        kind: marker.kind.clone(),
        title: shorten(&marker.title, TEXT_BYTES_MAX),
        service: marker.service.clone(),
        before: marker.before.clone(),
        after: marker.after.clone(),
        actor: marker.actor.clone(),
    }
}

fn alert(alert: &AlertRow) -> AlertShape {
    AlertShape {
        name: alert.name.clone(),
        severity: alert.severity.clone(),
        service: alert.service.clone(),
        firing: alert.firing,
        since: alert.since.0.to_string(),
        until: alert.until.map(|until| until.0.to_string()),
        count: alert.count,
        text: shorten(&alert.text, TEXT_BYTES_MAX),
    }
}
