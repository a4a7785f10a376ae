//! From files to the document index: read, cut, mask, embed, swap in.

use groundcrew_llm::Embedder;
use groundcrew_masking::Masker;
use groundcrew_store::{ChunkVectors, DocumentIndex, SourceUpdate};

use super::DocumentSource;
use super::embed::{VectorCounts, embed};
use super::gather::{Gathered, Reading, each_text_of_record};
use super::permalink::Checkout;
use super::summary::{DocsError, IndexProgress, IndexSummary};
use super::walk::find;

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

/// Indexes the documents of `source`, replacing what was indexed from it before.
///
/// Files that are as they were are not read again, and their chunks keep their vectors. What is searched is the old
/// state until all of the new one is on disk; when anything fails, the old one stays. Without an embedder the chunks
/// have no vectors, and are found by their words alone.
///
/// # Errors
/// When the directory cannot be read, the model fails, or the index cannot be written.
pub fn index_directory(
    source: DocumentSource<'_>,
    documents: &DocumentIndex,
    masker: &Masker,
    embedder: Option<&dyn Embedder>,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    let read_error = |error| DocsError::Read { path: source.path.to_owned(), source: error };
    // The source is the true path, so that the same directory under another name replaces itself.
    let true_path = std::fs::canonicalize(source.path).map_err(read_error)?;
    let name = true_path.to_string_lossy().into_owned();
    let found = find(source.path).map_err(read_error)?;
    let before = documents.source_record(&name)?;
    let reading = Reading {
        source,
        model: embedder.map_or("", Embedder::identity),
        before: &before,
        checkout: Checkout::find(source.path, source.permalink_hosts),
    };
    let mut gathered = Gathered::new(masker);
    gathered.summary.skipped = found.skipped;
    let all = found.files.len();
    for (done, file) in found.files.iter().enumerate() {
        progress(IndexProgress::Reading { done, all });
        gathered.take_file(&reading, file);
    }
    progress(IndexProgress::Reading { done: all, all });
    gathered.note_removed(&before);
    let is_same = gathered.chunks.is_empty() && gathered.record == before;
    if is_same && !before.files.is_empty() {
        let mut summary = gathered.summary;
        summary.vectors = embedder.map(|_| VectorCounts::default());
        summary.entities = before.entities.clone();
        return Ok(summary);
    }
    put(gathered, &name, documents, embedder, progress)
}

/// Indexes documents that are in memory, replacing what was indexed under the same `source`.
///
/// # Errors
/// When the model fails or the index cannot be written.
pub fn index_corpus(
    (source, corpus): (&str, &[CorpusText<'_>]),
    documents: &DocumentIndex,
    masker: &Masker,
    embedder: Option<&dyn Embedder>,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    let mut gathered = Gathered::new(masker);
    for (done, document) in corpus.iter().enumerate() {
        progress(IndexProgress::Reading { done, all: corpus.len() });
        gathered.take_text(document.id, document.title, document.text);
    }
    put(gathered, source, documents, embedder, progress)
}

/// Embeds what is new and puts it into the index.
fn put(
    gathered: Gathered<'_>,
    source: &str,
    documents: &DocumentIndex,
    embedder: Option<&dyn Embedder>,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    let mut summary = gathered.summary;
    let record = gathered.masker.mask(gathered.record, each_text_of_record);
    let record = record.map_err(DocsError::Masking)?;
    summary.entities = record.entities.clone();
    let mut vectors = None;
    if let Some(embedder) = embedder {
        let embedded = embed(&gathered.chunks, embedder, &documents.embedding_cache(), progress)?;
        summary.vectors = Some(embedded.counts);
        let model = embedder.identity().to_owned();
        vectors = Some(ChunkVectors { model, vectors: embedded.vectors });
    }
    progress(IndexProgress::Writing);
    let update = SourceUpdate {
        documents: gathered.documents,
        chunks: gathered.chunks,
        vectors,
        record: Some(record),
    };
    documents.update_source(source, update)?;
    Ok(summary)
}
