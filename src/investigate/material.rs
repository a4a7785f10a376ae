//! The values between retrieving, suspecting and explaining, so that those three need not know each other.

use std::collections::BTreeMap;

use groundcrew_analysis::fingerprint::Fingerprint;
use groundcrew_analysis::precedent::Influence;
use groundcrew_analysis::{Analysis, Observations};
use groundcrew_store::{CatalogEntity, DocumentChunk, DocumentHit};
use groundcrew_telemetry::{LogRow, Timestamp};
use serde::{Deserialize, Serialize};

use super::answer::Receipt;
use super::assertion::Figure;
use super::evidence::{Candidate, Gap};
use super::remembered::{Imprint, IncidentRecord};
use crate::text::Tainted;

/// Below this score no suspect is named: the evidence is as likely to be noise.
pub const SCORE_NAMED_MIN: f64 = 0.30;

/// Everything that was found for one plan.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gathered {
    /// For the analysis.
    pub observations: Observations,
    /// For the bundle, scored, best first.
    pub candidates: Vec<Candidate>,
    /// Values that differ in lines that are otherwise alike, by the key of the lines' item.
    pub differing: BTreeMap<String, Tainted<String>>,
    /// Runbooks and past incidents, best first.
    pub passages: Vec<Passage>,
    /// Past incidents, to be compared with what is found.
    pub memory: Vec<Remembered>,
    /// What service catalogs among the documents describe.
    pub catalog: Vec<CatalogEntity>,
    /// What the question asked for in so many words.
    pub looked: Vec<Candidate>,
    /// Names of the alerts that went off in the window.
    pub alerts: Vec<String>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// How much was seen.
    pub receipt: Receipt,
    /// The newest lines of services that are suspected. Only in capsules, where there is no store to read them from.
    pub lines: Vec<LogRow>,
}

/// A passage of a document that may help.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Passage {
    /// Where it is from and what it says.
    pub chunk: DocumentChunk,
    /// How well it fits, 0 to 1, relative to the best one found.
    pub score: f64,
    /// How sure it is that it answers the question and its symptoms, 0 to 1; comparable between questions.
    pub confidence: f32,
}

impl Passage {
    /// Whether it is worth a reader's time.
    #[must_use]
    pub fn helps(&self) -> bool {
        self.confidence >= DocumentHit::CONFIDENCE_MIN
    }

    /// The key under which it is one item of a bundle.
    #[must_use]
    pub fn key(&self) -> String {
        format!("document:{}:{}", self.chunk.document, self.chunk.line_start)
    }
}

/// A past incident before it is compared.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Remembered {
    /// What it looked like; empty for a document that quotes no symptom.
    pub fingerprint: Fingerprint,
    /// What is known of it.
    pub source: RememberedSource,
    /// How well its text answers the question and its symptoms, 0 to 1; 0 where there is no text to search.
    pub text: f64,
}

/// Where a past incident is known from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum RememberedSource {
    /// A person confirmed it or spoke about it.
    Record(Box<IncidentRecord>),
    /// A document tells it.
    Document {
        /// Its best passage.
        passage: Box<Passage>,
        /// The passage as an item.
        item: Box<Candidate>,
    },
}

/// A past incident that is like this one.
#[derive(Clone, PartialEq, Debug)]
pub struct SimilarIncident {
    /// Its title.
    pub title: String,
    /// Its code, when it is a record.
    pub incident: Option<String>,
    /// Its document, when it is one.
    pub document: Option<String>,
    /// When it was.
    pub at: Option<Timestamp>,
    /// How alike it is, 0 to 1.
    pub similarity: f64,
    /// What caused it.
    pub cause: Option<String>,
    /// What fixed it.
    pub fixed_by: Option<String>,
    /// How long it took.
    pub took: Option<String>,
    /// What is as it was then.
    pub matches: Vec<ToldSign>,
    /// What is not.
    pub differs: Vec<ToldSign>,
    /// The item that proves it.
    pub item: Candidate,
}

/// One sign in words, and the items that prove it.
#[derive(Clone, PartialEq, Debug)]
pub struct ToldSign {
    /// One sentence, without a full stop.
    pub sentence: String,
    /// Keys of the items.
    pub keys: Vec<String>,
}

/// What the analysis found, ready to be cited.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Diagnosis {
    /// The analysis itself.
    pub analysis: Analysis,
    /// What is left for the memory.
    pub imprint: Imprint,
    /// Past incidents that are like this one, the most alike first.
    pub similar: Vec<SimilarIncident>,
    /// What past incidents did to the ranking.
    pub influence: Influence,
    /// Who answers for the leading suspect, where that is known.
    pub owner: Option<Owner>,
    /// One for each of the analysis' findings, in the same order.
    pub findings: Vec<ToldFinding>,
    /// One for each of the metrics that moved beside them, in the same order.
    pub moved: Vec<ToldFinding>,
    /// One for each of the analysis' tested changes, in the same order.
    pub changes: Vec<ToldFinding>,
}

/// Who answers for a service.
#[derive(Clone, PartialEq, Debug)]
pub struct Owner {
    /// The service.
    pub service: String,
    /// The team or person, as the catalog names it.
    pub name: String,
    /// The item that proves it.
    pub item: Candidate,
}

/// A query that was run because it tells the live suspects apart, and what it brought.
#[derive(Clone, PartialEq, Debug)]
pub struct Deciding {
    /// What to look at it for.
    pub label: String,
    /// What it brought.
    pub item: Candidate,
}

/// A finding in words, and the item that proves it.
#[derive(Clone, PartialEq, Debug)]
pub struct ToldFinding {
    /// One sentence, without a full stop.
    pub sentence: String,
    /// The item; its text begins with the sentence, because the figures in it are what the engine measured.
    pub item: Candidate,
    /// What it says of the item, to be measured again.
    pub says: Vec<(Figure, String)>,
}
