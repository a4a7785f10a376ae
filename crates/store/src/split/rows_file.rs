//! `rows.bin`: the blocks of a split with the resources they refer to.

use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::{Resource, Severity, TimeRange, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::log_block::EncodedLogs;
use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};
use crate::query::ServiceFilter;

const KIND: FileKind = *b"GCrw";
pub(super) const NAME: &str = "rows.bin";

/// One block's entry.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct BlockMeta {
    /// The parts of log rows; spans have only the first.
    parts: [ChunkRef; PARTS],
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) severity_max: Severity,
    pub(crate) rows: u32,
    /// For spans the least hash of their traces, in the order of which they are sampled; 0 for logs.
    pub(crate) sample_first: u64,
}

/// The parts of a block that are read one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// What is asked of rows first; of spans everything.
    Heads,
    /// Trace ids, span ids and the ids in bodies.
    Ids,
    /// Bodies.
    Texts,
    /// Attributes.
    Attributes,
}

const PARTS: usize = 4;

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

    /// Adds a block of spans.
    pub(super) fn push(&mut self, raw: &[u8], facts: BlockFacts) -> Result<(), StoreError> {
        let none = ChunkRef::default();
        let parts = [self.file.push(raw)?, none, none, none];
        self.add(parts, facts);
        Ok(())
    }

    /// Adds a block of log rows.
    pub(super) fn push_logs(
        &mut self,
        block: &EncodedLogs,
        facts: BlockFacts,
    ) -> Result<(), StoreError> {
        let parts = [
            self.file.push(&block.heads)?,
            self.file.push_as_is(&block.ids)?,
            self.file.push(&block.texts)?,
            self.file.push(&block.attributes)?,
        ];
        self.add(parts, facts);
        Ok(())
    }

    fn add(&mut self, parts: [ChunkRef; PARTS], facts: BlockFacts) {
        let BlockFacts { first, last, severity_max, rows, sample_first } = facts;
        self.footer.blocks.push(BlockMeta { parts, first, last, severity_max, rows, sample_first });
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
    /// The number of each block's first row.
    starts: Vec<u64>,
}

impl RowsFile {
    /// Opens the file of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, bytes) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        let Footer { resources, blocks } = footer;
        let mut rows = 0;
        let starts = blocks.iter().map(|block| {
            rows += u64::from(block.rows);
            rows - u64::from(block.rows)
        });
        Ok((Self { file, starts: starts.collect(), resources, blocks }, bytes * 2))
    }

    /// Which of the resources are asked for.
    pub(crate) fn admitted(&self, services: ServiceFilter<'_>) -> Vec<bool> {
        if services.is_all() {
            return vec![true; self.resources.len()];
        }
        self.resources.iter().map(|resource| services.admits(resource.service())).collect()
    }

    /// The content of a block of spans.
    pub(crate) fn read(&self, block: &BlockMeta) -> Result<Vec<u8>, StoreError> {
        self.read_part(block, Part::Heads)
    }

    /// One part of a block of log rows.
    pub(super) fn read_part(&self, block: &BlockMeta, part: Part) -> Result<Vec<u8>, StoreError> {
        let [heads, ids, texts, attributes] = &block.parts;
        self.file.read(match part {
            Part::Heads => heads,
            Part::Ids => ids,
            Part::Texts => texts,
            Part::Attributes => attributes,
        })
    }

    /// As [`Self::read_part`], decoded.
    pub(super) fn read_as<T: DeserializeOwned>(
        &self,
        block: &BlockMeta,
        part: Part,
    ) -> Result<T, StoreError> {
        let raw = self.read_part(block, part)?;
        postcard::from_bytes(&raw).map_err(|error| self.damaged(error))
    }

    /// The block that has row number `row` of the split, and the number of its first row.
    pub(crate) fn block_of(&self, row: u64) -> Option<(u64, &BlockMeta)> {
        let after = self.starts.partition_point(|start| *start <= row);
        let number = after.checked_sub(1)?;
        let start = *self.starts.get(number)?;
        let block = self.blocks.get(number)?;
        (row < start + u64::from(block.rows)).then_some((start, block))
    }

    pub(crate) fn damaged(&self, reason: impl ToString) -> StoreError {
        self.file.damaged(reason)
    }
}
