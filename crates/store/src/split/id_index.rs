//! The index of ids: which blocks have a token with a digit in it.
//!
//! Numbers, addresses and trace ids are most of a split's distinct tokens, nearly all of them in one row only. In a term
//! dictionary they cost more than everything else of a seal together. Here such a token is 32 bits of hash and a block
//! number in a sorted list: cheap to make, and a lookup reads one chunk. Two tokens with one hash cost a look at a
//! block that does not have them; rows are tested exactly in any case.

use std::path::Path;

use groundcrew_telemetry::TemplateId;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};

const KIND: FileKind = *b"GCid";
pub(super) const NAME: &str = "ids.bin";
/// Entries of one chunk.
const CHUNK_ENTRIES: usize = 8192;

/// Chunks with the first hash in each.
type Footer = Vec<(u32, ChunkRef)>;

#[derive(Default, Serialize, Deserialize)]
struct Entries {
    /// Differences, ascending.
    hashes: Vec<u32>,
    blocks: Vec<u32>,
}

/// The token that stands for a service. It begins with a character that no token of a text has.
pub(crate) fn service_token(service: &str) -> String {
    let hash = blake3::hash(service.as_bytes()).to_hex();
    format!("\u{1}1{}", hash.get(..16).unwrap_or_default())
}

/// The token that stands for a template.
pub(crate) fn template_token(template: TemplateId) -> String {
    format!("\u{1}2{template}")
}

/// Whether a token belongs into this index and not among the words.
pub(super) fn is_id(token: &str) -> bool {
    token.bytes().any(|byte| byte.is_ascii_digit())
}

/// The hash of a token, the same on every machine and in every version.
pub(super) fn token_hash(token: &str) -> u32 {
    crc32fast::hash(token.as_bytes())
}

/// Builds the index of one split.
#[derive(Debug, Default)]
pub(super) struct IdIndexBuilder {
    /// Hash in the upper half, block in the lower.
    entries: Vec<u64>,
    block: u32,
}

impl IdIndexBuilder {
    /// Adds the next block with the hashes of its tokens, repeats included; `hashes` is empty afterwards.
    pub(super) fn add_block(&mut self, hashes: &mut Vec<u32>) {
        hashes.sort_unstable();
        hashes.dedup();
        let block = u64::from(self.block);
        self.entries.extend(hashes.drain(..).map(|hash| (u64::from(hash) << 32) | block));
        self.block += 1;
    }

    /// Writes the index into `dir`, durably.
    pub(super) fn finish(mut self, dir: &Path) -> Result<u64, StoreError> {
        self.entries.sort_unstable();
        let mut file = ChunkWriter::create(&dir.join(NAME), KIND)?;
        let mut footer = Footer::new();
        for chunk in self.entries.chunks(CHUNK_ENTRIES) {
            let mut entries = Entries::default();
            let mut before = 0;
            for entry in chunk {
                let (hash, block) = halves(*entry);
                entries.hashes.push(hash - before);
                entries.blocks.push(block);
                before = hash;
            }
            let raw = postcard::to_stdvec(&entries).map_err(StoreError::encoding("ids"))?;
            let first = chunk.first().map_or(0, |entry| halves(*entry).0);
            footer.push((first, file.push(&raw)?));
        }
        file.finish(&footer)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart on purpose")]
const fn halves(entry: u64) -> (u32, u32) {
    ((entry >> 32) as u32, entry as u32)
}

/// An index that was opened.
#[derive(Debug)]
pub(crate) struct IdIndex {
    file: ChunkFile,
    chunks: Footer,
}

impl IdIndex {
    /// Opens the index of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, chunks, bytes) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        Ok((Self { file, chunks }, bytes * 2))
    }

    /// The blocks that may have `token`, ascending.
    pub(crate) fn blocks(&self, token: &str) -> Result<Vec<u32>, StoreError> {
        let wanted = token_hash(token);
        // The hash may begin in the chunk before the first one that begins with it.
        let begin = self.chunks.partition_point(|(first, _)| *first < wanted).saturating_sub(1);
        let mut blocks = Vec::new();
        for (_, chunk) in self.chunks.iter().skip(begin).take_while(|(first, _)| *first <= wanted) {
            let raw = self.file.read(chunk)?;
            let entries: Entries =
                postcard::from_bytes(&raw).map_err(|error| self.file.damaged(error))?;
            let mut hash = 0_u32;
            for (delta, block) in entries.hashes.iter().zip(&entries.blocks) {
                hash = hash.wrapping_add(*delta);
                if hash == wanted {
                    blocks.push(*block);
                }
            }
        }
        Ok(blocks)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn every_id_is_found_in_its_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let mut builder = IdIndexBuilder::default();
        let mut expected: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for block in 0..60_u32 {
            let mut hashes = Vec::new();
            // One that is everywhere, some that come again, and many that come once.
            let ids = (0..900).map(|number| format!("id-{}", block * 450 + number));
            for id in ids.chain(["everywhere-1".to_owned(), "everywhere-1".to_owned()]) {
                hashes.push(token_hash(&id));
                expected.entry(id).or_default().insert(block);
            }
            builder.add_block(&mut hashes);
            assert!(hashes.is_empty());
        }
        builder.finish(dir.path()).unwrap();
        let (index, _) = IdIndex::open(dir.path()).unwrap();
        assert!(index.chunks.len() > 3);
        for (id, blocks) in expected {
            let found: BTreeSet<u32> = index.blocks(&id).unwrap().into_iter().collect();
            assert!(found.is_superset(&blocks), "{id}");
            assert!(found.len() <= blocks.len() + 2, "{id}");
        }
        assert!(index.blocks("absent-1").unwrap().len() <= 1);
    }

    #[test]
    fn an_empty_index_has_nothing() {
        let dir = tempfile::tempdir().unwrap();
        IdIndexBuilder::default().finish(dir.path()).unwrap();
        assert!(IdIndex::open(dir.path()).unwrap().0.blocks("1").unwrap().is_empty());
    }
}
