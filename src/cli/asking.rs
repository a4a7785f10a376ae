//! Where questions are answered: by a running server of the data directory, or with none right here on the data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::stores;
use crate::app;
use crate::config::Settings;
use crate::investigate::answer::{Answer, AnswerEvent};
use crate::investigate::followup::{self, Thread};
use crate::investigate::question::Question;
use crate::investigate::spoken::with_spoken_times;
use crate::investigate::{Investigated, Investigator, QuestionError, RunIds, investigate};
use crate::session::{Logged, RunEvent, RunStatus};
use crate::surfaces::wire::{self, Ask, Envelope};

/// Hears every event of a run.
pub(super) type OnFrame = Arc<dyn Fn(&Envelope) + Send + Sync>;

/// Where questions are answered.
pub(super) enum Place {
    /// By a running server.
    Server(Box<Client>),
    /// In this process.
    Here(Box<Here>),
}

impl Place {
    /// The running server if there is one, else the data directory.
    pub(super) async fn find(settings: &Settings) -> Result<Self> {
        if let Some(client) = Client::connect(settings).await {
            return Ok(Self::Server(Box::new(client)));
        }
        Ok(Self::Here(Box::new(Here::on_directory(settings)?)))
    }

    /// The server's address, for links.
    pub(super) fn server(&self) -> Option<String> {
        match self {
            Self::Server(client) => Some(client.address().to_owned()),
            Self::Here(_) => None,
        }
    }

    /// Answers; `None` when it was stopped before anything was proven. Cancelling `stop` ends it with what is.
    pub(super) async fn answer(
        &mut self,
        ask: &Ask,
        question: Question,
        stop: &CancellationToken,
        on_frame: OnFrame,
    ) -> Result<Option<Answer>> {
        match self {
            Self::Here(here) => here.answer(question, stop, on_frame).await,
            Self::Server(client) => {
                let scope = json!({"services": ask.scope.services, "at": ask.scope.at,
                    "since": ask.scope.since, "as_of": ask.scope.as_of});
                let asked =
                    json!({"text": ask.text, "sid": ask.sid, "mode": ask.mode, "scope": scope});
                client.ask(asked, stop, on_frame).await
            }
        }
    }
}

/// Questions answered in this process, one conversation.
pub(super) struct Here {
    investigator: Arc<Investigator>,
    /// What the conversation is about so far.
    pub thread: Option<Thread>,
    /// Where answers are kept, so that they can be confirmed.
    kept_in: Option<Settings>,
}

impl Here {
    /// On the data directory, read-only.
    pub(super) fn on_directory(settings: &Settings) -> Result<Self> {
        let store = stores::open(settings)?;
        let investigator = app::build_investigator(settings, store)?;
        Ok(Self { investigator, thread: None, kept_in: Some(settings.clone()) })
    }

    /// On what was read for one question; nothing is kept.
    pub(super) fn on(investigator: Arc<Investigator>) -> Self {
        Self { investigator, thread: None, kept_in: None }
    }

    /// What answers.
    pub(super) const fn investigator(&self) -> &Arc<Investigator> {
        &self.investigator
    }

    /// The question with what it leaves unsaid.
    pub(super) fn resolved(&self, question: Question) -> Question {
        match &self.thread {
            Some(thread) => followup::resolve(with_spoken_times(question), thread),
            None => question,
        }
    }

    async fn answer(
        &mut self,
        question: Question,
        stop: &CancellationToken,
        on_frame: OnFrame,
    ) -> Result<Option<Answer>> {
        let question = self.resolved(question);
        let ids = RunIds::random();
        let emit = {
            let (ids, on_frame, sequence) = (ids.clone(), Arc::clone(&on_frame), AtomicU64::new(1));
            Arc::new(move |event: AnswerEvent| {
                let seq = sequence.fetch_add(1, Ordering::Relaxed);
                let event = RunEvent::Progress {
                    run_id: ids.run_id.clone(),
                    answer_id: ids.answer_id.clone(),
                    event: Box::new(event),
                };
                on_frame(&wire::frame("cli", &Logged { seq, event }));
            })
        };
        let run_id = ids.run_id.clone();
        let asked = question.clone();
        let outcome = investigate(&self.investigator, question, ids, stop.clone(), emit).await;
        let status = if stop.is_cancelled() { RunStatus::Cancelled } else { RunStatus::Done };
        let finished = RunEvent::Finished { run_id, status, error: None };
        let answer = match outcome {
            Ok(investigated) => {
                self.thread = Some(Thread::after(&asked, &investigated.answer));
                self.keep(&investigated);
                Some(investigated.answer)
            }
            Err(QuestionError::Cancelled) => None,
            Err(error) => return Err(error.into()),
        };
        on_frame(&wire::frame("cli", &Logged { seq: u64::MAX, event: finished }));
        Ok(answer)
    }

    /// Stores the answer, so that it can be confirmed. One that cannot be stored is still given.
    fn keep(&self, investigated: &Investigated) {
        let Some(settings) = &self.kept_in else { return };
        let stored =
            serde_json::to_string(investigated).map_err(anyhow::Error::from).and_then(|json| {
                let state = app::open_state(settings)?;
                let now = SystemClock.now();
                Ok(state.put_answer(&investigated.answer.answer_id, "cli", now, &json)?)
            });
        if let Err(error) = stored {
            tracing::info!(%error, "the answer could not be stored, so it cannot be confirmed later");
        }
    }
}
