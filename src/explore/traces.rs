//! Traces in a list, and one trace as a tree with its critical path.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_analysis::critical_path;
use groundcrew_store::{Expression, Found, LogQuery, SpanQuery, Store};
use groundcrew_telemetry::{SpanId, SpanKind, SpanRow, TimeRange, Timestamp, TraceId};

use super::logs::line;
use super::view::{SpanMoment, SpanView, Time, TraceRow, TraceSpan, TraceView, TracesView, texts};
use super::when::{Asked, ExploreError, given, trace_id};

/// Spans read for a list.
const SPANS_MAX: usize = 40_000;
/// Traces listed.
const TRACES_MAX: usize = 200;
/// Spans shown of one trace.
const SHOWN_MAX: usize = 50_000;
/// Log records shown of one span.
const LINES_MAX: usize = 200;

/// Traces of a time: failed ones first, then the slowest.
///
/// # Errors
/// When the question or the store cannot be read.
pub fn traces(store: &Store, asked: &Asked, now: Timestamp) -> Result<TracesView, ExploreError> {
    let range = asked.range(store, now)?;
    let query = SpanQuery { range, services: Vec::new(), trace_id: None, limit: SPANS_MAX };
    let found = store.spans(&query)?;
    // Of older traces those that failed or were slow are beside the even share.
    let standing_out = store.spans_standing_out(&query)?;
    let mut by_trace: BTreeMap<TraceId, Vec<&SpanRow>> = BTreeMap::new();
    for row in found.rows.iter().chain(&standing_out) {
        by_trace.entry(row.span.trace_id).or_default().push(row);
    }
    let service = given(&asked.service);
    let failed_only = asked.only == "failed";
    let mut traces: Vec<TraceRow> = by_trace
        .iter()
        .filter_map(|(id, rows)| trace_row(*id, rows))
        .filter(|trace| service.is_none_or(|name| trace.services.iter().any(|one| one == name)))
        .filter(|trace| !failed_only || trace.failed > 0)
        .filter(|trace| given(&asked.q).is_none_or(|words| trace.operation.contains(words)))
        .collect();
    traces.sort_by(|a, b| {
        let failed = (b.failed > 0).cmp(&(a.failed > 0));
        failed.then(b.ms.total_cmp(&a.ms)).then_with(|| a.id.cmp(&b.id))
    });
    let left_out = traces.len().saturating_sub(TRACES_MAX) as u64;
    traces.truncate(TRACES_MAX);
    let mut words = vec!["traces".to_owned()];
    words.extend(service.map(|service| format!("service:{service}")));
    words.extend(failed_only.then(|| "failed".to_owned()));
    Ok(TracesView {
        from: Time(range.start),
        to: Time(range.end),
        query: words.join(" "),
        traces,
        left_out,
        sampled: (found.rows.len() as u64) < found.matched,
    })
}

fn trace_row(id: TraceId, rows: &[&SpanRow]) -> Option<TraceRow> {
    let first = rows
        .iter()
        .min_by_key(|row| (row.span.parent_span_id.is_some(), row.span.start, row.span.span_id))?;
    let start = rows.iter().map(|row| row.span.start).min()?;
    let end = rows.iter().map(|row| row.span.end).max()?;
    let services: BTreeSet<&str> = rows.iter().map(|row| row.resource.service()).collect();
    Some(TraceRow {
        id: id.to_string(),
        start: Time(start),
        ms: end.nanos_since(start).max(0) as f64 / 1e6,
        service: first.resource.service().to_owned(),
        operation: first.span.name.clone(),
        spans: rows.len() as u64,
        failed: rows.iter().filter(|row| row.span.is_error()).count() as u64,
        services: services.into_iter().map(str::to_owned).collect(),
    })
}

/// One trace.
///
/// # Errors
/// When there is none of that id, or the store cannot be read.
pub fn trace(store: &Store, id: &str) -> Result<TraceView, ExploreError> {
    let Found { rows, matched } = spans_of(store, trace_id(id)?)?;
    let left_out = matched.saturating_sub(rows.len() as u64);
    let start = rows.iter().map(|row| row.span.start).min();
    let end = rows.iter().map(|row| row.span.end).max();
    let (Some(start), Some(end)) = (start, end) else {
        return Err(ExploreError::NotFound("trace"));
    };
    let tree = Tree::new(&rows);
    let mut spans: Vec<TraceSpan> = Vec::with_capacity(rows.len());
    let mut place: Vec<usize> = vec![usize::MAX; rows.len()];
    tree.walk(&mut |number, parent, depth| {
        let Some(row) = rows.get(number) else { return };
        if let Some(place) = place.get_mut(number) {
            *place = spans.len();
        }
        let parent = parent.and_then(|parent| place.get(parent)).copied();
        let position = parent.and_then(|position| u32::try_from(position).ok());
        spans.push(shown(row, start, (position, depth, tree.own(number, &rows))));
    });
    let times = |number: usize| {
        let span = &rows.get(number)?.span;
        Some((span.start.nanos(), span.end.nanos()))
    };
    for root in tree.below(None) {
        let below = |number: usize| tree.below(Some(number)).to_vec();
        critical_path(*root, &times, &below, &mut |number, (from, to)| {
            let span = place.get(number).and_then(|place| spans.get_mut(*place));
            if let Some(span) = span {
                let micros = |nanos: i64| nanos.saturating_sub(start.nanos()) / 1_000;
                span.critical.push((micros(from), micros(to)));
            }
        });
    }
    spans.iter_mut().for_each(|span| span.critical.sort_unstable());
    Ok(TraceView {
        id: id.trim().to_lowercase(),
        start: Time(start),
        us: end.nanos_since(start).max(0) / 1_000,
        spans,
        left_out,
    })
}

fn spans_of(store: &Store, trace: TraceId) -> Result<Found<SpanRow>, ExploreError> {
    let query = SpanQuery {
        range: TimeRange::ALL,
        services: Vec::new(),
        trace_id: Some(trace),
        limit: SHOWN_MAX,
    };
    Ok(store.spans(&query)?)
}

fn shown(
    row: &SpanRow,
    start: Timestamp,
    (parent, depth, own_us): (Option<u32>, u32, i64),
) -> TraceSpan {
    let span = &row.span;
    let kind = match span.kind {
        SpanKind::Unspecified => "unspecified",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    };
    TraceSpan {
        id: span.span_id.to_string(),
        parent,
        depth,
        service: row.resource.service().to_owned(),
        operation: span.name.clone(),
        kind: kind.to_owned(),
        start_us: span.start.nanos_since(start) / 1_000,
        us: span.duration_nanos() / 1_000,
        own_us,
        failed: span.is_error(),
        critical: Vec::new(),
    }
}

/// Who caused whom. Spans that are their own ancestors, which only damaged senders make, hang below nothing.
struct Tree {
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
}

impl Tree {
    fn new(rows: &[SpanRow]) -> Self {
        let mut by_id: BTreeMap<SpanId, usize> = BTreeMap::new();
        for (number, row) in rows.iter().enumerate() {
            by_id.entry(row.span.span_id).or_insert(number);
        }
        let parent_of = |number: usize| {
            let parent = rows.get(number)?.span.parent_span_id?;
            by_id.get(&parent).copied().filter(|parent| *parent != number)
        };
        let mut tree = Self { roots: Vec::new(), children: vec![Vec::new(); rows.len()] };
        let mut rooted: Vec<Option<bool>> = vec![None; rows.len()];
        for number in 0..rows.len() {
            match parent_of(number).filter(|_| is_rooted(number, &parent_of, &mut rooted)) {
                Some(parent) => {
                    if let Some(children) = tree.children.get_mut(parent) {
                        children.push(number);
                    }
                }
                None => tree.roots.push(number),
            }
        }
        let start =
            |number: &usize| rows.get(*number).map(|row| (row.span.start, row.span.span_id));
        tree.roots.sort_by_key(start);
        tree.children.iter_mut().for_each(|children| children.sort_by_key(start));
        tree
    }

    fn below(&self, number: Option<usize>) -> &[usize] {
        match number {
            None => &self.roots,
            Some(number) => self.children.get(number).map_or(&[], Vec::as_slice),
        }
    }

    /// Calls `visit` with each span, its parent and its depth, parents first.
    fn walk(&self, visit: &mut dyn FnMut(usize, Option<usize>, u32)) {
        let mut open: Vec<(usize, Option<usize>, u32)> =
            self.roots.iter().rev().map(|root| (*root, None, 0)).collect();
        while let Some((number, parent, depth)) = open.pop() {
            visit(number, parent, depth);
            let below = self.below(Some(number)).iter().rev();
            open.extend(below.map(|child| (*child, Some(number), depth + 1)));
        }
    }

    /// Microseconds in which none of its children ran.
    fn own(&self, number: usize, rows: &[SpanRow]) -> i64 {
        let Some(span) = rows.get(number).map(|row| &row.span) else { return 0 };
        let mut covered = 0;
        let mut until = span.start;
        for child in self.below(Some(number)).iter().filter_map(|child| rows.get(*child)) {
            let (start, end) = (child.span.start.max(until), child.span.end.min(span.end));
            if end > start {
                covered += end.nanos_since(start);
                until = end;
            }
        }
        (span.duration_nanos() - covered).max(0) / 1_000
    }
}

/// Whether the way up from a span ends: with a root, and not in a circle.
fn is_rooted(
    number: usize,
    parent_of: &impl Fn(usize) -> Option<usize>,
    known: &mut [Option<bool>],
) -> bool {
    let mut way = Vec::new();
    let mut at = number;
    let answer = loop {
        match known.get(at).copied().flatten() {
            Some(answer) => break answer,
            None if way.len() > known.len() => break false,
            None => way.push(at),
        }
        match parent_of(at) {
            Some(parent) => at = parent,
            None => break true,
        }
    };
    for one in way {
        if let Some(known) = known.get_mut(one) {
            *known = Some(answer);
        }
    }
    answer
}

/// What is known of one span beside its times.
///
/// # Errors
/// When there is none of that id, or the store cannot be read.
pub fn span(store: &Store, trace: &str, span: &str) -> Result<SpanView, ExploreError> {
    let trace = trace_id(trace)?;
    let row = spans_of(store, trace)?
        .rows
        .into_iter()
        .find(|row| row.span.span_id.to_string() == span)
        .ok_or(ExploreError::NotFound("span"))?;
    let lines = store.search_logs(&LogQuery {
        text: Expression::words([row.span.span_id.to_string()]),
        trace_id: Some(trace),
        limit: LINES_MAX,
        ..LogQuery::within(TimeRange::ALL)
    })?;
    Ok(SpanView {
        message: row.span.status.message.clone(),
        attributes: texts(&row.span.attributes),
        resource: texts(&row.resource.attributes),
        events: row
            .span
            .events
            .iter()
            .map(|event| SpanMoment {
                time: Time(event.time),
                name: event.name.clone(),
                attributes: texts(&event.attributes),
            })
            .collect(),
        lines: lines.iter().map(line).collect(),
    })
}
