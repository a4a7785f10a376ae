//! Templates that are one sentence with a word that varies, such as a city or a plan: their counts are pooled.

use rustc_hash::FxHashMap;

use super::logs::Line;

/// Words beyond which a template is not compared.
const WORDS_MAX: usize = 48;
/// Members from which on a varying word counts as a value.
const MEMBERS_MIN: usize = 3;

/// Per line, the pooled (before, after) counts of its largest family, if it has one.
pub(super) fn families(lines: &[Line<'_>]) -> Vec<Option<(f64, f64)>> {
    // Key: service, number of words, position left out, hash of the other words.
    let mut groups: FxHashMap<(u32, usize, usize, u64), Vec<usize>> = FxHashMap::default();
    let mut keys: Vec<Vec<(u32, usize, usize, u64)>> = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        let hashes: Vec<u64> = words(line.text).map(hash).take(WORDS_MAX + 1).collect();
        let mut of_line = Vec::new();
        if hashes.len() > 1 && hashes.len() <= WORDS_MAX {
            for left_out in 0..hashes.len() {
                let rest = hashes.iter().enumerate().filter(|(position, _)| *position != left_out);
                let combined = rest.fold(0_u64, |state, (_, word)| {
                    (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
                });
                let key = (line.service, hashes.len(), left_out, combined);
                groups.entry(key).or_default().push(number);
                of_line.push(key);
            }
        }
        keys.push(of_line);
    }
    keys.iter()
        .map(|of_line| {
            let largest = of_line
                .iter()
                .filter_map(|key| groups.get(key))
                .max_by_key(|members| members.len())?;
            if largest.len() < MEMBERS_MIN {
                return None;
            }
            let sum = |of: fn(&Line<'_>) -> f64| {
                largest.iter().filter_map(|member| lines.get(*member)).map(of).sum()
            };
            Some((sum(|line| line.before), sum(|line| line.after)))
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ':', '=', '[', ']', '(', ')']).filter(|word| !word.is_empty())
}

fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
