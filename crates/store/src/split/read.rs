//! Opens the files of splits, keeping what was opened last.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use groundcrew_telemetry::{Severity, TemplateId};

use super::id_index::{IdIndex, is_id};
use super::meta::{META_KIND, META_NAME, Split, SplitMeta};
use super::rollup_file::{MinuteCounts, RollupFile};
use super::rollup_of::RollupOf;
use super::rows_file::RowsFile;
use super::series_file::SeriesFile;
use super::shown_rows::ShownRows;
use super::span_counts_file::SpanCountsFile;
use super::word_index::WordIndex;
use super::{id_index, rollup_file, rows_file, series_file, span_counts_file, word_index};
use crate::cache::Cache;
use crate::cold::{Bucket, ColdFiles};
use crate::slot::{first_slot_of_minute, minute_of, slot_of};
use crate::{StoreError, checked_file, disk, machine_memory};

/// Memory for each kind of opened file, at most.
const ROWS_BYTES_MAX: usize = 32 * MIB;
const IDS_BYTES_MAX: usize = 8 * MIB;
const WORDS_BYTES_MAX: usize = 96 * MIB;
const ROLLUP_BYTES_MAX: usize = 64 * MIB;
const SHOWN_BYTES_MAX: usize = 32 * MIB;
const MINUTES_BYTES_MAX: usize = 32 * MIB;
const SPAN_COUNTS_BYTES_MAX: usize = 64 * MIB;
const SERIES_BYTES_MAX: usize = 64 * MIB;
const ALL_BYTES_MAX: usize = ROWS_BYTES_MAX
    + IDS_BYTES_MAX
    + WORDS_BYTES_MAX
    + ROLLUP_BYTES_MAX
    + SHOWN_BYTES_MAX
    + MINUTES_BYTES_MAX
    + SPAN_COUNTS_BYTES_MAX
    + SERIES_BYTES_MAX;
const MIB: usize = 1024 * 1024;
/// All of them together take no more than this part of the memory that the process may have: what is being written, and
/// what questions work with, need the rest.
const PART_OF_MEMORY: usize = 8;

/// The opened files of splits.
#[derive(Debug)]
pub(crate) struct SplitReader {
    rows: Cache<RowsFile>,
    ids: Cache<IdIndex>,
    words: Cache<WordIndex>,
    rollups: Cache<RollupFile>,
    shown: Cache<ShownRows>,
    minutes: Cache<MinuteCounts>,
    span_counts: Cache<SpanCountsFile>,
    series: Cache<SeriesFile>,
    /// Where the files of old splits are, if anywhere else.
    cold: OnceLock<ColdFiles>,
}

impl Default for SplitReader {
    /// With as much memory as suits the process.
    fn default() -> Self {
        Self::within(machine_memory::available_bytes() / PART_OF_MEMORY)
    }
}

impl SplitReader {
    /// Keeps opened files in so many bytes.
    fn within(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(ALL_BYTES_MAX);
        // In percent, so that no product overflows.
        let share = |bytes: usize| bytes / 100 * (bytes_max / (ALL_BYTES_MAX / 100)).min(100);
        Self {
            rows: Cache::new(share(ROWS_BYTES_MAX)),
            ids: Cache::new(share(IDS_BYTES_MAX)),
            words: Cache::new(share(WORDS_BYTES_MAX)),
            rollups: Cache::new(share(ROLLUP_BYTES_MAX)),
            shown: Cache::new(share(SHOWN_BYTES_MAX)),
            minutes: Cache::new(share(MINUTES_BYTES_MAX)),
            span_counts: Cache::new(share(SPAN_COUNTS_BYTES_MAX)),
            series: Cache::new(share(SERIES_BYTES_MAX)),
            cold: OnceLock::new(),
        }
    }

    pub(crate) fn rows(&self, split: &Split) -> Result<Arc<RowsFile>, StoreError> {
        self.opened((split, rows_file::NAME), &self.rows, RowsFile::open)
    }

    pub(crate) fn rollup(&self, of: &RollupOf<'_>) -> Result<Arc<RollupFile>, StoreError> {
        self.counts(of, &self.rollups, RollupFile::open)
    }

    /// Calls `add` with minute, severity and count of what `admits` lets pass, of one template or all, from the first to
    /// the last of `slots`.
    pub(crate) fn count(
        &self,
        (of, template): (&RollupOf<'_>, Option<TemplateId>),
        slots: (i64, i64),
        admits: &dyn Fn(&str) -> bool,
        add: &mut dyn FnMut(i64, Severity, u64),
    ) -> Result<(), StoreError> {
        let (first, last) = of.bounds();
        let (first, last) = (minute_of(slot_of(first)), minute_of(slot_of(last)));
        let is_inside =
            slots.0 <= first_slot_of_minute(first) && first_slot_of_minute(last + 1) <= slots.1 + 1;
        if template.is_none() && is_inside {
            self.minutes(of)?.count((first, last + 1), admits, add);
        } else {
            self.rollup(of)?.count(slots, template, admits, add);
        }
        Ok(())
    }

    /// What a rollup counted by the minute. Kept apart: the rollups of a busy day do not fit where they are kept, and a
    /// histogram of it would read them all again each time.
    pub(crate) fn minutes(&self, of: &RollupOf<'_>) -> Result<Arc<MinuteCounts>, StoreError> {
        self.counts(of, &self.minutes, MinuteCounts::open)
    }

    /// The rows at hand with a rollup.
    pub(crate) fn shown(&self, of: &RollupOf<'_>) -> Result<Arc<ShownRows>, StoreError> {
        self.counts(of, &self.shown, ShownRows::open)
    }

    /// A part of a rollup.
    fn counts<V>(
        &self,
        of: &RollupOf<'_>,
        cache: &Cache<V>,
        open: impl Fn(&Path) -> Result<(V, usize), StoreError>,
    ) -> Result<Arc<V>, StoreError> {
        match of {
            RollupOf::Split(split) => self.opened((split, rollup_file::NAME), cache, open),
            RollupOf::Joint(joint, _) => cache.get(joint.id, || open(&joint.dir)),
        }
    }

    pub(crate) fn series(&self, split: &Split) -> Result<Arc<SeriesFile>, StoreError> {
        self.opened((split, series_file::NAME), &self.series, SeriesFile::open)
    }

    /// What the spans of a split counted; `None` when it was written without.
    pub(crate) fn span_counts(
        &self,
        split: &Split,
    ) -> Result<Option<Arc<SpanCountsFile>>, StoreError> {
        if !disk::exists(&split.dir.join(span_counts_file::NAME)) {
            return Ok(None);
        }
        let opened = (split, span_counts_file::NAME);
        self.opened(opened, &self.span_counts, SpanCountsFile::open).map(Some)
    }

    /// Closes the files of a split.
    pub(crate) fn forget(&self, id: u64) {
        self.rows.forget(id);
        self.ids.forget(id);
        self.words.forget(id);
        self.rollups.forget(id);
        self.shown.forget(id);
        self.minutes.forget(id);
        self.span_counts.forget(id);
        self.series.forget(id);
        if let Some(cold) = self.cold() {
            cold.forget(id);
        }
    }

    /// Reads old splits from a bucket, by way of a directory below `store_dir`. Only the first call counts.
    pub(crate) fn use_bucket(&self, bucket: Bucket, store_dir: &Path) {
        self.cold.get_or_init(|| ColdFiles::new(bucket, store_dir));
    }

    /// The bucket, if there is one.
    pub(crate) fn cold(&self) -> Option<&ColdFiles> {
        self.cold.get()
    }

    /// Why files in the bucket could not be read last; `None` when they could.
    pub(crate) fn cold_failure(&self) -> Option<String> {
        match self.cold() {
            Some(cold) => cold.failure(),
            None => Some("no bucket is configured, though old splits were moved to one".to_owned()),
        }
    }

    fn opened<V>(
        &self,
        (split, name): (&Split, &str),
        cache: &Cache<V>,
        open: impl Fn(&Path) -> Result<(V, usize), StoreError>,
    ) -> Result<Arc<V>, StoreError> {
        let open_once = || open(&self.directory_of(split, name)?);
        cache.get(split.meta.id, || match open_once() {
            // What was fetched may have made room for something else meanwhile.
            Err(error) if error.is_not_found() && split.meta.cold_file(name).is_some() => {
                open_once()
            }
            // A split that was merged away is gone as a whole and one that was changed says so: looking again helps.
            // One file alone is a loss.
            Err(StoreError::Io { path, .. })
                if disk::is_dir(&split.dir) && !disk::exists(&path) && !has_changed(split) =>
            {
                Err(StoreError::damaged(&path, "it is missing"))
            }
            other => other,
        })
    }

    /// Where a file of a split can be opened: in its directory, or where it was fetched to.
    fn directory_of(&self, split: &Split, name: &str) -> Result<PathBuf, StoreError> {
        let Some(file) = split.meta.cold_file(name) else { return Ok(split.dir.clone()) };
        match self.cold() {
            Some(cold) => cold.fetched(&split.meta, file),
            None => Err(StoreError::Bucket {
                action: "fetch a file",
                detail: "none is configured, though old splits were moved to one".to_owned(),
            }),
        }
    }

    /// The blocks of a split that may have `token`, ascending.
    pub(crate) fn blocks_with_token(
        &self,
        split: &Split,
        token: &str,
    ) -> Result<Vec<u32>, StoreError> {
        if is_id(token) {
            self.opened((split, id_index::NAME), &self.ids, IdIndex::open)?.blocks(token)
        } else {
            self.opened((split, word_index::NAME), &self.words, WordIndex::open)?.blocks(token)
        }
    }
}

/// Whether another process has dropped or moved files of a split since it was listed here.
fn has_changed(split: &Split) -> bool {
    checked_file::read::<SplitMeta>(&split.dir.join(META_NAME), META_KIND)
        .is_ok_and(|meta| meta != split.meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reader: &SplitReader) -> usize {
        reader.rows.bytes_max()
            + reader.ids.bytes_max()
            + reader.words.bytes_max()
            + reader.rollups.bytes_max()
            + reader.shown.bytes_max()
            + reader.minutes.bytes_max()
            + reader.span_counts.bytes_max()
            + reader.series.bytes_max()
    }

    #[test]
    fn opened_files_take_what_they_may_and_no_more() {
        for bytes in [0, 1, 64 << 20, 100 << 20, ALL_BYTES_MAX, usize::MAX] {
            let taken = all(&SplitReader::within(bytes));
            let allowed = bytes.min(ALL_BYTES_MAX);
            assert!(taken <= allowed, "{taken} of {allowed}");
            assert!(taken + (8 << 20) > allowed, "{taken} of {allowed}");
        }
    }
}
