//! The document index: generations on disk, of which one serves.
//!
//! A generation is written beside the serving one, synced, and then named in `CURRENT`, which is replaced in one step:
//! a crash before that leaves the old one serving, a crash after it the new one. Readers, of this process and others,
//! look at `CURRENT` before each search, so they follow without being told.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_masking::Masked;
use rustc_hash::FxHashMap;

use super::fuse::{Candidate, candidates, moved_towards};
use super::generation::{Generation, generation_dir, generation_number};
use super::qdrant::QdrantVectors;
use super::rank::{LexicalMatch, lexical_matches};
use super::sources::{self, CatalogEntity, SourceRecord, SourceRecords};
use super::update::{Content, MadeVectors, write};
use super::vector_store::VectorQuery;
use super::vectors::asked;
use super::{
    ChunkVectors, DocumentChunk, DocumentCounts, DocumentFilter, DocumentHit, DocumentKind,
    DocumentQuery, EmbeddingCache, IndexedGeneration, SourceUpdate,
};
use crate::disk::File;
use crate::{Access, StoreError, disk};

/// Names the generation that serves.
const CURRENT: &str = "CURRENT";
/// The directory of vectors that are kept between runs of the indexer.
const EMBEDDINGS_DIR: &str = "embeddings";
/// Held by the process that writes a generation.
const LOCK: &str = "LOCK";
/// How long a writer waits for another one.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// Chunks that are compared by meaning with what words found. A document beyond them is as far away as they are.
const NEAREST_MAX: usize = 8192;
/// Documents that one search returns at most.
const LIMIT_MAX: usize = 1000;

/// Runbooks, past incidents and other documents. Safe to share between threads.
#[derive(Debug)]
pub struct DocumentIndex {
    pub(super) root: PathBuf,
    pub(super) access: Access,
    /// The generation that was used last.
    open: Mutex<Option<Arc<Generation>>>,
    /// Held while a generation is written.
    writing: Mutex<()>,
    /// The server that may have the vectors, where one is configured.
    pub(super) qdrant: OnceLock<QdrantVectors>,
}

impl DocumentIndex {
    /// Opens the index in the directory `root`, creating it when `access` allows. Its content is read when it is first
    /// needed, so that damage to it does not keep the rest of a store from opening.
    pub fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        if access == Access::ReadWrite {
            disk::create_dir(root)?;
            // What another process is writing must stay.
            if let (Some(_writing), Ok(current)) =
                (disk::try_lock(&root.join(LOCK))?, current_number(root))
            {
                remove_others(root, current)?;
            }
        }
        Ok(Self {
            root: root.to_owned(),
            access,
            open: Mutex::new(None),
            writing: Mutex::new(()),
            qdrant: OnceLock::new(),
        })
    }

    /// Replaces all chunks of `source` and keeps those of other sources. `vectors` belong to `chunks` one to one.
    ///
    /// Either all of it is searchable and on disk when this returns, or nothing has changed.
    pub fn replace_source(
        &self,
        source: &str,
        chunks: Vec<Masked<DocumentChunk>>,
        vectors: Option<ChunkVectors>,
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
        let made = update.vectors;
        let vectors = made.map(|made| MadeVectors::check(made, update.chunks.len())).transpose()?;
        let _writing = self.begin_writing()?;
        let before = self.generation_to_keep()?;
        let number = self.next_number()?;
        let dir = generation_dir(&self.root, number);
        let home = self.vector_home()?;
        let store = self.vector_store(home)?;
        let mut records = self.records(before.as_deref())?;
        records
            .insert(source.to_owned(), update.record.map(Masked::into_inner).unwrap_or_default());
        let content = Content { documents: update.documents, chunks: update.chunks, vectors };
        let published = write(&dir, before.as_deref(), source, content).and_then(|indexed| {
            sources::write(&dir, &records)?;
            let generation = Generation::open(&dir, number)?;
            store.publish(&generation)?;
            Ok((IndexedGeneration { generation: number, ..indexed }, generation))
        });
        let (indexed, generation) = match published {
            Ok(published) => published,
            Err(error) => {
                disk::remove_if_there(&dir);
                return Err(error);
            }
        };
        self.set_vector_home(home)?;
        disk::sync_dir(&self.root)?;
        disk::replace(&self.root.join(CURRENT), format!("{number}\n").as_bytes())?;
        remove_others(&self.root, Some(number))?;
        if let Err(error) = store.retire_others(&generation) {
            // What is left over is removed with the next generation.
            tracing::warn!(%error, "failed to remove vectors that serve no more");
        }
        Ok(indexed)
    }

    /// Waits until nobody else writes, in this process or another.
    pub(super) fn begin_writing(&self) -> Result<Writing<'_>, StoreError> {
        let here = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        loop {
            if let Some(everywhere) = disk::try_lock(&self.root.join(LOCK))? {
                return Ok(Writing { _here: here, _everywhere: everywhere });
            }
            if began.elapsed() > LOCK_WAIT {
                return Err(StoreError::Locked { path: self.root.clone() });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What is known about a source; empty when it was never indexed.
    pub fn source_record(&self, source: &str) -> Result<SourceRecord, StoreError> {
        let generation = self.generation_to_keep()?;
        Ok(self.records(generation.as_deref())?.remove(source).unwrap_or_default())
    }

    /// The catalogs of all sources: who owns what, and what needs what.
    pub fn entities(&self) -> Result<Vec<CatalogEntity>, StoreError> {
        let generation = self.generation()?;
        let records = self.records(generation.as_deref())?;
        Ok(records.into_values().flat_map(|record| record.entities).collect())
    }

    /// Where [`DocumentIndex::embedding_cache`] keeps its file.
    #[must_use]
    pub fn embedding_cache_dir(&self) -> PathBuf {
        self.root.join(EMBEDDINGS_DIR)
    }

    /// The vectors that earlier runs of the indexer made, whichever source and generation they were for.
    #[must_use]
    pub fn embedding_cache(&self) -> EmbeddingCache {
        EmbeddingCache::open(&self.embedding_cache_dir())
    }

    /// The documents that answer `query` best, best first.
    pub fn search(&self, query: &DocumentQuery) -> Result<Vec<DocumentHit>, StoreError> {
        let Some(generation) = self.generation()? else { return Ok(Vec::new()) };
        let Some(lexicon) = &generation.lexicon else { return Ok(Vec::new()) };
        let corpus = (&generation.catalog, &generation.lengths);
        let by_words = || lexical_matches(lexicon, corpus, &query.text);
        let found = match query_vector(query, &generation)? {
            Some(vector) => {
                let (lexical, nearest) = std::thread::scope(|scope| {
                    let lexical = scope.spawn(by_words);
                    let nearest = self.nearest(&generation, &vector, &query.filter);
                    (lexical.join().unwrap_or_else(|panic| resume_unwind(panic)), nearest)
                });
                let (lexical, nearest) = (lexical?, nearest?);
                by_words_and_meaning(&generation, &vector, (&lexical, &nearest), query)?
            }
            None => candidates(&generation, &by_words()?, &[], query),
        };
        found
            .into_iter()
            .take(query.limit.min(LIMIT_MAX))
            .map(|found| hit(&generation, found))
            .collect()
    }

    /// The chunks nearest to a question, wherever the vectors are compared.
    fn nearest(
        &self,
        generation: &Generation,
        vector: &[f32],
        filter: &DocumentFilter,
    ) -> Result<Vec<(usize, f32)>, StoreError> {
        let store = self.vector_store(self.vector_home()?)?;
        store.nearest(generation, &VectorQuery { vector, filter, limit: NEAREST_MAX })
    }

    /// How much there is to search.
    pub fn counts(&self) -> Result<DocumentCounts, StoreError> {
        let Some(generation) = self.generation()? else { return Ok(DocumentCounts::default()) };
        let documents = &generation.catalog.documents;
        let of_kind =
            |kind| documents.iter().filter(|document| document.payload.kind == kind).count() as u64;
        let chunks = generation.catalog.chunks.len();
        Ok(DocumentCounts {
            documents: documents.len() as u64,
            runbooks: of_kind(DocumentKind::Runbook),
            incidents: of_kind(DocumentKind::Incident),
            chunks: chunks as u64,
            vectors: generation.catalog.vectors,
        })
    }

    /// What names the model that made the vectors; `None` when there are none. Vectors of another model must not be
    /// searched for.
    pub fn vector_model(&self) -> Result<Option<String>, StoreError> {
        let Some(generation) = self.generation()? else { return Ok(None) };
        Ok(Some(generation.catalog.model.clone()).filter(|model| !model.is_empty()))
    }

    /// The generation that serves now; `None` when nothing was indexed yet.
    pub(super) fn generation(&self) -> Result<Option<Arc<Generation>>, StoreError> {
        match self.try_generation() {
            // A writer elsewhere replaced the generation between the look at `CURRENT` and the look at its files.
            Err(error) if error.is_not_found() => self.try_generation(),
            other => other,
        }
    }

    /// What an update builds on. What cannot be read cannot be kept either, and must not stand in the way of indexing all
    /// of it again.
    fn generation_to_keep(&self) -> Result<Option<Arc<Generation>>, StoreError> {
        match self.generation() {
            Err(error) if error.is_damage() => {
                tracing::warn!(%error, "what was indexed before cannot be read and is left behind; index every directory again");
                Ok(None)
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
        let current = current_number(&self.root).unwrap_or_default();
        Ok(used.max(current).map_or(1, |number| number.saturating_add(1)))
    }

    fn lock_open(&self) -> MutexGuard<'_, Option<Arc<Generation>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write a generation, as long as it lives.
#[derive(Debug)]
pub(super) struct Writing<'i> {
    _here: MutexGuard<'i, ()>,
    _everywhere: File,
}

/// What matches by words and what is nearest, then the nearest again with the question moved towards what came out first.
fn by_words_and_meaning(
    generation: &Generation,
    vector: &[f32],
    (lexical, nearest): (&[LexicalMatch], &[(usize, f32)]),
    query: &DocumentQuery,
) -> Result<Vec<Candidate>, StoreError> {
    let first = candidates(generation, lexical, nearest, query);
    let Some(moved) = moved_towards(generation, vector, &first)? else { return Ok(first) };
    let positions = nearest.iter().map(|(position, _)| *position);
    let nearest = generation.vectors()?.cosines(&moved, positions);
    let mut found = candidates(generation, lexical, &nearest, query);
    // How near a document is, people are told for the question that they asked.
    let cosines: FxHashMap<u32, Option<f32>> =
        first.iter().map(|candidate| (candidate.document, candidate.cosine)).collect();
    for candidate in &mut found {
        candidate.cosine = cosines.get(&candidate.document).copied().flatten();
    }
    Ok(found)
}

/// The question's vector; `None` when it has no direction, or nothing can be compared with it.
fn query_vector(
    query: &DocumentQuery,
    generation: &Generation,
) -> Result<Option<Vec<f32>>, StoreError> {
    let expected = generation.catalog.dimensions as usize;
    let Some(vector) = query.vector.as_ref().filter(|_| expected > 0) else { return Ok(None) };
    if vector.len() != expected {
        return Err(StoreError::VectorDimensions { found: vector.len(), expected });
    }
    Ok(asked(vector))
}

fn hit(generation: &Generation, found: Candidate) -> Result<DocumentHit, StoreError> {
    Ok(DocumentHit {
        chunk: generation.chunk(found.chunk as usize)?,
        score: found.score,
        lexical: found.lexical,
        cosine: found.cosine,
    })
}

pub(super) fn current_number(root: &Path) -> Result<Option<u64>, StoreError> {
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
