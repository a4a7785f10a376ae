//! One trace as text: its spans as a tree, with where the time went.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_telemetry::{SpanId, SpanRow, TimeRange, TraceId};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, EvidenceKind, clip};
use super::super::format::{milliseconds, time};

/// Spans shown of a trace.
const SPANS_SHOWN: usize = 40;
/// Depth shown.
const DEPTH_MAX: usize = 12;
/// Longest status message shown, in bytes.
const MESSAGE_BYTES_MAX: usize = 200;

/// The trace to show of `rows`: a failed one, else the slowest.
pub(super) fn telling(rows: &[SpanRow], failed: bool) -> Option<TraceId> {
    let wanted = rows.iter().filter(|row| !failed || row.span.is_error());
    wanted
        .max_by_key(|row| (row.span.duration_nanos(), row.span.trace_id))
        .map(|row| row.span.trace_id)
}

/// The spans of one trace as an item.
pub(super) fn candidate(rows: &[SpanRow]) -> Option<Candidate> {
    let first = rows.iter().min_by_key(|row| row.span.start)?;
    let last = rows.iter().map(|row| row.span.end).max()?;
    let trace = first.span.trace_id.to_string();
    let known: BTreeSet<SpanId> = rows.iter().map(|row| row.span.span_id).collect();
    let mut children: BTreeMap<Option<SpanId>, Vec<&SpanRow>> = BTreeMap::new();
    for row in rows {
        let parent = row.span.parent_span_id.filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(row);
    }
    children.values_mut().for_each(|rows| rows.sort_by_key(|row| row.span.start));
    let mut view = View { children: &children, lines: Vec::new() };
    for root in children.get(&None).into_iter().flatten() {
        view.tell(root, 0);
    }
    let failed = rows.iter().filter(|row| row.span.is_error()).count();
    let took = milliseconds(last.nanos_since(first.span.start) as f64 / 1e6);
    let title = format!(
        "trace {trace}: {} “{}” takes {took}, {} spans, {failed} failed",
        first.resource.service(),
        first.span.name,
        rows.len()
    );
    let mut item = Candidate::new(EvidenceKind::Trace, title.clone(), format!("trace:{trace}"));
    item.service = Some(first.resource.service().to_owned()).filter(|name| !name.is_empty());
    item.range = Some(TimeRange::new(first.span.start, last.plus_nanos(1)));
    item.query = Some(format!("traces id:{trace}"));
    item.measure = Some(Measure::Trace { trace });
    item.score = 0.5;
    let mut item = item.saying(&title);
    item.text.push('\n');
    item.text.push_str(&view.lines.join("\n"));
    Some(item)
}

struct View<'a> {
    children: &'a BTreeMap<Option<SpanId>, Vec<&'a SpanRow>>,
    lines: Vec<String>,
}

impl View<'_> {
    fn tell(&mut self, row: &SpanRow, depth: usize) {
        if depth > DEPTH_MAX || self.lines.len() >= SPANS_SHOWN {
            return;
        }
        let below = self.children.get(&Some(row.span.span_id)).map_or(&[][..], Vec::as_slice);
        let inside: i64 = below.iter().map(|child| child.span.duration_nanos()).sum();
        let own = (row.span.duration_nanos() - inside).max(0) as f64 / 1e6;
        let mut line = format!(
            "{}{} {} {} {}",
            "  ".repeat(depth + 1),
            time(row.span.start),
            row.resource.service(),
            row.span.name,
            milliseconds(row.span.duration_nanos() as f64 / 1e6)
        );
        if !below.is_empty() {
            line.push_str(&format!(", {} of its own", milliseconds(own)));
        }
        if row.span.is_error() {
            let message = clip(&row.span.status.message, MESSAGE_BYTES_MAX);
            line.push_str(&format!(" failed {message}"));
        }
        self.lines.push(line.trim_end().to_owned());
        below.iter().for_each(|child| self.tell(child, depth + 1));
    }
}
