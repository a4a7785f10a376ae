//! All conversations of this server, the limit on questions at a time, and the task that runs each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use groundcrew_telemetry::{Clock, Timestamp};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::conversation::{Conversation, RunEvent, RunStatus};
use crate::investigate::context::PRIVATE;
use crate::investigate::followup::{self, Thread};
use crate::investigate::question::Question;
use crate::investigate::spoken::with_spoken_times;
use crate::investigate::{Investigated, Investigator, QuestionError, RunIds, investigate};

/// Conversations kept in memory; the one that was quiet longest goes first.
const CONVERSATIONS_MAX: usize = 2_000;
/// And no more bytes of them, about. Their answers are stored, so what goes is who asked what in one breath.
const CONVERSATIONS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Longest id of a conversation or question, in bytes.
const ID_BYTES_MAX: usize = 64;

/// A question that was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AskError {
    /// Too many are being answered.
    #[error("{0} questions are being answered already; ask again in a few seconds")]
    Busy(usize),
    /// The server is going down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// An id is not one.
    #[error(
        "`{0}` must be 1 to {ID_BYTES_MAX} letters, digits, `-` or `_`, and not begin with `{PRIVATE}`"
    )]
    BadId(&'static str),
}

/// Limits and names that sessions are made with.
pub struct SessionsOptions {
    /// Answers questions.
    pub investigator: Arc<Investigator>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Questions answered at the same time.
    pub questions_max: usize,
    /// Cancelled when the server goes down.
    pub shutdown: CancellationToken,
}

/// All conversations. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    options: SessionsOptions,
    conversations: Mutex<BTreeMap<String, Arc<Conversation>>>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Sessions {
    /// No conversations yet.
    #[must_use]
    pub fn new(options: SessionsOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.questions_max.max(1)));
        let inner =
            Inner { options, conversations: Mutex::default(), permits, tasks: TaskTracker::new() };
        Self { inner: Arc::new(inner) }
    }

    /// The present as this server sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.options.clock.now()
    }

    /// What answers the questions.
    #[must_use]
    pub fn investigator(&self) -> &Arc<Investigator> {
        &self.inner.options.investigator
    }

    /// The conversation with this id, if it is in memory and anybody may join it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Conversation>> {
        self.get_private(id).filter(|_| !id.starts_with(PRIVATE))
    }

    /// The conversation with this id, if it is in memory, for whoever holds it.
    #[must_use]
    pub fn get_private(&self, id: &str) -> Option<Arc<Conversation>> {
        self.inner.conversations.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The conversation with this id, opened if need be; a new one without an id.
    ///
    /// # Errors
    /// When the id is not one, or one of a conversation that not anybody may join.
    pub fn open(&self, id: Option<&str>) -> Result<Arc<Conversation>, AskError> {
        match id {
            Some(id) if id.starts_with(PRIVATE) => Err(AskError::BadId("sid")),
            id => self.open_private(id),
        }
    }

    /// As [`Sessions::open`], for whoever holds it.
    ///
    /// # Errors
    /// When the id is not one.
    pub fn open_private(&self, id: Option<&str>) -> Result<Arc<Conversation>, AskError> {
        let id = match id {
            Some(id) if is_id(id) => id.to_owned(),
            Some(_) => return Err(AskError::BadId("sid")),
            None => format!("c_{}", uuid::Uuid::new_v4().simple()),
        };
        let mut conversations =
            self.inner.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = conversations.get(&id) {
            return Ok(Arc::clone(known));
        }
        make_room(&mut conversations);
        if conversations.len() >= CONVERSATIONS_MAX {
            return Err(AskError::Busy(CONVERSATIONS_MAX));
        }
        let conversation = Arc::new(Conversation::new(id.clone(), self.now()));
        conversations.insert(id, Arc::clone(&conversation));
        Ok(conversation)
    }

    /// Lets a conversation in which nothing was asked yet go on from where another stands.
    pub fn go_on_from(&self, id: &str, other: &str) {
        let Ok(conversation) = self.open_private(Some(id)) else { return };
        let thread = self.get(other).and_then(|other| other.thread());
        if let Some(thread) = thread.filter(|_| conversation.thread().is_none()) {
            conversation.set_thread(thread);
        }
    }

    /// Takes a question; the run goes on whoever listens. The same `ask_id` again is the same run.
    ///
    /// # Errors
    /// When too many questions are being answered, or the server is going down.
    pub fn ask(
        &self,
        conversation: &Arc<Conversation>,
        ask_id: &str,
        question: Question,
    ) -> Result<RunIds, AskError> {
        self.ask_as(conversation, ask_id, question, RunIds::random())
    }

    /// As [`Sessions::ask`], under names that were given before.
    ///
    /// # Errors
    /// As [`Sessions::ask`].
    pub fn ask_as(
        &self,
        conversation: &Arc<Conversation>,
        ask_id: &str,
        question: Question,
        ids: RunIds,
    ) -> Result<RunIds, AskError> {
        if !is_id(ask_id) {
            return Err(AskError::BadId("ask_id"));
        }
        if self.inner.options.shutdown.is_cancelled() {
            return Err(AskError::ShuttingDown);
        }
        let (ids, token) = conversation.begin(ask_id, ids, self.now());
        let Some(token) = token else { return Ok(ids) };
        let question = in_conversation(conversation, question);
        conversation.asked(&ids.run_id, &question);
        let Ok(permit) = Arc::clone(&self.inner.permits).try_acquire_owned() else {
            conversation.forget(ask_id);
            return Err(AskError::Busy(self.inner.options.questions_max));
        };
        let run = Run {
            sessions: self.clone(),
            conversation: Arc::clone(conversation),
            ids: ids.clone(),
            permit,
        };
        let model = self.investigator().model.as_ref().map(|model| model.name().to_owned());
        conversation.push(RunEvent::Started {
            run_id: ids.run_id.clone(),
            ask_id: ask_id.to_owned(),
            model,
        });
        self.inner.tasks.spawn(run.run(question, token));
        Ok(ids)
    }

    /// Waits until every run has ended.
    pub async fn drained(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

struct Run {
    sessions: Sessions,
    conversation: Arc<Conversation>,
    ids: RunIds,
    permit: OwnedSemaphorePermit,
}

impl Run {
    async fn run(self, question: Question, cancel: CancellationToken) {
        let (conversation, ids) = (Arc::clone(&self.conversation), self.ids.clone());
        let emit = Arc::new(move |event| {
            conversation.push(RunEvent::Progress {
                run_id: ids.run_id.clone(),
                answer_id: ids.answer_id.clone(),
                event: Box::new(event),
            });
        });
        let investigator = self.sessions.investigator();
        let asked = question.clone();
        let outcome =
            investigate(investigator, question, self.ids.clone(), cancel.clone(), emit).await;
        let stopped = if self.conversation.is_superseded(&self.ids.run_id) {
            RunStatus::Superseded
        } else {
            RunStatus::Cancelled
        };
        let (status, error) = match outcome {
            Ok(investigated) => {
                self.conversation.set_thread(Thread::after(&asked, &investigated.answer));
                self.remember(investigated).await;
                (if cancel.is_cancelled() { stopped } else { RunStatus::Done }, None)
            }
            Err(QuestionError::Cancelled) => (stopped, None),
            Err(error) => {
                let code =
                    if matches!(error, QuestionError::Bug(_)) { "bug" } else { "bad_question" };
                (RunStatus::Failed, Some((code.to_owned(), error.to_string())))
            }
        };
        self.conversation.push(RunEvent::Finished {
            run_id: self.ids.run_id.clone(),
            status,
            error,
        });
        drop(self.permit);
    }

    /// Stores the answer, so that its permalinks open after a restart. An answer that cannot be stored is still given.
    async fn remember(&self, investigated: Investigated) {
        let store = Arc::clone(&self.sessions.investigator().store);
        let (conversation, now) = (self.conversation.id.clone(), self.sessions.now());
        let stored = tokio::task::spawn_blocking(move || {
            let json = serde_json::to_string(&investigated).map_err(|error| error.to_string())?;
            store
                .state()
                .put_answer(&investigated.answer.answer_id, &conversation, now, &json)
                .map_err(|error| error.to_string())
        });
        match stored.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error,
                "failed to store an answer; its links will not open after a restart"
            ),
            Err(error) => tracing::error!(%error, "the task that stores answers died"),
        }
    }
}

/// Lets those go that were quiet longest, until there is room for one more.
fn make_room(conversations: &mut BTreeMap<String, Arc<Conversation>>) {
    let mut bytes: usize = conversations.values().map(|conversation| conversation.bytes()).sum();
    while conversations.len() >= CONVERSATIONS_MAX || bytes > CONVERSATIONS_BYTES_MAX {
        let quiet = conversations.iter().filter(|(_, conversation)| !conversation.activity().0);
        let oldest = quiet.min_by_key(|(_, conversation)| conversation.activity().1);
        let Some(oldest) = oldest.map(|(id, _)| id.clone()) else { return };
        let gone = conversations.remove(&oldest);
        bytes -= gone.map_or(0, |gone| gone.bytes()).min(bytes);
    }
}

/// The question in its conversation: one that steers replaces the one that runs, one that follows takes from the one
/// before what it leaves unsaid.
fn in_conversation(conversation: &Conversation, question: Question) -> Question {
    if question.steers
        && let Some(running) = conversation.supersede()
    {
        return followup::steer(&running, question);
    }
    match conversation.thread() {
        Some(thread) => followup::resolve(with_spoken_times(question), &thread),
        None => question,
    }
}

fn is_id(id: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::super::conversation::tests::answered;
    use super::*;

    #[test]
    fn the_conversations_that_were_quiet_longest_make_room() {
        let at = |number: i64| Timestamp::from_secs(1_790_000_000 + number);
        let mut conversations = BTreeMap::new();
        for number in 0..100 {
            let id = format!("c{number:03}");
            let conversation = Conversation::new(id.clone(), at(number));
            conversation.push(answered(&id, 400_000));
            conversations.insert(id, Arc::new(conversation));
        }
        // Somebody waits for an answer in the oldest.
        conversations["c000"].begin("ask", RunIds::random(), at(0));
        make_room(&mut conversations);
        let bytes: usize = conversations.values().map(|one| one.bytes()).sum();
        assert!(bytes <= CONVERSATIONS_BYTES_MAX, "{bytes}");
        assert!(bytes + 1_000_000 > CONVERSATIONS_BYTES_MAX, "{bytes}");
        assert!(conversations.contains_key("c000") && !conversations.contains_key("c001"));
        assert!(conversations.contains_key("c099"));
        let left = conversations.len();
        make_room(&mut conversations);
        assert_eq!(conversations.len(), left);
    }
}
