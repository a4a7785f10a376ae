//! Telemetry from files, folders and standard input: [`ingest_paths`].
//!
//! Formats are told by content, not by name: OTLP/JSON, application logs as JSON or plain text, change events, alerts,
//! Kubernetes state and billing exports (FOCUS), each plain, gzip or zstd. One thread reads and decodes, the calling thread masks and writes, with a
//! bounded channel between. Whatever is not taken is named in the [`IngestSummary`], never dropped in silence.

pub(super) mod alerts;
mod billing;
pub(super) mod changes;
pub(super) mod detect;
pub(super) mod entries;
mod file;
mod ingest;
pub(super) mod json_logs;
pub(super) mod lines;
pub(super) mod log_batches;
pub(super) mod log_time;
pub(super) mod origin;
pub(super) mod outbox;
pub(super) mod plain_json;
pub(super) mod reading;
pub(super) mod scan;
mod stream;
mod summary;
pub(super) mod text_logs;
mod walk;

#[cfg(test)]
mod tests;

pub use ingest::ingest_paths;
pub use summary::{
    IngestError, IngestOptions, IngestProgress, IngestSummary, RecordCounts, RejectedRecord,
    SkippedFile,
};
