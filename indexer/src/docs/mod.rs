//! Runbooks, past incidents and other documents: from Markdown files into the document index.
//!
//! The route is `walk` (which files), `page` (front matter and body), `blocks` and `chunk` (where to cut), then masking,
//! `embed` (what was embedded before is not embedded again) and the swap into the store, all in the order that `index` shows. Documents are foreign text: nothing
//! in them is followed or run, and nothing of them is stored unmasked.

mod blocks;
mod chunk;
mod embed;
mod embedding_text;
mod front_matter;
mod index;
mod kind;
mod page;
mod size;
#[cfg(test)]
mod tests;
mod walk;

pub use embed::VectorCounts;
pub use embedding_text::embed_query;
pub use index::{
    CorpusText, DocsError, IndexProgress, IndexSummary, IndexWarning, index_corpus, index_directory,
};
