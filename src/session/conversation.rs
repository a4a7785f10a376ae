//! One conversation's append-only log of events, and the runs that write to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use groundcrew_telemetry::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::investigate::RunIds;
use crate::investigate::answer::{Answer, AnswerEvent};
use crate::investigate::followup::Thread;
use crate::investigate::question::Question;

/// Events kept for those who come back; older ones are told by a snapshot.
const EVENTS_MAX: usize = 4_096;
/// And no more bytes of them, about: an answer with its evidence may have hundreds of kilobytes.
const LOG_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What an event takes that is not an answer, about.
const EVENT_BYTES: usize = 256;
/// Answers kept in memory for a snapshot.
const ANSWERS_MAX: usize = 8;
/// Runs remembered, so that a question sent twice is answered once.
const RUNS_MAX: usize = 64;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunStatus {
    /// With an answer.
    Done,
    /// Because somebody asked it to; what was proven so far stands.
    Cancelled,
    /// Because somebody steered the conversation elsewhere while it ran.
    Superseded,
    /// Without an answer.
    Failed,
}

impl RunStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
        }
    }
}

/// Everything that happens in a conversation.
#[derive(Clone, PartialEq, Debug)]
pub enum RunEvent {
    /// A question was taken.
    Started {
        /// The run.
        run_id: String,
        /// The asker's own key for it.
        ask_id: String,
        /// The model that will tell it, if one will.
        model: Option<String>,
    },
    /// Something happened on the way to the answer.
    Progress {
        /// The run.
        run_id: String,
        /// The answer it belongs to.
        answer_id: String,
        /// What.
        event: Box<AnswerEvent>,
    },
    /// The run ended.
    Finished {
        /// The run.
        run_id: String,
        /// How.
        status: RunStatus,
        /// Why, when it failed: a code and a message.
        error: Option<(String, String)>,
    },
}

/// An event and its place in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Logged {
    /// Strictly increasing within the conversation, from 1.
    pub seq: u64,
    /// What happened.
    pub event: RunEvent,
}

/// What a reader gets who has read up to some number.
#[derive(Clone, PartialEq, Debug)]
pub enum Tail {
    /// The events after it.
    Events(Vec<Logged>),
    /// Events in between are gone: the answers so far, and the number to go on from.
    Snapshot {
        /// Go on from here.
        seq: u64,
        /// The latest answers, oldest first.
        answers: Vec<Answer>,
    },
}

/// One conversation.
pub struct Conversation {
    /// Its id.
    pub id: String,
    state: Mutex<State>,
    /// The number of the newest event, for those who wait.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    log: VecDeque<Logged>,
    /// What the log takes, about.
    bytes: usize,
    seq: u64,
    answers: VecDeque<Answer>,
    runs: BTreeMap<String, Run>,
    run_order: VecDeque<String>,
    touched: Timestamp,
    thread: Option<Thread>,
}

struct Run {
    ids: RunIds,
    cancel: CancellationToken,
    finished: bool,
    /// Cancelled because somebody steered it elsewhere.
    superseded: bool,
    question: Option<Question>,
}

impl Conversation {
    pub(super) fn new(id: String, now: Timestamp) -> Self {
        let state = State { touched: now, ..State::default() };
        Self { id, state: Mutex::new(state), newest: watch::Sender::new(0) }
    }

    /// The state holds plain values and every change to it is a whole one, so a panic elsewhere cannot have torn it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event; whoever waits is woken.
    pub fn push(&self, event: RunEvent) {
        let seq = {
            let mut state = self.state();
            if let RunEvent::Progress { event: progress, .. } = &event
                && let AnswerEvent::Answer(answer) = progress.as_ref()
            {
                state.answers.retain(|known| known.answer_id != answer.answer_id);
                state.answers.push_back((**answer).clone());
                if state.answers.len() > ANSWERS_MAX {
                    state.answers.pop_front();
                }
            }
            if let RunEvent::Finished { run_id, .. } = &event {
                for run in state.runs.values_mut().filter(|run| run.ids.run_id == *run_id) {
                    run.finished = true;
                }
            }
            state.seq += 1;
            let seq = state.seq;
            state.bytes += bytes_of(&event);
            state.log.push_back(Logged { seq, event });
            while state.log.len() > EVENTS_MAX || state.bytes > LOG_BYTES_MAX && state.log.len() > 1
            {
                let oldest = state.log.pop_front();
                state.bytes -= oldest.map_or(0, |oldest| bytes_of(&oldest.event));
            }
            seq
        };
        self.newest.send_replace(seq);
    }

    /// What came after `seq`.
    #[must_use]
    pub fn tail(&self, seq: u64) -> Tail {
        let state = self.state();
        let oldest = state.log.front().map_or(state.seq + 1, |logged| logged.seq);
        // A number from the future is one of another life of this server; its owner starts over as well.
        if seq + 1 < oldest || seq > state.seq {
            return Tail::Snapshot {
                seq: state.seq,
                answers: state.answers.iter().cloned().collect(),
            };
        }
        Tail::Events(state.log.iter().filter(|logged| logged.seq > seq).cloned().collect())
    }

    /// The number of the newest event.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.state().seq
    }

    /// Signals every new event.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Waits until a run has ended, or is not known any more.
    pub async fn ended(&self, run_id: &str) {
        let mut newest = self.watch();
        loop {
            newest.borrow_and_update();
            let runs = |state: &State| {
                state.runs.values().any(|run| run.ids.run_id == run_id && !run.finished)
            };
            if !runs(&self.state()) || newest.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits for something after `seq`; `None` when nothing can come any more.
    pub async fn after(&self, seq: u64) -> Option<Tail> {
        let mut newest = self.watch();
        loop {
            newest.borrow_and_update();
            let tail = self.tail(seq);
            if !matches!(&tail, Tail::Events(events) if events.is_empty()) {
                return Some(tail);
            }
            newest.changed().await.ok()?;
        }
    }

    /// Registers a run of these names under the asker's key. Returns its names, and its token when it is new.
    pub(super) fn begin(
        &self,
        ask_id: &str,
        ids: RunIds,
        now: Timestamp,
    ) -> (RunIds, Option<CancellationToken>) {
        let mut state = self.state();
        state.touched = now;
        if let Some(run) = state.runs.get(ask_id) {
            return (run.ids.clone(), None);
        }
        let run = Run {
            ids,
            cancel: CancellationToken::new(),
            finished: false,
            superseded: false,
            question: None,
        };
        let begun = (run.ids.clone(), Some(run.cancel.clone()));
        state.runs.insert(ask_id.to_owned(), run);
        state.run_order.push_back(ask_id.to_owned());
        if state.run_order.len() > RUNS_MAX
            && let Some(oldest) = state.run_order.pop_front()
        {
            state.runs.remove(&oldest);
        }
        begun
    }

    /// Whether a question with this key was taken before.
    #[must_use]
    pub fn knows(&self, ask_id: &str) -> bool {
        self.state().runs.contains_key(ask_id)
    }

    /// Forgets a question that was not taken after all, so that it can be asked again.
    pub(super) fn forget(&self, ask_id: &str) {
        let mut state = self.state();
        state.runs.remove(ask_id);
        state.run_order.retain(|known| known != ask_id);
    }

    /// Cancels the run with this run id or ask id. Says whether there was one to cancel.
    #[must_use]
    pub fn cancel(&self, name: &str) -> bool {
        let state = self.state();
        let run = state
            .runs
            .iter()
            .find(|(ask_id, run)| ask_id.as_str() == name || run.ids.run_id == name);
        match run {
            Some((_, run)) if !run.finished => {
                run.cancel.cancel();
                true
            }
            _ => false,
        }
    }

    /// Cancels whatever runs. Says whether something did.
    #[must_use]
    pub fn stop(&self) -> bool {
        let state = self.state();
        let running = state.runs.values().filter(|run| !run.finished && !run.cancel.is_cancelled());
        running.map(|run| run.cancel.cancel()).count() > 0
    }

    /// Whether something runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.activity().0
    }

    /// What the conversation is about so far.
    #[must_use]
    pub fn thread(&self) -> Option<Thread> {
        self.state().thread.clone()
    }

    /// What it is about from now on.
    pub(super) fn set_thread(&self, thread: Thread) {
        self.state().thread = Some(thread);
    }

    /// Keeps what a run was asked, so that it can be steered.
    pub(super) fn asked(&self, run_id: &str, question: &Question) {
        let mut state = self.state();
        for run in state.runs.values_mut().filter(|run| run.ids.run_id == run_id) {
            run.question = Some(question.clone());
        }
    }

    /// Stops the newest run that goes on, because its question is about to be replaced. Returns that question.
    pub(super) fn supersede(&self) -> Option<Question> {
        let mut state = self.state();
        let newest = state.run_order.iter().rev().cloned().collect::<Vec<String>>();
        let running = newest.into_iter().find(|ask_id| {
            state.runs.get(ask_id).is_some_and(|run| !run.finished && run.question.is_some())
        })?;
        let run = state.runs.get_mut(&running)?;
        run.superseded = true;
        run.cancel.cancel();
        run.question.clone()
    }

    /// Whether the run was replaced by another question.
    pub(super) fn is_superseded(&self, run_id: &str) -> bool {
        self.state().runs.values().any(|run| run.ids.run_id == run_id && run.superseded)
    }

    /// Whether a run has not ended, and when it was last asked something.
    pub(super) fn activity(&self) -> (bool, Timestamp) {
        let state = self.state();
        (state.runs.values().any(|run| !run.finished), state.touched)
    }

    /// The memory that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// The ids of the run that answers `ask_id`.
    #[must_use]
    pub fn run_of(&self, ask_id: &str) -> Option<RunIds> {
        self.state().runs.get(ask_id).map(|run| run.ids.clone())
    }
}

/// What an event takes, about: an answer is kept twice, in the log and for a snapshot.
fn bytes_of(event: &RunEvent) -> usize {
    match event {
        RunEvent::Progress { event, .. } => match event.as_ref() {
            AnswerEvent::Answer(answer) => 2 * json_bytes(answer),
            _ => EVENT_BYTES,
        },
        _ => EVENT_BYTES,
    }
}

fn json_bytes(answer: &Answer) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // What cannot be written was counted as far as it could.
    serde_json::to_writer(&mut counter, answer).ok();
    counter.0
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// An event with an answer to a question of so many bytes.
    pub(in super::super) fn answered(name: &str, bytes: usize) -> RunEvent {
        let answer = serde_json::from_value(json!({
            "answer_id": name, "run_id": name, "question": "x".repeat(bytes),
            "verdict": "not_enough_evidence", "confidence": null, "headline": "nothing",
            "headline_cites": [], "from": "2026-11-29T12:01:54Z", "to": "2026-11-29T12:16:55Z",
            "impact": {"since": null, "services": []}, "claims": [], "hypotheses": [],
            "ruled_out": [], "next": [], "seen_before": [], "unknowns": [], "evidence": [],
            "receipt": {"log_records": 0, "templates": 0, "templates_changed": 0, "spans": 0,
                "series": 0, "items": 0, "left_out": 0, "bundle_tokens": 0},
            "usage": {"model": null, "input_tokens": null, "output_tokens": null, "ms": 1},
            "told_by": "plain", "notice": null,
        }));
        let event = Box::new(AnswerEvent::Answer(Box::new(answer.unwrap())));
        RunEvent::Progress { run_id: name.to_owned(), answer_id: name.to_owned(), event }
    }

    fn finished(run_id: &str) -> RunEvent {
        RunEvent::Finished { run_id: run_id.to_owned(), status: RunStatus::Done, error: None }
    }

    #[test]
    fn a_reader_resumes_without_loss_or_repetition() {
        let conversation = Conversation::new("c".to_owned(), Timestamp::default());
        for number in 0..10 {
            conversation.push(finished(&number.to_string()));
        }
        let Tail::Events(events) = conversation.tail(7) else { panic!("events are still there") };
        assert_eq!(events.iter().map(|logged| logged.seq).collect::<Vec<_>>(), [8, 9, 10]);
        assert_eq!(conversation.tail(10), Tail::Events(Vec::new()));
    }

    #[test]
    fn one_who_was_away_too_long_gets_a_snapshot() {
        let conversation = Conversation::new("c".to_owned(), Timestamp::default());
        for number in 0..EVENTS_MAX + 5 {
            conversation.push(finished(&number.to_string()));
        }
        let newest = conversation.seq();
        assert_eq!(conversation.tail(2), Tail::Snapshot { seq: newest, answers: Vec::new() });
        assert_eq!(
            conversation.tail(newest + 100),
            Tail::Snapshot { seq: newest, answers: Vec::new() }
        );
        assert!(matches!(conversation.tail(5), Tail::Events(_)));
    }

    #[test]
    fn large_answers_push_older_ones_out() {
        let conversation = Conversation::new("c".to_owned(), Timestamp::default());
        for number in 0..30 {
            conversation.push(answered(&number.to_string(), 300_000));
            assert!(conversation.bytes() <= LOG_BYTES_MAX);
        }
        let Tail::Snapshot { seq: 30, answers } = conversation.tail(10) else {
            panic!("a snapshot")
        };
        assert_eq!(answers.len(), ANSWERS_MAX);
        assert!(matches!(conversation.tail(28), Tail::Events(events) if events.len() == 2));
        // One that is larger than all may be is kept until the next.
        conversation.push(answered("vast", LOG_BYTES_MAX));
        assert!(matches!(conversation.tail(30), Tail::Events(events) if events.len() == 1));
        conversation.push(finished("vast"));
        assert_eq!(conversation.bytes(), EVENT_BYTES);
    }

    #[test]
    fn the_same_question_is_one_run_and_can_be_cancelled_once() {
        let conversation = Conversation::new("c".to_owned(), Timestamp::default());
        let (ids, token) = conversation.begin("ask-1", RunIds::random(), Timestamp::default());
        let (again, none) = conversation.begin("ask-1", RunIds::random(), Timestamp::default());
        assert_eq!(ids, again);
        assert!(none.is_none());
        assert!(conversation.cancel(&ids.run_id));
        assert!(token.unwrap().is_cancelled());
        conversation.push(finished(&ids.run_id));
        assert!(!conversation.cancel("ask-1"), "a finished run is not cancelled");
        let (_, token) = conversation.begin("ask-2", RunIds::random(), Timestamp::default());
        assert!(conversation.stop() && token.unwrap().is_cancelled());
        assert!(!conversation.stop(), "nothing runs any more");
    }
}
