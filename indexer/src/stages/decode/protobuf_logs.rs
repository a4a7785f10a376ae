//! Log requests in protobuf, read straight into records: no message of the generated code stands between, whose texts,
//! ids and lists would all be allocated to be taken apart again.
//!
//! What it takes and refuses is what the generated code takes and refuses; a property test holds the two side by side.

use groundcrew_telemetry::{
    Attributes, Batch, LogBatch, LogRecord, Resource, SpanId, Timestamp, TraceId, Value,
};

use super::decoded::{Decoded, Undecodable};
use super::limits::cap_attributes;
use super::record::{self, ReadLog};
use super::wire::{DEPTH_MAX, Fields, too_deep};

/// Decodes a log export request.
///
/// # Errors
/// When the bytes are not such a message.
pub(super) fn decode_logs(bytes: &[u8], now: Timestamp) -> Result<Decoded, Undecodable> {
    let mut decoded = Decoded::default();
    let mut fields = Fields::of(bytes);
    while let Some((number, payload)) = fields.next()? {
        if number == 1 {
            resource_logs(payload.bytes()?, now, &mut decoded)?;
        }
    }
    Ok(decoded)
}

fn resource_logs(message: &[u8], now: Timestamp, decoded: &mut Decoded) -> Result<(), Undecodable> {
    let mut resource = Resource::default();
    let mut scopes = Vec::new();
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => read_resource(payload.bytes()?, &mut resource)?,
            2 => scopes.push(payload.bytes()?),
            3 => payload.text().map(drop)?,
            _ => {}
        }
    }
    cap_attributes(&mut resource.attributes, &mut decoded.notes);
    let last = scopes.len().saturating_sub(1);
    for (position, scope) in scopes.into_iter().enumerate() {
        // The resource may stand behind its records, so it is known only now; the last scope takes it.
        let resource =
            if position == last { std::mem::take(&mut resource) } else { resource.clone() };
        scope_logs(scope, resource, now, decoded)?;
    }
    Ok(())
}

fn read_resource(message: &[u8], resource: &mut Resource) -> Result<(), Undecodable> {
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => push_pair(payload.bytes()?, &mut resource.attributes.0, DEPTH_MAX)?,
            2 => payload.varint().map(drop)?,
            // References to entities, which nobody asks for.
            3 => payload.bytes().map(drop)?,
            _ => {}
        }
    }
    Ok(())
}

fn scope_logs(
    message: &[u8],
    resource: Resource,
    now: Timestamp,
    decoded: &mut Decoded,
) -> Result<(), Undecodable> {
    let mut scope = String::new();
    // Records are large; a list that grows would copy them again and again.
    let mut records = Vec::with_capacity(Fields::count(message, 2)?);
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => read_scope(payload.bytes()?, &mut scope)?,
            2 => match log_record(payload.bytes()?, now, decoded)? {
                Ok(record) => records.push(record),
                Err(reason) => decoded.rejected.add(reason),
            },
            3 => payload.text().map(drop)?,
            _ => {}
        }
    }
    if !records.is_empty() {
        decoded.batches.push(Batch::Logs(LogBatch { resource, scope, records }));
    }
    Ok(())
}

fn read_scope(message: &[u8], scope: &mut String) -> Result<(), Undecodable> {
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => payload.text()?.clone_into(scope),
            2 => payload.text().map(drop)?,
            3 => push_pair(payload.bytes()?, &mut Vec::new(), DEPTH_MAX)?,
            4 => payload.varint().map(drop)?,
            _ => {}
        }
    }
    Ok(())
}

/// A record; the inner error is the reason to refuse it alone.
fn log_record(
    message: &[u8],
    now: Timestamp,
    decoded: &mut Decoded,
) -> Result<Result<LogRecord, String>, Undecodable> {
    let mut read = ReadLog::default();
    let mut attributes = Vec::new();
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => read.time = payload.fixed64()?.into(),
            2 => read.severity_number = i64::from(low_half(payload.varint()?)),
            3 => read.severity_text = payload.text()?.into(),
            5 => read_value(payload.bytes()?, &mut read.body, DEPTH_MAX)?,
            6 => push_pair(payload.bytes()?, &mut attributes, DEPTH_MAX)?,
            7 => payload.varint().map(drop)?,
            8 => payload.fixed32().map(drop)?,
            9 => read.trace_id = TraceId::from_bytes(payload.bytes()?),
            10 => read.span_id = SpanId::from_bytes(payload.bytes()?),
            11 => read.observed = payload.fixed64()?.into(),
            12 => read.event_name = payload.text()?.into(),
            _ => {}
        }
    }
    read.attributes = Attributes(attributes);
    Ok(record::log_record(read, now, &mut decoded.notes))
}

/// Adds a pair; one without a value says nothing and is left out.
fn push_pair(
    message: &[u8],
    pairs: &mut Vec<(String, Value)>,
    depth_left: u32,
) -> Result<(), Undecodable> {
    let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
    let (mut key, mut value) = ("", None);
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => key = payload.text()?,
            2 => read_value(payload.bytes()?, &mut value, depth_left)?,
            // An index into a dictionary that only profiles carry.
            3 => payload.varint().map(drop)?,
            _ => {}
        }
    }
    if let Some(value) = value {
        if pairs.is_empty() {
            // Most lists have one pair, and room for four would take four times the memory.
            pairs.reserve_exact(1);
        }
        pairs.push((key.to_owned(), value));
    }
    Ok(())
}

/// Reads a value into `value`, which stays as it is when none is set.
fn read_value(
    message: &[u8],
    value: &mut Option<Value>,
    depth_left: u32,
) -> Result<(), Undecodable> {
    let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        *value = match number {
            1 => Some(Value::Str(payload.text()?.to_owned())),
            2 => Some(Value::Bool(payload.varint()? != 0)),
            3 => Some(Value::Int(payload.varint()?.cast_signed())),
            4 => Some(Value::Double(f64::from_bits(payload.fixed64()?))),
            5 => Some(list(payload.bytes()?, value.take(), depth_left)?),
            6 => Some(map(payload.bytes()?, value.take(), depth_left)?),
            7 => Some(Value::Bytes(payload.bytes()?.to_owned())),
            8 => {
                payload.varint()?;
                None
            }
            _ => continue,
        };
    }
    Ok(())
}

/// A list; two in a row are one, as protobuf wants it.
fn list(message: &[u8], earlier: Option<Value>, depth_left: u32) -> Result<Value, Undecodable> {
    let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
    let mut values = if let Some(Value::List(values)) = earlier { values } else { Vec::new() };
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        if number == 1 {
            let mut value = None;
            read_value(payload.bytes()?, &mut value, depth_left)?;
            values.extend(value);
        }
    }
    Ok(Value::List(values))
}

fn map(message: &[u8], earlier: Option<Value>, depth_left: u32) -> Result<Value, Undecodable> {
    let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
    let mut pairs = if let Some(Value::Map(pairs)) = earlier { pairs } else { Vec::new() };
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        if number == 1 {
            push_pair(payload.bytes()?, &mut pairs, depth_left)?;
        }
    }
    Ok(Value::Map(pairs))
}

/// An enumeration's number, which is 32 bits wide however it was written.
#[expect(clippy::cast_possible_truncation, reason = "the upper half is the sign repeated")]
const fn low_half(value: u64) -> i32 {
    value as i32
}
