//! Sorted hashes with a block number each, in about as few bits as they can be told apart in.
//!
//! Differences between hashes that lie evenly are distributed geometrically, for which Rice's code is the best prefix code
//! (Golomb, "Run-length encodings", 1966; Rice and Plaunt, 1971): the lower bits as they are, the number above them in
//! unary. The same goes for the gaps between the blocks of one hash. Each entry begins with a bit that says whether it is
//! of the hash before it.

/// Bits of a difference between hashes that are written as they are: right where one hash in 2^8 is there.
pub(super) const HASH_LOW_BITS: u32 = 8;
/// Bits of a gap between blocks that are written as they are. Tokens that come again come again soon.
const GAP_LOW_BITS: u32 = 2;
/// Bytes of the number of entries, in front.
const HEAD_BYTES: usize = 4;

/// Packs entries, ascending and each once.
pub(super) fn pack(entries: &[(u32, u32)], block_bits: u32) -> Vec<u8> {
    let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let mut bits = BitWriter { bytes: count.to_le_bytes().to_vec(), ..BitWriter::default() };
    let mut before: Option<(u32, u32)> = None;
    for (hash, block) in entries {
        match before {
            Some((known, at)) if known == *hash => {
                bits.put(1, 1);
                bits.put_rice(block - at - 1, GAP_LOW_BITS);
            }
            before => {
                bits.put(0, 1);
                if let Some((known, _)) = before {
                    bits.put_rice(hash - known - 1, HASH_LOW_BITS);
                }
                bits.put(*block, block_bits);
            }
        }
        before = Some((*hash, *block));
    }
    bits.finish()
}

/// Calls `visit` with the blocks of `wanted`. `first` is the first hash. `None` when these are no such bytes.
pub(super) fn find(
    packed: &[u8],
    (first, wanted): (u32, u32),
    block_bits: u32,
    visit: &mut dyn FnMut(u32),
) -> Option<()> {
    let (count, bytes) = packed.split_first_chunk::<HEAD_BYTES>()?;
    let mut bits = BitReader { bytes, at: 0 };
    let (mut hash, mut block) = (first, 0_u32);
    for entry in 0..u32::from_le_bytes(*count) {
        if bits.take(1)? == 1 {
            block = block.checked_add(1)?.checked_add(bits.take_rice(GAP_LOW_BITS)?)?;
        } else {
            if entry > 0 {
                hash = hash.checked_add(1)?.checked_add(bits.take_rice(HASH_LOW_BITS)?)?;
            }
            block = bits.take(block_bits)?;
        }
        if hash > wanted {
            break;
        }
        if hash == wanted {
            visit(block);
        }
    }
    Some(())
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that make no byte yet, the first ones lowest.
    open: u64,
    used: u32,
}

impl BitWriter {
    /// Appends the lowest `width` bits of `bits`, at most 32.
    fn put(&mut self, bits: u32, width: u32) {
        self.open |= (u64::from(bits) & ((1 << width) - 1)) << self.used;
        self.used += width;
        while self.used >= u8::BITS {
            self.bytes.push(self.open.to_le_bytes()[0]);
            self.open >>= u8::BITS;
            self.used -= u8::BITS;
        }
    }

    fn put_rice(&mut self, number: u32, low_bits: u32) {
        let mut above = number >> low_bits;
        while above > 0 {
            let ones = above.min(u8::BITS);
            self.put(u32::MAX, ones);
            above -= ones;
        }
        self.put(0, 1);
        self.put(number, low_bits);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bytes.push(self.open.to_le_bytes()[0]);
        }
        self.bytes
    }
}

struct BitReader<'b> {
    bytes: &'b [u8],
    /// In bits.
    at: usize,
}

impl BitReader<'_> {
    /// The next 57 bits at least, with zeros behind the end; `None` at the end.
    fn window(&self) -> Option<u64> {
        let rest = self.bytes.get(self.at / 8..).filter(|rest| !rest.is_empty())?;
        let window = match rest.first_chunk::<8>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => rest.iter().rev().fold(0, |window, byte| window << 8 | u64::from(*byte)),
        };
        Some(window >> (self.at % 8))
    }

    fn take(&mut self, width: u32) -> Option<u32> {
        if width == 0 {
            return Some(0);
        }
        let bits = self.window()? & ((1 << width) - 1);
        self.at += width as usize;
        u32::try_from(bits).ok()
    }

    fn take_rice(&mut self, low_bits: u32) -> Option<u32> {
        let above = self.ones()?.checked_mul(1 << low_bits)?;
        Some(above | self.take(low_bits)?)
    }

    /// How many ones come before the next zero, which is passed.
    fn ones(&mut self) -> Option<u32> {
        let mut ones: u32 = 0;
        loop {
            // Of the last bits of a window it is not known whether they are there.
            let run = self.window()?.trailing_ones().min(56);
            ones = ones.checked_add(run)?;
            self.at += run as usize;
            if run < 56 {
                self.at += 1;
                return Some(ones);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    fn found(packed: &[u8], hashes: (u32, u32), block_bits: u32) -> Vec<u32> {
        let mut blocks = Vec::new();
        find(packed, hashes, block_bits, &mut |block| blocks.push(block)).unwrap();
        blocks
    }

    #[test]
    fn an_entry_takes_about_what_it_must() {
        let entries: Vec<(u32, u32)> =
            (0..1024).map(|number| (number / 2 * 390, number % 2 * 3)).collect();
        assert!(pack(&entries, 6).len() < 512 * (18 + 5) / 8);
        let far = [(7, 0), (700_000, 1)];
        assert_eq!(found(&pack(&far, 1), (7, 700_000), 1), [1]);
        assert!(found(&pack(&[], 0), (0, 0), 0).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_entry_is_found(mut entries in vec((0..5000_u32, 0..300_u32), 1..200), absent in 0..5000_u32) {
            entries.sort_unstable();
            entries.dedup();
            let packed = pack(&entries, 9);
            for wanted in entries.iter().map(|(hash, _)| *hash).chain([absent]) {
                let expected: Vec<u32> =
                    entries.iter().filter(|(hash, _)| *hash == wanted).map(|(_, block)| *block).collect();
                assert_eq!(found(&packed, (entries[0].0, wanted), 9), expected);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..80), count in any::<u16>(), wanted in any::<u32>(), bits in 0..=32_u32) {
            let mut packed = u32::from(count).to_le_bytes().to_vec();
            packed.extend_from_slice(&bytes);
            find(&packed, (0, wanted), bits, &mut |_| ()).unwrap_or_default();
            find(&bytes, (0, wanted), bits, &mut |_| ()).unwrap_or_default();
        }
    }
}
