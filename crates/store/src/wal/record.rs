//! What a frame of the write-ahead log holds.

use std::sync::Arc;

use groundcrew_telemetry::{Batch, LogBatch, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::memory::{Packed, PackedLogs, PlacedLogs, packed_bytes};
use crate::packed_bytes::PackedReader;
use crate::resend::ResendKey;
use crate::stream::StreamPart;
use crate::templates::TemplateText;

/// What a batch has before its records, about.
const BATCH_HEAD_BYTES: usize = 256;

/// One record.
#[derive(Debug)]
pub(crate) enum Record {
    /// The batches of one append.
    Batches(Vec<Packed>),
    /// Texts of templates.
    Templates(Vec<TemplateText>),
    /// The batches of one request that its sender may repeat, with what it is known by and when it came.
    Request(ResendKey, Timestamp, Vec<Packed>),
    /// The batches of messages of streams, with which messages they are.
    Streamed(Vec<StreamPart>, Vec<Packed>),
}

/// Where each stands in [`Record`], which is what an encoded one begins with.
const BATCHES: u32 = 0;
const TEMPLATES: u32 = 1;
const REQUEST: u32 = 2;
const STREAMED: u32 = 3;
/// The same of [`Batch::Logs`].
const LOGS: u32 = 0;

/// Batches, and the encoded record that they make: their log records are in its very bytes.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) payload: Arc<Vec<u8>>,
    pub(crate) batches: Vec<Packed>,
}

/// By hand, so that log records are encoded into the place where they stay, and read back as they are. The bytes are those
/// that postcard makes of the same with [`Batch`] where [`Packed`] stands.
impl Record {
    pub(crate) fn encode_batches(batches: Vec<Batch>) -> Result<Encoded, StoreError> {
        Encoding::of(BATCHES, &batches)?.finish(batches)
    }

    pub(crate) fn encode_request(
        key: ResendKey,
        at: Timestamp,
        batches: Vec<Batch>,
    ) -> Result<Encoded, StoreError> {
        let mut encoding = Encoding::of(REQUEST, &batches)?;
        encoding.put(&(key, at))?;
        encoding.finish(batches)
    }

    pub(crate) fn encode_streamed(
        parts: &[StreamPart],
        batches: Vec<Batch>,
    ) -> Result<Encoded, StoreError> {
        let mut encoding = Encoding::of(STREAMED, &batches)?;
        encoding.put(&parts)?;
        encoding.finish(batches)
    }

    pub(crate) fn encode_templates(templates: &[TemplateText]) -> Result<Vec<u8>, StoreError> {
        let mut encoding = Encoding::of(TEMPLATES, &[])?;
        encoding.put(&templates)?;
        Ok(encoding.0)
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, postcard::Error> {
        let mut left = Payload(payload);
        match left.take::<u32>()? {
            BATCHES => left.take_batches().map(Self::Batches),
            TEMPLATES => left.take().map(Self::Templates),
            REQUEST => {
                let (key, at) = left.take()?;
                Ok(Self::Request(key, at, left.take_batches()?))
            }
            STREAMED => {
                let parts = left.take()?;
                Ok(Self::Streamed(parts, left.take_batches()?))
            }
            _ => Err(postcard::Error::DeserializeBadEnum),
        }
    }
}

/// What of a payload is not decoded yet.
struct Payload<'p>(&'p [u8]);

impl<'p> Payload<'p> {
    fn take<T: Deserialize<'p>>(&mut self) -> Result<T, postcard::Error> {
        let (part, left) = postcard::take_from_bytes(self.0)?;
        self.0 = left;
        Ok(part)
    }

    fn take_batches(&mut self) -> Result<Vec<Packed>, postcard::Error> {
        let count: usize = self.take()?;
        (0..count).map(|_| self.take_batch()).collect()
    }

    fn take_batch(&mut self) -> Result<Packed, postcard::Error> {
        let start = self.0;
        if self.take::<u32>()? != LOGS {
            self.0 = start;
            return Ok(Packed { batch: self.take()?, logs: PackedLogs::default() });
        }
        let (resource, scope, count) = self.take()?;
        let mut reader = PackedReader(self.0);
        let logs = PackedLogs::read(count, &mut reader);
        let logs = logs.ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.0 = reader.0;
        let batch = Batch::Logs(LogBatch { resource, scope, records: Vec::new() });
        Ok(Packed { batch, logs })
    }
}

/// What is encoded so far.
struct Encoding(Vec<u8>);

impl Encoding {
    /// Nothing but which record it is, with room for the batches.
    fn of(record: u32, batches: &[Batch]) -> Result<Self, StoreError> {
        let bytes = batches.iter().map(|batch| match batch {
            Batch::Logs(batch) => BATCH_HEAD_BYTES + packed_bytes(&batch.records),
            _ => BATCH_HEAD_BYTES,
        });
        let mut encoding = Self(Vec::with_capacity(bytes.sum()));
        encoding.put(&record)?;
        Ok(encoding)
    }

    fn put(&mut self, part: &impl Serialize) -> Result<(), StoreError> {
        let encoded = postcard::to_extend(part, std::mem::take(&mut self.0));
        self.0 = encoded.map_err(StoreError::encoding("a write-ahead log record"))?;
        Ok(())
    }

    /// Puts the batches, which are the last.
    fn finish(mut self, mut batches: Vec<Batch>) -> Result<Encoded, StoreError> {
        self.put(&batches.len())?;
        let logs = batches.iter_mut().map(|batch| self.put_batch(batch));
        let logs: Vec<Option<PlacedLogs>> = logs.collect::<Result<_, _>>()?;
        let payload = Arc::new(self.0);
        let of_logs = || logs.iter().flatten().map(PlacedLogs::bytes);
        let beside = payload.capacity() - of_logs().sum::<usize>();
        let share = beside.checked_div(of_logs().count()).unwrap_or_default();
        let batches = batches.into_iter().zip(logs).map(|(batch, logs)| {
            let logs = logs.map(|logs| logs.in_frame(&payload, share));
            Packed { batch, logs: logs.unwrap_or_default() }
        });
        Ok(Encoded { batches: batches.collect(), payload })
    }

    /// Puts a batch, and takes the log records out of it that are in the frame now.
    fn put_batch(&mut self, batch: &mut Batch) -> Result<Option<PlacedLogs>, StoreError> {
        let Batch::Logs(LogBatch { resource, scope, records }) = batch else {
            self.put(batch)?;
            return Ok(None);
        };
        let records = std::mem::take(records);
        self.put(&(LOGS, resource, scope, records.len()))?;
        PlacedLogs::put(&records, &mut self.0).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::{
        Attributes, LogRecord, Resource, SpanBatch, SpanId, TraceId, Value,
    };
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;
    use crate::memory::{Prepared, pack, prepare};
    use crate::origin::Origins;

    /// [`Record`] as it would be encoded by itself.
    #[derive(Serialize)]
    enum Plain {
        Batches(Vec<Batch>),
        Templates(Vec<TemplateText>),
        Request(ResendKey, Timestamp, Vec<Batch>),
        Streamed(Vec<StreamPart>, Vec<Batch>),
    }

    impl Plain {
        fn encoded(&self) -> Vec<u8> {
            postcard::to_stdvec(self).unwrap()
        }
    }

    fn logs(records: Vec<LogRecord>) -> Batch {
        let resource = Resource::service_named("shop");
        Batch::Logs(LogBatch { resource, scope: "cart".to_owned(), records })
    }

    fn batches() -> Vec<Batch> {
        let values = [
            ("text", Value::from("größe")),
            ("number", Value::Int(-7)),
            ("share", Value::Double(0.5)),
            ("is", Value::Bool(true)),
            ("bytes", Value::Bytes(vec![0, 200])),
            ("list", Value::List(vec![Value::Int(1), Value::from("x")])),
            ("map", Value::Map(vec![("inner".to_owned(), Value::Bool(false))])),
        ];
        let full = LogRecord {
            time: Timestamp::from_nanos(-5),
            body: "took 17 ms".to_owned(),
            attributes: values.into_iter().collect::<Attributes>(),
            trace_id: Some(TraceId([7; 16])),
            span_id: Some(SpanId([9; 8])),
            ..LogRecord::default()
        };
        let spans = SpanBatch { scope: "tracer".to_owned(), ..SpanBatch::default() };
        vec![logs(vec![full, LogRecord::default()]), Batch::Spans(spans), logs(Vec::new())]
    }

    #[test]
    fn records_are_encoded_as_they_would_be_by_themselves_and_come_back() {
        let batches = batches();
        let packed: Vec<Packed> =
            batches.iter().map(|batch| pack(batch.clone()).unwrap()).collect();
        let payload = |encoded: Result<Encoded, StoreError>| {
            let Encoded { payload, batches } = encoded.unwrap();
            assert_eq!(format!("{batches:?}"), format!("{packed:?}"));
            payload.to_vec()
        };
        let (key, at) = (ResendKey::of("", "otlp/logs", b"body"), Timestamp::from_secs(5));
        let part = StreamPart::run(crate::StreamName::of(&["a"]), 3..5);
        let texts = vec![(groundcrew_telemetry::TemplateId(9), "took <*> ms".to_owned())];
        for (encoded, plain, record) in [
            (
                payload(Record::encode_request(key, at, batches.clone())),
                Plain::Request(key, at, batches.clone()),
                format!("Request({key:?}, {at:?}, {packed:?})"),
            ),
            (
                payload(Record::encode_streamed(std::slice::from_ref(&part), batches.clone())),
                Plain::Streamed(vec![part.clone()], batches.clone()),
                format!("Streamed([{part:?}], {packed:?})"),
            ),
            (
                payload(Record::encode_batches(batches.clone())),
                Plain::Batches(batches),
                format!("Batches({packed:?})"),
            ),
            (
                Record::encode_templates(&texts).unwrap(),
                Plain::Templates(texts.clone()),
                format!("Templates({texts:?})"),
            ),
        ] {
            assert_eq!(encoded, plain.encoded());
            assert_eq!(format!("{:?}", Record::decode(&encoded).unwrap()), record);
            for length in 0..encoded.len() {
                assert!(Record::decode(&encoded[..length]).is_err(), "{length} of {record}");
            }
        }
    }

    #[test]
    fn all_that_a_request_keeps_in_memory_is_counted() {
        let resource = Resource::service_named(&"shop".repeat(5_000));
        let records = vec![LogRecord::default()];
        let batch = Batch::Logs(LogBatch { resource, scope: String::new(), records });
        let encoded = Record::encode_batches(vec![batch.clone(), batch]).unwrap();
        let counted = encoded.batches.into_iter().map(|packed| {
            let Ok(Prepared::Logs(portion)) = prepare(packed, &Origins::default()) else {
                panic!("log records are log records");
            };
            portion.bytes
        });
        let (counted, kept) = (counted.sum::<usize>(), encoded.payload.capacity());
        assert!(kept > 40_000 && (kept..kept + 2_000).contains(&counted), "{counted} of {kept}");
    }

    #[test]
    fn texts_that_are_none_are_refused() {
        let encoded = Plain::Batches(batches()).encoded();
        for text in ["took 17 ms", "größe", "number", "inner", "tracer"] {
            let at = memchr::memmem::find(&encoded, text.as_bytes()).unwrap();
            let mut changed = encoded.clone();
            changed[at + 1] = 0xff;
            assert!(Record::decode(&changed).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..200), at in 0_usize..200, with in any::<u8>()) {
            drop(Record::decode(&bytes));
            let mut encoded = Plain::Batches(batches()).encoded();
            if let Some(byte) = encoded.get_mut(at) {
                *byte = with;
            }
            drop(Record::decode(&encoded));
        }
    }
}
