//! Brings the order by words and the order by meaning together.

use super::DocumentKind;
use super::generation::Generation;
use super::rank::LexicalMatch;
use super::vectors::Quantised;

/// Keeps the first ranks from deciding alone; the value of the paper that proposed reciprocal rank fusion.
const RANK_OFFSET: f32 = 60.0;
/// Documents of each order that are fused.
const DEPTH: usize = 200;

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
}

/// The documents of wanted kinds that match by words or by meaning, best first.
pub(super) fn candidates(
    generation: &Generation,
    mut lexical: Vec<LexicalMatch>,
    vector: Option<&Quantised>,
    is_wanted: &dyn Fn(DocumentKind) -> bool,
) -> Vec<Candidate> {
    let documents = &generation.catalog.documents;
    let wanted = |document: u32| {
        documents.get(document as usize).is_some_and(|document| is_wanted(document.kind))
    };
    lexical.retain(|found| wanted(found.document));
    let mut nearest = vector.map_or_else(Vec::new, |vector| nearest(generation, vector));
    nearest.retain(|found| wanted(found.document));
    fuse(lexical, nearest)
}

/// Every document's chunk that is nearest to `vector`.
fn nearest(generation: &Generation, vector: &Quantised) -> Vec<Nearest> {
    let mut nearest: Vec<Nearest> = Vec::new();
    generation.vectors.each_cosine(vector, &mut |position, cosine| {
        let Some(entry) = generation.catalog.chunks.get(position) else { return };
        let chunk = u32::try_from(position).unwrap_or(u32::MAX);
        let found = Nearest { document: entry.document, chunk, cosine };
        // A document's chunks come one after another.
        match nearest.last_mut() {
            Some(last) if last.document == found.document => {
                if cosine > last.cosine {
                    *last = found;
                }
            }
            _ => nearest.push(found),
        }
    });
    nearest
}

/// Adds up the reciprocal ranks of each document.
fn fuse(mut lexical: Vec<LexicalMatch>, mut nearest: Vec<Nearest>) -> Vec<Candidate> {
    // Equal scores keep the order of the index, so that the same question gets the same answer.
    lexical.sort_by(|one, other| {
        other.score.total_cmp(&one.score).then(one.document.cmp(&other.document))
    });
    nearest.sort_by(|one, other| {
        other.cosine.total_cmp(&one.cosine).then(one.document.cmp(&other.document))
    });
    let mut found = rustc_hash::FxHashMap::<u32, Candidate>::default();
    for (rank, entry) in lexical.iter().take(DEPTH).enumerate() {
        let (document, chunk) = (entry.document, entry.chunk);
        let score = 1.0 / (RANK_OFFSET + rank as f32);
        found.insert(
            document,
            Candidate { document, chunk, score, lexical: Some(entry.coverage), cosine: None },
        );
    }
    for (rank, entry) in nearest.iter().take(DEPTH).enumerate() {
        let (document, chunk) = (entry.document, entry.chunk);
        let share = 1.0 / (RANK_OFFSET + rank as f32);
        let candidate = found.entry(document).or_insert(Candidate {
            document,
            chunk,
            score: 0.0,
            lexical: None,
            cosine: None,
        });
        candidate.score += share;
        candidate.cosine = Some(entry.cosine);
    }
    let mut found: Vec<Candidate> = found.into_values().collect();
    found.sort_by(|one, other| {
        other.score.total_cmp(&one.score).then(one.document.cmp(&other.document))
    });
    found
}
