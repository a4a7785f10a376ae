//! Opens the files of splits, keeping what was opened last.

use std::sync::Arc;

use super::meta::Split;
use super::rollup_file::RollupFile;
use super::rows_file::RowsFile;
use super::series_file::SeriesFile;
use super::token_index::TokenIndex;
use crate::StoreError;
use crate::cache::Cache;

/// Memory for each kind of opened file.
const ROWS_BYTES_MAX: usize = 32 * 1024 * 1024;
const INDEX_BYTES_MAX: usize = 192 * 1024 * 1024;
const ROLLUP_BYTES_MAX: usize = 96 * 1024 * 1024;
const SERIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The opened files of splits.
#[derive(Debug)]
pub(crate) struct SplitReader {
    rows: Cache<RowsFile>,
    indexes: Cache<TokenIndex>,
    rollups: Cache<RollupFile>,
    series: Cache<SeriesFile>,
}

impl Default for SplitReader {
    fn default() -> Self {
        Self {
            rows: Cache::new(ROWS_BYTES_MAX),
            indexes: Cache::new(INDEX_BYTES_MAX),
            rollups: Cache::new(ROLLUP_BYTES_MAX),
            series: Cache::new(SERIES_BYTES_MAX),
        }
    }
}

impl SplitReader {
    pub(crate) fn rows(&self, split: &Split) -> Result<Arc<RowsFile>, StoreError> {
        self.rows.get(split.meta.id, || RowsFile::open(&split.dir))
    }

    pub(crate) fn index(&self, split: &Split) -> Result<Arc<TokenIndex>, StoreError> {
        self.indexes.get(split.meta.id, || TokenIndex::open(&split.dir))
    }

    pub(crate) fn rollup(&self, split: &Split) -> Result<Arc<RollupFile>, StoreError> {
        self.rollups.get(split.meta.id, || RollupFile::open(&split.dir))
    }

    pub(crate) fn series(&self, split: &Split) -> Result<Arc<SeriesFile>, StoreError> {
        self.series.get(split.meta.id, || SeriesFile::open(&split.dir))
    }
}
