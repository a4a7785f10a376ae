//! Views of services, the first page, incidents, documents and what a search finds.

use serde::Serialize;

use super::{Marker, Time};
use crate::investigate::answer::{Confidence, Verdict};

/// Services and who calls whom.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct ServicesView {
    /// Start of the time.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// Start of the time before, which ends at `from`.
    pub before_from: Time,
    /// The services: failing ones first, then by name.
    pub services: Vec<ServiceRow>,
    /// Calls between them, by caller, then callee.
    pub edges: Vec<ServiceEdge>,
}

/// How a service stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub enum ServiceState {
    /// More of its requests fail, or it logs more errors, than before.
    Failing,
    /// It is slower than before.
    Slower,
    /// It sent telemetry before and sends none now.
    Silent,
    /// As before.
    Fine,
}

/// One service.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct ServiceRow {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: ServiceState,
    /// Why, in words; `""` where it is as before.
    pub why: String,
    /// Whether it is known only from being called.
    pub dependency: bool,
    /// The time.
    pub now: Served,
    /// The time before.
    pub before: Served,
    /// Log records in the time.
    pub log_records: u64,
    /// Of them errors.
    pub errors_logged: u64,
    /// Its pods, sorted.
    pub pods: Vec<String>,
    /// Who owns it, from the catalog.
    pub owner: Option<String>,
}

/// Requests that a service served.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Served {
    /// How many there were.
    pub requests: u64,
    /// Of them failed.
    pub failed: u64,
    /// Median milliseconds, within five per cent; `None` without requests.
    pub p50_ms: Option<f64>,
    /// Milliseconds that nineteen in twenty stay below, within five per cent.
    pub p95_ms: Option<f64>,
}

/// Calls from one service to another.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct ServiceEdge {
    /// Who calls.
    pub caller: String,
    /// Who is called.
    pub callee: String,
    /// How many calls.
    pub calls: u64,
    /// Of them failed.
    pub failed: u64,
}

/// The first page: what is wrong now, what was, and whether anything is heard at all.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct OverviewView {
    /// The server's clock.
    pub now: Time,
    /// Start of the time that is looked at.
    pub from: Time,
    /// Its end: now, or the newest telemetry where that is older.
    pub to: Time,
    /// Alerts that fire and those of the last day, the same ones folded; firing ones first, then the newest.
    pub alerts: Vec<AlertRow>,
    /// Incidents that alerts opened: those that go on, and those of the last day; the ones that go on first, then the newest.
    pub opened: Vec<OpenedRow>,
    /// Questions that were answered and incidents that people spoke about, newest first; without those above.
    pub incidents: Vec<IncidentRow>,
    /// Changes in the time, newest first.
    pub changes: Vec<Marker>,
    /// Services that are not as before.
    pub unwell: Vec<ServiceRow>,
    /// Services that were heard of.
    pub services: u64,
    /// What is stored of logs, spans and metric points.
    pub signals: Vec<SignalRow>,
}

/// One signal.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct SignalRow {
    /// `logs`, `spans` or `metric points`.
    pub name: String,
    /// Records stored.
    pub count: u64,
    /// The newest; `None` when there is none.
    pub newest: Option<Time>,
}

/// Alerts of one name and service, folded.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct AlertRow {
    /// The rule's name.
    pub name: String,
    /// The sender's word for how bad it is.
    pub severity: String,
    /// The service it names.
    pub service: Option<String>,
    /// Whether one of them still holds.
    pub firing: bool,
    /// The earliest start.
    pub since: Time,
    /// The latest end, where none holds any more.
    pub until: Option<Time>,
    /// How many were folded.
    pub count: u64,
    /// What the rule's author wrote.
    pub text: String,
}

/// An incident that alerts opened.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct OpenedRow {
    /// Its code.
    pub code: String,
    /// What its first alert said.
    pub title: String,
    /// What was found, in one line; `None` while it is looked into.
    pub headline: Option<String>,
    /// How sure; `None` without a conclusion.
    pub confidence: Option<Confidence>,
    /// The earliest beginning of its alerts.
    pub since: Time,
    /// When the last of them ended; `None` while one holds.
    pub until: Option<Time>,
    /// Alerts that hold.
    pub firing: u64,
    /// All its alerts.
    pub alerts: u64,
    /// Services of its alerts.
    pub services: Vec<String>,
}

/// One incident in a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct IncidentRow {
    /// Its code.
    pub code: String,
    /// What it was, in one line.
    pub title: String,
    /// The question it came from; `""` where it is not kept.
    pub question: String,
    /// When it was asked or recorded.
    pub at: Time,
    /// What the answer came to.
    pub verdict: Verdict,
    /// How sure.
    pub confidence: Option<Confidence>,
    /// Services it is about.
    pub services: Vec<String>,
    /// What people said: `confirmed`, `corrected`, `struck`; `None` for nothing yet.
    pub said: Option<String>,
}

/// All incidents.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct IncidentsView {
    /// Newest first.
    pub incidents: Vec<IncidentRow>,
}

/// Documents found by words and meaning.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct DocumentsView {
    /// What was searched for.
    pub query: String,
    /// What was found, best first; without a query nothing.
    pub documents: Vec<DocumentRow>,
    /// Documents in the index.
    pub indexed: u64,
    /// Of them runbooks.
    pub runbooks: u64,
    /// Of them accounts of incidents.
    pub incidents: u64,
    /// Alerts of the last week and whether a runbook covers them.
    pub coverage: Vec<CoverageRow>,
}

/// One document in a list, shown by the section that fits best.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct DocumentRow {
    /// Its id.
    pub document: String,
    /// `runbook`, `incident` or `doc`.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Headings above the section, outermost first.
    pub heading: Vec<String>,
    /// The section's text.
    pub text: String,
    /// The section's first line, counted from 1.
    pub line_start: u32,
    /// Its last line.
    pub line_end: u32,
    /// Services it is about.
    pub services: Vec<String>,
    /// Alerts it answers.
    pub alerts: Vec<String>,
    /// When it was written or the incident happened.
    pub date: Option<Time>,
    /// How sure it is that it answers, 0 to 1.
    pub confidence: f32,
}

/// Whether a runbook covers an alert.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct CoverageRow {
    /// The alert's name.
    pub alert: String,
    /// The service it names.
    pub service: Option<String>,
    /// How often it fired.
    pub count: u64,
    /// The runbook's title; `None` where none covers it.
    pub runbook: Option<String>,
    /// The runbook's id.
    pub document: Option<String>,
}

/// What a few letters may mean.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct SearchView {
    /// Best first.
    pub hits: Vec<SearchHit>,
}

/// One place to go.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct SearchHit {
    /// `service`, `incident`, `trace`, `metric`, `runbook` or `document`.
    pub kind: String,
    /// Its name.
    pub title: String,
    /// A line more.
    pub detail: String,
    /// A path of the panel.
    pub path: String,
}
