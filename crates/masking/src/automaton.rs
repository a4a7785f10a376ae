//! Finds which of many words occur in a text, in one pass.
//!
//! The automaton is that of Aho and Corasick ("Efficient string matching", 1975). Each of its steps waits for the one
//! before, several cycles a byte in which the processor has nothing else to do; so a text is cut into stretches that are
//! walked together, each from a word's length before it. Words are found by their first bytes alone, which keeps the table
//! of steps small.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::dfa::DFA;
use rustc_hash::{FxHashMap, FxHashSet};

/// Bytes that a word is found by; what it has beyond them is for the caller to compare.
pub(crate) const PREFIX_BYTES_MAX: usize = 8;
/// Steps of one state. Bytes between which no word tells a difference share one.
const ROW: usize = 64;
/// Steps of all states: as many as a number of 16 bits tells apart, so that none is out of bounds.
const STEPS: usize = 1 << 16;
/// Stretches that are walked together.
const LANES: usize = 4;
/// Shorter texts are walked as one: what stretches have in common would be most of them.
const LANES_BYTES_MIN: usize = 2 * LANES * PREFIX_BYTES_MAX;
/// Bytes of a text that are walked before what was found in them is looked at: a text that is nothing but words would
/// otherwise need several times its own size.
const WINDOW_BYTES: usize = 4096;

/// A compiled set of words.
pub(crate) struct Automaton {
    /// The state that follows, by state and class of the byte. A state is where its row begins; the first is 0.
    steps: Box<[u16; STEPS]>,
    /// The class of each byte.
    classes: [u16; 256],
    /// The first of the states in which words end; all behind it are such.
    first_match: u16,
    /// The words that end in each of those.
    words: Vec<Vec<usize>>,
}

/// Where words end.
#[derive(Clone, Copy)]
struct Match {
    end: usize,
    state: u16,
}

impl Automaton {
    /// Compiles words, which are found in any case of ASCII letters. `None` when they are too many.
    pub(crate) fn compile(words: &[&str]) -> Option<Automaton> {
        let prefixes: Vec<Vec<u8>> = words.iter().map(|word| prefix(word)).collect();
        let (classes, bytes) = classes(&prefixes)?;
        let automaton = DFA::builder().build(&prefixes).ok()?;
        let states = states(&automaton, &bytes)?;
        let first_match = states.partition_point(|state| !automaton.is_match(*state));
        let rows: FxHashMap<StateID, u16> = states
            .iter()
            .zip(0..)
            .map(|(state, number)| Some((*state, row(number)?)))
            .collect::<Option<_>>()?;
        let mut steps: Box<[u16; STEPS]> = vec![0; STEPS].into_boxed_slice().try_into().ok()?;
        for (state, places) in states.iter().zip(steps.chunks_mut(ROW)) {
            for (byte, place) in bytes.iter().zip(places) {
                *place = *rows.get(&automaton.next_state(Anchored::No, *state, *byte))?;
            }
        }
        let words_of = |state: &StateID| {
            let count = automaton.match_len(*state);
            (0..count).map(|index| automaton.match_pattern(*state, index).as_usize()).collect()
        };
        let words = states.iter().skip(first_match).map(words_of).collect();
        Some(Automaton { steps, classes, first_match: row(first_match)?, words })
    }

    /// Where words end that are in `text` as far as their first [`PREFIX_BYTES_MAX`] bytes go, ascending, with the number
    /// of the word.
    pub(crate) fn find(&self, text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        let windows = (0..text.len()).step_by(WINDOW_BYTES);
        let matches = windows.flat_map(move |start| {
            let window = start..text.len().min(start + WINDOW_BYTES);
            if window.len() < LANES_BYTES_MIN {
                let mut matches = Vec::new();
                self.walk(self.state_before(text, start), text, window, &mut matches);
                matches
            } else {
                self.walk_together(text, window)
            }
        });
        matches.flat_map(|Match { end, state }| {
            let number = usize::from(state - self.first_match) / ROW;
            self.words.get(number).into_iter().flatten().map(move |word| (end, *word))
        })
    }

    /// Walks a stretch of the text, on from `state`.
    fn walk(&self, mut state: u16, text: &[u8], stretch: Range<usize>, matches: &mut Vec<Match>) {
        let bytes = text.get(stretch.clone()).unwrap_or_default();
        for (byte, place) in bytes.iter().zip(stretch) {
            state = self.step(state, *byte);
            self.note(state, place + 1, matches);
        }
    }

    fn walk_together(&self, text: &[u8], window: Range<usize>) -> Vec<Match> {
        let mut matches = Vec::new();
        let length = window.len().div_ceil(LANES);
        let stretch = |lane: usize| {
            let start = window.end.min(window.start + lane * length);
            start..window.end.min(start + length)
        };
        let bytes = |lane: usize| text.get(stretch(lane)).unwrap_or_default();
        let mut states: [u16; LANES] =
            std::array::from_fn(|lane| self.state_before(text, stretch(lane).start));
        // The last one is the shortest.
        let (one, two, three, four) = (bytes(0), bytes(1), bytes(2), bytes(3));
        let together = one.iter().zip(two).zip(three).zip(four);
        for (place, (((one, two), three), four)) in together.enumerate() {
            let bytes: [&u8; LANES] = [one, two, three, four];
            let mut last = 0;
            for (state, byte) in states.iter_mut().zip(bytes) {
                *state = self.step(*state, *byte);
                last = last.max(*state);
            }
            if last >= self.first_match {
                for (lane, state) in states.into_iter().enumerate() {
                    self.note(state, stretch(lane).start + place + 1, &mut matches);
                }
            }
        }
        for (lane, state) in states.into_iter().enumerate() {
            let Range { start, end } = stretch(lane);
            self.walk(state, text, start + four.len()..end, &mut matches);
        }
        matches.sort_unstable_by_key(|found| found.end);
        matches
    }

    /// The state at `place` of the text as far as words go that end behind it.
    fn state_before(&self, text: &[u8], place: usize) -> u16 {
        let before = text.get(place.saturating_sub(PREFIX_BYTES_MAX - 1)..place);
        before.unwrap_or_default().iter().fold(0, |state, byte| self.step(state, *byte))
    }

    #[inline]
    fn note(&self, state: u16, end: usize, matches: &mut Vec<Match>) {
        if state >= self.first_match {
            matches.push(Match { end, state });
        }
    }

    #[inline]
    fn step(&self, state: u16, byte: u8) -> u16 {
        let class = self.classes.get(usize::from(byte)).copied().unwrap_or_default();
        self.steps.get(usize::from(state | class)).copied().unwrap_or_default()
    }
}

/// What a word is found by.
fn prefix(word: &str) -> Vec<u8> {
    word.bytes().take(PREFIX_BYTES_MAX).map(|byte| byte.to_ascii_lowercase()).collect()
}

/// Where the row of state number `number` begins.
fn row(number: usize) -> Option<u16> {
    u16::try_from(number * ROW).ok()
}

/// The class of each byte, and a byte of each class: one that no word has, then those that words have.
fn classes(words: &[Vec<u8>]) -> Option<([u16; 256], Vec<u8>)> {
    let known: BTreeSet<u8> = words.iter().flatten().copied().collect();
    let other = (0..=u8::MAX).find(|byte| !known.contains(&byte.to_ascii_lowercase()))?;
    let bytes: Vec<u8> = std::iter::once(other).chain(known).collect();
    let class_of = |byte: u8| bytes.iter().position(|known| *known == byte.to_ascii_lowercase());
    let mut classes = [0; 256];
    for (class, byte) in classes.iter_mut().zip(0..=u8::MAX) {
        *class = u16::try_from(class_of(byte).unwrap_or_default()).ok()?;
    }
    (bytes.len() <= ROW).then_some((classes, bytes))
}

/// The states that `bytes` lead to, the first one first and those in which words end last.
fn states(automaton: &DFA, bytes: &[u8]) -> Option<Vec<StateID>> {
    let mut states = vec![automaton.start_state(Anchored::No).ok()?];
    let mut known: FxHashSet<StateID> = states.iter().copied().collect();
    let mut at = 0;
    while let Some(state) = states.get(at).copied() {
        at += 1;
        let next = bytes.iter().map(|byte| automaton.next_state(Anchored::No, state, *byte));
        states.extend(next.filter(|next| known.insert(*next)));
    }
    states.sort_by_key(|state| automaton.is_match(*state));
    Some(states)
}

#[cfg(test)]
mod tests {
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    use super::*;

    const WORDS: &[&str] = &[
        "key",
        "ke",
        "pass",
        "a",
        "assert",
        "Token-",
        "tokens of more",
        "passport of m",
        "é",
        " -p",
    ];

    /// The same, by the library that the automaton is taken from.
    fn plainly(text: &str) -> Vec<(usize, usize)> {
        let prefixes = WORDS.iter().map(|word| prefix(word));
        let library = AhoCorasick::builder().ascii_case_insensitive(true).build(prefixes).unwrap();
        let found = library.find_overlapping_iter(text);
        found.map(|found| (found.end(), found.pattern().as_usize())).collect()
    }

    #[track_caller]
    fn check(text: &str) {
        let automaton = Automaton::compile(WORDS).unwrap();
        let sorted = |mut found: Vec<(usize, usize)>| {
            found.sort_unstable();
            found
        };
        let found: Vec<(usize, usize)> = automaton.find(text.as_bytes()).collect();
        assert!(found.is_sorted_by_key(|(end, _)| end));
        assert_eq!(sorted(found), sorted(plainly(text)), "in {text:?}");
    }

    #[test]
    fn words_across_stretches_are_found_once() {
        for length in LANES_BYTES_MIN - 2..LANES_BYTES_MIN + 6 {
            for place in 0..length {
                let mut text = "x".repeat(length);
                text.insert_str(place, "passkey TOKEN- of more");
                check(&text);
            }
        }
        for length in [100, WINDOW_BYTES / 3, WINDOW_BYTES] {
            check(&"key".repeat(length));
        }
        for place in WINDOW_BYTES - 30..WINDOW_BYTES + 10 {
            check(&format!("{}passkey TOKEN- of more", "x".repeat(place)));
        }
        check("");
    }

    #[test]
    fn too_many_words_are_refused() {
        let words: Vec<String> = (0..2000).map(|number| format!("{number:04}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert!(Automaton::compile(&words).is_none());
        let bytes: Vec<String> = ('!'..='~').map(String::from).collect();
        assert!(
            Automaton::compile(&bytes.iter().map(String::as_str).collect::<Vec<_>>()).is_none()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn words_are_found_wherever_they_are(text in "([kK]ey|ke|pass|a|sert|tok|ens? of|é|è| -p|\\PC){0,60}") {
            check(&text);
        }
    }
}
