//! Columns that log and span blocks share: distinct strings, attributes, ids, times.

use std::borrow::Borrow;
use std::hash::Hash;

use groundcrew_telemetry::{Attributes, SpanId, Timestamp, TraceId, Value};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::memory::PackedValue;

/// Numbers things in the order they first come.
#[derive(Debug)]
pub(super) struct Numbering<T> {
    numbers: FxHashMap<T, u32>,
}

impl<T> Default for Numbering<T> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default() }
    }
}

impl<T: Copy + Eq + Hash> Numbering<T> {
    /// The number of `value`, and whether it is new.
    pub(super) fn number(&mut self, value: T) -> (u32, bool) {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(value).or_insert(next);
        (number, number == next)
    }
}

/// The distinct strings of a block: one text and the length of each.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Strings {
    text: String,
    lengths: Vec<u32>,
}

impl Strings {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.lengths.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }

    /// All of them one after another, and how long each is.
    pub(super) fn into_parts(self) -> (String, Vec<u32>) {
        (self.text, self.lengths)
    }

    /// The strings by number. Lengths that do not fit the text give empty strings.
    pub(super) fn all(&self) -> Vec<&str> {
        let mut rest = self.text.as_str();
        let mut all = Vec::with_capacity(self.lengths.len());
        for length in &self.lengths {
            let (text, behind) = rest.split_at_checked(*length as usize).unwrap_or(("", ""));
            all.push(text);
            rest = behind;
        }
        all
    }
}

/// Collects the distinct strings of a block.
#[derive(Debug, Default)]
pub(super) struct StringsBuilder<'r> {
    numbering: Numbering<&'r str>,
    strings: Strings,
}

/// The two string tables of a block that is being written.
#[derive(Debug, Default)]
pub(super) struct BlockStrings<'r> {
    /// Keys and operations.
    pub(super) names: StringsBuilder<'r>,
    /// Values of attributes.
    pub(super) values: StringsBuilder<'r>,
    /// The pairs of the row before, by their place in it: most often the next row has the same.
    before: Vec<(Numbered<'r>, Numbered<'r>)>,
}

/// A string with its number.
type Numbered<'r> = Option<(&'r str, u32)>;

impl<'r> BlockStrings<'r> {
    /// The number of the name of pair number `place` of a row.
    fn name(&mut self, place: usize, name: &'r str) -> u32 {
        if self.before.len() <= place {
            self.before.resize(place + 1, (None, None));
        }
        match self.before.get_mut(place) {
            Some((Some((known, number)), _)) if *known == name => *number,
            Some((known, _)) => known.insert((name, self.names.number(name).0)).1,
            None => self.names.number(name).0,
        }
    }

    /// The same of its value, and whether that is new in this block.
    fn value(&mut self, place: usize, value: &'r str) -> (u32, bool) {
        match self.before.get_mut(place) {
            Some((_, Some((known, number)))) if *known == value => (*number, false),
            before => {
                let (number, is_new) = self.values.number(value);
                if let Some((_, known)) = before {
                    *known = Some((value, number));
                }
                (number, is_new)
            }
        }
    }
}

impl<'r> StringsBuilder<'r> {
    /// The number of `text`, and whether it is new in this block.
    pub(super) fn number(&mut self, text: &'r str) -> (u32, bool) {
        let (number, is_new) = self.numbering.number(text);
        if is_new {
            self.strings.push(text);
        }
        (number, is_new)
    }

    pub(super) fn finish(self) -> Strings {
        self.strings
    }
}

/// An attribute value; strings by number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum StoredValue {
    Str(u32),
    Int(i64),
    Double(f64),
    Bool(bool),
    /// Bytes, lists and maps as they are.
    Other(Value),
}

/// Attributes of many rows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct AttributeColumns {
    /// Pairs per row.
    counts: Vec<u32>,
    keys: Vec<u32>,
    values: Vec<StoredValue>,
}

impl AttributeColumns {
    /// Adds one row. `visit_text` is called with values that are text, unless the block had the same before.
    pub(super) fn push<'r, V: Borrow<PackedValue<'r>>>(
        &mut self,
        pairs: impl Iterator<Item = (&'r str, V)>,
        strings: &mut BlockStrings<'r>,
        visit_text: &mut dyn FnMut(&str),
    ) {
        let before = self.keys.len();
        for (place, (key, value)) in pairs.enumerate() {
            self.keys.push(strings.name(place, key));
            self.values.push(match value.borrow() {
                PackedValue::Str(text) => {
                    let (number, is_new) = strings.value(place, text);
                    if is_new {
                        visit_text(text);
                    }
                    StoredValue::Str(number)
                }
                PackedValue::Int(number) => StoredValue::Int(*number),
                PackedValue::Double(number) => StoredValue::Double(*number),
                PackedValue::Bool(flag) => StoredValue::Bool(*flag),
                PackedValue::Bytes(_) | PackedValue::List(_) | PackedValue::Map(_) => {
                    let value = value.borrow().to_value();
                    visit_nested(&value, visit_text);
                    StoredValue::Other(value)
                }
            });
        }
        self.counts.push(u32::try_from(self.keys.len() - before).unwrap_or(u32::MAX));
    }

    /// Where each row's pairs begin.
    pub(super) fn starts(&self) -> Vec<u32> {
        let mut next = 0_u32;
        self.counts
            .iter()
            .map(|count| {
                let start = next;
                next = next.saturating_add(*count);
                start
            })
            .collect()
    }

    /// The pairs of row `row`, which begin at `start`.
    pub(super) fn pairs(
        &self,
        row: usize,
        start: u32,
    ) -> impl Iterator<Item = (u32, &StoredValue)> {
        let start = start as usize;
        let end = start + self.counts.get(row).copied().unwrap_or_default() as usize;
        let keys = self.keys.get(start..end).unwrap_or_default();
        let values = self.values.get(start..end).unwrap_or_default();
        keys.iter().copied().zip(values)
    }

    /// The attributes of row `row`, which begin at `start`.
    pub(super) fn row(
        &self,
        row: usize,
        start: u32,
        names: &[&str],
        values: &[&str],
    ) -> Attributes {
        let pairs = self.pairs(row, start).map(|(key, value)| {
            let value = match value {
                StoredValue::Str(number) => Value::Str(string(values, *number).to_owned()),
                StoredValue::Int(number) => Value::Int(*number),
                StoredValue::Double(number) => Value::Double(*number),
                StoredValue::Bool(flag) => Value::Bool(*flag),
                StoredValue::Other(value) => value.clone(),
            };
            (string(names, key).to_owned(), value)
        });
        Attributes(pairs.collect())
    }
}

fn visit_nested(value: &Value, visit_text: &mut dyn FnMut(&str)) {
    match value {
        Value::Str(text) => visit_text(text),
        Value::List(values) => values.iter().for_each(|inner| visit_nested(inner, visit_text)),
        Value::Map(entries) => {
            entries.iter().for_each(|(_, inner)| visit_nested(inner, visit_text));
        }
        Value::Int(_) | Value::Double(_) | Value::Bool(_) | Value::Bytes(_) => {}
    }
}

/// String number `number`, empty when there is none.
pub(super) fn string<'s>(strings: &[&'s str], number: u32) -> &'s str {
    strings.get(number as usize).copied().unwrap_or_default()
}

/// Trace ids of many rows, each distinct one once.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TraceColumn {
    distinct: Vec<u8>,
    /// Per row 0 for none, else the id's number + 1.
    rows: Vec<u32>,
}

impl TraceColumn {
    /// Adds one row; says whether its id is new in the block.
    pub(super) fn push(&mut self, id: Option<TraceId>, numbering: &mut Numbering<TraceId>) -> bool {
        let Some(id) = id else {
            self.rows.push(0);
            return false;
        };
        let (number, is_new) = numbering.number(id);
        if is_new {
            self.distinct.extend_from_slice(&id.0);
        }
        self.rows.push(number.saturating_add(1));
        is_new
    }

    pub(super) fn row(&self, row: usize) -> Option<TraceId> {
        let number = self.rows.get(row)?.checked_sub(1)? as usize;
        let bytes = self.distinct.get(number * 16..number * 16 + 16)?;
        Some(TraceId(bytes.try_into().ok()?))
    }
}

/// Span ids of many rows, one after the other without those that are missing.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SpanIdColumn {
    ids: Vec<u8>,
    /// Per row 0 for none, else its id's number + 1.
    rows: Vec<u32>,
}

impl SpanIdColumn {
    pub(super) fn push(&mut self, id: Option<SpanId>) {
        match id {
            None => self.rows.push(0),
            Some(id) => {
                self.ids.extend_from_slice(&id.0);
                self.rows.push(u32::try_from(self.ids.len() / 8).unwrap_or(u32::MAX));
            }
        }
    }

    pub(super) fn row(&self, row: usize) -> Option<SpanId> {
        let number = self.rows.get(row)?.checked_sub(1)? as usize;
        let bytes = self.ids.get(number * 8..number * 8 + 8)?;
        Some(SpanId(bytes.try_into().ok()?))
    }
}

/// Times of many rows as differences.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TimeColumn {
    last: i64,
    deltas: Vec<i64>,
}

impl TimeColumn {
    pub(super) fn push(&mut self, time: Timestamp) {
        // Wrapping, because the extremes are further apart than the type holds; reading wraps back.
        self.deltas.push(time.nanos().wrapping_sub(self.last));
        self.last = time.nanos();
    }

    pub(super) fn len(&self) -> usize {
        self.deltas.len()
    }

    pub(super) fn all(&self) -> Vec<Timestamp> {
        let mut time = 0_i64;
        self.deltas
            .iter()
            .map(|delta| {
                time = time.wrapping_add(*delta);
                Timestamp::from_nanos(time)
            })
            .collect()
    }
}
