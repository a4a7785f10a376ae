//! What a generation knows about its chunks without reading them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::DocumentPayload;
use crate::chunk_file::ChunkRef;

/// Searched parts of a chunk, each with a weight and a length of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    /// The title of the document.
    Title,
    /// The services and alerts it is about.
    Names,
    /// The headings above the chunk.
    Headings,
    /// The chunk.
    Text,
    /// What the jargon in title and names means.
    Meaning,
}

impl Field {
    pub(super) const ALL: [Self; 5] =
        [Self::Title, Self::Names, Self::Headings, Self::Text, Self::Meaning];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Names => "names",
            Self::Headings => "headings",
            Self::Text => "text",
            Self::Meaning => "meaning",
        }
    }
}

/// One number per [`Field`].
pub(super) type PerField<T> = [T; Field::ALL.len()];

/// The value of a field.
pub(super) fn of<T: Copy>(values: &PerField<T>, field: Field) -> T {
    let [title, names, headings, text, meaning] = *values;
    match field {
        Field::Title => title,
        Field::Names => names,
        Field::Headings => headings,
        Field::Text => text,
        Field::Meaning => meaning,
    }
}

/// The footer of a generation's file.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Catalog {
    /// What was indexed: directories, usually.
    pub(super) sources: Vec<String>,
    /// The documents; their chunks lie one after another, in this order.
    pub(super) documents: Vec<DocumentEntry>,
    /// The chunks.
    pub(super) chunks: Vec<ChunkEntry>,
    /// The compressed blocks that hold the chunks.
    pub(super) blocks: Vec<ChunkRef>,
    /// What names the model that made the vectors; empty when there are none.
    pub(super) model: String,
    /// A hash of the vectors and of the model, as hexadecimal digits; empty when there are none.
    pub(super) fingerprint: String,
    /// How many chunks have a vector.
    pub(super) vectors: u64,
    /// Dimensions of the vectors; zero when there are none.
    pub(super) dimensions: u32,
    /// The compressed blocks that hold the vectors' scales and codes.
    pub(super) vector_blocks: Vec<ChunkRef>,
}

/// A document.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct DocumentEntry {
    /// Position in [`Catalog::sources`].
    pub(super) source: u32,
    /// What filters see of it.
    pub(super) payload: DocumentPayload,
    /// Positions of its chunks.
    pub(super) chunks: Range<u32>,
}

/// A chunk.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct ChunkEntry {
    /// Position in [`Catalog::documents`].
    pub(super) document: u32,
    /// Position in [`Catalog::blocks`].
    pub(super) block: u32,
    /// Terms in each field.
    pub(super) terms: PerField<u32>,
}
