//! The slots of time that log rollups count in.
//!
//! Ten seconds: an outage begins in the middle of a minute, and a window that is widened to whole minutes mixes trouble
//! with the time before it. Coarser slots would make rollups smaller; finer ones say nothing more.

use groundcrew_telemetry::Timestamp;

/// Length of a slot.
pub(crate) const SLOT_NANOS: i64 = 10_000_000_000;

/// The number of the slot that `time` falls into.
pub(crate) const fn slot_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(SLOT_NANOS)
}

/// The number of the minute that a slot belongs to.
pub(crate) const fn minute_of(slot: i64) -> i64 {
    slot.div_euclid(60_000_000_000 / SLOT_NANOS)
}

/// The first slot of a minute.
pub(crate) const fn first_slot_of_minute(minute: i64) -> i64 {
    minute.saturating_mul(60_000_000_000 / SLOT_NANOS)
}
