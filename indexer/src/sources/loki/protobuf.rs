//! A push as protobuf: Loki's `logproto.PushRequest`, taken apart stream by stream and entry by entry.

use prost::Message;

use super::labels::{StreamOrigin, parse_labels};
use super::{Entry, PAIR_BYTES, Stream, Streams};
use crate::sources::http_body::HttpRefusal;
use crate::sources::pieces::{Piece, not_protobuf, protobuf_pieces};
use crate::utf8;

const PUSH_STREAMS: u32 = 1;
const STREAM_LABELS: u32 = 1;
const STREAM_ENTRIES: u32 = 2;
const ENTRY_TIME: u32 = 1;
const ENTRY_LINE: u32 = 2;
const ENTRY_METADATA: u32 = 3;

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PushTime {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// `logproto.LabelPairAdapter`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LabelPair {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

pub(super) fn read(push: &[u8], streams: &mut Streams<'_>) -> Result<(), HttpRefusal> {
    for piece in protobuf_pieces(push) {
        if let (PUSH_STREAMS, Piece::Bytes(stream)) = piece? {
            read_stream(stream, streams)?;
        }
    }
    Ok(())
}

fn read_stream(message: &[u8], streams: &mut Streams<'_>) -> Result<(), HttpRefusal> {
    // The labels come first as a rule, but no rule of protobuf says so.
    let mut labels: &[u8] = b"{}";
    let mut count = 0;
    for piece in protobuf_pieces(message) {
        match piece? {
            (STREAM_LABELS, Piece::Bytes(text)) => labels = text,
            (STREAM_ENTRIES, Piece::Bytes(_)) => count += 1,
            _ => {}
        }
    }
    let parsed = std::str::from_utf8(labels)
        .map_err(|_| "labels are not UTF-8".to_owned())
        .and_then(|text| parse_labels(if text.is_empty() { "{}" } else { text }));
    let labels = match parsed {
        Ok(labels) => labels,
        Err(reason) => {
            streams.reject(count.max(1), reason);
            return Ok(());
        }
    };
    let label_bytes = labels.iter().map(|(name, value)| PAIR_BYTES + name.len() + value.len());
    streams.room.take(label_bytes.sum())?;
    let mut stream = Stream::of(StreamOrigin::of(labels));
    for piece in protobuf_pieces(message) {
        if let (STREAM_ENTRIES, Piece::Bytes(entry)) = piece? {
            read_entry(entry, &mut stream, streams)?;
        }
    }
    streams.finish(stream);
    Ok(())
}

fn read_entry(
    message: &[u8],
    stream: &mut Stream,
    streams: &mut Streams<'_>,
) -> Result<(), HttpRefusal> {
    let mut nanos = None;
    let mut line: &[u8] = &[];
    let mut metadata = Vec::new();
    for piece in protobuf_pieces(message) {
        match piece? {
            (ENTRY_TIME, Piece::Bytes(bytes)) => {
                let time = PushTime::decode(bytes).map_err(|error| not_protobuf(&error))?;
                nanos = time
                    .seconds
                    .checked_mul(1_000_000_000)
                    .and_then(|nanos| nanos.checked_add(time.nanos.into()));
            }
            (ENTRY_LINE, Piece::Bytes(bytes)) => line = bytes,
            (ENTRY_METADATA, Piece::Bytes(bytes)) => {
                streams.room.take(PAIR_BYTES)?;
                let pair = LabelPair::decode(bytes).map_err(|error| not_protobuf(&error))?;
                metadata.push((pair.name, pair.value));
            }
            _ => {}
        }
    }
    // Senders do not check that a line is UTF-8.
    let (line, replaced) = utf8::replaced(line);
    streams.decoded.notes.replaced_utf8 += u64::from(replaced);
    streams.entry(stream, Entry { nanos, line: &line, metadata })
}
