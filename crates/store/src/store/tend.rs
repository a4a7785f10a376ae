//! Looks after what is stored, beside appends and questions: drops what is kept long enough, merges what is small.

use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use super::handle::Store;
use super::tail_sampling::TailSampling;
use crate::pace::Pace;
use crate::{Retention, StoreError};

/// How a store is looked after.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Upkeep {
    /// How long what is stored is kept.
    pub retention: Retention,
    /// How old traces are thinned; `None` keeps all as long as any.
    pub tail_sampling: Option<TailSampling>,
    /// The bytes per second that merging may read and write; `None` for as many as it can.
    pub merge_bytes_per_sec: Option<u64>,
    /// After how long splits move to the bucket, where one is used.
    pub cold_after: Option<Duration>,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tended {
    /// Log splits whose rows went while their counts stayed.
    pub thinned: usize,
    /// Splits that went.
    pub removed: usize,
    /// Bytes of both.
    pub bytes_freed: u64,
    /// Changes, alerts and cluster snapshots that went.
    pub entries: usize,
    /// Answers that went.
    pub answers: usize,
    /// Why something that is old enough did not go; `None` when nothing was held back.
    pub held: Option<String>,
    /// Splits that were moved to the bucket.
    pub moved: usize,
    /// Splits of which only the traces that stand out and an even share of the others stayed.
    pub sampled: usize,
    /// Why the bucket could not be used; it is tried again.
    pub bucket_failure: Option<String>,
    /// Small splits that were merged.
    pub merged: usize,
    /// Log splits whose counts were added up in joint rollups.
    pub joined: usize,
}

impl Store {
    /// Drops what is kept long enough, thins old traces, then merges small splits. Appends, seals and questions go on
    /// meanwhile; whoever reads what is dropped reads it to the end. Once `hurry` says so, what can wait is left for
    /// another time.
    pub fn tend(&self, upkeep: &Upkeep, hurry: &dyn Fn() -> bool) -> Result<Tended, StoreError> {
        self.writable()?;
        let _tending = self.tending.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tended = self.retain(&upkeep.retention)?;
        let mut pace = Pace::new(upkeep.merge_bytes_per_sec, hurry);
        if let Some(wanted) = upkeep.tail_sampling {
            tended.sampled = self.sample_traces(wanted, &mut pace)?;
        }
        tended.merged = self.merge_small_splits(upkeep.retention.span_max(), &mut pace)?;
        self.drop_torn_joints()?;
        tended.joined = self.join_rollups(self.joining(), &mut pace);
        if !pace.must_stop() {
            self.tend_bucket(upkeep, &mut pace, &mut tended)?;
        }
        Ok(tended)
    }

    /// Only adds up the counts of log splits that came soon one after another, which a question would otherwise add up
    /// itself: worth doing more often than the rest. Says for how many splits.
    pub fn join(&self, hurry: &dyn Fn() -> bool) -> Result<usize, StoreError> {
        self.writable()?;
        let _tending = match self.tending.try_lock() {
            Ok(tending) => tending,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Whoever tends them does this, too.
            Err(TryLockError::WouldBlock) => return Ok(0),
        };
        Ok(self.join_rollups(self.joining(), &mut Pace::new(None, hurry)))
    }

    /// What the bucket cannot do now is done another time.
    fn tend_bucket(
        &self,
        upkeep: &Upkeep,
        pace: &mut Pace<'_>,
        tended: &mut Tended,
    ) -> Result<(), StoreError> {
        let done = self.delete_doomed().and_then(|()| match upkeep.cold_after {
            Some(after) => self.chill(after, pace, &mut tended.moved),
            None => Ok(()),
        });
        match done {
            Err(error @ StoreError::Bucket { .. }) => {
                tended.bucket_failure = Some(error.to_string());
                Ok(())
            }
            other => other,
        }
    }
}
