//! Spans around the incident: for the analysis, and operations with their failures and slowest example for the bundle.

use std::collections::BTreeMap;

use groundcrew_store::{SpanCountQuery, SpanQuery, Store};
use groundcrew_telemetry::{Attributes, SpanRow, TimeRange};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, EvidenceKind, Gap, Own, clip};
use super::super::format::{count, milliseconds, time};
use super::super::material::Gathered;
use super::super::question::{Plan, Question};

/// Operations that become candidates.
const OPERATIONS_MAX: usize = 200;
/// Longest attributes of an example, in bytes.
const ATTRIBUTES_BYTES_MAX: usize = 700;
/// How far back spans are still shown when the examined time holds none.
const LOOKBACK_SECS: i64 = 30 * 86_400;

pub(super) fn gather(store: &Store, question: &Question, plan: &Plan, gathered: &mut Gathered) {
    let read = |range: TimeRange| {
        let limit = question.budget.spans_max;
        store.spans(&SpanQuery { range, services: Vec::new(), trace_id: None, limit })
    };
    let found = match read(plan.whole()) {
        Ok(found) => found,
        Err(error) => {
            let what = format!("traces could not be read: {error}");
            gathered.gaps.push(Gap::new(what, "groundcrew doctor"));
            return;
        }
    };
    gathered.receipt.spans = found.matched;
    let number = found.rows.len() as u64;
    if number < found.matched {
        gathered.gaps.push(Gap::unfixable(format!(
            "of {} spans {number} were read, whole traces chosen evenly; rare calls may be missed",
            found.matched
        )));
    }
    let counted =
        if number < found.matched { counts(store, plan.window) } else { Counts::default() };
    let inside: Vec<&SpanRow> =
        found.rows.iter().filter(|row| plan.window.contains(row.span.start)).collect();
    gathered.candidates.extend(operations(&inside, &counted));
    if found.rows.is_empty() {
        let end = plan.window.end;
        if let Ok(older) = read(TimeRange::new(end.plus_secs(-LOOKBACK_SECS), end)) {
            let rows: Vec<&SpanRow> = older.rows.iter().collect();
            gathered.candidates.extend(operations(&rows, &Counts::default()));
        }
    }
    gathered.observations.spans = found.rows;
}

/// Spans and failed ones by service and operation, of all and not of a sample.
type Counts = BTreeMap<(String, String), (u64, u64)>;

/// What was counted in a time; nothing where that cannot be read, since a sample says nearly the same.
fn counts(store: &Store, range: TimeRange) -> Counts {
    let query = SpanCountQuery { range, services: Vec::new() };
    let mut counts = Counts::new();
    for operation in store.span_counts(&query).unwrap_or_default().operations {
        let known = counts.entry((operation.service, operation.operation)).or_default();
        known.0 += operation.spans;
        known.1 += operation.failed;
    }
    counts
}

/// What one operation of one service came to.
struct Operation<'a> {
    calls: u64,
    failed: u64,
    first: &'a SpanRow,
    last: &'a SpanRow,
    slowest: &'a SpanRow,
    failure: Option<&'a SpanRow>,
}

fn operations(rows: &[&SpanRow], counts: &Counts) -> Vec<Candidate> {
    let mut operations: BTreeMap<(&str, &str), Operation<'_>> = BTreeMap::new();
    for row in rows.iter().copied() {
        let failure = row.span.is_error().then_some(row);
        let known =
            operations.entry((row.resource.service(), &row.span.name)).or_insert(Operation {
                calls: 0,
                failed: 0,
                first: row,
                last: row,
                slowest: row,
                failure,
            });
        known.calls += 1;
        known.failed += u64::from(failure.is_some());
        known.failure = known.failure.or(failure);
        if row.span.duration_nanos() > known.slowest.span.duration_nanos() {
            known.slowest = row;
        }
        if row.span.start < known.first.span.start {
            known.first = row;
        }
        if row.span.start > known.last.span.start {
            known.last = row;
        }
    }
    let mut candidates: Vec<Candidate> = operations
        .into_iter()
        .map(|((service, name), mut operation)| {
            if let Some(all) = counts.get(&(service.to_owned(), name.to_owned())) {
                (operation.calls, operation.failed) = *all;
            }
            candidate(service, name, &operation)
        })
        .collect();
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
    candidates.truncate(OPERATIONS_MAX);
    candidates
}

fn candidate(service: &str, name: &str, operation: &Operation<'_>) -> Candidate {
    let slowest = &operation.slowest.span;
    let mut text = format!(
        "{service} “{name}”: {} calls, {} failed, {} – {}",
        count(operation.calls),
        count(operation.failed),
        time(operation.first.span.start),
        time(operation.last.span.start)
    );
    text.push_str(&format!("\n  slowest {}", example(operation.slowest)));
    if let Some(failure) =
        operation.failure.filter(|failure| failure.span.span_id != slowest.span_id)
    {
        text.push_str(&format!("\n  failed {}", example(failure)));
    }
    let share = operation.failed as f64 / operation.calls.max(1) as f64;
    Candidate {
        kind: EvidenceKind::Span,
        title: format!("“{name}” of {service}"),
        service: Some(service.to_owned()).filter(|service| !service.is_empty()),
        range: Some(TimeRange::new(
            operation.first.span.start,
            operation.last.span.end.plus_nanos(1),
        )),
        query: Some(format!("traces service:{service} operation:{name}")),
        text,
        score: if operation.failed > 0 { 0.30 + 0.10 * share } else { 0.18 },
        own: Own::FirstLine,
        measure: Some(Measure::Requests { service: service.to_owned(), pod: None }),
        series: None,
        drawn: None,
        key: format!("operation:{service}:{name}"),
    }
}

/// One span in a line: how long, how it ended, what it carries.
fn example(row: &SpanRow) -> String {
    let span = &row.span;
    let took = milliseconds(span.duration_nanos() as f64 / 1e6);
    let mut line = format!("{took} at {} trace {}", time(span.start), span.trace_id);
    if !span.status.message.is_empty() {
        line.push_str(&format!(" “{}”", span.status.message));
    }
    let pairs = |attributes: &Attributes| -> String {
        attributes.iter().map(|(key, value)| format!(" {key}={value}")).collect()
    };
    line.push_str(&pairs(&span.attributes));
    for event in &span.events {
        line.push_str(&format!("; {}{}", event.name, pairs(&event.attributes)));
    }
    clip(&line, ATTRIBUTES_BYTES_MAX).to_owned()
}
