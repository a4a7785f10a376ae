//! Opens a store: manifest, ledger, template texts, and what the write-ahead log has beyond them.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

use groundcrew_telemetry::{Clock, SystemClock};
use rustc_hash::FxHashSet;

use super::handle::{Sealer, Store};
use super::live::Live;
use super::read_back::ReadBack;
use crate::disk::File;
use crate::documents::DocumentIndex;
use crate::ledger::Entry;
use crate::manifest::{LoadedManifest, Manifest, ledger_path};
use crate::origin::Origins;
use crate::resend::{self, Remembered, Resends};
use crate::split::{Joint, Split, SplitReader, SplitSet};
use crate::state::StateDb;
use crate::stream::{self, KnownStreams, StreamPart, Streams};
use crate::templates::Templates;
use crate::wal::{Replayed, Wal, replay};
use crate::warnings::Warnings;
use crate::{Access, StoreError, StoreOptions, checked_file, disk, machine_memory, template_log};

/// First bytes of ledger files.
pub(super) const LEDGER_KIND: checked_file::FileKind = *b"GClg";
/// How often a reader starts anew when a writer seals while it reads.
const LOAD_ATTEMPTS: usize = 8;
/// Memories below this would be sealed into splits of a few rows.
const MEMORY_BYTES_MIN: usize = 64 * 1024;
/// What is held in memory takes no more than this part of what the process may have: as much again is being sealed, and
/// what is on its way in, and questions, need the rest.
const PART_OF_MEMORY: usize = 24;
/// Splits are written with 32-bit sizes.
const MEMORY_BYTES_LIMIT: usize = 1 << 30;

/// What a directory holds.
pub(super) struct Loaded {
    pub(super) live: Live,
    manifest: Manifest,
    replayed: Replayed,
    is_rebuilt: bool,
    /// What was acknowledged of late.
    keys: Remembered,
    /// What was stored of streams when memory was sealed, and since.
    streams: (KnownStreams, Vec<StreamPart>),
}

/// How much is held in memory before it is sealed, of what is asked for and what the process may have.
fn memory_within(asked: usize, available: usize) -> usize {
    asked.min(available / PART_OF_MEMORY).clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_LIMIT)
}

impl Store {
    /// Opens the store in a directory, making it when it is to be written. Damage does not keep it from opening: what
    /// is damaged is left out and said in [`Coverage::warnings`](crate::Coverage::warnings).
    pub fn open(options: StoreOptions) -> Result<Self, StoreError> {
        Self::open_by(options, Box::new(SystemClock))
    }

    /// The same, with a clock of one's own: it says when telemetry is received and how old what is stored is.
    pub fn open_by(options: StoreOptions, clock: Box<dyn Clock>) -> Result<Self, StoreError> {
        let access = options.access;
        Self::open_with(options, clock, access)
    }

    /// As [`Store::open_by`], with documents and state opened for `rest` alone.
    pub(super) fn open_with(
        options: StoreOptions,
        clock: Box<dyn Clock>,
        rest: Access,
    ) -> Result<Self, StoreError> {
        let StoreOptions { dir, access, memory_bytes_max } = options;
        let lock = match access {
            Access::ReadWrite => {
                disk::create_dir(&dir.join("wal"))?;
                Some(lock(&dir)?)
            }
            Access::ReadOnly if !disk::is_dir(&dir) => {
                return Err(StoreError::Missing { path: dir });
            }
            Access::ReadOnly => None,
        };
        let (origins, templates, warnings) =
            (Origins::default(), Templates::default(), Warnings::default());
        let memory_bytes_max = memory_within(memory_bytes_max, machine_memory::available_bytes());
        // Who only reads cannot seal.
        let log_bytes_max =
            lock.as_ref().map_or(usize::MAX, |_| Self::read_back_bytes_max(memory_bytes_max));
        let loaded = load(&dir, (&origins, &templates), log_bytes_max, &warnings)?;
        if lock.is_some() {
            // After a sync that failed the manifest's name may be in the page cache alone. On its word log segments are
            // removed from here on, and a power cut would bring back the one before it.
            disk::sync_dir(&dir)?;
        }
        let wal = lock.is_some().then(|| Wal::open(&dir.join("wal"), &loaded.replayed));
        if wal.is_some() && !loaded.is_rebuilt {
            loaded.manifest.remove_strangers(&dir)?;
            // From now on one that is missing was lost: a first seal that is cut short is no reason to believe its splits.
            loaded.manifest.save_if_missing(&dir)?;
        }
        if wal.is_some()
            && loaded.is_rebuilt
            && let Err(error) = loaded.manifest.save_rebuilt(&dir)
        {
            // A full disk does not keep it from opening.
            warnings.add(format!("the manifest that was made again was not saved: {error}"));
        }
        let resends = Resends::default();
        resends.restore(&loaded.keys);
        let streams = Streams::default();
        let (known, logged) = &loaded.streams;
        streams.restore(known, logged).into_iter().for_each(|warning| warnings.add(warning));
        let unread = loaded.replayed.rest;
        // The manifest does not know of joint rollups.
        let joints = loaded.live.splits.joints.iter().map(|joint| joint.id.saturating_add(1));
        let sealer = Sealer {
            id_next: joints.fold(loaded.manifest.id_next, u64::max),
            manifest: loaded.manifest,
            damaged_segments: loaded.replayed.damaged,
            unmergeable: Vec::new(),
            not_joined: FxHashSet::default(),
            unpublished: Vec::new(),
        };
        let store = Self {
            documents: DocumentIndex::open(&dir.join("documents"), rest)?,
            state: open_state(&dir, rest, &warnings)?,
            dir,
            access,
            memory_bytes_max,
            gate: RwLock::new(()),
            live: RwLock::new(loaded.live),
            wal,
            sealer: Mutex::new(sealer),
            tending: Mutex::new(()),
            clock,
            origins,
            templates,
            resends,
            streams,
            must_relog_templates: AtomicBool::new(false),
            reader: SplitReader::default(),
            warnings,
            _lock: lock,
        };
        store.read_back_rest(unread)?;
        store.set_replayed_aside()?;
        Ok(store)
    }

    /// Opens the store for reading, with a state that may be written where the disk allows: what is answered beside a
    /// running server is kept, too, and the state's database is made for several writers.
    pub fn open_beside(options: StoreOptions) -> Result<Self, StoreError> {
        let store = Self::open(StoreOptions { access: Access::ReadOnly, ..options })?;
        match StateDb::open(&store.dir.join(crate::state::FILE), Access::ReadWrite) {
            Ok(state) => Ok(Self { state, ..store }),
            Err(error) => {
                tracing::info!(%error, "the state cannot be written, so answers are not kept");
                Ok(store)
            }
        }
    }

    /// Opens the documents of a store for writing, and nothing else of it: a running server may hold the rest, and finds
    /// what is indexed at its next search. Makes the store when there is none.
    pub fn open_documents(options: StoreOptions) -> Result<DocumentIndex, StoreError> {
        let dir = options.dir.clone();
        if !dir.join("wal").is_dir() {
            drop(Self::open(StoreOptions { access: Access::ReadWrite, ..options })?);
        }
        DocumentIndex::open(&dir.join("documents"), Access::ReadWrite)
    }

    /// Looks at the directory again: for a reader whose files a writer has merged away.
    pub(super) fn reload(&self) -> Result<(), StoreError> {
        let shared = (&self.origins, &self.templates);
        let loaded = load(&self.dir, shared, usize::MAX, &self.warnings)?;
        *self.live_mut() = loaded.live;
        Ok(())
    }
}

/// Opens the state. One that is damaged beyond opening is set aside and begun anew, where it may be written.
fn open_state(dir: &Path, access: Access, warnings: &Warnings) -> Result<StateDb, StoreError> {
    let path = dir.join(crate::state::FILE);
    let error = match StateDb::open(&path, access) {
        Err(error) if error.is_damage() => error,
        other => return other,
    };
    if access == Access::ReadOnly {
        warnings.add(format!("{} is damaged ({error}); it is left out", path.display()));
        return Ok(StateDb::closed(&path));
    }
    let quarantine = dir.join("quarantine");
    disk::create_dir(&quarantine)?;
    let number = disk::list(&quarantine)?.len();
    for ending in ["", "-wal", "-shm"] {
        let from = dir.join(format!("{}{ending}", crate::state::FILE));
        if disk::exists(&from) {
            let name = format!("{number}-{}{ending}", crate::state::FILE);
            disk::rename(&from, &quarantine.join(name))?;
        }
    }
    warnings.add(format!(
        "{} was damaged ({error}); it is set aside under {} and begun anew: earlier answers and incidents are not known",
        path.display(),
        quarantine.display()
    ));
    StateDb::open(&path, access)
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    disk::try_lock(&dir.join("lock"))?.ok_or_else(|| StoreError::Locked { path: dir.to_owned() })
}

/// Reads the directory without changing it, and of the log what memory may take. A writer may seal meanwhile, moving rows from the log into splits; the
/// manifest tells, and then it is read again.
pub(super) fn load(
    dir: &Path,
    (origins, templates): (&Origins, &Templates),
    log_bytes_max: usize,
    warnings: &Warnings,
) -> Result<Loaded, StoreError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let found = Warnings::default();
        let loaded = load_once(dir, (origins, templates), log_bytes_max, &found);
        let is_current = match &loaded {
            Ok(loaded) => {
                loaded.is_rebuilt
                    || Manifest::load(dir)?.manifest.wal_floor == loaded.manifest.wal_floor
            }
            Err(error) => !error.is_not_found(),
        };
        if is_current || attempt == LOAD_ATTEMPTS {
            found.all().into_iter().for_each(|warning| warnings.add(warning));
            return loaded;
        }
    }
}

fn load_once(
    dir: &Path,
    (origins, templates): (&Origins, &Templates),
    log_bytes_max: usize,
    warnings: &Warnings,
) -> Result<Loaded, StoreError> {
    let LoadedManifest { manifest, warning } = Manifest::load(dir)?;
    let is_rebuilt = warning.is_some();
    warning.into_iter().for_each(|warning| warnings.add(warning));
    let mut live = Live { dropped: manifest.dropped, ..Live::default() };
    let mut splits = SplitSet::default();
    for meta in &manifest.splits {
        splits.add(Split::new(dir, meta.clone()));
    }
    splits.joints = Joint::load_all(dir);
    live.splits = Arc::new(splits);
    for id in &manifest.ledger_files {
        load_ledger(dir, *id, &mut live, warnings)?;
    }
    if let Some(warning) = template_log::load(dir, manifest.templates_length, templates)? {
        warnings.add(warning);
    }
    let (mut keys, warning) = resend::load(dir)?;
    warning.into_iter().for_each(|warning| warnings.add(warning));
    let (known_streams, warning) = stream::load(dir)?;
    warning.into_iter().for_each(|warning| warnings.add(warning));
    let (replayed, parts) = {
        let mut reader = ReadBack::new(&mut live, (origins, templates), log_bytes_max);
        let replayed = replay(&dir.join("wal"), manifest.wal_floor, &mut reader)?;
        keys.append(&mut reader.keys);
        (replayed, reader.parts)
    };
    replayed.warnings.iter().for_each(|warning| warnings.add(warning.clone()));
    Ok(Loaded { live, manifest, replayed, is_rebuilt, keys, streams: (known_streams, parts) })
}

fn load_ledger(
    dir: &Path,
    id: u64,
    live: &mut Live,
    warnings: &Warnings,
) -> Result<(), StoreError> {
    match checked_file::read::<Vec<Entry>>(&ledger_path(dir, id), LEDGER_KIND) {
        Ok(entries) => {
            for entry in &entries {
                live.ledger.restore(entry)?;
            }
            Ok(())
        }
        Err(error @ (StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. })) => {
            Err(error)
        }
        Err(error) if error.is_not_found() => Err(error),
        Err(error) => {
            warnings
                .add(format!("{error}; its changes, alerts and cluster snapshots are left out"));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_container_seals_sooner() {
        const MIB: usize = 1 << 20;
        assert_eq!(memory_within(64 * MIB, 480 * MIB), 20 * MIB);
        assert_eq!(memory_within(64 * MIB, 24_576 * MIB), 64 * MIB);
        assert_eq!(memory_within(16 * MIB, 512 * MIB), 16 * MIB);
        assert_eq!(memory_within(0, usize::MAX), MEMORY_BYTES_MIN);
        assert_eq!(memory_within(usize::MAX, 0), MEMORY_BYTES_MIN);
        assert_eq!(memory_within(usize::MAX, usize::MAX), MEMORY_BYTES_LIMIT);
    }
}
