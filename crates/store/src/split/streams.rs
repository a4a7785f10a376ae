//! The streams that the value columns of a block share: narrow numbers, raw ids, and texts.
//!
//! Apart, because each compresses best among its like; ids do not compress at all.

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// Bytes that are written and read as a whole, not one by one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;
        impl<'de> Visitor<'de> for BytesVisitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

/// What a block's columns wrote.
#[derive(Debug, Default)]
pub(super) struct StreamWriter {
    numbers: Vec<u8>,
    pub(super) ids: Vec<u8>,
    texts: String,
    lengths: Vec<u32>,
    /// Scratch: the numbers of the column at hand.
    read: Vec<u64>,
}

/// The same as it is kept. The ids are kept beside it, uncompressed.
#[derive(Debug, Default, Serialize, serde::Deserialize)]
pub(super) struct Streams {
    numbers: Bytes,
    texts: String,
    lengths: Vec<u32>,
    #[serde(skip)]
    ids: Vec<u8>,
}

impl StreamWriter {
    /// Adds the lowest `width` bytes of a number.
    pub(super) fn push_number(&mut self, number: u64, width: u8) {
        self.numbers.extend(number.to_le_bytes().iter().take(usize::from(width)));
    }

    /// Adds what `read` makes of each value as a difference to the least; says which that is, and how many bytes a
    /// difference takes. `None` when a value is no number; nothing is added then.
    pub(super) fn push_numbers(
        &mut self,
        values: &[&str],
        read: impl Fn(&str) -> Option<u64>,
    ) -> Option<(u64, u8)> {
        let numbers = &mut self.read;
        numbers.clear();
        let (mut least, mut most) = (u64::MAX, 0);
        for value in values {
            let number = read(value)?;
            least = least.min(number);
            most = most.max(number);
            numbers.push(number);
        }
        let bits = u64::BITS - most.checked_sub(least)?.leading_zeros();
        let width = bits.div_ceil(8) as u8;
        match width {
            0 => {}
            1 => self.push_lowest::<1>(least),
            2 => self.push_lowest::<2>(least),
            3 => self.push_lowest::<3>(least),
            4 => self.push_lowest::<4>(least),
            5 => self.push_lowest::<5>(least),
            6 => self.push_lowest::<6>(least),
            7 => self.push_lowest::<7>(least),
            _ => self.push_lowest::<8>(least),
        }
        Some((least, width))
    }

    /// Adds the lowest bytes of what the numbers read are beyond the least.
    fn push_lowest<const WIDTH: usize>(&mut self, least: u64) {
        self.numbers.reserve(WIDTH * self.read.len());
        for number in &self.read {
            let bytes = (number - least).to_le_bytes();
            self.numbers.extend_from_slice(bytes.first_chunk::<WIDTH>().unwrap_or(&[0; WIDTH]));
        }
    }

    /// Adds the bytes that pairs of hexadecimal digits stand for.
    pub(super) fn push_hex(&mut self, digits: &str) {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit.wrapping_sub(b'a').wrapping_add(10) & 15,
        };
        let pairs = digits.as_bytes().as_chunks::<2>().0;
        self.ids.extend(pairs.iter().map(|[high, low]| (value(*high) << 4) | value(*low)));
    }

    pub(super) fn push_text(&mut self, text: &str) {
        self.texts.push_str(text);
        self.lengths.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }

    /// The streams, ids within.
    pub(super) fn finish(self) -> Streams {
        let Self { numbers, ids, texts, lengths, read: _ } = self;
        Streams { numbers: Bytes(numbers), texts, lengths, ids }
    }
}

impl Streams {
    /// Takes the ids out, to be kept apart.
    pub(super) fn take_ids(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ids)
    }

    /// Puts the ids back that were kept apart.
    pub(super) fn put_ids(&mut self, ids: Vec<u8>) {
        self.ids = ids;
    }

    pub(super) fn reader(&self) -> StreamReader<'_> {
        let mut end = 0_usize;
        let ends = self.lengths.iter().map(|length| {
            end = end.saturating_add(*length as usize);
            end
        });
        StreamReader { streams: self, ends: ends.collect() }
    }
}

/// Streams made ready for reading single values.
#[derive(Debug)]
pub(super) struct StreamReader<'b> {
    streams: &'b Streams,
    /// Where each text ends.
    ends: Vec<usize>,
}

impl StreamReader<'_> {
    /// Number `place` of those of `width` bytes that begin at `start`; 0 where there is none.
    pub(super) fn number(&self, start: usize, place: usize, width: u8) -> u64 {
        let width = usize::from(width).min(8);
        let at = start.saturating_add(place.saturating_mul(width));
        let bytes = self.streams.numbers.0.get(at..at.saturating_add(width)).unwrap_or_default();
        bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    pub(super) fn id(&self, start: usize, length: usize) -> &[u8] {
        self.streams.ids.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    pub(super) fn text(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(number).copied());
        range.and_then(|(start, end)| self.streams.texts.get(start..end)).unwrap_or_default()
    }
}
