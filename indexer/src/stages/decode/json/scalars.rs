//! Scalars as senders write them: text borrowed where possible, integers as numbers or strings, ids in hex or base64.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use groundcrew_telemetry::{SpanId, TraceId};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::super::record::Nanos;

/// Text borrowed from the input where it holds no escapes. `null` is empty.
#[derive(Default, Debug)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed("")))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A whole number written as a number or a string; `null` is zero.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole(pub(super) i128);

impl Whole {
    /// The number, clamped to an `i64`.
    pub(super) fn clamped(self) -> i64 {
        i64::try_from(self.0).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX })
    }

    /// The number as a count; negative ones are zero.
    pub(super) fn count(self) -> u64 {
        u64::try_from(self.0).unwrap_or(if self.0 < 0 { 0 } else { u64::MAX })
    }

    pub(super) fn nanos(self) -> Nanos {
        Nanos(self.0)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor { names: &[] })
    }
}

struct WholeVisitor {
    /// Names that stand for 0, 1, 2 ...: enums are written by number or name. A longer spelling ends in `_NAME`.
    names: &'static [&'static str],
}

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, as a number or a string")
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(number.into()))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
        Ok(Whole(number.into()))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
        // A number in exponent form, or one written by a language that has no other numbers.
        if number.is_finite() && number.abs() < 1e30 {
            return Ok(Whole(number as i128));
        }
        Err(E::custom("number out of range"))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Whole, E> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Whole(0));
        }
        if let Ok(number) = text.parse::<i128>() {
            return Ok(Whole(number));
        }
        let named = |name: &str| {
            text.eq_ignore_ascii_case(name)
                || text.rsplit_once('_').is_some_and(|(_, last)| last.eq_ignore_ascii_case(name))
        };
        match self.names.iter().position(|name| named(name)) {
            Some(position) => Ok(Whole(position as i128)),
            None => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
    fn visit_unit<E: Error>(self) -> Result<Whole, E> {
        Ok(Whole(0))
    }
}

/// A span's kind by number or name.
pub(super) fn span_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
    const NAMES: &[&str] = &["unspecified", "internal", "server", "client", "producer", "consumer"];
    deserializer.deserialize_any(WholeVisitor { names: NAMES })
}

/// A status code by number or name.
pub(super) fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
    deserializer.deserialize_any(WholeVisitor { names: &["unset", "ok", "error"] })
}

/// An aggregation temporality by number or name.
pub(super) fn temporality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
    let names: &[&str] = &["unspecified", "delta", "cumulative"];
    deserializer.deserialize_any(WholeVisitor { names })
}

/// A severity number by number or by name (`SEVERITY_NUMBER_WARN2`).
pub(super) fn severity_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Whole, D::Error> {
    const NAMES: &[&str] = &[
        "unspecified",
        "trace",
        "trace2",
        "trace3",
        "trace4",
        "debug",
        "debug2",
        "debug3",
        "debug4",
        "info",
        "info2",
        "info3",
        "info4",
        "warn",
        "warn2",
        "warn3",
        "warn4",
        "error",
        "error2",
        "error3",
        "error4",
        "fatal",
        "fatal2",
        "fatal3",
        "fatal4",
    ];
    deserializer.deserialize_any(WholeVisitor { names: NAMES })
}

/// A floating point number written as a number or as `"NaN"`, `"Infinity"`, `"1.5"`; `null` is not a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Double(pub(super) f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DoubleVisitor;
        impl Visitor<'_> for DoubleVisitor {
            type Value = Double;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Double, E> {
                Ok(Double(number))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Double, E> {
                Ok(Double(number as f64))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Double, E> {
                Ok(Double(number as f64))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Double, E> {
                text.trim().parse().map(Double).map_err(E::custom)
            }
            fn visit_unit<E: Error>(self) -> Result<Double, E> {
                Ok(Double(f64::NAN))
            }
        }
        deserializer.deserialize_any(DoubleVisitor)
    }
}

/// Reads a trace id in hex or base64. Empty, malformed and all-zero ids are `None`.
pub(super) fn trace_id(text: &str, base64_ids: &mut u64) -> Option<TraceId> {
    if text.len() == 32 {
        return TraceId::from_hex(text);
    }
    let id = TraceId::from_bytes(&from_base64(text, 16)?)?;
    *base64_ids += 1;
    Some(id)
}

/// Reads a span id in hex or base64. Empty, malformed and all-zero ids are `None`.
pub(super) fn span_id(text: &str, base64_ids: &mut u64) -> Option<SpanId> {
    if text.len() == 16 {
        return SpanId::from_hex(text);
    }
    let id = SpanId::from_bytes(&from_base64(text, 8)?)?;
    *base64_ids += 1;
    Some(id)
}

/// 16 bytes take 22 or 24 characters in base64, 8 bytes 11 or 12: neither length is that of a hex id.
fn from_base64(text: &str, bytes: usize) -> Option<Vec<u8>> {
    let unpadded = (bytes * 4).div_ceil(3);
    if text.len() == unpadded {
        return STANDARD_NO_PAD.decode(text).ok();
    }
    (text.len() == unpadded.next_multiple_of(4)).then(|| STANDARD.decode(text).ok()).flatten()
}

/// A list in which `null` means empty.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(List(list))
            }
            fn visit_unit<E: Error>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }
        }
        deserializer.deserialize_any(ListVisitor(std::marker::PhantomData))
    }
}

/// Reads a field whose `null` means its default.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_come_in_every_spelling() {
        let read = |json: &str| serde_json::from_str::<Whole>(json).map(|whole| whole.0).ok();
        assert_eq!(read("\"1544712660300000000\""), Some(1_544_712_660_300_000_000));
        assert_eq!(read("1544712660300000000"), Some(1_544_712_660_300_000_000));
        assert_eq!(read("-5"), Some(-5));
        assert_eq!(read("1e3"), Some(1000));
        assert_eq!(read("null"), Some(0));
        assert_eq!(read("\"soon\""), None);
        assert_eq!(read("{}"), None);
        assert_eq!(Whole(i128::MAX).clamped(), i64::MAX);
    }

    #[test]
    fn ids_are_hex_or_counted_base64() {
        let mut base64_ids = 0;
        let hex = trace_id("5B8EFFF798038103D269B633813FC60C", &mut base64_ids).unwrap();
        assert_eq!(base64_ids, 0);
        let base64 = trace_id("W47/95gDgQPSabYzgT/GDA==", &mut base64_ids).unwrap();
        assert_eq!((hex, base64_ids), (base64, 1));
        assert_eq!(span_id("7uGbfsPBsXQ=", &mut base64_ids), SpanId::from_hex("EEE19B7EC3C1B174"));
        assert_eq!(span_id("7uGbfsPBsXQ", &mut base64_ids), SpanId::from_hex("EEE19B7EC3C1B174"));
        assert_eq!(trace_id("", &mut base64_ids), None);
        assert_eq!(trace_id(&"0".repeat(32), &mut base64_ids), None);
        assert_eq!(trace_id("zz", &mut base64_ids), None);
    }
}
