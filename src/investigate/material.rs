//! The values between retrieving, suspecting and explaining, so that those three need not know each other.

use groundcrew_analysis::{Analysis, Observations};
use groundcrew_store::DocumentChunk;

use super::answer::Receipt;
use super::evidence::{Candidate, Gap};

/// Everything that was found for one plan.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Gathered {
    /// For the analysis.
    pub observations: Observations,
    /// For the bundle, scored, best first.
    pub candidates: Vec<Candidate>,
    /// Runbooks and past incidents, best first.
    pub passages: Vec<Passage>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// How much was seen.
    pub receipt: Receipt,
}

/// A passage of a document that may help.
#[derive(Clone, PartialEq, Debug)]
pub struct Passage {
    /// Where it is from and what it says.
    pub chunk: DocumentChunk,
    /// How well it fits, 0 to 1, relative to the best one found.
    pub score: f64,
    /// Cosine similarity to the question and its symptoms; `None` without an embedding model.
    pub cosine: Option<f32>,
}

impl Passage {
    /// The key under which it is one item of a bundle.
    #[must_use]
    pub fn key(&self) -> String {
        format!("document:{}:{}", self.chunk.document, self.chunk.line_start)
    }
}

/// What the analysis found, ready to be cited.
#[derive(Clone, PartialEq, Debug)]
pub struct Diagnosis {
    /// The analysis itself.
    pub analysis: Analysis,
    /// One for each of the analysis' findings, in the same order.
    pub findings: Vec<ToldFinding>,
    /// One for each of the analysis' tested changes, in the same order.
    pub changes: Vec<ToldFinding>,
}

/// A finding in words, and the item that proves it.
#[derive(Clone, PartialEq, Debug)]
pub struct ToldFinding {
    /// One sentence, without a full stop.
    pub sentence: String,
    /// The item; its text begins with the sentence, because the figures in it are what the engine measured.
    pub item: Candidate,
}
