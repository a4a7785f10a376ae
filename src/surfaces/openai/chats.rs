//! Which conversation a chat is, and listening to the run that answers it.
//!
//! Clients name no conversation; they send all of it every time. A chat is known by its first question and the first
//! answer, which no other chat has got. One that is not known, after a restart say, goes on with its last question.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use groundcrew_telemetry::Timestamp;

use super::refusal::Refusal;
use super::request::{Chat, Turn};
use crate::investigate::answer::{Answer, AnswerEvent, StepStatus};
use crate::investigate::followup::{self, Thread};
use crate::investigate::question::Question;
use crate::investigate::spoken::with_spoken_times;
use crate::session::{Conversation, RunEvent, RunStatus, Sessions, Tail};

/// Chats whose conversation is known; the oldest is forgotten first.
const CHATS_MAX: usize = 2_000;

/// All chats.
pub(super) struct Chats {
    sessions: Sessions,
    known: Mutex<Known>,
}

/// The conversations by the key of their chat, and the keys by age.
#[derive(Default)]
struct Known {
    conversations: BTreeMap<String, String>,
    order: VecDeque<String>,
}

impl Chats {
    /// No chats yet.
    pub(super) fn new(sessions: Sessions) -> Self {
        Self { sessions, known: Mutex::default() }
    }

    /// The present.
    pub(super) fn now(&self) -> Timestamp {
        self.sessions.now()
    }

    /// Starts the investigation of a chat's question.
    pub(super) fn ask(&self, chat: &Chat) -> Result<Listening, Refusal> {
        let now = self.now();
        let known = key(&chat.earlier)
            .and_then(|key| self.lock().conversations.get(&key).cloned())
            .and_then(|id| self.sessions.get(&id));
        let mut question = Question::new(chat.asked.clone(), now);
        question.budget.deep = chat.is_deep();
        let conversation = match known {
            Some(conversation) => conversation,
            None => {
                question = after_last(question, &chat.earlier);
                self.sessions.open(None).map_err(|error| Refusal::not_taken(&error))?
            }
        };
        let seq = conversation.seq();
        let ask_id = uuid::Uuid::new_v4().simple().to_string();
        let ids = self
            .sessions
            .ask(&conversation, &ask_id, question)
            .map_err(|error| Refusal::not_taken(&error))?;
        Ok(Listening { conversation, run_id: ids.run_id, seq })
    }

    /// Keeps which conversation the chat is that goes on from this answer.
    pub(super) fn remember(&self, chat: &Chat, answer: &str, conversation: &str) {
        let mut turns = chat.earlier.clone();
        turns.push(Turn { by_user: true, text: chat.asked.clone() });
        turns.push(Turn { by_user: false, text: answer.to_owned() });
        let Some(key) = key(&turns) else { return };
        let mut known = self.lock();
        if known.conversations.insert(key.clone(), conversation.to_owned()).is_none() {
            known.order.push_back(key);
        }
        if known.order.len() > CHATS_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.conversations.remove(&oldest);
        }
    }

    /// Every change to it is a whole one, so a panic elsewhere cannot have torn it.
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a chat is known by: its first question and the first answer to it; `None` when it has none yet.
fn key(turns: &[Turn]) -> Option<String> {
    let answered = turns.iter().position(|turn| !turn.by_user && !turn.text.trim().is_empty())?;
    let mut hasher = blake3::Hasher::new();
    for turn in turns.get(..=answered)? {
        // Clients trim and wrap what they keep.
        for word in turn.text.split_whitespace() {
            hasher.update(word.as_bytes());
            hasher.update(b" ");
        }
        hasher.update(b"\n");
    }
    Some(hasher.finalize().to_hex().to_string())
}

/// The question as one that follows the last of the user's earlier ones.
fn after_last(question: Question, earlier: &[Turn]) -> Question {
    match earlier.iter().rfind(|turn| turn.by_user && !turn.text.trim().is_empty()) {
        Some(last) => {
            let before = with_spoken_times(Question::new(last.text.clone(), question.at));
            followup::resolve(with_spoken_times(question), &Thread::of_question(&before))
        }
        None => question,
    }
}

/// Listens to one run; the run is cancelled when nobody listens any more.
pub(super) struct Listening {
    conversation: Arc<Conversation>,
    run_id: String,
    seq: u64,
}

impl Listening {
    /// The conversation's id.
    pub(super) fn conversation(&self) -> &str {
        &self.conversation.id
    }

    /// The last answer of the run, once it has ended; `on_step` hears what is done on the way, a line each.
    pub(super) async fn answer(&mut self, on_step: impl Fn(String)) -> Result<Answer, Refusal> {
        let mut latest: Option<Answer> = None;
        while let Some(tail) = self.conversation.after(self.seq).await {
            let events = match tail {
                Tail::Events(events) => events,
                // So much has happened since that its end may be among what is gone.
                Tail::Snapshot { seq, answers } => {
                    self.seq = seq;
                    match answers.into_iter().find(|answer| answer.run_id == self.run_id) {
                        Some(answer) => return Ok(answer),
                        None => continue,
                    }
                }
            };
            self.seq = events.last().map_or(self.seq, |logged| logged.seq);
            for logged in events {
                match logged.event {
                    RunEvent::Finished { run_id, status, error } if run_id == self.run_id => {
                        return latest.ok_or_else(|| Refusal::no_answer(status, error));
                    }
                    RunEvent::Progress { run_id, event, .. } if run_id == self.run_id => {
                        hear(*event, &mut latest, &on_step);
                    }
                    _ => {}
                }
            }
        }
        latest.ok_or_else(|| Refusal::no_answer(RunStatus::Failed, None))
    }
}

/// Keeps an answer, and tells a step that is done.
fn hear(event: AnswerEvent, latest: &mut Option<Answer>, on_step: &impl Fn(String)) {
    match event {
        AnswerEvent::Answer(answer) => *latest = Some(*answer),
        AnswerEvent::Step(step) if step.status == StepStatus::Complete => {
            on_step(step.title.replace(char::is_control, " "));
        }
        _ => {}
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A run that has ended cannot be cancelled, and need not be.
        if self.conversation.cancel(&self.run_id) {
            tracing::debug!(run_id = self.run_id, "the client hung up");
        }
    }
}
