//! Finds where Markdown may be cut: its headings, its blocks, and the places inside a block.
//!
//! Only the outermost structure counts: a heading inside a quotation or a list item opens no section. A block reaches
//! up to the start of the next one, so that blocks cover the whole text without gap or overlap.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::front_matter::Parts;
use super::parsed::{Block, Heading, Parsed, join_up};

/// Takes Markdown apart.
pub(super) fn parse(parts: Parts<'_>) -> Parsed<'_> {
    Parsed { blocks: blocks(parts.body), ..Parsed::from(parts) }
}

/// The blocks of `body` in order.
pub(crate) fn blocks(body: &str) -> Vec<Block> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut blocks: Vec<Block> = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        let is_outermost = depth == 0;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if is_outermost && !matches!(event, Event::End(_)) {
            blocks.push(Block::plain(range.clone()));
        }
        if let Some(block) = blocks.last_mut() {
            note(block, &event, range, depth == 1);
        }
    }
    join_up(body, blocks)
}

/// Adds to `block` what an event inside it says.
fn note(block: &mut Block, event: &Event<'_>, range: Range<usize>, is_outermost: bool) {
    match event {
        Event::Start(Tag::Heading { level, .. }) if is_outermost => {
            block.heading = Some(Heading { level: level_number(*level), text: String::new() });
        }
        Event::Start(Tag::Item | Tag::Paragraph | Tag::BlockQuote(_)) => {
            block.cuts.push(range.start)
        }
        Event::Start(Tag::CodeBlock(_) | Tag::Table(_) | Tag::HtmlBlock) => block.whole.push(range),
        Event::Text(text) | Event::Code(text) => add_heading_text(block, text),
        Event::SoftBreak | Event::HardBreak => add_heading_text(block, " "),
        Event::End(TagEnd::Heading(_)) => {
            if let Some(heading) = &mut block.heading {
                heading.text = heading.text.trim().to_owned();
            }
        }
        _ => {}
    }
}

fn add_heading_text(block: &mut Block, text: &str) {
    if let Some(heading) = &mut block.heading {
        heading.text.push_str(text);
    }
}

const fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    fn texts(body: &str) -> Vec<&str> {
        blocks(body).into_iter().map(|block| body.get(block.range).unwrap()).collect()
    }

    #[test]
    fn blocks_are_headings_paragraphs_code_tables_and_lists() {
        let body = "\nIntro\nmore\n\n# One `x`\n\n```sh\n# no heading\n\nls\n```\n| a |\n|---|\n| b |\n\n- one\n- two\n";
        assert_eq!(
            texts(body),
            [
                "\nIntro\nmore\n\n",
                "# One `x`\n\n",
                "```sh\n# no heading\n\nls\n```\n",
                "| a |\n|---|\n| b |\n\n",
                "- one\n- two\n"
            ]
        );
        let all = blocks(body);
        assert_eq!(all[1].heading, Some(Heading { level: 1, text: "One x".to_owned() }));
        assert!(all.iter().enumerate().all(|(at, block)| at == 1 || block.heading.is_none()));
        assert_eq!(all[4].cuts.len(), 1);
        assert_eq!(all[2].whole.len(), 1);
    }

    #[test]
    fn headings_inside_quotes_and_lists_open_no_section() {
        let body = "> # quoted\n\n- # item\n\nSetext\n======\n\ntext\n";
        let found: Vec<_> = blocks(body).into_iter().filter_map(|block| block.heading).collect();
        assert_eq!(found, [Heading { level: 1, text: "Setext".to_owned() }]);
    }

    #[test]
    fn a_text_without_blocks_is_one() {
        assert_eq!(texts(""), Vec::<&str>::new());
        assert_eq!(texts("\n \n"), ["\n \n"]);
        assert_eq!(texts("[a]: http://x\n"), ["[a]: http://x\n"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn blocks_cover_any_text(body in any::<String>()) {
            assert_eq!(texts(&body).concat(), body);
        }

        #[test]
        fn blocks_cover_any_markdown(body in "([#>*`~|. \t-]{0,4}[a-zé]{0,4}[\n\r]{0,2}){0,40}") {
            let all = blocks(&body);
            assert_eq!(texts(&body).concat(), body);
            for block in all {
                assert!(block.cuts.iter().all(|cut| block.range.contains(cut)));
            }
        }
    }
}
