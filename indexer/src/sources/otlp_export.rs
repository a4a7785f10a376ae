//! What receivers share: submit a decoded request durably, and say what of it was not kept.

use groundcrew_store::{Durability, ResendKey};
use groundcrew_telemetry::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;

use crate::intake::{Admission, Intake, Refused, Submission};
use crate::stages::decode::Decoded;

/// What an export request came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Exported {
    /// Records not stored: rejected by the decoder or withheld by the masker.
    pub(super) rejected: u64,
    /// Why, and what else the sender should know; empty when all is well.
    pub(super) message: String,
}

/// What a request is known by when its sender repeats it, over gRPC or HTTP, however compressed.
pub(super) fn resend_key(signal: Signal, expanded: &[u8]) -> ResendKey {
    let kind = match signal {
        Signal::Logs => "otlp/logs",
        Signal::Traces => "otlp/traces",
        Signal::Metrics => "otlp/metrics",
    };
    ResendKey::of("", kind, expanded)
}

/// Stores a decoded request; when this returns `Ok`, what was not rejected is on disk. One that was stored a short while
/// ago under the same key is only acknowledged; without a key it is stored in any case.
pub(super) fn export(
    intake: &Intake,
    admission: Admission,
    decoded: Decoded,
    resend_key: Option<ResendKey>,
) -> Result<Exported, Refused> {
    let Decoded { batches, rejected, notes } = decoded;
    let accepted = intake.take(Submission {
        admission,
        batches,
        durability: Durability::Synced,
        resend_key,
        stream_parts: Vec::new(),
    })?;
    let withheld = accepted.withheld as u64;
    let mut messages: Vec<String> = rejected.message().into_iter().collect();
    if withheld > 0 {
        messages.push(format!("withheld {withheld} that could not be masked"));
    }
    if notes.base64_ids > 0 {
        messages.push(format!("{} ids were base64; OTLP/JSON wants hex", notes.base64_ids));
    }
    if notes.truncated_texts > 0 {
        messages.push(format!("{} texts were truncated", notes.truncated_texts));
    }
    Ok(Exported { rejected: rejected.count + withheld, message: messages.join("; ") })
}

impl Exported {
    fn rejected(&self) -> i64 {
        i64::try_from(self.rejected).unwrap_or(i64::MAX)
    }

    /// Nothing to report: the specification wants no partial success then.
    fn is_clean(&self) -> bool {
        self.rejected == 0 && self.message.is_empty()
    }

    pub(super) fn logs_response(self) -> ExportLogsServiceResponse {
        let partial_success = (!self.is_clean()).then(|| ExportLogsPartialSuccess {
            rejected_log_records: self.rejected(),
            error_message: self.message,
        });
        ExportLogsServiceResponse { partial_success }
    }

    pub(super) fn trace_response(self) -> ExportTraceServiceResponse {
        let partial_success = (!self.is_clean()).then(|| ExportTracePartialSuccess {
            rejected_spans: self.rejected(),
            error_message: self.message,
        });
        ExportTraceServiceResponse { partial_success }
    }

    pub(super) fn metrics_response(self) -> ExportMetricsServiceResponse {
        let partial_success = (!self.is_clean()).then(|| ExportMetricsPartialSuccess {
            rejected_data_points: self.rejected(),
            error_message: self.message,
        });
        ExportMetricsServiceResponse { partial_success }
    }

    /// The response message of `signal` as protobuf.
    pub(super) fn protobuf(self, signal: Signal) -> Vec<u8> {
        match signal {
            Signal::Logs => self.logs_response().encode_to_vec(),
            Signal::Traces => self.trace_response().encode_to_vec(),
            Signal::Metrics => self.metrics_response().encode_to_vec(),
        }
    }

    /// The response message of `signal` as OTLP/JSON: camelCase keys, 64-bit integers as strings.
    pub(super) fn json(self, signal: Signal) -> serde_json::Value {
        if self.is_clean() {
            return serde_json::json!({});
        }
        let rejected = match signal {
            Signal::Logs => "rejectedLogRecords",
            Signal::Traces => "rejectedSpans",
            Signal::Metrics => "rejectedDataPoints",
        };
        let count = self.rejected().to_string();
        serde_json::json!({ "partialSuccess": { rejected: count, "errorMessage": self.message } })
    }
}
