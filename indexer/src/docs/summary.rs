//! What indexing tells: how far it is, what it did, what went wrong.

use std::path::PathBuf;

use groundcrew_llm::LlmError;
use groundcrew_masking::Withheld;
use groundcrew_store::{CatalogEntity, StoreError};

use super::embed::VectorCounts;

/// What was indexed, and what was not.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IndexSummary {
    /// Documents.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// Chunks that were read and embedded anew.
    pub chunks_new: u64,
    /// Where the vectors of those came from; `None` when the chunks have none.
    pub vectors: Option<VectorCounts>,
    /// Files that are new, other than before, or gone.
    pub changes: Vec<FileChange>,
    /// What the documents say about services and other parts of the system.
    pub entities: Vec<CatalogEntity>,
    /// Files that were left out, and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// What is wrong with documents that were indexed nevertheless.
    pub warnings: Vec<IndexWarning>,
}

/// A file that is not as it was when its source was indexed before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileChange {
    /// Its path below the source.
    pub id: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its chunks now.
    pub chunks: u64,
}

/// What happened to a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It has another content, or is read in another way.
    Changed,
    /// It is gone, or can no longer be read.
    Removed,
}

impl ChangeKind {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// Something wrong with a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexWarning {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub reason: String,
}

/// How far indexing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexProgress {
    /// Files are read and cut.
    Reading {
        /// Files done.
        done: usize,
        /// Files in all.
        all: usize,
    },
    /// Chunks are turned into vectors: the slow part.
    Embedding {
        /// Chunks done.
        done: usize,
        /// Chunks in all.
        all: usize,
    },
    /// The index is written.
    Writing,
}

/// Why nothing was indexed.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// The directory cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The embedding model failed.
    #[error("failed to embed the documents")]
    Embed(#[from] LlmError),
    /// What the documents say could not be masked.
    #[error("failed to mask what the documents say about services")]
    Masking(Withheld),
    /// The index could not be written.
    #[error("failed to write the document index")]
    Store(#[from] StoreError),
    /// The documents were embedded by another model than the question would be, so that the two cannot be compared.
    #[error(
        "the documents were embedded with \"{indexed}\" and questions would be with \"{asked}\"; index the documents again (`groundcrew index`)"
    )]
    OtherModel {
        /// The model of the index.
        indexed: String,
        /// The model of the question.
        asked: String,
    },
}
