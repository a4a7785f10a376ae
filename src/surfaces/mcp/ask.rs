//! `investigate`: a question becomes a run; its steps are progress, its answer the result.

use std::sync::Arc;
use std::time::Duration;

use groundcrew_telemetry::Timestamp;
use rmcp::RoleServer;
use rmcp::model::ProgressNotificationParam;
use rmcp::service::RequestContext;

use super::answer;
use super::arguments::{Investigate, Mode};
use super::desk::Desk;
use super::incident;
use super::said::{Said, Wrong};
use crate::investigate::answer::{Answer, AnswerEvent, StepStatus};
use crate::investigate::question::Question;
use crate::session::{AskError, Conversation, Logged, RunEvent, Sessions, Tail};

/// Asks and waits for the last answer; a cancelled request cancels the run.
pub(super) async fn investigate(
    desk: &Desk,
    given: Investigate,
    context: &RequestContext<RoleServer>,
) -> Result<(Said, Sessions), Wrong> {
    let sessions = desk.sessions().await?;
    let question = question(desk, given, sessions.now()).await?;
    let conversation = sessions.open(None).map_err(refused)?;
    let ask_id = uuid::Uuid::new_v4().simple().to_string();
    let run = sessions.ask(&conversation, &ask_id, question).map_err(refused)?.run_id;
    let mut reader = Reader { conversation, run, seq: 0, steps: 0, latest: None };
    tokio::select! {
        answer = reader.answer(context) => Ok((answer::said(&answer?), sessions)),
        () = context.ct.cancelled() => {
            let stopped = reader.conversation.cancel(&reader.run);
            tracing::debug!(run = reader.run, stopped, "an investigation was cancelled");
            Err(Wrong::new("the request was cancelled", "ask again"))
        }
    }
}

/// The question as it is asked: its time and services given, or those of an earlier incident.
async fn question(desk: &Desk, given: Investigate, now: Timestamp) -> Result<Question, Wrong> {
    let mut question = Question::new(given.question, now);
    question.budget.deep = given.mode == Some(Mode::Deep);
    if let Some(code) = given.incident {
        let found = desk.read(move |from, _| incident::find(from.store.state(), &code)).await?;
        if let Some(earlier) = found.answer {
            (question.at, question.at_given) = (earlier.to, true);
            question.since = length(earlier.from, earlier.to);
            question.services = earlier.scope;
        }
    }
    question.services.extend(given.service);
    let from = given.from.map(|text| time("from", &text)).transpose()?;
    if let Some(to) = given.to.map(|text| time("to", &text)).transpose()? {
        (question.at, question.at_given) = (to, true);
    }
    if let Some(from) = from {
        let since = length(from, question.at);
        question.since = Some(since.ok_or_else(|| {
            Wrong::new("`from` must lie before `to`", "without `to` the clock is now")
        })?);
    }
    Ok(question)
}

fn time(name: &str, text: &str) -> Result<Timestamp, Wrong> {
    Timestamp::parse(text).ok_or_else(|| {
        Wrong::new(format!("`{name}` is not a time"), "write it as 2026-11-22T03:12:00Z")
    })
}

fn length(from: Timestamp, to: Timestamp) -> Option<Duration> {
    let nanos = u64::try_from(to.nanos_since(from)).ok().filter(|nanos| *nanos > 0);
    nanos.map(Duration::from_nanos)
}

fn refused(error: AskError) -> Wrong {
    Wrong::new(error.to_string(), "ask again in a few seconds")
}

/// Reads the events of one run.
struct Reader {
    conversation: Arc<Conversation>,
    run: String,
    seq: u64,
    steps: u32,
    latest: Option<Answer>,
}

impl Reader {
    /// The last answer, once the run has ended.
    async fn answer(&mut self, context: &RequestContext<RoleServer>) -> Result<Answer, Wrong> {
        let mut newest = self.conversation.watch();
        loop {
            newest.borrow_and_update();
            let tail = self.conversation.tail(self.seq);
            if let Some(ended) = self.read(tail, context).await {
                return ended;
            }
            if newest.changed().await.is_err() {
                return self.ended(None);
            }
        }
    }

    /// Reads what is new; the answer when the run has ended.
    async fn read(
        &mut self,
        tail: Tail,
        context: &RequestContext<RoleServer>,
    ) -> Option<Result<Answer, Wrong>> {
        let events = match tail {
            Tail::Events(events) => events,
            Tail::Snapshot { seq, answers } => {
                self.seq = seq;
                self.latest = answers.into_iter().next_back().or(self.latest.take());
                return None;
            }
        };
        for Logged { seq, event } in events {
            self.seq = seq;
            if let Some(ended) = self.take(event, context).await {
                return Some(ended);
            }
        }
        None
    }

    /// Takes an event; the answer when it was the last one.
    async fn take(
        &mut self,
        event: RunEvent,
        context: &RequestContext<RoleServer>,
    ) -> Option<Result<Answer, Wrong>> {
        match event {
            RunEvent::Started { .. } => {}
            RunEvent::Progress { event, .. } => match *event {
                AnswerEvent::Answer(answer) => self.latest = Some(*answer),
                AnswerEvent::Step(step) if step.status != StepStatus::InProgress => {
                    self.steps += 1;
                    let detail = step.detail.map(|detail| format!(": {detail}"));
                    let message = format!("{}{}", step.title, detail.unwrap_or_default());
                    self.tell(message, context).await;
                }
                AnswerEvent::Step(_)
                | AnswerEvent::Evidence(_)
                | AnswerEvent::Hypothesis(_)
                | AnswerEvent::Text { .. } => {}
            },
            RunEvent::Finished { error, .. } => return Some(self.ended(error)),
        }
        None
    }

    fn ended(&mut self, error: Option<(String, String)>) -> Result<Answer, Wrong> {
        self.latest.take().ok_or_else(|| {
            let why = error.map_or("the run ended without an answer".to_owned(), |(_, why)| why);
            Wrong::new(why, "ask something shorter and plainer, or again")
        })
    }

    /// Tells whoever wants to know how far it is. One who cannot be told has gone, or takes no progress.
    async fn tell(&self, message: String, context: &RequestContext<RoleServer>) {
        let Some(token) = context.meta.get_progress_token() else { return };
        let progress = ProgressNotificationParam::new(token, f64::from(self.steps))
            .with_message(crate::text::visible(&message));
        if let Err(error) = context.peer.notify_progress(progress).await {
            tracing::debug!(%error, "progress was not taken");
        }
    }
}
