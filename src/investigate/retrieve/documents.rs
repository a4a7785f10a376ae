//! Runbooks and past incidents that help with this question.

use std::error::Error as _;

use groundcrew_indexer::docs::embed_query;
use groundcrew_store::{DocumentFilter, DocumentHit, DocumentKind, DocumentQuery, Store};

use super::super::assertion::Measure;
use super::super::context::LazyEmbedder;
use super::super::evidence::{Candidate, EvidenceKind, Gap, Own, clip};
use super::super::material::Passage;

/// Documents shown for one question.
const DOCUMENTS_MAX: usize = 6;
/// Longest text that is searched for by words, in bytes: the question and a few symptoms.
const QUERY_BYTES_MAX: usize = 2_000;
/// Longest text that is searched for by meaning. The time to embed grows with it, and its beginning says the most.
const MEANING_BYTES_MAX: usize = 320;
/// Bytes of each of the strongest symptoms that are embedded: a reader waits for it.
const SYMPTOM_BYTES_MAX: usize = 120;
/// So many of them.
const SYMPTOMS_MAX: usize = 2;
/// Symptoms whose words are searched for, and bytes of each.
const SYMPTOM_WORDS_MAX: usize = 3;
const SYMPTOM_WORDS_BYTES_MAX: usize = 300;

/// What a question and what was seen say, and mean once that is known.
pub(super) struct Asked<'a> {
    /// The words of the question.
    pub(super) text: &'a str,
    /// As [`meaning_of`] found it.
    pub(super) meaning: Option<Meaning>,
    /// What was seen.
    pub(super) symptoms: Symptoms,
    /// What that means.
    pub(super) seen: Option<Meaning>,
}

/// The strongest symptoms, for searching.
pub(super) struct Symptoms {
    words: String,
    /// The part that is embedded.
    pub(super) meaning: String,
}

impl Symptoms {
    /// Those of candidates that are sorted, best first.
    pub(super) fn of(candidates: &[Candidate]) -> Self {
        let lines = |count: usize, bytes_max: usize| -> String {
            let first = candidates.iter().take(count);
            let clipped: Vec<&str> =
                first.map(|candidate| clip(&candidate.text, bytes_max)).collect();
            clipped.join("\n")
        };
        Self {
            words: lines(SYMPTOM_WORDS_MAX, SYMPTOM_WORDS_BYTES_MAX),
            meaning: lines(SYMPTOMS_MAX, SYMPTOM_BYTES_MAX),
        }
    }
}

/// A vector, none where the documents were indexed without, or why there is none and what helps.
pub(super) type Meaning = Result<Option<Vec<f32>>, (String, &'static str)>;

/// The passage as an item of a bundle.
pub(super) fn candidate(passage: &Passage) -> Candidate {
    let chunk = &passage.chunk;
    let kind = match chunk.kind {
        DocumentKind::Runbook => EvidenceKind::Runbook,
        DocumentKind::Incident => EvidenceKind::Incident,
        DocumentKind::Doc => EvidenceKind::Doc,
    };
    let headings = chunk.heading_path.join(" › ");
    Candidate {
        kind,
        title: if headings.is_empty() {
            chunk.title.clone()
        } else {
            format!("{}: {headings}", chunk.title)
        },
        service: chunk.services.first().cloned(),
        range: None,
        query: Some(format!(
            "documents {}:{}-{}",
            chunk.document, chunk.line_start, chunk.line_end
        )),
        text: format!(
            "{} (lines {}–{})\n{}",
            chunk.document, chunk.line_start, chunk.line_end, chunk.text
        ),
        score: 0.25 + 0.25 * passage.score,
        own: Own::Nothing,
        measure: Some(Measure::Document {
            document: chunk.document.clone(),
            line: chunk.line_start,
        }),
        series: None,
        drawn: None,
        key: passage.key(),
    }
}

/// What a text means. `None` when there is no text, or no documents to search.
pub(super) fn meaning_of(store: &Store, embedder: &LazyEmbedder, text: &str) -> Option<Meaning> {
    if text.is_empty() || store.documents().counts().is_ok_and(|counts| counts.documents == 0) {
        return None;
    }
    Some(embed(store, embedder, clip(text, MEANING_BYTES_MAX)))
}

fn embed(store: &Store, embedder: &LazyEmbedder, text: &str) -> Meaning {
    let embedder = embedder.get().map_err(|reason| (reason.to_owned(), "make model"))?;
    embed_query(store.documents(), embedder, text).map_err(|error| {
        let told = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        (told, "groundcrew index ./runbooks")
    })
}

/// The question together with the strongest symptoms, as a search for documents. `None` when there are no documents.
///
/// Words are searched for all at once. The meaning is the mean of two, so that each can be embedded as soon as it is known.
pub(super) fn query(asked: Asked<'_>, gaps: &mut Vec<Gap>) -> Option<DocumentQuery> {
    let Some(meaning) = asked.meaning else {
        gaps.push(Gap::new(
            "no runbooks or past incidents are indexed",
            "groundcrew index ./runbooks",
        ));
        return None;
    };
    let text = format!("{}\n{}", asked.text, asked.symptoms.words);
    let text = clip(&text, QUERY_BYTES_MAX).to_owned();
    let vector = match (meaning, asked.seen) {
        (Ok(Some(question)), Some(Ok(Some(symptom)))) => Some(mean(question, symptom)),
        (Ok(vector), _) => vector,
        (Err((reason, next)), _) => {
            let what = format!("documents were searched by words alone: {reason}");
            gaps.push(Gap::new(what, next));
            None
        }
    };
    let filter = DocumentFilter::default();
    Some(DocumentQuery { text, vector, filter, limit: DOCUMENTS_MAX })
}

/// The direction between two unit vectors.
fn mean(mut question: Vec<f32>, symptom: Vec<f32>) -> Vec<f32> {
    for (value, other) in question.iter_mut().zip(symptom) {
        *value += other;
    }
    let length = question.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        question.iter_mut().for_each(|value| *value /= length);
    }
    question
}

/// Searches documents.
pub(super) fn find(store: &Store, query: &DocumentQuery, gaps: &mut Vec<Gap>) -> Vec<Passage> {
    let found = match store.documents().search(query) {
        Err(error) if error.is_vector_server() => {
            let what = format!("documents were searched by words alone: {error}");
            gaps.push(Gap::new(what, "groundcrew doctor"));
            store.documents().search(&DocumentQuery { vector: None, ..query.clone() })
        }
        other => other,
    };
    match found {
        Ok(hits) => {
            let passages = ranked(hits);
            if !passages.iter().any(Passage::helps) {
                gaps.push(Gap::unfixable(
                    "no runbook or past incident that is indexed covers this",
                ));
            }
            passages
        }
        Err(error) => {
            gaps.push(Gap::new(
                format!("documents could not be searched: {error}"),
                "groundcrew doctor",
            ));
            Vec::new()
        }
    }
}

/// Hits as passages, scored relative to the best.
pub(super) fn ranked(hits: Vec<DocumentHit>) -> Vec<Passage> {
    let best = hits.first().map_or(1.0, |hit| f64::from(hit.score)).max(f64::MIN_POSITIVE);
    hits.into_iter()
        .map(|hit| Passage {
            score: f64::from(hit.score) / best,
            confidence: hit.confidence(),
            chunk: hit.chunk,
        })
        .collect()
}
