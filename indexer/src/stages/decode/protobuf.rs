//! OTLP as protobuf: bytes to messages by the generated code, messages to batches by the rules of this room.

use groundcrew_telemetry::{
    Attributes, Batch, LogBatch, Resource, Signal, SpanBatch, SpanId, Timestamp, TraceId, Value,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::{logs, resource, trace};
use prost::Message;

use super::decoded::{Decoded, Undecodable};
use super::limits::cap_attributes;
use super::protobuf_logs::decode_logs;
use super::protobuf_metrics::metrics_from_protobuf;
use super::record::{self, Nanos, ReadLog, ReadSpan};

/// Decodes one export request of `signal` from its protobuf bytes.
///
/// # Errors
/// When the bytes are not such a message; protobuf cannot be read past its first fault.
pub fn decode_protobuf(
    signal: Signal,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Decoded, Undecodable> {
    let undecodable = |error: prost::DecodeError| Undecodable { reason: error.to_string() };
    Ok(match signal {
        Signal::Logs => decode_logs(bytes, now)?,
        Signal::Traces => {
            spans_from_protobuf(ExportTraceServiceRequest::decode(bytes).map_err(undecodable)?)
        }
        Signal::Metrics => {
            metrics_from_protobuf(ExportMetricsServiceRequest::decode(bytes).map_err(undecodable)?)
        }
    })
}

/// Turns a log export request into batches.
#[must_use]
pub fn logs_from_protobuf(request: ExportLogsServiceRequest, now: Timestamp) -> Decoded {
    let mut decoded = Decoded::default();
    for resource_logs in request.resource_logs {
        let resource = resource_from(resource_logs.resource, &mut decoded);
        for scope_logs in resource_logs.scope_logs {
            let mut records = Vec::with_capacity(scope_logs.log_records.len());
            for read in scope_logs.log_records {
                match record::log_record(read_log(read), now, &mut decoded.notes) {
                    Ok(kept) => records.push(kept),
                    Err(reason) => decoded.rejected.add(reason),
                }
            }
            if !records.is_empty() {
                let scope = scope_name(scope_logs.scope);
                let resource = resource.clone();
                decoded.batches.push(Batch::Logs(LogBatch { resource, scope, records }));
            }
        }
    }
    decoded
}

/// Turns a trace export request into batches.
#[must_use]
pub fn spans_from_protobuf(request: ExportTraceServiceRequest) -> Decoded {
    let mut decoded = Decoded::default();
    for resource_spans in request.resource_spans {
        let resource = resource_from(resource_spans.resource, &mut decoded);
        for scope_spans in resource_spans.scope_spans {
            let mut spans = Vec::with_capacity(scope_spans.spans.len());
            for read in scope_spans.spans {
                match record::span(read_span(read), &mut decoded.notes) {
                    Ok(kept) => spans.push(kept),
                    Err(reason) => decoded.rejected.add(reason),
                }
            }
            if !spans.is_empty() {
                let scope = scope_name(scope_spans.scope);
                let resource = resource.clone();
                decoded.batches.push(Batch::Spans(SpanBatch { resource, scope, spans }));
            }
        }
    }
    decoded
}

fn read_log(read: logs::v1::LogRecord) -> ReadLog<'static> {
    ReadLog {
        time: read.time_unix_nano.into(),
        observed: read.observed_time_unix_nano.into(),
        severity_number: read.severity_number.into(),
        severity_text: read.severity_text.into(),
        body: read.body.and_then(value_from),
        attributes: attributes_from(read.attributes),
        trace_id: TraceId::from_bytes(&read.trace_id),
        span_id: SpanId::from_bytes(&read.span_id),
        event_name: read.event_name.into(),
    }
}

fn read_span(read: trace::v1::Span) -> ReadSpan {
    let status = read.status.unwrap_or_default();
    let event = |event: trace::v1::span::Event| {
        (Nanos::from(event.time_unix_nano), event.name, attributes_from(event.attributes))
    };
    ReadSpan {
        trace_id: TraceId::from_bytes(&read.trace_id),
        span_id: SpanId::from_bytes(&read.span_id),
        parent_span_id: SpanId::from_bytes(&read.parent_span_id),
        name: read.name,
        kind: read.kind.into(),
        start: read.start_time_unix_nano.into(),
        end: read.end_time_unix_nano.into(),
        status_code: status.code.into(),
        status_message: status.message,
        attributes: attributes_from(read.attributes),
        events: read.events.into_iter().map(event).collect(),
    }
}

pub(super) fn resource_from(
    resource: Option<resource::v1::Resource>,
    decoded: &mut Decoded,
) -> Resource {
    let mut attributes = attributes_from(resource.map(|read| read.attributes).unwrap_or_default());
    cap_attributes(&mut attributes, &mut decoded.notes);
    Resource { attributes }
}

pub(super) fn scope_name(scope: Option<InstrumentationScope>) -> String {
    scope.map(|read| read.name).unwrap_or_default()
}

pub(super) fn attributes_from(pairs: Vec<KeyValue>) -> Attributes {
    Attributes(pairs_from(pairs))
}

/// Pairs without a value say nothing and are left out.
fn pairs_from(pairs: Vec<KeyValue>) -> Vec<(String, Value)> {
    pairs
        .into_iter()
        .filter_map(|pair| Some((pair.key, pair.value.and_then(value_from)?)))
        .collect()
}

fn value_from(value: AnyValue) -> Option<Value> {
    Some(match value.value? {
        any_value::Value::StringValue(text) => Value::Str(text),
        any_value::Value::BoolValue(flag) => Value::Bool(flag),
        any_value::Value::IntValue(number) => Value::Int(number),
        any_value::Value::DoubleValue(number) => Value::Double(number),
        any_value::Value::ArrayValue(list) => {
            Value::List(list.values.into_iter().filter_map(value_from).collect())
        }
        any_value::Value::KvlistValue(map) => Value::Map(pairs_from(map.values)),
        any_value::Value::BytesValue(bytes) => Value::Bytes(bytes),
        // An index into a dictionary that only profiles carry.
        any_value::Value::StringValueStrindex(_) => return None,
    })
}
