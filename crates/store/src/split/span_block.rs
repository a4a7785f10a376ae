//! A block of spans as columns.

use groundcrew_telemetry::{
    Span, SpanEvent, SpanId, SpanKind, SpanStatus, StatusCode, Timestamp, TraceId,
};
use serde::{Deserialize, Serialize};

use super::block_tokens::BlockTokens;
use super::columns::{
    AttributeColumns, BlockStrings, Numbering, SpanIdColumn, Strings, TimeColumn, TraceColumn,
    string,
};
use crate::StoreError;
use crate::memory::SpanRef;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Columns {
    starts: TimeColumn,
    /// Differences to the start.
    ends: Vec<i64>,
    /// Numbers in the split's list of resources.
    origins: Vec<u32>,
    traces: TraceColumn,
    span_ids: Vec<u8>,
    parents: SpanIdColumn,
    operations: Vec<u32>,
    kinds: Vec<u8>,
    status_codes: Vec<u8>,
    status_messages: Vec<u32>,
    attributes: AttributeColumns,
    event_counts: Vec<u32>,
    /// Differences to the span's start.
    event_times: Vec<i64>,
    event_names: Vec<u32>,
    event_attributes: AttributeColumns,
    names: Strings,
    values: Strings,
}

/// Collects the spans of one block.
#[derive(Debug, Default)]
pub(super) struct SpanBlockBuilder<'r> {
    columns: Columns,
    traces: Numbering<TraceId>,
    strings: BlockStrings<'r>,
}

impl<'r> SpanBlockBuilder<'r> {
    pub(super) fn push(&mut self, span: &SpanRef<'r>, origin: u32, tokens: &mut BlockTokens) {
        let columns = &mut self.columns;
        let (code, message) = span.status();
        columns.starts.push(span.head.start);
        columns.ends.push(span.nanos());
        columns.origins.push(origin);
        if columns.traces.push(Some(span.head.trace_id), &mut self.traces) {
            tokens.add_hex(Some(span.head.trace_id.0));
        }
        columns.span_ids.extend_from_slice(&span.span_id().0);
        columns.parents.push(span.parent_span_id());
        columns.operations.push(self.strings.names.number(span.name()).0);
        columns.kinds.push(span.kind().number());
        columns.status_codes.push(status_number(code));
        columns.status_messages.push(self.strings.values.number(message).0);
        columns.attributes.push(span.attributes(), &mut self.strings, &mut |_| {});
        columns.event_counts.push(u32::try_from(span.events().len()).unwrap_or(u32::MAX));
        for (nanos, name, attributes) in span.events() {
            columns.event_times.push(nanos);
            columns.event_names.push(self.strings.names.number(name).0);
            columns.event_attributes.push(attributes, &mut self.strings, &mut |_| {});
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.columns.starts.len()
    }

    pub(super) fn encode(mut self) -> Result<Vec<u8>, StoreError> {
        self.columns.names = self.strings.names.finish();
        self.columns.values = self.strings.values.finish();
        postcard::to_stdvec(&self.columns).map_err(StoreError::encoding("a span block"))
    }
}

/// A block that was read back.
#[derive(Debug)]
pub(crate) struct SpanBlock {
    columns: Columns,
}

impl SpanBlock {
    pub(crate) fn decode(raw: &[u8]) -> Result<Self, postcard::Error> {
        Ok(Self { columns: postcard::from_bytes(raw)? })
    }

    /// The block made ready for reading rows.
    pub(crate) fn view(&self) -> SpanView<'_> {
        let columns = &self.columns;
        let mut next = 0_u32;
        let event_starts = columns.event_counts.iter().map(|count| {
            let start = next;
            next = next.saturating_add(*count);
            start
        });
        SpanView {
            columns,
            event_starts: event_starts.collect(),
            starts: columns.starts.all(),
            names: columns.names.all(),
            values: columns.values.all(),
            attribute_starts: columns.attributes.starts(),
            event_attribute_starts: columns.event_attributes.starts(),
        }
    }
}

/// A span block, ready for reading rows.
pub(crate) struct SpanView<'b> {
    columns: &'b Columns,
    starts: Vec<Timestamp>,
    names: Vec<&'b str>,
    values: Vec<&'b str>,
    attribute_starts: Vec<u32>,
    event_starts: Vec<u32>,
    event_attribute_starts: Vec<u32>,
}

impl SpanView<'_> {
    /// Start, number of the resource and trace of every span.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (usize, Timestamp, usize, TraceId)> {
        self.starts
            .iter()
            .zip(&self.columns.origins)
            .enumerate()
            .map(|(row, (start, origin))| (row, *start, *origin as usize, self.trace_id(row)))
    }

    fn trace_id(&self, row: usize) -> TraceId {
        self.columns.traces.row(row).unwrap_or(TraceId([0; 16]))
    }

    pub(crate) fn span(&self, row: usize) -> Span {
        let columns = self.columns;
        let number = |column: &[u32]| column.get(row).copied().unwrap_or_default();
        let start = self.starts.get(row).copied().unwrap_or_default();
        let length = columns.ends.get(row).copied().unwrap_or_default();
        let attribute_start = number(&self.attribute_starts);
        Span {
            trace_id: self.trace_id(row),
            span_id: self.span_id(row),
            parent_span_id: columns.parents.row(row),
            name: string(&self.names, number(&columns.operations)).to_owned(),
            kind: SpanKind::of_number(columns.kinds.get(row).copied().unwrap_or_default().into()),
            start,
            end: Timestamp::from_nanos(start.nanos().wrapping_add(length)),
            status: SpanStatus {
                code: status_of(columns.status_codes.get(row).copied().unwrap_or_default()),
                message: string(&self.values, number(&columns.status_messages)).to_owned(),
            },
            attributes: columns.attributes.row(row, attribute_start, &self.names, &self.values),
            events: self.events(row, start),
        }
    }

    fn span_id(&self, row: usize) -> SpanId {
        let bytes = self.columns.span_ids.get(row * 8..row * 8 + 8);
        SpanId(bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default())
    }

    fn events(&self, row: usize, span_start: Timestamp) -> Vec<SpanEvent> {
        let count = self.columns.event_counts.get(row).copied().unwrap_or_default() as usize;
        let first = self.event_starts.get(row).copied().unwrap_or_default() as usize;
        (first..first + count)
            .map_while(|event| {
                let time = self.columns.event_times.get(event)?;
                let attribute_start = *self.event_attribute_starts.get(event)?;
                Some(SpanEvent {
                    time: Timestamp::from_nanos(span_start.nanos().wrapping_add(*time)),
                    name: string(&self.names, *self.columns.event_names.get(event)?).to_owned(),
                    attributes: self.columns.event_attributes.row(
                        event,
                        attribute_start,
                        &self.names,
                        &self.values,
                    ),
                })
            })
            .collect()
    }
}

const fn status_number(code: StatusCode) -> u8 {
    match code {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    }
}

const fn status_of(number: u8) -> StatusCode {
    match number {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}
