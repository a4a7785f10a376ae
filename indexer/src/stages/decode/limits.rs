//! How long one text of a record may be.

use groundcrew_telemetry::{Attributes, Value};

use super::decoded::DecodeNotes;

/// The longest body or attribute text that is kept.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// How far back the cut looks for a space, so that a secret is not cut in two and its first half missed by the masker.
const CUT_LOOK_BACK_BYTES: usize = 4 * 1024;

/// Cuts `text` to [`BODY_BYTES_MAX`], at a word's end where there is one near, and says whether it did.
pub fn cap_text(text: &mut String) -> bool {
    if text.len() <= BODY_BYTES_MAX {
        return false;
    }
    let mut end = text.floor_char_boundary(BODY_BYTES_MAX);
    let near = text.floor_char_boundary(end - CUT_LOOK_BACK_BYTES);
    if let Some(space) = text.get(near..end).and_then(|tail| tail.rfind(char::is_whitespace)) {
        end = near + space;
    }
    text.truncate(end);
    text.push_str(" [truncated]");
    text.shrink_to_fit();
    true
}

/// Caps every text of `attributes`, counting cuts in `notes`.
pub(crate) fn cap_attributes(attributes: &mut Attributes, notes: &mut DecodeNotes) {
    for (_, value) in &mut attributes.0 {
        cap_value(value, notes);
    }
}

/// Caps every text inside `value`, counting cuts in `notes`.
pub(super) fn cap_value(value: &mut Value, notes: &mut DecodeNotes) {
    match value {
        Value::Str(text) => notes.truncated_texts += u64::from(cap_text(text)),
        Value::Bytes(bytes) if bytes.len() > BODY_BYTES_MAX => {
            bytes.truncate(BODY_BYTES_MAX);
            bytes.shrink_to_fit();
            notes.truncated_texts += 1;
        }
        Value::List(values) => values.iter_mut().for_each(|inner| cap_value(inner, notes)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, inner)| cap_value(inner, notes)),
        Value::Bytes(_) | Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_a_space_and_says_so() {
        let mut text = "word ".repeat(BODY_BYTES_MAX / 5) + "password=hunter2hunter2";
        assert!(cap_text(&mut text));
        assert!(text.len() <= BODY_BYTES_MAX + " [truncated]".len());
        assert!(text.ends_with("word [truncated]"));
        let mut solid = "é".repeat(BODY_BYTES_MAX);
        assert!(cap_text(&mut solid));
        assert!(solid.ends_with("é [truncated]"));
        let mut short = "short".to_owned();
        assert!(!cap_text(&mut short));
    }
}
