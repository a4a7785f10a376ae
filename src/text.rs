//! Untrusted text made safe to show: no control, escape, bidirectional or invisible characters.

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

/// Plain text inside Markdown: nothing in it is markup, a link or an image.
#[must_use]
pub fn in_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in visible(text).chars() {
        match character {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' => escaped.push(' '),
            // A scheme that is not followed by `//` is no link to anybody's eager renderer.
            ':' => escaped.push_str(if escaped.ends_with("http") || escaped.ends_with("https") {
                "\u{2236}"
            } else {
                ":"
            }),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn nothing_unsafe_survives() {
        proptest::proptest!(|(text in ".*")| {
            proptest::prop_assert!(!visible(&text).chars().any(is_unsafe));
        });
    }
}
