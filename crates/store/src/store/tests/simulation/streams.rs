//! What comes as messages of a stream: which of them are stored is known as long as they may be delivered again.

use super::{LATE_MAX, Model, Run};
use crate::{Durability, StoreError, StreamName, StreamPart};

impl Run {
    /// Whether what must be durable comes as messages of a stream, instead of requests.
    pub(super) fn has_stream(&self) -> bool {
        self.seed % 11 == 5
    }

    pub(super) fn store_message(&mut self, number: u64) -> Result<(), StoreError> {
        let part = StreamPart {
            stream: StreamName::of(&["test"]),
            messages: std::iter::once(number..number + 1).collect(),
            // Older ones are not delivered again.
            settled: number.saturating_sub(LATE_MAX as u64),
        };
        let batches = vec![self.batch(number)];
        let stored = self.store().append_streamed(batches, Durability::Synced, vec![part]);
        if stored.is_ok() {
            self.streamed.insert(number);
        }
        stored
    }

    /// Delivers a message of the stream of late once more, as a broker does that did not learn that it was stored.
    pub(super) fn deliver_again(&mut self, number: u64) {
        let is_held = self.store().holds_message(&StreamName::of(&["test"]), number);
        let Model { has_rot, has_aged, .. } = self.model;
        let is_known = is_held || has_rot || !self.streamed.contains(&number);
        assert!(is_known, "seed {}: {number} is stored and not known", self.seed);
        let is_there = self.visible().contains(&number);
        assert!(!is_held || is_there || has_rot || has_aged, "seed {}: {number}", self.seed);
        if is_held || is_there {
            return;
        }
        let outcome = if self.store_message(number).is_ok() {
            self.model.uncertain.remove(&number);
            &mut self.model.acknowledged
        } else {
            &mut self.model.uncertain
        };
        outcome.insert(number);
    }
}
