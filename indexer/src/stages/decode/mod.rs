//! Turns what a sender wrote into telemetry batches: OTLP as protobuf, OTLP as JSON, the spans of Jaeger and Zipkin.
//!
//! A request that cannot be read at all is an error; a record inside it that cannot be kept is rejected with its reason
//! and the rest of the request goes on. Nothing here panics on any input, and nothing here reads a clock: the time of
//! receipt is an argument.
//!
//! What is read and then left out, on purpose: span links, exemplars, schema addresses, trace state and the senders'
//! own counts of what they dropped.

mod decoded;
mod json;
mod limits;
mod metric_points;
mod protobuf;
mod protobuf_logs;
mod protobuf_metrics;
mod record;
mod severity;
mod traces;
mod wire;

#[cfg(test)]
mod tests;

pub use decoded::{DecodeNotes, Decoded, Rejections, Undecodable};
pub use json::{decode_json, decode_json_text};
pub(crate) use limits::cap_attributes;
pub use limits::{BODY_BYTES_MAX, cap_text};
pub(crate) use metric_points::{
    ReadExponential, ReadHistogram, ReadMetric, ReadPoint, ReadPoints, Spread,
};
pub use protobuf::{decode_protobuf, logs_from_protobuf, spans_from_protobuf};
pub use protobuf_metrics::metrics_from_protobuf;
pub(crate) use record::{Nanos, body_text};
pub use severity::infer_severity;
pub(crate) use severity::{severity_of_field, severity_of_number};
pub use traces::{NoSpans, decode_jaeger, decode_zipkin, looks_like_jaeger, looks_like_zipkin};
