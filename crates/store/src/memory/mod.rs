//! The rows that are not in a split yet: searchable at once.
//!
//! [`Memory`] is one portion of them; it is filled under the store's lock, then frozen and sealed. [`prepare()`] does the
//! work that needs no lock before.

mod metrics;
mod packed_logs;
mod packed_spans;
mod packed_value;
mod portions;
mod prepare;
mod rollup;
mod size;

pub(crate) use metrics::MemorySeries;
pub(crate) use packed_logs::{LogHead, PackedLog, PackedLogs, PlacedLogs, packed_bytes};
pub(crate) use packed_spans::{SpanPortion, SpanRef};
pub(crate) use packed_value::PackedValue;
pub(crate) use portions::{LogPortion, Memory};
pub(crate) use prepare::{Packed, Prepared, pack, prepare};
pub(crate) use rollup::{Cell, CellKey, RowAt};
