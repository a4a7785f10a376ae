//! Splits: sealed, immutable rows of one signal, one directory each.
//!
//! # Why blocks
//!
//! Rows are grouped by time into blocks of about a thousand and stored column by column; the inverted index (tantivy)
//! holds one document per *block*, the distinct tokens of its rows. One document per row would make the index the
//! dearest part of ingest by far and about half of the disk; one filter per block would make needles slow, because
//! every block's filter is probed. With blocks as documents a needle costs a term lookup and a few block decodes, a
//! token repeated in a thousand rows is indexed once, and no row is found by the index alone: the block is decoded and
//! its rows are tested exactly, so that the index may over-approximate but an answer never does.
//!
//! # Files
//!
//! `rows.bin` has the blocks with the resources they refer to, `index.bin` the tantivy index, `rollup.bin` (logs) the
//! counts per minute, service and template, `series.bin` (metrics) the series and their points. All are
//! [`ChunkFile`](crate::chunk_file)s, read with plain file I/O. The document number in the index is the block number.
//! `split.bin` says what the split is, so that a lost manifest can be made again.

mod block_tokens;
mod columns;
mod log_block;
mod meta;
mod read;
mod rollup_file;
mod rows_file;
mod series_file;
mod span_block;
mod token_index;
mod write;

pub(crate) use log_block::LogBlock;
pub(crate) use meta::{META_KIND, META_NAME, Split, SplitMeta, SplitSet, SplitSignal};
pub(crate) use read::SplitReader;
pub(crate) use rows_file::{BlockMeta, RowsFile};
pub(crate) use span_block::SpanBlock;
pub(crate) use token_index::{service_token, template_token};
pub(crate) use write::{SplitSpec, write_splits};
