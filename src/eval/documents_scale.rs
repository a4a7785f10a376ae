//! `eval documents-scale`: size, memory and time of the document index as the corpus grows.
//!
//! The corpus of a retrieval measurement is taken once, ten times, a hundred times over, each copy under its own titles,
//! and goes the ordinary way into an index. Vectors are made up from a hash of the text, around a few hundred centres as
//! those of real texts are: what is measured is the index, not the model.

use std::path::Path;
use std::time::{Duration, Instant};

use groundcrew_indexer::docs::{CorpusText, embed_query, index_corpus};
use groundcrew_llm::{Embedder, LlmError};
use groundcrew_store::{DocumentFilter, DocumentQuery};

use super::case::{EvalError, FreshStore};
use super::retrieval::{Page, Query, read_lines};
use crate::investigate::Investigator;

/// Numbers of a made-up vector, as many as those of the real model.
const DIMENSIONS: usize = 384;
const CENTRES: u64 = 400;
/// Questions asked at each size.
const QUERIES_MAX: usize = 200;
/// Documents per question.
const LIMIT: usize = 10;

/// One size.
#[derive(Clone, Debug)]
pub struct DocumentsScaled {
    /// Copies of the corpus.
    pub factor: u32,
    /// Documents.
    pub documents: u64,
    /// Passages, each with a vector.
    pub chunks: u64,
    /// Bytes of the index on disk.
    pub index_bytes: u64,
    /// From texts to a searchable index, making up vectors.
    pub build: Duration,
    /// The same again, with every vector known from before.
    pub rebuild: Duration,
    /// Memory of the process after all questions, in bytes; zero where the system does not say.
    pub memory_bytes: u64,
    /// The first question, which opens the index.
    pub first: Duration,
    /// The median question.
    pub p50: Duration,
    /// What 95 % of the questions took at most.
    pub p95: Duration,
}

/// Measures at each of `factors`; `progress` hears of each.
///
/// # Errors
/// When a file cannot be read or the index fails.
pub fn documents_scale(
    like: &Investigator,
    folder: &Path,
    factors: &[u32],
    progress: &dyn Fn(&DocumentsScaled),
) -> Result<(), EvalError> {
    let pages: Vec<Page> = read_lines(&folder.join("corpus.jsonl"))?;
    let mut queries: Vec<Query> = read_lines(&folder.join("queries.jsonl"))?;
    // Evenly from all over the file, because kinds of questions stand together.
    let step = queries.len().div_ceil(QUERIES_MAX).max(1);
    queries = queries.into_iter().step_by(step).collect();
    for factor in factors {
        progress(&measure(like, &pages, &queries, *factor)?);
    }
    Ok(())
}

fn measure(
    like: &Investigator,
    pages: &[Page],
    queries: &[Query],
    factor: u32,
) -> Result<DocumentsScaled, EvalError> {
    let store = FreshStore::new(like)?;
    let documents = store.store().documents();
    let names: Vec<(String, String)> = (0..factor)
        .flat_map(|copy| {
            pages
                .iter()
                .map(move |page| (format!("{}#{copy}", page.id), format!("{} {copy}", page.title)))
        })
        .collect();
    let texts = pages.iter().cycle().map(|page| page.text.as_str());
    let corpus: Vec<CorpusText<'_>> =
        names.iter().zip(texts).map(|((id, title), text)| CorpusText { id, title, text }).collect();
    let build = || {
        let began = Instant::now();
        index_corpus(("corpus", &corpus), documents, &like.masker, Some(&MadeUp), &|_| {})
            .map(|_| began.elapsed())
            .map_err(|error| EvalError::Ingest {
                path: "corpus".into(),
                message: error.to_string(),
            })
    };
    let (build, rebuild) = (build()?, build()?);
    let mut took = Vec::new();
    for query in queries {
        let vector = embed_query(documents, &MadeUp, &query.text).ok().flatten();
        let filter = DocumentFilter::default();
        let wanted = DocumentQuery { text: query.text.clone(), vector, filter, limit: LIMIT };
        let began = Instant::now();
        documents.search(&wanted)?;
        took.push(began.elapsed());
    }
    let first = took.first().copied().unwrap_or_default();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    let counts = documents.counts()?;
    Ok(DocumentsScaled {
        factor,
        documents: counts.documents,
        chunks: counts.chunks,
        index_bytes: bytes_below(&store.directory().join("documents"), "embeddings"),
        build,
        rebuild,
        memory_bytes: memory_bytes().unwrap_or(0),
        first,
        p50: at(50),
        p95: at(95),
    })
}

/// Makes vectors up.
#[derive(Debug)]
struct MadeUp;

impl Embedder for MadeUp {
    fn identity(&self) -> &str {
        "made up"
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        Ok(texts.iter().map(|text| made_up(text)).collect())
    }
}

/// A vector near one of some centres, the same for the same text.
fn made_up(text: &str) -> Vec<f32> {
    let hash = blake3::hash(text.as_bytes());
    let seed = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let own = noise(seed);
    noise(seed % CENTRES)
        .zip(own)
        .map(|(centre, own)| centre + 0.8 * own)
        .take(DIMENSIONS)
        .collect()
}

/// Numbers between -1 and 1 that look random.
fn noise(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        // SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    })
}

/// Bytes of the files below `dir`, without the folder called `left_out`.
fn bytes_below(dir: &Path, left_out: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().filter(|entry| entry.file_name() != left_out).map(|entry| {
        let path = entry.path();
        let is_dir = path.is_dir();
        if is_dir {
            bytes_below(&path, left_out)
        } else {
            entry.metadata().map_or(0, |meta| meta.len())
        }
    });
    sizes.sum()
}

/// What of this process is in memory, where the system says so.
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_vectors_are_stable_and_have_neighbours() {
        let vectors: Vec<Vec<f32>> =
            (0..1_000).map(|number| made_up(&number.to_string())).collect();
        assert_eq!(vectors[7], made_up("7"));
        let cosine = |one: &[f32], other: &[f32]| {
            let product = |one: &[f32], other: &[f32]| -> f32 {
                one.iter().zip(other).map(|(x, y)| x * y).sum()
            };
            product(one, other) / (product(one, one) * product(other, other)).sqrt()
        };
        let nearest = vectors[1..].iter().map(|other| cosine(&vectors[0], other));
        let nearest = nearest.fold(f32::MIN, f32::max);
        assert!((0.4..0.99).contains(&nearest), "{nearest}");
    }
}
