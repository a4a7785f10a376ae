//! Embedded storage: logs, spans, metrics, changes, alerts, cluster snapshots, documents, vectors and state in one directory.
//!
//! [`Store`] is the entrance. What is appended goes to a write-ahead log (synced before the call returns, unless it is a
//! bulk load) and to memory, where it is searchable at once. Full memory is sealed into immutable *splits*: one per
//! signal, columns in compressed blocks, an index over blocks, counts per ten seconds beside them, of logs by template, of spans by operation and call. A
//! manifest that is replaced in one step says which splits there are, so that a crash at any point loses nothing
//! acknowledged and shows nothing twice. [`Store::tend`] merges small splits and drops what is kept long enough.
//!
//! ```text
//! DIR/lock            held by the one writer
//!     wal/            write-ahead log segments
//!     manifest.bin    splits, ledger files, where the log begins
//!     logs/ spans/ metrics/START-ID/    splits
//!     ledger/         changes, alerts, cluster snapshots
//!     templates.log   texts of log templates
//!     resends.bin resends-new.bin    what was acknowledged of late, so that what is sent again is stored once
//!     rollups/ID/     counts of many log splits in one, made of theirs
//!     streams.bin     what is stored of streams, so that what is delivered again is stored once
//!     cold/           files fetched from the bucket that has old splits, if one has
//!     quarantine/     damaged log segments, set aside
//!     documents/      runbooks, incidents and other documents
//!     state.db        answers, incidents, charges, proposals, the audit trail and what has been ingested
//! ```
//!
//! Reading is exact or says so: every piece of a file has a checksum, what does not match is left out and named in
//! [`Coverage::warnings`], and damage never keeps a store from opening. A directory written by a newer version is refused.
//!
//! What is not here: the instrumentation scope of a batch (no reader asks for it), and deduplication of logs and spans
//! by their content (a request that is sent again is known by its bytes: [`ResendKey`]).

mod access;
mod bytes;
mod cache;
mod checked_file;
mod chunk_file;
mod cold;
mod coverage;
mod disk;
pub mod documents;
mod error;
mod expression;
mod first_rows;
mod frames;
mod latency;
mod ledger;
mod log_filter;
mod machine_memory;
mod manifest;
mod match_sink;
mod memory;
mod options;
mod origin;
mod pace;
mod packed_bytes;
mod query;
mod resend;
mod retention;
mod series_merge;
mod service_numbers;
mod slot;
mod span_counts;
mod span_rollup;
mod span_sample;
mod span_tally;
mod split;
pub mod state;
mod store;
mod stream;
mod template_fold;
mod template_log;
mod templates;
mod tokens;
mod wal;
mod warnings;

pub use access::Access;
pub use cold::{Bucket, BucketSettings};
pub use coverage::{Coverage, SignalCoverage, Unreachable};
pub use documents::{
    CatalogEntity, ChunkVectors, DocumentChunk, DocumentCounts, DocumentFilter, DocumentHit,
    DocumentIndex, DocumentKind, DocumentPayload, DocumentQuery, EmbeddingCache, EmbeddingKey,
    FileRecord, IndexedGeneration, QdrantSettings, QdrantVectors, SourceRecord, SourceUpdate,
    VectorHome, bare_name,
};
pub use error::StoreError;
pub use expression::{EXPRESSION_BYTES_MAX, Expression, ExpressionError};
pub use latency::LatencySketch;
pub use machine_memory::available_bytes as available_memory_bytes;
pub use options::{Durability, StoreOptions};
pub use query::{Found, LogQuery, LogsFound, MetricQuery, SpanQuery, TemplateQuery};
pub use resend::{Claim, ResendKey};
pub use retention::{Dropped, DroppedUntil, Limit, Retention};
pub use span_counts::{EdgeCount, OperationCount, SpanCountQuery, SpanCounts};
pub use span_sample::sample_spans;
pub use state::{
    AuditHead, AuditRow, AuditVerdict, Charge, ChargeCoverage, ChargeSubject, OpenedAlert,
    OpenedIncident, ProposalStep, Published, StateDb, StoredProposal,
};
pub use store::{Kept, KeptSignal, Line, LinesQuery, Store, TailSampling, Tended, Upkeep};
pub use stream::{StreamName, StreamPart};
