//! What is asked and the plan to answer it: the values that travel into and between the first steps.

use std::time::Duration;

use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::look::Look;

/// One question and its scope. It is kept with its answer: what a later version adds is filled in by default.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// The words, as asked. Untrusted.
    pub text: String,
    /// The present as far as this question goes.
    pub at: Timestamp,
    /// Whether `at` was given by the asker; a given time is never moved to where the telemetry is.
    pub at_given: bool,
    /// How far back the trouble may lie, when the asker or an alert said so.
    pub since: Option<Duration>,
    /// Services to look at; empty for all.
    pub services: Vec<String>,
    /// Calls between services known from elsewhere than spans: (caller, callee).
    pub topology: Vec<(String, String)>,
    /// Past periods known to be normal; empty to take what lies before the window.
    pub normal: Vec<TimeRange>,
    /// What was asked before, when this leans on it.
    pub context: Option<String>,
    /// Whether `at` comes from a question before that was about the present of then.
    #[serde(default)]
    pub at_carried: bool,
    /// Services of the question before, for one that names none.
    pub carried: Vec<String>,
    /// Whether it replaces the question that runs in the same conversation.
    pub steers: bool,
    /// How the time was understood, when this leans on the question before.
    pub understood: Option<String>,
    /// Only documents and memories of that time count: what was known then.
    pub known_until: Option<Timestamp>,
    /// Limits.
    pub budget: Budget,
}

impl Question {
    /// A question about everything, asked at `at`.
    #[must_use]
    pub fn new(text: impl Into<String>, at: Timestamp) -> Self {
        Self {
            text: text.into(),
            at,
            at_given: false,
            since: None,
            services: Vec::new(),
            topology: Vec::new(),
            normal: Vec::new(),
            context: None,
            at_carried: false,
            carried: Vec::new(),
            steers: false,
            understood: None,
            known_until: None,
            budget: Budget::default(),
        }
    }
}

/// What one question may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// Tokens of evidence in the bundle.
    pub bundle_tokens_max: usize,
    /// Spans read for one question; beyond it whole traces are sampled.
    pub spans_max: usize,
    /// Metric series read for one question.
    pub series_max: usize,
    /// Whether the model's whole window may be filled, not only what a first answer takes.
    pub deep: bool,
    /// Whether no model is asked, although one is configured.
    pub facts_only: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bundle_tokens_max: 8_000,
            spans_max: 200_000,
            series_max: 20_000,
            deep: false,
            facts_only: false,
        }
    }
}

/// Longest question that is taken; longer ones are refused with a hint.
pub const QUESTION_BYTES_MAX: usize = 16 * 1024;

/// What the asker wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Intent {
    /// Why something is broken.
    Cause,
    /// Facts: show, list, count, summarise.
    Lookup,
}

/// Where to look, decided before any untrusted text but the question is read. It is kept with the answer: what is added
/// needs a default.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What the asker wants.
    pub intent: Intent,
    /// The time of the trouble.
    pub window: TimeRange,
    /// What counts as normal, oldest first.
    pub baseline: Vec<TimeRange>,
    /// The window's clock time on earlier days and weeks that telemetry covers, a little widened.
    pub seasons: Vec<TimeRange>,
    /// Known services that the question names, as they are spelled in the telemetry.
    pub services: Vec<String>,
    /// Words of the question that can be looked for, lower-cased, most telling first.
    pub terms: Vec<String>,
    /// Typed queries that the question asks for in so many words.
    #[serde(default)]
    pub looks: Vec<Look>,
    /// Whose standing is asked for, in `why not ...?` or `what about ...?`: a service as it is spelled in the telemetry, else the asker's word.
    pub asked_about: Option<String>,
    /// Only documents and memories of that time count.
    #[serde(default)]
    pub known_until: Option<Timestamp>,
    /// What the planner assumed that the asker should know.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether what was written on `date` was known at the time that is asked about. What has no date counts as known.
    #[must_use]
    pub fn knows(&self, date: Option<Timestamp>) -> bool {
        self.known_until.is_none_or(|until| date.is_none_or(|date| date <= until))
    }

    /// Baseline and window in one range.
    #[must_use]
    pub fn whole(&self) -> TimeRange {
        let start =
            self.baseline.iter().map(|range| range.start).min().unwrap_or(self.window.start);
        TimeRange::new(start.min(self.window.start), self.window.end)
    }
}
