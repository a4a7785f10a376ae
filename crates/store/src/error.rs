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
    /// The disk is full. Nothing that was acknowledged is lost; the same call works once there is space.
    #[error("no space left for {}; free some space or lower the retention, then send again", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Another process writes here.
    #[error(
        "another groundcrew runs on {}; stop it, or give this one its own directory",
        path.display()
    )]
    Locked {
        /// The store's directory.
        path: PathBuf,
    },
    /// There is no store to read.
    #[error("there is no data in {}; check the path, or ingest something first", path.display())]
    Missing {
        /// The store's directory.
        path: PathBuf,
    },
    /// A record could not be turned into bytes.
    #[error("failed to encode {what}")]
    Encoding {
        /// What was encoded.
        what: &'static str,
        /// Why not.
        source: postcard::Error,
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
    /// An older version of the program wrote this, in a form that would be misread.
    #[error(
        "{} has format {found}, older than the {supported} this version reads; ingest into a new data directory, or use the version that wrote it",
        path.display()
    )]
    OlderFormat {
        /// The file or directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The oldest format that is understood.
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
    /// The Qdrant server that has the vectors failed.
    #[error(
        "the vector server failed to {action}: {detail}; check documents.qdrant.url and that the server runs (what was indexed before is unchanged)"
    )]
    VectorServer {
        /// What was tried, as in "failed to {action}".
        action: &'static str,
        /// What happened, shortened.
        detail: String,
    },
    /// The bucket that has old splits failed.
    #[error(
        "the bucket failed to {action}: {detail}; check cold.url and its credentials, and that it can be reached"
    )]
    Bucket {
        /// What was tried, as in "failed to {action}".
        action: &'static str,
        /// What happened, shortened.
        detail: String,
    },
    /// A document that was to stay as it is is not there.
    #[error("document {document} is not in the index; index its directory again")]
    UnknownDocument {
        /// Its id.
        document: String,
    },
    /// The inverted index failed.
    #[error("the search index failed")]
    Search(#[from] tantivy::TantivyError),
    /// The state database failed.
    #[error("the state database failed")]
    State(#[from] rusqlite::Error),
}

impl StoreError {
    /// For `map_err` on a file operation. A full disk becomes [`StoreError::Full`], which a caller answers with
    /// "retry later" instead of giving up.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io { action, path, source },
        }
    }

    /// For `map_err` on an encoding.
    pub(crate) fn encoding(what: &'static str) -> impl FnOnce(postcard::Error) -> Self {
        move |source| Self::Encoding { what, source }
    }

    /// Whether the server that has the vectors failed. Documents can still be searched by words then.
    #[must_use]
    pub fn is_vector_server(&self) -> bool {
        matches!(self, Self::VectorServer { .. })
    }

    /// Whether a file cannot be understood, however often it is read: it is damaged, or of an older version.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::OlderFormat { .. } => true,
            Self::State(error) => matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
            ),
            _ => false,
        }
    }

    /// Whether a file was gone, as happens to a reader beside a writer that merges.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// For a file whose content is not what it should be.
    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}
