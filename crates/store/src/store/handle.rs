//! The store as others hold it.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use groundcrew_telemetry::Clock;
use rustc_hash::FxHashSet;

use super::live::Live;
use crate::disk::File;
use crate::documents::DocumentIndex;
use crate::manifest::Manifest;
use crate::origin::Origins;
use crate::resend::Resends;
use crate::split::SplitReader;
use crate::state::StateDb;
use crate::stream::Streams;
use crate::templates::Templates;
use crate::wal::Wal;
use crate::warnings::Warnings;
use crate::{Access, Bucket, StoreError};

/// Logs, spans, metrics, changes, alerts and cluster snapshots of one directory, and beside them documents and state.
///
/// Shared between threads by reference; every method blocks on disk at most.
pub struct Store {
    pub(super) dir: PathBuf,
    pub(super) access: Access,
    pub(super) memory_bytes_max: usize,
    /// Held for reading from before an append is logged until after it is in memory, so that no log segment is closed
    /// in between.
    pub(super) gate: RwLock<()>,
    pub(super) live: RwLock<Live>,
    /// `None` when opened for reading.
    pub(super) wal: Option<Wal>,
    /// Held while memory is sealed, and for the moment in which other splits take the place of some.
    pub(super) sealer: Mutex<Sealer>,
    /// Held by the one who tends the splits: only they take splits away, so what they look at stays.
    pub(super) tending: Mutex<()>,
    pub(super) clock: Box<dyn Clock>,
    pub(super) origins: Origins,
    pub(super) templates: Templates,
    pub(super) resends: Resends,
    pub(super) streams: Streams,
    /// Whether template texts were in a segment whose sync failed and must be logged again.
    pub(super) must_relog_templates: AtomicBool,
    pub(super) reader: SplitReader,
    pub(super) warnings: Warnings,
    pub(super) documents: DocumentIndex,
    pub(super) state: StateDb,
    /// Keeps other writers out for as long as it is open.
    pub(super) _lock: Option<File>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.dir).field("access", &self.access).finish()
    }
}

/// What only the thread that seals needs.
#[derive(Debug, Default)]
pub(super) struct Sealer {
    /// As it is on disk.
    pub(super) manifest: Manifest,
    /// At least the manifest's; ahead of it when a seal failed half way and left files behind.
    pub(super) id_next: u64,
    /// Log segments that are set aside instead of removed.
    pub(super) damaged_segments: Vec<u64>,
    /// Splits that could not be read to be merged.
    pub(super) unmergeable: Vec<u64>,
    /// Splits whose counts were not worth a joint rollup.
    pub(super) not_joined: FxHashSet<u64>,
    /// Splits of seals and merges that failed, which may still be on disk.
    pub(super) unpublished: Vec<u64>,
}

impl Store {
    /// Runbooks, past incidents and other documents.
    #[must_use]
    pub const fn documents(&self) -> &DocumentIndex {
        &self.documents
    }

    /// Answers and other state.
    #[must_use]
    pub const fn state(&self) -> &StateDb {
        &self.state
    }

    /// Moves old splits to this bucket, and reads those that are there. Only the first call counts.
    pub fn use_bucket(&self, bucket: Bucket) {
        self.reader.use_bucket(bucket, &self.dir);
    }

    pub(super) fn live(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn live_mut(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sealer(&self) -> MutexGuard<'_, Sealer> {
        self.sealer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn writable(&self) -> Result<&Wal, StoreError> {
        self.wal.as_ref().ok_or(StoreError::ReadOnly)
    }
}
