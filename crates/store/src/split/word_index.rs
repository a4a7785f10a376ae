//! The index of words: which blocks have a token without a digit. tantivy inside, one document per block.
//!
//! Queries are terms looked up one by one, never text given to a query parser. The index is built in memory and kept
//! as chunks of one file; opening it reads the whole file, which the reader caches.

use std::path::{Path, PathBuf};

use tantivy::directory::{Directory as _, RamDirectory};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{
    DocSet as _, Index, IndexBuilder, SegmentReader, SingleSegmentIndexWriter, TERMINATED,
    TantivyDocument, Term,
};

use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};

const KIND: FileKind = *b"GCix";
pub(super) const NAME: &str = "words.bin";
/// tantivy sizes its first tables by it; they grow as needed.
const MEMORY_BUDGET_BYTES: usize = 1024 * 1024;
const FIELD: &str = "word";

/// The files of the tantivy index and where they are.
type Footer = Vec<(String, ChunkRef)>;

/// Builds the index of one split.
pub(super) struct WordIndexBuilder {
    writer: SingleSegmentIndexWriter,
    directory: RamDirectory,
    field: Field,
}

impl WordIndexBuilder {
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("whitespace")
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false);
        let field =
            schema.add_text_field(FIELD, TextOptions::default().set_indexing_options(indexing));
        let directory = RamDirectory::create();
        let writer = IndexBuilder::new()
            .schema(schema.build())
            .single_segment_index_writer(directory.clone(), MEMORY_BUDGET_BYTES)?;
        Ok(Self { writer, directory, field })
    }

    /// Adds the next block, whose words are separated by white space.
    pub(super) fn add_block(&mut self, words: String) -> Result<(), StoreError> {
        let mut document = TantivyDocument::default();
        document.add_text(self.field, words);
        Ok(self.writer.add_document(document)?)
    }

    /// Writes the index into `dir`, durably.
    pub(super) fn finish(self, dir: &Path) -> Result<u64, StoreError> {
        let index = self.writer.finalize()?;
        let mut names: Vec<PathBuf> = index.directory().list_managed_files().into_iter().collect();
        names.push(PathBuf::from("meta.json"));
        names.sort();
        names.dedup();
        let mut file = ChunkWriter::create(&dir.join(NAME), KIND)?;
        let mut footer = Footer::new();
        for name in names {
            if !self.directory.exists(&name).map_err(tantivy::TantivyError::from)? {
                continue;
            }
            let content = self.directory.open_read(&name).map_err(tantivy::TantivyError::from)?;
            let bytes = content.read_bytes().map_err(StoreError::io("read", &name))?;
            footer.push((name.to_string_lossy().into_owned(), file.push(&bytes)?));
        }
        file.finish(&footer)
    }
}

/// An index that was read back.
pub(crate) struct WordIndex {
    segments: Vec<SegmentReader>,
    field: Field,
}

impl std::fmt::Debug for WordIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WordIndex").field("segments", &self.segments.len()).finish()
    }
}

impl WordIndex {
    /// Reads the index of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, _) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        let directory = RamDirectory::create();
        let mut bytes = 0;
        for (name, chunk) in &footer {
            let content = file.read(chunk)?;
            bytes += content.len();
            directory
                .atomic_write(Path::new(name), &content)
                .map_err(StoreError::io("load", file.path()))?;
        }
        let index = Index::open(directory)?;
        let field = index.schema().get_field(FIELD)?;
        let segments = index
            .searchable_segments()?
            .iter()
            .map(SegmentReader::open)
            .collect::<tantivy::Result<Vec<SegmentReader>>>()?;
        Ok((Self { segments, field }, bytes))
    }

    /// The blocks that have the word `token`, ascending.
    pub(crate) fn blocks(&self, token: &str) -> Result<Vec<u32>, StoreError> {
        let term = Term::from_field_text(self.field, token);
        let mut blocks = Vec::new();
        for segment in &self.segments {
            let inverted = segment.inverted_index(self.field)?;
            let postings = inverted
                .read_postings(&term, IndexRecordOption::Basic)
                .map_err(tantivy::TantivyError::from)?;
            let Some(mut postings) = postings else { continue };
            let mut block = postings.doc();
            while block != TERMINATED {
                blocks.push(block);
                block = postings.advance();
            }
        }
        Ok(blocks)
    }
}
