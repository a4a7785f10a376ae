//! Log records and their severity.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Attributes, CallSite, SpanId, TemplateId, Timestamp, TraceId};

/// OTel's severity number, 0 (unspecified) to 24 (FATAL4).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Severity(pub u8);

impl Severity {
    /// The sender did not say.
    pub const UNSPECIFIED: Self = Self(0);
    /// Finest detail.
    pub const TRACE: Self = Self(1);
    /// Detail for debugging.
    pub const DEBUG: Self = Self(5);
    /// Something expected happened.
    pub const INFO: Self = Self(9);
    /// Something odd happened.
    pub const WARN: Self = Self(13);
    /// Something failed.
    pub const ERROR: Self = Self(17);
    /// The process cannot go on.
    pub const FATAL: Self = Self(21);

    /// Reads the level words that loggers use, in any case; `None` for other words.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        const WORDS: [(&str, Severity); 26] = [
            ("trace", Severity::TRACE),
            ("finest", Severity::TRACE),
            ("finer", Severity::TRACE),
            ("verbose", Severity::TRACE),
            ("debug", Severity::DEBUG),
            ("fine", Severity::DEBUG),
            ("dbg", Severity::DEBUG),
            ("info", Severity::INFO),
            ("information", Severity::INFO),
            ("informational", Severity::INFO),
            ("notice", Severity::INFO),
            ("config", Severity::INFO),
            ("inf", Severity::INFO),
            ("warn", Severity::WARN),
            ("warning", Severity::WARN),
            ("wrn", Severity::WARN),
            ("error", Severity::ERROR),
            ("err", Severity::ERROR),
            ("severe", Severity::ERROR),
            ("failure", Severity::ERROR),
            ("fatal", Severity::FATAL),
            ("critical", Severity::FATAL),
            ("crit", Severity::FATAL),
            ("panic", Severity::FATAL),
            ("alert", Severity::FATAL),
            ("emergency", Severity::FATAL),
        ];
        let word = text.trim();
        WORDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map(|(_, severity)| *severity)
    }

    /// Whether it is ERROR or worse.
    #[must_use]
    pub fn is_error(self) -> bool {
        self >= Self::ERROR
    }

    /// The short name of the band the number falls into.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1..=4 => "TRACE",
            5..=8 => "DEBUG",
            9..=12 => "INFO",
            13..=16 => "WARN",
            17..=20 => "ERROR",
            21..=24 => "FATAL",
            _ => "UNSET",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One log record. Its resource stands once on the [`crate::LogBatch`] it came in.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LogRecord {
    /// When it happened by the sender's clock; the receiver's when the sender did not say.
    pub time: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// The message. A structured body is rendered as compact JSON.
    pub body: String,
    /// Attributes of this record alone.
    pub attributes: Attributes,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// The span it was written in.
    pub span_id: Option<SpanId>,
    /// The template of `body`, set by the enrich stage; `None` until then.
    pub template: Option<TemplateId>,
    /// Where in the code it was written, where the line or its attributes say so; set by the enrich stage.
    pub site: Option<CallSite>,
}

impl LogRecord {
    /// Calls `visit` with every text inside that a person or program wrote: key (`""` for the body) and text.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("", &mut self.body);
        self.attributes.for_each_text_mut(visit);
    }
}
