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
}

impl BlockMeta {
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.first < range.end && range.start <= self.last
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

    pub(super) fn push(
        &mut self,
        raw: &[u8],
        times: (Timestamp, Timestamp),
        severity_max: Severity,
    ) -> Result<(), StoreError> {
        let chunk = self.file.push(raw)?;
        let (first, last) = times;
        self.footer.blocks.push(BlockMeta { chunk, first, last, severity_max });
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
