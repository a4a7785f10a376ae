//! Scores documents by the words they share with a query.
//!
//! BM25 over weighted fields: the counts of a term in title, names, headings and text are added, each divided by how
//! long the field is and multiplied by its weight, before the one saturation, so that a title match cannot be counted
//! twice. A document's score is that of its best chunk plus a share of its own as a whole: the best chunk says where
//! the answer is, the whole tells two documents apart when the query's words are spread over several chunks. How rare a
//! term is counts documents, not chunks, because a title repeats in every chunk of a long document.

use super::catalog::{Catalog, Field, PerField, of};
use super::lexical::{Lexicon, Posting};
use super::words::Terms;
use crate::StoreError;

/// Saturation of a term's count.
const K1: f32 = 1.2;
/// How much a field's length matters in a chunk. Chunks are of about one length by construction.
const CHUNK_B: f32 = 0.75;
/// How much a document's length matters: the longest runbook would otherwise win every general question.
const DOCUMENT_B: f32 = 0.9;
/// Weights of title, names, headings, text and the meaning of jargon.
const WEIGHTS: PerField<f32> = [4.0, 4.0, 1.0, 1.0, 1.5];
/// The share of the whole document's score.
const WHOLE_SHARE: f32 = 0.6;
/// Times that a repeated term of the query counts at most.
const REPEATS_MAX: u32 = 3;
/// Bytes of a query that are read. A pasted log or an attack may be much longer.
const QUERY_BYTES_MAX: usize = 64 * 1024;
/// Terms of a query that are looked up: the rarest.
const QUERY_TERMS_MAX: usize = 64;
/// Chunks in which the terms of a query may occur, all together: commoner terms are left out, which say next to nothing
/// and would be most of the work in a large index.
const QUERY_CHUNKS_MAX: u64 = 400_000;
/// Documents that one query matches at most: the best.
const MATCHES_MAX: usize = 4096;

/// A document that shares words with the query.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct LexicalMatch {
    /// Position of the document.
    pub(super) document: u32,
    /// Position of its best chunk.
    pub(super) chunk: u32,
    pub(super) score: f32,
    /// The share of the query's weight that the document covers, from 0 to 1.
    pub(super) coverage: f32,
}

/// A term of the query.
struct QueryTerm {
    term: String,
    repeats: u32,
}

/// The documents that share words with `text`, in no particular order.
pub(super) fn lexical_matches(
    lexicon: &Lexicon,
    (catalog, lengths): (&Catalog, &Lengths),
    text: &str,
) -> Result<Vec<LexicalMatch>, StoreError> {
    let mut scorer = Scorer::new(catalog, lengths);
    for term in query_terms(lexicon, text)? {
        scorer.add(lexicon, &term)?;
    }
    Ok(scorer.matches())
}

/// The distinct terms of `text`; of many the rarest.
fn query_terms(lexicon: &Lexicon, text: &str) -> Result<Vec<QueryTerm>, StoreError> {
    let read = text.get(..text.floor_char_boundary(QUERY_BYTES_MAX)).unwrap_or(text);
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    Terms::new().each(read, &mut |term| *counts.entry(term.to_owned()).or_default() += 1);
    let mut terms = Vec::with_capacity(counts.len());
    for (term, repeats) in counts {
        terms.push((lexicon.chunks_with(&term)?, QueryTerm { term, repeats }));
    }
    // What occurs nowhere is rarest of all, and of no use but to tell how much is not covered.
    terms.sort_by_key(|(chunks, _)| if *chunks == 0 { u32::MAX } else { *chunks });
    let mut room = QUERY_CHUNKS_MAX;
    let mut kept = Vec::new();
    for (chunks, term) in terms.into_iter().take(QUERY_TERMS_MAX) {
        let Some(left) = room.checked_sub(u64::from(chunks)).or(kept.is_empty().then_some(0))
        else {
            continue;
        };
        room = left;
        kept.push(term);
    }
    Ok(kept)
}

/// How long the fields and documents of a catalog are.
#[derive(Debug)]
pub(super) struct Lengths {
    /// Mean number of terms of each field.
    means: PerField<f32>,
    /// Terms in the text of each document, and their mean.
    document_terms: Vec<f32>,
    document_terms_mean: f32,
}

impl Lengths {
    pub(super) fn of(catalog: &Catalog) -> Self {
        let mut means = [0.0; Field::ALL.len()];
        for (mean, field) in means.iter_mut().zip(Field::ALL) {
            let terms: f64 =
                catalog.chunks.iter().map(|chunk| f64::from(of(&chunk.terms, field))).sum();
            *mean = mean_of(terms, catalog.chunks.len());
        }
        let mut document_terms = vec![0.0_f32; catalog.documents.len()];
        for chunk in &catalog.chunks {
            if let Some(terms) = document_terms.get_mut(chunk.document as usize) {
                *terms += of(&chunk.terms, Field::Text) as f32;
            }
        }
        let all_terms = document_terms.iter().map(|terms| f64::from(*terms)).sum();
        let document_terms_mean = mean_of(all_terms, document_terms.len());
        Self { means, document_terms, document_terms_mean }
    }
}

/// Adds up scores term by term.
struct Scorer<'c> {
    catalog: &'c Catalog,
    lengths: &'c Lengths,
    chunks: Sums,
    documents: Sums,
    /// What a perfect match would score.
    ideal: f32,
}

/// Scores, and the weighted counts of the term that is being added.
struct Sums {
    scores: Vec<f32>,
    counts: Vec<f32>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(length: usize) -> Self {
        Self { scores: vec![0.0; length], counts: vec![0.0; length], touched: Vec::new() }
    }

    fn count(&mut self, position: u32, weighted: f32) {
        if let Some(count) = self.counts.get_mut(position as usize) {
            if *count == 0.0 {
                self.touched.push(position);
            }
            *count += weighted;
        }
    }

    /// Turns the counts into scores and forgets them.
    fn settle(&mut self, weight: f32) {
        for position in self.touched.drain(..) {
            let at = position as usize;
            if let (Some(score), Some(count)) = (self.scores.get_mut(at), self.counts.get_mut(at)) {
                *score += weight * (K1 + 1.0) * *count / (K1 + *count);
                *count = 0.0;
            }
        }
    }
}

impl<'c> Scorer<'c> {
    fn new(catalog: &'c Catalog, lengths: &'c Lengths) -> Self {
        Self {
            catalog,
            lengths,
            chunks: Sums::new(catalog.chunks.len()),
            documents: Sums::new(catalog.documents.len()),
            ideal: 0.0,
        }
    }

    fn add(&mut self, lexicon: &Lexicon, query_term: &QueryTerm) -> Result<(), StoreError> {
        lexicon.each_posting(&query_term.term, &mut |posting| self.count(posting))?;
        let documents = self.catalog.documents.len() as f32;
        let having = self.documents.touched.len() as f32;
        let rarity = (1.0 + (documents - having + 0.5) / (having + 0.5)).ln();
        let weight = rarity * (query_term.repeats.min(REPEATS_MAX) as f32).sqrt();
        self.chunks.settle(weight);
        self.documents.settle(weight);
        self.ideal += weight * (K1 + 1.0) * (1.0 + WHOLE_SHARE);
        Ok(())
    }

    fn count(&mut self, posting: Posting) {
        let Some(chunk) = self.catalog.chunks.get(posting.chunk as usize) else { return };
        let weighted = posting.count as f32 * of(&WEIGHTS, posting.field);
        let terms = of(&chunk.terms, posting.field) as f32;
        let in_chunk = match posting.field {
            // However much jargon a title has, each explanation counts as much.
            Field::Meaning => weighted,
            field => weighted / norm(CHUNK_B, terms, of(&self.lengths.means, field)),
        };
        self.chunks.count(posting.chunk, in_chunk);
        match posting.field {
            // Headings are part of the text already.
            Field::Headings => {}
            Field::Text => {
                let terms = self.lengths.document_terms.get(chunk.document as usize).copied();
                let mean = self.lengths.document_terms_mean;
                let norm = norm(DOCUMENT_B, terms.unwrap_or_default(), mean);
                self.documents.count(chunk.document, weighted / norm);
            }
            // Every chunk of a document repeats these.
            Field::Title | Field::Names | Field::Meaning => {
                let document = self.catalog.documents.get(chunk.document as usize);
                if document.is_some_and(|document| document.chunks.start == posting.chunk) {
                    self.documents.count(chunk.document, in_chunk);
                }
            }
        }
    }

    fn matches(self) -> Vec<LexicalMatch> {
        let mut matches = Vec::new();
        for ((position, document), whole) in
            (0..).zip(&self.catalog.documents).zip(&self.documents.scores)
        {
            let range = document.chunks.start as usize..document.chunks.end as usize;
            let chunks = self.chunks.scores.get(range).unwrap_or_default();
            let best = (document.chunks.start..).zip(chunks).max_by(|one, other| {
                // The earlier of equal chunks.
                one.1.total_cmp(other.1).then(other.0.cmp(&one.0))
            });
            let Some((chunk, best)) = best.filter(|(_, best)| **best > 0.0) else { continue };
            let score = best + WHOLE_SHARE * whole;
            let coverage = (score / self.ideal).clamp(0.0, 1.0);
            matches.push(LexicalMatch { document: position, chunk, score, coverage });
        }
        if matches.len() > MATCHES_MAX {
            matches.select_nth_unstable_by(MATCHES_MAX, |one, other| {
                other.score.total_cmp(&one.score).then(one.document.cmp(&other.document))
            });
            matches.truncate(MATCHES_MAX);
        }
        matches
    }
}

fn mean_of(sum: f64, count: usize) -> f32 {
    (sum / count.max(1) as f64) as f32
}

/// How much longer than usual a field is, softened by `b`.
fn norm(b: f32, terms: f32, mean: f32) -> f32 {
    1.0 - b + b * terms / mean.max(f32::MIN_POSITIVE)
}
