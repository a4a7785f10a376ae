//! OTel-named data types that every other room shares: no I/O, no async, no wire formats.
//!
//! Read in this order: [`Timestamp`] and [`TimeRange`] (time is an argument everywhere), [`Attributes`] and [`Resource`]
//! (who sent it), the records ([`LogRecord`], [`Span`], [`MetricSeries`], [`ChangeEvent`], [`Alert`], [`ClusterSnapshot`]),
//! and [`Batch`], the one closed list of what can be stored.
//!
//! `Serialize` on these types serves the on-disk encoding of the store alone; what travels over a network has its own
//! types at the edge that owns that wire.

mod alert;
mod attributes;
mod batch;
mod change;
mod cluster;
mod ids;
mod log;
mod metric;
mod rows;
mod span;
mod time;

pub use alert::{Alert, AlertStatus};
pub use attributes::{Attributes, Resource, Value};
pub use batch::{Batch, LogBatch, MetricBatch, Signal, SpanBatch};
pub use change::{ChangeEvent, ChangeKind};
pub use cluster::{ClusterEvent, ClusterObject, ClusterSnapshot};
pub use ids::{CallSite, SpanId, TemplateId, TraceId};
pub use log::{LogRecord, Severity};
pub use metric::{MetricKind, MetricSeries, Point};
pub use rows::{LevelRow, LogRow, SeriesRow, SiteRow, SpanRow, TemplateRow};
pub use span::{Span, SpanEvent, SpanKind, SpanStatus, StatusCode, peer_name, peer_of};
pub use time::{Clock, FixedClock, SystemClock, TimeRange, Timestamp};
