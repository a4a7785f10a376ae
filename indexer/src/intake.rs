//! The one door of the write path: every source hands its batches to an [`Intake`].
//!
//! It admits by bytes. What is being worked on is bounded; beyond the bound a source is refused with a time after which
//! to try again, so memory never grows with the senders' zeal. A submit that returns `Ok` with
//! [`Durability::Synced`] means the records are on disk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use groundcrew_masking::Masker;
use groundcrew_store::{Durability, ResendKey, Store, StoreError, StreamPart};
use groundcrew_telemetry::{Batch, Clock, SystemClock, Timestamp};
use tokio::sync::Semaphore;

use crate::admission::{Room, Source};
use crate::batch_bytes::batch_bytes;
use crate::processors::{Processors, Turn};
use crate::stages::caps::{CapLimits, Caps};
use crate::stages::clock::{AHEAD, is_ahead};
use crate::stages::enrich::Enricher;
use crate::stages::mask::mask_batches;
use crate::stages::write::{Request, write};
use crate::workers::Workers;

/// The part of a process' memory that telemetry in flight may have.
const PART_IN_FLIGHT: usize = 6;

/// How much the door lets through at a time, and its clock.
#[derive(Clone)]
pub struct IntakeSettings {
    /// Bytes of telemetry that may be in flight at once, over all sources.
    pub bytes_in_flight_max: usize,
    /// Submits that async callers may have running at once; more wait their turn. Half of them for one sender.
    pub workers_max: usize,
    /// What [`Durability::Synced`] comes to: [`Durability::Written`] where a power cut may cost what was acknowledged.
    pub durability: Durability,
    /// How many different services, resources, series and templates an hour may bring.
    pub caps: CapLimits,
    /// What a refused sender is told to wait.
    pub retry_after: Duration,
    /// Where the time of receipt comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for IntakeSettings {
    fn default() -> Self {
        Self {
            bytes_in_flight_max: 128 << 20,
            workers_max: 16,
            durability: Durability::Synced,
            caps: CapLimits::default(),
            retry_after: Duration::from_secs(1),
            clock: Arc::new(SystemClock),
        }
    }
}

impl IntakeSettings {
    /// As they are for a process that may have so much memory.
    #[must_use]
    pub fn within(memory_bytes: usize) -> Self {
        let default = Self::default();
        let bytes_in_flight_max = default.bytes_in_flight_max.min(memory_bytes / PART_IN_FLIGHT);
        Self { bytes_in_flight_max, caps: CapLimits::within(memory_bytes), ..default }
    }
}

/// What became of a submit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Accepted {
    /// Records stored.
    pub records: usize,
    /// Records not stored because masking failed on them.
    pub withheld: usize,
    /// Whether the same request was stored a short while ago, so that nothing was stored now.
    pub is_resend: bool,
}

/// Decoded telemetry whose room was reserved.
pub struct Submission {
    /// The room.
    pub admission: Admission,
    /// What is to be stored.
    pub batches: Vec<Batch>,
    /// How surely, when it counts as done.
    pub durability: Durability,
    /// What the request is known by when its sender repeats it; `None` stores it in any case.
    pub resend_key: Option<ResendKey>,
    /// Which messages of streams it is, remembered together with it; with a key, none.
    pub stream_parts: Vec<StreamPart>,
}

/// Why a submit was refused. Nothing of it was acknowledged.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// When to try again; `None` when trying again is of no use.
    pub retry_after: Option<Duration>,
    /// Why.
    pub reason: RefusalReason,
}

/// The reasons to refuse.
#[derive(Debug, thiserror::Error)]
pub enum RefusalReason {
    /// Too much is in flight already.
    #[error("too much telemetry in flight; send again later")]
    Busy,
    /// The rest of a request did not come.
    #[error("the request stopped arriving; send it again")]
    Stalled,
    /// The disk is full.
    #[error("no space left for telemetry; free some disk space, then send again")]
    DiskFull(#[source] StoreError),
    /// The store failed in another way.
    #[error("the store failed to take telemetry: {0}")]
    Store(#[source] StoreError),
    /// The work was cut off before it was done.
    #[error("telemetry was not stored: the server is shutting down or a worker failed")]
    Interrupted,
}

/// A handle on the door; clones share it. One that is told who sends ([`Intake::of`]) keeps senders apart.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
    source: Source,
    /// Of the work that this handle was given to.
    turn: Turn,
}

struct Shared {
    store: Arc<Store>,
    masker: Arc<Masker>,
    settings: IntakeSettings,
    room: Room,
    workers: Semaphore,
    threads: Workers,
    processors: Arc<Processors>,
    caps: Arc<Caps>,
    /// Idle enrichers; one is taken per submit, so that submits do not wait for each other.
    enrichers: Mutex<Vec<Enricher>>,
}

/// Bytes that were let in. They count as in flight until this is dropped.
pub struct Admission {
    shared: Arc<Shared>,
    source: Source,
    bytes: usize,
}

impl Admission {
    /// Asks for more room, up to `bytes` in all, as when a compressed request turns out larger than it came.
    ///
    /// # Errors
    /// When there is no room; what was admitted stays admitted.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Refused> {
        let more = bytes.saturating_sub(self.bytes);
        self.shared.reserve(self.source, more)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.shared.room.give_back(self.source, self.bytes);
    }
}

impl Intake {
    /// A door to `store`.
    #[must_use]
    pub fn new(store: Arc<Store>, masker: Arc<Masker>, settings: IntakeSettings) -> Self {
        Self::beside_questions(store, masker, settings, Arc::default())
    }

    /// As [`Self::new`], in a process that answers questions meanwhile, on the same processors.
    #[must_use]
    pub fn beside_questions(
        store: Arc<Store>,
        masker: Arc<Masker>,
        settings: IntakeSettings,
        processors: Arc<Processors>,
    ) -> Self {
        let workers_max = settings.workers_max.max(1);
        let workers = Semaphore::new(workers_max);
        let room = Room::new(settings.bytes_in_flight_max, workers_max, processors.count());
        let enrichers = Mutex::new(Vec::new());
        let caps = Arc::new(Caps::new(settings.caps));
        let shared = Shared {
            store,
            masker,
            settings,
            room,
            workers,
            threads: Workers::default(),
            processors,
            caps,
            enrichers,
        };
        Self { shared: Arc::new(shared), source: Source::Unnamed, turn: Turn::default() }
    }

    /// The door for one sender: it gets its share of room and workers and no more while others want theirs.
    #[must_use]
    pub fn of(&self, source: Source) -> Self {
        Self { shared: Arc::clone(&self.shared), source, turn: Turn::default() }
    }

    /// The store behind the door.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Masks what is not telemetry and goes to the store by itself.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        &self.shared.masker
    }

    /// The time of receipt.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.settings.clock.now()
    }

    /// Bytes in flight, for a gauge.
    #[must_use]
    pub fn bytes_in_flight(&self) -> usize {
        self.shared.room.in_flight()
    }

    /// Reserves room for `bytes` of telemetry before it is read or decoded.
    ///
    /// # Errors
    /// When there is no room now.
    pub fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let source = self.shared.reserve(self.source, bytes)?;
        Ok(Admission { shared: Arc::clone(&self.shared), source, bytes })
    }

    /// As [`Self::admit`], but waits a little while for room: for senders that say how much is coming before they send it.
    /// Who has room already never waits, for it may be what others wait for.
    ///
    /// # Errors
    /// When there is no room for so long.
    pub(crate) async fn admit_in_turn(&self, bytes: usize) -> Result<Admission, Refused> {
        let taken = self.shared.room.take_in_turn(self.source, bytes).await;
        let source = taken.ok_or_else(|| self.shared.busy())?;
        Ok(Admission { shared: Arc::clone(&self.shared), source, bytes })
    }

    /// The refusal of a request of which nothing more comes.
    pub(crate) fn stalled(&self) -> Refused {
        Refused { reason: RefusalReason::Stalled, ..self.shared.busy() }
    }

    /// Masks, enriches and stores `batches`. Blocks; the calling thread does the work.
    ///
    /// # Errors
    /// When there is no room, or the store cannot take them. Nothing is then acknowledged.
    pub fn submit(&self, batches: Vec<Batch>, durability: Durability) -> Result<Accepted, Refused> {
        let admission = self.admit(batches.iter().map(batch_bytes).sum())?;
        self.submit_admitted(admission, batches, durability)
    }

    /// As [`Intake::submit`] for telemetry whose room was reserved before.
    ///
    /// # Errors
    /// When the store cannot take them. Nothing is then acknowledged.
    pub fn submit_admitted(
        &self,
        admission: Admission,
        batches: Vec<Batch>,
        durability: Durability,
    ) -> Result<Accepted, Refused> {
        let stream_parts = Vec::new();
        self.take(Submission { admission, batches, durability, resend_key: None, stream_parts })
    }

    /// Masks, enriches and stores a request, unless it was stored a short while ago. Two that are the same at the same
    /// moment are stored once, and both are answered when that is done. Blocks.
    ///
    /// # Errors
    /// When the store cannot take it. Nothing is then acknowledged.
    pub fn take(&self, submission: Submission) -> Result<Accepted, Refused> {
        let Submission { admission, mut batches, durability, resend_key, stream_parts } =
            submission;
        let durability = match durability {
            Durability::Synced => self.shared.settings.durability,
            other => other,
        };
        let now = self.now();
        let claim = match resend_key.map(|key| self.store().claim(key, now)) {
            None => None,
            Some(None) => return Ok(Accepted { is_resend: true, ..Accepted::default() }),
            Some(claim) => claim,
        };
        batches.iter_mut().for_each(|batch| self.shared.caps.apply(batch, now));
        // Files may well be of another time.
        if durability != Durability::OnFlush && batches.iter().any(|batch| is_ahead(batch, now)) {
            self.store().warn(AHEAD.to_owned());
        }
        let mut enricher = self.shared.enricher();
        enricher.set_now(now);
        let masked = mask_batches(batches, &self.shared.masker, &mut enricher);
        let records = masked.batches.iter().map(|batch| batch.record_count()).sum();
        let request = Request { batches: masked.batches, durability, claim, stream_parts };
        // From here on it waits for the disk.
        self.turn.end();
        let written = write(&self.shared.store, request, &mut enricher);
        self.shared.put_back(enricher);
        drop(admission);
        self.shared.caps.warnings().into_iter().for_each(|warning| self.store().warn(warning));
        written.map_err(|error| self.shared.refusal(error))?;
        Ok(Accepted { records, withheld: masked.withheld, is_resend: false })
    }

    /// As [`Intake::submit`], for async callers: the work runs on a blocking thread, a bounded number at a time.
    ///
    /// # Errors
    /// As [`Intake::submit`].
    pub async fn submit_async(
        &self,
        batches: Vec<Batch>,
        durability: Durability,
    ) -> Result<Accepted, Refused> {
        let admission = self.admit(batches.iter().map(batch_bytes).sum())?;
        let work = move |intake: &Self| intake.submit_admitted(admission, batches, durability);
        self.on_worker(work).await?
    }

    /// Runs blocking work of the write path (decompress, decode, submit) on a worker thread, a bounded number at a time:
    /// as many as there are processors until they hand over to the store, more from then on.
    ///
    /// # Errors
    /// [`RefusalReason::Interrupted`] when the work was cut off.
    pub async fn on_worker<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let interrupted = || Refused {
            retry_after: Some(self.shared.settings.retry_after),
            reason: RefusalReason::Interrupted,
        };
        // One's own first: who waits for these does not stand in the way of others.
        let own = self.shared.room.lanes(self.source);
        let own_permit = own.workers.acquire().await.map_err(|_| interrupted())?;
        let permit = self.shared.workers.acquire().await.map_err(|_| interrupted())?;
        let turn = Turn::among(Arc::clone(&own.processors), Arc::clone(&self.shared.processors));
        let turn = turn.await.map_err(|_| interrupted())?;
        let intake = Self { shared: Arc::clone(&self.shared), source: self.source, turn };
        let threads_max = self.shared.settings.workers_max;
        let done = self.shared.threads.run(threads_max, move || work(&intake)).await;
        drop((permit, own_permit));
        done.map_err(|_| interrupted())
    }

    /// Makes everything submitted so far durable and searchable in sealed form. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.shared.store.flush()
    }
}

impl Shared {
    fn reserve(&self, source: Source, bytes: usize) -> Result<Source, Refused> {
        self.room.take(source, bytes).ok_or_else(|| self.busy())
    }

    fn busy(&self) -> Refused {
        Refused { retry_after: Some(self.settings.retry_after), reason: RefusalReason::Busy }
    }

    fn enricher(&self) -> Enricher {
        // An enricher is only scratch space and a cache, so one left by a panicking thread is as good as any.
        let mut idle = self.enrichers.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().unwrap_or_else(|| Enricher::within(Arc::clone(&self.caps)))
    }

    fn put_back(&self, enricher: Enricher) {
        self.enrichers.lock().unwrap_or_else(PoisonError::into_inner).push(enricher);
    }

    fn refusal(&self, error: StoreError) -> Refused {
        let retry_after = Some(self.settings.retry_after);
        match error {
            full @ StoreError::Full { .. } => Refused {
                retry_after: Some(Duration::from_secs(5)),
                reason: RefusalReason::DiskFull(full),
            },
            StoreError::ReadOnly | StoreError::NewerFormat { .. } | StoreError::Locked { .. } => {
                Refused { retry_after: None, reason: RefusalReason::Store(error) }
            }
            other => Refused { retry_after, reason: RefusalReason::Store(other) },
        }
    }
}
