//! `search_traces` and `get_trace`.

use std::collections::BTreeSet;

use groundcrew_telemetry::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::arguments::{Focus, GetTrace, SearchTraces, asked, limit};
use super::said::{Said, Wrong, counted, left_out};
use crate::explore::view::{TraceSpan, TraceView};
use crate::explore::{self, Asked, ExploreError};
use crate::investigate::Investigator;
use crate::investigate::evidence::shorten;

/// Spans of a trace that are given.
const SPANS_MAX: usize = 80;
/// Failed spans whose own words are read.
const FAILURES_MAX: usize = 3;
/// Log lines of a failed span that are given.
const LINES_MAX: usize = 3;
/// Longest text of a failed span, in bytes.
const TEXT_BYTES_MAX: usize = 500;

/// Traces of a time.
#[derive(Serialize, JsonSchema)]
pub(super) struct TracesShape {
    /// Start of the time.
    from: String,
    /// Its end.
    to: String,
    /// The traces: failed ones first, then the slowest.
    traces: Vec<TraceShape>,
    /// Traces among those read that are not listed.
    left_out: u64,
    /// Whether only a sample of whole traces was read.
    sampled: bool,
}

/// One trace in a list.
#[derive(Serialize, JsonSchema)]
struct TraceShape {
    /// Its id, for `get_trace`.
    trace_id: String,
    /// When it began.
    start: String,
    /// Milliseconds it took.
    ms: f64,
    /// The service of its first span.
    service: String,
    /// The operation of its first span.
    operation: String,
    /// Spans that were read.
    spans: u64,
    /// Of them failed.
    failed: u64,
    /// Who took part.
    services: Vec<String>,
}

/// Traces.
pub(super) fn search(
    from: &Investigator,
    given: SearchTraces,
    now: Timestamp,
) -> Result<Said, Wrong> {
    let limit = limit(given.limit, 20, 100);
    let asked = Asked {
        q: given.query.unwrap_or_default(),
        only: if given.failed == Some(true) { "failed".to_owned() } else { String::new() },
        ..asked(given.service, given.from, given.to)
    };
    let view = explore::traces(&from.store, &asked, now)?;
    let left = view.left_out + view.traces.len().saturating_sub(limit) as u64;
    let traces = view.traces.into_iter().take(limit).map(|trace| TraceShape {
        trace_id: trace.id,
        start: trace.start.0.to_string(),
        ms: trace.ms,
        service: trace.service,
        operation: trace.operation,
        spans: trace.spans,
        failed: trace.failed,
        services: trace.services,
    });
    let shape = TracesShape {
        from: view.from.0.to_string(),
        to: view.to.0.to_string(),
        traces: traces.collect(),
        left_out: left,
        sampled: view.sampled,
    };
    let summary = format!(
        "{} between {} and {}, failed ones first, then the slowest{}.",
        counted(shape.traces.len(), "trace"),
        shape.from,
        shape.to,
        left_out(shape.left_out)
    );
    let recorded: Vec<String> = shape
        .traces
        .iter()
        .map(|one| {
            format!(
                "{} {:.1} ms, {} spans, {} failed: {} {}",
                one.trace_id, one.ms, one.spans, one.failed, one.service, one.operation
            )
        })
        .collect();
    Ok(Said::new(&shape, summary, &recorded))
}

/// One trace.
#[derive(Serialize, JsonSchema)]
pub(super) struct OneTraceShape {
    /// Its id.
    trace_id: String,
    /// When it began.
    start: String,
    /// Milliseconds it took.
    ms: f64,
    /// Its spans, a parent before its children.
    spans: Vec<SpanShape>,
    /// Spans that the focus or the size leaves out.
    left_out: u64,
    /// What failed spans say themselves.
    failures: Vec<FailureShape>,
}

/// One span.
#[derive(Serialize, JsonSchema)]
struct SpanShape {
    /// Its id.
    id: String,
    /// The span that caused it; null for a first one.
    parent: Option<String>,
    /// How deep it lies, 0 for a first one.
    depth: u32,
    /// Who recorded it.
    service: String,
    /// The operation.
    operation: String,
    /// internal, server, client, producer, consumer or unspecified.
    kind: String,
    /// Milliseconds from the trace's start to its own.
    start_ms: f64,
    /// Milliseconds it took.
    ms: f64,
    /// Of them those in which none of its children ran.
    own_ms: f64,
    /// Of them those in which it is what the trace waited for.
    critical_ms: f64,
    /// Whether it failed.
    failed: bool,
}

/// A failed span in its own words.
#[derive(Serialize, JsonSchema)]
struct FailureShape {
    /// The span.
    span: String,
    /// Who recorded it.
    service: String,
    /// What it says about its failure.
    message: String,
    /// Log lines written in it, oldest first.
    lines: Vec<String>,
}

/// One trace.
pub(super) fn get(from: &Investigator, given: GetTrace, _now: Timestamp) -> Result<Said, Wrong> {
    let view = explore::trace(&from.store, &given.trace_id)?;
    let focus = given.focus.unwrap_or(Focus::CriticalPath);
    let chosen = chosen(&view, focus);
    let total = view.spans.len() as u64 + view.left_out;
    let spans: Vec<SpanShape> = view
        .spans
        .iter()
        .enumerate()
        .filter(|(number, _)| chosen.contains(number))
        .take(SPANS_MAX)
        .map(|(_, span)| shown(&view, span))
        .collect();
    let shape = OneTraceShape {
        trace_id: view.id.clone(),
        start: view.start.0.to_string(),
        ms: milliseconds(view.us),
        left_out: total.saturating_sub(spans.len() as u64),
        failures: failures(from, &view)?,
        spans,
    };
    let summary = format!(
        "{:.1} ms, {}{}. Focus: {}.",
        shape.ms,
        counted(shape.spans.len(), "span"),
        left_out(shape.left_out),
        match focus {
            Focus::CriticalPath => "what the trace waited for",
            Focus::Errors => "what failed and what caused it to run",
            Focus::All => "all spans",
        }
    );
    let mut recorded: Vec<String> = shape.spans.iter().map(line).collect();
    for failure in &shape.failures {
        recorded.push(format!("{} says: {}", failure.service, failure.message));
        recorded.extend(failure.lines.iter().map(|line| format!("  {line}")));
    }
    Ok(Said::new(&shape, summary, &recorded))
}

/// Positions of the spans that the focus is on.
fn chosen(view: &TraceView, focus: Focus) -> BTreeSet<usize> {
    let numbered = view.spans.iter().enumerate();
    match focus {
        Focus::All => numbered.map(|(number, _)| number).collect(),
        Focus::CriticalPath => numbered
            .filter(|(_, span)| !span.critical.is_empty())
            .map(|(number, _)| number)
            .collect(),
        Focus::Errors => {
            let mut chosen = BTreeSet::new();
            numbered
                .filter(|(_, span)| span.failed)
                .for_each(|(number, _)| choose_upwards(view, number, &mut chosen));
            chosen
        }
    }
}

/// Chooses a span and those that caused it. A parent stands before its children, so the way up ends.
fn choose_upwards(view: &TraceView, number: usize, chosen: &mut BTreeSet<usize>) {
    let mut at = Some(number);
    while let Some(number) = at.filter(|number| chosen.insert(*number)) {
        let parent = view.spans.get(number).and_then(|span| span.parent);
        at = parent.map(|parent| parent as usize);
    }
}

fn shown(view: &TraceView, span: &TraceSpan) -> SpanShape {
    let parent = span.parent.and_then(|parent| view.spans.get(parent as usize));
    SpanShape {
        id: span.id.clone(),
        parent: parent.map(|parent| parent.id.clone()),
        depth: span.depth,
        service: span.service.clone(),
        operation: span.operation.clone(),
        kind: span.kind.clone(),
        start_ms: milliseconds(span.start_us),
        ms: milliseconds(span.us),
        own_ms: milliseconds(span.own_us),
        critical_ms: milliseconds(span.critical.iter().map(|(from, to)| to - from).sum()),
        failed: span.failed,
    }
}

fn line(span: &SpanShape) -> String {
    let indent = "  ".repeat(span.depth.min(20) as usize);
    let failed = if span.failed { " FAILED" } else { "" };
    format!(
        "{indent}{} {} {:.1} ms, own {:.1}, waited for {:.1}{failed}",
        span.service, span.operation, span.ms, span.own_ms, span.critical_ms
    )
}

/// What the deepest failed spans say: the first to fail is usually the furthest down.
fn failures(from: &Investigator, view: &TraceView) -> Result<Vec<FailureShape>, ExploreError> {
    let mut failed: Vec<&TraceSpan> = view.spans.iter().filter(|span| span.failed).collect();
    failed.sort_by_key(|span| std::cmp::Reverse(span.depth));
    let mut failures = Vec::new();
    for span in failed.into_iter().take(FAILURES_MAX) {
        let known = explore::span(&from.store, &view.id, &span.id)?;
        let lines = known.lines.iter().take(LINES_MAX);
        failures.push(FailureShape {
            span: span.id.clone(),
            service: span.service.clone(),
            message: shorten(&known.message, TEXT_BYTES_MAX),
            lines: lines.map(|line| shorten(&line.body, TEXT_BYTES_MAX)).collect(),
        });
    }
    Ok(failures)
}

fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}
