//! What goes into the document index and what comes out of it.

use groundcrew_telemetry::{Attributes, Timestamp};
use serde::{Deserialize, Serialize};

use super::DocumentFilter;

/// What a document is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum DocumentKind {
    /// Says what to do when something is wrong.
    Runbook,
    /// Tells what once went wrong: a postmortem or incident report.
    Incident,
    /// Anything else worth finding.
    Doc,
}

impl DocumentKind {
    /// The word for it, as in front matter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runbook => "runbook",
            Self::Incident => "incident",
            Self::Doc => "doc",
        }
    }
}

/// A piece of a document, small enough to embed and to quote.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DocumentChunk {
    /// The document's stable id: its path below the indexed directory, or an id that was given.
    pub document: String,
    /// What the document is for.
    pub kind: DocumentKind,
    /// The document's title.
    pub title: String,
    /// The headings above this piece, outermost first, without the title.
    pub heading_path: Vec<String>,
    /// The piece itself, Markdown.
    pub text: String,
    /// The first line, counted from 1 in the file.
    pub line_start: u32,
    /// The last line, inclusive.
    pub line_end: u32,
    /// Where the file is, for opening it.
    pub path: String,
    /// The services that the document is about.
    pub services: Vec<String>,
    /// The alerts that it answers.
    pub alerts: Vec<String>,
    /// When the document was written or the incident happened.
    pub date: Option<Timestamp>,
    /// The rest of the front matter.
    pub front_matter: Attributes,
}

/// The vectors of chunks, one each, in the order of the chunks.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ChunkVectors {
    /// What names the model that made them. Vectors of different models are never compared.
    pub model: String,
    /// Their numbers: all of the same dimensions, of any length.
    pub vectors: Vec<Vec<f32>>,
}

/// What to look for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DocumentQuery {
    /// The question, alert or log line, in any words and of any length.
    pub text: String,
    /// The embedding of `text`; without it the search is lexical alone.
    pub vector: Option<Vec<f32>>,
    /// Which documents may be found at all.
    pub filter: DocumentFilter,
    /// How many documents, not chunks.
    pub limit: usize,
}

/// A document that was found, shown by its best chunk.
#[derive(Clone, PartialEq, Debug)]
pub struct DocumentHit {
    /// The document's best chunk.
    pub chunk: DocumentChunk,
    /// What the hits are sorted by. Comparable within one answer only.
    pub score: f32,
    /// The share of the query's words that the document covers, rare words counting more, from 0 to 1; `None` when no
    /// word occurs.
    pub lexical: Option<f32>,
    /// The cosine of the document's nearest chunk, from -1 to 1; `None` without vectors.
    pub cosine: Option<f32>,
}

impl DocumentHit {
    /// Confidence from which on a document is worth a reader's time. Below it, of the development questions whose best
    /// hit was so unsure, one in three had an answer among the first five; from it on more than nine in ten had
    /// (`docs/EVALUATION.md` has the whole table).
    pub const CONFIDENCE_MIN: f32 = 0.35;

    /// How sure it is that the document answers the query, from 0 to 1; unlike the score comparable between queries.
    ///
    /// The largest of all hits tells a question that has an answer from one that has none. On 546 questions, 13 of them
    /// without an answer, meaning alone ordered them right in 97.5 % of pairs, words alone in 91.9 %, this in 98.6 %.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        const WORDS: f32 = 0.6;
        let words = self.lexical.unwrap_or_default();
        let confidence = match self.cosine {
            Some(cosine) => (cosine + WORDS * words) / (1.0 + WORDS),
            None => words,
        };
        confidence.clamp(0.0, 1.0)
    }
}

/// What a finished [`replace_source`](super::DocumentIndex::replace_source) made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexedGeneration {
    /// The number of the generation that now serves.
    pub generation: u64,
    /// Chunks of the replaced source.
    pub chunks: u64,
    /// Chunks of other sources that were carried over.
    pub kept: u64,
    /// Vectors of other sources that were left behind, because another model had made them.
    pub vectors_dropped: u64,
}

/// How much the index holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DocumentCounts {
    /// Documents of all kinds.
    pub documents: u64,
    /// Of them runbooks.
    pub runbooks: u64,
    /// Of them incidents.
    pub incidents: u64,
    /// Chunks.
    pub chunks: u64,
    /// Chunks that have a vector.
    pub vectors: u64,
}
