//! Fonts of a page: what the bytes of a string mean, and how wide they are.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Encoding, Object, ObjectId};
use rustc_hash::FxHashMap;

use super::text::STREAM_BYTES_MAX;

/// Width of a character that the font does not tell, in thousandths of its size.
const WIDTH_USUAL: f32 = 500.0;
/// Widths that one font may tell.
const WIDTHS_MAX: usize = 1 << 16;

/// A font.
pub(super) struct Font<'d> {
    encoding: Option<Encoding<'d>>,
    /// Whether a character is two bytes.
    is_wide: bool,
    widths: FxHashMap<u32, f32>,
    width_else: f32,
}

/// The fonts of a page, by the names it uses for them.
pub(super) fn fonts_of(document: &Document, page: ObjectId) -> BTreeMap<Vec<u8>, Font<'_>> {
    let fonts = document.get_page_fonts(page).unwrap_or_default();
    fonts.into_iter().map(|(name, font)| (name, Font::new(document, font))).collect()
}

impl<'d> Font<'d> {
    fn new(document: &'d Document, dictionary: &'d Dictionary) -> Self {
        let is_wide =
            dictionary.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Type0");
        let mut font = Self {
            encoding: dictionary.get_font_encoding_with_limit(document, STREAM_BYTES_MAX).ok(),
            is_wide,
            widths: FxHashMap::default(),
            width_else: WIDTH_USUAL,
        };
        if is_wide {
            font.read_wide_widths(document, dictionary);
        } else {
            font.read_widths(document, dictionary);
        }
        font
    }

    /// What `bytes` say; empty when the font does not tell.
    pub(super) fn text(&self, bytes: &[u8]) -> String {
        let decoded =
            self.encoding.as_ref().and_then(|encoding| encoding.bytes_to_string(bytes).ok());
        let mut text = decoded.unwrap_or_default();
        text.retain(|c| !c.is_control());
        text
    }

    /// How far `bytes` reach, in units of the font's size.
    pub(super) fn width(&self, bytes: &[u8]) -> f32 {
        let step = if self.is_wide { 2 } else { 1 };
        let code = |bytes: &[u8]| bytes.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
        let width_of = |bytes| self.widths.get(&code(bytes)).copied().unwrap_or(self.width_else);
        bytes.chunks(step).map(width_of).sum::<f32>() / 1000.0
    }

    /// A simple font tells the widths of a run of codes.
    fn read_widths(&mut self, document: &Document, dictionary: &Dictionary) {
        let first = dictionary.get_deref(b"FirstChar", document).and_then(Object::as_i64);
        let widths = dictionary.get_deref(b"Widths", document).and_then(Object::as_array);
        let (Ok(first), Ok(widths)) = (first, widths) else { return };
        let codes = u32::try_from(first).unwrap_or_default()..;
        let widths = widths.iter().take(WIDTHS_MAX).map(|width| number(document, width));
        self.widths = codes.zip(widths).filter_map(|(code, width)| Some((code, width?))).collect();
    }

    /// A composite font tells them as `first [w w w]` and `first last w`.
    fn read_wide_widths(&mut self, document: &Document, dictionary: &Dictionary) {
        self.width_else = 1000.0;
        let descendants =
            dictionary.get_deref(b"DescendantFonts", document).and_then(Object::as_array);
        let inner = descendants.ok().and_then(|fonts| fonts.first());
        let inner = inner.and_then(|font| document.dereference(font).ok());
        let Some(inner) = inner.and_then(|(_, font)| font.as_dict().ok()) else { return };
        if let Some(width) = inner.get(b"DW").ok().and_then(|width| number(document, width)) {
            self.width_else = width;
        }
        let Ok(runs) = inner.get_deref(b"W", document).and_then(Object::as_array) else { return };
        let mut runs = runs.iter();
        while let Some(first) = runs.next().and_then(|first| first.as_i64().ok()) {
            let first = u32::try_from(first).unwrap_or_default();
            let Some((_, next)) = runs.next().and_then(|next| document.dereference(next).ok())
            else {
                return;
            };
            if let Ok(widths) = next.as_array() {
                let known = (first..).zip(widths).take(WIDTHS_MAX);
                let known =
                    known.filter_map(|(code, width)| Some((code, number(document, width)?)));
                self.widths.extend(known);
            } else if let Some(width) = runs.next().and_then(|width| number(document, width)) {
                let last = next.as_i64().ok().and_then(|last| u32::try_from(last).ok());
                let codes = first..=last.unwrap_or(first);
                self.widths.extend(codes.take(WIDTHS_MAX).map(|code| (code, width)));
            }
            if self.widths.len() > WIDTHS_MAX {
                return;
            }
        }
    }
}

fn number(document: &Document, object: &Object) -> Option<f32> {
    document.dereference(object).ok().and_then(|(_, object)| object.as_float().ok())
}
