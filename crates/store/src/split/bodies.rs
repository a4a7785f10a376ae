//! Bodies of a block, each as a skeleton and the values in it.
//!
//! A value is a word, as [`crate::tokens`] cuts them, that has a digit; what is left of the body is its skeleton. Lines of
//! one statement in a program share a skeleton, so its tokens are indexed once per block and its text is kept once, and
//! the values at one place of it form a column of their own. Because values are whole words, the tokens of a body are
//! those of its skeleton and those of its values, no more and no fewer.

use std::ops::Range;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::block_tokens::BlockTokens;
use super::columns::Strings;
use super::streams::{StreamReader, StreamWriter};
use super::value_column::{self, Column, ColumnHead};

/// Stands for a value in a skeleton. A body that has it is kept as one value.
const HOLE: char = '\u{1}';
const HOLE_BYTE: u8 = 1;
/// Values of one body; a body with more is kept as one value.
const VALUES_MAX: usize = 64;
/// Bytes of a body that is cut; longer ones are stack traces and documents, kept as one value.
const CUT_BYTES_MAX: usize = 4096;
/// Skeletons of a block. When so many lines are unlike each other, columns of one value each save nothing.
const SKELETONS_MAX: usize = 2048;

/// Bodies of one block as they are kept. Rows are in the order of their skeletons, those of one in the order of time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Bodies {
    skeletons: Strings,
    /// Columns of the first skeleton's values, of the second's ...
    columns: Vec<ColumnHead>,
}

/// Collects the bodies of one block.
#[derive(Debug, Default)]
pub(super) struct BodiesBuilder<'r> {
    numbers: FxHashMap<Box<str>, u32>,
    skeletons: Vec<Skeleton<'r>>,
    /// Scratch: the skeleton and the values of the body at hand.
    text: String,
    values: Vec<&'r str>,
    /// Bytes of all bodies.
    bytes: usize,
}

#[derive(Debug)]
struct Skeleton<'r> {
    text: Box<str>,
    holes: usize,
    /// Values of the first row, of the second ...
    values: Vec<&'r str>,
}

impl<'r> BodiesBuilder<'r> {
    /// Adds a body; says which skeleton it has.
    pub(super) fn push(&mut self, body: &'r str, tokens: &mut BlockTokens) -> u32 {
        self.bytes += body.len();
        if !self.cut(body) {
            return self.push_whole(body, tokens);
        }
        let number = match self.numbers.get(self.text.as_str()) {
            Some(number) => *number,
            None if self.skeletons.len() >= SKELETONS_MAX => return self.push_whole(body, tokens),
            None => self.add_skeleton(tokens),
        };
        self.values.iter().for_each(|value| tokens.add_word(value));
        if let Some(skeleton) = self.skeletons.get_mut(number as usize) {
            skeleton.values.extend_from_slice(&self.values);
        }
        number
    }

    fn push_whole(&mut self, body: &'r str, tokens: &mut BlockTokens) -> u32 {
        self.text.clear();
        self.text.push(HOLE);
        self.values.clear();
        self.values.push(body);
        let known = self.numbers.get(self.text.as_str()).copied();
        let number = known.unwrap_or_else(|| self.add_skeleton(tokens));
        tokens.add_text(body);
        if let Some(skeleton) = self.skeletons.get_mut(number as usize) {
            skeleton.values.push(body);
        }
        number
    }

    fn add_skeleton(&mut self, tokens: &mut BlockTokens) -> u32 {
        let number = u32::try_from(self.skeletons.len()).unwrap_or(u32::MAX);
        tokens.add_text(&self.text);
        self.numbers.insert(self.text.as_str().into(), number);
        let text = self.text.as_str().into();
        self.skeletons.push(Skeleton { text, holes: self.values.len(), values: Vec::new() });
        number
    }

    /// Cuts `body` into `text` and `values`; `false` when it is kept whole.
    fn cut(&mut self, body: &'r str) -> bool {
        self.text.clear();
        self.values.clear();
        if body.len() > CUT_BYTES_MAX || !body.is_ascii() || body.as_bytes().contains(&HOLE_BYTE) {
            return false;
        }
        let bytes = body.as_bytes();
        let (mut kept, mut at) = (0, 0);
        while let Some(digit) =
            bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit))
        {
            let digit = at + digit;
            let (start, end) = word_around(bytes, digit, kept);
            if self.values.len() == VALUES_MAX {
                return false;
            }
            self.text.push_str(body.get(kept..start).unwrap_or_default());
            self.text.push(HOLE);
            self.values.push(body.get(start..end).unwrap_or_default());
            (kept, at) = (end, end);
        }
        self.text.push_str(body.get(kept..).unwrap_or_default());
        true
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many skeletons there are.
    pub(super) fn skeletons(&self) -> usize {
        self.skeletons.len()
    }

    pub(super) fn finish(self, streams: &mut StreamWriter) -> Bodies {
        let mut bodies = Bodies::default();
        let mut column = Vec::new();
        for skeleton in &self.skeletons {
            bodies.skeletons.push(&skeleton.text);
            for hole in 0..skeleton.holes {
                column.clear();
                column.extend(skeleton.values.iter().skip(hole).step_by(skeleton.holes));
                bodies.columns.push(value_column::write(&column, streams));
            }
        }
        bodies
    }
}

/// The word that has the digit at `digit`: letters, digits and joiners around it, without joiners at its ends. It begins
/// no sooner than `floor`.
fn word_around(bytes: &[u8], digit: usize, floor: usize) -> (usize, usize) {
    let is_joined = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = bytes.get(floor..digit).unwrap_or_default();
    let run = before.iter().rev().take_while(|byte| is_joined(byte)).count();
    let head = bytes.get(digit - run..digit).unwrap_or_default();
    let lead = head.iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
    let after = bytes.get(digit..).unwrap_or_default();
    let run_after = after.iter().take_while(|byte| is_joined(byte)).count();
    let tail = after.get(..run_after).unwrap_or_default();
    let trail = tail.iter().rev().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
    (digit - run + lead, digit + run_after - trail)
}

/// Bodies made ready for reading.
#[derive(Debug)]
pub(super) struct BodiesView<'b> {
    skeletons: Vec<&'b str>,
    /// The first column of each skeleton.
    starts: Vec<usize>,
    columns: Vec<Column<'b>>,
    streams: StreamReader<'b>,
}

impl Bodies {
    /// `rows` says how many rows each skeleton has.
    pub(super) fn view<'b>(&'b self, rows: &[u32], streams: StreamReader<'b>) -> BodiesView<'b> {
        let skeletons = self.skeletons.all();
        let mut starts = Vec::with_capacity(skeletons.len());
        let mut owners = Vec::with_capacity(self.columns.len());
        for (number, skeleton) in skeletons.iter().enumerate() {
            starts.push(owners.len());
            owners.extend(holes(skeleton).map(|_| rows.get(number).copied().unwrap_or_default()));
        }
        let rows_of = |column: usize| owners.get(column).copied().unwrap_or_default() as usize;
        let columns = ColumnHead::columns(&self.columns, rows_of);
        BodiesView { skeletons, starts, columns, streams }
    }
}

fn holes(skeleton: &str) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(HOLE_BYTE, skeleton.as_bytes())
}

impl<'b> BodiesView<'b> {
    pub(super) fn skeletons(&self) -> &[&'b str] {
        &self.skeletons
    }

    /// The numbers of the columns of a skeleton's values.
    fn columns_of(&self, skeleton: usize) -> Range<usize> {
        let start = self.starts.get(skeleton).copied().unwrap_or(self.columns.len());
        start..self.starts.get(skeleton + 1).copied().unwrap_or(self.columns.len())
    }

    /// Writes the body of row `place` of a skeleton to `out`, which is emptied first.
    pub(super) fn write_body(&self, skeleton: usize, place: usize, out: &mut String) {
        out.clear();
        let text = self.skeletons.get(skeleton).copied().unwrap_or_default();
        let mut columns = self.columns.get(self.columns_of(skeleton)).unwrap_or_default().iter();
        let mut pieces = text.split(HOLE);
        out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            if let Some(column) = columns.next() {
                column.write_value(place, &self.streams, out);
            }
            out.push_str(piece);
        }
    }

    /// The numbers of a skeleton's columns of which a value may hold `token`.
    pub(super) fn columns_that_may_hold(
        &self,
        skeleton: usize,
        token: &str,
    ) -> impl Iterator<Item = usize> {
        let columns = self.columns_of(skeleton);
        columns.filter(move |number| {
            self.columns.get(*number).is_some_and(|column| column.may_hold(token))
        })
    }

    /// Writes the value of row `place` in a column to `out`, which is emptied first.
    pub(super) fn write_value(&self, column: usize, place: usize, out: &mut String) {
        out.clear();
        if let Some(column) = self.columns.get(column) {
            column.write_value(place, &self.streams, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, Strategy, proptest};

    use super::*;
    use crate::tokens::Tokenizer;

    fn check(bodies: &[String]) {
        let mut builder = BodiesBuilder::default();
        let mut tokens = BlockTokens::default();
        let numbers: Vec<usize> =
            bodies.iter().map(|body| builder.push(body, &mut tokens) as usize).collect();
        let mut counts = vec![0_u32; builder.skeletons()];
        let places: Vec<usize> = numbers
            .iter()
            .map(|number| {
                counts[*number] += 1;
                counts[*number] as usize - 1
            })
            .collect();
        let mut writer = StreamWriter::default();
        let kept = builder.finish(&mut writer);
        let streams = writer.finish();
        let view = kept.view(&counts, streams.reader());
        let (mut out, mut scratch) = (String::new(), String::new());
        for ((body, number), place) in bodies.iter().zip(&numbers).zip(&places) {
            view.write_body(*number, *place, &mut out);
            assert_eq!(out, *body);
            // Every token of the body is one of its skeleton or of a value that may hold it, and the reverse.
            let mut whole = Vec::new();
            Tokenizer::default().tokens(body, &mut |token| {
                whole.push(token.to_owned());
                true
            });
            let mut tokenizer = Tokenizer::default();
            for token in &whole {
                let in_skeleton = tokenizer.has_token(view.skeletons()[*number], token);
                let found = in_skeleton
                    || view.columns_that_may_hold(*number, token).any(|column| {
                        view.write_value(column, *place, &mut scratch);
                        tokenizer.has_token(&scratch, token)
                    });
                assert!(found, "{token:?} of {body:?}");
            }
            Tokenizer::default().tokens(view.skeletons()[*number], &mut |token| {
                assert!(whole.iter().any(|known| known == token), "{token:?} in {body:?}");
                true
            });
        }
    }

    #[test]
    fn lines_of_one_statement_share_a_skeleton() {
        let lines =
            ["took 17 ms at 10.0.0.1:80", "took 300 ms at 10.0.0.9:8080"].map(str::to_owned);
        let mut builder = BodiesBuilder::default();
        let mut tokens = BlockTokens::default();
        lines.iter().for_each(|line| assert_eq!(builder.push(line, &mut tokens), 0));
        assert_eq!(builder.skeletons[0].text.as_ref(), "took \u{1} ms at \u{1}:\u{1}");
        check(&lines);
    }

    #[test]
    fn odd_bodies_come_back() {
        let many = (0..200).map(|number| format!("{number} ")).collect::<String>();
        let odd =
            ["", "7", "a\u{1}7", "größe 7", "--17-- _a1_", "x.1.", &many, &"y1 ".repeat(3000)];
        check(&odd.map(str::to_owned));
        check(
            &(0..3000).map(|number| format!("{}z", "ab".repeat(number % 2500))).collect::<Vec<_>>(),
        );
    }

    fn body() -> impl Strategy<Value = String> {
        proptest::prop_oneof![
            "[a-c]{1,3} [0-9]{1,4} ms (id=|)[0-9a-f-]{4,12}",
            "[ -~]{0,40}",
            ".{0,12}",
            "(took|lost) [0-9]{1,3}\\.[0-9] (ms|s)",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_body_comes_back_with_its_tokens(bodies in vec(body(), 1..20)) {
            check(&bodies);
        }
    }
}
