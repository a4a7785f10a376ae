//! Cuts a text into chunks that can be embedded and quoted.
//!
//! A section that fits is one chunk, with everything below it; a longer one is cut at its subsections, those at their
//! blocks, and long blocks at list items, paragraphs and sentences. Code, tables and raw HTML are never cut, however
//! long. Neighbours that are too small to stand alone are joined. Every byte of the text is in exactly one chunk.

use std::ops::Range;

use super::formats::Block;
use super::size::tokens_about;

/// Largest chunk: the embedding model reads 256 tokens, and the title and heading path need some of them.
pub(crate) const CHUNK_TOKENS_MAX: usize = 220;
/// Smaller chunks are joined with a neighbour: alone they say too little to be found or understood.
const CHUNK_TOKENS_MIN: usize = 50;
/// Length at which a run without any white space is cut; short enough for a script in which each letter is a token.
const UNBROKEN_BYTES_MAX: usize = 2 * CHUNK_TOKENS_MAX;

/// A piece of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    /// Its bytes.
    pub(crate) range: Range<usize>,
    /// The headings it stands under, outermost first.
    pub(crate) heading_path: Vec<String>,
}

/// Cuts `body` at its blocks. The pieces cover it in order.
pub(crate) fn pieces(body: &str, blocks: &[Block]) -> Vec<Piece> {
    let mut cutter = Cutter { body, path: Vec::new(), pieces: Vec::new() };
    cutter.cut_run(blocks);
    join_small(body, cutter.pieces)
}

/// The state of cutting one text: where it is and what was cut so far.
struct Cutter<'b> {
    body: &'b str,
    path: Vec<String>,
    pieces: Vec<Piece>,
}

impl Cutter<'_> {
    /// Cuts a run of sections of one level. Nests no deeper than there are heading levels.
    fn cut_run(&mut self, run: &[Block]) {
        let sections = sections(run);
        if sections.len() > 1 && self.fits(run) {
            self.push(range_of(run));
            return;
        }
        for section in sections {
            self.cut_section(section);
        }
    }

    /// Cuts one section: what stands before its first subsection, then the subsections.
    fn cut_section(&mut self, section: &[Block]) {
        let heading = section.first().and_then(|block| block.heading.as_ref());
        self.path.extend(heading.map(|heading| heading.text.clone()));
        if self.fits(section) {
            self.push(range_of(section));
        } else {
            let own =
                1 + section.iter().skip(1).take_while(|block| block.heading.is_none()).count();
            let (own, subsections) = section.split_at(own.min(section.len()));
            let first = self.pieces.len();
            let is_bare = own.len() == 1 && heading.is_some() && !subsections.is_empty();
            if !is_bare {
                self.pack(own);
            }
            self.cut_run(subsections);
            // A heading without text of its own goes with its first subsection.
            if let Some(piece) = self.pieces.get_mut(first).filter(|_| is_bare) {
                piece.range.start = range_of(own).start;
            }
        }
        if heading.is_some() {
            self.path.pop();
        }
    }

    /// Cuts blocks without subsections into as few chunks as fit.
    fn pack(&mut self, own: &[Block]) {
        let mut open: Option<Range<usize>> = None;
        let mut open_tokens = 0;
        let mut open_is_heading = false;
        let atoms: Vec<_> = own.iter().flat_map(|block| self.atoms(block)).collect();
        for (block, atom) in atoms {
            let tokens = tokens_about(text_of(self.body, &atom));
            let joins = open_tokens + tokens <= CHUNK_TOKENS_MAX || open_is_heading;
            match &mut open {
                Some(range) if joins => range.end = atom.end,
                _ => {
                    if let Some(range) = open.replace(atom) {
                        self.push(range);
                    }
                    open_tokens = 0;
                }
            }
            open_tokens += tokens;
            open_is_heading = block.heading.is_some();
        }
        if let Some(range) = open {
            self.push(range);
        }
    }

    /// A block as the smallest pieces that it need be cut into.
    fn atoms<'k>(&self, block: &'k Block) -> Vec<(&'k Block, Range<usize>)> {
        let mut atoms = Vec::new();
        let mut rest = block.range.clone();
        if tokens_about(text_of(self.body, &rest)) > CHUNK_TOKENS_MAX {
            for cut in &block.cuts {
                self.add_atoms(block, rest.start..*cut, &mut atoms);
                rest.start = *cut;
            }
        }
        self.add_atoms(block, rest, &mut atoms);
        atoms
    }

    fn add_atoms<'k>(
        &self,
        block: &'k Block,
        range: Range<usize>,
        atoms: &mut Vec<(&'k Block, Range<usize>)>,
    ) {
        let before = block.whole.partition_point(|whole| whole.end <= range.start);
        let is_whole = block.whole.get(before).is_some_and(|whole| whole.start < range.end);
        let text = text_of(self.body, &range);
        if is_whole || tokens_about(text) <= CHUNK_TOKENS_MAX {
            atoms.push((block, range));
            return;
        }
        let mut start = range.start;
        for sentence in sentences(text) {
            atoms.push((block, start..start + sentence.len()));
            start += sentence.len();
        }
    }

    fn fits(&self, blocks: &[Block]) -> bool {
        tokens_about(text_of(self.body, &range_of(blocks))) <= CHUNK_TOKENS_MAX
    }

    fn push(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.pieces.push(Piece { range, heading_path: self.path.clone() });
        }
    }
}

/// Splits a run of blocks before each heading of the highest rank that occurs.
fn sections(run: &[Block]) -> Vec<&[Block]> {
    let level = |block: &Block| block.heading.as_ref().map(|heading| heading.level);
    let highest = run.iter().filter_map(level).min();
    let mut sections = Vec::new();
    let mut rest = run;
    while !rest.is_empty() {
        let next =
            rest.iter().skip(1).position(|block| highest.is_some() && level(block) == highest);
        let (section, after) = rest.split_at(next.map_or(rest.len(), |next| next + 1));
        sections.push(section);
        rest = after;
    }
    sections
}

/// Cuts text after sentences and lines; what is still too long at white space, and without any, anywhere.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut before = ' ';
    let ends_sentence = |c: char| {
        let ends = c == '\n' || (c == ' ' && matches!(before, '.' | '!' | '?' | ';')) || c == '。';
        before = c;
        ends
    };
    for sentence in text.split_inclusive(ends_sentence) {
        if tokens_about(sentence) <= CHUNK_TOKENS_MAX {
            sentences.push(sentence);
            continue;
        }
        for word in sentence.split_inclusive(char::is_whitespace) {
            let mut rest = word;
            while rest.len() > UNBROKEN_BYTES_MAX {
                let (head, tail) = rest.split_at(rest.floor_char_boundary(UNBROKEN_BYTES_MAX));
                sentences.push(head);
                rest = tail;
            }
            sentences.push(rest);
        }
    }
    sentences
}

/// Joins a piece that is too small with the one before, as long as both fit into one.
fn join_small(body: &str, pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<(Piece, usize)> = Vec::new();
    for piece in pieces {
        let tokens = tokens_about(text_of(body, &piece.range));
        match joined.last_mut() {
            Some((last, last_tokens))
                if tokens.min(*last_tokens) < CHUNK_TOKENS_MIN
                    && tokens + *last_tokens <= CHUNK_TOKENS_MAX =>
            {
                last.range.end = piece.range.end;
                *last_tokens += tokens;
                let common = last.heading_path.iter().zip(&piece.heading_path);
                let common = common.take_while(|(one, other)| one == other).count();
                last.heading_path.truncate(common);
            }
            _ => joined.push((piece, tokens)),
        }
    }
    joined.into_iter().map(|(piece, _)| piece).collect()
}

/// Joins pieces that meet inside one of `spans`, which are in order.
pub(crate) fn join_across(pieces: Vec<Piece>, spans: &[Range<usize>]) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        let at = piece.range.start;
        let reaching = spans.partition_point(|span| span.end <= at);
        let is_cut = spans.get(reaching).is_some_and(|span| span.start < at);
        match joined.last_mut() {
            Some(last) if is_cut => last.range.end = piece.range.end,
            _ => joined.push(piece),
        }
    }
    joined
}

fn range_of(blocks: &[Block]) -> Range<usize> {
    match (blocks.first(), blocks.last()) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => 0..0,
    }
}

fn text_of<'b>(body: &'b str, range: &Range<usize>) -> &'b str {
    body.get(range.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::super::formats::parse_markdown;
    use super::*;

    fn pieces(body: &str) -> Vec<Piece> {
        super::pieces(body, &parse_markdown(body.to_owned()).blocks)
    }

    fn texts(body: &str) -> Vec<&str> {
        pieces(body).iter().map(|piece| text_of(body, &piece.range)).collect()
    }

    fn words(count: usize) -> String {
        "word ".repeat(count).trim_end().to_owned()
    }

    #[test]
    fn a_short_page_is_one_chunk() {
        let body = "# Title\n\nIntro.\n\n## Fix\n\nDo it.\n";
        let all = pieces(body);
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].range.clone(), all[0].heading_path.as_slice()),
            (0..body.len(), &["Title".to_owned()][..])
        );
    }

    #[test]
    fn a_long_page_is_cut_at_its_sections() {
        let body = format!(
            "# T\n\n{0}\n\n## A\n\n{0}\n\n## B\n\n### B1\n\n{0}\n\n### B2\n\n{0}\n",
            words(120)
        );
        let paths: Vec<String> =
            pieces(&body).iter().map(|piece| piece.heading_path.join("/")).collect();
        assert_eq!(paths, ["T", "T/A", "T/B/B1", "T/B/B2"]);
        assert!(texts(&body)[2].starts_with("## B\n\n### B1\n"));
    }

    #[test]
    fn small_sections_are_joined_under_their_parent() {
        let small = words(20);
        let sections: String = (0..20).map(|n| format!("## Section {n}\n\n{small}\n\n")).collect();
        let body = format!("# T\n\n{sections}");
        let all = pieces(&body);
        assert!(all.len() < 6, "{}", all.len());
        assert!(all.iter().all(|piece| piece.heading_path == ["T"]));
        assert!(
            all.iter().all(|piece| tokens_about(text_of(&body, &piece.range)) <= CHUNK_TOKENS_MAX)
        );
    }

    #[test]
    fn code_and_tables_are_never_cut() {
        let code = format!("```sh\n{}```\n", "kubectl get pods -n shop -o wide\n\n".repeat(80));
        let table =
            format!("| a | b |\n|---|---|\n{}", "| one more row | of this table |\n".repeat(80));
        let in_list =
            format!("- item\n\n  ```\n{}  ```\n- next\n", "  line of code in a list\n".repeat(100));
        let body =
            format!("# T\n\n{0}\n\n{code}\n{0}\n\n{table}\n{0}\n\n{in_list}\nend\n", words(100));
        let all = texts(&body);
        for whole in [code.as_str(), table.as_str(), in_list.split("- next").next().unwrap()] {
            assert!(all.iter().any(|text| text.contains(whole.trim_end())), "{whole}");
        }
        assert_eq!(all.concat(), body);
    }

    #[test]
    fn long_text_is_cut_between_paragraphs_items_and_sentences() {
        let paragraphs = format!("{}\n\n", words(100)).repeat(5);
        assert!(texts(&paragraphs).iter().all(|text| text.ends_with("word\n\n")));
        let items = format!("- {}\n", words(30)).repeat(30);
        assert!(
            texts(&items).iter().all(|text| text.starts_with("- ") && text.ends_with("word\n"))
        );
        let sentences = format!("{}. ", words(30)).repeat(30);
        let cut = texts(&sentences);
        assert!(cut.len() > 3 && cut[..cut.len() - 1].iter().all(|text| text.ends_with(". ")));
    }

    #[test]
    fn a_heading_stays_with_what_it_heads() {
        let body =
            format!("## Big\n\n```\n{}```\n", "some line of code that is long\n".repeat(100));
        assert_eq!(texts(&body).len(), 1);
    }

    #[test]
    fn text_without_any_space_is_cut_too() {
        for unbroken in ["x".repeat(100_000), "磁盘".repeat(5_000)] {
            let all = texts(&unbroken);
            assert!(all.iter().all(|text| tokens_about(text) <= CHUNK_TOKENS_MAX));
            assert_eq!(all.concat(), unbroken);
        }
    }

    #[test]
    fn pieces_that_meet_inside_a_secret_are_joined() {
        let body = format!("{0}.\n\n{0}.\n\n{0}.\n", words(150));
        let all = pieces(&body);
        assert_eq!(all.len(), 3);
        let cut = all[1].range.start;
        assert_eq!(join_across(all.clone(), &[0..5, cut - 3..cut + 3]).len(), 2);
        assert_eq!(join_across(all.clone(), &[cut - 3..cut, cut..cut + 3]).len(), 3);
        let everything = 0..body.len();
        assert_eq!(join_across(all, &[everything]).len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_byte_is_in_exactly_one_chunk(body in any::<String>()) {
            assert_eq!(texts(&body).concat(), body);
        }

        #[test]
        fn every_byte_of_markdown_is_in_exactly_one_chunk(
            body in "((#{1,6} |- |> |```|\\| |    |[0-9]\\. )?([a-zä磁]{1,8}[ .]{1,2}){0,60}\n{1,2}){0,30}",
        ) {
            let mut next = 0;
            for piece in pieces(&body) {
                assert_eq!(piece.range.start, next);
                assert!(piece.range.end > next);
                next = piece.range.end;
            }
            assert_eq!(next, body.len());
        }

        #[test]
        fn code_stays_whole_between_any_paragraphs(
            before in "([a-z ]{0,200}\n\n){0,10}",
            lines in proptest::collection::vec("[a-z $#|-]{0,60}", 1..80),
            after in "([a-z ]{0,200}\n\n){0,10}",
        ) {
            let code = format!("```\n{}\n```", lines.join("\n"));
            let body = format!("{before}\n\n{code}\n\n{after}");
            assert!(texts(&body).iter().any(|text| text.contains(&code)));
        }
    }
}
