//! Seals memory into splits.
//!
//! The order makes a crash harmless at any point: rows go to files that nothing refers to, then the manifest is
//! replaced, then the log segments go. Until the manifest is replaced the rows are in the log, and the files are
//! strangers that the next open removes.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::handle::{Sealer, Store};
use super::live::Frozen;
use super::open::LEDGER_KIND;
use crate::manifest::{Manifest, ledger_path};
use crate::retention::Receipts;
use crate::split::{Split, SplitMeta, SplitSignal, SplitSpec, split_dirs, write_splits};
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

    /// Sets what was read back from the log aside when it is much, so that the first append need not wait until it is
    /// sealed: that happens when memory is full next, or by and by. Far too much, as after one crash upon the other, is
    /// left for the first append to seal, or it would grow from crash to crash.
    pub(super) fn set_replayed_aside(&self) -> Result<(), StoreError> {
        let bytes = self.live().active.bytes();
        let is_much = bytes >= self.memory_bytes_max / 2 && bytes < 2 * self.memory_bytes_max;
        match &self.wal {
            Some(wal) if is_much => self.freeze(wal),
            _ => Ok(()),
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
        self.set_aside(wal.rotate()?);
        Ok(())
    }

    /// Seals what was read back of the log below segment `floor`. Nobody appends meanwhile.
    pub(super) fn seal_below(&self, wal: &Wal, floor: u64) -> Result<(), StoreError> {
        let mut sealer = self.sealer();
        self.set_aside(floor);
        self.seal_all_frozen(wal, &mut sealer)
    }

    fn set_aside(&self, wal_floor: u64) {
        let mut live = self.live_mut();
        let memory = Arc::new(std::mem::take(&mut live.active));
        live.frozen.push(Frozen { memory, wal_floor });
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
            // An earlier attempt at the same rows may still be there.
            replaces: sealer.unpublished.clone(),
            received: self.clock.now(),
            covers: None,
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
                let ids = (spec.id_first..spec.id_first + 4).collect();
                sealer.unpublished.extend(remove_unpublished(&self.dir, ids));
                return Err(error);
            }
        };
        if !metas.is_empty() {
            manifest.receipts = Some(Receipts::note(manifest.receipts, spec.received));
        }
        if let Err(error) = manifest.save(&self.dir) {
            // Whether it is in place cannot be told, so what it names stays until another one is.
            sealer.unpublished.extend(metas.iter().map(|meta| meta.id));
            return Err(error);
        }

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
        sealer.remove_unpublished(&self.dir);
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

impl Sealer {
    /// Removes what seals and merges that failed have left. Only once a manifest is in place that does not name it.
    pub(super) fn remove_unpublished(&mut self, dir: &Path) {
        let ids = std::mem::take(&mut self.unpublished);
        self.unpublished = remove_unpublished(dir, ids);
    }
}

/// Removes splits whose seal or merge failed, durably, so that they are not taken for others' should the manifest be
/// lost. Gives back those that may still be there.
pub(super) fn remove_unpublished(dir: &Path, ids: Vec<u64>) -> Vec<u64> {
    if ids.is_empty() {
        return ids;
    }
    let removed = SplitSignal::ALL.into_iter().try_for_each(|signal| {
        let found = split_dirs(dir, signal)?;
        let theirs: Vec<_> = found.into_iter().filter(|(id, _)| ids.contains(id)).collect();
        if theirs.is_empty() {
            return Ok(());
        }
        theirs.iter().for_each(|(_, path)| disk::remove_if_there(path));
        disk::sync_dir(&dir.join(signal.directory()))
    });
    match removed {
        Ok(()) => ids.into_iter().filter(|id| is_there(dir, *id)).collect(),
        Err(error) => {
            tracing::warn!(%error, "failed to remove what a seal or a merge left");
            ids
        }
    }
}

fn is_there(dir: &Path, id: u64) -> bool {
    let has_it =
        |signal| split_dirs(dir, signal).is_ok_and(|all| all.iter().any(|(other, _)| *other == id));
    SplitSignal::ALL.into_iter().any(has_it)
}

pub(super) fn remove_ledger_files(dir: &Path, before: &Manifest, after: &Manifest) {
    for id in before.ledger_files.iter().filter(|id| !after.ledger_files.contains(id)) {
        disk::remove_if_there(&ledger_path(dir, *id));
    }
}
