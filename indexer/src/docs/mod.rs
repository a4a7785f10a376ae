//! Runbooks, past incidents and other documents: from files into the document index.
//!
//! The route is `walk` (which files), `gather` (which of them changed), `read` (what is in a file: `formats`, `exports`,
//! `catalog`, `pdf`), `page` and `chunk` (where to cut), then masking, `embed` (what was embedded before is not embedded
//! again) and the swap into the store, all in the order that `index` shows. Documents are foreign text: nothing in them
//! is followed or run, and nothing of them is stored unmasked.

mod catalog;
pub mod check;
mod chunk;
mod embed;
mod embedding_text;
mod exports;
mod formats;
mod gather;
mod index;
mod kind;
mod page;
mod pdf;
mod permalink;
mod read;
mod size;
mod source;
mod summary;
mod symptoms;
#[cfg(test)]
mod tests;
mod walk;
mod watch;

pub use embed::VectorCounts;
pub use embedding_text::embed_query;
pub use index::{CorpusText, index_corpus, index_directory};
pub use pdf::read_pdf;
pub use source::DocumentSource;
pub use summary::{ChangeKind, DocsError, FileChange, IndexProgress, IndexSummary, IndexWarning};
pub use symptoms::symptoms_of;
pub use watch::SourceState;

/// The front matter of a page, in the order written; empty where there is none.
///
/// # Errors
/// When it is no YAML of `key: value`: the line in the file, and why.
pub fn front_matter(text: &str) -> Result<groundcrew_telemetry::Attributes, (u32, String)> {
    let parts = formats::split_front_matter(text);
    parts.problem.map_or(Ok(parts.attributes), Err)
}
