//! Embedded engines for logs, spans, metrics, documents, vectors and state.

mod access;
pub mod documents;
mod error;
pub mod state;

pub use access::Access;
pub use documents::{
    DocumentChunk, DocumentCounts, DocumentHit, DocumentKind, DocumentQuery, IndexedGeneration,
};
pub use error::StoreError;
pub use state::StateDb;
