//! A value of an attribute as it is packed: the same bytes as [`Value`] makes, texts left where they are.

use std::borrow::Borrow;

use groundcrew_telemetry::{Attributes, Value};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::packed_bytes::{PackedReader, put_signed, put_text};

/// What the encoded value begins with: which variant it is.
const STR: u8 = 0;
const INT: u8 = 1;

/// A value of an attribute.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum PackedValue<'p> {
    Str(&'p str),
    Int(i64),
    Double(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl<'p> PackedValue<'p> {
    pub(super) fn of(value: &'p Value) -> Self {
        match value {
            Value::Str(text) => Self::Str(text),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Double(*number),
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Value::List(values) => Self::List(values.clone()),
            Value::Map(entries) => Self::Map(entries.clone()),
        }
    }

    /// Adds a value to `out`.
    pub(super) fn put(value: &Value, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match value {
            Value::Str(text) => {
                out.push(STR);
                put_text(text, out);
            }
            Value::Int(number) => {
                out.push(INT);
                put_signed(*number, out);
            }
            other => {
                let extended = postcard::to_extend(other, std::mem::take(out));
                *out = extended.map_err(StoreError::encoding("an attribute"))?;
            }
        }
        Ok(())
    }

    /// Reads a value that [`Self::put`] has put.
    pub(super) fn read(reader: &mut PackedReader<'p>) -> Option<Self> {
        match reader.0.first()? {
            &STR => {
                reader.byte()?;
                reader.text().map(Self::Str)
            }
            _ => {
                let (value, rest) = postcard::take_from_bytes(reader.0).ok()?;
                reader.0 = rest;
                Some(value)
            }
        }
    }

    /// Goes behind a value.
    pub(super) fn skip(reader: &mut PackedReader<'p>) -> Option<()> {
        match reader.0.first()? {
            &STR => {
                reader.byte()?;
                reader.piece().map(drop)
            }
            _ => Self::read(reader).map(drop),
        }
    }

    /// Whether it is asked for by bytes that are in ASCII. Those of bytes are asked for by their digits.
    pub(super) fn is_ascii(&self) -> bool {
        match self {
            Self::Str(text) => text.is_ascii(),
            Self::Int(_) | Self::Double(_) | Self::Bool(_) => true,
            Self::Bytes(_) | Self::List(_) | Self::Map(_) => false,
        }
    }

    /// The value by itself.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Str(text) => Value::Str((*text).to_owned()),
            Self::Int(number) => Value::Int(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Self::List(values) => Value::List(values.clone()),
            Self::Map(entries) => Value::Map(entries.clone()),
        }
    }
}

/// Packed pairs by themselves.
pub(super) fn owned<'p, V: Borrow<PackedValue<'p>>>(
    pairs: impl Iterator<Item = (&'p str, V)>,
) -> Attributes {
    Attributes(pairs.map(|(key, value)| (key.to_owned(), value.borrow().to_value())).collect())
}
