//! One immutable state of the index on disk: a file of chunks and vectors, and an inverted index beside it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::DocumentChunk;
use super::catalog::Catalog;
use super::lexical::Lexicon;
use super::rank::Lengths;
use super::vectors::Vectors;
use crate::StoreError;
use crate::chunk_file::{ChunkFile, ChunkRef};

/// The kind of file that holds chunks, vectors and the catalog.
pub(super) const FILE_KIND: [u8; 4] = *b"GCd2";
/// That file's name.
pub(super) const CHUNKS_FILE: &str = "chunks";
/// The inverted index's directory.
pub(super) const LEXICON_DIR: &str = "lexicon";
/// Chunks per compressed block: few enough to read one quickly, enough to compress well.
pub(super) const CHUNKS_PER_BLOCK: usize = 16;
/// Length of a generation's fingerprint.
pub(super) const FINGERPRINT_CHARACTERS: usize = 12;
/// Bytes of a vector's scale.
pub(super) const SCALE_BYTES: usize = 4;

/// A generation, open for searching.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) catalog: Catalog,
    pub(super) lengths: Lengths,
    /// Read when they are first needed.
    vectors: OnceLock<Vectors>,
    /// `None` when there is nothing to search.
    pub(super) lexicon: Option<Lexicon>,
    file: ChunkFile,
}

impl Generation {
    /// Opens the generation in `dir`.
    pub(super) fn open(dir: &Path, number: u64) -> Result<Self, StoreError> {
        let path = dir.join(CHUNKS_FILE);
        let (file, catalog, _) = ChunkFile::open::<Catalog>(&path, FILE_KIND)?;
        check(&catalog, &path)?;
        let lexicon = match catalog.chunks.is_empty() {
            true => None,
            false => Some(Lexicon::open(&dir.join(LEXICON_DIR), &catalog)?),
        };
        let lengths = Lengths::of(&catalog);
        Ok(Self { number, catalog, lengths, vectors: OnceLock::new(), lexicon, file })
    }

    /// The vectors of all chunks, in memory.
    pub(super) fn vectors(&self) -> Result<&Vectors, StoreError> {
        if let Some(vectors) = self.vectors.get() {
            return Ok(vectors);
        }
        let read = read_vectors(&self.file, &self.catalog)?;
        // Another thread may have read the same meanwhile.
        Ok(self.vectors.get_or_init(|| read))
    }

    /// Reads the chunks of one block.
    pub(super) fn block(&self, block: &ChunkRef) -> Result<Vec<DocumentChunk>, StoreError> {
        let raw = self.file.read(block)?;
        postcard::from_bytes(&raw).map_err(|error| self.file.damaged(error))
    }

    /// Reads the chunk at `position`.
    pub(super) fn chunk(&self, position: usize) -> Result<DocumentChunk, StoreError> {
        let missing = || self.file.damaged(format!("chunk {position} is missing"));
        let entry = self.catalog.chunks.get(position).ok_or_else(missing)?;
        let block = self.catalog.blocks.get(entry.block as usize).ok_or_else(missing)?;
        let mut chunks = self.block(block)?;
        let within = position % CHUNKS_PER_BLOCK;
        if within < chunks.len() { Ok(chunks.swap_remove(within)) } else { Err(missing()) }
    }
}

/// Checks what the rest of the code relies on, so that a damaged catalog cannot mislead it.
fn check(catalog: &Catalog, path: &Path) -> Result<(), StoreError> {
    let mut next = 0;
    for (position, document) in catalog.documents.iter().enumerate() {
        let is_whole = document.chunks.start == next
            && document.chunks.end >= next
            && (document.source as usize) < catalog.sources.len()
            && catalog
                .chunks
                .get(document.chunks.start as usize..document.chunks.end as usize)
                .is_some_and(|chunks| {
                    chunks.iter().all(|chunk| chunk.document as usize == position)
                });
        if !is_whole {
            return Err(StoreError::damaged(path, "its list of documents does not add up"));
        }
        next = document.chunks.end;
    }
    let block_count = catalog.chunks.len().div_ceil(CHUNKS_PER_BLOCK);
    if next as usize == catalog.chunks.len() && block_count == catalog.blocks.len() {
        Ok(())
    } else {
        Err(StoreError::damaged(path, "its list of chunks does not add up"))
    }
}

fn read_vectors(file: &ChunkFile, catalog: &Catalog) -> Result<Vectors, StoreError> {
    let dimensions = catalog.dimensions as usize;
    let mut vectors = Vectors::new(dimensions);
    for block in &catalog.vector_blocks {
        let raw = file.read(block)?;
        for row in raw.chunks_exact(SCALE_BYTES + dimensions) {
            let (scale, codes) = row.split_at(SCALE_BYTES);
            let scale = scale.try_into().map_or(0.0, f32::from_le_bytes);
            vectors.push(scale, codes.iter().map(|code| i8::from_ne_bytes([*code])));
        }
    }
    match vectors.len() {
        0 => Ok(vectors),
        count if count == catalog.chunks.len() => Ok(vectors),
        count => Err(file.damaged(format!("{count} vectors for {} chunks", catalog.chunks.len()))),
    }
}

/// The directory of a generation below the index's.
pub(super) fn generation_dir(root: &Path, number: u64) -> PathBuf {
    root.join(format!("gen-{number}"))
}

/// The number of the generation whose directory this is.
pub(super) fn generation_number(dir: &Path) -> Option<u64> {
    dir.file_name()?.to_str()?.strip_prefix("gen-")?.parse().ok()
}
