//! Splits: sealed, immutable rows of one signal, one directory each.
//!
//! # Why blocks
//!
//! Rows are grouped by time into blocks of some thousand and stored column by column; what is indexed is which
//! *blocks* have a token. Indexing rows would make the index the dearest part of ingest by far and about half of the
//! disk; one filter per block would make needles slow, because every block's filter is probed. With blocks a needle
//! costs a lookup and a few block decodes, a token repeated in a thousand rows is indexed once, and no row is found by
//! the index alone: the block is decoded and its rows are tested exactly, so that an index may over-approximate but an
//! answer never does.
//!
//! Words go into an inverted index (tantivy, one document per block). Tokens with digits in them, nearly all different,
//! go into a sorted list of hashes instead: as terms they made up 60 % of the cost of a seal and needed the whole
//! dictionary in memory to be looked up.
//!
//! # Files
//!
//! `rows.bin` has the blocks with the resources they refer to, `words.bin` (logs) and `ids.bin` the two indexes,
//! `rollup.bin` (logs) the counts per slot of time, service and template with the rows that they show, `series.bin`
//! (metrics) the series and their points, `span_counts.bin` (spans) what they counted per slot, operation and call. All are
//! [`ChunkFile`](crate::chunk_file)s, read with plain file I/O. A document's number in tantivy is the block's number.
//! `split.bin` says what the split is, so that a lost manifest can be made again. Beside the splits are joint rollups, each in
//! place of those of many.

mod block_tokens;
mod bodies;
mod columns;
mod id_index;
mod joint;
mod log_block;
mod log_read;
mod meta;
mod packed_ids;
mod read;
mod rollup_file;
mod rollup_of;
mod rows_file;
mod series_file;
mod shown_rows;
mod span_block;
mod span_counts_file;
mod streams;
mod value_column;
mod word_index;
mod write;

pub(crate) use id_index::{service_token, template_token};
pub(crate) use joint::Joint;
pub(crate) use log_read::LogBlock;
pub(crate) use meta::{
    META_KIND, META_NAME, Sampled, Split, SplitMeta, SplitSet, SplitSignal, split_dirs,
};
pub(crate) use read::SplitReader;
pub(crate) use rollup_of::RollupOf;
pub(crate) use rows_file::{BlockMeta, RowsFile};
pub(crate) use span_block::SpanBlock;
pub(crate) use write::{Covers, STRETCH_NANOS, SplitSpec, write_splits};
