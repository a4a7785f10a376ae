//! Spans as the JSON of other tracing systems: Jaeger's and Zipkin's.

mod ids;
mod jaeger;
mod span_batches;
mod zipkin;

#[cfg(test)]
mod tests;

pub use jaeger::{decode_jaeger, looks_like_jaeger};
pub use zipkin::{decode_zipkin, looks_like_zipkin};

/// JSON that holds no spans of the system it was taken for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not spans of {system}: {reason}")]
pub struct NoSpans {
    /// The system.
    pub system: &'static str,
    /// What is wrong.
    pub reason: String,
}
