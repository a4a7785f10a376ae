//! From files to the document index: read, cut, mask, embed, swap in.

use groundcrew_llm::LocalEmbedder;
use groundcrew_masking::{Masked, Masker};
use groundcrew_store::{DocumentChunk, DocumentIndex, SourceUpdate};

use super::DocumentSource;
use super::embedding_text::embedding_text;
use super::gather::{Gathered, Reading, each_text_of_record};
use super::permalink::Checkout;
use super::summary::{DocsError, IndexProgress, IndexSummary};
use super::walk::find;

/// Chunks that are embedded in one go.
const BATCH_CHUNKS: usize = 32;

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
    embedder: Option<&LocalEmbedder>,
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
        model: model_name(embedder),
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
        summary.embedded = embedder.is_some();
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
    embedder: Option<&LocalEmbedder>,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    let mut gathered = Gathered::new(masker);
    for (done, document) in corpus.iter().enumerate() {
        progress(IndexProgress::Reading { done, all: corpus.len() });
        gathered.take_text(document.id, document.title, document.text);
    }
    put(gathered, source, documents, embedder, progress)
}

/// Names what makes the vectors: other vectors are no longer the right ones.
const fn model_name(embedder: Option<&LocalEmbedder>) -> &'static str {
    if embedder.is_some() { groundcrew_llm::embed::MODEL_SHA256 } else { "" }
}

/// Embeds what is new and puts it into the index.
fn put(
    gathered: Gathered<'_>,
    source: &str,
    documents: &DocumentIndex,
    embedder: Option<&LocalEmbedder>,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    let mut summary = gathered.summary;
    summary.embedded = embedder.is_some();
    let record = gathered.masker.mask(gathered.record, each_text_of_record);
    let record = record.map_err(DocsError::Masking)?;
    summary.entities = record.entities.clone();
    let vectors =
        embedder.map(|embedder| embed(&gathered.chunks, embedder, progress)).transpose()?;
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

fn embed(
    chunks: &[Masked<DocumentChunk>],
    embedder: &LocalEmbedder,
    progress: &dyn Fn(IndexProgress),
) -> Result<Vec<Vec<f32>>, DocsError> {
    // A batch is as slow as its longest text, so texts of about one length go together.
    let mut order: Vec<(usize, String)> =
        chunks.iter().map(|chunk| embedding_text(chunk)).enumerate().collect();
    order.sort_by_key(|(position, text)| (text.len(), *position));
    let mut embedded = Vec::with_capacity(chunks.len());
    for batch in order.chunks(BATCH_CHUNKS) {
        progress(IndexProgress::Embedding { done: embedded.len(), all: chunks.len() });
        let texts: Vec<&str> = batch.iter().map(|(_, text)| text.as_str()).collect();
        let positions = batch.iter().map(|(position, _)| *position);
        embedded.extend(positions.zip(embedder.embed(&texts)?));
    }
    embedded.sort_by_key(|(position, _)| *position);
    Ok(embedded.into_iter().map(|(_, vector)| vector).collect())
}
