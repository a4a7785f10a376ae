//! Writes a generation: what it keeps of the one before, and what is new.

use std::path::Path;

use groundcrew_masking::Masked;
use rustc_hash::FxHashMap;

use super::generation::Generation;
use super::vectors::{Quantised, quantise};
use super::writer::GenerationWriter;
use super::{ChunkVectors, DocumentChunk, IndexedGeneration};
use crate::StoreError;

/// Vectors that fit the chunks they came with, quantised.
pub(super) struct MadeVectors {
    model: String,
    dimensions: usize,
    vectors: Vec<Quantised>,
}

impl MadeVectors {
    /// Checks that there is one vector per chunk, all of one dimension.
    pub(super) fn check(made: ChunkVectors, chunks: usize) -> Result<Self, StoreError> {
        let ChunkVectors { model, vectors } = made;
        if vectors.len() != chunks {
            return Err(StoreError::VectorCount { vectors: vectors.len(), chunks });
        }
        let dimensions = vectors.first().map_or(0, Vec::len);
        if let Some(other) = vectors.iter().find(|vector| vector.len() != dimensions) {
            return Err(StoreError::VectorDimensions { found: other.len(), expected: dimensions });
        }
        let vectors = vectors.iter().map(|vector| quantise(vector)).collect();
        Ok(Self { model, dimensions, vectors })
    }
}

/// What a source is made of from now on.
pub(super) struct Content {
    pub(super) documents: Vec<String>,
    pub(super) chunks: Vec<Masked<DocumentChunk>>,
    pub(super) vectors: Option<MadeVectors>,
}

/// Writes what `before` has of other sources, then the documents of `source`.
pub(super) fn write(
    dir: &Path,
    before: Option<&Generation>,
    source: &str,
    content: Content,
) -> Result<IndexedGeneration, StoreError> {
    let Content { documents, chunks, vectors } = content;
    let given = vectors.as_ref().filter(|made| made.dimensions > 0);
    let given = given.map(|made| (made.model.as_str(), made.dimensions));
    let stored =
        before.map(|before| (before.catalog.model.as_str(), before.catalog.dimensions as usize));
    let (model, dimensions) = given.or(stored).unwrap_or_default();
    let mut writer = GenerationWriter::create(dir, model, dimensions)?;
    let mut indexed = IndexedGeneration { generation: 0, chunks: 0, kept: 0, vectors_dropped: 0 };
    let (order, mut changed) = by_document(chunks);
    let is_unchanged = |document: &&String| !changed.contains_key(*document);
    let mut unchanged: Unchanged =
        documents.iter().filter(is_unchanged).map(|id| (id.clone(), Vec::new())).collect();
    if let Some(before) = before {
        keep(before, source, &mut unchanged, &mut writer, &mut indexed)?;
    }
    for document in documents.into_iter().chain(order) {
        for (position, chunk) in changed.remove(&document).unwrap_or_default() {
            let vector = vectors.as_ref().and_then(|made| made.vectors.get(position));
            writer.push(source, chunk.into_inner(), vector)?;
            indexed.chunks += 1;
        }
        let Some(kept) = unchanged.remove(&document) else { continue };
        if kept.is_empty() {
            return Err(StoreError::UnknownDocument { document });
        }
        for (chunk, vector) in kept {
            writer.push(source, chunk, vector.as_ref())?;
            indexed.chunks += 1;
        }
    }
    writer.finish()?;
    Ok(indexed)
}

/// Chunks and vectors of documents that stay as they are.
type Unchanged = FxHashMap<String, Vec<(DocumentChunk, Option<Quantised>)>>;

/// Carries over the chunks of all sources but `source`, in their order, and collects those of its `unchanged` documents.
fn keep(
    before: &Generation,
    source: &str,
    unchanged: &mut Unchanged,
    writer: &mut GenerationWriter,
    indexed: &mut IndexedGeneration,
) -> Result<(), StoreError> {
    let catalog = &before.catalog;
    let vectors = before.vectors()?;
    let source_of = |entry: &super::catalog::ChunkEntry| {
        let document = catalog.documents.get(entry.document as usize)?;
        catalog.sources.get(document.source as usize).map(String::as_str)
    };
    let mut entries = catalog.chunks.iter().enumerate();
    for block in &catalog.blocks {
        for (chunk, (position, entry)) in before.block(block)?.into_iter().zip(entries.by_ref()) {
            let Some(kept_source) = source_of(entry) else { continue };
            let vector = vectors
                .get(position)
                .map(|(scale, codes)| Quantised { scale, codes: codes.to_vec() });
            let kept = vector.filter(|_| writer.is_comparable(catalog));
            let is_dropped = kept.is_none() && vectors.get(position).is_some();
            if kept_source == source {
                if let Some(unchanged) = unchanged.get_mut(&chunk.document) {
                    indexed.vectors_dropped += u64::from(is_dropped);
                    unchanged.push((chunk, kept));
                }
                continue;
            }
            indexed.vectors_dropped += u64::from(is_dropped);
            indexed.kept += 1;
            writer.push(kept_source, chunk, kept.as_ref())?;
        }
    }
    Ok(())
}

/// Chunks with their positions.
type Numbered = Vec<(usize, Masked<DocumentChunk>)>;

/// The chunks of each document, and the documents in the order of their first chunk.
fn by_document(chunks: Vec<Masked<DocumentChunk>>) -> (Vec<String>, FxHashMap<String, Numbered>) {
    let mut order = Vec::new();
    let mut documents: FxHashMap<String, Numbered> = FxHashMap::default();
    for (position, chunk) in chunks.into_iter().enumerate() {
        let numbered = documents.entry(chunk.document.clone()).or_insert_with(|| {
            order.push(chunk.document.clone());
            Vec::new()
        });
        numbered.push((position, chunk));
    }
    (order, documents)
}
