//! Spans in memory: packed, because a span as it is decoded is some twenty pieces on the heap, a thousand bytes for three
//! hundred that were sent. What is searched by stands beside; the rest is unpacked when it is asked for, texts in place.

use std::sync::Arc;

use groundcrew_telemetry::{
    Attributes, Span, SpanEvent, SpanId, SpanKind, SpanStatus, StatusCode, Timestamp, TraceId,
};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::packed_value::{PackedValue, owned};
use crate::StoreError;
use crate::origin::Origin;

/// What a seal takes for a span beside the portion: its place in the order and what of it is counted.
const ORDER_BYTES: usize = 112;
/// While a memory of spans is sealed, its columns and the next memory stand beside it. Counted so many times, spans that
/// are sealed take about what logs do; measured as the peak of a server by the size of its memory.
const SEALING: usize = 3;

/// Spans of one origin that came together.
#[derive(Debug)]
pub(crate) struct SpanPortion {
    pub(crate) origin: Arc<Origin>,
    pub(crate) heads: Vec<SpanHead>,
    packed: Vec<u8>,
    names: Names,
    /// The first start.
    pub(crate) first: Timestamp,
    /// The last start.
    pub(crate) last: Timestamp,
    /// What it counts for towards a seal: more than it takes itself.
    pub(crate) bytes: usize,
}

/// What of a span is searched by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanHead {
    pub(crate) start: Timestamp,
    pub(crate) trace_id: TraceId,
    /// Where the rest is.
    offset: u32,
}

/// Operations and keys of a portion, each once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
}

/// A span without its head; texts where they are packed, names by number.
#[derive(Debug, Serialize, Deserialize)]
struct Packed<'p> {
    span_id: SpanId,
    parent_span_id: Option<SpanId>,
    name: u32,
    kind: SpanKind,
    nanos: i64,
    code: StatusCode,
    is_error: bool,
    message: &'p str,
    #[serde(borrow)]
    attributes: Vec<(u32, PackedValue<'p>)>,
    #[serde(borrow)]
    events: Vec<PackedEvent<'p>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PackedEvent<'p> {
    /// Since the span's start.
    nanos: i64,
    name: u32,
    #[serde(borrow)]
    attributes: Vec<(u32, PackedValue<'p>)>,
}

/// One span of a portion, unpacked as far as needs be.
#[derive(Debug)]
pub(crate) struct SpanRef<'p> {
    pub(crate) head: SpanHead,
    packed: Packed<'p>,
    names: &'p Names,
}

impl Names {
    fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(number).copied());
        range
            .and_then(|(start, end)| self.text.get(start as usize..end as usize))
            .unwrap_or_default()
    }
}

/// Numbers the names of a portion that is being packed.
#[derive(Default)]
struct NamesBuilder<'s> {
    numbers: FxHashMap<&'s str, u32>,
    names: Names,
}

impl<'s> NamesBuilder<'s> {
    fn number(&mut self, name: &'s str) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.names.push(name);
        }
        number
    }

    fn pairs(&mut self, attributes: &'s Attributes) -> Vec<(u32, PackedValue<'s>)> {
        let pairs =
            attributes.0.iter().map(|(key, value)| (self.number(key), PackedValue::of(value)));
        pairs.collect()
    }

    fn pack(&mut self, span: &'s Span) -> Packed<'s> {
        let since_start = |time: Timestamp| time.nanos().wrapping_sub(span.start.nanos());
        let events = span.events.iter().map(|event| PackedEvent {
            nanos: since_start(event.time),
            name: self.number(&event.name),
            attributes: self.pairs(&event.attributes),
        });
        let events = events.collect();
        Packed {
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            name: self.number(&span.name),
            kind: span.kind,
            nanos: since_start(span.end),
            code: span.status.code,
            is_error: span.is_error(),
            message: &span.status.message,
            attributes: self.pairs(&span.attributes),
            events,
        }
    }
}

impl SpanPortion {
    /// Packs spans.
    pub(super) fn new(origin: Arc<Origin>, spans: &[Span]) -> Result<Self, StoreError> {
        let (mut first, mut last) = (Timestamp::MAX, Timestamp::MIN);
        let mut heads = Vec::with_capacity(spans.len());
        let mut packed = Vec::new();
        let mut names = NamesBuilder::default();
        for span in spans {
            first = first.min(span.start);
            last = last.max(span.start);
            let offset = u32::try_from(packed.len()).unwrap_or(u32::MAX);
            heads.push(SpanHead { start: span.start, trace_id: span.trace_id, offset });
            packed = postcard::to_extend(&names.pack(span), packed)
                .map_err(StoreError::encoding("a span"))?;
        }
        packed.shrink_to_fit();
        let mut names = names.names;
        names.text.shrink_to_fit();
        let bytes = packed.len()
            + names.text.len()
            + size_of_val(names.ends.as_slice())
            + heads.len() * (size_of::<SpanHead>() + ORDER_BYTES);
        let bytes = SEALING * bytes;
        Ok(Self { origin, heads, packed, names, first, last, bytes })
    }

    /// Span number `row`.
    pub(crate) fn span(&self, row: usize) -> Option<SpanRef<'_>> {
        let head = *self.heads.get(row)?;
        let (packed, _) =
            postcard::take_from_bytes(self.packed.get(head.offset as usize..)?).ok()?;
        Some(SpanRef { head, packed, names: &self.names })
    }
}

impl<'p> SpanRef<'p> {
    pub(crate) const fn span_id(&self) -> SpanId {
        self.packed.span_id
    }

    pub(crate) const fn parent_span_id(&self) -> Option<SpanId> {
        self.packed.parent_span_id
    }

    pub(crate) fn name(&self) -> &'p str {
        self.names.get(self.packed.name)
    }

    pub(crate) const fn kind(&self) -> SpanKind {
        self.packed.kind
    }

    /// From start to end, as it was sent.
    pub(crate) const fn nanos(&self) -> i64 {
        self.packed.nanos
    }

    pub(crate) const fn status(&self) -> (StatusCode, &'p str) {
        (self.packed.code, self.packed.message)
    }

    /// As [`Span::is_error`] says.
    pub(crate) const fn is_error(&self) -> bool {
        self.packed.is_error
    }

    /// The attributes in the order they came.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'p str, &PackedValue<'p>)> {
        pairs_of(self.names, &self.packed.attributes)
    }

    /// Time since the start, name and attributes of each event.
    pub(crate) fn events(
        &self,
    ) -> impl ExactSizeIterator<Item = (i64, &'p str, impl Iterator<Item = (&'p str, &PackedValue<'p>)>)>
    {
        let names = self.names;
        self.packed.events.iter().map(move |event| {
            (event.nanos, names.get(event.name), pairs_of(names, &event.attributes))
        })
    }

    /// The span as it came.
    pub(crate) fn to_span(&self) -> Span {
        let after = |nanos: i64| Timestamp::from_nanos(self.head.start.nanos().wrapping_add(nanos));
        let (code, message) = self.status();
        Span {
            trace_id: self.head.trace_id,
            span_id: self.span_id(),
            parent_span_id: self.parent_span_id(),
            name: self.name().to_owned(),
            kind: self.kind(),
            start: self.head.start,
            end: after(self.nanos()),
            status: SpanStatus { code, message: message.to_owned() },
            attributes: owned(self.attributes()),
            events: self
                .events()
                .map(|(nanos, name, attributes)| SpanEvent {
                    time: after(nanos),
                    name: name.to_owned(),
                    attributes: owned(attributes),
                })
                .collect(),
        }
    }
}

fn pairs_of<'a, 'p>(
    names: &'p Names,
    pairs: &'a [(u32, PackedValue<'p>)],
) -> impl Iterator<Item = (&'p str, &'a PackedValue<'p>)> {
    pairs.iter().map(|(key, value)| (names.get(*key), value))
}
