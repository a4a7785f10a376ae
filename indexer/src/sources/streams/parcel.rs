//! Messages that are stored together, with which messages they are; and what is said of those that cannot be read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use groundcrew_masking::Masker;
use groundcrew_store::StreamPart;
use groundcrew_telemetry::Batch;

use super::format::Topic;
use crate::intake::{Accepted, Intake};
use crate::sources::serving::Serving;
use crate::stages::decode::Rejections;

/// Messages are gathered up to about so many bytes.
pub(super) const PARCEL_BYTES: usize = 4 << 20;
/// Decoding turns a message into about this many times its bytes while it is being worked on.
const WORKING_FACTOR: usize = 3;
/// What a message takes beside its bytes.
const MESSAGE_BYTES: usize = 256;
/// Wait before a parcel is tried again that the store refused for another reason than being busy.
const AGAIN: Duration = Duration::from_secs(10);
/// The same is said at most this often.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// What is shown of a reason.
const REASON_CHARS: usize = 300;

/// A message as it came.
#[derive(Debug)]
pub(super) struct Message {
    /// Where from, and so what it holds.
    pub(super) topic: Topic,
    pub(super) payload: Bytes,
}

/// Messages that go into one append.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    pub(super) messages: Vec<Message>,
    /// Which messages of which streams they are.
    pub(super) parts: Vec<StreamPart>,
}

impl Parcel {
    /// Stores the messages; they are on disk when this returns something. Waits while the intake is busy, and tries again
    /// and again where the store fails; `None` when the time after a shutdown is up first.
    ///
    /// A message that cannot be read is left out and said.
    pub(super) async fn store(self, serving: &Serving, troubles: &Troubles) -> Option<Accepted> {
        let parcel = Arc::new(self);
        loop {
            let unread = Arc::new(Mutex::new(Rejections::default()));
            let (of_worker, messages) = (Arc::clone(&unread), Arc::clone(&parcel));
            let decode = Arc::new(move |intake: &Intake| {
                let (batches, rejected) = decode(&messages.messages, intake);
                *of_worker.lock().unwrap_or_else(PoisonError::into_inner) = rejected;
                batches
            });
            match serving.deliver_parts(parcel.working_bytes(), decode, &parcel.parts).await {
                Ok(accepted) => {
                    let mut rejected = unread.lock().unwrap_or_else(PoisonError::into_inner);
                    if accepted.withheld > 0 {
                        rejected.add(format!(
                            "withheld {} that could not be masked",
                            accepted.withheld
                        ));
                    }
                    if let Some(reasons) = rejected.message() {
                        troubles.say(&format!("some of what came was left out: {reasons}"));
                    }
                    return Some(accepted);
                }
                Err(refused) if serving.over.is_cancelled() => {
                    tracing::warn!(reason = %refused, "messages were not stored before the end; they are delivered again");
                    return None;
                }
                Err(refused) => troubles.say(&format!("messages wait to be stored: {refused}")),
            }
            serving.over.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
        }
    }

    fn working_bytes(&self) -> usize {
        let bytes = |message: &Message| message.payload.len() * WORKING_FACTOR + MESSAGE_BYTES;
        self.messages.iter().map(bytes).sum()
    }
}

fn decode(messages: &[Message], intake: &Intake) -> (Vec<Batch>, Rejections) {
    let mut batches = Vec::new();
    let mut rejected = Rejections::default();
    for Message { topic, payload } in messages {
        match topic.format.decode(&topic.name, payload, intake.now()) {
            Ok(decoded) => {
                rejected.merge(decoded.rejected);
                batches.extend(decoded.batches);
            }
            Err(refusal) => rejected.add(format!("a message of {}: {refusal}", topic.name)),
        }
    }
    (batches, rejected)
}

/// Says what is wrong with a source, masked, and not too often.
pub(super) struct Troubles {
    /// What the source is, for a person.
    source: String,
    intake: Intake,
    state: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    at: Option<Instant>,
    unsaid: u64,
}

impl Troubles {
    pub(super) fn new(source: String, intake: Intake) -> Self {
        Self { source, intake, state: Mutex::default() }
    }

    /// Says it, unless something was said within the last minute: then it is counted and told with the next.
    pub(super) fn say(&self, what: &str) {
        let mut said = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if said.at.is_some_and(|at| at.elapsed() < SAY_EVERY) {
            said.unsaid += 1;
            return;
        }
        let unsaid = std::mem::take(&mut said.unsaid);
        said.at = Some(Instant::now());
        drop(said);
        tracing::warn!(source = self.source, unsaid, "{}", shown(self.intake.masker(), what));
    }
}

/// A reason as it may be shown: it may quote what strangers wrote.
fn shown(masker: &Masker, what: &str) -> String {
    let plain: String =
        what.chars().take(REASON_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    match masker.mask_text(&plain) {
        Ok(masked) => masked.into_inner(),
        Err(_) => "a reason that could not be masked".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_masked_and_bounded_and_says_nothing_to_a_terminal() {
        let what = format!("bad \u{1b}[31m value of a@example.com {}", "x".repeat(1_000));
        let shown = shown(&Masker::new(), &what);
        assert!(shown.contains("[email]") && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.len() <= REASON_CHARS);
    }
}
