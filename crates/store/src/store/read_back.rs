//! Reads the write-ahead log back when a store is opened. Where there is more of it than memory may hold, as where a process
//! was given less memory than the one before it, what was read is sealed before more is.

use super::handle::Store;
use super::live::Live;
use crate::StoreError;
use crate::memory::{Packed, prepare};
use crate::origin::Origins;
use crate::resend::Remembered;
use crate::stream::StreamPart;
use crate::templates::Templates;
use crate::wal::{Reader, Record, replay};

/// Where the records of the log go.
pub(super) struct ReadBack<'s> {
    live: &'s mut Live,
    origins: &'s Origins,
    templates: &'s Templates,
    /// Once memory has this much it is full.
    bytes_max: usize,
    /// What was acknowledged.
    pub(super) keys: Remembered,
    /// What was stored of streams.
    pub(super) parts: Vec<StreamPart>,
}

impl<'s> ReadBack<'s> {
    /// Puts records in `live` until its memory takes `bytes_max`.
    pub(super) const fn new(
        live: &'s mut Live,
        (origins, templates): (&'s Origins, &'s Templates),
        bytes_max: usize,
    ) -> Self {
        Self { live, origins, templates, bytes_max, keys: Vec::new(), parts: Vec::new() }
    }

    fn apply(&mut self, batches: Vec<Packed>) -> Result<(), StoreError> {
        batches.into_iter().try_for_each(|batch| self.live.apply(prepare(batch, self.origins)?))
    }
}

impl Reader for ReadBack<'_> {
    fn take(&mut self, record: Record) -> Result<(), StoreError> {
        match record {
            Record::Templates(texts) => {
                self.templates.add_pending(self.templates.unknown(&texts));
                Ok(())
            }
            Record::Batches(batches) => self.apply(batches),
            Record::Request(key, at, batches) => {
                self.keys.push((key, at));
                self.apply(batches)
            }
            Record::Streamed(of_streams, batches) => {
                self.parts.extend(of_streams);
                self.apply(batches)
            }
        }
    }

    fn is_full(&self) -> bool {
        self.live.active.bytes() >= self.bytes_max
    }
}

impl Store {
    /// How much is read back before it is sealed. An ordinary crash leaves one memory that was being sealed and one that was
    /// being filled: to seal those first would only keep senders waiting.
    pub(super) const fn read_back_bytes_max(memory_bytes_max: usize) -> usize {
        memory_bytes_max.saturating_mul(2)
    }

    /// Reads the log on from segment `rest`, where it was not read to its end.
    pub(super) fn read_back_rest(&self, mut rest: Option<u64>) -> Result<(), StoreError> {
        let Some(wal) = &self.wal else { return Ok(()) };
        let mut bytes_max = Self::read_back_bytes_max(self.memory_bytes_max);
        while let Some(floor) = rest {
            if let Err(error) = self.seal_below(wal, floor) {
                // A disk that is full does not keep it from opening; memory has to take all of it.
                tracing::warn!(%error, "failed to seal what was read back");
                bytes_max = usize::MAX;
            }
            let mut live = self.live_mut();
            let shared = (&self.origins, &self.templates);
            let mut reader = ReadBack::new(&mut live, shared, bytes_max);
            let replayed = replay(&self.dir.join("wal"), floor, &mut reader)?;
            let ReadBack { keys, parts, .. } = reader;
            drop(live);
            self.resends.restore(&keys);
            let forgotten = self.streams.note(&parts);
            forgotten.into_iter().chain(replayed.warnings).for_each(|said| self.warnings.add(said));
            self.sealer().damaged_segments.extend(replayed.damaged);
            rest = replayed.rest;
        }
        Ok(())
    }
}
