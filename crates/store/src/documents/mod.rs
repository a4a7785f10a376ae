//! Runbooks, past incidents and other documents: words and vectors in one index.

mod types;

pub use types::{
    DocumentChunk, DocumentCounts, DocumentHit, DocumentKind, DocumentQuery, IndexedGeneration,
};
