//! The document index: generations on disk, of which one serves.
//!
//! A generation is written beside the serving one, synced, and then named in `CURRENT`, which is replaced in one step:
//! a crash before that leaves the old one serving, a crash after it the new one. Readers, of this process and others,
//! look at `CURRENT` before each search, so they follow without being told.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use groundcrew_masking::Masked;

use super::fuse::{Candidate, candidates};
use super::generation::{Generation, generation_dir, generation_number};
use super::rank::lexical_matches;
use super::vectors::{Quantised, quantise};
use super::writer::GenerationWriter;
use super::{
    DocumentChunk, DocumentCounts, DocumentHit, DocumentKind, DocumentQuery, IndexedGeneration,
};
use crate::{Access, StoreError, disk};

/// Names the generation that serves.
const CURRENT: &str = "CURRENT";
/// Documents that one search returns at most.
const LIMIT_MAX: usize = 1000;

/// Runbooks, past incidents and other documents. Safe to share between threads.
#[derive(Debug)]
pub struct DocumentIndex {
    root: PathBuf,
    access: Access,
    /// The generation that was used last.
    open: Mutex<Option<Arc<Generation>>>,
    /// Held while a generation is written.
    writing: Mutex<()>,
}

impl DocumentIndex {
    /// Opens the index in the directory `root`, creating it when `access` allows. Its content is read when it is first
    /// needed, so that damage to it does not keep the rest of a store from opening.
    pub fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        if access == Access::ReadWrite {
            disk::create_dir(root)?;
            if let Ok(current) = current_number(root) {
                remove_others(root, current)?;
            }
        }
        Ok(Self { root: root.to_owned(), access, open: Mutex::new(None), writing: Mutex::new(()) })
    }

    /// Replaces all chunks of `source` and keeps those of other sources. `vectors` belong to `chunks` one to one.
    ///
    /// Either all of it is searchable and on disk when this returns, or nothing has changed.
    pub fn replace_source(
        &self,
        source: &str,
        chunks: Vec<Masked<DocumentChunk>>,
        vectors: Option<Vec<Vec<f32>>>,
    ) -> Result<IndexedGeneration, StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly);
        }
        let vectors = checked_vectors(vectors, chunks.len())?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.generation()?;
        let number = self.next_number()?;
        let dir = generation_dir(&self.root, number);
        let written = write(&dir, before.as_deref(), source, chunks, vectors);
        let indexed = match written {
            Ok(indexed) => IndexedGeneration { generation: number, ..indexed },
            Err(error) => {
                disk::remove_if_there(&dir);
                return Err(error);
            }
        };
        disk::sync_dir(&self.root)?;
        disk::replace(&self.root.join(CURRENT), format!("{number}\n").as_bytes())?;
        remove_others(&self.root, Some(number))?;
        Ok(indexed)
    }

    /// The documents that answer `query` best, best first.
    pub fn search(&self, query: &DocumentQuery) -> Result<Vec<DocumentHit>, StoreError> {
        let Some(generation) = self.generation()? else { return Ok(Vec::new()) };
        let Some(lexicon) = &generation.lexicon else { return Ok(Vec::new()) };
        let lexical = lexical_matches(lexicon, &generation.catalog, &query.text)?;
        let vector = query_vector(query, &generation)?;
        let is_wanted = |kind: DocumentKind| query.kinds.is_empty() || query.kinds.contains(&kind);
        let found = candidates(&generation, lexical, vector.as_ref(), &is_wanted);
        found
            .into_iter()
            .take(query.limit.min(LIMIT_MAX))
            .map(|found| hit(&generation, found))
            .collect()
    }

    /// How much there is to search.
    pub fn counts(&self) -> Result<DocumentCounts, StoreError> {
        let Some(generation) = self.generation()? else { return Ok(DocumentCounts::default()) };
        let documents = &generation.catalog.documents;
        let of_kind =
            |kind| documents.iter().filter(|document| document.kind == kind).count() as u64;
        let chunks = generation.catalog.chunks.len();
        Ok(DocumentCounts {
            documents: documents.len() as u64,
            runbooks: of_kind(DocumentKind::Runbook),
            incidents: of_kind(DocumentKind::Incident),
            chunks: chunks as u64,
            vectors: (0..chunks).filter(|at| generation.vectors.get(*at).is_some()).count() as u64,
        })
    }

    /// The generation that serves now; `None` when nothing was indexed yet.
    fn generation(&self) -> Result<Option<Arc<Generation>>, StoreError> {
        match self.try_generation() {
            // A writer elsewhere replaced the generation between the look at `CURRENT` and the look at its files.
            Err(error) if self.access == Access::ReadOnly && error.is_not_found() => {
                self.try_generation()
            }
            other => other,
        }
    }

    fn try_generation(&self) -> Result<Option<Arc<Generation>>, StoreError> {
        let mut open = self.lock_open();
        let Some(number) = current_number(&self.root)? else { return Ok(None) };
        if let Some(generation) = open.as_ref().filter(|generation| generation.number == number) {
            return Ok(Some(Arc::clone(generation)));
        }
        let generation = Arc::new(Generation::open(&generation_dir(&self.root, number), number)?);
        *open = Some(Arc::clone(&generation));
        Ok(Some(generation))
    }

    fn next_number(&self) -> Result<u64, StoreError> {
        let used = disk::list(&self.root)?.iter().filter_map(|dir| generation_number(dir)).max();
        let current = current_number(&self.root)?;
        Ok(used.max(current).map_or(1, |number| number.saturating_add(1)))
    }

    fn lock_open(&self) -> MutexGuard<'_, Option<Arc<Generation>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One vector per chunk, all of one dimension.
fn checked_vectors(
    vectors: Option<Vec<Vec<f32>>>,
    chunks: usize,
) -> Result<Option<Vec<Quantised>>, StoreError> {
    let Some(vectors) = vectors else { return Ok(None) };
    if vectors.len() != chunks {
        return Err(StoreError::VectorCount { vectors: vectors.len(), chunks });
    }
    let expected = vectors.first().map_or(0, Vec::len);
    if let Some(other) = vectors.iter().find(|vector| vector.len() != expected) {
        return Err(StoreError::VectorDimensions { found: other.len(), expected });
    }
    Ok(Some(vectors.iter().map(|vector| quantise(vector)).collect()))
}

/// Writes what `before` has of other sources, then the chunks of `source`.
fn write(
    dir: &Path,
    before: Option<&Generation>,
    source: &str,
    chunks: Vec<Masked<DocumentChunk>>,
    vectors: Option<Vec<Quantised>>,
) -> Result<IndexedGeneration, StoreError> {
    let given =
        vectors.as_ref().and_then(|vectors| vectors.first()).map(|vector| vector.codes.len());
    let stored = before.map_or(0, |generation| generation.vectors.dimensions());
    let mut writer = GenerationWriter::create(dir, given.unwrap_or(stored))?;
    let mut indexed = IndexedGeneration { generation: 0, chunks: 0, kept: 0, vectors_dropped: 0 };
    if let Some(before) = before {
        keep(before, source, &mut writer, &mut indexed)?;
    }
    indexed.chunks = chunks.len() as u64;
    for (position, chunk) in by_document(chunks) {
        let vector = vectors.as_ref().and_then(|vectors| vectors.get(position));
        writer.push(source, chunk.into_inner(), vector)?;
    }
    writer.finish()?;
    Ok(indexed)
}

/// Carries over the chunks of all sources but `source`, in their order.
fn keep(
    before: &Generation,
    source: &str,
    writer: &mut GenerationWriter,
    indexed: &mut IndexedGeneration,
) -> Result<(), StoreError> {
    let catalog = &before.catalog;
    let source_of = |entry: &super::catalog::ChunkEntry| {
        let document = catalog.documents.get(entry.document as usize)?;
        catalog.sources.get(document.source as usize).map(String::as_str)
    };
    let mut entries = catalog.chunks.iter().enumerate();
    for block in &catalog.blocks {
        for (chunk, (position, entry)) in before.block(block)?.into_iter().zip(entries.by_ref()) {
            let Some(kept_source) = source_of(entry).filter(|other| *other != source) else {
                continue;
            };
            let vector = before
                .vectors
                .get(position)
                .map(|(scale, codes)| Quantised { scale, codes: codes.to_vec() });
            let fits =
                vector.as_ref().is_none_or(|vector| vector.codes.len() == writer.dimensions());
            indexed.vectors_dropped += u64::from(!fits);
            indexed.kept += 1;
            writer.push(kept_source, chunk, vector.as_ref())?;
        }
    }
    Ok(())
}

/// The chunks with their positions, those of one document together, documents in the order of their first chunk.
fn by_document(chunks: Vec<Masked<DocumentChunk>>) -> Vec<(usize, Masked<DocumentChunk>)> {
    let mut order = rustc_hash::FxHashMap::<String, usize>::default();
    let mut numbered: Vec<_> = chunks
        .into_iter()
        .enumerate()
        .map(|(position, chunk)| {
            let next = order.len();
            let rank = *order.entry(chunk.document.clone()).or_insert(next);
            (rank, position, chunk)
        })
        .collect();
    numbered.sort_by_key(|(rank, position, _)| (*rank, *position));
    numbered.into_iter().map(|(_, position, chunk)| (position, chunk)).collect()
}

fn query_vector(
    query: &DocumentQuery,
    generation: &Generation,
) -> Result<Option<Quantised>, StoreError> {
    let expected = generation.vectors.dimensions();
    match &query.vector {
        Some(vector) if expected > 0 && vector.len() != expected => {
            Err(StoreError::VectorDimensions { found: vector.len(), expected })
        }
        Some(vector) if expected > 0 => Ok(Some(quantise(vector))),
        _ => Ok(None),
    }
}

fn hit(generation: &Generation, found: Candidate) -> Result<DocumentHit, StoreError> {
    Ok(DocumentHit {
        chunk: generation.chunk(found.chunk as usize)?,
        score: found.score,
        lexical: found.lexical,
        cosine: found.cosine,
    })
}

fn current_number(root: &Path) -> Result<Option<u64>, StoreError> {
    let path = root.join(CURRENT);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let number = text.trim().parse();
    number.map(Some).map_err(|_| StoreError::damaged(&path, "it does not name a generation"))
}

/// Removes generations that do not serve: replaced ones, and unfinished ones that a crash left behind.
fn remove_others(root: &Path, current: Option<u64>) -> Result<(), StoreError> {
    for dir in disk::list(root)? {
        if generation_number(&dir).is_some_and(|number| Some(number) != current) {
            disk::remove_if_there(&dir);
        }
    }
    Ok(())
}
