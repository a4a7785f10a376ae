//! How a store is opened and how surely an append must be on disk.

use std::path::PathBuf;

use crate::Access;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The directory that holds everything.
    pub dir: PathBuf,
    /// Whether it may be written.
    pub access: Access,
    /// Size of the rows in memory that triggers a seal. While one such portion is being sealed another may fill up,
    /// so about twice as much is used at most.
    pub memory_bytes_max: usize,
}

/// When an append counts as done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// In the synced write-ahead log when [`Store::append`](crate::Store::append) returns.
    Synced,
    /// In the write-ahead log's file when [`Store::append`](crate::Store::append) returns, but only in the kernel's
    /// hands: survives a kill of the process, not a power cut.
    Written,
    /// Searchable at once, on disk when [`Store::flush`](crate::Store::flush) returns. For bulk loads that can be repeated.
    OnFlush,
}
