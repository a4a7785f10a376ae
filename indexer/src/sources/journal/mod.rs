//! The systemd journal: its export format (`journalctl -o export`, what systemd-journal-upload sends) and its JSON.

mod entries;
mod record;

#[cfg(test)]
mod tests;

pub(super) use entries::Entries;
pub(super) use record::{is_entry, read_entry, read_object};

use groundcrew_telemetry::Timestamp;

use super::files::log_batches::LogBatches;
use crate::stages::decode::{Decoded, Rejections};

/// Whether these first bytes are those of the export format.
#[must_use]
pub fn looks_like_journal(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    head.starts_with(b"__CURSOR=") || head.starts_with(b"__REALTIME_TIMESTAMP=")
}

/// Reads entries of the export format, one record each; `now` is the time of those without one.
///
/// An entry without a message is rejected, as is one that is cut off at the end.
#[must_use]
pub fn decode_journal(bytes: &[u8], now: Timestamp) -> Decoded {
    let mut entries = Entries::default();
    let mut batches = LogBatches::default();
    let mut rejected = Rejections::default();
    entries.push(bytes);
    while let Some(entry) = entries.next() {
        match read_entry(entry, now) {
            Ok(log) => batches.push(&log.resource, &log.scope, log.record),
            Err(reason) => rejected.add(reason),
        }
    }
    if let Some(entry) = entries.last() {
        match entry.and_then(|entry| read_entry(entry, now)) {
            Ok(log) => batches.push(&log.resource, &log.scope, log.record),
            Err(reason) => rejected.add(reason),
        }
    }
    Decoded { batches: batches.take(), rejected, ..Decoded::default() }
}
