//! From files to the document index: read, cut, mask, embed, swap in.

use std::path::{Path, PathBuf};

use groundcrew_llm::{Embedder, LlmError};
use groundcrew_masking::{Masked, Masker};
use groundcrew_store::{ChunkVectors, DocumentChunk, DocumentIndex, StoreError};

use super::embed::{VectorCounts, embed};
use super::page::{Origin, Page, read_page};
use super::walk::{FILE_BYTES_MAX, FoundFile, find};

/// Bytes that are looked at to tell a binary file from a text.
const SNIFFED_BYTES: usize = 8 * 1024;

/// What was indexed, and what was not.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IndexSummary {
    /// Documents.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// Where their vectors came from; `None` when they have none.
    pub vectors: Option<VectorCounts>,
    /// Files that were left out, and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// What is wrong with documents that were indexed nevertheless.
    pub warnings: Vec<IndexWarning>,
}

/// Something wrong with a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexWarning {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub reason: String,
}

/// How far indexing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexProgress {
    /// Files are read and cut.
    Reading {
        /// Files done.
        done: usize,
        /// Files in all.
        all: usize,
    },
    /// Chunks are turned into vectors: the slow part.
    Embedding {
        /// Chunks done.
        done: usize,
        /// Chunks in all.
        all: usize,
    },
    /// The index is written.
    Writing,
}

/// Why nothing was indexed.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// The directory cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The embedding model failed.
    #[error("failed to embed the documents")]
    Embed(#[from] LlmError),
    /// The index could not be written.
    #[error("failed to write the document index")]
    Store(#[from] StoreError),
    /// The documents were embedded by another model than the question would be, so that the two cannot be compared.
    #[error(
        "the documents were embedded with \"{indexed}\" and questions would be with \"{asked}\"; index the documents again (`groundcrew index`)"
    )]
    OtherModel {
        /// The model of the index.
        indexed: String,
        /// The model of the question.
        asked: String,
    },
}

/// A document that is not a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CorpusText<'t> {
    /// Its stable id.
    pub id: &'t str,
    /// Its title; when empty the first heading is taken.
    pub title: &'t str,
    /// Markdown, front matter allowed.
    pub text: &'t str,
}

/// Indexes the Markdown files below `dir` (or `dir` itself, when it is a file), replacing what was indexed from it before.
///
/// Without an embedder the chunks have no vectors, and are found by their words alone.
pub fn index_directory(
    dir: &Path,
    documents: &DocumentIndex,
    masker: &Masker,
    embedder: Option<&dyn Embedder>,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    let read_error = |source| DocsError::Read { path: dir.to_owned(), source };
    // The source is the true path, so that the same directory under another name replaces itself.
    let source = std::fs::canonicalize(dir).map_err(read_error)?.to_string_lossy().into_owned();
    let found = find(dir).map_err(read_error)?;
    let mut gathered = Gathered { masker, chunks: Vec::new(), summary: IndexSummary::default() };
    gathered.summary.skipped = found.skipped;
    let all = found.files.len();
    for (done, file) in found.files.iter().enumerate() {
        progress(IndexProgress::Reading { done, all });
        match read_text(file) {
            Ok(text) => gathered.take_file(file, &text),
            Err(reason) => gathered.summary.skipped.push((file.path.clone(), reason)),
        }
    }
    progress(IndexProgress::Reading { done: all, all });
    gathered.index(&source, documents, embedder, progress)
}

/// Indexes documents that are in memory, replacing what was indexed under the same `source`.
pub fn index_corpus(
    (source, corpus): (&str, &[CorpusText<'_>]),
    documents: &DocumentIndex,
    masker: &Masker,
    embedder: Option<&dyn Embedder>,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    let mut gathered = Gathered { masker, chunks: Vec::new(), summary: IndexSummary::default() };
    for (done, document) in corpus.iter().enumerate() {
        progress(IndexProgress::Reading { done, all: corpus.len() });
        let title = Some(document.title);
        let origin = Origin { document: document.id, path: document.id, title };
        gathered.take_page(Path::new(document.id), read_page(origin, document.text, masker));
    }
    gathered.index(source, documents, embedder, progress)
}

/// The text of a file, or why it has none.
fn read_text(file: &FoundFile) -> Result<String, String> {
    let bytes = std::fs::read(&file.path).map_err(|error| format!("cannot be read: {error}"))?;
    // The file may have grown since it was found.
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    if bytes.iter().take(SNIFFED_BYTES).any(|byte| *byte == 0) {
        return Err("is a binary file".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("is not valid UTF-8 from line {line} on; save it as UTF-8")
    })
}

/// Masked chunks on their way into the index.
struct Gathered<'m> {
    masker: &'m Masker,
    chunks: Vec<Masked<DocumentChunk>>,
    summary: IndexSummary,
}

impl Gathered<'_> {
    fn take_file(&mut self, file: &FoundFile, text: &str) {
        let path = file.path.to_string_lossy();
        let origin = Origin { document: &file.id, path: &path, title: None };
        self.take_page(&file.path, read_page(origin, text, self.masker));
    }

    fn take_page(&mut self, path: &Path, page: Page) {
        if let Some(reason) = page.left_out {
            self.summary.skipped.push((path.to_owned(), reason));
            return;
        }
        for (line, reason) in page.problems {
            self.warn(path, line, reason);
        }
        let before = self.chunks.len();
        for chunk in page.chunks {
            let line = chunk.line_start;
            match self.masker.mask(chunk, each_text) {
                Ok(masked) => self.chunks.push(masked),
                Err(withheld) => self.warn(path, line, format!("a part was left out: {withheld}")),
            }
        }
        if self.chunks.len() > before {
            self.summary.documents += 1;
        } else {
            self.summary.skipped.push((path.to_owned(), "has no text".to_owned()));
        }
    }

    fn warn(&mut self, path: &Path, line: u32, reason: String) {
        self.summary.warnings.push(IndexWarning { path: path.to_owned(), line, reason });
    }

    fn index(
        mut self,
        source: &str,
        documents: &DocumentIndex,
        embedder: Option<&dyn Embedder>,
        progress: &dyn Fn(IndexProgress),
    ) -> Result<IndexSummary, DocsError> {
        self.summary.chunks = self.chunks.len() as u64;
        let mut vectors = None;
        if let Some(embedder) = embedder {
            let cache = documents.embedding_cache();
            let embedded = embed(&self.chunks, embedder, &cache, progress)?;
            self.summary.vectors = Some(embedded.counts);
            let model = embedder.identity().to_owned();
            vectors = Some(ChunkVectors { model, vectors: embedded.vectors });
        }
        progress(IndexProgress::Writing);
        documents.replace_source(source, self.chunks, vectors)?;
        Ok(self.summary)
    }
}

/// Shows the masker every text of a chunk that comes from the document. Id and path stay: they open the file.
fn each_text(chunk: &mut DocumentChunk, visit: &mut dyn FnMut(&str, &mut String)) {
    visit("title", &mut chunk.title);
    chunk.heading_path.iter_mut().for_each(|heading| visit("heading", heading));
    visit("text", &mut chunk.text);
    chunk.services.iter_mut().for_each(|service| visit("services", service));
    chunk.alerts.iter_mut().for_each(|alert| visit("alerts", alert));
    chunk.front_matter.for_each_text_mut(visit);
}
