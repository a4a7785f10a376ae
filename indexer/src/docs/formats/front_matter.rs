//! Splits YAML front matter from a text and reads it.
//!
//! Front matter that cannot be read costs a warning with its line, never the document.

use groundcrew_telemetry::{Attributes, Value};
use serde_yaml_ng::Value as Yaml;

use super::parsed::{Lines, Parsed};

/// Front matter longer than this is not read: YAML is costly, and nobody writes this much by hand.
const BYTES_MAX: usize = 64 * 1024;
/// How deep values may nest before they are left out.
const DEPTH_MAX: usize = 16;

/// A file in its two parts.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Parts<'t> {
    /// The front matter, in the order written.
    pub(crate) attributes: Attributes,
    /// What comes after it.
    pub(crate) body: &'t str,
    /// The line that `body` begins on, counted from 1.
    pub(crate) body_line: u32,
    /// What is wrong with the front matter: line and reason.
    pub(crate) problem: Option<(u32, String)>,
}

impl<'t> From<Parts<'t>> for Parsed<'t> {
    /// Without blocks: those are the format's.
    fn from(parts: Parts<'t>) -> Self {
        Self {
            attributes: parts.attributes,
            body: parts.body.into(),
            lines: Lines::From(parts.body_line),
            problems: parts.problem.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// Splits `text` and reads its front matter.
pub(crate) fn split(text: &str) -> Parts<'_> {
    let all = |problem| Parts { body: text, body_line: 1, problem, ..Parts::default() };
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else {
        return all(None);
    };
    let mut end = first.len();
    let mut line_number = 1;
    for line in lines {
        line_number += 1;
        if matches!(line.trim_end(), "---" | "...") {
            let yaml = text.get(first.len()..end).unwrap_or_default();
            let body = text.get(end + line.len()..).unwrap_or_default();
            let (attributes, problem) = match read(yaml) {
                Ok(attributes) => (attributes, None),
                Err((line, reason)) => (Attributes::default(), Some((line + 1, reason))),
            };
            return Parts { attributes, body, body_line: line_number + 1, problem };
        }
        end += line.len();
    }
    // A rule at the very top is also Markdown for a horizontal line; it is no front matter unless something closes it.
    all(None)
}

/// Reads YAML into attributes; an error says the line inside `yaml`, from 1, and the reason.
fn read(yaml: &str) -> Result<Attributes, (u32, String)> {
    if yaml.len() > BYTES_MAX {
        return Err((1, format!("front matter is longer than {BYTES_MAX} bytes")));
    }
    let parsed: Yaml = serde_yaml_ng::from_str(yaml).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let reason = error.to_string().replace('\n', " ");
        (
            u32::try_from(line.max(1)).unwrap_or(1),
            format!("front matter is not valid YAML: {reason}"),
        )
    })?;
    match parsed {
        Yaml::Null => Ok(Attributes::default()),
        Yaml::Mapping(mapping) => Ok(Attributes(entries(mapping, 0))),
        _ => Err((1, "front matter is not a list of `key: value`".to_owned())),
    }
}

fn entries(mapping: serde_yaml_ng::Mapping, depth: usize) -> Vec<(String, Value)> {
    let entry = |(key, value)| {
        let key = match value_at(key, depth)? {
            Value::Str(key) => key,
            other => other.to_string(),
        };
        Some((key, value_at(value, depth)?))
    };
    mapping.into_iter().filter_map(entry).collect()
}

/// A YAML value as an attribute; `None` for null and for what nests too deep.
pub(crate) fn value_of(yaml: Yaml) -> Option<Value> {
    value_at(yaml, 0)
}

fn value_at(yaml: Yaml, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    match yaml {
        Yaml::Null => None,
        Yaml::Bool(flag) => Some(Value::Bool(flag)),
        Yaml::Number(number) => match number.as_i64() {
            Some(integer) => Some(Value::Int(integer)),
            None => number.as_f64().map(Value::Double),
        },
        Yaml::String(text) => Some(Value::Str(text)),
        Yaml::Sequence(values) => Some(Value::List(
            values.into_iter().filter_map(|value| value_at(value, depth + 1)).collect(),
        )),
        Yaml::Mapping(mapping) => Some(Value::Map(entries(mapping, depth + 1))),
        Yaml::Tagged(tagged) => value_at(tagged.value, depth + 1),
    }
}

/// The texts of a value that may be one text, a text with commas, or a list.
pub(crate) fn list_of(value: &Value) -> Vec<String> {
    let texts: Vec<String> = match value {
        Value::List(values) => values.iter().map(|value| value.text().into_owned()).collect(),
        Value::Str(text) => text.split(',').map(str::to_owned).collect(),
        other => vec![other.to_string()],
    };
    texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    #[test]
    fn front_matter_is_read_in_order_and_the_body_keeps_its_line() {
        let text = "---\ntitle: Pool empty\nservices: [checkout, cart]\nminutes: 42\nnested: {a: 1.5}\n---\n\n# Body\n";
        let parts = split(text);
        assert_eq!((parts.body, parts.body_line), ("\n# Body\n", 7));
        assert_eq!(parts.attributes.str("title"), Some("Pool empty"));
        assert_eq!(list_of(parts.attributes.get("services").unwrap()), ["checkout", "cart"]);
        assert_eq!(parts.attributes.get("minutes"), Some(&Value::Int(42)));
        assert_eq!(parts.attributes.get("nested").unwrap().to_string(), "{a=1.5}");
        assert_eq!(parts.problem, None);
    }

    #[test]
    fn bad_front_matter_names_its_line_and_keeps_the_body() {
        let parts = split("---\ntitle: x\nservices: [a, b\n---\nbody\n");
        assert_eq!((parts.body, parts.body_line), ("body\n", 5));
        let (line, reason) = parts.problem.unwrap();
        assert!((2..=4).contains(&line), "{line}");
        assert!(reason.starts_with("front matter is not valid YAML"), "{reason}");
        assert_eq!(split("---\n- a\n---\nb").problem.unwrap().0, 2);
    }

    #[test]
    fn a_rule_at_the_top_is_no_front_matter() {
        for text in ["---\nno end", "text\n---\n", "", "----\na\n---\n"] {
            assert_eq!((split(text).body, split(text).body_line), (text, 1));
        }
        assert_eq!(split("---\n---\nbody").body, "body");
    }

    #[test]
    fn yaml_bombs_do_not_go_off() {
        let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            yaml.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(split(&format!("---\n{yaml}---\nbody")).problem.is_some());
        let deep = format!("---\na: {}{}\n---\nbody", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(split(&deep).body, "body");
    }

    #[test]
    fn lists_come_in_three_forms() {
        assert_eq!(list_of(&Value::from("a, b,, c ")), ["a", "b", "c"]);
        assert_eq!(list_of(&Value::List(vec![Value::Int(1), Value::from("x y")])), ["1", "x y"]);
        assert_eq!(list_of(&Value::Bool(true)), ["true"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_splits(text in any::<String>()) {
            let parts = split(&text);
            assert!(text.ends_with(parts.body));
        }

        #[test]
        fn any_front_matter_splits(yaml in "([a-z\\-:\\[\\]{}&*!|>'\" ]{0,12}\n){0,8}") {
            let text = format!("---\n{yaml}---\nbody");
            let parts = split(&text);
            assert!(text.ends_with(parts.body));
            let lines_after = parts.body.matches('\n').count();
            let all_lines = text.matches('\n').count();
            assert_eq!(parts.body_line as usize, all_lines - lines_after + 1);
        }
    }
}
