//! Runbooks, past incidents and other documents: words and vectors in one index.
//!
//! [`DocumentIndex`] keeps chunks of Markdown that the indexer has cut, masked and embedded. Read `index` first (what is
//! on disk and how it is replaced), then the way of a search: `words` cuts the question, `rank` scores documents by
//! words over the inverted index in `lexical`, `vectors` by meaning, and `fuse` brings the two orders together.

mod catalog;
mod fuse;
mod generation;
mod index;
mod lexical;
mod rank;
mod sources;
mod types;
mod vectors;
mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use index::DocumentIndex;
pub use sources::{CatalogEntity, FileRecord, SourceRecord, SourceUpdate, bare_name};
pub use types::{
    DocumentChunk, DocumentCounts, DocumentHit, DocumentKind, DocumentQuery, IndexedGeneration,
};
