//! Identifiers of traces, spans and log templates.

use std::fmt;
use std::fmt::Write as _;
use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

/// Sixteen bytes that name a trace. All zero is not a trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TraceId(pub [u8; 16]);

/// Eight bytes that name a span within a trace. All zero is not a span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpanId(pub [u8; 8]);

/// Names a log template: a 64-bit hash of the template's text, the same on every machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TemplateId(pub u64);

/// Where in the code a log line was written, as one of 255 marks.
///
/// A mark and not a name: line numbers move with every release, so it only tells apart lines of one template at one
/// time, and so few marks keep what is counted per place bounded whatever a sender writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct CallSite(pub NonZeroU8);

impl CallSite {
    /// The mark with this number; `None` for 0.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        NonZeroU8::new(code).map(Self)
    }

    /// The mark's number, 1 to 255.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0.get()
    }
}

impl TraceId {
    /// Takes raw bytes as OTLP protobuf carries them; `None` for the wrong length or all zero.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(bytes).ok().filter(|id| *id != [0; 16]).map(Self)
    }

    /// Reads 32 hex digits; `None` for anything else or all zero.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        decode_hex::<16>(text).filter(|id| *id != [0; 16]).map(Self)
    }
}

impl SpanId {
    /// Takes raw bytes as OTLP protobuf carries them; `None` for the wrong length or all zero.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; 8]>::try_from(bytes).ok().filter(|id| *id != [0; 8]).map(Self)
    }

    /// Reads 16 hex digits; `None` for anything else or all zero.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        decode_hex::<8>(text).filter(|id| *id != [0; 8]).map(Self)
    }
}

impl TemplateId {
    /// Reads what `Display` writes: `t` and 16 hexadecimal digits.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Some(Self(u64::from_be_bytes(decode_hex(text.strip_prefix('t')?)?)))
    }
}

fn decode_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in bytes {
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('t')?;
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_refuses_the_rest() {
        let id = TraceId::from_hex("5B8EFFF798038103D269B633813FC60C").unwrap();
        assert_eq!(id.to_string(), "5b8efff798038103d269b633813fc60c");
        assert_eq!(TraceId::from_hex(&"0".repeat(32)), None);
        assert_eq!(TraceId::from_hex("W47/95gDgQPSabYzgT/GDA=="), None);
        assert_eq!(SpanId::from_hex("eee19b7ec3c1b17"), None);
        assert_eq!(SpanId::from_hex("ééééééé1"), None);
        let template = TemplateId(0x00ab_cdef_0123_4567);
        assert_eq!(TemplateId::from_text(&template.to_string()), Some(template));
        assert_eq!(TemplateId::from_text("00abcdef01234567"), None);
    }
}
