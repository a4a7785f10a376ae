//! The text of PDF pages: strings are put together by where they stand.

use std::collections::BTreeMap;

use lopdf::content::{Content, Operation};
use lopdf::{Document, LoadOptions, Object, decode_text_string};

use super::fonts::{Font, fonts_of};
use super::matrix::Matrix;

/// What a stream may unpack to.
pub(super) const STREAM_BYTES_MAX: usize = 32 << 20;
/// Pages that are read at most.
const PAGES_MAX: usize = 2000;
/// Text of one page.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// Saved states of one page.
const STATES_MAX: usize = 256;

/// Hands the title and then the text of each page to `take`, until it has enough.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn pages(bytes: &[u8], take: &mut dyn FnMut(&str) -> bool) -> Result<(), String> {
    let options = LoadOptions::with_max_decompressed_size(STREAM_BYTES_MAX);
    let document = Document::load_mem_with_options(bytes, options)
        .map_err(|error| format!("is not a PDF that can be read: {error}"))?;
    if document.is_encrypted() {
        return Err("is locked with a password".to_owned());
    }
    let mut goes_on = take(&title(&document));
    for page in document.page_iter().take(PAGES_MAX) {
        if !goes_on {
            break;
        }
        let content = document
            .get_page_content_with_limit(page, STREAM_BYTES_MAX)
            .map_err(|error| format!("is not a PDF that can be read: {error}"))?;
        let fonts = fonts_of(&document, page);
        let mut writer = PageText::new(&fonts);
        for operation in Content::decode_iter(&content) {
            // What cannot be read ends a page, not the file.
            let Ok(operation) = operation else { break };
            writer.apply(&operation);
            if writer.text.len() > PAGE_BYTES_MAX {
                break;
            }
        }
        goes_on = take(writer.text.trim_end());
    }
    Ok(())
}

fn title(document: &Document) -> String {
    let info = document.trailer.get_deref(b"Info", document).and_then(Object::as_dict);
    let title = info.and_then(|info| info.get_deref(b"Title", document));
    let title = title.and_then(decode_text_string).unwrap_or_default();
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of a page as far as it was read.
struct PageText<'p> {
    fonts: &'p BTreeMap<Vec<u8>, Font<'p>>,
    text: String,
    font: Option<&'p Font<'p>>,
    size: f32,
    leading: f32,
    /// Where the line, and the next letter on it, begin in the text's own space.
    line: Matrix,
    pen: Matrix,
    /// From that space to the page.
    page: Matrix,
    saved: Vec<(Matrix, Option<&'p Font<'p>>, f32)>,
    /// Where the last string ended on the page.
    end: Option<(f32, f32)>,
}

impl<'p> PageText<'p> {
    fn new(fonts: &'p BTreeMap<Vec<u8>, Font<'p>>) -> Self {
        Self {
            fonts,
            text: String::new(),
            font: None,
            size: 1.0,
            leading: 0.0,
            line: Matrix::IDENTITY,
            pen: Matrix::IDENTITY,
            page: Matrix::IDENTITY,
            saved: Vec::new(),
            end: None,
        }
    }

    fn apply(&mut self, operation: &Operation) {
        let operands = operation.operands.as_slice();
        let number = |at: usize| operands.get(at).and_then(|object| object.as_float().ok());
        match operation.operator.as_str() {
            "q" if self.saved.len() < STATES_MAX => {
                self.saved.push((self.page, self.font, self.size));
            }
            "Q" => {
                if let Some(saved) = self.saved.pop() {
                    (self.page, self.font, self.size) = saved;
                }
            }
            "cm" => self.page = matrix(operands).then(self.page),
            "BT" => self.begin(Matrix::IDENTITY),
            "Tf" => {
                let name = operands.first().and_then(|name| name.as_name().ok());
                self.font = name.and_then(|name| self.fonts.get(name));
                self.size = number(1).unwrap_or(1.0);
            }
            "TL" => self.leading = number(0).unwrap_or_default(),
            "Tm" => self.begin(matrix(operands)),
            "Td" => self.move_line(number(0), number(1)),
            "TD" => {
                self.leading = -number(1).unwrap_or_default();
                self.move_line(number(0), number(1));
            }
            "T*" => self.next_line(),
            "Tj" => self.show_all(operands),
            "'" | "\"" => {
                self.next_line();
                self.show_all(operands.last().map(std::slice::from_ref).unwrap_or_default());
            }
            "TJ" => {
                if let Some(Object::Array(parts)) = operands.first() {
                    self.show_all(parts);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, at: Matrix) {
        self.line = at;
        self.pen = at;
    }

    fn move_line(&mut self, x: Option<f32>, y: Option<f32>) {
        let shift = Matrix::shift(x.unwrap_or_default(), y.unwrap_or_default());
        self.begin(shift.then(self.line));
    }

    fn next_line(&mut self) {
        self.move_line(None, Some(-self.leading));
    }

    /// Shows strings; numbers between them move the pen back by thousandths of the font's size.
    fn show_all(&mut self, parts: &[Object]) {
        for part in parts {
            if let Object::String(bytes, _) = part {
                self.show(bytes);
            } else if let Ok(back) = part.as_float() {
                self.pen = Matrix::shift(-back / 1000.0 * self.size, 0.0).then(self.pen);
            }
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        let Some(font) = self.font else { return };
        let start = self.pen.then(self.page);
        self.pen = Matrix::shift(font.width(bytes) * self.size, 0.0).then(self.pen);
        let text = font.text(bytes);
        if text.is_empty() {
            return;
        }
        self.part_from_last(start.origin(), start.height() * self.size.abs());
        self.text.push_str(&text);
        self.end = Some(self.pen.then(self.page).origin());
    }

    /// Writes the white space between the last string and one that starts at `x`, `y` and is `height` tall.
    fn part_from_last(&mut self, (x, y): (f32, f32), height: f32) {
        let Some((end_x, end_y)) = self.end else { return };
        let down = (end_y - y).abs();
        let gap = x - end_x;
        if down > 1.75 * height {
            self.text.push_str("\n\n");
        } else if down > 0.5 * height {
            self.text.push('\n');
        } else if (gap > 0.15 * height || gap < -height) && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }
}

fn matrix(operands: &[Object]) -> Matrix {
    let numbers: Vec<f32> = operands.iter().filter_map(|object| object.as_float().ok()).collect();
    numbers.try_into().map_or(Matrix::IDENTITY, Matrix::new)
}
