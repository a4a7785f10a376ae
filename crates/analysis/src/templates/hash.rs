//! A small 64-bit hash that is the same on every machine and in every version: template ids are kept on disk.

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const SEED: u64 = 0x6763_7265_775f_7431;

/// Hashes `bytes`, eight at a time, with a final mix so that short texts spread too.
pub(super) fn hash64(bytes: &[u8]) -> u64 {
    let mut state = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (chunks, remainder) = bytes.as_chunks::<8>();
    for chunk in chunks {
        state = step(state, u64::from_le_bytes(*chunk));
    }
    state = step(state, word(remainder));
    state ^= state >> 29;
    state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state ^ (state >> 32)
}

/// Adds one value to a running hash.
pub(super) fn mix(state: u64, value: u64) -> u64 {
    step(state, value).rotate_left(23)
}

fn step(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(MULTIPLIER);
    mixed ^ (mixed >> 32)
}

/// Up to eight bytes, little-endian, the missing ones zero.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_change() {
        assert_eq!(hash64(b""), hash64(b""));
        assert_ne!(hash64(b"a"), hash64(b"a\0"));
        assert_ne!(hash64(b"connection to <*> lost"), hash64(b"connection to <*> last"));
    }
}
