//! Text of others in Slack: it is read, and does nothing. No mention, no link, no markup, nothing hidden.
//!
//! Answers are built of rich text, where a text is only ever a text ([`plain`]); what Slack reads as markup, the fallback
//! of a message and the fields of a plan, goes through [`escaped`], which holds for its Markdown too.

use std::iter::Peekable;
use std::str::Chars;

use crate::text::is_unsafe;

/// U+2060: keeps two characters apart for a program and together for a reader.
const JOINER: char = '\u{2060}';

/// Text of others inside Slack's markup: `& < >` escaped, mentions and links broken with U+2060, marks of emphasis replaced
/// by signs that look like them, control and bidirectional characters removed. One line.
#[must_use]
pub fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut safe = String::with_capacity(text.len() + 16);
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        // At the beginning of a line these begin a quotation, a heading or a list.
        if before.is_none() && matches!(character, '>' | '#' | '-' | '+') {
            safe.push(JOINER);
        }
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '*' => safe.push('∗'),
            '~' => safe.push('∼'),
            '`' => safe.push('ˋ'),
            '_' if is_inside_a_word(before, &mut characters) => safe.push('_'),
            '_' => safe.push('ˍ'),
            ']' if characters.peek() == Some(&'(') => safe.extend([']', JOINER]),
            ':' if names_a_picture(&mut characters) => safe.extend([':', JOINER]),
            other => safe.push(other),
        }
        before = Some(character);
    }
    safe
}

/// Text of others for a place where Slack knows no markup: one line, nothing hidden, and what a program that reads it
/// eagerly could take for a mention or a link is broken with U+2060.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            if !safe.is_empty() && !safe.ends_with(' ') {
                safe.push(' ');
            }
            continue;
        }
        if is_unsafe(character) {
            continue;
        }
        safe.push(character);
        let next = following(&mut characters);
        let is_mention = character == '<' && matches!(next, Some('@' | '#' | '!'));
        // `@here` and the like are linked by clients that are told to look for names.
        let is_name = character == '@' && next.is_some_and(char::is_alphabetic);
        let is_link = character == ':' && next == Some('/');
        if is_mention || is_name || is_link {
            safe.push(JOINER);
        }
    }
    safe.truncate(safe.trim_end().len());
    safe
}

/// The next character that is kept.
fn following(characters: &mut Peekable<Chars<'_>>) -> Option<char> {
    while let Some(next) = characters.peek().copied() {
        if !is_unsafe(next) {
            return Some(next);
        }
        characters.next();
    }
    None
}

/// `pool_size` is a name; `_this_` is emphasis.
fn is_inside_a_word(before: Option<char>, after: &mut Peekable<Chars<'_>>) -> bool {
    before.is_some_and(char::is_alphanumeric) && after.peek().is_some_and(|c| c.is_alphanumeric())
}

/// `:fire:` is a picture, `12:30` is not.
fn names_a_picture(after: &mut Peekable<Chars<'_>>) -> bool {
    after.peek().is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '+' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_is_markup() {
        for (hostile, safe) in [
            ("<!channel> down", "&lt;\u{2060}!channel&gt; down"),
            ("<@U1> and <#C1>", "&lt;\u{2060}@\u{2060}U1&gt; and &lt;\u{2060}#C1&gt;"),
            ("<http://evil|x>", "&lt;http:\u{2060}//evil|x&gt;"),
            ("https://evil.example/?q=1", "https:\u{2060}//evil.example/?q=1"),
            ("*bold* ~gone~ `code` _it_", "∗bold∗ ∼gone∼ ˋcodeˋ ˍitˍ"),
            ("pool_size = 4", "pool_size = 4"),
            ("> quoted", "\u{2060}&gt; quoted"),
            ("# heading", "\u{2060}# heading"),
            ("![x](mailto:a)", "![x]\u{2060}(mailto:\u{2060}a)"),
            ("a && b > c", "a &amp;&amp; b &gt; c"),
            (":fire: at 12:30:05", ":\u{2060}fire: at 12:30:05"),
            ("@here", "@\u{2060}here"),
            ("a\nb\t c \u{1b}[31m", "a b c [31m"),
            ("rtl \u{202e}evil z\u{200d}w\u{2060}j", "rtl evil zwj"),
            // What is removed must not bring together what was apart.
            ("<\u{200b}!channel>", "&lt;\u{2060}!channel&gt;"),
            ("http:\u{2060}//evil", "http:\u{2060}//evil"),
            ("", ""),
        ] {
            assert_eq!(escaped(hostile), safe);
        }
    }

    #[test]
    fn no_text_survives_as_a_mention_a_link_or_a_hidden_character() {
        let pieces = "[<>!@#|&*_~`:/a\u{202e}\u{200d}\u{2060}\u{1b}\n ]{0,24}";
        proptest::proptest!(|(text in pieces)| {
            let safe = escaped(&text);
            for mark in ["<", ">", "*", "~", "`", "://", "\n"] {
                proptest::prop_assert!(!safe.contains(mark), "{:?} in {:?}", mark, safe);
            }
            for mark in ["<!", "<@", "<#", "://"] {
                proptest::prop_assert!(!plain(&text).contains(mark));
            }
            let hidden = safe.chars().any(|c| is_unsafe(c) && c != JOINER);
            proptest::prop_assert!(!hidden && plain(&safe).len() <= safe.len() + 64);
        });
    }
}
