//! Opens the files of splits, keeping what was opened last.

use std::path::Path;
use std::sync::Arc;

use super::id_index::{IdIndex, is_id};
use super::meta::{META_KIND, META_NAME, Split, SplitMeta};
use super::rollup_file::RollupFile;
use super::rows_file::RowsFile;
use super::series_file::SeriesFile;
use super::word_index::WordIndex;
use crate::cache::Cache;
use crate::{StoreError, checked_file};

/// Memory for each kind of opened file.
const ROWS_BYTES_MAX: usize = 32 * 1024 * 1024;
const IDS_BYTES_MAX: usize = 8 * 1024 * 1024;
const WORDS_BYTES_MAX: usize = 96 * 1024 * 1024;
const ROLLUP_BYTES_MAX: usize = 96 * 1024 * 1024;
const SERIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The opened files of splits.
#[derive(Debug)]
pub(crate) struct SplitReader {
    rows: Cache<RowsFile>,
    ids: Cache<IdIndex>,
    words: Cache<WordIndex>,
    rollups: Cache<RollupFile>,
    series: Cache<SeriesFile>,
}

impl Default for SplitReader {
    fn default() -> Self {
        Self {
            rows: Cache::new(ROWS_BYTES_MAX),
            ids: Cache::new(IDS_BYTES_MAX),
            words: Cache::new(WORDS_BYTES_MAX),
            rollups: Cache::new(ROLLUP_BYTES_MAX),
            series: Cache::new(SERIES_BYTES_MAX),
        }
    }
}

impl SplitReader {
    pub(crate) fn rows(&self, split: &Split) -> Result<Arc<RowsFile>, StoreError> {
        opened(split, &self.rows, RowsFile::open)
    }

    pub(crate) fn rollup(&self, split: &Split) -> Result<Arc<RollupFile>, StoreError> {
        opened(split, &self.rollups, RollupFile::open)
    }

    pub(crate) fn series(&self, split: &Split) -> Result<Arc<SeriesFile>, StoreError> {
        opened(split, &self.series, SeriesFile::open)
    }

    /// Closes the files of a split.
    pub(crate) fn forget(&self, id: u64) {
        self.rows.forget(id);
        self.ids.forget(id);
        self.words.forget(id);
        self.rollups.forget(id);
        self.series.forget(id);
    }

    /// The blocks of a split that may have `token`, ascending.
    pub(crate) fn blocks_with_token(
        &self,
        split: &Split,
        token: &str,
    ) -> Result<Vec<u32>, StoreError> {
        if is_id(token) {
            opened(split, &self.ids, IdIndex::open)?.blocks(token)
        } else {
            opened(split, &self.words, WordIndex::open)?.blocks(token)
        }
    }
}

/// Whether another process has dropped the rows of a split since it was listed here.
fn was_thinned(split: &Split) -> bool {
    checked_file::read::<SplitMeta>(&split.dir.join(META_NAME), META_KIND)
        .is_ok_and(|meta| !meta.has_rows)
}

fn opened<V>(
    split: &Split,
    cache: &Cache<V>,
    open: impl FnOnce(&Path) -> Result<(V, usize), StoreError>,
) -> Result<Arc<V>, StoreError> {
    cache.get(split.meta.id, || match open(&split.dir) {
        // A split that was merged away is gone as a whole and one whose rows were dropped says so: looking again helps.
        // One file alone is a loss.
        Err(StoreError::Io { path, .. })
            if split.dir.is_dir() && !path.exists() && !was_thinned(split) =>
        {
            Err(StoreError::damaged(&path, "it is missing"))
        }
        other => other,
    })
}
