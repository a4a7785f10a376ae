//! `google.rpc.Status` and `RetryInfo`, which OTLP uses to say what went wrong and when to try again.
//!
//! Written by hand: three small messages do not need a code generator.

use std::time::Duration;

use prost::Message;

use crate::intake::{RefusalReason, Refused};

/// gRPC status codes, as far as they are answered here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RpcCode {
    InvalidArgument = 3,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<AnyMessage>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AnyMessage {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProtoDuration {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

const RETRY_INFO_TYPE: &str = "type.googleapis.com/google.rpc.RetryInfo";

impl RpcStatus {
    pub(super) fn new(code: RpcCode, message: impl Into<String>) -> Self {
        Self { code: code as i32, message: message.into(), details: Vec::new() }
    }

    /// The status that tells a sender about a refusal, with the delay it should keep where trying again helps.
    pub(super) fn of_refusal(refused: &Refused) -> Self {
        let mut status = Self::new(refusal_code(refused), refused.to_string());
        if let Some(delay) = refused.retry_after {
            let value = RetryInfo { retry_delay: Some(delay.into()) }.encode_to_vec();
            status.details.push(AnyMessage { type_url: RETRY_INFO_TYPE.to_owned(), value });
        }
        status
    }
}

impl RpcStatus {
    /// The status as protobuf's JSON mapping writes it.
    pub(super) fn json(&self) -> serde_json::Value {
        let details: Vec<serde_json::Value> = self.details.iter().filter_map(retry_json).collect();
        let mut json = serde_json::json!({ "code": self.code, "message": self.message });
        if !details.is_empty()
            && let Some(object) = json.as_object_mut()
        {
            object.insert("details".to_owned(), details.into());
        }
        json
    }
}

/// `{"@type": ..., "retryDelay": "1.500s"}`.
fn retry_json(detail: &AnyMessage) -> Option<serde_json::Value> {
    let delay = RetryInfo::decode(detail.value.as_slice()).ok()?.retry_delay?;
    let written = format!("{}.{:03}s", delay.seconds, delay.nanos / 1_000_000);
    Some(serde_json::json!({ "@type": detail.type_url, "retryDelay": written }))
}

impl From<Duration> for ProtoDuration {
    fn from(duration: Duration) -> Self {
        Self {
            seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
        }
    }
}

/// The code for a refusal. Both retryable codes carry a delay, without which clients may drop the data.
pub(super) fn refusal_code(refused: &Refused) -> RpcCode {
    match (&refused.reason, refused.retry_after) {
        (RefusalReason::Busy, _) => RpcCode::ResourceExhausted,
        (_, Some(_)) => RpcCode::Unavailable,
        (_, None) => RpcCode::Internal,
    }
}
