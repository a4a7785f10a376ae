//! Runbooks and past incidents that help with this question.

use std::error::Error as _;

use groundcrew_indexer::docs::embed_query;
use groundcrew_store::{DocumentFilter, DocumentHit, DocumentKind, DocumentQuery, Store};

use super::super::context::LazyEmbedder;
use super::super::evidence::{Candidate, EvidenceKind, Gap, clip};
use super::super::material::Passage;
use super::super::question::Question;

/// Documents shown for one question.
const DOCUMENTS_MAX: usize = 6;
/// Longest text that is searched for by words, in bytes: the question and a few symptoms.
const QUERY_BYTES_MAX: usize = 2_000;
/// Longest text that is searched for by meaning. The time to embed grows with it, and its beginning says the most.
const MEANING_BYTES_MAX: usize = 500;
/// Bytes of one symptom in that text.
const SYMPTOM_BYTES_MAX: usize = 120;

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
        series: None,
        key: passage.key(),
    }
}

/// The question together with the strongest symptoms, as a search for documents. `None` when there are no documents.
pub(super) fn query(
    store: &Store,
    embedder: &LazyEmbedder,
    question: &Question,
    symptoms: &[&str],
    gaps: &mut Vec<Gap>,
) -> Option<DocumentQuery> {
    if store.documents().counts().is_ok_and(|counts| counts.documents == 0) {
        gaps.push(Gap::new(
            "no runbooks or past incidents are indexed",
            "groundcrew index ./runbooks",
        ));
        return None;
    }
    let mut text = question.text.clone();
    let mut meaning = clip(&question.text, MEANING_BYTES_MAX).to_owned();
    for symptom in symptoms {
        for (part, bytes_max) in [(&mut text, 300), (&mut meaning, SYMPTOM_BYTES_MAX)] {
            part.push('\n');
            part.push_str(clip(symptom, bytes_max));
        }
    }
    let text = clip(&text, QUERY_BYTES_MAX).to_owned();
    let meaning = clip(&meaning, MEANING_BYTES_MAX);
    let embedded =
        embedder.get().map_err(|reason| (reason.to_owned(), "make model")).and_then(|embedder| {
            embed_query(store.documents(), embedder, meaning).map_err(|error| {
                let told = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                (told, "groundcrew index ./runbooks")
            })
        });
    let vector = match embedded {
        Ok(vector) => vector,
        Err((reason, next)) => {
            let what = format!("documents were searched by words alone: {reason}");
            gaps.push(Gap::new(what, next));
            None
        }
    };
    let filter = DocumentFilter::default();
    Some(DocumentQuery { text, vector, filter, limit: DOCUMENTS_MAX })
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
