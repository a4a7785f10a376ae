//! Runbooks, past incidents and other documents: words and vectors in one index.
//!
//! [`DocumentIndex`] keeps chunks of Markdown that the indexer has cut, masked and embedded. Read `index` first (what is
//! on disk and how it is replaced), then the way of a search: `words` cuts the question, `rank` scores documents by
//! words over the inverted index in `lexical`, `vectors` by meaning, and `fuse` brings the two orders together. `glossary`
//! gives the jargon of titles the words that a question may use for it. Beside the
//! generations, `embeddings` keeps vectors by the text they were made from. `filter` says which documents may be found at
//! all. `vector_store` is where vectors are compared: in this process, or on the server that `qdrant` speaks to.

mod catalog;
mod embeddings;
mod filter;
mod fuse;
mod generation;
mod glossary;
mod home;
mod index;
mod lexical;
mod pages;
mod qdrant;
mod rank;
mod sources;
mod tense;
mod types;
mod update;
mod vector_store;
mod vectors;
mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use embeddings::{EmbeddingCache, EmbeddingKey};
pub use filter::{DocumentFilter, DocumentPayload};
pub use index::DocumentIndex;
pub use qdrant::{QdrantSettings, QdrantVectors};
pub use sources::{CatalogEntity, FileRecord, SourceRecord, SourceUpdate, bare_name};
pub use types::{
    ChunkVectors, DocumentChunk, DocumentCounts, DocumentHit, DocumentKind, DocumentQuery,
    IndexedGeneration,
};
pub use vector_store::VectorHome;
