//! What a frame of the write-ahead log holds.

use groundcrew_telemetry::Batch;
use serde::Deserialize;

use crate::StoreError;
use crate::templates::TemplateText;

/// One record.
#[derive(Debug, Deserialize)]
pub(crate) enum Record {
    /// The batches of one append.
    Batches(Vec<Batch>),
    /// Texts of templates.
    Templates(Vec<TemplateText>),
}

/// The same by reference, so that what is written need not be moved. Variants in the same order as above.
#[derive(serde::Serialize)]
enum RecordRef<'r> {
    Batches(&'r [Batch]),
    Templates(&'r [TemplateText]),
}

impl Record {
    pub(crate) fn encode_batches(batches: &[Batch]) -> Result<Vec<u8>, StoreError> {
        encode(&RecordRef::Batches(batches))
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
