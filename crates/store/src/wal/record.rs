//! What a frame of the write-ahead log holds.

use groundcrew_telemetry::{Batch, LogBatch, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::memory::Packed;
use crate::resend::ResendKey;
use crate::stream::StreamPart;
use crate::templates::TemplateText;

/// What a batch has before its records, about.
const BATCH_HEAD_BYTES: usize = 256;

/// One record.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(crate) enum Record {
    /// The batches of one append.
    Batches(Vec<Batch>),
    /// Texts of templates.
    Templates(Vec<TemplateText>),
    /// The batches of one request that its sender may repeat, with what it is known by and when it came.
    Request(ResendKey, Timestamp, Vec<Batch>),
    /// The batches of messages of streams, with which messages they are.
    Streamed(Vec<StreamPart>, Vec<Batch>),
}

/// Where each stands in [`Record`], which is what an encoded one begins with.
const BATCHES: u32 = 0;
const TEMPLATES: u32 = 1;
const REQUEST: u32 = 2;
const STREAMED: u32 = 3;
/// The same of [`Batch::Logs`].
const LOGS: u32 = 0;

/// Encoding is by hand, so that log records that are packed already are copied as they are. The bytes are those that
/// [`Record`] itself would make.
impl Record {
    pub(crate) fn encode_batches(batches: &[Packed]) -> Result<Vec<u8>, StoreError> {
        let mut encoded = Encoded::of(batches, BATCHES)?;
        encoded.put_batches(batches)?;
        Ok(encoded.0)
    }

    pub(crate) fn encode_request(
        key: ResendKey,
        at: Timestamp,
        batches: &[Packed],
    ) -> Result<Vec<u8>, StoreError> {
        let mut encoded = Encoded::of(batches, REQUEST)?;
        encoded.put(&(key, at))?;
        encoded.put_batches(batches)?;
        Ok(encoded.0)
    }

    pub(crate) fn encode_streamed(
        parts: &[StreamPart],
        batches: &[Packed],
    ) -> Result<Vec<u8>, StoreError> {
        let mut encoded = Encoded::of(batches, STREAMED)?;
        encoded.put(&parts)?;
        encoded.put_batches(batches)?;
        Ok(encoded.0)
    }

    pub(crate) fn encode_templates(templates: &[TemplateText]) -> Result<Vec<u8>, StoreError> {
        let mut encoded = Encoded::of(&[], TEMPLATES)?;
        encoded.put(&templates)?;
        Ok(encoded.0)
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(payload)
    }
}

/// What is encoded so far.
struct Encoded(Vec<u8>);

impl Encoded {
    /// Nothing but which record it is, with room for the batches.
    fn of(batches: &[Packed], record: u32) -> Result<Self, StoreError> {
        let bytes = batches.iter().map(|packed| packed.logs.bytes().len() + BATCH_HEAD_BYTES);
        let mut encoded = Self(Vec::with_capacity(bytes.sum()));
        encoded.put(&record)?;
        Ok(encoded)
    }

    fn put(&mut self, part: &impl Serialize) -> Result<(), StoreError> {
        let encoded = postcard::to_extend(part, std::mem::take(&mut self.0));
        self.0 = encoded.map_err(StoreError::encoding("a write-ahead log record"))?;
        Ok(())
    }

    fn put_batches(&mut self, batches: &[Packed]) -> Result<(), StoreError> {
        self.put(&batches.len())?;
        for Packed { batch, logs } in batches {
            match batch {
                Batch::Logs(LogBatch { resource, scope, .. }) => {
                    self.put(&(LOGS, resource, scope, logs.heads().len()))?;
                    self.0.extend_from_slice(logs.bytes());
                }
                other => self.put(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::{
        Attributes, LogRecord, Resource, SpanBatch, SpanId, TraceId, Value,
    };

    use super::*;
    use crate::memory::pack;

    fn logs(records: Vec<LogRecord>) -> Batch {
        let resource = Resource::service_named("shop");
        Batch::Logs(LogBatch { resource, scope: "cart".to_owned(), records })
    }

    #[test]
    fn packed_records_are_encoded_as_they_would_be_by_themselves() {
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
        let batches = vec![
            logs(vec![full.clone(), LogRecord::default()]),
            Batch::Spans(spans),
            logs(Vec::new()),
        ];
        let packed: Vec<Packed> =
            batches.iter().map(|batch| pack(batch.clone()).unwrap()).collect();
        assert_eq!(packed[0].logs.record(0).unwrap().to_record(), full);
        assert_eq!(packed[0].logs.record(1).unwrap().to_record(), LogRecord::default());

        let (key, at) = (ResendKey::of("", "otlp/logs", b"body"), Timestamp::from_secs(5));
        let by_itself = |record: &Record| postcard::to_stdvec(record).unwrap();
        assert_eq!(
            Record::encode_request(key, at, &packed).unwrap(),
            by_itself(&Record::Request(key, at, batches.clone()))
        );
        assert_eq!(
            Record::encode_streamed(&[], &packed).unwrap(),
            by_itself(&Record::Streamed(Vec::new(), batches.clone()))
        );
        assert_eq!(Record::encode_batches(&packed).unwrap(), by_itself(&Record::Batches(batches)));
    }
}
