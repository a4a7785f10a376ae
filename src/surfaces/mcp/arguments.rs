//! What each tool takes. Field comments are what a caller reads.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::said::Wrong;
use crate::explore::Asked;

/// `investigate`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Investigate {
    /// The question, in words: "why is checkout slow?"
    pub question: String,
    /// Look at this service only.
    pub service: Option<String>,
    /// Code of an earlier incident or id of an answer: look at its time and services.
    pub incident: Option<String>,
    /// Start of the time in which the trouble may lie, RFC 3339.
    pub from: Option<String>,
    /// The clock: answer as if it were then, RFC 3339.
    pub to: Option<String>,
    /// `deep` gives a configured language model its whole window.
    pub mode: Option<Mode>,
}

/// How much is sent to a configured language model.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// What a first answer takes.
    Quick,
    /// Its whole window.
    Deep,
}

/// `what_changed`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhatChanged {
    /// One service; what names no service is told, too.
    pub service: Option<String>,
    /// Start, RFC 3339; without it six hours before the end.
    pub from: Option<String>,
    /// End, RFC 3339; without it the newest telemetry.
    pub to: Option<String>,
}

/// `search_logs`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchLogs {
    /// What a line must hold: words, "a phrase", begin*, /regular expression/, field:value; AND, OR, NOT, brackets.
    pub query: Option<String>,
    /// One service.
    pub service: Option<String>,
    /// The least severity: trace, debug, info, warn, error or fatal.
    pub severity: Option<String>,
    /// Lines of this trace: 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// Lines of this template, by its id from `log_patterns`.
    pub template: Option<String>,
    /// Start, RFC 3339; without it a quarter of an hour before the end.
    pub from: Option<String>,
    /// End, RFC 3339; without it the newest telemetry.
    pub to: Option<String>,
    /// Lines, 30 when not given, at most 200.
    pub limit: Option<u32>,
}

/// `log_patterns`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogPatterns {
    /// One service.
    pub service: Option<String>,
    /// The least severity: trace, debug, info, warn, error or fatal.
    pub severity: Option<String>,
    /// Words that occur in the pattern.
    pub query: Option<String>,
    /// Start, RFC 3339; without it a quarter of an hour before the end.
    pub from: Option<String>,
    /// End, RFC 3339; without it the newest telemetry.
    pub to: Option<String>,
    /// Patterns, 20 when not given, at most 100.
    pub limit: Option<u32>,
}

/// `search_traces`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchTraces {
    /// A service that takes part.
    pub service: Option<String>,
    /// Words of the first span's operation.
    pub query: Option<String>,
    /// Failed traces only.
    pub failed: Option<bool>,
    /// Start, RFC 3339; without it a quarter of an hour before the end.
    pub from: Option<String>,
    /// End, RFC 3339; without it the newest telemetry.
    pub to: Option<String>,
    /// Traces, 20 when not given, at most 100.
    pub limit: Option<u32>,
}

/// `get_trace`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetTrace {
    /// The trace: 32 hexadecimal digits.
    pub trace_id: String,
    /// Which spans; `critical_path` when not given.
    pub focus: Option<Focus>,
}

/// Which spans of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Focus {
    /// What the trace waited for.
    CriticalPath,
    /// Failed spans and those that caused them to run.
    Errors,
    /// All of them, as many as fit.
    All,
}

/// `query_metric`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryMetric {
    /// The metric's name; without it the series that left their usual band furthest.
    pub metric: Option<String>,
    /// One service.
    pub service: Option<String>,
    /// Start, RFC 3339; without it a quarter of an hour before the end.
    pub from: Option<String>,
    /// End, RFC 3339; without it the newest telemetry.
    pub to: Option<String>,
    /// Series, 8 when not given, at most 30.
    pub limit: Option<u32>,
}

/// `service_map`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceMap {
    /// The service in the middle; without it all.
    pub service: Option<String>,
    /// How many calls away, 1 when not given, at most 5.
    pub hops: Option<u32>,
    /// Start, RFC 3339; without it a quarter of an hour before the end.
    pub from: Option<String>,
    /// End, RFC 3339; without it the newest telemetry.
    pub to: Option<String>,
}

/// `search_knowledge`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchKnowledge {
    /// What is looked for: a question, an alert's name, an error.
    pub query: String,
    /// Kinds of documents; all when not given.
    pub kinds: Option<Vec<Kind>>,
    /// Documents, 5 when not given, at most 20.
    pub limit: Option<u32>,
}

/// A kind of document.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// What to do when something is wrong.
    Runbook,
    /// What once went wrong.
    Incident,
    /// Anything else.
    Doc,
}

/// `get_incident`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetIncident {
    /// The incident's code, such as 7Q2, or an answer's id.
    pub code: String,
}

/// `cost_of`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CostOf {
    /// A service that charges are tagged with, or a product of the provider.
    pub service: Option<String>,
    /// A tag, as `key=value`, or its key alone.
    pub tag: Option<String>,
    /// Part of a resource's name or id.
    pub resource: Option<String>,
    /// Start, RFC 3339; without it thirty days before the end.
    pub from: Option<String>,
    /// End, RFC 3339; without it the newest charge.
    pub to: Option<String>,
    /// service, category, account, region, resource, charge or `tag:KEY`; service when not given.
    pub group_by: Option<String>,
    /// Code of an incident: what it cost.
    pub incident: Option<String>,
}

/// Reads arguments into what a tool takes.
pub(super) fn read<T: DeserializeOwned>(given: Option<JsonObject>) -> Result<T, Wrong> {
    let given = Value::Object(given.unwrap_or_default());
    serde_json::from_value(given).map_err(|error| {
        Wrong::new(
            format!("the arguments do not fit: {error}"),
            "the tool's inputSchema says what it takes",
        )
    })
}

/// A time and a service, as the views are asked for them.
pub(super) fn asked(service: Option<String>, from: Option<String>, to: Option<String>) -> Asked {
    Asked {
        service: service.unwrap_or_default(),
        from: from.unwrap_or_default(),
        to: to.unwrap_or_default(),
        ..Asked::default()
    }
}

/// How many are shown.
pub(super) fn limit(given: Option<u32>, usual: usize, most: usize) -> usize {
    given.map_or(usual, |given| (given as usize).clamp(1, most))
}
