//! Templates that are one sentence with a word that varies, such as a city or a plan: their counts are pooled.

use rustc_hash::FxHashMap;

use super::logs::Line;

/// Words beyond which a template is not compared.
const WORDS_MAX: usize = 48;
/// Members from which on a varying word counts as a value.
const MEMBERS_MIN: usize = 3;
/// Words that alternatives of one step begin with, at least.
const PREFIX_WORDS_MIN: usize = 3;
/// Share of the shorter one's words that they begin with, at least.
const PREFIX_SHARE: f64 = 0.6;
/// Alternatives that are pooled.
const ALTERNATIVES_MAX: usize = 64;

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
                let combined = rest.fold(0_u64, |state, (_, word)| combine(state, word));
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

/// Per line, the pooled counts of those that begin alike: alternatives of one step. Errors never count as one.
pub(super) fn alternatives(lines: &[Line<'_>]) -> Vec<Option<(f64, f64)>> {
    let mut groups: FxHashMap<(u32, u64), Vec<usize>> = FxHashMap::default();
    let prefixes: Vec<Option<(u32, Vec<u64>)>> = lines
        .iter()
        .map(|line| {
            let hashes: Vec<u64> = words(line.text).map(hash).take(WORDS_MAX).collect();
            (hashes.len() >= PREFIX_WORDS_MIN && !line.is_trouble())
                .then_some((line.service, hashes))
        })
        .collect();
    for (number, prefix) in prefixes.iter().enumerate() {
        let Some((service, hashes)) = prefix else { continue };
        let start = hashes.iter().take(PREFIX_WORDS_MIN).fold(0_u64, combine);
        groups.entry((*service, start)).or_default().push(number);
    }
    (0..lines.len())
        .map(|number| {
            let (service, hashes) = prefixes.get(number)?.as_ref()?;
            let start = hashes.iter().take(PREFIX_WORDS_MIN).fold(0_u64, combine);
            let alike: Vec<usize> = groups
                .get(&(*service, start))?
                .iter()
                .filter(|other| {
                    let Some(Some((_, theirs))) = prefixes.get(**other) else { return false };
                    let same = hashes
                        .iter()
                        .zip(theirs)
                        .take_while(|(mine, theirs)| mine == theirs)
                        .count();
                    same as f64 >= PREFIX_SHARE * hashes.len().min(theirs.len()) as f64
                })
                .copied()
                .take(ALTERNATIVES_MAX)
                .collect();
            let sum = |of: fn(&Line<'_>) -> f64| {
                alike.iter().filter_map(|member| lines.get(*member)).map(of).sum()
            };
            (alike.len() > 1).then(|| (sum(|line| line.before), sum(|line| line.after)))
        })
        .collect()
}

fn combine(state: u64, word: &u64) -> u64 {
    (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ':', '=', '[', ']', '(', ')']).filter(|word| !word.is_empty())
}

fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
