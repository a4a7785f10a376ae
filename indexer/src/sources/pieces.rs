//! Takes a request apart piece by piece, so that memory goes with one piece and not with how many there are.
//!
//! A list of two million empty things fits into a few megabytes on the wire and into hundreds in memory; so lists are
//! walked, and what each entry comes to is counted before the next is read.

use std::fmt;

use prost::DecodeError;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::http_body::HttpRefusal;

/// The longest single entry (a line, a document, a histogram) that is parsed into a tree.
pub(super) const ENTRY_BYTES_MAX: usize = 4 << 20;

/// A field of a protobuf message that is of use here.
pub(super) enum Piece<'a> {
    Bytes(&'a [u8]),
    Number(u64),
}

/// The fields of a protobuf message, by number. Fixed-width ones are left out.
pub(super) fn protobuf_pieces(
    message: &[u8],
) -> impl Iterator<Item = Result<(u32, Piece<'_>), HttpRefusal>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let piece = next_piece(&mut rest).transpose();
        if matches!(piece, Some(Err(_))) {
            rest = &[];
        }
        piece.map(|piece| piece.map_err(|error| not_protobuf(&error)))
    })
}

/// The refusal of a message that cannot be read.
pub(super) fn not_protobuf(error: &DecodeError) -> HttpRefusal {
    HttpRefusal::Malformed(format!("not the protobuf message it should be: {error}"))
}

fn next_piece<'a>(rest: &mut &'a [u8]) -> Result<Option<(u32, Piece<'a>)>, DecodeError> {
    while rest.has_remaining() {
        let (tag, wire_type) = decode_key(rest)?;
        match wire_type {
            WireType::Varint => return Ok(Some((tag, Piece::Number(decode_varint(rest)?)))),
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(rest)?).unwrap_or(usize::MAX);
                let Some((bytes, after)) = rest.split_at_checked(length) else {
                    // Skipping it says in prost's own words that it is cut.
                    *rest = &[];
                    return decode_varint(rest).map(|_| None);
                };
                *rest = after;
                return Ok(Some((tag, Piece::Bytes(bytes))));
            }
            other => skip_field(other, tag, rest, DecodeContext::default())?,
        }
    }
    Ok(None)
}

/// Hands each item of the JSON list `text` to `take`, as it is written.
pub(super) fn json_items<'a>(
    text: &'a str,
    take: impl FnMut(&'a RawValue) -> Result<(), HttpRefusal>,
) -> Result<(), HttpRefusal> {
    let mut refusal = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let walked = json.deserialize_seq(Items { take, refusal: &mut refusal });
    let walked = walked.and_then(|()| json.end());
    match (refusal, walked) {
        (Some(refusal), _) => Err(refusal),
        (None, walked) => walked.map_err(|error| not_json(&error)),
    }
}

/// The refusal of JSON that cannot be read.
pub(super) fn not_json(error: &serde_json::Error) -> HttpRefusal {
    HttpRefusal::Malformed(format!("not the JSON it should be: {error}"))
}

struct Items<'r, F> {
    take: F,
    refusal: &'r mut Option<HttpRefusal>,
}

impl<'de, F: FnMut(&'de RawValue) -> Result<(), HttpRefusal>> Visitor<'de> for Items<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&'de RawValue>()? {
            if let Err(refusal) = (self.take)(item) {
                *self.refusal = Some(refusal);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// The request as text.
///
/// # Errors
/// When it is not UTF-8.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, HttpRefusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| HttpRefusal::Malformed(format!("not UTF-8: {error}")))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
