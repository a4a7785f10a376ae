//! Evidence: immutable, content-hashed items that sentences cite, and what could not be seen.

use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::answer::optional_time;
use super::assertion::Measure;
use crate::text::{Tainted, inert};

/// What an evidence item is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Log lines.
    Log,
    /// A log template with its counts.
    LogTemplate,
    /// A whole trace.
    Trace,
    /// Spans of one service or edge.
    Span,
    /// A metric series.
    Metric,
    /// A deploy, commit, flag or other change.
    Change,
    /// An alert.
    Alert,
    /// A Kubernetes event.
    K8sEvent,
    /// The state of a cluster object, or the output of a command that shows it.
    ClusterState,
    /// A list of what else differs, of any signal.
    Signs,
    /// A passage of a runbook.
    Runbook,
    /// A passage of a past incident.
    Incident,
    /// A passage of another document.
    Doc,
}

impl EvidenceKind {
    /// The independent source of knowledge behind the kind; agreement counts only between different ones.
    #[must_use]
    pub const fn signal(self) -> &'static str {
        match self {
            Self::Log | Self::LogTemplate => "logs",
            Self::Trace | Self::Span => "traces",
            Self::Metric => "metrics",
            Self::Change => "changes",
            Self::Alert => "alerts",
            Self::K8sEvent | Self::ClusterState => "cluster",
            Self::Signs => "signs",
            Self::Runbook | Self::Incident | Self::Doc => "documents",
        }
    }

    /// The word a person reads: `log pattern`, `cluster state`, ...
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::LogTemplate => "log pattern",
            Self::Trace => "trace",
            Self::Span => "spans",
            Self::Metric => "metric",
            Self::Change => "change",
            Self::Alert => "alert",
            Self::K8sEvent => "cluster event",
            Self::ClusterState => "cluster state",
            Self::Signs => "signs",
            Self::Runbook => "runbook",
            Self::Incident => "past incident",
            Self::Doc => "document",
        }
    }
}

/// One immutable item that a sentence can cite.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Evidence {
    /// `E1`, `E2`, ...: short, and stable inside an answer.
    pub id: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// One line that says what it shows.
    pub title: String,
    /// The service it is about.
    pub service: Option<String>,
    /// The time it covers, start.
    #[serde(with = "optional_time")]
    #[cfg_attr(test, ts(as = "Option<String>"), schemars(with = "Option<String>"))]
    pub from: Option<Timestamp>,
    /// The time it covers, end.
    #[serde(with = "optional_time")]
    #[cfg_attr(test, ts(as = "Option<String>"), schemars(with = "Option<String>"))]
    pub to: Option<Timestamp>,
    /// How to find it again in the store, in words of our own query forms.
    pub query: Option<String>,
    /// What it was measured on, so that it can be measured again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub measure: Option<Measure>,
    /// A path of this server that opens it.
    pub permalink: String,
    /// The content, as text, at most [`PREVIEW_BYTES_MAX`] bytes.
    pub preview: String,
    /// Bytes at the beginning of the preview that are the engine's own words; the rest is recorded text, which anybody may
    /// have written.
    #[serde(default)]
    pub own: u32,
    /// How much it matters here, 0 to 1.
    pub score: f64,
    /// BLAKE3 of kind, title and content, hex.
    pub hash: String,
    /// A small series to draw, oldest first.
    pub series: Option<Vec<f64>>,
    /// The time that the series covers, start: often more than the item does, so that what was before is seen too.
    #[serde(default, with = "optional_time", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(as = "Option<String>", optional), schemars(with = "Option<String>"))]
    pub series_from: Option<Timestamp>,
    /// The time that the series covers, end.
    #[serde(default, with = "optional_time", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(as = "Option<String>", optional), schemars(with = "Option<String>"))]
    pub series_to: Option<Timestamp>,
}

/// Longest content of an evidence item.
pub const PREVIEW_BYTES_MAX: usize = 4096;

/// How much of an item's content is the engine's own words. What follows is recorded text: anybody may have written it,
/// and whoever repeats it must say that it is a quotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Own {
    /// All of it is recorded.
    Nothing,
    /// Its first line.
    FirstLine,
    /// So many bytes at its beginning.
    Bytes(usize),
}

impl Own {
    fn bytes_of(self, text: &str) -> usize {
        match self {
            Self::Nothing => 0,
            Self::FirstLine => text.find('\n').unwrap_or(text.len()),
            Self::Bytes(bytes) => text.floor_char_boundary(bytes),
        }
    }
}

/// An item before it was chosen for a bundle and got an id.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// What it is.
    pub kind: EvidenceKind,
    /// One line that says what it shows.
    pub title: String,
    /// The service it is about.
    pub service: Option<String>,
    /// The time it covers.
    pub range: Option<TimeRange>,
    /// How to find it again.
    pub query: Option<String>,
    /// What it was measured on.
    pub measure: Option<Measure>,
    /// The content: the engine's own words first, then what was recorded.
    pub text: String,
    /// How much of the content is the engine's own words.
    pub own: Own,
    /// How much it matters here, 0 to 1.
    pub score: f64,
    /// A small series to draw.
    pub series: Option<Vec<f64>>,
    /// The time that the series covers, in equal steps.
    #[serde(default)]
    pub drawn: Option<TimeRange>,
    /// Name of the thing it is about, for saying the same thing once: candidates with equal keys are one item.
    pub key: String,
}

impl Evidence {
    /// The engine's own words, and what was recorded.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.preview.split_at(self.preview.floor_char_boundary(self.own as usize))
    }
}

impl Candidate {
    /// An item with nothing but a kind, a title and a key; the rest is set by field.
    #[must_use]
    pub fn new(kind: EvidenceKind, title: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            service: None,
            range: None,
            query: None,
            measure: None,
            text: String::new(),
            own: Own::Nothing,
            score: 0.0,
            series: None,
            drawn: None,
            key: key.into(),
        }
    }

    /// Adds the engine's own words, before anything is recorded.
    #[must_use]
    pub fn saying(mut self, words: &str) -> Self {
        self.text.push_str(words);
        self.own = Own::Bytes(self.text.len());
        self
    }

    /// Adds recorded text on a line of its own.
    #[must_use]
    pub fn recording(mut self, text: &Tainted<impl AsRef<str>>) -> Self {
        self.text.push_str("\n  ");
        self.text.push_str(text.shown().trim_end());
        self
    }

    /// Gives the candidate its id inside `answer_id`; its content is cut at [`PREVIEW_BYTES_MAX`].
    #[must_use]
    pub fn into_evidence(self, answer_id: &str, number: usize) -> Evidence {
        let id = format!("E{number}");
        // Whatever shows it: nothing in it is a link, an image or a request.
        let (own, recorded) = self.text.split_at(self.own.bytes_of(&self.text));
        let own = inert(own);
        let whole = format!("{own}{}", inert(recorded));
        let preview = clip(&whole, PREVIEW_BYTES_MAX).to_owned();
        let title = inert(&self.title);
        let mut hasher = blake3::Hasher::new();
        for part in [self.kind.label(), &title, &preview] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        Evidence {
            permalink: format!("/e/{answer_id}/{id}"),
            id,
            kind: self.kind,
            own: u32::try_from(own.len().min(preview.len())).unwrap_or(u32::MAX),
            title,
            service: self.service,
            from: self.range.map(|range| range.start),
            to: self.range.map(|range| range.end),
            query: self.query,
            measure: self.measure,
            hash: hasher.finalize().to_hex().to_string(),
            preview,
            score: self.score,
            series: self.series,
            series_from: self.drawn.map(|range| range.start),
            series_to: self.drawn.map(|range| range.end),
        }
    }
}

/// Something that was looked for and could not be seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing, in words.
    pub what: String,
    /// What would bring it.
    pub fix: Option<String>,
}

impl Gap {
    /// A gap with a remedy.
    #[must_use]
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: Some(fix.into()) }
    }

    /// A gap that nothing in reach can close.
    #[must_use]
    pub fn unfixable(what: impl Into<String>) -> Self {
        Self { what: what.into(), fix: None }
    }
}

/// The longest prefix of `text` that fits into `bytes_max` bytes and ends between characters.
#[must_use]
pub fn clip(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// The text, or as much of it as fits into `bytes_max` bytes with a sign that it goes on.
#[must_use]
pub fn shorten(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    format!("{}…", clip(text, bytes_max.saturating_sub('…'.len_utf8())).trim_end())
}
