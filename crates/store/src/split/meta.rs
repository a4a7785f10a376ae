//! What is known of a split without opening its large files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::joint::Joint;
use super::{id_index, rows_file, series_file, word_index};
use crate::checked_file::FileKind;
use crate::cold::ColdFile;
use crate::query::ServiceFilter;
use crate::{StoreError, checked_file, disk};

/// The file in a split's directory that holds its [`SplitMeta`].
pub(crate) const META_NAME: &str = "split.bin";
pub(crate) const META_KIND: FileKind = *b"GCsm";
/// The files that hold rows and find them; what else there is outlives them.
const ROW_FILES: [&str; 3] = [rows_file::NAME, word_index::NAME, id_index::NAME];

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
    /// The splits that were merged into this one, and others that hold some of its rows, too, should they still be there.
    pub(crate) replaces: Vec<u64>,
    /// When the last of its rows were sealed, by our own clock.
    pub(crate) received: Timestamp,
    /// Whether the rows are still there: the counts of a log split are kept longer.
    pub(crate) has_rows: bool,
    /// The files that are in the bucket and not here.
    pub(crate) cold: Vec<ColdFile>,
    /// What is left of the traces; `None` while all are there.
    pub(crate) sampled: Option<Sampled>,
}

/// What tail sampling has left of the traces of a split: a share of all, chosen evenly, and those that stand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Sampled {
    /// Traces whose hash is not above this are all there; of the others only those that stand out.
    pub(crate) hash_max: u64,
    /// Spans that there were of all traces.
    pub(crate) spans: u64,
}

impl SplitMeta {
    /// The split's directory, relative to the store's.
    pub(crate) fn relative_path(&self) -> PathBuf {
        let start = self.first.to_string().replace(':', "-");
        Path::new(self.signal.directory()).join(format!("{start}-{:08}", self.id))
    }

    /// Says in the split's own directory what the manifest says already, so that a lost manifest is made again alike.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        checked_file::write(&dir.join(META_NAME), META_KIND, self)
    }

    /// What [`Self::save`] writes.
    pub(crate) fn encoded(&self) -> Result<Vec<u8>, StoreError> {
        checked_file::encode(Path::new(META_NAME), META_KIND, self)
    }

    /// Finishes what a crash interrupted when files of a split in `store_dir` were dropped or moved to the bucket.
    pub(crate) fn finish_removal(&self, store_dir: &Path) -> Result<(), StoreError> {
        let dir = store_dir.join(self.relative_path());
        if !self.files_elsewhere().any(|name| disk::exists(&dir.join(name))) {
            return Ok(());
        }
        self.save(&dir)?;
        self.files_elsewhere().for_each(|name| disk::remove_if_there(&dir.join(name)));
        Ok(())
    }

    /// The files that its directory no longer needs.
    fn files_elsewhere(&self) -> impl Iterator<Item = &str> {
        let dropped = if self.has_rows { &[][..] } else { &ROW_FILES[..] };
        dropped.iter().copied().chain(self.cold.iter().map(|file| file.name.as_str()))
    }

    /// How many spans there were for each that is still there.
    pub(crate) fn spans_per_row(&self) -> f64 {
        self.sampled.map_or(1.0, |sampled| sampled.spans as f64 / self.count.max(1) as f64)
    }

    /// Whether its rows are in the bucket.
    pub(crate) fn is_cold(&self) -> bool {
        !self.cold.is_empty()
    }

    /// The file of this name in the bucket; `None` when it is here.
    pub(crate) fn cold_file(&self, name: &str) -> Option<&ColdFile> {
        self.cold.iter().find(|file| file.name == name)
    }

    /// The files that take most of its space.
    pub(crate) const fn large_files(&self) -> &'static [&'static str] {
        match self.signal {
            SplitSignal::Logs => &ROW_FILES,
            SplitSignal::Spans => &[rows_file::NAME, id_index::NAME],
            SplitSignal::Metrics => &[series_file::NAME],
        }
    }

    /// Whether a file has rows or points and is not an index of them.
    pub(crate) fn holds_rows(name: &str) -> bool {
        matches!(name, rows_file::NAME | series_file::NAME)
    }
}

/// The directories of whole splits in a store, with the splits' ids.
pub(crate) fn split_dirs(
    store_dir: &Path,
    signal: SplitSignal,
) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let id_of = |path: &Path| path.file_name()?.to_str()?.rsplit_once('-')?.1.parse().ok();
    let paths = disk::list(&store_dir.join(signal.directory()))?;
    Ok(paths.into_iter().filter_map(|path| Some((id_of(&path)?, path))).collect())
}

/// A split that can be read.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) meta: SplitMeta,
    pub(crate) dir: PathBuf,
    /// Set when nothing refers to it any more but those who read it now: the last of them removes its files.
    gone: OnceLock<Gone>,
}

/// What of a split's files is no longer needed.
#[derive(Debug)]
enum Gone {
    All,
    /// What the split that took its place no longer has here. That one is held, so that the directory outlives whoever
    /// still reads this one.
    Succeeded(Arc<Split>),
}

impl Split {
    pub(crate) fn new(store_dir: &Path, meta: SplitMeta) -> Self {
        let dir = store_dir.join(meta.relative_path());
        Self { meta, dir, gone: OnceLock::new() }
    }

    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.meta.first < range.end && range.start <= self.meta.last
    }

    pub(crate) fn has_any_of(&self, services: ServiceFilter<'_>) -> bool {
        services.admits_any(self.meta.services.iter().map(String::as_str))
    }

    /// Whether rows in this time can be read from it.
    pub(crate) fn has_rows_in(&self, range: TimeRange) -> bool {
        self.meta.has_rows && self.overlaps(range)
    }

    /// Its size on disk in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        disk::size_of(&self.dir)
    }

    /// Of those, what its rows and their indexes take.
    pub(crate) fn row_bytes(&self) -> u64 {
        ROW_FILES.iter().map(|name| disk::length(&self.dir.join(name))).sum()
    }

    /// Removes what only makes searching fast.
    pub(crate) fn remove_indexes(&self) {
        let files = self.meta.large_files().iter().filter(|name| !SplitMeta::holds_rows(name));
        files.for_each(|name| disk::remove_if_there(&self.dir.join(name)));
    }

    /// Its directory goes with the last who reads it.
    pub(crate) fn mark_gone(&self) {
        self.gone.get_or_init(|| Gone::All);
    }

    /// What `by` no longer has here goes with the last who reads it.
    pub(crate) fn mark_succeeded(&self, by: &Arc<Self>) {
        self.gone.get_or_init(|| Gone::Succeeded(Arc::clone(by)));
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        match self.gone.get() {
            None => {}
            Some(Gone::All) => disk::remove_if_there(&self.dir),
            Some(Gone::Succeeded(by)) => {
                let files = by.meta.files_elsewhere();
                files.for_each(|name| disk::remove_if_there(&self.dir.join(name)));
            }
        }
    }
}

/// The splits of a store, each list by ascending order.
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitSet {
    pub(crate) logs: Vec<Arc<Split>>,
    pub(crate) spans: Vec<Arc<Split>>,
    pub(crate) metrics: Vec<Arc<Split>>,
    /// Of log splits, in no order; those of splits that are gone are passed over.
    pub(crate) joints: Vec<Arc<Joint>>,
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

    pub(crate) fn add(&mut self, split: impl Into<Arc<Split>>) {
        let split = split.into();
        let list = self.of_mut(split.meta.signal);
        let position = list.partition_point(|other| other.meta.order < split.meta.order);
        list.insert(position, split);
    }

    /// Takes the splits of these ids out.
    pub(crate) fn remove(&mut self, ids: &[u64]) -> Vec<Arc<Split>> {
        let mut removed = Vec::new();
        for signal in SplitSignal::ALL {
            let list = self.of_mut(signal);
            removed.extend(list.extract_if(.., |split| ids.contains(&split.meta.id)));
        }
        removed
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Split>> {
        self.logs.iter().chain(&self.spans).chain(&self.metrics)
    }
}
