//! The manifest: which splits and ledger files there are, and from where the write-ahead log counts.
//!
//! It is replaced in one step, so that a seal happens entirely or not at all: before, its rows are in the log; after,
//! they are in splits and the log begins behind them. A lost or damaged manifest is made again from what the splits
//! say of themselves.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checked_file::{self, FileKind};
use crate::retention::{Dropped, Receipts};
use crate::split::{META_KIND, META_NAME, SplitMeta, SplitSignal, split_dirs};
use crate::{StoreError, disk, template_log};

const KIND: FileKind = *b"GCmf";
const NAME: &str = "manifest.bin";
const LEDGER_DIR: &str = "ledger";

/// What the store consists of.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The number for the next split or ledger file.
    pub(crate) id_next: u64,
    /// The first write-ahead log segment that is not in splits.
    pub(crate) wal_floor: u64,
    pub(crate) splits: Vec<SplitMeta>,
    pub(crate) ledger_files: Vec<u64>,
    /// How long the file of template texts is; what is behind was not finished.
    pub(crate) templates_length: u64,
    /// When telemetry was received; `None` before the first.
    pub(crate) receipts: Option<Receipts>,
    /// What retention has dropped.
    pub(crate) dropped: Dropped,
    /// Objects in the bucket that are to be deleted.
    pub(crate) doomed: Vec<String>,
}

/// A manifest, and what was wrong with the file, if anything.
#[derive(Debug)]
pub(crate) struct LoadedManifest {
    pub(crate) manifest: Manifest,
    pub(crate) warning: Option<String>,
}

impl Manifest {
    /// Reads the manifest in `dir`, or makes it again. Only another format is an error.
    pub(crate) fn load(dir: &Path) -> Result<LoadedManifest, StoreError> {
        let path = dir.join(NAME);
        match checked_file::read(&path, KIND) {
            Ok(manifest) => Ok(LoadedManifest { manifest, warning: None }),
            Err(error @ (StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. })) => {
                Err(error)
            }
            Err(error) => {
                let manifest = rebuild(dir)?;
                let is_new = error.is_not_found() && manifest == Self::default();
                let warning = format!("{error}; it was made again from the splits");
                Ok(LoadedManifest { manifest, warning: (!is_new).then_some(warning) })
            }
        }
    }

    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        checked_file::write(&dir.join(NAME), KIND, self)
    }

    /// Saves it where there is none.
    pub(crate) fn save_if_missing(&self, dir: &Path) -> Result<(), StoreError> {
        if disk::exists(&dir.join(NAME)) { Ok(()) } else { self.save(dir) }
    }

    /// Puts a manifest that was made again in place, so that from here on only what it names is believed. Splits that
    /// do not say what they are are set aside: the next open would remove them.
    ///
    /// What it names is what was found, also what a failed sync has left of a seal. It is made durable first: a manifest that
    /// outlives what it names cannot be opened.
    pub(crate) fn save_rebuilt(&self, dir: &Path) -> Result<(), StoreError> {
        for signal in SplitSignal::ALL {
            for (_, path) in split_dirs(dir, signal)? {
                if checked_file::read::<SplitMeta>(&path.join(META_NAME), META_KIND).is_err() {
                    disk::set_aside(&path, &dir.join("quarantine"));
                }
            }
        }
        let named = SplitSignal::ALL.into_iter().map(SplitSignal::directory).chain([LEDGER_DIR]);
        let mut there = named.map(|name| dir.join(name)).filter(|path| disk::exists(path));
        there.try_for_each(|path| disk::sync_dir(&path))?;
        self.save(dir)
    }

    /// Removes what a crash left behind: files that the manifest does not know or that it says are gone.
    pub(crate) fn remove_strangers(&self, dir: &Path) -> Result<(), StoreError> {
        for signal in SplitSignal::ALL {
            let known: Vec<PathBuf> =
                self.splits.iter().map(|split| dir.join(split.relative_path())).collect();
            let strangers = disk::list(&dir.join(signal.directory()))?;
            let mut strangers = strangers.iter().filter(|path| !known.contains(path)).peekable();
            let is_any = strangers.peek().is_some();
            strangers.for_each(|path| disk::remove_if_there(path));
            if is_any {
                // One that comes back after a power cut would be believed, should the manifest be lost then.
                disk::sync_dir(&dir.join(signal.directory()))?;
            }
        }
        let known: Vec<PathBuf> =
            self.ledger_files.iter().map(|id| ledger_path(dir, *id)).collect();
        let strangers = disk::list(&dir.join(LEDGER_DIR))?;
        strangers
            .iter()
            .filter(|path| !known.contains(path))
            .for_each(|path| disk::remove_if_there(path));
        let unfinished = disk::list(dir)?;
        unfinished
            .iter()
            .filter(|path| disk::is_unfinished(path))
            .for_each(|path| disk::remove_if_there(path));
        self.splits.iter().try_for_each(|split| split.finish_removal(dir))
    }
}

/// Where ledger file `id` is.
pub(crate) fn ledger_path(dir: &Path, id: u64) -> PathBuf {
    dir.join(LEDGER_DIR).join(format!("{id:08}.bin"))
}

fn rebuild(dir: &Path) -> Result<Manifest, StoreError> {
    let mut manifest = Manifest::default();
    let mut ids: Vec<u64> = Vec::new();
    for signal in SplitSignal::ALL {
        for (id, path) in split_dirs(dir, signal)? {
            ids.push(id);
            // One that is unfinished or damaged cannot be used; it stays where it is.
            match checked_file::read::<SplitMeta>(&path.join(META_NAME), META_KIND) {
                Ok(meta) if path == dir.join(meta.relative_path()) => manifest.splits.push(meta),
                Err(error @ (StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. })) => {
                    return Err(error);
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    // Only of the same signal: a seal that was repeated and cut short has not replaced the rest of the attempt before.
    let replaced: Vec<(SplitSignal, u64)> = manifest
        .splits
        .iter()
        .flat_map(|split| split.replaces.iter().map(|id| (split.signal, *id)))
        .collect();
    manifest.splits.retain(|split| !replaced.contains(&(split.signal, split.id)));
    let ledger_files = disk::list(&dir.join(LEDGER_DIR))?;
    manifest.ledger_files = ledger_files
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .filter_map(|path| path.file_stem()?.to_str()?.parse().ok())
        .collect();
    manifest.templates_length = template_log::length(dir);
    manifest.wal_floor =
        manifest.splits.iter().map(|split| split.wal_floor).max().unwrap_or_default();
    let ids = ids.into_iter().chain(replaced.into_iter().map(|(_, id)| id));
    manifest.id_next =
        ids.chain(manifest.ledger_files.iter().copied()).max().map_or(0, |highest| highest + 1);
    Ok(manifest)
}
