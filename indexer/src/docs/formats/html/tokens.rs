//! The tags and texts of an HTML page in order, each with its line.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token as RawToken, TokenSink, TokenSinkResult, Tokenizer,
};

/// A tag with more is no tag of a document. The tokenizer compares each attribute of a tag with all others.
pub(super) const ATTRIBUTES_MAX: usize = 1000;

/// A part of a page.
pub(in super::super) enum Token<'t> {
    Start(&'t Tag),
    End(&'t str),
    /// Text with entities resolved.
    Text(&'t str),
}

/// Calls `visit` with every part of `text` and the line it begins on, from 1. The line of a tag is where it ends.
///
/// An error is the line of a tag that has too many attributes; then nothing was visited.
pub(in super::super) fn tokens(
    text: &str,
    visit: &mut dyn FnMut(Token<'_>, u32),
) -> Result<(), u32> {
    check(text)?;
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    let tokenizer = Tokenizer::new(Sink(RefCell::new(visit)), Default::default());
    // A sink that never asks for scripts is fed in one go.
    drop(tokenizer.feed(&input));
    tokenizer.end();
    Ok(())
}

/// The value of an attribute.
pub(in super::super) fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|found| &*found.value)
}

/// Looks for tags with too many attributes, roughly: a value that holds spaces counts as several.
fn check(text: &str) -> Result<(), u32> {
    let mut words: Option<usize> = None;
    let mut line = 1;
    let mut tag_line = 1;
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '>' => words = None,
            c if before == '<' && c.is_ascii_alphabetic() && words.is_none() => {
                words = Some(0);
                tag_line = line;
            }
            _ => {}
        }
        let is_end_of_word = c.is_whitespace() || matches!(c, '/' | '"' | '\'');
        if let Some(words) = words.as_mut().filter(|_| is_end_of_word) {
            *words += 1;
            if *words > 4 * ATTRIBUTES_MAX {
                return Err(tag_line);
            }
        }
        line += u32::from(c == '\n');
        before = c;
    }
    Ok(())
}

/// Is shown each token, and the line it stands on.
type Visit<'v> = dyn FnMut(Token<'_>, u32) + 'v;

struct Sink<'v>(RefCell<&'v mut Visit<'v>>);

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: RawToken, line: u64) -> TokenSinkResult<()> {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        // Visiting never comes back here, so the borrow is free.
        let Ok(mut visit) = self.0.try_borrow_mut() else { return TokenSinkResult::Continue };
        match token {
            RawToken::TagToken(tag) if tag.kind == TagKind::StartTag => {
                visit(Token::Start(&tag), line);
                return match &*tag.name {
                    "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                        TokenSinkResult::RawData(RawKind::Rawtext)
                    }
                    "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => TokenSinkResult::Continue,
                };
            }
            RawToken::TagToken(tag) => visit(Token::End(&tag.name), line),
            RawToken::CharacterTokens(text) => {
                let inside = u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
                visit(Token::Text(&text), line.saturating_sub(inside).max(1));
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}
