//! Broken inputs for tests of decoders: good ones with bytes changed, cut, doubled and swapped, the same every time.

/// `count` mutations of `seed`.
pub(crate) fn mutations(seed: &[u8], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed.len() as u64;
    (0..count).map(move |_| {
        let mut bytes = seed.to_vec();
        for _ in 0..=next(&mut state) % 4 {
            mutate(&mut bytes, &mut state);
        }
        bytes
    })
}

fn mutate(bytes: &mut Vec<u8>, state: &mut u64) {
    const TELLING: &[u8] = b"\0\xff\x80 <>[]{}\"'\\:=,-0129\n\t\xc1\xd9\xdd\xdf\xc6\xc9";
    let pick = |state: &mut u64, length: usize| (next(state) % length.max(1) as u64) as usize;
    let at = pick(state, bytes.len());
    match next(state) % 6 {
        0 => bytes.truncate(at),
        1 => {
            let letter = TELLING[pick(state, TELLING.len())];
            bytes.insert(at.min(bytes.len()), letter);
        }
        2 if !bytes.is_empty() => {
            bytes.remove(at);
        }
        3 if !bytes.is_empty() => bytes[at] = next(state) as u8,
        4 if !bytes.is_empty() => {
            let to = pick(state, bytes.len());
            bytes.swap(at, to);
        }
        _ => {
            let end = (at + 1 + pick(state, 16)).min(bytes.len());
            let copied = bytes[at.min(end)..end].to_vec();
            let to = pick(state, bytes.len() + 1);
            bytes.splice(to..to, copied);
        }
    }
}

/// xorshift64*.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
}
