//! `eval retrieval`: a corpus and queries in BEIR layout in, ranked documents out.

use std::path::Path;

use groundcrew_indexer::docs::{CorpusText, VectorCounts, embed_query, index_corpus};
use groundcrew_store::{DocumentFilter, DocumentHit, DocumentQuery};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::case::{EvalError, FreshStore};
use crate::investigate::Investigator;

/// Documents per query.
const DOCUMENTS_MAX: usize = 20;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(alias = "_id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) title: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(alias = "_id")]
    id: String,
    pub(super) text: String,
}

/// The ranking for one query.
#[derive(Clone, Debug, Serialize)]
pub struct RetrievalRow {
    query: String,
    docs: Vec<String>,
    /// How sure it is that one of them answers, 0 to 1.
    score: f32,
}

/// Indexes `corpus.jsonl` and ranks its documents for each query of `queries.jsonl`.
///
/// With `embeddings`, a folder, vectors are kept there from one measurement to the next: only the first embeds the corpus.
///
/// # Errors
/// When a file cannot be read or the index fails.
pub fn retrieval(
    like: &Investigator,
    folder: &Path,
    embeddings: Option<&Path>,
    progress: &dyn Fn(&str),
) -> Result<Vec<RetrievalRow>, EvalError> {
    let store = FreshStore::new(like)?;
    if let Some(embeddings) = embeddings {
        keep_embeddings(&store, embeddings)?;
    }
    let embedder = store.investigator.embedder.get().ok();
    let pages: Vec<Page> = read_lines(&folder.join("corpus.jsonl"))?;
    let corpus: Vec<CorpusText<'_>> = pages
        .iter()
        .map(|page| CorpusText { id: &page.id, title: &page.title, text: &page.text })
        .collect();
    progress(&format!("indexing {} documents", corpus.len()));
    let documents = store.store().documents();
    let indexed =
        index_corpus(("corpus", &corpus), documents, &like.masker, embedder, &|_| {}).map_err(
            |error| EvalError::Ingest { path: folder.to_owned(), message: error.to_string() },
        )?;
    let VectorCounts { embedded, cached } = indexed.vectors.unwrap_or_default();
    progress(&format!("{embedded} passages embedded, {cached} known from before"));
    let queries: Vec<Query> = read_lines(&folder.join("queries.jsonl"))?;
    progress(&format!("answering {} queries", queries.len()));
    queries
        .into_iter()
        .map(|query| {
            let vector = embedder
                .and_then(|embedder| embed_query(documents, embedder, &query.text).ok().flatten());
            let wanted = DocumentQuery {
                text: query.text,
                vector,
                filter: DocumentFilter::default(),
                limit: DOCUMENTS_MAX,
            };
            let hits = store.store().documents().search(&wanted)?;
            let score = hits.iter().map(DocumentHit::confidence).fold(0.0, f32::max);
            Ok(RetrievalRow {
                query: query.id,
                docs: hits.into_iter().map(|hit| hit.chunk.document).collect(),
                score,
            })
        })
        .collect()
}

/// Lets the fresh store keep its vectors in `folder`, which outlives it.
fn keep_embeddings(store: &FreshStore, folder: &Path) -> Result<(), EvalError> {
    let failed = |source| EvalError::File { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let folder = std::fs::canonicalize(folder).map_err(failed)?;
    let inside = store.store().documents().embedding_cache_dir();
    std::os::unix::fs::symlink(folder, inside).map_err(failed)
}

pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, EvalError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| EvalError::File { path: path.to_owned(), source })?;
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            serde_json::from_str(line).map_err(|error| EvalError::Format {
                path: path.to_owned(),
                message: error.to_string(),
            })
        })
        .collect()
}
