//! Makes joint rollups where many log splits come in a short time.

use std::sync::Arc;

use super::handle::Store;
use crate::StoreError;
use crate::pace::Pace;
use crate::split::{Joint, RollupOf, Split, SplitSignal};

/// When log splits get a joint rollup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining {
    /// How many splits, neighbours, have one.
    pub(super) splits: usize,
    /// How many times fewer cells it has than they, at least.
    pub(super) gain_min: usize,
    /// From which size in memory on the last of them stays as it is: behind it are those that may be merged.
    pub(super) full_bytes: u64,
    /// How long sealing one may have taken, on average.
    pub(super) secs_per_split_max: i64,
}

/// Log splits that have a joint rollup.
const JOINED_SPLITS: usize = 32;
/// With half of the cells a question reads half; with more it is not worth the work.
const GAIN_MIN: usize = 2;
/// With longer ones few lie in one slot of time, and little can be added up.
const SECS_PER_SPLIT_MAX: i64 = 5;
/// The part of a split that is read for it, about: counts, and when rows were written.
const READ_PART: u64 = 8;

impl Store {
    /// As it is done when splits are tended.
    pub(super) const fn joining(&self) -> Joining {
        Joining {
            splits: JOINED_SPLITS,
            gain_min: GAIN_MIN,
            full_bytes: self.full_bytes(),
            secs_per_split_max: SECS_PER_SPLIT_MAX,
        }
    }

    /// Writes one rollup for each so many neighbours among the log splits that were sealed one soon after another. Says for
    /// how many splits.
    pub(super) fn join_rollups(&self, joining: Joining, pace: &mut Pace<'_>) -> usize {
        let mut joined = 0;
        while !pace.must_stop() {
            let Some(run) = self.run_to_join(joining) else { break };
            let id = {
                let mut sealer = self.sealer();
                sealer.id_next += 1;
                sealer.id_next - 1
            };
            match Joint::write(&self.dir, id, &run, joining.gain_min) {
                Ok(Some(joint)) => {
                    joined += run.len();
                    let mut live = self.live_mut();
                    let mut splits = (*live.splits).clone();
                    splits.joints.push(Arc::new(joint));
                    live.splits = Arc::new(splits);
                }
                Ok(None) => self.leave_apart(&run),
                // It can wait for room.
                Err(StoreError::Full { .. }) => break,
                Err(error) => {
                    // Whatever reads them says what is wrong with them.
                    tracing::warn!(%error, "failed to add up the counts of log splits");
                    self.leave_apart(&run);
                }
            }
            pace.spend(run.iter().map(|split| split.bytes() / READ_PART).sum());
        }
        joined
    }

    fn leave_apart(&self, run: &[Arc<Split>]) {
        self.sealer().not_joined.extend(run.iter().map(|split| split.meta.id));
    }

    /// The first so many neighbours that have no joint rollup and may get one.
    fn run_to_join(&self, joining: Joining) -> Option<Vec<Arc<Split>>> {
        let not_joined = self.sealer().not_joined.clone();
        let splits = Arc::clone(&self.live().splits);
        let rollups = splits.rollups();
        let is_full = |split: &Arc<Split>| split.meta.memory_bytes >= joining.full_bytes;
        let growing = splits.of(SplitSignal::Logs).iter().rev().take_while(|split| !is_full(split));
        let settled = rollups.get(..rollups.len().saturating_sub(growing.count()))?;
        let split = |one: &RollupOf<'_>| match one {
            RollupOf::Split(split) => Some(Arc::clone(split)),
            RollupOf::Joint(..) => None,
        };
        let is_free = |split: &Arc<Split>| {
            let meta = &split.meta;
            meta.has_rows && !meta.is_cold() && !not_joined.contains(&meta.id)
        };
        settled.windows(joining.splits.max(2)).find_map(|run| {
            let (first, last) = (run.first().and_then(split)?, run.last().and_then(split)?);
            let took = last.meta.received.secs_since(first.meta.received);
            if took > joining.secs_per_split_max as f64 * run.len() as f64 {
                return None;
            }
            let run: Vec<Arc<Split>> = run.iter().map(split).collect::<Option<_>>()?;
            run.iter().all(is_free).then_some(run)
        })
    }

    /// Removes joint rollups of splits that are gone.
    pub(super) fn drop_torn_joints(&self) -> Result<(), StoreError> {
        let mut live = self.live_mut();
        let mut splits = (*live.splits).clone();
        splits.drop_torn_joints();
        let joints = splits.joints.clone();
        live.splits = Arc::new(splits);
        drop(live);
        Joint::remove_others(&self.dir, &joints)
    }
}
