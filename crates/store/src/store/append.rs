//! The write path: log, then memory.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use groundcrew_masking::Masked;
use groundcrew_telemetry::{Batch, TemplateId, Timestamp};

use super::handle::Store;
use crate::memory::{Prepared, prepare};
use crate::resend::{Claim, ResendKey};
use crate::stream::{StreamName, StreamPart};
use crate::wal::{Encoded, Record, Wal};
use crate::{Durability, StoreError};

impl Store {
    /// Stores batches; they can be found as soon as this returns. With [`Durability::Synced`] they are on disk then.
    ///
    /// Blocks while memory is full and being sealed. On an error nothing of `batches` was stored, and the same call may
    /// be made again; [`StoreError::Full`] means that it will work once there is space.
    pub fn append(
        &self,
        batches: Vec<Masked<Batch>>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.append_as(batches, durability, Sent::Once)
    }

    /// The right to store a request that its sender may repeat, by [`Store::append_claimed`]. `None` when the same
    /// request was stored within the last ten minutes; waits while somebody else stores it.
    pub fn claim(&self, key: ResendKey, now: Timestamp) -> Option<Claim<'_>> {
        self.resends.claim(key, now)
    }

    /// As [`Store::append`], once: the request is remembered together with its batches, also across a crash.
    ///
    /// # Errors
    /// As [`Store::append`]; the claim is then given up, so that whoever waits may try.
    pub fn append_claimed(
        &self,
        batches: Vec<Masked<Batch>>,
        durability: Durability,
        claim: Claim<'_>,
    ) -> Result<(), StoreError> {
        self.append_as(batches, durability, Sent::Request(claim))
    }

    /// As [`Store::append`], of messages of streams: which they are is remembered together with the batches, also across a
    /// crash, and also when nothing in them could be stored.
    ///
    /// # Errors
    /// As [`Store::append`]; nothing is then remembered.
    pub fn append_streamed(
        &self,
        batches: Vec<Masked<Batch>>,
        durability: Durability,
        parts: Vec<StreamPart>,
    ) -> Result<(), StoreError> {
        self.append_as(batches, durability, Sent::InStreams(parts))
    }

    /// The number behind the last message of a stream that is stored; `None` of a stream that is not known.
    #[must_use]
    pub fn stream_position(&self, stream: &StreamName) -> Option<u64> {
        self.streams.position(stream)
    }

    /// Whether this message of a stream is stored. Messages that were settled when others were stored are not known.
    #[must_use]
    pub fn holds_message(&self, stream: &StreamName, message: u64) -> bool {
        self.streams.holds(stream, message)
    }

    /// Forgets what is stored of a stream, as when its sender began it anew.
    pub fn forget_stream(&self, stream: &StreamName) {
        self.streams.forget(stream);
    }

    fn append_as(
        &self,
        batches: Vec<Masked<Batch>>,
        durability: Durability,
        sent: Sent<'_>,
    ) -> Result<(), StoreError> {
        let wal = self.writable()?;
        let batches: Vec<Batch> = batches
            .into_iter()
            .map(Masked::into_inner)
            .filter(|batch| batch.record_count() > 0)
            .collect();
        if batches.is_empty() && !matches!(sent, Sent::InStreams(_)) {
            return Ok(());
        }
        self.make_room()?;
        let Encoded { payload, batches } = sent.encode(batches)?;
        let prepared = batches.into_iter().map(|batch| prepare(batch, &self.origins));
        let prepared: Vec<Prepared> = prepared.collect::<Result<_, _>>()?;
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if durability != Durability::OnFlush {
            self.relog_templates(wal)?;
            let logged = match durability {
                Durability::Synced => wal.append(&payload),
                Durability::Written | Durability::OnFlush => wal.append_unsynced(&payload),
            };
            if logged.is_err() {
                self.must_relog_templates.store(true, Ordering::Release);
            }
            logged?;
        }
        let mut live = self.live_mut();
        prepared.into_iter().try_for_each(|batch| live.apply(batch))?;
        drop(live);
        // Still behind the gate: what is sealed is remembered.
        match sent {
            Sent::Once => {}
            Sent::Request(claim) => claim.settle(),
            Sent::InStreams(parts) => {
                let forgotten = self.streams.note(&parts);
                forgotten.into_iter().for_each(|warning| self.warnings.add(warning));
            }
        }
        Ok(())
    }

    /// Keeps the texts of templates, durable no later than the next synced append or flush. Call it before the append
    /// of records that use them.
    pub fn put_templates(&self, templates: &[(TemplateId, String)]) -> Result<(), StoreError> {
        let wal = self.writable()?;
        let unknown = self.templates.unknown(templates);
        if unknown.is_empty() {
            return Ok(());
        }
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        wal.append_unsynced(&Record::encode_templates(&unknown)?)?;
        self.templates.add_pending(unknown);
        Ok(())
    }

    /// Logs the texts again that went down with a segment.
    fn relog_templates(&self, wal: &Wal) -> Result<(), StoreError> {
        if self.must_relog_templates.load(Ordering::Acquire) {
            let pending = self.templates.pending();
            if !pending.is_empty() {
                wal.append_unsynced(&Record::encode_templates(&pending)?)?;
            }
            self.must_relog_templates.store(false, Ordering::Release);
        }
        Ok(())
    }
}

/// How what is stored might come again.
enum Sent<'s> {
    /// Not at all, as far as is known.
    Once,
    /// As a request, from a sender that missed the answer.
    Request(Claim<'s>),
    /// As messages that are delivered again.
    InStreams(Vec<StreamPart>),
}

impl Sent<'_> {
    fn encode(&self, batches: Vec<Batch>) -> Result<Encoded, StoreError> {
        match self {
            Self::Once => Record::encode_batches(batches),
            Self::Request(claim) => Record::encode_request(claim.key, claim.at, batches),
            Self::InStreams(parts) => Record::encode_streamed(parts, batches),
        }
    }
}
