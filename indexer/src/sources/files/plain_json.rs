//! Any JSON value as a telemetry value, its keys in the order they came, and lookups on it.

use std::fmt;

use groundcrew_telemetry::Value;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value; `None` is `null`.
pub(in crate::sources) struct PlainJson(pub(in crate::sources) Option<Value>);

impl<'de> Deserialize<'de> for PlainJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Option<Value>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E: Error>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Option<Value>, E> {
        Ok(Some(Value::Bool(flag)))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<Value>, E> {
        Ok(Some(Value::Int(number)))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<Value>, E> {
        Ok(Some(i64::try_from(number).map_or(Value::Double(number as f64), Value::Int)))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<Value>, E> {
        Ok(Some(Value::Double(number)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Option<Value>, E> {
        Ok(Some(Value::Str(text.to_owned())))
    }
    fn visit_string<E: Error>(self, text: String) -> Result<Option<Value>, E> {
        Ok(Some(Value::Str(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Value>, A::Error> {
        let mut values = Vec::new();
        while let Some(PlainJson(item)) = items.next_element()? {
            values.extend(item);
        }
        Ok(Some(Value::List(values)))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Value>, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, PlainJson(value))) = map.next_entry::<String, PlainJson>()? {
            if let Some(value) = value {
                entries.push((key, value));
            }
        }
        Ok(Some(Value::Map(entries)))
    }
}

/// A JSON object.
pub(in crate::sources) type Object = Vec<(String, Value)>;

/// The value of `key`.
pub(in crate::sources) fn get<'a>(object: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    object.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// The first of `keys` that holds a non-empty text or a number, as text.
pub(in crate::sources) fn text_of(object: &[(String, Value)], keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| as_text(get(object, key)?))
}

/// A non-empty text or a number, as text.
pub(in crate::sources) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Int(_) | Value::Double(_) => Some(value.text().into_owned()),
        _ => None,
    }
}

/// The object under `key`; empty when there is none.
pub(in crate::sources) fn object_of<'a>(
    object: &'a [(String, Value)],
    key: &str,
) -> &'a [(String, Value)] {
    match get(object, key) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}

/// The list under `key`; empty when there is none.
pub(in crate::sources) fn list_of<'a>(object: &'a [(String, Value)], key: &str) -> &'a [Value] {
    match get(object, key) {
        Some(Value::List(values)) => values,
        _ => &[],
    }
}

/// The objects in the list under `key`.
pub(in crate::sources) fn objects_of<'a>(
    object: &'a [(String, Value)],
    key: &str,
) -> impl Iterator<Item = &'a [(String, Value)]> {
    list_of(object, key).iter().filter_map(as_object)
}

/// The entries of an object.
pub(in crate::sources) fn as_object(value: &Value) -> Option<&[(String, Value)]> {
    match value {
        Value::Map(entries) => Some(entries),
        _ => None,
    }
}
