//! `service_map` and `search_knowledge`.

use std::collections::BTreeSet;

use groundcrew_store::DocumentKind;
use groundcrew_telemetry::Timestamp;
use rmcp::model::Resource;
use schemars::JsonSchema;
use serde::Serialize;

use super::arguments::{Kind, SearchKnowledge, ServiceMap, asked, limit};
use super::said::{Said, Wrong, counted, left_out};
use super::uri;
use crate::explore;
use crate::explore::view::{ServiceEdge, ServiceRow, ServiceState};
use crate::investigate::Investigator;
use crate::investigate::evidence::shorten;

/// Services that are given.
const SERVICES_MAX: usize = 100;
/// Calls between them that are given.
const CALLS_MAX: usize = 300;
/// How far away one can look.
const HOPS_MAX: u32 = 5;
/// Longest passage, in bytes.
const PASSAGE_BYTES_MAX: usize = 1_500;

/// Services and who calls whom.
#[derive(Serialize, JsonSchema)]
pub(super) struct MapShape {
    /// Start of the time.
    from: String,
    /// Its end.
    to: String,
    /// The services: those that fail first.
    services: Vec<ServiceShape>,
    /// Calls between them.
    calls: Vec<CallShape>,
    /// Services that are not given.
    left_out: usize,
}

/// One service.
#[derive(Serialize, JsonSchema)]
struct ServiceShape {
    /// Its name.
    name: String,
    /// failing, slower, silent or fine, beside the time before.
    state: &'static str,
    /// Why.
    why: String,
    /// Whether it is known only from being called.
    dependency: bool,
    /// Requests it served.
    requests: u64,
    /// Of them failed.
    failed: u64,
    /// Milliseconds that nineteen in twenty stay below.
    p95_ms: Option<f64>,
    /// The same in the time before.
    p95_ms_before: Option<f64>,
    /// Errors it logged.
    errors_logged: u64,
    /// Its pods.
    pods: usize,
    /// Who owns it, from the catalog.
    owner: Option<String>,
}

/// Calls from one service to another.
#[derive(Serialize, JsonSchema)]
struct CallShape {
    /// Who calls.
    caller: String,
    /// Who is called.
    callee: String,
    /// How many calls.
    calls: u64,
    /// Of them failed.
    failed: u64,
}

/// Services around one, or all.
pub(super) fn map(from: &Investigator, given: ServiceMap, now: Timestamp) -> Result<Said, Wrong> {
    let middle = given.service.clone();
    // The view is of all services: a neighbour is one, too.
    let view = explore::services(&from.store, &asked(None, given.from, given.to), now)?;
    let hops = given.hops.unwrap_or(1).min(HOPS_MAX);
    let wanted = match middle.as_deref() {
        Some(name) if !view.services.iter().any(|service| service.name == name) => {
            let known: Vec<&str> =
                view.services.iter().map(|service| service.name.as_str()).take(30).collect();
            return Err(Wrong::new(
                format!("there is no service `{}` in that time", shorten(name, 80)),
                format!("there are {}", shorten(&known.join(", "), 600)),
            ));
        }
        Some(name) => Some(around(name, hops, &view.edges)),
        None => None,
    };
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted.contains(name));
    let services: Vec<&ServiceRow> =
        view.services.iter().filter(|service| is_wanted(&service.name)).collect();
    let calls = view.edges.iter().filter(|edge| is_wanted(&edge.caller) && is_wanted(&edge.callee));
    let shape = MapShape {
        from: view.from.0.to_string(),
        to: view.to.0.to_string(),
        left_out: services.len().saturating_sub(SERVICES_MAX),
        services: services.into_iter().take(SERVICES_MAX).map(service).collect(),
        calls: calls.take(CALLS_MAX).map(call).collect(),
    };
    let unwell = shape.services.iter().filter(|service| service.state != "fine").count();
    let summary = format!(
        "{} between {} and {}, {unwell} of them not as before; {}{}.",
        counted(shape.services.len(), "service"),
        shape.from,
        shape.to,
        counted(shape.calls.len(), "edge"),
        left_out(shape.left_out as u64)
    );
    let mut recorded: Vec<String> = shape
        .services
        .iter()
        .map(|one| {
            let owner = one.owner.as_deref().map(|owner| format!(", owner {owner}"));
            let why = if one.why.is_empty() { String::new() } else { format!(": {}", one.why) };
            format!("{} is {}{why}{}", one.name, one.state, owner.unwrap_or_default())
        })
        .collect();
    recorded.extend(shape.calls.iter().map(|one| {
        format!("{} calls {}: {} calls, {} failed", one.caller, one.callee, one.calls, one.failed)
    }));
    Ok(Said::new(&shape, summary, &recorded))
}

/// Services at most so many calls away, whoever calls.
fn around(middle: &str, hops: u32, edges: &[ServiceEdge]) -> BTreeSet<String> {
    let mut reached = BTreeSet::from([middle.to_owned()]);
    for _ in 0..hops {
        let known = reached.clone();
        for edge in edges {
            if known.contains(&edge.caller) || known.contains(&edge.callee) {
                reached.extend([edge.caller.clone(), edge.callee.clone()]);
            }
        }
    }
    reached
}

fn service(row: &ServiceRow) -> ServiceShape {
    ServiceShape {
        name: row.name.clone(),
        state: match row.state {
            ServiceState::Failing => "failing",
            ServiceState::Slower => "slower",
            ServiceState::Silent => "silent",
            ServiceState::Fine => "fine",
        },
        why: row.why.clone(),
        dependency: row.dependency,
        requests: row.now.requests,
        failed: row.now.failed,
        p95_ms: row.now.p95_ms,
        p95_ms_before: row.before.p95_ms,
        errors_logged: row.errors_logged,
        pods: row.pods.len(),
        owner: row.owner.clone(),
    }
}

fn call(edge: &ServiceEdge) -> CallShape {
    CallShape {
        caller: edge.caller.clone(),
        callee: edge.callee.clone(),
        calls: edge.calls,
        failed: edge.failed,
    }
}

/// Documents that were found.
#[derive(Serialize, JsonSchema)]
pub(super) struct KnowledgeShape {
    /// Best first, each by the section that fits best.
    passages: Vec<PassageShape>,
    /// Documents that were found and are not given.
    left_out: usize,
}

/// One document.
#[derive(Serialize, JsonSchema)]
struct PassageShape {
    /// runbook, incident or doc.
    kind: String,
    /// Its title.
    title: String,
    /// Headings above the section, outermost first.
    heading: Vec<String>,
    /// The section.
    text: String,
    /// Its first line in the file.
    line_start: u32,
    /// Its last.
    line_end: u32,
    /// Services it is about.
    services: Vec<String>,
    /// Alerts it answers.
    alerts: Vec<String>,
    /// When it was written or the incident happened.
    date: Option<String>,
    /// How sure it is that it answers, 0 to 1; below 0.35 it mostly does not.
    confidence: f32,
    /// Read this resource for all of it.
    uri: String,
}

/// Runbooks, past incidents and other documents.
pub(super) fn knowledge(
    from: &Investigator,
    given: SearchKnowledge,
    _now: Timestamp,
) -> Result<Said, Wrong> {
    if given.query.trim().is_empty() {
        return Err(Wrong::new("query is empty", "say what is looked for, in words"));
    }
    let kinds = given.kinds.unwrap_or_default().into_iter().map(|kind| match kind {
        Kind::Runbook => DocumentKind::Runbook,
        Kind::Incident => DocumentKind::Incident,
        Kind::Doc => DocumentKind::Doc,
    });
    let limit = limit(given.limit, 5, 20);
    let found = explore::passages(from, &given.query, kinds.collect())?;
    let left = found.len().saturating_sub(limit);
    let passages = found.into_iter().take(limit).map(|row| PassageShape {
        uri: uri::document(&row.document),
        kind: row.kind,
        title: row.title,
        heading: row.heading,
        text: shorten(&row.text, PASSAGE_BYTES_MAX),
        line_start: row.line_start,
        line_end: row.line_end,
        services: row.services,
        alerts: row.alerts,
        date: row.date.map(|date| date.0.to_string()),
        confidence: row.confidence,
    });
    let shape = KnowledgeShape { passages: passages.collect(), left_out: left };
    let summary = format!(
        "{}, best first{}.",
        counted(shape.passages.len(), "document"),
        left_out(shape.left_out as u64)
    );
    let recorded: Vec<String> = shape
        .passages
        .iter()
        .map(|one| {
            let heading = one.heading.join(" > ");
            format!("{} ({}, {:.2}) {heading}\n{}\n", one.title, one.kind, one.confidence, one.text)
        })
        .collect();
    let links = shape
        .passages
        .iter()
        .map(|one| Resource::new(one.uri.clone(), one.uri.clone()).with_mime_type("text/markdown"));
    let links = links.collect();
    Ok(Said::new(&shape, summary, &recorded).linking(links))
}
