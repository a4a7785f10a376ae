//! Chunks to vectors: what earlier runs embedded is taken from the cache, the rest is embedded and kept.

use groundcrew_llm::Embedder;
use groundcrew_masking::Masked;
use groundcrew_store::{DocumentChunk, EmbeddingCache, EmbeddingKey};
use rustc_hash::FxHashMap;

use super::embedding_text::embedding_texts;
use super::summary::{DocsError, IndexProgress};

/// Chunks that are embedded in one go, and lost when the process is killed.
const BATCH_CHUNKS: usize = 32;

/// Where the vectors of a corpus came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VectorCounts {
    /// Chunks that the model read in this run.
    pub embedded: u64,
    /// Chunks whose text the model had read before, in this run or an earlier one.
    pub cached: u64,
}

/// One vector per chunk, in the order of the chunks.
pub(super) struct Embedded {
    pub(super) vectors: Vec<Vec<f32>>,
    pub(super) counts: VectorCounts,
}

/// A text that the model has to read, and the chunks that have it.
struct Unread {
    key: EmbeddingKey,
    text: String,
    positions: Vec<usize>,
}

/// Embeds `chunks`. Each batch is kept as soon as it is made, so that a run which is cut short starts where it ended.
pub(super) fn embed(
    chunks: &[Masked<DocumentChunk>],
    embedder: &dyn Embedder,
    cache: &EmbeddingCache,
    progress: &dyn Fn(IndexProgress),
) -> Result<Embedded, DocsError> {
    let mut vectors = vec![Vec::new(); chunks.len()];
    let unread = take_known(chunks, embedder.identity(), cache, &mut vectors);
    let all = chunks.len();
    let mut counts = VectorCounts { embedded: 0, cached: (all - unread.len()) as u64 };
    let mut done = all - unread.iter().map(|text| text.positions.len()).sum::<usize>();
    for batch in unread.chunks(BATCH_CHUNKS) {
        progress(IndexProgress::Embedding { done, all });
        let texts: Vec<&str> = batch.iter().map(|unread| unread.text.as_str()).collect();
        let made = embedder.embed(&texts)?;
        let keyed = batch.iter().zip(&made);
        cache.put(keyed.map(|(unread, vector)| (unread.key, vector.as_slice())));
        counts.embedded += batch.len() as u64;
        for (unread, vector) in batch.iter().zip(made) {
            done += unread.positions.len();
            place(&mut vectors, &unread.positions, &vector);
        }
    }
    if let Err(error) = cache.finish() {
        // The vectors are there; only the next run may have to make them again.
        tracing::warn!(%error, "failed to keep vectors for the next run");
    }
    Ok(Embedded { vectors, counts })
}

/// Puts what the cache knows in its place; returns the rest, shortest first: texts of about one length go well together.
fn take_known(
    chunks: &[Masked<DocumentChunk>],
    model: &str,
    cache: &EmbeddingCache,
    vectors: &mut [Vec<f32>],
) -> Vec<Unread> {
    let mut unread: Vec<Unread> = Vec::new();
    let mut order: FxHashMap<EmbeddingKey, usize> = FxHashMap::default();
    for (position, text) in embedding_texts(chunks).into_iter().enumerate() {
        let key = EmbeddingKey::new(model, &text);
        if let Some(vector) = cache.get(&key) {
            place(vectors, &[position], &vector);
            continue;
        }
        let place = *order.entry(key).or_insert(unread.len());
        match unread.get_mut(place) {
            Some(same) => same.positions.push(position),
            None => unread.push(Unread { key, text, positions: vec![position] }),
        }
    }
    unread.sort_by_key(|unread| unread.text.len());
    unread
}

fn place(vectors: &mut [Vec<f32>], positions: &[usize], vector: &[f32]) {
    for position in positions {
        if let Some(place) = vectors.get_mut(*position) {
            vector.clone_into(place);
        }
    }
}
