//! Reads one message of the forward protocol into log batches.

use std::io::Read;

use groundcrew_telemetry::{Batch, Timestamp};

use super::msgpack::{BadMsgpack, Packed, entries_of, read};
use super::record::Tagged;
use crate::sources::capped_reader::CappedReader;
use crate::stages::decode::Rejections;

/// What compressed entries may expand to.
const EXPANDED_BYTES_MAX: u64 = 64 << 20;

/// A message after decoding.
#[derive(Debug, Default)]
pub struct Forwarded {
    /// What can be stored.
    pub batches: Vec<Batch>,
    /// Entries that cannot.
    pub rejected: Rejections,
    /// The id by which the sender wants the message acknowledged.
    pub chunk: Option<Vec<u8>>,
}

/// What may come in place of telemetry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadForward {
    /// No MessagePack.
    #[error(transparent)]
    Msgpack(#[from] BadMsgpack),
    /// MessagePack that is no message of the protocol.
    #[error("not a message of the forward protocol")]
    Form,
}

/// Reads the message in `bytes`; `now` is the time of entries without one.
///
/// # Errors
/// When it is no message at all. An entry that is wrong is rejected by itself.
pub fn decode_forward(bytes: &[u8], now: Timestamp) -> Result<Forwarded, BadForward> {
    let (message, _) = read(bytes)?;
    let Packed::List(parts) = message else {
        // A nil is what some senders send to see whether the connection stands.
        return if message == Packed::Nil {
            Ok(Forwarded::default())
        } else {
            Err(BadForward::Form)
        };
    };
    let mut parts = parts.into_iter();
    let (Some(tag), Some(second)) = (parts.next().and_then(|tag| tag.text()), parts.next()) else {
        return Err(BadForward::Form);
    };
    let mut tagged = Tagged::new(&tag, now);
    let mut rejected = Rejections::default();
    let option = match second {
        Packed::List(entries) if !is_time(&entries) => {
            entries.into_iter().for_each(|entry| take(entry, &mut tagged, &mut rejected));
            parts.next()
        }
        Packed::Text(packed) | Packed::Bytes(packed) => {
            let option = parts.next();
            take_packed(packed, option.as_ref(), &mut tagged, &mut rejected);
            option
        }
        time => {
            let record = parts.next().ok_or(BadForward::Form)?;
            take_record(&time, record, &mut tagged, &mut rejected);
            parts.next()
        }
    };
    let chunk = option.as_ref().and_then(|option| option.get("chunk")?.bytes()).map(<[u8]>::to_vec);
    Ok(Forwarded { batches: tagged.take(), rejected, chunk })
}

/// Whether a list is a time with what was said about the record: `[time, {}]`.
fn is_time(entries: &[Packed<'_>]) -> bool {
    matches!(entries, [time, Packed::Map(_)] if read_time(time).is_some())
}

/// Entries one after the other, perhaps compressed.
fn take_packed(
    packed: &[u8],
    option: Option<&Packed<'_>>,
    tagged: &mut Tagged,
    rejected: &mut Rejections,
) {
    let compressed = option
        .and_then(|option| option.get("compressed")?.text())
        .is_some_and(|name| name != "text");
    let mut expanded = Vec::new();
    let mut rest = packed;
    if compressed {
        let reading = CappedReader::sniffed(packed, EXPANDED_BYTES_MAX)
            .and_then(|mut reader| reader.read_to_end(&mut expanded));
        if let Err(error) = reading {
            rejected.add(format!("compressed entries break off: {error}"));
        }
        rest = &expanded;
    }
    while !rest.is_empty() {
        match read(rest) {
            Ok((entry, after)) => {
                take(entry, tagged, rejected);
                rest = after;
            }
            Err(error) => {
                rejected.add(error.to_string());
                return;
            }
        }
    }
}

fn take(entry: Packed<'_>, tagged: &mut Tagged, rejected: &mut Rejections) {
    let Packed::List(parts) = entry else {
        return rejected.add("an entry that is no pair of time and record");
    };
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(time), Some(record)) => take_record(&time, record, tagged, rejected),
        _ => rejected.add("an entry that is no pair of time and record"),
    }
}

fn take_record(
    time: &Packed<'_>,
    record: Packed<'_>,
    tagged: &mut Tagged,
    rejected: &mut Rejections,
) {
    match record {
        Packed::Map(entries) => tagged.push(read_time(time), entries_of(entries)),
        _ => rejected.add("a record that is no map"),
    }
}

/// Seconds, or seconds and nanoseconds in an extension; Fluent Bit puts it into a list beside what it knows of the record.
fn read_time(time: &Packed<'_>) -> Option<Timestamp> {
    match time {
        Packed::Int(seconds) if *seconds > 0 => Some(Timestamp::from_secs(*seconds)),
        Packed::Float(seconds) if *seconds > 0.0 => {
            Some(Timestamp::from_nanos((seconds * 1e9) as i64))
        }
        Packed::Extension(0, bytes) => {
            let (seconds, nanos) = bytes.split_first_chunk::<4>()?;
            let nanos = u32::from_be_bytes(nanos.try_into().ok()?);
            let seconds = u32::from_be_bytes(*seconds);
            let time = Timestamp::from_secs(i64::from(seconds)).plus_nanos(i64::from(nanos));
            (seconds > 0).then_some(time)
        }
        Packed::List(parts) => match parts.as_slice() {
            [time @ (Packed::Int(_) | Packed::Float(_) | Packed::Extension(..)), ..] => {
                read_time(time)
            }
            _ => None,
        },
        _ => None,
    }
}
