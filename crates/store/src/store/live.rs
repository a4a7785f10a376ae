//! What readers see: the memory being filled, memories being sealed, and the splits; swapped under one lock, so that
//! a row is in exactly one of them at any time.

use std::sync::Arc;

use crate::ledger::{Entry, Ledger};
use crate::memory::{Memory, Prepared};
use crate::split::SplitSet;
use crate::{Dropped, StoreError};

/// A full memory that waits to be sealed or is being sealed.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub(crate) memory: Arc<Memory>,
    /// Everything in it came from write-ahead log segments below this one.
    pub(crate) wal_floor: u64,
}

/// The store's content.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) active: Memory,
    /// Oldest first.
    pub(crate) frozen: Vec<Frozen>,
    pub(crate) splits: Arc<SplitSet>,
    pub(crate) ledger: Ledger,
    /// What retention has dropped.
    pub(crate) dropped: Dropped,
}

impl Live {
    /// Puts a prepared batch in place.
    pub(crate) fn apply(&mut self, prepared: Prepared) -> Result<(), StoreError> {
        match prepared {
            Prepared::Logs(portion) => self.active.add_logs(portion),
            Prepared::Spans(portion) => self.active.add_spans(portion),
            Prepared::Metrics(origin, series) => self.active.add_metrics(&origin, series),
            Prepared::Changes(changes) => {
                for change in changes {
                    self.note(Entry::Change(Arc::new(change)))?;
                }
            }
            Prepared::Alerts(alerts) => {
                for alert in alerts {
                    self.note(Entry::Alert(Arc::new(alert)))?;
                }
            }
            Prepared::Cluster(snapshots) => {
                for snapshot in snapshots {
                    self.note(Entry::Cluster(Arc::new(snapshot)))?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, entry: Entry) -> Result<(), StoreError> {
        let bytes = self.ledger.add(entry)?;
        self.active.add_bytes(bytes);
        Ok(())
    }

    /// The memories, oldest first.
    pub(crate) fn memories(&self) -> impl Iterator<Item = &Memory> {
        self.frozen.iter().map(|frozen| &*frozen.memory).chain([&self.active])
    }
}
