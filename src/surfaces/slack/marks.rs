//! What must be known after a restart, and by every server of the same app: who took an event, which threads asked us,
//! which message tells which answer, and which answers are still owed.

use std::sync::Arc;

use groundcrew_store::{StateDb, StoreError};
use groundcrew_telemetry::Timestamp;

use crate::session::Sessions;

/// How long an event is known, so that it is handled once: Slack sends again for an hour or so.
const EVENT_SECS: i64 = 24 * 3_600;
/// How long a thread in which we were asked goes on without a mention.
const THREAD_SECS: i64 = 30 * 24 * 3_600;
/// How long a sign to stop is looked at.
const STOP_SECS: i64 = 600;
/// How long an answer is owed before it is old news.
const OWED_SECS: i64 = 3_600;

/// The marks. Cheap to clone.
#[derive(Clone)]
pub(super) struct Marks {
    sessions: Sessions,
    /// The database that several servers share; `None` for this server's own.
    shared: Option<Arc<StateDb>>,
}

impl Marks {
    pub(super) const fn new(sessions: Sessions, shared: Option<Arc<StateDb>>) -> Self {
        Self { sessions, shared }
    }

    /// Takes an event by its names; false when another took it. Where the database cannot be written it is taken: an
    /// event handled twice is better than one that is lost.
    pub(super) async fn claim(&self, names: &[String]) -> bool {
        if names.is_empty() {
            return true;
        }
        let names: Vec<String> = names.iter().map(|name| format!("slack:{name}")).collect();
        let claimed = self
            .on(true, move |state, now| state.claim_marks(&names, now, now.plus_secs(EVENT_SECS)));
        claimed.await.unwrap_or(true)
    }

    /// From now on what is said in this thread is said to us.
    pub(super) async fn join(&self, conversation: &str) {
        self.put(format!("slack:thread:{conversation}"), String::new(), THREAD_SECS).await;
    }

    /// Whether we were asked in this thread.
    pub(super) async fn has_joined(&self, conversation: &str) -> bool {
        self.get(format!("slack:thread:{conversation}")).await.is_some()
    }

    /// Whatever runs in this thread is to stop, on whichever server it runs.
    pub(super) async fn stop(&self, conversation: &str) {
        let now = self.sessions.now().nanos().to_string();
        self.put(format!("slack:stop:{conversation}"), now, STOP_SECS).await;
    }

    /// Whether that was said after `began`. Other servers are asked about nothing when there are none.
    pub(super) async fn is_stopped(&self, conversation: &str, began: Timestamp) -> bool {
        if self.shared.is_none() {
            return false;
        }
        let said = self.get(format!("slack:stop:{conversation}")).await;
        said.and_then(|nanos| nanos.parse().ok()).is_some_and(|nanos: i64| nanos >= began.nanos())
    }

    /// This message tells that answer.
    pub(super) async fn tells(&self, channel: &str, ts: &str, answer_id: &str) {
        let key = format!("slack:answer:{channel}:{ts}");
        self.put(key, answer_id.to_owned(), THREAD_SECS).await;
        self.put(format!("slack:asked-in:{answer_id}"), channel.to_owned(), THREAD_SECS).await;
    }

    /// The answer that this message tells.
    pub(super) async fn told_by(&self, channel: &str, ts: &str) -> Option<String> {
        self.get(format!("slack:answer:{channel}:{ts}")).await
    }

    /// This message of a channel tells the incident that answer is about.
    pub(super) async fn tells_incident(&self, channel: &str, ts: &str, answer_id: &str) {
        self.tells(channel, ts, answer_id).await;
        let key = format!("slack:incident:{answer_id}:{channel}");
        self.put(key, ts.to_owned(), THREAD_SECS).await;
    }

    /// The message of a channel that tells the incident that answer is about.
    pub(super) async fn message_of(&self, channel: &str, answer_id: &str) -> Option<String> {
        self.get(format!("slack:incident:{answer_id}:{channel}")).await
    }

    /// The channel in which an answer was asked for.
    pub(super) async fn asked_in(&self, answer_id: &str) -> Option<String> {
        self.get(format!("slack:asked-in:{answer_id}")).await
    }

    /// An answer is owed by this server; `debt` says where.
    pub(super) async fn owe(&self, run_id: &str, debt: String) {
        let key = format!("slack:owed:{run_id}");
        self.on(false, move |state, now| {
            state.put_mark(&key, &debt, (now, now.plus_secs(OWED_SECS)))
        })
        .await;
    }

    /// It has been given.
    pub(super) async fn settle(&self, run_id: &str) {
        let key = format!("slack:owed:{run_id}");
        self.on(false, move |state, _| state.remove_mark(&key)).await;
    }

    /// What an earlier life of this server owed: run and debt.
    pub(super) async fn owed(&self) -> Vec<(String, String)> {
        const START: &str = "slack:owed:";
        let owed = self.on(false, |state, now| state.marks(START, now)).await.unwrap_or_default();
        let run = |key: String| key.strip_prefix(START).unwrap_or(&key).to_owned();
        owed.into_iter().map(|(key, debt)| (run(key), debt)).collect()
    }

    async fn put(&self, key: String, value: String, seconds: i64) {
        self.on(true, move |state, now| {
            state.put_mark(&key, &value, (now, now.plus_secs(seconds)))
        })
        .await;
    }

    async fn get(&self, key: String) -> Option<String> {
        self.on(true, move |state, now| state.mark(&key, now)).await.flatten()
    }

    /// Runs a blocking call off the runtime; `None`, and a line in the log, when it fails.
    async fn on<T: Send + 'static>(
        &self,
        shared: bool,
        work: impl FnOnce(&StateDb, Timestamp) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        let (sessions, common) = (self.sessions.clone(), self.shared.clone());
        let done = tokio::task::spawn_blocking(move || {
            let own = Arc::clone(&sessions.investigator().store);
            let state = match &common {
                Some(common) if shared => common.as_ref(),
                _ => own.state(),
            };
            work(state, sessions.now())
        });
        match done.await {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                tracing::warn!(%error, "Slack's marks cannot be kept; events may be handled twice");
                None
            }
            Err(error) => {
                tracing::error!(%error, "the task that keeps Slack's marks died");
                None
            }
        }
    }
}
