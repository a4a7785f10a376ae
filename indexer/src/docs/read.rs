//! From one file to the documents in it.

use std::fs::File;
use std::io::Read;

use groundcrew_store::CatalogEntity;

use super::formats::{Format, Parsed, parse};
use super::walk::FoundFile;
use super::{DocumentSource, catalog, exports, pdf};

/// Bytes that are looked at to tell a binary file from a text.
const SNIFFED_BYTES: usize = 8 * 1024;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct FileContent<'t> {
    /// Documents, each with its id inside the file; `None` for the file as a whole.
    pub(super) documents: Vec<(Option<String>, Parsed<'t>)>,
    /// What it says about services; the ids are those of `documents`.
    pub(super) entities: Vec<CatalogEntity>,
    /// What is wrong with the file as a whole: line and reason.
    pub(super) problems: Vec<(u32, String)>,
}

/// The bytes of a file, or why it is left out.
pub(super) fn bytes_of(file: &FoundFile) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let most = file.bytes_max();
    let mut bytes = Vec::new();
    // The file may have grown since it was found, or be one that never ends.
    let opened = File::open(&file.path).map_err(unreadable)?;
    opened.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(format!("is larger than {} MiB", most >> 20));
    }
    Ok(bytes)
}

/// The text of a file, or why it has none.
pub(super) fn text_of(
    source: &DocumentSource<'_>,
    file: &FoundFile,
    bytes: Vec<u8>,
) -> Result<String, String> {
    if file.format == Format::Pdf {
        let reader = source.pdf_reader.ok_or("is a PDF, and these are not read here")?;
        return pdf::text_of(reader, bytes);
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("is UTF-16; save it as UTF-8".to_owned());
    }
    if bytes.starts_with(b"%PDF-") {
        return Err("is a PDF by its content; name it so".to_owned());
    }
    if bytes.iter().take(SNIFFED_BYTES).any(|byte| *byte == 0) {
        return Err("is a binary file".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("is not valid UTF-8 from line {line} on; save it as UTF-8")
    })
}

/// Takes the text of a file apart; `None` for a file that turns out to be no document.
pub(super) fn content_of(format: Format, text: &str) -> Option<FileContent<'_>> {
    let whole = |parsed| FileContent { documents: vec![(None, parsed)], ..FileContent::default() };
    match format {
        Format::Pdf => Some(whole(pdf::parse(text))),
        Format::Json => {
            let export = exports::read(text)?;
            let documents =
                export.documents.into_iter().map(|(id, parsed)| (Some(id), parsed)).collect();
            Some(FileContent { documents, problems: export.problems, ..FileContent::default() })
        }
        Format::Catalog => {
            let catalog = catalog::read(text);
            let mut content = FileContent { problems: catalog.problems, ..FileContent::default() };
            for (id, parsed, entity) in catalog.entries {
                content.entities.push(CatalogEntity { document: id.clone(), ..entity });
                content.documents.push((Some(id), parsed));
            }
            Some(content)
        }
        _ => Some(whole(parse(format, text))),
    }
}

/// The id of a document: that of its file, and behind it its own inside the file.
pub(super) fn document_id(file: &FoundFile, inside: Option<&str>) -> String {
    inside.map_or_else(|| file.id.clone(), |inside| format!("{}#{inside}", file.id))
}
