//! `rows.bin`: the blocks of a split with the resources they refer to.

use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::{Resource, Severity, TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};
use crate::query::ServiceFilter;

const KIND: FileKind = *b"GCrw";
pub(super) const NAME: &str = "rows.bin";

/// One block's entry.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct BlockMeta {
    pub(crate) chunk: ChunkRef,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) severity_max: Severity,
    pub(crate) rows: u32,
    /// For spans the least hash of their traces, in the order of which they are sampled; 0 for logs.
    pub(crate) sample_first: u64,
}

/// What the rows of a block have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockFacts {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) severity_max: Severity,
    pub(super) rows: u32,
    pub(super) sample_first: u64,
}

impl BlockMeta {
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.first < range.end && range.start <= self.last
    }

    /// About how many of its rows are in `range`: in proportion to the time that both share.
    pub(crate) fn rows_inside(&self, range: TimeRange) -> u64 {
        let rows = u64::from(self.rows);
        if range.contains(self.first) && range.contains(self.last) {
            return rows;
        }
        let length = self.last.secs_since(self.first).max(f64::EPSILON);
        let shared = range.end.min(self.last).secs_since(range.start.max(self.first));
        (rows as f64 * (shared / length).clamp(0.0, 1.0)).round() as u64
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Footer {
    resources: Vec<Arc<Resource>>,
    blocks: Vec<BlockMeta>,
}

/// Writes the file.
pub(super) struct RowsWriter {
    file: ChunkWriter,
    footer: Footer,
}

impl RowsWriter {
    pub(super) fn create(dir: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: ChunkWriter::create(&dir.join(NAME), KIND)?, footer: Footer::default() })
    }

    pub(super) fn push(&mut self, raw: &[u8], facts: BlockFacts) -> Result<(), StoreError> {
        let chunk = self.file.push(raw)?;
        let BlockFacts { first, last, severity_max, rows, sample_first } = facts;
        let meta = BlockMeta { chunk, first, last, severity_max, rows, sample_first };
        self.footer.blocks.push(meta);
        Ok(())
    }

    pub(super) fn finish(mut self, resources: Vec<Arc<Resource>>) -> Result<u64, StoreError> {
        self.footer.resources = resources;
        self.file.finish(&self.footer)
    }
}

/// Reads the file.
#[derive(Debug)]
pub(crate) struct RowsFile {
    file: ChunkFile,
    pub(crate) resources: Vec<Arc<Resource>>,
    pub(crate) blocks: Vec<BlockMeta>,
}

impl RowsFile {
    /// Opens the file of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, bytes) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        Ok((Self { file, resources: footer.resources, blocks: footer.blocks }, bytes * 2))
    }

    /// Which of the resources are asked for.
    pub(crate) fn admitted(&self, services: ServiceFilter<'_>) -> Vec<bool> {
        self.resources.iter().map(|resource| services.admits(resource.service())).collect()
    }

    /// The content of a block.
    pub(crate) fn read(&self, block: &BlockMeta) -> Result<Vec<u8>, StoreError> {
        self.file.read(&block.chunk)
    }

    pub(crate) fn damaged(&self, reason: impl ToString) -> StoreError {
        self.file.damaged(reason)
    }
}
