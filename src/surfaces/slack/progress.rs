//! How far an investigation has come, as its conversation tells it.

use crate::investigate::answer::{Answer, AnswerEvent, Step, StepStatus};
use crate::session::{RunEvent, RunStatus, Tail};

/// How a run ended, and why when it failed.
pub(super) type End = (RunStatus, Option<String>);

/// What is known of one run so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Progress {
    run_id: String,
    steps: Vec<Step>,
    answer: Option<Answer>,
    end: Option<End>,
}

/// What a reading brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct News {
    /// A step began or ended.
    pub(super) step_changed: bool,
    /// So many characters of the account came.
    pub(super) chars: usize,
}

impl Progress {
    pub(super) fn of(run_id: &str) -> Self {
        Self { run_id: run_id.to_owned(), ..Self::default() }
    }

    pub(super) const fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    pub(super) const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The steps so far.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.steps.clone()
    }

    /// Takes in what came, and returns where to read on.
    pub(super) fn read(&mut self, tail: Tail, seq: u64) -> (News, u64) {
        match tail {
            Tail::Snapshot { seq, answers } => {
                self.answer = answers.into_iter().find(|answer| answer.run_id == self.run_id);
                // Too far behind to know how it went: an answer that is there is the answer.
                if self.answer.is_some() {
                    self.end = Some((RunStatus::Done, None));
                }
                (News { step_changed: true, chars: 0 }, seq)
            }
            Tail::Events(events) => {
                let next = events.last().map_or(seq, |logged| logged.seq);
                let mut news = News::default();
                for logged in events {
                    self.take(logged.event, &mut news);
                }
                (news, next)
            }
        }
    }

    fn take(&mut self, event: RunEvent, news: &mut News) {
        match event {
            RunEvent::Finished { run_id, status, error } if run_id == self.run_id => {
                self.end = Some((status, error.map(|(_, message)| message)));
            }
            RunEvent::Progress { run_id, event, .. } if run_id == self.run_id => match *event {
                AnswerEvent::Step(step) => {
                    self.step(step);
                    news.step_changed = true;
                }
                AnswerEvent::Answer(answer) => {
                    self.step(done("facts", "The facts", &answer.headline));
                    self.answer = Some(*answer);
                    news.step_changed = true;
                }
                AnswerEvent::Text { text, .. } => {
                    news.chars += text.chars().count();
                    self.step(Step {
                        status: StepStatus::InProgress,
                        ..done("account", "Putting them into words", &text)
                    });
                }
                AnswerEvent::Evidence(_) | AnswerEvent::Hypothesis(_) => {}
            },
            _ => {}
        }
    }

    /// Steps are replaceable by id.
    fn step(&mut self, step: Step) {
        match self.steps.iter_mut().find(|known| known.id == step.id) {
            Some(known) => *known = step,
            None => self.steps.push(step),
        }
    }

    /// Ends what still seems to run.
    pub(super) fn close(&mut self) {
        for step in self.steps.iter_mut().filter(|step| step.status == StepStatus::InProgress) {
            step.status = StepStatus::Complete;
        }
    }
}

fn done(id: &str, title: &str, detail: &str) -> Step {
    Step {
        id: id.to_owned(),
        title: title.to_owned(),
        status: StepStatus::Complete,
        detail: Some(detail.to_owned()),
        ms: None,
    }
}
