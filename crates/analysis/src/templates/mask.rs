//! Masks the variable parts of one line into a buffer, in one pass over its bytes.

use super::header::is_date_name;
use super::word::{HEX_LETTERS_MIN, Shape, shape};

/// What stands for a variable part.
const WILDCARD: &[u8] = b"<*>";
/// Bytes of a line that are looked at: what comes later rarely tells templates apart.
const LINE_BYTES_MAX: usize = 1_024;
/// Bytes of a template.
const TEMPLATE_BYTES_MAX: usize = 512;
/// Open brackets that are followed; deeper ones count as text.
const DEPTH_MAX: usize = 24;
/// Commas that make a bracketed group a list, whose items are data.
const LIST_COMMAS_MIN: u32 = 2;

/// The template under construction.
#[derive(Debug, Default)]
pub(super) struct Masking {
    out: Vec<u8>,
    open: Vec<Group>,
    /// Where in `out` the last closed group's item begins and ends, to drop a repetition of it.
    last_item: (usize, usize),
    #[cfg(test)]
    word_by_word: bool,
}

/// An open bracket.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Position in `out` right after the bracket.
    inside: usize,
    /// Where the word before the bracket begins, as in `Trip(`.
    item: usize,
    close: u8,
    pairs: u32,
    commas: u32,
}

impl Masking {
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.open.clear();
        self.last_item = (0, 0);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Adds constant text between parts of a template.
    pub(super) fn constant(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.cut();
    }

    /// Adds one line, masked.
    pub(super) fn line(&mut self, line: &[u8]) {
        let line = cut_at_word(line, LINE_BYTES_MAX);
        self.open.clear();
        self.last_item = (0, 0);
        let mut rest = line;
        while let Some((first, after)) = rest.split_first() {
            if self.out.len() > TEMPLATE_BYTES_MAX + 64 {
                break;
            }
            rest = match first {
                byte if is_word(*byte) => match self.plain_words(rest) {
                    Some(after) => after,
                    None => self.word(rest),
                },
                b'"' | b'\'' | b'`' => self.quoted(*first, rest),
                b'(' | b'[' | b'{' => self.open(*first, after),
                b')' | b']' | b'}' => self.close(*first, after),
                b' ' | b'\t' => self.space(after),
                byte => self.punctuation(*byte, after),
            };
        }
        self.finish_line();
    }

    /// Takes words that are surely constant, as far as one space stands behind each, as they are. Most of a line is such,
    /// and word by word each of them would be looked at several times.
    fn plain_words<'a>(&mut self, rest: &'a [u8]) -> Option<&'a [u8]> {
        #[cfg(test)]
        if self.word_by_word {
            return None;
        }
        let mut end = 0;
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'a'..=b'z' | b'_' => {}
                b' ' if (1..HEX_LETTERS_MIN).contains(&(at - end)) => end = at + 1,
                _ => break,
            }
        }
        let (words, after) = rest.split_at_checked(end)?;
        // Longer templates are cut, where is for the slow way to say.
        let fits = !words.is_empty() && self.out.len() + words.len() <= TEMPLATE_BYTES_MAX;
        fits.then(|| {
            self.out.extend_from_slice(words);
            after
        })
    }

    fn word<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let mut end = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        // Punctuation at the end of a word belongs to the sentence.
        while end > 1 && rest.get(end - 1).is_some_and(|byte| matches!(byte, b'.' | b':' | b'-')) {
            end -= 1;
        }
        let (word, after) = rest.split_at(end);
        if self.is_host_value(word) || is_date_part(word, after) {
            self.wildcard();
            return after;
        }
        match shape(word) {
            Shape::Constant => self.out.extend_from_slice(word),
            Shape::Variable => self.wildcard(),
            Shape::Prefixed(length) => {
                let start = self.out.len();
                self.out.extend_from_slice(word.get(..length).unwrap_or_default());
                self.wildcard();
                self.drop_repeated_word(start);
            }
            Shape::Unit(length) => {
                self.wildcard();
                self.out.extend_from_slice(word.get(word.len() - length..).unwrap_or_default());
            }
            Shape::Path => self.path(word),
        }
        after
    }

    /// The value of a pair that is a dotted name in lower case: a host.
    fn is_host_value(&self, word: &[u8]) -> bool {
        self.out.last() == Some(&b'=')
            && word.contains(&b'.')
            && word.iter().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
            })
    }

    /// Segments with digits are variable; many in a row count as one.
    fn path(&mut self, word: &[u8]) {
        let scheme_end =
            word.windows(3).position(|window| window == b"://").map_or(0, |start| start + 3);
        let (scheme, path) = word.split_at(scheme_end);
        self.out.extend_from_slice(scheme);
        for (position, segment) in path.split(|byte| *byte == b'/').enumerate() {
            if position > 0 {
                self.out.push(b'/');
            }
            let version = matches!(segment, [b'v', digits @ ..] if !digits.is_empty() && digits.len() <= 2
                && digits.iter().all(u8::is_ascii_digit));
            if !version && segment.iter().any(u8::is_ascii_digit) {
                self.wildcard();
            } else {
                self.out.extend_from_slice(segment);
            }
        }
    }

    fn wildcard(&mut self) {
        const SEPARATORS: &[u8] = b" ,:-/.;|xT_";
        let separators =
            self.out.iter().rev().take(2).take_while(|byte| SEPARATORS.contains(byte)).count();
        for length in 0..=separators {
            let end = self.out.len() - length;
            if self.out.get(..end).is_some_and(|head| head.ends_with(WILDCARD)) {
                self.out.truncate(end);
                return;
            }
        }
        self.out.extend_from_slice(WILDCARD);
    }

    /// Quoted text with a digit inside is a variable; without, it is text.
    fn quoted<'a>(&mut self, quote: u8, rest: &'a [u8]) -> &'a [u8] {
        let inner = rest.get(1..).unwrap_or_default();
        let follows_word = self.out.last().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let end = memchr::memchr(quote, inner);
        let (Some(end), false) = (end, quote == b'\'' && follows_word) else {
            self.out.push(quote);
            return inner;
        };
        let (text, after) = inner.split_at(end);
        let after = after.get(1..).unwrap_or_default();
        let value_of_pair = self.out.ends_with(b"=") && !self.open.is_empty();
        if text.iter().any(u8::is_ascii_digit) || value_of_pair {
            // `GET /orders/7 HTTP/1.1` keeps its words, a bare value does not.
            if text.contains(&b' ') && !value_of_pair {
                self.out.push(quote);
                self.words_of(text);
                self.out.push(quote);
            } else {
                self.wildcard();
            }
        } else {
            self.out.push(quote);
            self.out.extend_from_slice(text);
            self.out.push(quote);
        }
        if after.first() == Some(&b':') {
            self.mark_pair();
        }
        after
    }

    /// Masks a quoted text word by word, brackets inside being plain.
    fn words_of(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            rest = match first {
                byte if is_word(*byte) => self.word(rest),
                b' ' => self.space(after),
                byte => {
                    self.out.push(*byte);
                    after
                }
            };
        }
    }

    fn open<'a>(&mut self, bracket: u8, after: &'a [u8]) -> &'a [u8] {
        let close = match bracket {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        let head = self
            .out
            .iter()
            .rposition(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')));
        let item = head.map_or(0, |position| position + 1);
        self.out.push(bracket);
        if self.open.len() < DEPTH_MAX {
            self.open.push(Group { inside: self.out.len(), item, close, pairs: 0, commas: 0 });
        }
        after
    }

    fn close<'a>(&mut self, bracket: u8, after: &'a [u8]) -> &'a [u8] {
        let Some(position) = self.open.iter().rposition(|group| group.close == bracket) else {
            self.out.push(bracket);
            return after;
        };
        let Some(group) = self.open.get(position).copied() else { return after };
        self.open.truncate(position);
        if group.pairs > 0 || group.commas >= LIST_COMMAS_MIN {
            self.out.truncate(group.inside);
            self.out.extend_from_slice(WILDCARD);
        }
        self.out.push(bracket);
        self.drop_repeated_item(group.item);
        after
    }

    /// `Trip(<*>), Trip(<*>)` says no more than `Trip(<*>)`.
    fn drop_repeated_item(&mut self, item: usize) {
        let (start, end) = self.last_item;
        let separated =
            self.out.get(end..item).is_some_and(|text| matches!(text, b", " | b"," | b" "));
        if separated && end > start && self.out.get(start..end) == self.out.get(item..) {
            self.out.truncate(end);
            return;
        }
        self.last_item = (item, self.out.len());
    }

    /// `item_<*> item_<*>` says no more than `item_<*>`: how long a list is makes no template.
    fn drop_repeated_word(&mut self, start: usize) {
        let Some((before, word)) = self.out.split_at_checked(start) else { return };
        let separators = before
            .iter()
            .rev()
            .take(2)
            .take_while(|byte| matches!(byte, b' ' | b',' | b';'))
            .count();
        let end = before.len() - separators;
        let repeated = separators > 0
            && before.get(..end).is_some_and(|head| {
                head.strip_suffix(word)
                    .is_some_and(|earlier| earlier.last().is_none_or(|byte| !is_word(*byte)))
            });
        if repeated {
            self.out.truncate(end);
        }
    }

    fn space<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        if !self.out.is_empty() && !self.out.ends_with(b" ") {
            self.out.push(b' ');
        }
        after
    }

    fn punctuation<'a>(&mut self, byte: u8, after: &'a [u8]) -> &'a [u8] {
        match byte {
            b'=' => {
                self.out.push(b'=');
                self.mark_pair();
            }
            b',' => {
                self.out.push(b',');
                if let Some(group) = self.open.last_mut() {
                    group.commas += 1;
                }
            }
            byte if byte.is_ascii_control() => {}
            // `<1` and `>30` are numbers too: which side of a bound they are on makes no template.
            b'<' | b'>' if self.begins_word() && after.first().is_some_and(u8::is_ascii_digit) => {}
            byte => self.out.push(byte),
        }
        after
    }

    fn begins_word(&self) -> bool {
        self.out.last().is_none_or(|byte| matches!(byte, b' ' | b'=' | b'('))
    }

    fn mark_pair(&mut self) {
        if let Some(group) = self.open.last_mut() {
            group.pairs += 1;
        }
    }

    /// A line that was cut inside a group ends as if the groups were closed: whether it was cut makes no template.
    fn finish_line(&mut self) {
        let filled = |group: &Group| group.pairs > 0 || group.commas >= LIST_COMMAS_MIN;
        if let Some(position) = self.open.iter().position(filled) {
            let inside = self.open.get(position).map_or(0, |group| group.inside);
            self.out.truncate(inside);
            self.out.extend_from_slice(WILDCARD);
            self.open.truncate(position + 1);
            while let Some(group) = self.open.pop() {
                self.out.push(group.close);
            }
        }
        self.open.clear();
        while self.out.ends_with(b" ") {
            self.out.pop();
        }
        self.cut();
    }

    fn cut(&mut self) {
        let length = cut_at_char(&self.out, TEMPLATE_BYTES_MAX).len();
        self.out.truncate(length);
    }
}

/// A day's or month's name before a number or another such name.
fn is_date_part(word: &[u8], after: &[u8]) -> bool {
    if after.first() != Some(&b' ') || !is_date_name(word) {
        return false;
    }
    let spaces = after.iter().take_while(|byte| **byte == b' ').count();
    let next = after.get(spaces..).unwrap_or_default();
    next.first().is_some_and(u8::is_ascii_digit) || next.get(..3).is_some_and(is_date_name)
}

/// At most `length_max` bytes, not ending inside a word: half a word makes no template.
fn cut_at_word(bytes: &[u8], length_max: usize) -> &[u8] {
    if bytes.len() <= length_max {
        return bytes;
    }
    let cut = cut_at_char(bytes, length_max);
    let end = cut.iter().rposition(|byte| !is_word(*byte)).map_or(cut.len(), |last| last + 1);
    cut.get(..end).unwrap_or_default()
}

/// At most `length_max` bytes, not ending inside a character.
fn cut_at_char(bytes: &[u8], length_max: usize) -> &[u8] {
    let mut end = bytes.len().min(length_max);
    while end < bytes.len() && bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    bytes.get(..end).unwrap_or_default()
}

/// Letters, digits and what joins them into one word.
fn is_word(byte: u8) -> bool {
    WORD_BYTES.get(usize::from(byte)).copied().unwrap_or(false)
}

const WORD_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let value = byte as u8;
        // `get_mut` is not const yet; the loop's bound keeps the index inside.
        #[expect(clippy::indexing_slicing, reason = "a constant table, checked when it is built")]
        {
            table[byte] = value.is_ascii_alphanumeric()
                || value >= 0x80
                || matches!(
                    value,
                    b'_' | b'-'
                        | b'.'
                        | b'/'
                        | b':'
                        | b'@'
                        | b'%'
                        | b'#'
                        | b'$'
                        | b'+'
                        | b'~'
                        | b'\\'
                );
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(line: &str, word_by_word: bool) -> String {
        let mut masking = Masking { word_by_word, ..Masking::default() };
        masking.line(line.as_bytes());
        String::from_utf8_lossy(masking.bytes()).into_owned()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]
        #[test]
        fn words_taken_together_are_as_one_by_one(
            line in "((lost|the_key|deadbeefcafe|a|Mon|Jan|feed|x-y|host=a.b|7|4ms|node|'|\"|[(){},=.:ä]) {0,2}){0,120}",
        ) {
            prop_assert_eq!(masked(&line, false), masked(&line, true));
        }
    }
}
