//! The document index: generations on disk, of which one serves.
//!
//! A generation is written beside the serving one, synced, and then named in `CURRENT`, which is replaced in one step:
//! a crash before that leaves the old one serving, a crash after it the new one. Readers, of this process and others,
//! look at `CURRENT` before each search, so they follow without being told.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use groundcrew_masking::Masked;
use rustc_hash::FxHashMap;

use super::fuse::{Candidate, candidates, moved_towards};
use super::generation::{Generation, generation_dir, generation_number};
use super::qdrant::QdrantVectors;
use super::rank::{LexicalMatch, lexical_matches};
use super::sources::{self, CatalogEntity, SourceRecord, SourceRecords};
use super::vector_store::{EmbeddedVectors, VectorHome, VectorQuery, VectorStore};
use super::vectors::{Quantised, asked, quantise};
use super::writer::GenerationWriter;
use super::{
    ChunkVectors, DocumentChunk, DocumentCounts, DocumentHit, DocumentKind, DocumentQuery,
    EmbeddingCache, IndexedGeneration, SourceUpdate,
};
use crate::{Access, StoreError, disk};

/// Names the generation that serves.
const CURRENT: &str = "CURRENT";
/// The directory of vectors that are kept between runs of the indexer.
const EMBEDDINGS_DIR: &str = "embeddings";
/// Says where the vectors are compared.
const VECTOR_HOME: &str = "VECTORS";
/// Chunks that are compared by meaning with what words found. A document beyond them is as far away as they are.
const NEAREST_MAX: usize = 8192;
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
    /// The server that may have the vectors, where one is configured.
    qdrant: OnceLock<QdrantVectors>,
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
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.generation()?;
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

    /// Names the server that may have the vectors. Only the first call counts.
    pub fn use_qdrant(&self, server: QdrantVectors) {
        drop(self.qdrant.set(server.owned_by(&self.root)));
    }

    /// Where the vectors are compared: what was last chosen by [`DocumentIndex::move_vectors`], else the server where
    /// one is configured before anything is indexed.
    pub fn vector_home(&self) -> Result<VectorHome, StoreError> {
        let path = self.root.join(VECTOR_HOME);
        match std::fs::read_to_string(&path) {
            Ok(text) => VectorHome::named(text.trim())
                .ok_or_else(|| StoreError::damaged(&path, "it names no place for vectors")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let is_new = current_number(&self.root)?.is_none();
                let server = self.qdrant.get().filter(|_| is_new);
                Ok(server.map_or(VectorHome::Embedded, |_| VectorHome::Qdrant))
            }
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Moves the vectors to `home`, from where they are searched from now on; says how many there are.
    ///
    /// The data directory keeps a copy either way, about 400 bytes a chunk, so that a server can be filled again or left.
    /// When this fails, vectors are searched where they were; what was on a server that is left is removed last.
    pub fn move_vectors(&self, home: VectorHome) -> Result<u64, StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly);
        }
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let store = self.vector_store(home)?;
        let mut count = 0;
        if let Some(generation) = self.generation()? {
            // Damage is found now and not when the other copy is gone.
            generation.vectors()?;
            store.publish(&generation)?;
            count = generation.catalog.vectors;
        }
        self.set_vector_home(home)?;
        match (home, self.qdrant.get()) {
            (VectorHome::Embedded, Some(server)) => server.clear()?,
            _ => {
                if let Some(generation) = self.generation()? {
                    store.retire_others(&generation)?;
                }
            }
        }
        Ok(count)
    }

    fn vector_store(&self, home: VectorHome) -> Result<&dyn VectorStore, StoreError> {
        match (home, self.qdrant.get()) {
            (VectorHome::Embedded, _) => Ok(&EmbeddedVectors),
            (VectorHome::Qdrant, Some(server)) => Ok(server),
            (VectorHome::Qdrant, None) => Err(StoreError::VectorServer {
                action: "be found",
                detail: "documents.qdrant.url is not set; set it, or run `groundcrew vectors move --to embedded`".to_owned(),
            }),
        }
    }

    fn set_vector_home(&self, home: VectorHome) -> Result<(), StoreError> {
        disk::replace(&self.root.join(VECTOR_HOME), format!("{}\n", home.name()).as_bytes())
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
        let lexical = lexical_matches(lexicon, corpus, &query.text)?;
        let found = match query_vector(query, &generation)? {
            Some(vector) => self.by_words_and_meaning(&generation, &lexical, &vector, query)?,
            None => candidates(&generation, &lexical, &[], query),
        };
        found
            .into_iter()
            .take(query.limit.min(LIMIT_MAX))
            .map(|found| hit(&generation, found))
            .collect()
    }

    /// Compares twice: with the question as it was asked, then moved towards what that found first.
    fn by_words_and_meaning(
        &self,
        generation: &Generation,
        lexical: &[LexicalMatch],
        vector: &[f32],
        query: &DocumentQuery,
    ) -> Result<Vec<Candidate>, StoreError> {
        let filter = &query.filter;
        let store = self.vector_store(self.vector_home()?)?;
        let nearest = |vector: &[f32]| {
            store.nearest(generation, &VectorQuery { vector, filter, limit: NEAREST_MAX })
        };
        let first = candidates(generation, lexical, &nearest(vector)?, query);
        let Some(moved) = moved_towards(generation, vector, &first)? else { return Ok(first) };
        let mut found = candidates(generation, lexical, &nearest(&moved)?, query);
        // How near a document is, people are told for the question that they asked.
        let cosines: FxHashMap<u32, Option<f32>> =
            first.iter().map(|candidate| (candidate.document, candidate.cosine)).collect();
        for candidate in &mut found {
            candidate.cosine = cosines.get(&candidate.document).copied().flatten();
        }
        Ok(found)
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

/// Vectors that fit the chunks they came with, quantised.
struct MadeVectors {
    model: String,
    dimensions: usize,
    vectors: Vec<Quantised>,
}

impl MadeVectors {
    /// Checks that there is one vector per chunk, all of one dimension.
    fn check(made: ChunkVectors, chunks: usize) -> Result<Self, StoreError> {
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
struct Content {
    documents: Vec<String>,
    chunks: Vec<Masked<DocumentChunk>>,
    vectors: Option<MadeVectors>,
}

/// Writes what `before` has of other sources, then the documents of `source`.
fn write(
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
