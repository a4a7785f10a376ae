//! The index of ids: which blocks have a token with a digit in it.
//!
//! Numbers, addresses and trace ids are most of a split's distinct tokens, nearly all of them in one row only. In a term
//! dictionary they cost more than everything else of a seal together. Here such a token is a few bits of hash and a block
//! number in a sorted list: cheap to make, and a lookup reads one chunk. Two tokens with one hash cost a look at a
//! block that does not have them; rows are tested exactly in any case. How many bits are kept follows from how many
//! entries there are, so that the differences between them take about a byte. Chunks are small and packed: of a day's splits
//! a lookup asks each one, and nearly all say no.

use std::path::Path;

use groundcrew_telemetry::TemplateId;
use serde::{Deserialize, Serialize};

use super::packed_ids;
use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};

const KIND: FileKind = *b"GCid";
pub(super) const NAME: &str = "ids.bin";
/// Entries of one chunk, which take about a kilobyte and a half.
const CHUNK_ENTRIES: usize = 1024;

/// Bits of a hash beyond those that number the hashes: one lookup in 256 or fewer reads a block for nothing, which takes
/// longer than a hundred lookups.
const SPARE_BITS: u32 = packed_ids::HASH_LOW_BITS;
/// Entries are sorted by the first bits of the hash as they come, which leaves little to sort.
const BUCKETS: usize = 512;
const BUCKET_SHIFT: u32 = u32::BITS - BUCKETS.ilog2();
// No bits that make the bucket are dropped.
const _: () = assert!(BUCKETS.ilog2() <= SPARE_BITS + 1);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Footer {
    /// Bits of a hash that are kept, the highest.
    bits: u32,
    /// Bits of a block's number.
    block_bits: u32,
    /// Chunks with the first kept hash in each.
    chunks: Vec<(u32, ChunkRef)>,
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
    // Of like tokens only the lower bits of the checksum may differ; the product's upper ones hang on all of them.
    crc32fast::hash(token.as_bytes()).wrapping_mul(0x9e37_79b1)
}

/// Builds the index of one split.
#[derive(Debug)]
pub(super) struct IdIndexBuilder {
    /// Hash in the upper half, block in the lower; by the hash's first bits.
    buckets: Vec<Vec<u64>>,
    block: u32,
}

impl Default for IdIndexBuilder {
    fn default() -> Self {
        Self { buckets: vec![Vec::new(); BUCKETS], block: 0 }
    }
}

impl IdIndexBuilder {
    /// Adds the next block with the hashes of its tokens, repeats included.
    pub(super) fn add_block(&mut self, hashes: impl Iterator<Item = u32>) {
        let block = u64::from(self.block);
        for hash in hashes {
            if let Some(bucket) = self.buckets.get_mut((hash >> BUCKET_SHIFT) as usize) {
                bucket.push((u64::from(hash) << 32) | block);
            }
        }
        self.block += 1;
    }

    /// Writes the index into `dir`, durably.
    pub(super) fn finish(mut self, dir: &Path) -> Result<u64, StoreError> {
        let mut hashes = 0_usize;
        for bucket in &mut self.buckets {
            bucket.sort_unstable();
            hashes += bucket.chunk_by(|one, next| halves(*one).0 == halves(*next).0).count();
        }
        let bits = (hashes.max(1).ilog2() + 1 + SPARE_BITS).min(u32::BITS);
        let kept = |entry: &u64| {
            let (hash, block) = halves(*entry);
            (kept_bits(hash, bits), block)
        };
        for bucket in &mut self.buckets {
            // Two hashes may be one now, whose blocks are then in two orders.
            let same = |one: &u64, next: &u64| kept(one).0 == kept(next).0;
            bucket.chunk_by_mut(same).for_each(|group| group.sort_unstable_by_key(kept));
            bucket.dedup_by_key(|entry| kept(entry));
        }
        let mut file = ChunkWriter::create(&dir.join(NAME), KIND)?;
        let block_bits = u32::BITS - self.block.leading_zeros();
        let mut footer = Footer { bits, block_bits, chunks: Vec::new() };
        let mut sorted = self.buckets.iter().flatten().map(kept);
        loop {
            let entries: Vec<(u32, u32)> = sorted.by_ref().take(CHUNK_ENTRIES).collect();
            let Some((first, _)) = entries.first() else { return file.finish(&footer) };
            let chunk = file.push_as_is(&packed_ids::pack(&entries, block_bits))?;
            footer.chunks.push((*first, chunk));
        }
    }
}

/// The highest `bits` of a hash.
const fn kept_bits(hash: u32, bits: u32) -> u32 {
    if bits >= u32::BITS { hash } else { hash >> (u32::BITS - bits) }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart on purpose")]
const fn halves(entry: u64) -> (u32, u32) {
    ((entry >> 32) as u32, entry as u32)
}

/// An index that was opened.
#[derive(Debug)]
pub(crate) struct IdIndex {
    file: ChunkFile,
    footer: Footer,
}

impl IdIndex {
    /// Opens the index of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, bytes) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        if !(1..=u32::BITS).contains(&footer.bits) || footer.block_bits > u32::BITS {
            return Err(file.damaged("its hashes or blocks have more bits than there are"));
        }
        Ok((Self { file, footer }, bytes * 2))
    }

    /// The blocks that may have `token`, ascending.
    pub(crate) fn blocks(&self, token: &str) -> Result<Vec<u32>, StoreError> {
        let Footer { bits, block_bits, chunks } = &self.footer;
        let wanted = kept_bits(token_hash(token), *bits);
        // The hash may begin in the chunk before the first one that begins with it.
        let begin = chunks.partition_point(|(first, _)| *first < wanted).saturating_sub(1);
        let mut blocks = Vec::new();
        let chunks = chunks.iter().skip(begin).take_while(|(first, _)| *first <= wanted);
        for (first, chunk) in chunks {
            let packed = self.file.read(chunk)?;
            packed_ids::find(&packed, (*first, wanted), *block_bits, &mut |block| {
                blocks.push(block);
            })
            .ok_or_else(|| self.file.damaged("its ids are not packed as they should be"))?;
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
            builder.add_block(hashes.into_iter());
        }
        builder.finish(dir.path()).unwrap();
        let (index, _) = IdIndex::open(dir.path()).unwrap();
        assert!(index.footer.chunks.len() > 3);
        let (mut lookups, mut in_vain) = (0, 0);
        for (id, blocks) in expected.into_iter().step_by(9) {
            let found: BTreeSet<u32> = index.blocks(&id).unwrap().into_iter().collect();
            assert!(found.is_superset(&blocks), "{id}");
            lookups += 1;
            in_vain += found.len() - blocks.len();
        }
        assert!(in_vain < lookups / 100, "{in_vain} of {lookups}");
    }

    #[test]
    fn widths_that_cannot_be_are_damage() {
        for (bits, block_bits) in [(0, 4), (33, 4), (64, 4), (9, 33), (9, 64)] {
            let dir = tempfile::tempdir().unwrap();
            let file = ChunkWriter::create(&dir.path().join(NAME), KIND).unwrap();
            file.finish(&Footer { bits, block_bits, chunks: Vec::new() }).unwrap();
            let error = IdIndex::open(dir.path()).unwrap_err();
            assert!(error.to_string().contains("more bits"), "{error}");
        }
    }

    #[test]
    fn an_empty_index_has_nothing() {
        let dir = tempfile::tempdir().unwrap();
        IdIndexBuilder::default().finish(dir.path()).unwrap();
        assert!(IdIndex::open(dir.path()).unwrap().0.blocks("1").unwrap().is_empty());
    }
}
