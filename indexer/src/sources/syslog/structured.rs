//! Structured data of RFC 5424: `[id@32473 name="value" ...][...]`.

/// Elements of one message that are read.
const ELEMENTS_MAX: usize = 64;
/// Parameters of one element that are read.
const PARAMETERS_MAX: usize = 256;

/// One element: its id and its parameters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Element {
    pub(super) id: String,
    pub(super) parameters: Vec<(String, String)>,
}

/// Reads structured data at the beginning of `text`, or its `-`, and gives what comes after. Where it is not well formed,
/// that and what follows it are left in the text.
pub(super) fn read(text: &str) -> (Vec<Element>, &str) {
    if let Some(rest) =
        text.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' '))
    {
        return (Vec::new(), rest);
    }
    let mut elements = Vec::new();
    let mut rest = text;
    while elements.len() < ELEMENTS_MAX
        && let Some((element, after)) = element(rest)
    {
        elements.push(element);
        rest = after;
    }
    (elements, rest)
}

fn element(text: &str) -> Option<(Element, &str)> {
    let inside = text.strip_prefix('[')?;
    let end = inside.find([' ', ']'])?;
    let id = inside.get(..end).filter(|id| is_name(id))?.to_owned();
    let mut element = Element { id, parameters: Vec::new() };
    let mut rest = inside.get(end..)?;
    loop {
        rest = rest.trim_start_matches(' ');
        if let Some(after) = rest.strip_prefix(']') {
            return Some((element, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = value(after)?;
        if !is_name(name) || element.parameters.len() >= PARAMETERS_MAX {
            return None;
        }
        element.parameters.push((name.to_owned(), value));
        rest = after;
    }
}

/// A value up to its closing quote; `\"`, `\\` and `\]` stand for what is behind the backslash.
fn value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                escaped @ ('"' | '\\' | ']') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'=' | b']' | b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_with_their_escapes() {
        let (elements, rest) = read("[a@1 k=\"v \\\"q\\\" \\] \\n\" n=\"\"][b] text");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let first = Element {
            id: "a@1".to_owned(),
            parameters: vec![pair("k", "v \"q\" ] \\n"), pair("n", "")],
        };
        assert_eq!(elements, [first, Element { id: "b".to_owned(), parameters: Vec::new() }]);
        assert_eq!(rest, " text");
        assert_eq!(read("- x"), (Vec::new(), " x"));
    }

    #[test]
    fn what_is_not_well_formed_stays_in_the_text() {
        for text in ["[a k=v] x", "[a k=\"v", "[", "[] x", "-x", "words"] {
            assert_eq!(read(text), (Vec::new(), text), "{text}");
        }
    }
}
