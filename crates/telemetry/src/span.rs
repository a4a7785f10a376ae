//! Spans of distributed traces.

use serde::{Deserialize, Serialize};

use crate::{Attributes, SpanId, Timestamp, TraceId};

/// The role of a span in a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum SpanKind {
    /// The sender did not say.
    #[default]
    Unspecified,
    /// Work inside one process.
    Internal,
    /// The receiving side of a call.
    Server,
    /// The sending side of a call.
    Client,
    /// Puts a message on a queue.
    Producer,
    /// Takes a message from a queue.
    Consumer,
}

impl SpanKind {
    /// The number that OTLP gives it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::Internal => 1,
            Self::Server => 2,
            Self::Client => 3,
            Self::Producer => 4,
            Self::Consumer => 5,
        }
    }

    /// The kind of a number; unspecified where OTLP has none.
    #[must_use]
    pub const fn of_number(number: i64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

/// Whether a span succeeded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum StatusCode {
    /// The sender did not say.
    #[default]
    Unset,
    /// Succeeded, explicitly.
    Ok,
    /// Failed.
    Error,
}

/// Outcome of a span.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SpanStatus {
    /// Succeeded or failed.
    pub code: StatusCode,
    /// What the sender said about a failure.
    pub message: String,
}

/// Something that happened at one moment inside a span, such as an exception.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SpanEvent {
    /// When.
    pub time: Timestamp,
    /// What, e.g. `exception`.
    pub name: String,
    /// Details.
    pub attributes: Attributes,
}

/// One span. Its resource stands once on the [`crate::SpanBatch`] it came in.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// The operation.
    pub name: String,
    /// Its role in a call.
    pub kind: SpanKind,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; not before `start`.
    pub end: Timestamp,
    /// Whether it succeeded.
    pub status: SpanStatus,
    /// Details by OTel's semantic conventions.
    pub attributes: Attributes,
    /// What happened inside.
    pub events: Vec<SpanEvent>,
}

/// What a call says it calls, told by its attributes.
#[must_use]
pub fn peer_name(attributes: &Attributes) -> Option<&str> {
    peer_of(attributes.iter().filter_map(|(key, value)| Some((key, value.as_str()?))))
}

/// As [`peer_name`], of keys with their texts: of the names that say something the one that says most, and a bare address
/// only where nothing else is said.
#[must_use]
pub fn peer_of<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> Option<&'t str> {
    // A host's name tells two databases of one make apart; a bare address tells nobody anything.
    const KEYS: [&str; 9] = [
        "peer.service",
        "server.address",
        "net.peer.name",
        "http.host",
        "db.namespace",
        "db.name",
        "messaging.system",
        "db.system.name",
        "db.system",
    ];
    let rank_of = |key: &str| KEYS.iter().position(|known| *known == key);
    let ranked = texts.filter(|(_, name)| !name.is_empty()).filter_map(|(key, name)| {
        let rank = rank_of(key)?;
        Some(((name.parse::<std::net::IpAddr>().is_ok(), rank), name))
    });
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

impl Span {
    /// Duration in nanoseconds, never negative.
    #[must_use]
    pub fn duration_nanos(&self) -> i64 {
        self.end.nanos_since(self.start).max(0)
    }

    /// Whether the span failed: error status, an HTTP status of 500 or more, or a gRPC status that is not OK.
    #[must_use]
    pub fn is_error(&self) -> bool {
        if self.status.code == StatusCode::Error {
            return true;
        }
        let number = |key: &str| self.attributes.get(key).and_then(crate::Value::as_f64);
        let http = number("http.response.status_code").or_else(|| number("http.status_code"));
        let grpc = number("rpc.grpc.status_code");
        http.is_some_and(|code| code >= 500.0) || grpc.is_some_and(|code| code != 0.0)
    }

    /// Calls `visit` with every text inside: key (`""` for names and messages) and text.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("", &mut self.name);
        visit("", &mut self.status.message);
        self.attributes.for_each_text_mut(visit);
        for event in &mut self.events {
            visit("", &mut event.name);
            event.attributes.for_each_text_mut(visit);
        }
    }
}
