//! Seals memory into splits.
//!
//! The order makes a crash harmless at any point: rows go to files that nothing refers to, then the manifest is
//! replaced, then the log segments go. Until the manifest is replaced the rows are in the log, and the files are
//! strangers that the next open removes.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::handle::{Sealer, Store};
use super::live::Frozen;
use super::open::LEDGER_KIND;
use crate::manifest::{Manifest, ledger_path};
use crate::retention::Receipts;
use crate::split::{Split, SplitMeta, SplitSignal, SplitSpec, write_splits};
use crate::templates::TemplateText;
use crate::wal::Wal;
use crate::{StoreError, checked_file, disk, template_log};

/// Ledger files beyond this are written as one.
const LEDGER_FILES_MAX: usize = 16;

impl Store {
    /// Seals what is in memory into splits and empties the write-ahead log: everything stored so far is durable when
    /// this returns.
    pub fn flush(&self) -> Result<(), StoreError> {
        let wal = self.writable()?;
        self.seal(wal, &mut self.sealer())
    }

    /// Seals when memory is full. Appends block here while another thread seals the memory before this one.
    pub(super) fn make_room(&self) -> Result<(), StoreError> {
        let is_full = || self.live().active.bytes() >= self.memory_bytes_max;
        if !is_full() {
            return Ok(());
        }
        let wal = self.writable()?;
        let mut sealer = self.sealer();
        if is_full() { self.seal(wal, &mut sealer) } else { Ok(()) }
    }

    fn seal(&self, wal: &Wal, sealer: &mut Sealer) -> Result<(), StoreError> {
        // What an earlier attempt left comes first: freezing more while nothing can be written would fill the memory.
        self.seal_all_frozen(wal, sealer)?;
        self.freeze(wal)?;
        self.seal_all_frozen(wal, sealer)
    }

    fn seal_all_frozen(&self, wal: &Wal, sealer: &mut Sealer) -> Result<(), StoreError> {
        loop {
            let oldest = self.live().frozen.first().cloned();
            let Some(frozen) = oldest else { return Ok(()) };
            self.seal_frozen(wal, sealer, &frozen)?;
        }
    }

    /// Sets the memory that is being filled aside for sealing, and begins a new log segment with the next one.
    fn freeze(&self, wal: &Wal) -> Result<(), StoreError> {
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let has_rest = !self.templates.pending().is_empty() || self.streams.is_unsaved();
        let is_empty = |live: &super::live::Live| {
            live.active.is_empty() && live.ledger.pending().is_empty() && !has_rest
        };
        if is_empty(&self.live()) {
            return Ok(());
        }
        let wal_floor = wal.rotate()?;
        let mut live = self.live_mut();
        let memory = Arc::new(std::mem::take(&mut live.active));
        live.frozen.push(Frozen { memory, wal_floor });
        Ok(())
    }

    fn seal_frozen(
        &self,
        wal: &Wal,
        sealer: &mut Sealer,
        frozen: &Frozen,
    ) -> Result<(), StoreError> {
        let spec = SplitSpec {
            id_first: sealer.id_next,
            order: None,
            wal_floor: frozen.wal_floor,
            replaces: Vec::new(),
            received: self.clock.now(),
        };
        // One number for each signal and one for the ledger; used even when this fails, so that names stay unique.
        sealer.id_next += 4;
        let mut manifest = Manifest {
            id_next: sealer.id_next,
            wal_floor: frozen.wal_floor,
            ..sealer.manifest.clone()
        };
        let texts = self.templates.pending();
        let written = self.write_all(frozen, &spec, &mut manifest, &texts);
        let (metas, ledger_count) = match written {
            Ok(written) => written,
            Err(error) => {
                remove_unpublished(&self.dir, spec.id_first..spec.id_first + 4);
                return Err(error);
            }
        };
        if !metas.is_empty() {
            manifest.receipts = Some(Receipts::note(manifest.receipts, spec.received));
        }
        // Whether it is in place cannot be told when this fails, so what it names stays.
        manifest.save(&self.dir)?;

        let mut live = self.live_mut();
        let mut splits = (*live.splits).clone();
        metas.into_iter().for_each(|meta| splits.add(Split::new(&self.dir, meta)));
        live.splits = Arc::new(splits);
        live.frozen.remove(0);
        live.ledger.written(ledger_count);
        drop(live);
        self.templates.written(texts.len());

        let gone = std::mem::replace(&mut sealer.manifest, manifest);
        remove_ledger_files(&self.dir, &gone, &sealer.manifest);
        let quarantine = self.dir.join("quarantine");
        wal.remove_below(frozen.wal_floor, &sealer.damaged_segments, &quarantine);
        sealer.damaged_segments.retain(|number| *number >= frozen.wal_floor);
        Ok(())
    }

    /// Writes all that the next manifest refers to; says which splits, and how many entries of the ledger.
    fn write_all(
        &self,
        frozen: &Frozen,
        spec: &SplitSpec,
        manifest: &mut Manifest,
        texts: &[TemplateText],
    ) -> Result<(Vec<SplitMeta>, usize), StoreError> {
        let metas = write_splits(&self.dir, &frozen.memory, spec)?;
        let ledger_count = self.write_ledger(manifest, spec.id_first + 3)?;
        if !texts.is_empty() {
            manifest.templates_length =
                template_log::append(&self.dir, manifest.templates_length, texts)?;
        }
        manifest.splits.extend(metas.iter().cloned());
        // Before the log segments go; a crash in between finds the same in both.
        self.resends.save(&self.dir)?;
        self.streams.save(&self.dir)?;
        Ok((metas, ledger_count))
    }

    /// Writes what the ledger has beyond its files as file `id`; says how many entries of it.
    fn write_ledger(&self, manifest: &mut Manifest, id: u64) -> Result<usize, StoreError> {
        let (pending, all) = {
            let live = self.live();
            let pending = live.ledger.pending();
            let is_many = manifest.ledger_files.len() >= LEDGER_FILES_MAX;
            let all = (!pending.is_empty() && is_many).then(|| live.ledger.all());
            (pending, all)
        };
        if pending.is_empty() {
            return Ok(0);
        }
        let path = ledger_path(&self.dir, id);
        path.parent().map_or(Ok(()), disk::create_dir)?;
        if all.is_some() {
            manifest.ledger_files.clear();
        }
        checked_file::write(&path, LEDGER_KIND, all.as_ref().unwrap_or(&pending))?;
        manifest.ledger_files.push(id);
        Ok(pending.len())
    }
}

/// Removes the splits of these numbers, whose seal or merge failed, so that they are not taken for others' should the
/// manifest be lost.
pub(super) fn remove_unpublished(dir: &Path, ids: Range<u64>) {
    let endings: Vec<String> = ids.map(|id| format!("-{id:08}")).collect();
    for signal in SplitSignal::ALL {
        let Ok(paths) = disk::list(&dir.join(signal.directory())) else { continue };
        let is_of_it = |path: &&PathBuf| {
            let name = path.to_string_lossy();
            endings.iter().any(|ending| name.ends_with(ending))
        };
        paths.iter().filter(is_of_it).for_each(|path| disk::remove_if_there(path));
    }
}

pub(super) fn remove_ledger_files(dir: &Path, before: &Manifest, after: &Manifest) {
    for id in before.ledger_files.iter().filter(|id| !after.ledger_files.contains(id)) {
        disk::remove_if_there(&ledger_path(dir, *id));
    }
}
