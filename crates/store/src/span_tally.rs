//! Counts spans: which are requests to a service from outside it, and who called whom, told by their parents.
//!
//! A span and its parent are joined within what is counted together, a memory or a split. Of a trace that was sealed in
//! two parts the two sides of a call may stand apart: then it is counted under what the caller says it called, which a
//! reader puts to the service that answers others under that name.

use std::sync::Arc;

use groundcrew_telemetry::{
    Resource, Span, SpanId, SpanKind, Timestamp, TraceId, peer_name, peer_of,
};
use rustc_hash::FxHashMap;

use crate::latency::range_of;
use crate::memory::{PackedValue, SpanRef};
use crate::slot::slot_of;
use crate::span_rollup::{CellKey, EdgeKey, SpanRollup, SpanRollupBuilder};
use crate::span_sample::sample_hash;

/// Traces of more spans are joined through a table.
const SEARCHED_MAX: usize = 32;

/// What of a span is counted.
#[derive(Clone, Copy, Debug)]
struct Tallied {
    trace: u64,
    span_id: SpanId,
    parent: Option<SpanId>,
    slot: i64,
    service: u32,
    operation: u32,
    peer: Option<u32>,
    range: u16,
    kind: u8,
    is_failed: bool,
}

/// A service and pod that spans come from.
#[derive(Debug)]
struct Sender {
    service: u32,
    pod: Option<Arc<str>>,
    first: Timestamp,
    last: Timestamp,
}

/// Spans that are counted.
#[derive(Debug, Default)]
pub(crate) struct SpanTally {
    builder: SpanRollupBuilder,
    senders: Vec<Sender>,
    spans: Vec<Tallied>,
}

/// A span as it is counted, from wherever it is.
struct Counted<'s> {
    trace_id: TraceId,
    span_id: SpanId,
    parent: Option<SpanId>,
    name: &'s str,
    kind: SpanKind,
    start: Timestamp,
    nanos: i64,
    is_failed: bool,
    peer: Option<&'s str>,
}

impl SpanTally {
    /// Room for that many spans.
    pub(crate) fn with_capacity(spans: usize) -> Self {
        Self { spans: Vec::with_capacity(spans), ..Self::default() }
    }

    /// Notes who sends what is added under the number that is returned.
    pub(crate) fn sender(&mut self, resource: &Resource) -> usize {
        let service = self.builder.name(resource.service());
        let pod = resource.pod().map(Arc::from);
        self.senders.push(Sender { service, pod, first: Timestamp::MAX, last: Timestamp::MIN });
        self.senders.len() - 1
    }

    pub(crate) fn add_packed(&mut self, sender: usize, span: &SpanRef<'_>) {
        let texts = span.attributes().filter_map(|(key, value)| match value {
            PackedValue::Str(text) => Some((key, *text)),
            _ => None,
        });
        self.count(
            sender,
            &Counted {
                trace_id: span.head.trace_id,
                span_id: span.span_id(),
                parent: span.parent_span_id(),
                name: span.name(),
                kind: span.kind(),
                start: span.head.start,
                nanos: span.nanos(),
                is_failed: span.is_error(),
                peer: if is_call(span.kind()) { peer_of(texts) } else { None },
            },
        );
    }

    pub(crate) fn add_span(&mut self, sender: usize, span: &Span) {
        self.count(
            sender,
            &Counted {
                trace_id: span.trace_id,
                span_id: span.span_id,
                parent: span.parent_span_id,
                name: &span.name,
                kind: span.kind,
                start: span.start,
                nanos: span.duration_nanos(),
                is_failed: span.is_error(),
                peer: if is_call(span.kind) { peer_name(&span.attributes) } else { None },
            },
        );
    }

    fn count(&mut self, sender: usize, span: &Counted<'_>) {
        let Some(sender) = self.senders.get_mut(sender) else { return };
        sender.first = sender.first.min(span.start);
        sender.last = sender.last.max(span.start);
        let service = sender.service;
        self.spans.push(Tallied {
            trace: sample_hash(span.trace_id),
            span_id: span.span_id,
            parent: span.parent,
            slot: slot_of(span.start),
            service,
            operation: self.builder.operation(service, span.name),
            peer: span.peer.map(|peer| self.builder.peer(peer)),
            range: range_of(span.nanos),
            kind: span.kind.number(),
            is_failed: span.is_failed,
        });
    }

    /// Joins and counts.
    pub(crate) fn finish(self) -> SpanRollup {
        let Self { mut builder, senders, mut spans } = self;
        spans.sort_unstable_by_key(|span| (span.trace, span.span_id));
        let mut answered: Vec<bool> = Vec::new();
        for trace in spans.chunk_by(|one, other| one.trace == other.trace) {
            count_trace(trace, &mut answered, &mut builder);
        }
        for sender in &senders {
            if let Some(pod) = sender.pod.as_ref().filter(|_| sender.first <= sender.last) {
                builder.pod(sender.service, pod, sender.first, sender.last);
            }
        }
        builder.finish()
    }
}

fn count_trace(trace: &[Tallied], answered: &mut Vec<bool>, builder: &mut SpanRollupBuilder) {
    let table: Option<FxHashMap<SpanId, usize>> = (trace.len() > SEARCHED_MAX).then(|| {
        trace.iter().enumerate().rev().map(|(place, span)| (span.span_id, place)).collect()
    });
    let place_of = |id: SpanId| match &table {
        Some(table) => table.get(&id).copied(),
        None => trace.iter().position(|span| span.span_id == id),
    };
    answered.clear();
    answered.resize(trace.len(), false);
    for span in trace {
        let parent = span.parent.and_then(place_of);
        let caller = parent.and_then(|place| trace.get(place));
        let is_outgoing = matches!(span.kind, CLIENT | PRODUCER);
        let is_from_outside = match caller {
            Some(caller) => caller.service != span.service,
            // Whose parent is not there may be anybody's, unless it says that it was called.
            None => span.parent.is_none() || matches!(span.kind, SERVER | CONSUMER),
        };
        let key = CellKey {
            slot: span.slot,
            service: span.service,
            operation: span.operation,
            kind: span.kind,
            is_request: is_from_outside && !is_outgoing,
            is_failed: span.is_failed,
        };
        builder.cell(key).add_range(span.range, 1);
        if let Some((caller, place)) = caller.zip(parent).filter(|_| is_from_outside) {
            if let Some(answered) = answered.get_mut(place) {
                *answered = true;
            }
            let (slot, is_failed) = (span.slot, span.is_failed);
            let (callee, peer) = (Some(span.service), caller.peer);
            let key = EdgeKey { slot, caller: caller.service, callee, peer, is_failed };
            builder.edge(key).add_range(span.range, 1);
        }
    }
    for (span, is_answered) in trace.iter().zip(answered) {
        if let Some(peer) = span.peer.filter(|peer| !*is_answered && *peer != span.service) {
            let (slot, is_failed) = (span.slot, span.is_failed);
            let key =
                EdgeKey { slot, caller: span.service, callee: None, peer: Some(peer), is_failed };
            builder.edge(key).add_range(span.range, 1);
        }
    }
}

const SERVER: u8 = SpanKind::Server.number();
const CLIENT: u8 = SpanKind::Client.number();
const PRODUCER: u8 = SpanKind::Producer.number();
const CONSUMER: u8 = SpanKind::Consumer.number();

const fn is_call(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Client | SpanKind::Producer)
}
