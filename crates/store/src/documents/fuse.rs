//! Brings the order by words and the order by meaning together.
//!
//! Both go in as scores on one scale: words as a share of the best match by words, meaning as a cosine. Reciprocal rank
//! fusion, which knows ranks alone, was measured on 533 questions about 1,147 runbooks and lost (mean nDCG@10 .756 with
//! the usual offset of 60, .772 with 5, against .788): it cannot tell a name that matches to the letter from the first of
//! a hundred equally vague pages.
//!
//! Meaning is looked for twice: the second time the question's vector is moved towards the documents that came out first
//! (Rocchio's pseudo-relevance feedback). Pages about one thing are near each other, whatever words a question uses.

use rustc_hash::FxHashMap;

use super::generation::Generation;
use super::rank::LexicalMatch;
use super::tense::leaning;
use super::vectors::asked;
use super::{DocumentKind, DocumentQuery};
use crate::StoreError;

/// What the best match by words adds to a cosine. Between .3 and .7 the measured result hardly moves.
const LEXICAL_WEIGHT: f32 = 0.5;
/// The share of a document's beginning in its cosine, beside that of its nearest chunk.
const BEGINNING_SHARE: f32 = 0.6;
/// Documents that the question is moved towards, and how far.
const FEEDBACK_DOCUMENTS: usize = 3;
const FEEDBACK_SHARE: f32 = 0.4;
/// What the right kind of document adds to a cosine, when the question leans to one.
const KIND_WEIGHT: f32 = 0.1;

/// A document that was found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Candidate {
    pub(super) document: u32,
    /// The chunk to show.
    pub(super) chunk: u32,
    pub(super) score: f32,
    pub(super) lexical: Option<f32>,
    pub(super) cosine: Option<f32>,
}

/// The best chunk of a document by meaning.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Nearest {
    document: u32,
    chunk: u32,
    cosine: f32,
    /// The cosine of the document's beginning, its first chunk.
    beginning: f32,
}

impl Nearest {
    /// What the document is about says more than what one part of it is near to.
    fn closeness(&self) -> f32 {
        BEGINNING_SHARE * self.beginning + (1.0 - BEGINNING_SHARE) * self.cosine
    }
}

/// The documents admitted by `filter` that match by words or by meaning, best first.
pub(super) fn candidates(
    generation: &Generation,
    lexical: &[LexicalMatch],
    nearest: &[(usize, f32)],
    query: &DocumentQuery,
) -> Vec<Candidate> {
    let documents = &generation.catalog.documents;
    let filter = &query.filter;
    let wanted = |document: u32| {
        documents.get(document as usize).is_some_and(|document| filter.admits(&document.payload))
    };
    let mut lexical = lexical.to_vec();
    lexical.retain(|found| wanted(found.document));
    let mut nearest = by_document(generation, nearest);
    nearest.retain(|found| wanted(found.document));
    let mut found = fuse(&lexical, &nearest);
    prefer_kinds(generation, leaning(&query.text), &mut found);
    in_order(&mut found);
    found
}

/// Accounts of incidents are moved up for a story, and down for a trouble that is going on.
fn prefer_kinds(generation: &Generation, leaning: f32, found: &mut [Candidate]) {
    for candidate in found {
        let document = generation.catalog.documents.get(candidate.document as usize);
        if document.is_some_and(|document| document.payload.kind == DocumentKind::Incident) {
            candidate.score += KIND_WEIGHT * leaning;
        }
    }
}

/// The best first. Equal scores keep the order of the index, so that the same question gets the same answer.
fn in_order(found: &mut [Candidate]) {
    found.sort_by(|one, other| {
        other.score.total_cmp(&one.score).then(one.document.cmp(&other.document))
    });
}

/// The question's vector, of length one, moved towards the beginnings of the documents that were found `first`; `None`
/// when none of them has a vector, or nothing is left.
pub(super) fn moved_towards(
    generation: &Generation,
    vector: &[f32],
    first: &[Candidate],
) -> Result<Option<Vec<f32>>, StoreError> {
    let vectors = generation.vectors()?;
    let documents = &generation.catalog.documents;
    let beginning = |found: &Candidate| {
        let start = documents.get(found.document as usize)?.chunks.start;
        vectors.get(start as usize)
    };
    let beginnings: Vec<_> = first.iter().take(FEEDBACK_DOCUMENTS).filter_map(beginning).collect();
    if beginnings.is_empty() {
        return Ok(None);
    }
    let share = FEEDBACK_SHARE / beginnings.len() as f32;
    let mut moved: Vec<f32> = vector.iter().map(|x| (1.0 - FEEDBACK_SHARE) * x).collect();
    for (scale, codes) in beginnings {
        add(share * scale, codes, &mut moved);
    }
    Ok(asked(&moved))
}

fn add(scale: f32, codes: &[i8], sum: &mut [f32]) {
    for (sum, code) in sum.iter_mut().zip(codes) {
        *sum += scale * f32::from(*code);
    }
}

/// Of each document the chunk that is nearest, in the order of the documents; chunks come with their cosines.
fn by_document(generation: &Generation, chunks: &[(usize, f32)]) -> Vec<Nearest> {
    let mut chunks = chunks.to_vec();
    chunks.sort_unstable_by_key(|(position, _)| *position);
    // A beginning that is not among the nearest is no nearer than the last of them.
    let farthest = chunks.iter().map(|(_, cosine)| *cosine).fold(1.0, f32::min);
    let mut nearest: Vec<Nearest> = Vec::new();
    for (position, cosine) in chunks {
        let Some(entry) = generation.catalog.chunks.get(position) else { continue };
        let chunk = u32::try_from(position).unwrap_or(u32::MAX);
        let document = generation.catalog.documents.get(entry.document as usize);
        let is_beginning = document.is_some_and(|document| document.chunks.start == chunk);
        let beginning = if is_beginning { cosine } else { farthest };
        let found = Nearest { document: entry.document, chunk, cosine, beginning };
        // A document's chunks come one after another.
        match nearest.last_mut() {
            Some(last) if last.document == found.document => {
                if cosine > last.cosine {
                    *last = Nearest { beginning: last.beginning, ..found };
                }
            }
            _ => nearest.push(found),
        }
    }
    nearest
}

/// Adds up the two scores of each document.
fn fuse(lexical: &[LexicalMatch], nearest: &[Nearest]) -> Vec<Candidate> {
    let best = lexical.iter().map(|found| found.score).fold(f32::MIN_POSITIVE, f32::max);
    // A document that has no vector competes by words, as if its meaning were that of an average one.
    let closeness = nearest.iter().map(Nearest::closeness);
    let average = closeness.sum::<f32>() / nearest.len().max(1) as f32;
    let mut found = FxHashMap::<u32, Candidate>::default();
    for entry in lexical {
        found.insert(
            entry.document,
            Candidate {
                document: entry.document,
                chunk: entry.chunk,
                score: average + LEXICAL_WEIGHT * entry.score / best,
                lexical: Some(entry.coverage),
                cosine: None,
            },
        );
    }
    for entry in nearest {
        let Nearest { document, chunk, cosine, .. } = *entry;
        let candidate = found.entry(document).or_insert(Candidate {
            document,
            chunk,
            score: average,
            lexical: None,
            cosine: None,
        });
        let by_words = candidate.score - average;
        // The chunk to show is the one that the larger part of the score comes from.
        if cosine > by_words {
            candidate.chunk = chunk;
        }
        candidate.score = by_words + entry.closeness();
        candidate.cosine = Some(cosine);
    }
    let mut found: Vec<Candidate> = found.into_values().collect();
    in_order(&mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_words(document: u32, score: f32) -> LexicalMatch {
        LexicalMatch { document, chunk: document * 10, score, coverage: score / 20.0 }
    }

    fn by_meaning(document: u32, cosine: f32) -> Nearest {
        Nearest { document, chunk: document * 10 + 1, cosine, beginning: cosine }
    }

    fn order(lexical: &[LexicalMatch], nearest: &[Nearest]) -> Vec<u32> {
        fuse(lexical, nearest).iter().map(|found| found.document).collect()
    }

    #[test]
    fn either_order_alone_is_kept() {
        let words = [by_words(1, 3.0), by_words(2, 9.0), by_words(3, 6.0)];
        assert_eq!(order(&words, &[]), [2, 3, 1]);
        let meaning = [by_meaning(1, 0.2), by_meaning(2, -0.1), by_meaning(3, 0.6)];
        assert_eq!(order(&[], &meaning), [3, 1, 2]);
        assert_eq!(order(&[], &[]), [0_u32; 0]);
    }

    #[test]
    fn agreement_beats_either_alone() {
        let words = [by_words(1, 10.0), by_words(2, 8.0)];
        let meaning = [by_meaning(3, 0.7), by_meaning(2, 0.6), by_meaning(1, 0.1)];
        assert_eq!(order(&words, &meaning), [2, 3, 1]);
    }

    #[test]
    fn what_a_document_is_about_outweighs_one_part_of_it() {
        let about = Nearest { beginning: 0.6, ..by_meaning(1, 0.6) };
        let mentions = Nearest { beginning: 0.3, ..by_meaning(2, 0.7) };
        assert_eq!(order(&[], &[mentions, about]), [1, 2]);
        let says_it_better = Nearest { beginning: 0.6, ..by_meaning(3, 0.7) };
        assert_eq!(order(&[], &[mentions, about, says_it_better]), [3, 1, 2]);
    }

    #[test]
    fn scores_say_where_they_come_from() {
        let found = fuse(&[by_words(1, 10.0)], &[by_meaning(1, 0.7), by_meaning(2, 0.1)]);
        assert_eq!((found[0].lexical, found[0].cosine, found[0].chunk), (Some(0.5), Some(0.7), 11));
        assert_eq!((found[1].lexical, found[1].cosine, found[1].chunk), (None, Some(0.1), 21));
        let found = fuse(&[by_words(1, 10.0)], &[by_meaning(1, 0.2)]);
        assert_eq!(found[0].chunk, 10);
    }

    #[test]
    fn a_document_without_a_vector_can_still_win_by_words() {
        let words = [by_words(1, 10.0), by_words(2, 2.0)];
        let meaning = [by_meaning(2, 0.4), by_meaning(3, 0.2)];
        assert_eq!(order(&words, &meaning)[0], 1);
    }

    #[test]
    fn equal_scores_keep_the_order_of_the_index() {
        let meaning: Vec<_> = (0..50).map(|document| by_meaning(document, 0.5)).collect();
        assert_eq!(order(&[], &meaning), (0..50).collect::<Vec<_>>());
    }
}
