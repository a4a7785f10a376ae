//! Bytes as text, whatever they are.

use std::borrow::Cow;

/// The bytes as text, what is not UTF-8 in them replaced, and whether anything was.
///
/// Nearly all input is good, and checking that is several times faster than looking for what to replace.
pub(crate) fn replaced(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (String::from_utf8_lossy(bytes), true),
    }
}
