//! The value between explaining and verifying: sentences with citations that nobody has checked yet.

use super::answer::{
    Confidence, Hypothesis, Impact, NextStep, SeenBefore, ToldBy, Unknown, Usage, Verdict,
};
use super::assertion::Assertion;

/// A sentence and the evidence ids it claims to stand on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sentence {
    /// Plain text.
    pub text: String,
    /// Evidence ids, as the writer gave them.
    pub cites: Vec<String>,
    /// What it asserts, to be measured again.
    pub asserts: Vec<Assertion>,
}

impl Sentence {
    /// A sentence that cites `cites`.
    #[must_use]
    pub fn new(text: impl Into<String>, cites: Vec<String>) -> Self {
        Self { text: text.into(), cites, asserts: Vec::new() }
    }

    /// The sentence, asserting `asserts`.
    #[must_use]
    pub fn asserting(self, asserts: Vec<Assertion>) -> Self {
        Self { asserts, ..self }
    }
}

/// An explanation before it was checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// What it comes to.
    pub verdict: Verdict,
    /// How sure the rules allow it to be.
    pub confidence: Option<Confidence>,
    /// Read first.
    pub headline: Sentence,
    /// The sentences.
    pub claims: Vec<Sentence>,
    /// Suspects, best first.
    pub hypotheses: Vec<Hypothesis>,
    /// What was excluded and why.
    pub ruled_out: Vec<Sentence>,
    /// What to do next.
    pub next: Vec<NextStep>,
    /// Past incidents like this one.
    pub seen_before: Vec<SeenBefore>,
    /// What could not be seen.
    pub unknowns: Vec<Unknown>,
    /// Who is hit, since when.
    pub impact: Impact,
    /// Who wrote it.
    pub told_by: ToldBy,
    /// Tokens, if a model wrote it.
    pub usage: Usage,
    /// What the reader must know first.
    pub notice: Option<String>,
}
