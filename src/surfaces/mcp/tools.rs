//! The tools, in the order in which they are listed, and how each is called.

use rmcp::RoleServer;
use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use groundcrew_telemetry::Timestamp;

use super::answer::AnswerShape;
use super::arguments::{
    CostOf, GetIncident, GetTrace, Investigate, LogPatterns, QueryMetric, SearchKnowledge,
    SearchLogs, SearchTraces, ServiceMap, WhatChanged, read,
};
use super::cost::CostShape;
use super::desk::Desk;
use super::incident::IncidentShape;
use super::logs::{LogsShape, PatternsShape};
use super::metrics::{ChangesShape, MetricsShape};
use super::places::{KnowledgeShape, MapShape};
use super::said::{Said, Wrong};
use super::traces::{OneTraceShape, TracesShape};
use super::{ask, cost, incident, logs, metrics, places, propose, schema, traces};
use crate::investigate::Investigator;

/// Every tool, always in this order: a list that differs from call to call spoils a model's cache.
pub(super) fn listed(with_propose: bool) -> Vec<Tool> {
    let mut tools = reading();
    tools.extend(with_propose.then(propose::tool));
    tools
}

/// Those that only read.
fn reading() -> Vec<Tool> {
    vec![
        tool::<Investigate, AnswerShape>(
            "investigate",
            "Investigate",
            "Says what most likely caused an outage. Looks at logs, traces, metrics, changes, runbooks and past incidents by rules and checks every sentence against its evidence. Start here with any \"why\"; use the other tools to look closer. Takes seconds.",
        ),
        tool::<WhatChanged, ChangesShape>(
            "what_changed",
            "What changed",
            "Deploys, flags, configuration and scaling nearest to a time, and the alerts of it.",
        ),
        tool::<SearchLogs, LogsShape>(
            "search_logs",
            "Search logs",
            "Log lines by words, service, severity, trace or template, newest first, with how many there were over the time.",
        ),
        tool::<LogPatterns, PatternsShape>(
            "log_patterns",
            "Log patterns",
            "Log templates with counts beside the time before: what is new or grew most comes first. Better than lines for an overview.",
        ),
        tool::<SearchTraces, TracesShape>(
            "search_traces",
            "Search traces",
            "Traces of a time: failed ones first, then the slowest.",
        ),
        tool::<GetTrace, OneTraceShape>(
            "get_trace",
            "Trace",
            "One trace as a tree: what it waited for, or what failed and why.",
        ),
        tool::<QueryMetric, MetricsShape>(
            "query_metric",
            "Metrics",
            "Series of a metric beside the time before; without a name those that left their usual band furthest. No PromQL.",
        ),
        tool::<ServiceMap, MapShape>(
            "service_map",
            "Service map",
            "Services as they stand beside the time before, who calls whom, and who owns them.",
        ),
        tool::<SearchKnowledge, KnowledgeShape>(
            "search_knowledge",
            "Search runbooks and past incidents",
            "Passages of runbooks, past incidents and other indexed documents, by words and meaning.",
        ),
        tool::<GetIncident, IncidentShape>(
            "get_incident",
            "Incident",
            "An earlier investigation by its code: the answer, what people said of it, a timeline and an index of its evidence.",
        ),
        tool::<CostOf, CostShape>(
            "cost_of",
            "Costs",
            "Cloud charges by group and day, cost per request, and what an incident cost, from the billing exports that were taken in.",
        ),
    ]
}

fn tool<I: JsonSchema, O: JsonSchema>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
) -> Tool {
    let annotations = ToolAnnotations::with_title(title)
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Tool::new(name, description, schema::of::<I>())
        .with_title(title)
        .with_raw_output_schema(schema::of::<O>())
        .with_annotations(annotations)
}

/// Calls a tool; `None` when there is none of that name.
pub(super) async fn call(
    desk: &Desk,
    name: &str,
    given: Option<JsonObject>,
    context: &RequestContext<RoleServer>,
) -> Option<CallToolResult> {
    Some(match name {
        "investigate" => asked(desk, given, context).await,
        "what_changed" => viewed(desk, given, metrics::changed).await,
        "search_logs" => viewed(desk, given, logs::search).await,
        "log_patterns" => viewed(desk, given, logs::patterns).await,
        "search_traces" => viewed(desk, given, traces::search).await,
        "get_trace" => viewed(desk, given, traces::get).await,
        "query_metric" => viewed(desk, given, metrics::query).await,
        "service_map" => viewed(desk, given, places::map).await,
        "search_knowledge" => viewed(desk, given, places::knowledge).await,
        "get_incident" => viewed(desk, given, incident::get).await,
        "cost_of" => viewed(desk, given, cost::of).await,
        _ => return None,
    })
}

async fn asked(
    desk: &Desk,
    given: Option<JsonObject>,
    context: &RequestContext<RoleServer>,
) -> CallToolResult {
    let answer = match read::<Investigate>(given) {
        Ok(given) => ask::investigate(desk, given, context).await,
        Err(wrong) => Err(wrong),
    };
    match answer {
        Ok((said, sessions)) => said.result(&sessions.investigator().masker),
        Err(wrong) => wrong.result(),
    }
}

/// A tool that reads the stores.
async fn viewed<T: DeserializeOwned + Send + 'static>(
    desk: &Desk,
    given: Option<JsonObject>,
    view: fn(&Investigator, T, Timestamp) -> Result<Said, Wrong>,
) -> CallToolResult {
    let given = match read::<T>(given) {
        Ok(given) => given,
        Err(wrong) => return wrong.result(),
    };
    let work = move |from: &Investigator, now: Timestamp| {
        view(from, given, now).map(|said| said.result(&from.masker))
    };
    desk.read(work).await.unwrap_or_else(|wrong| wrong.result())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_read_only_and_says_what_it_takes_and_gives() {
        let tools = listed(false);
        assert_eq!(tools.len(), 11);
        for tool in &tools {
            let annotations = tool.annotations.as_ref().unwrap();
            assert_eq!(annotations.read_only_hint, Some(true), "{}", tool.name);
            assert_eq!(annotations.destructive_hint, Some(false), "{}", tool.name);
            for schema in [&tool.input_schema, tool.output_schema.as_ref().unwrap()] {
                assert_eq!(schema["type"], "object", "{}", tool.name);
                assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
                let text = serde_json::to_string(schema).unwrap();
                assert!(!text.contains("$ref") && !text.contains("\"format\""), "{text}");
            }
            let fields = tool.input_schema["properties"].as_object().unwrap();
            for (name, field) in fields {
                assert!(field.get("description").is_some(), "{} {name}", tool.name);
            }
        }
        assert_eq!(tools, listed(false), "the order stays");
        let all = listed(true);
        assert_eq!(all.len(), 12);
        let annotations = all[11].annotations.as_ref().unwrap();
        assert_eq!(
            (annotations.read_only_hint, annotations.destructive_hint),
            (Some(false), Some(false))
        );
    }
}
