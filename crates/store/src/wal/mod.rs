//! The write-ahead log: what was acknowledged but is not in a split yet.
//!
//! A log is a sequence of numbered segments. A segment begins with a head that says how long the segment before it was
//! when everything in it was acknowledged; reading stops there, so that what was refused after a failed sync does not
//! come back, and a segment that is shorter is known to be damaged. Behind the head there is one frame per append.
//!
//! Appends that wait at the same time share one `fdatasync` ([`Wal::append`]). A segment whose sync failed is never
//! synced again: the kernel may have dropped the pages and would report success. Its unacknowledged appends fail and the
//! next append opens a new segment.

mod record;
mod replay;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use record::{Encoded, Record};
pub(crate) use replay::{Reader, Replayed, replay};
pub(crate) use writer::Wal;
