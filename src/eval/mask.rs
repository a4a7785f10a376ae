//! `eval mask`: lines in, the spans that would be masked out.

use std::path::Path;

use groundcrew_masking::Masker;
use serde::{Deserialize, Serialize};

use super::case::EvalError;

#[derive(Deserialize)]
struct Line {
    id: String,
    text: String,
}

/// The spans of one line.
#[derive(Clone, Debug, Serialize)]
pub struct MaskRow {
    id: String,
    spans: Vec<SpanRow>,
}

#[derive(Clone, Debug, Serialize)]
struct SpanRow {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: String,
}

/// Finds secrets and personal data in JSON lines of `{"id", "text"}`; offsets count characters.
///
/// # Errors
/// When the file cannot be read or a line is not of that form.
pub fn mask(masker: &Masker, file: &Path) -> Result<Vec<MaskRow>, EvalError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| EvalError::File { path: file.to_owned(), source })?;
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| mask_line(masker, file, line))
        .collect()
}

fn mask_line(masker: &Masker, file: &Path, line: &str) -> Result<MaskRow, EvalError> {
    let line: Line = serde_json::from_str(line)
        .map_err(|error| EvalError::Format { path: file.to_owned(), message: error.to_string() })?;
    let characters = |byte: usize| line.text.get(..byte).map_or(0, |before| before.chars().count());
    let spans = masker
        .find(&line.text)
        .into_iter()
        .map(|finding| SpanRow {
            start: characters(finding.range.start),
            end: characters(finding.range.end),
            kind: finding.kind.name().to_owned(),
        })
        .collect();
    Ok(MaskRow { id: line.id, spans })
}
