//! Moves old splits to the bucket.
//!
//! A file is put there, read back and compared; then the manifest says where it is; then the local one goes, with the
//! last who reads it. A crash before the manifest leaves objects that the next attempt writes again under the same
//! keys; a crash after it leaves local files that the next open removes.

use std::sync::Arc;
use std::time::Duration;

use super::handle::Store;
use crate::cold::{ColdFile, ColdFiles};
use crate::pace::Pace;
use crate::split::{META_NAME, Split, SplitMeta};
use crate::{StoreError, disk};

/// An index that takes up to this share of its rows stays, so that a search asks the bucket only for splits that have
/// what is searched.
const INDEX_SHARE: u64 = 4;
/// A small one stays in any case.
const INDEX_BYTES_MIN: u64 = 256 * 1024;

impl Store {
    /// Moves the splits that are older than `after`, oldest first, within the budget of `pace`; counts them in `moved`.
    pub(super) fn chill(
        &self,
        after: Duration,
        pace: &mut Pace<'_>,
        moved: &mut usize,
    ) -> Result<(), StoreError> {
        let Some(cold) = self.reader.cold() else { return Ok(()) };
        let after = i64::try_from(after.as_nanos()).unwrap_or(i64::MAX);
        let before = self.clock.now().plus_nanos(-after);
        let splits = Arc::clone(&self.live().splits);
        let is_old = |meta: &SplitMeta| meta.last.max(meta.received) < before;
        let mut old: Vec<&Arc<Split>> = splits
            .all()
            .filter(|split| split.meta.has_rows && !split.meta.is_cold() && is_old(&split.meta))
            .collect();
        old.sort_by_key(|split| split.meta.last);
        for split in old {
            if pace.must_stop() {
                break;
            }
            match self.upload(cold, split, pace) {
                Ok(meta) => {
                    self.make_cold(split, meta)?;
                    *moved += 1;
                }
                // One that cannot be read is left to whoever reads it; the others can go.
                Err(error) if error.is_damage() => self.warnings.add(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts the large files of a split into the bucket, and behind them what says that they are there.
    fn upload(
        &self,
        cold: &ColdFiles,
        split: &Split,
        pace: &mut Pace<'_>,
    ) -> Result<SplitMeta, StoreError> {
        let mut meta = split.meta.clone();
        let length = |name: &str| disk::length(&split.dir.join(name));
        let rows = meta.large_files().iter().filter(|name| SplitMeta::holds_rows(name));
        let index_bytes_max =
            INDEX_BYTES_MIN.max(rows.map(|name| length(name)).sum::<u64>() / INDEX_SHARE);
        for name in meta.large_files() {
            let path = split.dir.join(name);
            if !SplitMeta::holds_rows(name) && length(name) <= index_bytes_max {
                continue;
            }
            let content = disk::read(&path)?;
            let file = ColdFile::of(name, &content);
            pace.spend(2 * file.bytes);
            self.put(cold, &meta, &file, content)?;
            meta.cold.push(file);
        }
        let own = meta.encoded()?;
        let file = ColdFile::of(META_NAME, &own);
        self.put(cold, &meta, &file, own)?;
        Ok(meta)
    }

    fn put(
        &self,
        cold: &ColdFiles,
        meta: &SplitMeta,
        file: &ColdFile,
        content: Vec<u8>,
    ) -> Result<(), StoreError> {
        let key = file.key(meta);
        cold.bucket.put(&key, content)?;
        match cold.bucket.get(&key, file.bytes)? {
            Some(content) if file.is(&content) => Ok(()),
            _ => Err(StoreError::Bucket {
                action: "store a file",
                detail: format!("{key} does not hold what was put there"),
            }),
        }
    }

    /// Makes visible that the files of a split are in the bucket.
    fn make_cold(&self, split: &Arc<Split>, meta: SplitMeta) -> Result<(), StoreError> {
        let mut sealer = self.sealer();
        let mut manifest = sealer.manifest.clone();
        let Some(entry) = manifest.splits.iter_mut().find(|entry| entry.id == meta.id) else {
            return Ok(());
        };
        entry.clone_from(&meta);
        manifest.save(&self.dir)?;
        sealer.manifest = manifest;
        let without = Arc::new(Split::new(&self.dir, meta));
        let mut live = self.live_mut();
        let mut splits = (*live.splits).clone();
        splits.remove(&[split.meta.id]);
        splits.add(Arc::clone(&without));
        live.splits = Arc::new(splits);
        drop(live);
        drop(sealer);
        self.let_go(split, &without);
        Ok(())
    }

    /// Lets the files of `split` go that `without` no longer has here. Where the split's own directory cannot say so
    /// they stay until the store is opened again.
    pub(super) fn let_go(&self, split: &Split, without: &Arc<Split>) {
        match without.meta.save(&without.dir) {
            Ok(()) => split.mark_succeeded(without),
            Err(error) => tracing::warn!(%error, "failed to remove files of a split"),
        }
        self.reader.forget(split.meta.id);
    }

    /// Deletes objects that nothing refers to any more; those that cannot be deleted now are left for another time.
    pub(super) fn delete_doomed(&self) -> Result<(), StoreError> {
        let doomed = self.sealer().manifest.doomed.clone();
        let Some(cold) = self.reader.cold().filter(|_| !doomed.is_empty()) else { return Ok(()) };
        let mut deleted: Vec<&String> = Vec::new();
        let mut outcome = Ok(());
        for key in &doomed {
            match cold.bucket.delete(key) {
                Ok(()) => deleted.push(key),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if !deleted.is_empty() {
            let mut sealer = self.sealer();
            let mut manifest = sealer.manifest.clone();
            manifest.doomed.retain(|key| !deleted.contains(&key));
            manifest.save(&self.dir)?;
            sealer.manifest = manifest;
        }
        outcome
    }
}
