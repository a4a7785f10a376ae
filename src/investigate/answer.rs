//! The one closed `Answer` that the web panel, the command line and later Slack render, and the events on the way to it.
//!
//! Unlike other core types these derive `Serialize`: the JSON of [`Answer`] *is* the contract between the engine and its
//! renderers, and the panel's TypeScript types are generated from it. It only grows: fields are added, never renamed.

use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use super::assertion::Check;
use super::evidence::Evidence;
use super::remembered::Imprint;

/// What the investigation came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One suspect explains what is abnormal better than the others.
    LikelyCause,
    /// The question asked for facts, and they were found.
    Lookup,
    /// What was found does not carry a conclusion.
    NotEnoughEvidence,
}

/// How sure the rules allow the answer to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Lines alone, or one signal that is weak and yet more than a level that moved.
    Low,
    /// One strong signal, or two that agree.
    Medium,
    /// Independent signals agree and nothing comparable competes.
    High,
}

impl Confidence {
    /// The word for sentences.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Whether the engine could check a claim against what it cites.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClaimStatus {
    /// Every name and number in it occurs in what it cites.
    Verified,
    /// It cites evidence but says nothing that can be looked up in it.
    Unverifiable,
}

/// One sentence and the evidence it stands on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Claim {
    /// `c1`, `c2`, ...
    pub id: String,
    /// The sentence, plain text.
    pub text: String,
    /// Evidence ids, never empty.
    pub cites: Vec<String>,
    /// What the check said.
    pub status: ClaimStatus,
    /// What was measured again for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<Check>>", optional))]
    pub checks: Vec<Check>,
}

/// How a hypothesis stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HypothesisStatus {
    /// The leading one, with evidence for it.
    Supported,
    /// Not excluded.
    Possible,
    /// The evidence speaks against it.
    Refuted,
}

/// One suspect as a reader sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Hypothesis {
    /// `h1`, `h2`, ...
    pub id: String,
    /// In words: `checkout: database connections (config)`.
    pub title: String,
    /// The service, pod, node, edge, change or dependency that is suspected.
    pub subject: String,
    /// The kind of fault, a word of `groundcrew_analysis::FaultKind`.
    pub fault_kind: String,
    /// How it stands.
    pub status: HypothesisStatus,
    /// How convincing, 0 to 1.
    pub score: f64,
    /// Evidence for it.
    #[serde(rename = "for")]
    pub supporting: Vec<String>,
    /// Evidence against it.
    pub against: Vec<String>,
    /// One sentence.
    pub why: String,
}

/// Who is hit and since when.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Impact {
    /// When it began, as far as the telemetry shows.
    #[serde(with = "optional_time")]
    #[cfg_attr(test, ts(as = "Option<String>"), schemars(with = "Option<String>"))]
    pub since: Option<Timestamp>,
    /// Services that show it, worst first.
    pub services: Vec<String>,
    /// The evidence that shows it of them.
    #[serde(default)]
    pub cites: Vec<String>,
}

/// Something that was considered and excluded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct RuledOut {
    /// One sentence.
    pub text: String,
    /// The evidence that excludes it; empty when the evidence is that nothing was found.
    pub cites: Vec<String>,
}

/// One thing to do next.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct NextStep {
    /// What to do, in words.
    pub label: String,
    /// `check`, `runbook`, `owner` or `ask`.
    pub kind: String,
    /// A command to copy, only ever from a runbook or from this product.
    pub cmd: Option<String>,
    /// Evidence it comes from, such as the runbook.
    pub cites: Vec<String>,
}

/// A past incident that resembles this one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct SeenBefore {
    /// Its title.
    pub title: String,
    /// Its code, when people vouched for it; `None` for one that is only told in a document.
    #[serde(default)]
    pub incident: Option<String>,
    /// The document it is told in; `""` for none.
    pub document: String,
    /// When it was.
    #[serde(default, with = "optional_time")]
    #[cfg_attr(test, ts(as = "Option<String>"), schemars(with = "Option<String>"))]
    pub at: Option<Timestamp>,
    /// How alike it is, 0 to 1, by its symptoms and its text.
    pub similarity: Option<f32>,
    /// What caused it.
    #[serde(default)]
    pub cause: Option<String>,
    /// What fixed it, in the words of whoever wrote it down.
    pub fixed_by: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub took: Option<String>,
    /// What is as it was then.
    #[serde(default)]
    pub matches: Vec<SeenSign>,
    /// What differs this time.
    #[serde(default)]
    pub differs: Vec<SeenSign>,
    /// Where to read it.
    pub cites: Vec<String>,
}

/// One thing that matches a past incident, or differs from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct SeenSign {
    /// One sentence.
    pub text: String,
    /// The evidence for it.
    pub cites: Vec<String>,
}

/// Something that could not be seen or known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Unknown {
    /// What is missing.
    pub what: String,
    /// What would bring it.
    pub fix: Option<String>,
}

/// What the answer was made from: how much was seen, how much of it stands in the prompt.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Receipt {
    /// Log records in the window and its baseline.
    pub log_records: u64,
    /// Log templates among them.
    pub templates: u64,
    /// Templates that are new, spiking or gone.
    pub templates_changed: u64,
    /// Spans in the window and its baseline.
    pub spans: u64,
    /// Metric series looked at.
    pub series: u64,
    /// Evidence items in the bundle.
    pub items: u64,
    /// Candidates that did not fit or did not matter.
    pub left_out: u64,
    /// Tokens of the bundle, counted with o200k.
    pub bundle_tokens: u64,
    /// Items of the bundle that stood in the model's prompt; 0 when none was asked.
    #[serde(default)]
    pub in_prompt: u64,
}

/// What it cost.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Usage {
    /// The model that told it, if one did.
    pub model: Option<String>,
    /// Tokens sent, as the model's server counted them.
    pub input_tokens: Option<u32>,
    /// Tokens received.
    pub output_tokens: Option<u32>,
    /// What the tokens cost, where prices are configured, in the currency of the prices.
    #[serde(default)]
    pub cost: Option<f64>,
    /// Name and version of the prompt and the beginning of its hash: `explain v2 5f0a9c01`.
    #[serde(default)]
    pub prompt: Option<String>,
    /// Queries that the model asked for.
    #[serde(default)]
    pub queries: u32,
    /// Milliseconds from question to answer.
    pub ms: u64,
}

/// Who wrote the sentences.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// The engine's own narrator.
    Plain,
    /// A language model, checked by the engine.
    Model,
}

/// The answer to one question.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Answer {
    /// `ans_` and a random part.
    pub answer_id: String,
    /// The code of the incident it is about, for saying it aloud: `groundcrew incident confirm 7Q2`.
    #[serde(default)]
    pub incident: String,
    /// The run that made it.
    pub run_id: String,
    /// The question as it was asked, masked.
    pub question: String,
    /// What it came to.
    pub verdict: Verdict,
    /// How sure; `None` when there is no conclusion.
    pub confidence: Option<Confidence>,
    /// One sentence to read first.
    pub headline: String,
    /// Evidence the headline stands on.
    pub headline_cites: Vec<String>,
    /// The time that was examined, start.
    #[serde(with = "time")]
    #[cfg_attr(test, ts(as = "String"), schemars(with = "String"))]
    pub from: Timestamp,
    /// The time that was examined, end.
    #[serde(with = "time")]
    #[cfg_attr(test, ts(as = "String"), schemars(with = "String"))]
    pub to: Timestamp,
    /// Services that it is about; empty for all.
    #[serde(default)]
    pub scope: Vec<String>,
    /// How a follow-up question was understood.
    #[serde(default)]
    pub understood: Option<String>,
    /// Who is hit, since when.
    pub impact: Impact,
    /// The sentences.
    pub claims: Vec<Claim>,
    /// Suspects, best first.
    pub hypotheses: Vec<Hypothesis>,
    /// What was excluded.
    pub ruled_out: Vec<RuledOut>,
    /// What to do next.
    pub next: Vec<NextStep>,
    /// Past incidents that resemble it.
    pub seen_before: Vec<SeenBefore>,
    /// What could not be seen.
    pub unknowns: Vec<Unknown>,
    /// Everything cited, in order of id.
    pub evidence: Vec<Evidence>,
    /// How much was seen.
    pub receipt: Receipt,
    /// What it cost.
    pub usage: Usage,
    /// Who wrote it.
    pub told_by: ToldBy,
    /// Something the reader must know first, such as that the model was down.
    pub notice: Option<String>,
    /// What is left for the memory of incidents; for machines.
    #[serde(default, skip_serializing_if = "Imprint::is_empty")]
    #[cfg_attr(test, ts(skip), schemars(skip))]
    pub imprint: Imprint,
}

impl Answer {
    /// The evidence item with this id.
    #[must_use]
    pub fn evidence(&self, id: &str) -> Option<&Evidence> {
        self.evidence.iter().find(|item| item.id == id)
    }
}

/// How a step of the investigation stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It runs.
    InProgress,
    /// It is done.
    Complete,
    /// It failed; what it would have found is a gap.
    Error,
}

/// One step of an investigation, replaceable by id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Step {
    /// `plan`, `retrieve`, `suspects`, `explain`, `verify`.
    pub id: String,
    /// What it does, in words.
    pub title: String,
    /// How it stands.
    pub status: StepStatus,
    /// What it came to, in words.
    pub detail: Option<String>,
    /// Milliseconds it took.
    pub ms: Option<u64>,
}

/// Everything that can happen while a question is answered, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum AnswerEvent {
    /// A step began or ended.
    Step(Step),
    /// An evidence item entered the bundle.
    Evidence(Evidence),
    /// A suspect, best first.
    Hypothesis(Hypothesis),
    /// A sentence of the model that held, with its number; shown until the final answer replaces it.
    Text {
        /// Number of the sentence, from 0.
        block: usize,
        /// The sentence.
        text: String,
    },
    /// The whole answer. Comes once from facts alone, and once more when a model has told it.
    Answer(Box<Answer>),
}

/// Serde for a time as RFC 3339.
pub(crate) mod time {
    use groundcrew_telemetry::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not an RFC 3339 time")))
    }
}

/// Serde for a time that may be absent.
pub(crate) mod optional_time {
    use groundcrew_telemetry::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| {
            Timestamp::parse(&text)
                .ok_or_else(|| D::Error::custom(format!("`{text}` is not an RFC 3339 time")))
        })
        .transpose()
    }
}
