//! What a frame of the write-ahead log holds.

use groundcrew_telemetry::{Batch, Timestamp};
use serde::Deserialize;

use crate::StoreError;
use crate::resend::ResendKey;
use crate::stream::StreamPart;
use crate::templates::TemplateText;

/// One record.
#[derive(Debug, Deserialize)]
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

/// The same by reference, so that what is written need not be moved. Variants in the same order as above.
#[derive(serde::Serialize)]
enum RecordRef<'r> {
    Batches(&'r [Batch]),
    Templates(&'r [TemplateText]),
    Request(ResendKey, Timestamp, &'r [Batch]),
    Streamed(&'r [StreamPart], &'r [Batch]),
}

impl Record {
    pub(crate) fn encode_batches(batches: &[Batch]) -> Result<Vec<u8>, StoreError> {
        encode(&RecordRef::Batches(batches))
    }

    pub(crate) fn encode_request(
        key: ResendKey,
        at: Timestamp,
        batches: &[Batch],
    ) -> Result<Vec<u8>, StoreError> {
        encode(&RecordRef::Request(key, at, batches))
    }

    pub(crate) fn encode_streamed(
        parts: &[StreamPart],
        batches: &[Batch],
    ) -> Result<Vec<u8>, StoreError> {
        encode(&RecordRef::Streamed(parts, batches))
    }

    pub(crate) fn encode_templates(templates: &[TemplateText]) -> Result<Vec<u8>, StoreError> {
        encode(&RecordRef::Templates(templates))
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(payload)
    }
}

fn encode(record: &RecordRef<'_>) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(record).map_err(StoreError::encoding("a write-ahead log record"))
}
