//! The rows that are not in a split yet: searchable at once, in the form they came.
//!
//! [`Memory`] is one portion of them; it is filled under the store's lock, then frozen and sealed. [`prepare()`] does the
//! work that needs no lock before.

mod metrics;
mod packed_spans;
mod portions;
mod prepare;
mod rollup;
mod size;

pub(crate) use metrics::MemorySeries;
pub(crate) use packed_spans::{PackedValue, SpanPortion, SpanRef};
pub(crate) use portions::{LogPortion, Memory};
pub(crate) use prepare::{Prepared, prepare};
pub(crate) use rollup::{Cell, CellKey, RowAt, template_of};
