//! What can be wrong with a capsule.

use std::path::PathBuf;

use thiserror::Error;

use super::file::VERSION;

/// A capsule that could not be made or read.
#[derive(Debug, Error)]
pub enum CapsuleError {
    /// The file is something else.
    #[error("it is no capsule\nhint: `groundcrew export CODE` writes one")]
    NotACapsule,
    /// It is of a later format.
    #[error(
        "it is a capsule of version {found}, and this program reads up to {VERSION}\nhint: use the version that wrote it, or a newer one"
    )]
    Newer {
        /// Its version.
        found: u32,
    },
    /// It ends too early.
    #[error("it is cut short\nhint: copy it again")]
    Cut,
    /// Its content is not what was written.
    #[error("it is damaged: {0}\nhint: copy it again")]
    Damaged(String),
    /// It is whole, and of a form that is not known here.
    #[error(
        "it was written by another version, in a form that this one cannot read: {0}\nhint: use the version that wrote it"
    )]
    Form(String),
    /// More than is read or written.
    #[error(
        "it would take {bytes} bytes, more than {bytes_max}\nhint: ask again about less, with a shorter --since, and export that"
    )]
    TooBig {
        /// How much it is.
        bytes: u64,
        /// How much it may be.
        bytes_max: u64,
    },
    /// The answer was stored without what it was asked with.
    #[error(
        "this answer was stored by an earlier version, which did not keep what it was asked with\nhint: ask again, with --at, and export that answer"
    )]
    NotKept,
    /// A file could not be read or written.
    #[error("failed to access {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A bug: a value that cannot be written.
    #[error("the capsule could not be written, which is a bug: {0}")]
    Bug(String),
}
