//! Untrusted text made safe to show: no control, escape, bidirectional or invisible characters.

use serde::{Deserialize, Serialize};

/// Whether a character could move a cursor, recolour a terminal, reorder or hide text.
#[must_use]
pub fn is_unsafe(character: char) -> bool {
    let control = character.is_control() && character != '\n' && character != '\t';
    let invisible = matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    control || invisible
}

/// The text with every unsafe character as its code point, e.g. `‹U+001B›`, so that nothing is hidden and nothing acts.
#[must_use]
pub fn visible(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character == '\r' {
            continue;
        }
        if is_unsafe(character) {
            safe.push_str(&format!("‹U+{:04X}›", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Text that somebody outside may have written: a log line, an attribute, a document, a model's reply.
///
/// It has no `Display` and gives no plain `&str` away, so that it cannot slip into a link, a query's name, a command or a
/// citation: whoever wants to use it says how.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tainted<T>(T);

impl<T: AsRef<str>> Tainted<T> {
    /// Marks the text.
    #[must_use]
    pub const fn new(text: T) -> Self {
        Self(text)
    }

    /// The one of `known` that it names, in any case: what is used from then on is the known name, not the text.
    #[must_use]
    pub fn resolve<'a>(&self, known: &'a [String]) -> Option<&'a str> {
        let name = self.0.as_ref().trim();
        known.iter().map(String::as_str).find(|known| known.eq_ignore_ascii_case(name))
    }

    /// What `read` makes of it: a time, an id, a number.
    pub fn parse<U>(&self, read: impl FnOnce(&str) -> Option<U>) -> Option<U> {
        read(self.0.as_ref().trim())
    }

    /// For comparing with other text and for searching: never shown, never followed.
    #[must_use]
    pub fn search_words(&self, bytes_max: usize) -> String {
        let text = self.0.as_ref().trim();
        text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default().to_lowercase()
    }

    /// For showing as a quotation: visible, inert, one text node.
    #[must_use]
    pub fn shown(&self) -> String {
        inert(&visible(self.0.as_ref()))
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().trim().is_empty()
    }
}

/// The text with what renderers make links, images or requests of broken by a space: a quotation of markup stays
/// readable and does nothing, however eager the program is that shows it.
#[must_use]
pub fn inert(text: &str) -> String {
    const FETCHING: [&str; 7] = ["src", "href", "action", "poster", "srcset", "data", "xlink:href"];
    if !text.contains("](") && !text.contains("//") && !text.contains("]:") {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(position) = rest.find(['/', '(', ':']) {
        let (before, from) = rest.split_at(position);
        safe.push_str(before);
        let mark = from.chars().next().unwrap_or_default();
        let fetches = || {
            let value = safe.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == ':');
            let name = value.trim_end_matches(['"', '\'', ' ', '(']);
            let lower = name.to_lowercase();
            lower.ends_with("url")
                || lower.ends_with("@import")
                || lower.strip_suffix('=').is_some_and(|name| {
                    FETCHING.iter().any(|fetching| name.trim_end().ends_with(fetching))
                })
        };
        match mark {
            '(' | ':' if safe.ends_with(']') => safe.push(' '),
            '/' if from.starts_with("//") && fetches() => {
                safe.push_str("/ ");
                rest = from.get(1..).unwrap_or_default();
                continue;
            }
            _ => {}
        }
        safe.push(mark);
        rest = from.get(mark.len_utf8()..).unwrap_or_default();
    }
    safe.push_str(rest);
    safe
}

/// A stretch of a sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stretch<'a> {
    /// What it says itself.
    Said(&'a str),
    /// What stands between “ and ”.
    Quoted(&'a str),
    /// What follows a “ that is never closed, as in a title that was cut.
    Open(&'a str),
}

/// The stretches of a sentence, in order.
pub fn stretches(sentence: &str) -> impl Iterator<Item = Stretch<'_>> {
    let mut rest = Some(sentence);
    let mut next = None;
    std::iter::from_fn(move || {
        if let Some(stretch) = next.take() {
            return Some(stretch);
        }
        let text = rest.take()?;
        let Some((said, opened)) = text.split_once('“') else { return Some(Stretch::Said(text)) };
        next = Some(match opened.split_once('”') {
            Some((inside, after)) => {
                rest = Some(after);
                Stretch::Quoted(inside)
            }
            None => Stretch::Open(opened),
        });
        Some(Stretch::Said(said))
    })
}

/// Plain text inside Markdown: nothing in it is markup, a link, an image, a formula or a mention.
///
/// Many programs make links of bare addresses, and look for them after escapes are taken out. So what they look for is
/// written with characters that look the same: `http∶//`, `www․example`, `ann＠example`.
#[must_use]
pub fn in_markdown(text: &str) -> String {
    let text = visible(text);
    let text = text.trim();
    let mut escaped = String::with_capacity(text.len() + 8);
    if text.starts_with(['-', '+', '=']) {
        escaped.push('\\');
    }
    // What would begin a numbered list.
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let follows = |word: &str| {
            let start = at.checked_sub(word.len()).and_then(|start| text.get(start..at));
            start.is_some_and(|before| before.eq_ignore_ascii_case(word))
        };
        match character {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~'
            | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '.' if at == digits && digits > 0 => escaped.push_str("\\."),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' => escaped.push(' '),
            ':' if next == Some('/') || follows("http") || follows("https") => {
                escaped.push('\u{2236}')
            }
            '.' if follows("www") => escaped.push('\u{2024}'),
            '@' if next.is_some_and(char::is_alphanumeric) => escaped.push('\u{ff20}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_inert_and_the_rest_is_untouched() {
        for (hostile, safe) in [
            ("![a](https://evil.example/x)", "![a] (https://evil.example/x)"),
            ("[id]: https://evil.example", "[id] : https://evil.example"),
            ("<img src=//evil.example/i.gif>", "<img src=/ /evil.example/i.gif>"),
            ("<a HREF = 'https://evil.example'>", "<a HREF = 'https:/ /evil.example'>"),
            ("background:url(//evil.example)", "background:url(/ /evil.example)"),
        ] {
            assert_eq!(inert(hostile), safe);
        }
        for plain in [
            "GET https://shop.example/a//b?data=1 (ok)",
            "at com.shop.Foo(Foo.java:12)",
            "[main] INFO c.s.X: done [a:b]",
            "ü//“”",
            "",
        ] {
            assert_eq!(inert(plain), plain);
        }
    }

    #[test]
    fn quotations_are_told_from_what_is_said() {
        use Stretch::{Open, Quoted, Said};
        let all = |text: &'static str| stretches(text).collect::<Vec<Stretch<'_>>>();
        assert_eq!(all("a “b” c"), [Said("a "), Quoted("b"), Said(" c")]);
        assert_eq!(all("“b”"), [Said(""), Quoted("b"), Said("")]);
        assert_eq!(all("a “b” “c"), [Said("a "), Quoted("b"), Said(" "), Open("c")]);
        assert_eq!(all(""), [Said("")]);
    }

    #[test]
    fn tainted_text_gives_only_what_it_is_asked_for() {
        let known = ["checkout".to_owned()];
        assert_eq!(Tainted::new(" Checkout ").resolve(&known), Some("checkout"));
        assert_eq!(Tainted::new("checkout; rm").resolve(&known), None);
        assert_eq!(Tainted::new("12").parse(|text| text.parse::<u8>().ok()), Some(12));
        assert_eq!(Tainted::new("\u{1b}[2J![x](y)").shown(), "‹U+001B›[2J![x] (y)");
    }

    #[test]
    fn terminal_escapes_become_visible() {
        assert_eq!(visible("a\u{1b}]0;x\u{7}b\r\n"), "a‹U+001B›]0;x‹U+0007›b\n");
        assert_eq!(visible("plain\ttext\nhere – ok"), "plain\ttext\nhere – ok");
        assert_eq!(visible("rtl \u{202e}evil"), "rtl ‹U+202E›evil");
    }

    #[test]
    fn markdown_from_telemetry_is_inert() {
        let text = "![x](http://evil.example/?q=1) <img src=x> `code` [a]: https://evil.example";
        let escaped = in_markdown(text);
        assert!(
            !escaped.contains("](")
                && !escaped.contains("<img")
                && !escaped.contains("http:")
                && !escaped.contains("https:"),
            "{escaped}"
        );
    }

    #[test]
    fn no_eager_renderer_finds_a_link_or_a_mention() {
        for (hostile, safe) in [
            ("see WWW.evil.example", "see WWW\u{2024}evil.example"),
            ("HTTP://evil.example ftp://e", "HTTP\u{2236}//evil.example ftp\u{2236}//e"),
            ("@channel mail ann@evil.example", "\u{ff20}channel mail ann\u{ff20}evil.example"),
            ("$\\href{x}$", "\\$\\\\href\\{x\\}\\$"),
            ("1. one", "1\\. one"),
            ("1.5 s", "1\\.5 s"),
            ("- item", "\\- item"),
            ("    code", "code"),
            ("a: b @ 3.5", "a: b @ 3.5"),
        ] {
            assert_eq!(in_markdown(hostile), safe);
        }
    }

    #[test]
    fn nothing_unsafe_survives() {
        proptest::proptest!(|(text in ".*")| {
            proptest::prop_assert!(!visible(&text).chars().any(is_unsafe));
        });
    }
}
