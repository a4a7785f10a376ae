//! What is known of a split without opening its large files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use crate::checked_file::FileKind;
use crate::disk;
use crate::query::ServiceFilter;

/// The file in a split's directory that holds its [`SplitMeta`].
pub(crate) const META_NAME: &str = "split.bin";
pub(crate) const META_KIND: FileKind = *b"GCsm";

/// Which rows a split has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub(crate) enum SplitSignal {
    Logs,
    Spans,
    Metrics,
}

impl SplitSignal {
    pub(crate) const ALL: [Self; 3] = [Self::Logs, Self::Spans, Self::Metrics];

    /// The directory below the store's.
    pub(crate) const fn directory(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Spans => "spans",
            Self::Metrics => "metrics",
        }
    }
}

/// A split's entry in the manifest.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct SplitMeta {
    pub(crate) id: u64,
    /// The splits' order: of two points for one time the one in the later split holds.
    pub(crate) order: u64,
    pub(crate) signal: SplitSignal,
    /// The first and the last time in it.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// Rows, or points.
    pub(crate) count: u64,
    /// Size in memory before it was sealed.
    pub(crate) memory_bytes: u64,
    pub(crate) services: Vec<String>,
    /// The write-ahead log below this segment is contained in this split and those before.
    pub(crate) wal_floor: u64,
    /// The splits that were merged into this one.
    pub(crate) replaces: Vec<u64>,
}

impl SplitMeta {
    /// The split's directory, relative to the store's.
    pub(crate) fn relative_path(&self) -> PathBuf {
        let start = self.first.to_string().replace(':', "-");
        Path::new(self.signal.directory()).join(format!("{start}-{:08}", self.id))
    }
}

/// A split that can be read.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) meta: SplitMeta,
    pub(crate) dir: PathBuf,
    /// Set when it has been merged into another: the last reader removes it.
    is_replaced: AtomicBool,
}

impl Split {
    pub(crate) fn new(store_dir: &Path, meta: SplitMeta) -> Self {
        let dir = store_dir.join(meta.relative_path());
        Self { meta, dir, is_replaced: AtomicBool::new(false) }
    }

    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.meta.first < range.end && range.start <= self.meta.last
    }

    pub(crate) fn has_any_of(&self, services: ServiceFilter<'_>) -> bool {
        services.admits_any(self.meta.services.iter().map(String::as_str))
    }

    pub(crate) fn mark_replaced(&self) {
        self.is_replaced.store(true, Ordering::Release);
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        if self.is_replaced.load(Ordering::Acquire) {
            disk::remove_if_there(&self.dir);
        }
    }
}

/// The splits of a store, each list by ascending order.
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitSet {
    pub(crate) logs: Vec<Arc<Split>>,
    pub(crate) spans: Vec<Arc<Split>>,
    pub(crate) metrics: Vec<Arc<Split>>,
}

impl SplitSet {
    pub(crate) const fn of(&self, signal: SplitSignal) -> &Vec<Arc<Split>> {
        match signal {
            SplitSignal::Logs => &self.logs,
            SplitSignal::Spans => &self.spans,
            SplitSignal::Metrics => &self.metrics,
        }
    }

    pub(crate) const fn of_mut(&mut self, signal: SplitSignal) -> &mut Vec<Arc<Split>> {
        match signal {
            SplitSignal::Logs => &mut self.logs,
            SplitSignal::Spans => &mut self.spans,
            SplitSignal::Metrics => &mut self.metrics,
        }
    }

    pub(crate) fn add(&mut self, split: Split) {
        let list = self.of_mut(split.meta.signal);
        let position = list.partition_point(|other| other.meta.order < split.meta.order);
        list.insert(position, Arc::new(split));
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Split>> {
        self.logs.iter().chain(&self.spans).chain(&self.metrics)
    }
}
