//! Makes `docs/openapi.json` from the wire types; the test fails when it is stale.
//!
//! Every route of the main listener stands below once, and a second test looks that none is missing.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::describe::{Document, Operation};
use crate::explore::Asked;
use crate::explore::view::{
    DocumentsView, IncidentsView, LogsView, MetricsView, OverviewView, PatternsView, SearchView,
    ServicesView, SpanView, TraceView, TracesView, ValuesView,
};
use crate::finops::{CostAsked, CostView};
use crate::investigate::answer::Answer;
use crate::investigate::evidence::Evidence;
use crate::investigate::remembered::IncidentRecord;
use crate::remediate::{ActionsView, Proposal};
use crate::surfaces::feedback::{Feedback, Strike};
use crate::surfaces::http::Cancel;
use crate::surfaces::panel::PanelOptions;
use crate::surfaces::proposals::{Approve, Decline, Propose};
use crate::surfaces::wire::Ask;

/// A view that is asked by some of the parameters of [`Asked`].
fn view<T: JsonSchema>(document: &mut Document, path: &'static str, summary: &str, asked: &[&str]) {
    let known = schemars::schema_for!(Asked);
    let properties = known.get("properties").cloned().unwrap_or_default();
    let mut operation = Operation::get(path, summary);
    for name in asked {
        let mut schema = properties[*name].clone();
        let description = schema["description"].as_str().expect("it is documented").to_owned();
        schema.as_object_mut().expect("a schema").remove("description");
        match *name {
            "level" => {
                schema["enum"] = json!(["", "trace", "debug", "info", "warn", "error", "fatal"])
            }
            "only" => schema["enum"] = json!(["", "failed"]),
            _ => {}
        }
        if *name == "limit" {
            // An address leaves out what it does not ask for.
            schema["type"] = json!("integer");
        }
        schema.as_object_mut().expect("a schema").remove("default");
        operation = operation.parameter("query", name, &description, schema);
    }
    let shown = document.answer::<T>();
    document.add(operation.answers("What there is", shown).refused(&[404, 500, 503]));
}

fn views(document: &mut Document) {
    view::<OverviewView>(document, "/v1/overview", "How everything stands, for a first page", &[]);
    view::<IncidentsView>(
        document,
        "/v1/answers",
        "Answers that found a likely cause, newest first",
        &[],
    );
    let times = ["from", "to"];
    let with = |more: &[&'static str]| [&times[..], more].concat();
    view::<LogsView>(
        document,
        "/v1/logs",
        "Log lines and how many there were over time",
        &with(&["service", "level", "q", "trace", "template", "limit"]),
    );
    view::<ValuesView>(
        document,
        "/v1/logs/values",
        "What one field of log lines holds: its commonest values, and how numbers are spread",
        &with(&["field", "service", "level", "q", "trace", "template", "limit"]),
    );
    view::<PatternsView>(
        document,
        "/v1/patterns",
        "Patterns of log lines, compared with the time before",
        &with(&["service", "level", "q"]),
    );
    view::<TracesView>(document, "/v1/traces", "Traces", &with(&["service", "only", "q"]));
    view::<TraceView>(document, "/v1/traces/{trace}", "One trace with its spans", &[]);
    view::<SpanView>(document, "/v1/traces/{trace}/spans/{span}", "One span in full", &[]);
    view::<MetricsView>(
        document,
        "/v1/metrics",
        "Series of metrics",
        &with(&["service", "name", "q"]),
    );
    view::<ServicesView>(document, "/v1/services", "Services and who calls whom", &times);
    view::<DocumentsView>(
        document,
        "/v1/documents",
        "Documents by words and meaning, and which alerts a runbook covers",
        &["q"],
    );
    view::<SearchView>(document, "/v1/search", "What a few words find anywhere", &["q"]);
    view::<Answer>(
        document,
        "/v1/incidents/{code}/answer",
        "The answer that an incident's code stands for",
        &[],
    );
}

fn costs(document: &mut Document) {
    let known = schemars::schema_for!(CostAsked);
    let mut operation =
        Operation::get("/v1/cost", "Cloud charges, cost per request and cost of an incident");
    let properties = known.get("properties").and_then(Value::as_object).expect("fields");
    for (name, schema) in properties {
        let description = schema["description"].as_str().expect("it is documented");
        operation = operation.parameter("query", name, description, json!({"type": "string"}));
    }
    let shown = document.answer::<CostView>();
    document.add(operation.answers("What it costs", shown).refused(&[404, 500, 503]));
}

fn chat(document: &mut Document) {
    let (ask, answer) = (document.request::<Ask>(), document.answer::<Answer>());
    let events = json!({"type": "string", "description": "Server-sent events: frames of the chat protocol `groundcrew.v1+json`"});
    document.add(
        Operation::post("/v1/ask", "Ask; the answer as JSON, or all that happens as events")
            .parameter(
                "header",
                "Last-Event-ID",
                "The last event that was read, to go on after it",
                json!({"type": "string"}),
            )
            .body(ask, true)
            .answers("The answer", answer.clone())
            .with(
                200,
                "The answer, or events where `text/event-stream` is accepted",
                "text/event-stream",
                events.clone(),
            )
            .refused(&[409, 429, 500, 503]),
    );
    document.add(
        Operation::get(
            "/v1/conversations/{sid}/events",
            "All that happens in a conversation, for as long as one listens",
        )
        .parameter(
            "header",
            "Last-Event-ID",
            "The last event that was read, to go on after it",
            json!({"type": "string"}),
        )
        .with(200, "Events", "text/event-stream", events)
        .refused(&[429]),
    );
    let cancel = document.request::<Cancel>();
    document.add(
        Operation::post("/v1/runs/{run}/cancel", "Cancel a run; what is proven so far stands")
            .body(cancel, false)
            .bare(202, "It is being cancelled")
            .refused(&[404]),
    );
    document.add(
        Operation::get("/v1/answers/{answer}", "An answer that was given")
            .answers("The answer", answer)
            .refused(&[404, 500, 503]),
    );
    let evidence = document.answer::<Evidence>();
    document.add(
        Operation::get(
            "/v1/evidence/{answer}/{evidence}",
            "One item of evidence, which never changes",
        )
        .parameter("header", "If-None-Match", "The item's ETag", json!({"type": "string"}))
        .answers("The item", evidence)
        .bare(304, "It is the one that is known")
        .refused(&[404, 500, 503]),
    );
    let ticket = json!({"type": "object", "required": ["ticket", "expires_in_s"],
        "properties": {"ticket": {"type": "string"}, "expires_in_s": {"type": "integer"}}});
    document.add(
        Operation::post("/v1/ws-ticket", "A ticket that opens one WebSocket, for browsers")
            .answers("The ticket", ticket)
            .refused(&[429]),
    );
    document.add(
        Operation::get("/v1/ws", "The chat, as a WebSocket of the protocol `groundcrew.v1+json`")
            .parameter("query", "ticket", "From POST /v1/ws-ticket", json!({"type": "string"}))
            .bare(101, "The chat begins")
            .refused(&[426]),
    );
}

fn memory(document: &mut Document) {
    let feedback = document.request::<Feedback>();
    let taken = json!({"type": "object", "required": ["answer_id", "incident"],
        "properties": {"answer_id": {"type": "string"}, "incident": {"type": ["string", "null"]}}});
    document.add(
        Operation::post("/v1/answers/{answer}/feedback", "Say whether an answer was right")
            .body(feedback, true)
            .answers("It is written down, as the incident named if it was about the cause", taken)
            .refused(&[404, 409, 500, 503]),
    );
    let record = document.answer::<IncidentRecord>();
    let list = json!({"type": "object", "required": ["incidents"],
        "properties": {"incidents": {"type": "array", "items": record}}});
    document.add(
        Operation::get("/v1/incidents", "Incidents that people spoke about, newest first")
            .answers("The incidents", list)
            .refused(&[409, 500, 503]),
    );
    document.add(
        Operation::get("/v1/incidents/{code}", "One incident")
            .answers("The incident", record)
            .refused(&[404, 409, 500, 503]),
    );
    let strike = document.request::<Strike>();
    let struck = json!({"type": "object", "required": ["incident", "struck"],
        "properties": {"incident": {"type": "string"}, "struck": {"type": "boolean"}}});
    document.add(
        Operation::post("/v1/incidents/{code}/strike", "Stop using a memory that is wrong")
            .body(strike, false)
            .answers("It is kept and marked", struck)
            .refused(&[404, 409, 500, 503]),
    );
}

fn actions(document: &mut Document) {
    let refusals = [404, 409, 500, 503];
    let declared = document.answer::<ActionsView>();
    document.add(
        Operation::get("/v1/actions", "Actions that runbooks declare")
            .answers("The actions", declared)
            .refused(&[500]),
    );
    let proposal = document.answer::<Proposal>();
    let list = json!({"type": "object", "required": ["proposals"],
        "properties": {"proposals": {"type": "array", "items": proposal}}});
    document.add(
        Operation::get("/v1/proposals", "The latest proposals, newest first")
            .answers("The proposals", list)
            .refused(&[500, 503]),
    );
    let propose = document.request::<Propose>();
    document.add(
        Operation::post("/v1/proposals", "Propose an action; nothing is done by that")
            .body(propose, true)
            .answers("The proposal", proposal.clone())
            .refused(&refusals),
    );
    document.add(
        Operation::get("/v1/proposals/{proposal}", "One proposal and what became of it")
            .answers("The proposal", proposal.clone())
            .refused(&refusals),
    );
    let approve = document.request::<Approve>();
    document.add(
        Operation::post(
            "/v1/proposals/{proposal}/approve",
            "Have exactly this plan carried out, once",
        )
        .body(approve, true)
        .answers("The proposal and what came of it", proposal.clone())
        .refused(&refusals),
    );
    let decline = document.request::<Decline>();
    document.add(
        Operation::post("/v1/proposals/{proposal}/decline", "Decline a proposal")
            .body(decline, true)
            .answers("The proposal", proposal.clone())
            .refused(&refusals),
    );
    let offered = json!({"type": "object", "required": ["proposal"],
        "properties": {"proposal": {"anyOf": [proposal, {"type": "null"}]}}});
    document.add(
        Operation::post(
            "/v1/answers/{answer}/proposal",
            "The one proposal under an answer, made now if it was not before",
        )
        .answers("The proposal, or null where there is none", offered)
        .refused(&refusals),
    );
    let head =
        json!({"type": "object", "required": ["head"], "properties": {"head": {"type": "string"}}});
    document.add(
        Operation::get(
            "/v1/audit/head",
            "Where the audit trail ends, to be written down elsewhere",
        )
        .answers("The head: a word, the number of the last row, and its hash", head)
        .refused(&[500, 503]),
    );
}

fn hooks(document: &mut Document) {
    let taken = json!({"type": "object", "required": ["alerts", "changes"],
        "properties": {"alerts": {"type": "integer"}, "changes": {"type": "integer"},
            "passed_over": {"type": "string", "description": "Why a message that was understood holds nothing to keep"}}});
    let message = json!({"type": ["object", "array"], "description": "As the sender writes it; docs/OPERATING.md names those that are understood"});
    for (path, summary) in [
        ("/hooks/{source}", "Alerts and changes as other systems post them"),
        ("/api/v2/alerts", "Alerts as Prometheus posts them to an Alertmanager"),
    ] {
        document.add(
            Operation::post(path, summary)
                .body(message.clone(), true)
                .answers("How many were understood; they are on disk", taken.clone())
                .refused(&[429, 500, 503]),
        );
    }
}

fn openai(document: &mut Document) {
    let model = json!({"type": "object", "required": ["id", "object", "created", "owned_by"],
        "properties": {"id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": {"type": "string"}}});
    let list = json!({"type": "object", "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": model}}});
    document.add(
        Operation::get("/v1/models", "The depths of an investigation, as models")
            .answers("The models", list),
    );
    document.add(
        Operation::get("/v1/models/{model}", "One of them")
            .answers("The model", model)
            .refused_as_openai(&[404]),
    );
    let part = json!({"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, "text": {"type": "string"}}});
    let message = json!({"type": "object", "required": ["role"], "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
        "content": {"type": ["string", "array", "null"], "items": part}}});
    let request = json!({"type": "object", "required": ["model", "messages"], "properties": {
        "model": {"enum": ["groundcrew-quick", "groundcrew-deep"]},
        "messages": {"type": "array", "minItems": 1, "items": message, "description": "The user's last is the question."},
        "stream": {"type": "boolean"},
        "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
        "n": {"const": 1}}});
    let usage = json!({"type": "object", "required": ["prompt_tokens", "completion_tokens", "total_tokens"]});
    let completion = json!({"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"], "properties": {
        "id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"},
        "model": {"type": "string"}, "usage": usage,
        "choices": {"type": "array", "items": {"type": "object", "required": ["index", "message", "finish_reason"]}},
        "groundcrew": {"type": "object", "required": ["answer_id", "incident", "verdict", "evidence"], "properties": {
            "answer_id": {"type": "string"}, "incident": {"type": "string"},
            "evidence": {"type": "array", "items": document.answer::<Evidence>()}}}}});
    let events = json!({"type": "string", "description": "Server-sent events: `chat.completion.chunk`s, then `[DONE]`"});
    document.add(
        Operation::post("/v1/chat/completions", "Ask as a client of the OpenAI API does")
            .body(request, true)
            .answers("The answer as a completion", completion)
            .with(
                200,
                "The answer as a completion, or in pieces with `stream`",
                "text/event-stream",
                events,
            )
            .refused_as_openai(&[400, 404, 409, 413, 429, 500, 503]),
    );
}

fn service(document: &mut Document) {
    let word = json!({"type": "string"});
    for path in ["/livez", "/readyz", "/healthz"] {
        let summary =
            if path == "/livez" { "Whether it runs" } else { "Whether it takes new work" };
        let mut operation =
            Operation::get(path, summary).with(200, "It does", "text/plain", word.clone());
        operation.said["responses"] = json!({"200": operation.said["responses"]["200"]});
        operation.said["security"] = json!([]);
        document.add(if path == "/livez" { operation } else { operation.refused(&[503]) });
    }
    let options = document.answer::<PanelOptions>();
    document
        .add(Operation::get("/v1/panel", "How the panel is shown").answers("The options", options));
    let any = json!({"type": "object"});
    document.add(Operation::get("/v1/openapi.json", "This document").answers("OpenAPI 3.1", any));
}

fn document() -> Value {
    let mut document = Document::new();
    chat(&mut document);
    openai(&mut document);
    views(&mut document);
    costs(&mut document);
    memory(&mut document);
    actions(&mut document);
    hooks(&mut document);
    service(&mut document);
    document.finished()
}

#[test]
fn the_description_of_the_api_is_that_of_the_server() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let wanted = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "run `UPDATE_OPENAPI=1 cargo test openapi`");
}

#[test]
fn every_route_is_described() {
    let described = document();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/surfaces")];
    let mut routes = 0;
    while let Some(place) = open.pop() {
        if place.is_dir() {
            open.extend(std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if place.ends_with("openapi/document.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&place).unwrap();
        let paths =
            text.split(".route(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
        for path in paths.filter_map(|rest| rest.split('"').next()) {
            // Pages are for people, and what Slack calls Slack describes.
            if path.starts_with("/embed/") || path.starts_with("/slack/") {
                continue;
            }
            routes += 1;
            assert!(
                described["paths"].get(path).is_some(),
                "{path} of {} is not described",
                place.display()
            );
        }
    }
    assert!(routes > 25, "the routes were found");
}
