//! MessagePack within limits: where a value ends in a stream, and the value itself.

use groundcrew_telemetry::Value;
use rmp::Marker;

use crate::utf8;

/// Lists and maps inside each other.
const DEPTH_MAX: usize = 32;
/// Values in one message; each costs some tens of bytes here, whatever it took on the wire.
const VALUES_MAX: u64 = 4 << 20;

/// What is wrong with bytes that should have been MessagePack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadMsgpack {
    /// They end within a value.
    #[error("MessagePack ends within a value")]
    Cut,
    /// A byte that begins no value.
    #[error("a byte that begins no MessagePack value")]
    Reserved,
    /// Larger, deeper or of more parts than is read.
    #[error("a MessagePack value that is too large")]
    TooLarge,
}

/// A value as it came: what telemetry values are, and what they are not.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Packed<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// Past what a signed integer holds.
    Large(u64),
    Float(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    List(Vec<Packed<'a>>),
    Map(Vec<(Packed<'a>, Packed<'a>)>),
    Extension(i8, &'a [u8]),
}

impl<'a> Packed<'a> {
    /// The bytes of a text or of raw bytes; senders use either for both.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Text(bytes) | Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text of a text or of raw bytes.
    pub(super) fn text(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.bytes().map(|bytes| utf8::replaced(bytes).0)
    }

    /// The value of `key` in a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| name.bytes() == Some(key.as_bytes()))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// As a telemetry value; `None` for nothing.
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Int(number) => Value::Int(number),
            Self::Large(number) => Value::Double(number as f64),
            Self::Float(number) => Value::Double(number),
            Self::Text(bytes) => Value::Str(utf8::replaced(bytes).0.into_owned()),
            // Older senders pack their texts as raw bytes.
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Value::Str(text.to_owned()),
                Err(_) => Value::Bytes(bytes.to_vec()),
            },
            Self::List(items) => {
                Value::List(items.into_iter().filter_map(Self::into_value).collect())
            }
            Self::Map(entries) => Value::Map(entries_of(entries)),
            Self::Extension(_, bytes) => Value::Bytes(bytes.to_vec()),
        })
    }
}

/// The entries of a map, with keys as texts; entries without a value are left out.
pub(super) fn entries_of(entries: Vec<(Packed<'_>, Packed<'_>)>) -> Vec<(String, Value)> {
    let pair = |(key, value): (Packed<'_>, Packed<'_>)| {
        Some((key.into_value()?.text().into_owned(), value.into_value()?))
    };
    entries.into_iter().filter_map(pair).collect()
}

/// How a value begins: its own bytes after the marker, and the values inside.
struct Shape {
    /// Bytes of marker and length.
    header: usize,
    /// Bytes after that.
    payload: usize,
    /// Values after those.
    inner: u64,
}

/// `None` when the header has not come whole.
fn shape(bytes: &[u8]) -> Result<Option<Shape>, BadMsgpack> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let marker = Marker::from_u8(*first);
    let own = |payload| Ok(Some(Shape { header: 1, payload, inner: 0 }));
    let length_bytes = match marker {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
            return own(0);
        }
        Marker::FixStr(length) => return own(usize::from(length)),
        Marker::FixArray(count) => {
            return Ok(Some(Shape { header: 1, payload: 0, inner: u64::from(count) }));
        }
        Marker::FixMap(count) => {
            return Ok(Some(Shape { header: 1, payload: 0, inner: 2 * u64::from(count) }));
        }
        Marker::U8 | Marker::I8 => return own(1),
        Marker::U16 | Marker::I16 | Marker::FixExt1 => return own(2),
        Marker::FixExt2 => return own(3),
        Marker::U32 | Marker::I32 | Marker::F32 => return own(4),
        Marker::FixExt4 => return own(5),
        Marker::U64 | Marker::I64 | Marker::F64 => return own(8),
        Marker::FixExt8 => return own(9),
        Marker::FixExt16 => return own(17),
        Marker::Str8 | Marker::Bin8 | Marker::Ext8 => 1,
        Marker::Str16 | Marker::Bin16 | Marker::Ext16 | Marker::Array16 | Marker::Map16 => 2,
        Marker::Str32 | Marker::Bin32 | Marker::Ext32 | Marker::Array32 | Marker::Map32 => 4,
        Marker::Reserved => return Err(BadMsgpack::Reserved),
    };
    let Some(length) = bytes.get(1..1 + length_bytes) else { return Ok(None) };
    let length = length.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let header = 1 + length_bytes;
    let (payload, inner) = match marker {
        Marker::Array16 | Marker::Array32 => (0, length),
        Marker::Map16 | Marker::Map32 => (0, 2 * length),
        Marker::Ext8 | Marker::Ext16 | Marker::Ext32 => (length + 1, 0),
        _ => (length, 0),
    };
    let payload = usize::try_from(payload).map_err(|_| BadMsgpack::TooLarge)?;
    Ok(Some(Shape { header, payload, inner }))
}

/// Finds where the next value of a stream ends, looking at each byte once however it trickles in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    at: usize,
    /// Values still to come before the outermost is whole.
    open: u64,
    seen: u64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { at: 0, open: 1, seen: 0 }
    }
}

impl Extent {
    /// Looks on in `bytes`, which begin where the value does; gives its length once it is whole.
    ///
    /// # Errors
    /// When it is no MessagePack, or longer than `bytes_max`.
    pub(super) fn find(
        &mut self,
        bytes: &[u8],
        bytes_max: usize,
    ) -> Result<Option<usize>, BadMsgpack> {
        while self.open > 0 {
            let Some(rest) = bytes.get(self.at..) else { break };
            let Some(shape) = shape(rest)? else { break };
            self.at = self.at.saturating_add(shape.header).saturating_add(shape.payload);
            self.open = self.open - 1 + shape.inner;
            self.seen += 1;
            if self.at > bytes_max || self.seen.saturating_add(self.open) > VALUES_MAX {
                return Err(BadMsgpack::TooLarge);
            }
        }
        Ok((self.open == 0 && self.at <= bytes.len()).then_some(self.at))
    }
}

/// Reads the value at the beginning of `bytes`, and gives what comes after.
///
/// # Errors
/// When it is no MessagePack, or past a limit.
pub(super) fn read(bytes: &[u8]) -> Result<(Packed<'_>, &[u8]), BadMsgpack> {
    let mut reader = Reader { rest: bytes, left: VALUES_MAX };
    let value = reader.value(0)?;
    Ok((value, reader.rest))
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Values that may still be read.
    left: u64,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Packed<'a>, BadMsgpack> {
        let shape = shape(self.rest)?.ok_or(BadMsgpack::Cut)?;
        let marker = self.rest.first().copied().map_or(Marker::Reserved, Marker::from_u8);
        let whole = shape.header.checked_add(shape.payload).ok_or(BadMsgpack::TooLarge)?;
        let payload = self.rest.get(shape.header..whole).ok_or(BadMsgpack::Cut)?;
        self.rest = self.rest.get(whole..).unwrap_or_default();
        self.left = self.left.checked_sub(1).ok_or(BadMsgpack::TooLarge)?;
        let is_map = matches!(marker, Marker::FixMap(_) | Marker::Map16 | Marker::Map32);
        let is_list = matches!(marker, Marker::FixArray(_) | Marker::Array16 | Marker::Array32);
        if is_map || is_list {
            // Each takes a byte at least, so a count that lies is seen before room is made for it.
            if depth >= DEPTH_MAX || shape.inner > self.left {
                return Err(BadMsgpack::TooLarge);
            }
            if shape.inner > self.rest.len() as u64 {
                return Err(BadMsgpack::Cut);
            }
        }
        if is_map {
            let mut entries = Vec::new();
            for _ in 0..shape.inner / 2 {
                entries.push((self.value(depth + 1)?, self.value(depth + 1)?));
            }
            return Ok(Packed::Map(entries));
        }
        if is_list {
            let items = (0..shape.inner).map(|_| self.value(depth + 1));
            return items.collect::<Result<_, _>>().map(Packed::List);
        }
        Ok(scalar(marker, payload))
    }
}

fn scalar(marker: Marker, payload: &[u8]) -> Packed<'_> {
    let number = payload.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    match marker {
        Marker::FixPos(number) => Packed::Int(i64::from(number)),
        Marker::FixNeg(number) => Packed::Int(i64::from(number)),
        Marker::True => Packed::Bool(true),
        Marker::False => Packed::Bool(false),
        Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => {
            i64::try_from(number).map_or(Packed::Large(number), Packed::Int)
        }
        Marker::I8 => Packed::Int(i64::from(number as u8 as i8)),
        Marker::I16 => Packed::Int(i64::from(number as u16 as i16)),
        Marker::I32 => Packed::Int(i64::from(number as u32 as i32)),
        Marker::I64 => Packed::Int(number as i64),
        Marker::F32 => Packed::Float(f64::from(f32::from_bits(number as u32))),
        Marker::F64 => Packed::Float(f64::from_bits(number)),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => Packed::Text(payload),
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => Packed::Bytes(payload),
        Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32 => match payload.split_first() {
            Some((kind, bytes)) => Packed::Extension(*kind as i8, bytes),
            None => Packed::Nil,
        },
        _ => Packed::Nil,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_is_found_however_the_bytes_trickle_in() {
        let bytes = b"\x93\xa3tag\xd7\x00\0\0\0\x01\0\0\0\x02\x81\xa1k\xc4\x02\xff\xfe\xc0";
        for step in 1..=bytes.len() {
            let mut extent = Extent::default();
            let mut found = None;
            for end in (0..bytes.len() + step).step_by(step) {
                found = found.or(extent.find(&bytes[..end.min(bytes.len())], 1_000).unwrap());
            }
            assert_eq!(found, Some(bytes.len() - 1));
        }
        let (value, rest) = read(bytes).unwrap();
        assert_eq!(rest, b"\xc0");
        let Packed::List(items) = value else { panic!("{value:?}") };
        assert_eq!(items[1], Packed::Extension(0, b"\0\0\0\x01\0\0\0\x02"));
        assert_eq!(items[2].get("k"), Some(&Packed::Bytes(b"\xff\xfe")));
    }

    #[test]
    fn what_is_too_large_or_too_deep_or_a_lie_is_an_error() {
        assert_eq!(read(&[0x91; 100]), Err(BadMsgpack::TooLarge));
        assert_eq!(read(b"\xdd\x00\x01\xff\xff\x01"), Err(BadMsgpack::Cut));
        assert_eq!(read(b"\xdd\xff\xff\xff\xff\x01"), Err(BadMsgpack::TooLarge));
        assert_eq!(read(b"\xc1"), Err(BadMsgpack::Reserved));
        assert_eq!(read(b""), Err(BadMsgpack::Cut));
        let huge = b"\xc6\xff\xff\xff\xff";
        assert_eq!(Extent::default().find(huge, 1 << 20), Err(BadMsgpack::TooLarge));
    }

    #[test]
    fn numbers_keep_their_signs() {
        let (value, _) = read(b"\x95\xff\xd0\x80\xd1\xff\xfe\xcb\x3f\xf8\0\0\0\0\0\0\xcf\xff\xff\xff\xff\xff\xff\xff\xff").unwrap();
        let expected = vec![
            Packed::Int(-1),
            Packed::Int(-128),
            Packed::Int(-2),
            Packed::Float(1.5),
            Packed::Large(u64::MAX),
        ];
        assert_eq!(value, Packed::List(expected));
    }
}
