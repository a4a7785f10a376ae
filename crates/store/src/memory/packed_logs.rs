//! Log records in memory: packed, in the very bytes that went into the write-ahead log, so that a record is encoded once.
//! As it is decoded a record is four pieces on the heap or more, twice what it takes here, which a seal would read and free
//! one by one, long after they left the cache. What is searched by stands beside; the rest is unpacked when it is asked
//! for, texts in place.
//!
//! The bytes are those that postcard makes of [`LogRecord`]. They are written and read by hand because every record that is
//! stored passes here twice; tests hold them to what the derived code makes and reads.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use groundcrew_telemetry::{
    Attributes, CallSite, LogRecord, Severity, SpanId, TemplateId, Timestamp, TraceId, Value,
};

use super::packed_value::{PackedValue, owned};
use crate::StoreError;
use crate::packed_bytes::{PackedReader, put_optional, put_signed, put_text, put_unsigned};

/// What a record takes beside its texts and ids at most.
const RECORD_HEAD_BYTES: usize = 18;
/// What a record takes at least.
const RECORD_BYTES_MIN: usize = 8;
/// What a pair takes beside its texts, about.
const PAIR_HEAD_BYTES: usize = 4;

/// What of a record is searched by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogHead {
    pub(crate) time: Timestamp,
    /// Template 0 for none.
    pub(crate) template: TemplateId,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) severity: Severity,
    pub(crate) site: Option<CallSite>,
    /// Whether all its texts are known to be in ASCII.
    is_ascii: bool,
    /// Where all of it is.
    offset: u32,
}

/// Records that came together.
#[derive(Default)]
pub(crate) struct PackedLogs {
    /// The encoded record of the log that they are in, perhaps with others.
    frame: Arc<Vec<u8>>,
    /// Where in it they are, one after the other, each as it is encoded.
    range: Range<usize>,
    /// Their share of what the frame takes beside log records.
    beside: usize,
    heads: Vec<LogHead>,
}

/// Records that are packed into a frame which is not finished.
#[derive(Debug)]
pub(crate) struct PlacedLogs {
    range: Range<usize>,
    heads: Vec<LogHead>,
}

/// A record as it is packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedLog<'p> {
    pub(crate) time: Timestamp,
    pub(crate) severity: Severity,
    pub(crate) body: &'p str,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) template: Option<TemplateId>,
    pub(crate) site: Option<CallSite>,
    attributes: PackedAttributes<'p>,
}

/// Attributes as they are packed; iterating gives them in the order they came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedAttributes<'p> {
    left: u64,
    reader: PackedReader<'p>,
}

impl PlacedLogs {
    /// Packs records behind what `frame` has.
    pub(crate) fn put(records: &[LogRecord], frame: &mut Vec<u8>) -> Result<Self, StoreError> {
        let start = frame.len();
        let mut heads = Vec::with_capacity(records.len());
        for record in records {
            let offset = u32::try_from(frame.len() - start).map_err(|_| too_many())?;
            heads.push(LogHead {
                time: record.time,
                template: record.template.unwrap_or(TemplateId(0)),
                trace_id: record.trace_id,
                severity: record.severity,
                site: record.site,
                is_ascii: is_ascii(record),
                offset,
            });
            put_record(record, frame)?;
        }
        Ok(Self { range: start..frame.len(), heads })
    }

    /// What the records take in the frame.
    pub(crate) fn bytes(&self) -> usize {
        self.range.len()
    }

    /// The records in the frame once it is finished. `beside` is their share of what it takes beside log records.
    pub(crate) fn in_frame(self, frame: &Arc<Vec<u8>>, beside: usize) -> PackedLogs {
        let Self { range, heads } = self;
        PackedLogs { frame: Arc::clone(frame), range, beside, heads }
    }
}

impl PackedLogs {
    /// Packs records into a frame of their own.
    pub(super) fn of(records: &[LogRecord]) -> Result<Self, StoreError> {
        let mut frame = Vec::with_capacity(packed_bytes(records));
        let placed = PlacedLogs::put(records, &mut frame)?;
        let beside = frame.capacity() - frame.len();
        Ok(placed.in_frame(&Arc::new(frame), beside))
    }

    /// Reads `count` records that stand one after the other, and goes behind them; `None` where they do not.
    pub(crate) fn read(count: u64, reader: &mut PackedReader<'_>) -> Option<Self> {
        let all = reader.0;
        let count_max = all.len() / RECORD_BYTES_MIN;
        let mut heads = Vec::with_capacity(usize::try_from(count).ok()?.min(count_max));
        for _ in 0..count {
            let offset = u32::try_from(all.len() - reader.0.len()).ok()?;
            let log = PackedLog::read(reader)?;
            heads.push(LogHead {
                time: log.time,
                template: log.template.unwrap_or(TemplateId(0)),
                trace_id: log.trace_id,
                severity: log.severity,
                site: log.site,
                is_ascii: log.body.is_ascii() & log.attributes.check()?,
                offset,
            });
        }
        let bytes = all.get(..all.len() - reader.0.len())?.to_vec();
        Some(Self { range: 0..bytes.len(), frame: Arc::new(bytes), beside: 0, heads })
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.range.len() + self.beside + size_of_val(self.heads.as_slice())
    }

    /// One record after the other, each as it is encoded.
    fn bytes(&self) -> &[u8] {
        self.frame.get(self.range.clone()).unwrap_or_default()
    }

    pub(crate) fn heads(&self) -> &[LogHead] {
        &self.heads
    }

    /// Record number `row` as bytes that have its texts as they are, where all of them are in ASCII.
    pub(crate) fn ascii(&self, row: usize) -> Option<&[u8]> {
        let head = self.heads.get(row).filter(|head| head.is_ascii)?;
        let end = self.heads.get(row + 1).map_or(self.range.len(), |next| next.offset as usize);
        self.bytes().get(head.offset as usize..end)
    }

    /// Record number `row`.
    pub(crate) fn record(&self, row: usize) -> Option<PackedLog<'_>> {
        let head = self.heads.get(row)?;
        PackedLog::read(&mut PackedReader(self.bytes().get(head.offset as usize..)?))
    }
}

impl fmt::Debug for PackedLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { heads, .. } = self;
        f.debug_struct("PackedLogs").field("bytes", &self.bytes()).field("heads", heads).finish()
    }
}

impl<'p> PackedLog<'p> {
    /// Reads a record and goes behind it. The texts of its attributes are looked at when they are asked for.
    fn read(reader: &mut PackedReader<'p>) -> Option<Self> {
        let time = Timestamp::from_nanos(reader.signed()?);
        let severity = Severity(reader.byte()?);
        let body = reader.text()?;
        let left = reader.unsigned()?;
        let attributes = PackedAttributes { left, reader: *reader };
        (0..left).try_for_each(|_| {
            reader.piece()?;
            PackedValue::skip(reader)
        })?;
        let trace_id = reader.optional(|reader| Some(TraceId(*reader.array()?)))?;
        let span_id = reader.optional(|reader| Some(SpanId(*reader.array()?)))?;
        let template = reader.optional(|reader| Some(TemplateId(reader.unsigned()?)))?;
        let site = reader.optional(|reader| CallSite::from_code(reader.byte()?))?;
        Some(Self { time, severity, body, trace_id, span_id, template, site, attributes })
    }

    /// The attributes in the order they came.
    pub(crate) const fn attributes(&self) -> PackedAttributes<'p> {
        self.attributes
    }

    /// The record as it came.
    pub(crate) fn to_record(self) -> LogRecord {
        LogRecord {
            time: self.time,
            severity: self.severity,
            body: self.body.to_owned(),
            attributes: owned(self.attributes),
            trace_id: self.trace_id,
            span_id: self.span_id,
            template: self.template,
            site: self.site,
        }
    }
}

impl PackedAttributes<'_> {
    /// Reads all of them: whether their texts are in ASCII, `None` where something is no text or no value.
    fn check(mut self) -> Option<bool> {
        let mut are_ascii = true;
        while self.left > 0 {
            are_ascii &= self.next()?.1.is_ascii();
        }
        Some(are_ascii)
    }
}

impl<'p> Iterator for PackedAttributes<'p> {
    type Item = (&'p str, PackedValue<'p>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some((self.reader.text()?, PackedValue::read(&mut self.reader)?))
    }
}

fn put_record(record: &LogRecord, out: &mut Vec<u8>) -> Result<(), StoreError> {
    put_signed(record.time.nanos(), out);
    out.push(record.severity.0);
    put_text(&record.body, out);
    let Attributes(pairs) = &record.attributes;
    put_unsigned(pairs.len() as u64, out);
    for (key, value) in pairs {
        put_text(key, out);
        PackedValue::put(value, out)?;
    }
    put_optional(record.trace_id, out, |id, out| out.extend_from_slice(&id.0));
    put_optional(record.span_id, out, |id, out| out.extend_from_slice(&id.0));
    put_optional(record.template, out, |template, out| put_unsigned(template.0, out));
    put_optional(record.site, out, |site, out| out.push(site.code()));
    Ok(())
}

/// What records take when they are packed, so that the bytes are hardly ever moved; nested values may take more.
pub(crate) fn packed_bytes(records: &[LogRecord]) -> usize {
    records.iter().map(record_bytes).sum()
}

fn record_bytes(record: &LogRecord) -> usize {
    let pairs = record.attributes.0.iter().map(|(key, value)| {
        let value = match value {
            Value::Str(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => size_of::<u64>(),
        };
        key.len() + value + PAIR_HEAD_BYTES
    });
    let ids = usize::from(record.trace_id.is_some()) * size_of::<TraceId>()
        + usize::from(record.span_id.is_some()) * size_of::<SpanId>()
        + usize::from(record.template.is_some()) * 10;
    RECORD_HEAD_BYTES + record.body.len() + ids + pairs.sum::<usize>()
}

fn is_ascii(record: &LogRecord) -> bool {
    let mut values = record.attributes.iter().map(|(_, value)| value);
    record.body.is_ascii() && values.all(|value| PackedValue::of(value).is_ascii())
}

fn too_many() -> StoreError {
    StoreError::encoding("more than 4 GiB of log records")(postcard::Error::SerializeBufferFull)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::{Just, ProptestConfig, Strategy, any, proptest};

    use super::*;
    use crate::Expression;
    use crate::tokens::Tokenizer;

    /// Few letters, so that what is asked for is often there.
    fn searched() -> impl Strategy<Value = LogRecord> {
        let text = || "[abAB7 ._-]{0,12}|aß b|AB 7a";
        let value = proptest::prop_oneof![
            text().prop_map(Value::Str),
            (0..20_i64).prop_map(Value::Int),
            Just(Value::Bytes(vec![0x0b])),
            any::<bool>().prop_map(Value::Bool),
            vec(text().prop_map(Value::Str), 0..2).prop_map(Value::List),
        ];
        (text(), vec(("[ab]", value), 0..3)).prop_map(|(body, pairs)| LogRecord {
            body,
            attributes: Attributes(pairs),
            trace_id: TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736"),
            ..LogRecord::default()
        })
    }

    fn question() -> impl Strategy<Value = String> {
        let one = proptest::prop_oneof![
            "-?[abAB7]{1,3}[*]?",
            "-?\"[ab7][ab7 .]{0,3}\"",
            "-?[ab]:([ab7]{1,2}[*]?|[AB 7]{2}|0b|>3)",
            "-?/[ab]{1,2}7?/",
            Just("4BF92F3577b34da6a3ce929d0e0e4736".to_owned()),
            Just("ß".to_owned()),
        ];
        vec(one, 1..4).prop_flat_map(|words| {
            let words = words.join(" ");
            proptest::prop_oneof![Just(words.clone()), Just(words.replace(' ', " OR "))]
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = proptest::prop_oneof![
            ".{0,6}".prop_map(Value::Str),
            any::<i64>().prop_map(Value::Int),
            any::<i32>().prop_map(|number| Value::Double(f64::from(number) / 7.0)),
            any::<bool>().prop_map(Value::Bool),
            vec(any::<u8>(), 0..200).prop_map(Value::Bytes),
            Just(Value::Str("x".repeat(300))),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            proptest::prop_oneof![
                vec(inner.clone(), 0..3).prop_map(Value::List),
                vec((".{0,3}", inner), 0..3).prop_map(Value::Map),
            ]
        })
    }

    fn record() -> impl Strategy<Value = LogRecord> {
        let texts = (".{0,200}", vec((".{0,4}", value()), 0..4));
        let ids = (of(any::<[u8; 16]>()), of(any::<[u8; 8]>()), of(any::<u64>()), any::<u8>());
        let numbers = (any::<i64>(), any::<u8>());
        (texts, ids, numbers).prop_map(|((body, pairs), ids, (nanos, severity))| LogRecord {
            time: Timestamp::from_nanos(nanos),
            severity: Severity(severity),
            body,
            attributes: Attributes(pairs),
            trace_id: ids.0.map(TraceId),
            span_id: ids.1.map(SpanId),
            template: ids.2.map(TemplateId),
            site: CallSite::from_code(ids.3),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn records_are_packed_as_the_log_has_them(records in vec(record(), 0..4)) {
            let packed = PackedLogs::of(&records).unwrap();
            let derived = records.iter().map(|record| postcard::to_stdvec(record).unwrap());
            assert_eq!(packed.bytes(), derived.collect::<Vec<_>>().concat());
            for (row, record) in records.iter().enumerate() {
                assert_eq!(packed.record(row).unwrap().to_record(), *record);
            }
            assert!(packed.record(records.len()).is_none());
            let followed = [packed.bytes(), b"more"].concat();
            let mut reader = PackedReader(&followed);
            let read = PackedLogs::read(records.len() as u64, &mut reader).unwrap();
            assert_eq!(reader.0, b"more");
            assert_eq!(format!("{read:?}"), format!("{packed:?}"));
        }

        #[test]
        fn packed_records_are_found_as_they_would_be_by_themselves(record in searched(), question in question()) {
            let Ok(wanted) = Expression::parse(&question) else { return Ok(()) };
            let packed = PackedLogs::of(std::slice::from_ref(&record)).unwrap();
            let found = packed.ascii(0).is_none_or(|bytes| wanted.may_be_in(bytes))
                && wanted.holds_of("", &packed.record(0).unwrap(), &mut Tokenizer::default());
            assert_eq!(found, wanted.admits("", &record), "{question}");
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), count in 0_u64..4) {
            let mut logs = PackedLogs::of(&[LogRecord::default()]).unwrap();
            logs.range = 0..bytes.len();
            logs.frame = Arc::new(bytes.clone());
            if let Some(record) = logs.record(0) {
                record.to_record();
            }
            if let Some(read) = PackedLogs::read(count, &mut PackedReader(&bytes)) {
                for row in 0..read.heads.len() {
                    assert_eq!(read.record(row).unwrap().attributes().count() as u64, read.record(row).unwrap().attributes.left);
                }
            }
        }
    }
}
