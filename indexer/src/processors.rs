//! The processors of this machine, shared between the write path and questions.
//!
//! As many requests as there are processors decode and mask at once, and one more. While somebody waits for an answer it is
//! one less for each: telemetry can wait a moment in its queue, a person cannot.

use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// How many requests of the write path may be worked on.
#[derive(Debug)]
pub struct Processors {
    count: usize,
    turns: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    questions: usize,
    /// Turns that are kept from the write path.
    kept: usize,
}

impl Default for Processors {
    fn default() -> Self {
        Self::of(thread::available_parallelism().map_or(1, NonZero::get))
    }
}

impl Processors {
    fn of(count: usize) -> Self {
        Self { count, turns: Arc::new(Semaphore::new(count + 1)), state: Mutex::default() }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Keeps a processor for a question until what is returned is dropped. Nothing is interrupted: it is free as soon as a
    /// request of the write path is done with it.
    #[must_use]
    pub fn keep(self: &Arc<Self>) -> Kept {
        let mut state = self.lock();
        state.questions += 1;
        let missing = self.wanted(&state).saturating_sub(state.kept);
        state.kept += self.turns.forget_permits(missing);
        Kept(Arc::clone(self))
    }

    /// Turns that questions want: all but one processor for each, and the one that is more than there are.
    fn wanted(&self, state: &State) -> usize {
        match state.questions {
            0 => 0,
            questions => self.count + 1 - self.count.saturating_sub(questions).max(1),
        }
    }

    fn give_back(&self, permit: OwnedSemaphorePermit) {
        let mut state = self.lock();
        if state.kept < self.wanted(&state) {
            state.kept += 1;
            permit.forget();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A processor that is kept for a question.
#[derive(Debug)]
pub struct Kept(Arc<Processors>);

impl Drop for Kept {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.questions -= 1;
        let more = state.kept.saturating_sub(self.0.wanted(&state));
        state.kept -= more;
        self.0.turns.add_permits(more);
    }
}

/// A processor that work of the write path has until it ends its turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Option<Arc<Held>>);

#[derive(Debug)]
struct Held {
    processors: Arc<Processors>,
    /// One of the sender's, one of all.
    permits: Mutex<Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>>,
}

impl Turn {
    /// Waits for a processor: for one of the sender's, then for one of all.
    pub(crate) async fn among(
        own: Arc<Semaphore>,
        processors: Arc<Processors>,
    ) -> Result<Self, AcquireError> {
        let own = own.acquire_owned().await?;
        let permit = Arc::clone(&processors.turns).acquire_owned().await?;
        let permits = Mutex::new(Some((own, permit)));
        Ok(Self(Some(Arc::new(Held { processors, permits }))))
    }

    /// Lets the next one begin; at the latest that happens when the last handle is dropped.
    pub(crate) fn end(&self) {
        if let Some(held) = &self.0 {
            held.end();
        }
    }
}

impl Held {
    fn end(&self) {
        let permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_own, permit)) = permits {
            self.processors.give_back(permit);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn sender() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(9))
    }

    /// How many turns can be had at once.
    async fn free(processors: &Arc<Processors>) -> usize {
        let mut turns = Vec::new();
        while let Ok(turn) =
            timeout(Duration::from_millis(20), Turn::among(sender(), Arc::clone(processors))).await
        {
            turns.push(turn.unwrap());
        }
        turns.len()
    }

    #[tokio::test]
    async fn a_question_has_a_processor_and_the_write_path_always_one() {
        let processors = Arc::new(Processors::of(3));
        assert_eq!(free(&processors).await, 4);
        let one = processors.keep();
        assert_eq!(free(&processors).await, 2);
        let more: Vec<Kept> = (0..5).map(|_| processors.keep()).collect();
        assert_eq!(free(&processors).await, 1);
        drop(one);
        assert_eq!(free(&processors).await, 1);
        drop(more);
        assert_eq!(free(&processors).await, 4);
    }

    #[tokio::test]
    async fn what_is_at_work_ends_its_turn_first() {
        let processors = Arc::new(Processors::of(2));
        let mut turns = Vec::new();
        for _ in 0..3 {
            turns.push(Turn::among(sender(), Arc::clone(&processors)).await.unwrap());
        }
        let kept = processors.keep();
        assert_eq!(free(&processors).await, 0);
        // Ended or merely dropped, and twice counts once.
        turns[0].end();
        turns[0].end();
        drop(turns.pop());
        assert_eq!(free(&processors).await, 0);
        drop(turns);
        assert_eq!(free(&processors).await, 1);
        drop(kept);
        assert_eq!(free(&processors).await, 3);
    }
}
