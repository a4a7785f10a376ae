//! `templates.log`: the texts of templates, appended at every seal.

use std::path::Path;

use crate::disk::File;
use crate::frames::{frame_head, read_frames};
use crate::templates::{TemplateText, Templates};
use crate::{StoreError, disk};

pub(crate) const NAME: &str = "templates.log";

/// How long the file in `dir` is; 0 when there is none.
pub(crate) fn length(dir: &Path) -> u64 {
    File::open(&dir.join(NAME)).and_then(|file| file.length()).unwrap_or(0)
}

/// Reads the first `length` bytes of the file in `dir` into `templates`; says what is damaged, for a person.
pub(crate) fn load(
    dir: &Path,
    length: u64,
    templates: &Templates,
) -> Result<Option<String>, StoreError> {
    let path = dir.join(NAME);
    let mut bytes = match disk::read(&path) {
        Err(error) if error.is_not_found() => Vec::new(),
        other => other?,
    };
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    let frames = read_frames(&bytes, 0);
    let mut is_damaged = !frames.damaged.is_empty() || (frames.end as u64) < length;
    for payload in frames.payloads {
        match postcard::from_bytes::<Vec<TemplateText>>(payload) {
            Ok(texts) => templates.restore(&texts),
            Err(_) => is_damaged = true,
        }
    }
    let warning = format!("{} is damaged; some templates have no text", path.display());
    Ok(is_damaged.then_some(warning))
}

/// Appends to the file in `dir`, durably, behind its first `length` bytes; gives the new length. What is behind them
/// is the remains of an append that was not finished.
pub(crate) fn append(dir: &Path, length: u64, texts: &[TemplateText]) -> Result<u64, StoreError> {
    let path = dir.join(NAME);
    let payload = postcard::to_stdvec(texts).map_err(StoreError::encoding("template texts"))?;
    let head = frame_head(&payload)
        .ok_or_else(|| StoreError::damaged(&path, "an append would exceed 4 GiB"))?;
    let frame = [head.as_slice(), payload.as_slice()].concat();
    let is_new = !disk::exists(&path);
    let file = File::open_or_create(&path).map_err(StoreError::io("open", &path))?;
    file.set_len(length)
        .and_then(|()| file.write_all_at(&frame, length))
        .and_then(|()| file.sync_all())
        .map_err(StoreError::io("write", &path))?;
    if is_new {
        disk::sync_dir(dir)?;
    }
    Ok(length + frame.len() as u64)
}
