//! The document index: generations on disk, of which one serves.
//!
//! A generation is written beside the serving one, synced, and then named in `CURRENT`, which is replaced in one step:
//! a crash before that leaves the old one serving, a crash after it the new one. Readers, of this process and others,
//! look at `CURRENT` before each search, so they follow without being told.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use groundcrew_masking::Masked;
use rustc_hash::FxHashMap;

use super::fuse::{Candidate, candidates};
use super::generation::{Generation, generation_dir, generation_number};
use super::rank::lexical_matches;
use super::sources::{self, CatalogEntity, SourceRecord, SourceRecords};
use super::vectors::{Quantised, quantise};
use super::writer::GenerationWriter;
use super::{
    DocumentChunk, DocumentCounts, DocumentHit, DocumentKind, DocumentQuery, IndexedGeneration,
    SourceUpdate,
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
        self.update_source(source, SourceUpdate { chunks, vectors, ..SourceUpdate::default() })
    }

    /// Makes `source` consist of the documents of `update`; those for which it brings no chunks stay as they are, with
    /// their vectors. Other sources are kept.
    ///
    /// Either all of it is searchable and on disk when this returns, or nothing has changed.
    pub fn update_source(
        &self,
        source: &str,
        update: SourceUpdate,
    ) -> Result<IndexedGeneration, StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly);
        }
        let vectors = checked_vectors(update.vectors, update.chunks.len())?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.generation()?;
        let number = self.next_number()?;
        let dir = generation_dir(&self.root, number);
        let mut records = self.records(before.as_deref())?;
        records
            .insert(source.to_owned(), update.record.map(Masked::into_inner).unwrap_or_default());
        let content = Content { documents: update.documents, chunks: update.chunks, vectors };
        let written = write(&dir, before.as_deref(), source, content);
        let written = written.and_then(|indexed| sources::write(&dir, &records).map(|()| indexed));
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

    /// What is known about a source; empty when it was never indexed.
    pub fn source_record(&self, source: &str) -> Result<SourceRecord, StoreError> {
        let generation = self.generation()?;
        Ok(self.records(generation.as_deref())?.remove(source).unwrap_or_default())
    }

    /// The catalogs of all sources: who owns what, and what needs what.
    pub fn entities(&self) -> Result<Vec<CatalogEntity>, StoreError> {
        let generation = self.generation()?;
        let records = self.records(generation.as_deref())?;
        Ok(records.into_values().flat_map(|record| record.entities).collect())
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

    fn records(&self, generation: Option<&Generation>) -> Result<SourceRecords, StoreError> {
        match generation {
            Some(generation) => sources::read(&generation_dir(&self.root, generation.number)),
            None => Ok(SourceRecords::new()),
        }
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

/// What a source is made of from now on.
struct Content {
    documents: Vec<String>,
    chunks: Vec<Masked<DocumentChunk>>,
    vectors: Option<Vec<Quantised>>,
}

/// Writes what `before` has of other sources, then the documents of `source`.
fn write(
    dir: &Path,
    before: Option<&Generation>,
    source: &str,
    content: Content,
) -> Result<IndexedGeneration, StoreError> {
    let Content { documents, chunks, vectors } = content;
    let given = vectors.as_ref().and_then(|vectors| vectors.first());
    let stored = before.map_or(0, |generation| generation.vectors.dimensions());
    let dimensions = given.map_or(stored, |vector| vector.codes.len());
    let mut writer = GenerationWriter::create(dir, dimensions)?;
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
            let vector = vectors.as_ref().and_then(|vectors| vectors.get(position));
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
    let source_of = |entry: &super::catalog::ChunkEntry| {
        let document = catalog.documents.get(entry.document as usize)?;
        catalog.sources.get(document.source as usize).map(String::as_str)
    };
    let mut entries = catalog.chunks.iter().enumerate();
    for block in &catalog.blocks {
        for (chunk, (position, entry)) in before.block(block)?.into_iter().zip(entries.by_ref()) {
            let Some(kept_source) = source_of(entry) else { continue };
            let vector = before
                .vectors
                .get(position)
                .map(|(scale, codes)| Quantised { scale, codes: codes.to_vec() });
            if kept_source == source {
                if let Some(kept) = unchanged.get_mut(&chunk.document) {
                    kept.push((chunk, vector));
                }
                continue;
            }
            let fits =
                vector.as_ref().is_none_or(|vector| vector.codes.len() == writer.dimensions());
            indexed.vectors_dropped += u64::from(!fits);
            indexed.kept += 1;
            writer.push(kept_source, chunk, vector.as_ref())?;
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
