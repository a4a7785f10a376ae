//! Writes a generation: chunks in, files out, all synced before anyone is told about them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::catalog::{Catalog, ChunkEntry, DocumentEntry};
use super::generation::{
    CHUNKS_FILE, CHUNKS_PER_BLOCK, FILE_KIND, FINGERPRINT_CHARACTERS, LEXICON_DIR, SCALE_BYTES,
};
use super::lexical::LexiconWriter;
use super::vectors::Quantised;
use super::{DocumentChunk, DocumentPayload};
use crate::chunk_file::ChunkWriter;
use crate::{StoreError, disk};

/// Vectors per compressed block.
const VECTORS_PER_BLOCK: usize = 4096;

/// A generation being written.
pub(super) struct GenerationWriter {
    dir: PathBuf,
    file: ChunkWriter,
    lexicon: LexiconWriter,
    catalog: Catalog,
    block: Vec<DocumentChunk>,
    /// The id of the document that the last chunk belonged to.
    document: String,
    /// Scales and codes of the open block of vectors.
    vectors: Vec<u8>,
    /// Rows of vectors so far, absent ones included.
    vector_rows: usize,
    /// Takes in the model and all vectors.
    hasher: blake3::Hasher,
}

impl GenerationWriter {
    /// Starts in `dir`, which must be new. `model` and `dimensions` are those of the vectors to come; there are no
    /// vectors when they are empty and zero.
    pub(super) fn create(dir: &Path, model: &str, dimensions: usize) -> Result<Self, StoreError> {
        let lexicon_dir = dir.join(LEXICON_DIR);
        disk::create_dir(&lexicon_dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            file: ChunkWriter::create(&dir.join(CHUNKS_FILE), FILE_KIND)?,
            lexicon: LexiconWriter::create(&lexicon_dir)?,
            catalog: Catalog {
                model: model.to_owned(),
                dimensions: u32::try_from(dimensions).unwrap_or_default(),
                ..Catalog::default()
            },
            block: Vec::new(),
            document: String::new(),
            vectors: Vec::new(),
            vector_rows: 0,
            hasher: blake3::Hasher::new(),
        })
    }

    /// Whether vectors of the other generation may stand beside those of this one.
    pub(super) fn is_comparable(&self, other: &Catalog) -> bool {
        (&self.catalog.model, self.catalog.dimensions) == (&other.model, other.dimensions)
    }

    /// Adds a chunk. Chunks of one source, and in it those of one document, must come one after another.
    pub(super) fn push(
        &mut self,
        source: &str,
        chunk: DocumentChunk,
        vector: Option<&Quantised>,
    ) -> Result<(), StoreError> {
        let document = self.document_of(source, &chunk);
        let terms = self.lexicon.push(&chunk)?;
        let block = u32::try_from(self.catalog.blocks.len()).unwrap_or(u32::MAX);
        self.catalog.chunks.push(ChunkEntry { document, block, terms });
        self.block.push(chunk);
        if self.block.len() == CHUNKS_PER_BLOCK {
            self.write_block()?;
        }
        self.push_vector(vector)
    }

    /// Writes what is left and makes everything durable.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        self.write_vectors()?;
        if self.catalog.vectors > 0 {
            self.hasher.update(self.catalog.model.as_bytes());
            let fingerprint = self.hasher.finalize().to_hex();
            self.catalog.fingerprint = fingerprint.chars().take(FINGERPRINT_CHARACTERS).collect();
        }
        self.file.finish(&self.catalog)?;
        self.lexicon.finish()?;
        disk::sync_dir(&self.dir)
    }

    /// The position of the chunk's document, which is a new one unless the last chunk was of the same.
    fn document_of(&mut self, source: &str, chunk: &DocumentChunk) -> u32 {
        let end = u32::try_from(self.catalog.chunks.len()).unwrap_or(u32::MAX).saturating_add(1);
        let is_same_source = self.catalog.sources.last().is_some_and(|last| last == source);
        if !is_same_source {
            self.catalog.sources.push(source.to_owned());
        }
        match self.catalog.documents.last_mut() {
            Some(last) if is_same_source && self.document == chunk.document => {
                last.chunks.end = end;
            }
            _ => {
                self.document.clone_from(&chunk.document);
                let source = u32::try_from(self.catalog.sources.len()).unwrap_or(u32::MAX) - 1;
                let chunks = Range { start: end - 1, end };
                self.catalog.documents.push(DocumentEntry {
                    source,
                    payload: DocumentPayload::of(chunk),
                    chunks,
                });
            }
        }
        u32::try_from(self.catalog.documents.len()).unwrap_or(u32::MAX) - 1
    }

    fn write_block(&mut self) -> Result<(), StoreError> {
        let raw =
            postcard::to_stdvec(&self.block).map_err(StoreError::encoding("a block of chunks"))?;
        self.catalog.blocks.push(self.file.push(&raw)?);
        self.block.clear();
        Ok(())
    }

    fn push_vector(&mut self, vector: Option<&Quantised>) -> Result<(), StoreError> {
        let dimensions = self.catalog.dimensions as usize;
        if dimensions == 0 {
            return Ok(());
        }
        let start = self.vectors.len();
        match vector.filter(|vector| vector.codes.len() == dimensions) {
            Some(vector) => {
                self.vectors.extend(vector.scale.to_le_bytes());
                self.vectors.extend(vector.codes.iter().flat_map(|code| code.to_ne_bytes()));
            }
            None => self.vectors.resize(self.vectors.len() + SCALE_BYTES + dimensions, 0),
        }
        let row = self.vectors.get(start..).unwrap_or_default();
        self.hasher.update(row);
        self.catalog.vectors += u64::from(row.iter().any(|byte| *byte != 0));
        self.vector_rows += 1;
        if self.vector_rows.is_multiple_of(VECTORS_PER_BLOCK) {
            self.write_vectors()?;
        }
        Ok(())
    }

    fn write_vectors(&mut self) -> Result<(), StoreError> {
        if !self.vectors.is_empty() {
            self.catalog.vector_blocks.push(self.file.push(&self.vectors)?);
            self.vectors.clear();
        }
        Ok(())
    }
}
