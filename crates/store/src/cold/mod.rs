//! The cold tier: files of splits that lie in an object store and are read through a bounded cache on disk.
//!
//! The manifest of the store knows each such file by size and hash; a copy that is anything else is refused. What a
//! bucket cannot deliver in time is missing from an answer and said there, never an error.

mod bucket;
mod files;

pub use bucket::{Bucket, BucketSettings};
pub(crate) use files::{ColdFile, ColdFiles};
