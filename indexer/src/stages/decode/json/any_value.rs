//! OTLP's `AnyValue`, key-value pairs and resources, read straight into telemetry values.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use groundcrew_telemetry::{Attributes, Value};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalars::{Double, List, Text, Whole};

/// An `AnyValue`; `None` when no value is set in it.
#[derive(Default)]
pub(super) struct AnyValue(pub(super) Option<Value>);

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValueVisitor)
    }
}

struct AnyValueVisitor;

impl<'de> Visitor<'de> for AnyValueVisitor {
    type Value = AnyValue;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value such as {\"stringValue\": ...}")
    }
    fn visit_unit<E: Error>(self) -> Result<AnyValue, E> {
        Ok(AnyValue(None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue, A::Error> {
        let mut value = None;
        while let Some(case) = map.next_key::<ValueCase>()? {
            let read = match case {
                ValueCase::Str => Value::Str(map.next_value::<OwnedText>()?.0),
                ValueCase::Bool => Value::Bool(map.next_value()?),
                ValueCase::Int => Value::Int(map.next_value::<Whole>()?.clamped()),
                ValueCase::Double => Value::Double(map.next_value::<Double>()?.0),
                ValueCase::Bytes => Value::Bytes(bytes(&map.next_value::<Text<'_>>()?.0)?),
                ValueCase::Array => Value::List(map.next_value::<ArrayValue>()?.into_values()),
                ValueCase::Map => Value::Map(map.next_value::<KeyValueList>()?.values.0),
                ValueCase::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            value = Some(read);
        }
        Ok(AnyValue(value))
    }
}

fn bytes<E: Error>(base64: &str) -> Result<Vec<u8>, E> {
    STANDARD.decode(base64).map_err(E::custom)
}

enum ValueCase {
    Str,
    Bool,
    Int,
    Double,
    Bytes,
    Array,
    Map,
    Other,
}

impl<'de> Deserialize<'de> for ValueCase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CaseVisitor;
        impl Visitor<'_> for CaseVisitor {
            type Value = ValueCase;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value's kind")
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<ValueCase, E> {
                Ok(match key {
                    "stringValue" | "string_value" => ValueCase::Str,
                    "boolValue" | "bool_value" => ValueCase::Bool,
                    "intValue" | "int_value" => ValueCase::Int,
                    "doubleValue" | "double_value" => ValueCase::Double,
                    "bytesValue" | "bytes_value" => ValueCase::Bytes,
                    "arrayValue" | "array_value" => ValueCase::Array,
                    "kvlistValue" | "kvlist_value" => ValueCase::Map,
                    _ => ValueCase::Other,
                })
            }
        }
        deserializer.deserialize_identifier(CaseVisitor)
    }
}

/// Text that is kept and so may as well be owned at once; `null` is empty.
struct OwnedText(String);

impl<'de> Deserialize<'de> for OwnedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Text::deserialize(deserializer)?.0.into_owned()))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ArrayValue {
    values: List<AnyValue>,
}

impl ArrayValue {
    fn into_values(self) -> Vec<Value> {
        self.values.0.into_iter().filter_map(|value| value.0).collect()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct KeyValueList {
    values: Pairs,
}

/// Key-value pairs; pairs without a value say nothing and are left out.
#[derive(Default)]
pub(super) struct Pairs(pub(super) Vec<(String, Value)>);

impl Pairs {
    pub(super) fn attributes(self) -> Attributes {
        Attributes(self.0)
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of {\"key\": ..., \"value\": ...}")
            }
            fn visit_unit<E: Error>(self) -> Result<Pairs, E> {
                Ok(Pairs::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(KeyValue { key, value }) = items.next_element()? {
                    pairs.extend(value.0.map(|value| (key, value)));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(PairsVisitor)
    }
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    #[serde(default)]
    value: AnyValue,
}

/// A resource; only its attributes count.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ResourceJson {
    pub(super) attributes: Pairs,
}

/// An instrumentation scope; only its name counts.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ScopeJson<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Value> {
        serde_json::from_str::<AnyValue>(json).unwrap().0
    }

    #[test]
    fn reads_every_kind_of_value() {
        assert_eq!(read(r#"{"stringValue":"a\n"}"#), Some("a\n".into()));
        assert_eq!(read(r#"{"int_value":"10"}"#), Some(Value::Int(10)));
        assert_eq!(read(r#"{"intValue":10}"#), Some(Value::Int(10)));
        assert_eq!(read(r#"{"doubleValue":637}"#), Some(Value::Double(637.0)));
        assert_eq!(read(r#"{"boolValue":true}"#), Some(Value::Bool(true)));
        assert_eq!(read(r#"{"bytesValue":"AQI="}"#), Some(Value::Bytes(vec![1, 2])));
        assert_eq!(read(r#"{"future":{"a":1}}"#), None);
        assert_eq!(read("null"), None);
        let nested = r#"{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"stringValue":"v"}]}}}]}}"#;
        let expected = Value::Map(vec![("k".to_owned(), Value::List(vec!["v".into()]))]);
        assert_eq!(read(nested), Some(expected));
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let deep =
            format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(10_000), "]}}".repeat(10_000));
        assert!(serde_json::from_str::<AnyValue>(&deep).is_err());
    }
}
