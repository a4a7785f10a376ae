//! What can go wrong in the store.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("failed to {action} {}", path.display())]
    Io {
        /// What was tried, as in "failed to {action}".
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what was written to it.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer version of the program wrote this.
    #[error(
        "{} has format {found}, this version reads up to {supported}; use the newer version that wrote it",
        path.display()
    )]
    NewerFormat {
        /// The file or directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is understood.
        supported: u32,
    },
    /// A write was tried on a store opened for reading.
    #[error("the store was opened read-only")]
    ReadOnly,
    /// A vector does not fit the others.
    #[error(
        "a vector has {found} dimensions where {expected} are stored; index the documents again with one model"
    )]
    VectorDimensions {
        /// Dimensions of the vector at hand.
        found: usize,
        /// Dimensions of the vectors in the index.
        expected: usize,
    },
    /// There are more or fewer vectors than chunks.
    #[error("{vectors} vectors came with {chunks} chunks")]
    VectorCount {
        /// Vectors given.
        vectors: usize,
        /// Chunks given.
        chunks: usize,
    },
    /// The inverted index failed.
    #[error("the search index failed")]
    Search(#[from] tantivy::TantivyError),
    /// The state database failed.
    #[error("the state database failed")]
    State(#[from] rusqlite::Error),
}

impl StoreError {
    /// For `map_err` on a file operation.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// For a file whose content is not what it should be.
    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}
