//! Spans as a forest: parents found, self and wire time computed, everything aggregated per operation and edge.
//!
//! Linear in the number of spans, apart from the sorting of durations.

use groundcrew_telemetry::{SpanId, SpanKind, SpanRow, TraceId, peer_name};
use rustc_hash::FxHashMap;

use super::names::Names;
use super::period::{Period, Periods};
use crate::templates::Templates;

/// No parent, no callee.
const NONE: u32 = u32::MAX;
/// Spans that are followed upwards from one.
const PATH_MAX: usize = 256;
/// Silence that parts two stretches of the baseline.
const STRETCH_GAP_NANOS: i64 = 45_000_000_000;
/// Stretches that are told apart.
const STRETCHES_MAX: usize = 8;

/// One span, reduced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) service: u32,
    pub(super) operation: u32,
    pub(super) pod: u32,
    pub(super) period: Period,
    pub(super) parent: u32,
    pub(super) row: u32,
    pub(super) start: i64,
    pub(super) end: i64,
    /// Duration without the time its children take.
    pub(super) self_nanos: i64,
    /// The service at the other side, when this span is a call to another service.
    pub(super) callee: u32,
    pub(super) failed: bool,
    /// It failed and no child of it did.
    pub(super) failed_itself: bool,
    /// The span at which its service took over: the nearest one above whose parent is another service's, or none.
    pub(super) entry: u32,
    /// For entry spans: duration without the time that the service waits for others.
    pub(super) own_nanos: i64,
    /// Which stretch of the baseline, counted from its start; stretches lie a minute or more apart.
    pub(super) stretch: u8,
}

impl Node {
    pub(super) fn is_call(&self) -> bool {
        self.callee != NONE
    }

    pub(super) fn is_entry(&self, number: usize) -> bool {
        self.entry as usize == number
    }

    /// How long it took.
    pub(super) fn nanos(&self) -> f64 {
        self.end.saturating_sub(self.start) as f64
    }

    pub(super) fn parent(&self) -> Option<usize> {
        (self.parent != NONE).then_some(self.parent as usize)
    }
}

/// All spans of window and baseline.
#[derive(Debug, Default)]
pub(super) struct Forest {
    pub(super) nodes: Vec<Node>,
    /// Operation number to its service.
    pub(super) operation_service: Vec<u32>,
    /// Operation number to whom it calls.
    pub(super) operation_callee: Vec<Option<u32>>,
    /// Operation names (`service \u{1f} name` is what is numbered).
    pub(super) operations: Names,
    pub(super) pods: Names,
    /// Services that only ever appear as the other side of a call.
    pub(super) dependencies: Vec<u32>,
    /// Stretches that the baseline has.
    pub(super) stretches: usize,
}

impl Forest {
    /// Reads all spans of window and baseline.
    pub(super) fn new(rows: &[SpanRow], periods: &Periods, services: &mut Names) -> Self {
        let mut forest = Self::default();
        let mut places: FxHashMap<(TraceId, SpanId), u32> = FxHashMap::default();
        places.reserve(rows.len());
        for (position, row) in rows.iter().enumerate() {
            let Some(period) = periods.of(row.span.start) else { continue };
            let service = services.number(row.resource.service());
            let pod = row.resource.pod().map_or(NONE, |pod| forest.pods.number(pod));
            let number = u32::try_from(forest.nodes.len()).unwrap_or(NONE);
            places.insert((row.span.trace_id, row.span.span_id), number);
            forest.nodes.push(Node {
                service,
                operation: NONE,
                pod,
                period,
                parent: NONE,
                row: u32::try_from(position).unwrap_or(NONE),
                start: row.span.start.nanos(),
                end: row.span.start.plus_nanos(row.span.duration_nanos()).nanos(),
                self_nanos: row.span.duration_nanos(),
                callee: NONE,
                failed: row.span.is_error(),
                failed_itself: row.span.is_error(),
                entry: NONE,
                own_nanos: 0,
                stretch: 0,
            });
        }
        forest.find_parents(rows, &places);
        forest.find_callees(rows, services);
        forest.find_operations(rows, services);
        forest.subtract_children();
        forest.find_entries();
        forest.subtract_calls();
        forest.find_stretches();
        forest
    }

    fn find_parents(&mut self, rows: &[SpanRow], places: &FxHashMap<(TraceId, SpanId), u32>) {
        for number in 0..self.nodes.len() {
            let Some(row) = self.nodes.get(number).and_then(|node| rows.get(node.row as usize))
            else {
                continue;
            };
            let Some(parent_id) = row.span.parent_span_id else { continue };
            let parent = places.get(&(row.span.trace_id, parent_id)).copied().unwrap_or(NONE);
            if let Some(node) = self.nodes.get_mut(number).filter(|_| parent as usize != number) {
                node.parent = parent;
            }
        }
    }

    /// A span whose child belongs to another service is a call to it; so is a client span that names its peer.
    fn find_callees(&mut self, rows: &[SpanRow], services: &mut Names) {
        let with_spans = services.len();
        for number in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(number).copied() else { continue };
            let Some(parent) = node.parent() else { continue };
            if let Some(parent) =
                self.nodes.get_mut(parent).filter(|parent| parent.service != node.service)
            {
                parent.callee = node.service;
            }
        }
        for node in &mut self.nodes {
            let Some(row) = rows.get(node.row as usize) else { continue };
            let calls = matches!(row.span.kind, SpanKind::Client | SpanKind::Producer);
            if node.callee != NONE || !calls {
                continue;
            }
            let Some(peer) = peer_name(&row.span.attributes).map(|peer| services.number(peer))
            else {
                continue;
            };
            if peer == node.service {
                continue;
            }
            node.callee = peer;
            if peer as usize >= with_spans && !self.dependencies.contains(&peer) {
                self.dependencies.push(peer);
            }
        }
    }

    fn find_operations(&mut self, rows: &[SpanRow], services: &Names) {
        let mut known: FxHashMap<(u32, &str, u32), u32> = FxHashMap::default();
        let mut templates = Templates::new();
        for node in &mut self.nodes {
            let Some(row) = rows.get(node.row as usize) else { continue };
            let key = (node.service, row.span.name.as_str(), node.callee);
            node.operation = *known.entry(key).or_insert_with(|| {
                // Names may carry ids; those do not make operations of their own.
                templates.id_of(&row.span.name);
                let call = if node.callee == NONE { "" } else { services.name(node.callee) };
                let text = format!("{}\u{1f}{}\u{1f}{call}", node.service, templates.text());
                let operation = self.operations.number(&text);
                if operation as usize == self.operation_service.len() {
                    self.operation_service.push(node.service);
                    self.operation_callee.push((node.callee != NONE).then_some(node.callee));
                }
                operation
            });
        }
    }

    /// The name of an operation, as the sender gave it, ids masked.
    pub(super) fn operation_name(&self, operation: u32) -> &str {
        self.operations.name(operation).split('\u{1f}').nth(1).unwrap_or("")
    }

    /// Self time: the union of the children's time is taken off.
    fn subtract_children(&mut self) {
        let mut children: Vec<(u32, i64, i64, u32)> = self
            .nodes
            .iter()
            .filter(|node| node.parent != NONE)
            .map(|node| (node.parent, node.start, node.end, node.service))
            .collect();
        children.sort_unstable();
        let failed_parents: Vec<u32> = self
            .nodes
            .iter()
            .filter(|node| node.failed && node.parent != NONE)
            .map(|node| node.parent)
            .collect();
        for parent in failed_parents {
            if let Some(node) = self.nodes.get_mut(parent as usize) {
                node.failed_itself = false;
            }
        }
        for group in children.chunk_by(|a, b| a.0 == b.0) {
            let Some(node) = group.first().and_then(|child| self.nodes.get_mut(child.0 as usize))
            else {
                continue;
            };
            let duration = (node.end - node.start).max(0);
            let covered = match group {
                // Clocks of two hosts differ, durations do not.
                [(_, start, end, service)] if *service != node.service => (end - start).max(0),
                _ => union(group, node.start, node.end),
            };
            node.self_nanos = (duration - covered).max(0);
        }
    }

    /// Finds for each span where its service took over.
    fn find_entries(&mut self) {
        let mut path: Vec<usize> = Vec::new();
        for number in 0..self.nodes.len() {
            path.clear();
            let entry = self.entry_above(number, &mut path);
            for step in &path {
                if let Some(node) = self.nodes.get_mut(*step) {
                    node.entry = entry;
                }
            }
        }
    }

    /// Walks up from a span as long as the service stays the same; `path` takes the spans passed.
    fn entry_above(&self, number: usize, path: &mut Vec<usize>) -> u32 {
        let mut at = number;
        loop {
            let Some(node) = self.nodes.get(at) else { return NONE };
            if node.entry != NONE {
                return node.entry;
            }
            path.push(at);
            let same_service = |parent: &usize| {
                self.nodes.get(*parent).is_some_and(|parent| parent.service == node.service)
            };
            match node.parent().filter(same_service) {
                // A cycle of parents, which broken senders do produce, ends here too.
                Some(parent) if path.len() < PATH_MAX && !path.contains(&parent) => at = parent,
                _ => return at as u32,
            }
        }
    }

    /// Own time of entry spans: calls anywhere below them, also those of parallel branches, are taken off.
    fn subtract_calls(&mut self) {
        let mut calls: Vec<(u32, i64, i64, u32)> = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(number, node)| node.is_call() && node.entry as usize != *number)
            .map(|(_, node)| (node.entry, node.start, node.end, node.service))
            .collect();
        calls.sort_unstable();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            if node.entry as usize == number {
                node.own_nanos = if node.is_call() { 0 } else { (node.end - node.start).max(0) };
            }
        }
        for group in calls.chunk_by(|a, b| a.0 == b.0) {
            let Some(node) = group.first().and_then(|call| self.nodes.get_mut(call.0 as usize))
            else {
                continue;
            };
            node.own_nanos = (node.own_nanos - union(group, node.start, node.end)).max(0);
        }
    }

    /// Splits the baseline where it has holes, so that drift between its parts can be told from a change.
    fn find_stretches(&mut self) {
        let mut starts: Vec<i64> = self
            .nodes
            .iter()
            .filter(|node| node.period == Period::Baseline)
            .map(|node| node.start)
            .collect();
        starts.sort_unstable();
        let mut begins: Vec<i64> = Vec::new();
        let mut before = i64::MIN;
        for start in starts {
            if start.saturating_sub(before) > STRETCH_GAP_NANOS && begins.len() < STRETCHES_MAX {
                begins.push(start);
            }
            before = start;
        }
        for node in &mut self.nodes {
            node.stretch =
                begins.partition_point(|begin| *begin <= node.start).saturating_sub(1) as u8;
        }
        self.stretches = begins.len().max(1);
    }
}

/// Length of the union of intervals sorted by start, clipped to `low..high`.
fn union(intervals: &[(u32, i64, i64, u32)], low: i64, high: i64) -> i64 {
    let mut covered = 0;
    let mut reached = low;
    for (_, start, end, _) in intervals {
        let start = (*start).max(reached);
        let end = (*end).min(high);
        if end > start {
            covered += end - start;
            reached = end;
        }
    }
    covered
}
