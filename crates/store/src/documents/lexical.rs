//! The inverted index of a generation: which chunks hold a term, and how often.
//!
//! tantivy keeps terms and postings; scores are ours (`rank`), since its BM25 knows one field at a time. Its
//! query language is never used: it was made for people who write queries, and a question may come from an attacker.

use std::path::Path;
use std::sync::Arc;

use tantivy::directory::MmapDirectory;
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::postings::Postings as _;
use tantivy::schema::{
    Field as SchemaField, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{
    DocSet as _, Index, InvertedIndexReader, SegmentReader, TERMINATED, TantivyDocument, Term,
};

use super::DocumentChunk;
use super::catalog::{Catalog, Field, PerField};
use super::glossary::Glossary;
use super::words::Terms;
use crate::StoreError;

/// What tantivy may allocate at the start; it takes more when there is more to index.
const WRITER_BYTES: usize = 16_000_000;

/// Writes an inverted index of chunks, numbered as they come.
pub(super) struct LexiconWriter {
    writer: SingleSegmentIndexWriter,
    schema: Schema,
    terms: Terms,
    glossary: Glossary,
    chunks: u64,
}

impl LexiconWriter {
    /// Starts in `dir`, which must be empty.
    pub(super) fn create(dir: &Path) -> Result<Self, StoreError> {
        let schema = schema();
        let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        let writer = Index::builder()
            .schema(schema.clone())
            .single_segment_index_writer(directory, WRITER_BYTES)?;
        let terms = Terms::new();
        let glossary = Glossary::new(&terms);
        Ok(Self { writer, schema, terms, glossary, chunks: 0 })
    }

    /// Adds a chunk; says how many terms each field has.
    pub(super) fn push(&mut self, chunk: &DocumentChunk) -> Result<PerField<u32>, StoreError> {
        let names = chunk.services.iter().chain(&chunk.alerts).map(String::as_str);
        let names = names.collect::<Vec<_>>().join(" ");
        let headings = chunk.heading_path.join("\n");
        let called = format!("{} {names}", chunk.title);
        let meaning = self.glossary.meanings(&self.terms, &called).join("\n");
        let texts = [chunk.title.as_str(), &names, &headings, &chunk.text, &meaning];
        let mut document = TantivyDocument::default();
        let mut counts = [0; Field::ALL.len()];
        for ((field, text), count) in Field::ALL.into_iter().zip(texts).zip(&mut counts) {
            let mut tokens = Vec::new();
            self.terms.each(text, &mut |term| {
                // The default position is the last there is, and the index adds to it.
                let position = tokens.len();
                tokens.push(Token { text: term.to_owned(), position, ..Token::default() });
            });
            *count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
            let text = String::new();
            let field = self.schema.get_field(field.name())?;
            document.add_pre_tokenized_text(field, PreTokenizedString { text, tokens });
        }
        self.writer.add_document(document)?;
        self.chunks += 1;
        Ok(counts)
    }

    pub(super) fn finish(self) -> Result<(), StoreError> {
        if self.chunks > 0 {
            self.writer.finalize()?;
        }
        Ok(())
    }
}

fn schema() -> Schema {
    let indexing = TextFieldIndexing::default()
        .set_index_option(IndexRecordOption::WithFreqs)
        .set_fieldnorms(false);
    let options = TextOptions::default().set_indexing_options(indexing);
    let mut schema = Schema::builder();
    for field in Field::ALL {
        schema.add_text_field(field.name(), options.clone());
    }
    schema.build()
}

/// A chunk that holds a term.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Posting {
    pub(super) field: Field,
    /// The chunk's position; always one that the catalog has.
    pub(super) chunk: u32,
    pub(super) count: u32,
}

/// An inverted index, open for reading.
pub(super) struct Lexicon {
    fields: Vec<(Field, SchemaField, Arc<InvertedIndexReader>)>,
    chunk_count: u32,
}

impl std::fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lexicon").field("chunk_count", &self.chunk_count).finish_non_exhaustive()
    }
}

impl Lexicon {
    /// Opens the index in `dir` without writing there.
    pub(super) fn open(dir: &Path, catalog: &Catalog) -> Result<Self, StoreError> {
        let index = Index::open_in_dir(dir)?;
        let segments = index.searchable_segments()?;
        let [segment] = segments.as_slice() else {
            return Err(StoreError::damaged(dir, "it does not have exactly one segment"));
        };
        let reader = SegmentReader::open(segment)?;
        if reader.max_doc() as usize != catalog.chunks.len() {
            return Err(StoreError::damaged(dir, "it does not have one entry per chunk"));
        }
        let mut fields = Vec::new();
        for field in Field::ALL {
            let schema_field = index.schema().get_field(field.name())?;
            fields.push((field, schema_field, reader.inverted_index(schema_field)?));
        }
        Ok(Self { fields, chunk_count: reader.max_doc() })
    }

    /// In how many chunks a term occurs, about: the largest number of any field.
    pub(super) fn chunks_with(&self, term: &str) -> Result<u32, StoreError> {
        let mut most = 0;
        for (_, schema_field, index) in &self.fields {
            let term = Term::from_field_text(*schema_field, term);
            most = most.max(index.doc_freq(&term).map_err(tantivy::TantivyError::from)?);
        }
        Ok(most)
    }

    /// Calls `visit` with every chunk that holds `term`, field by field, chunks in order.
    pub(super) fn each_posting(
        &self,
        term: &str,
        visit: &mut dyn FnMut(Posting),
    ) -> Result<(), StoreError> {
        for (field, schema_field, index) in &self.fields {
            let term = Term::from_field_text(*schema_field, term);
            let postings = index
                .read_postings(&term, IndexRecordOption::WithFreqs)
                .map_err(tantivy::TantivyError::from)?;
            let Some(mut postings) = postings else { continue };
            let mut chunk = postings.doc();
            while chunk != TERMINATED && chunk < self.chunk_count {
                visit(Posting { field: *field, chunk, count: postings.term_freq() });
                chunk = postings.advance();
            }
        }
        Ok(())
    }
}
