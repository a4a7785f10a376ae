//! What a sentence asserts, in a form that can be measured again: not words about an item, but the question the item
//! answers and the answer the sentence gives.

use serde::{Deserialize, Serialize};

/// What an evidence item was measured on, so that it can be measured again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Measure {
    /// Lines of one template of a service.
    Template {
        /// The service.
        service: String,
        /// The template's id: `t` and 16 hexadecimal digits.
        template: String,
    },
    /// Requests that a service answers.
    Requests {
        /// The service.
        service: String,
        /// One pod of it.
        pod: Option<String>,
    },
    /// Calls from one service to another.
    Calls {
        /// Who calls.
        caller: String,
        /// Who is called.
        callee: String,
    },
    /// A metric's series.
    Series {
        /// The service, `""` for none.
        service: String,
        /// One pod of it.
        pod: Option<String>,
        /// The metric's name.
        metric: String,
    },
    /// One trace.
    Trace {
        /// Its id.
        trace: String,
    },
    /// Lines of a document.
    Document {
        /// Its name in the index.
        document: String,
        /// The first line, from 1.
        line: u32,
    },
    /// A change.
    Change {
        /// Its id, else its title.
        id: String,
    },
    /// A cluster object.
    Object {
        /// `Kind/namespace/name`.
        object: String,
    },
    /// Several things, in one item that lists what was seen of each.
    Several {
        /// Each of them.
        each: Vec<Measure>,
    },
}

/// What is measured of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// How many lines in the window.
    Count,
    /// Lines per minute in the window as a multiple of those in the baseline.
    Ratio,
    /// Not before this time was it seen, in the time that was examined: at or after a change.
    FirstSeen,
    /// Errors of requests and calls: `rises` or `falls` against the baseline.
    Errors,
    /// The time that they take: `rises` or `falls`.
    Duration,
    /// How often they come, or lines are written: `rises` or `falls`.
    Rate,
    /// A metric's level against its baseline: `rises` or `falls`.
    Level,
    /// A span is the parent of another: `caller > callee`.
    Parent,
    /// The document says so, word for word.
    Quotes,
    /// When the change took effect.
    TookEffect,
    /// The object's status.
    Status,
}

/// One assertion: this figure of what that item measures is so much.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Assertion {
    /// The evidence item, by id.
    pub of: String,
    /// Which figure of it.
    pub figure: Figure,
    /// What it is said to be, as it would be written: `2,318`, `rises`, `03:07:10`.
    pub is: String,
}

impl Assertion {
    /// Asserts `figure` of item `of`.
    #[must_use]
    pub fn new(of: impl Into<String>, figure: Figure, is: impl Into<String>) -> Self {
        Self { of: of.into(), figure, is: is.into() }
    }
}

/// How the engine found an assertion when it measured again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is so.
    Held,
    /// It could not be measured, or not clearly enough.
    Unclear,
    /// It is not so.
    Failed,
}

/// An assertion after it was measured again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Check {
    /// What was asserted.
    pub assertion: Assertion,
    /// How it came out.
    pub outcome: Outcome,
    /// What was measured, in words.
    pub measured: String,
}
