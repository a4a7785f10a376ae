//! `templates.log`: the texts of templates, appended at every seal.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::frames::{Tail, frame_head, read_frames};
use crate::templates::{TemplateText, Templates};
use crate::{StoreError, disk};

pub(crate) const NAME: &str = "templates.log";

/// Reads the file in `dir` into `templates`; says what is damaged, for a person.
pub(crate) fn load(dir: &Path, templates: &Templates) -> Result<Vec<String>, StoreError> {
    let path = dir.join(NAME);
    let bytes = match disk::read(&path) {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let frames = read_frames(&bytes, 0);
    let mut is_damaged = !frames.damaged.is_empty() || frames.tail == Tail::Damaged;
    for payload in frames.payloads {
        match postcard::from_bytes::<Vec<TemplateText>>(payload) {
            Ok(texts) => templates.restore(&texts),
            Err(_) => is_damaged = true,
        }
    }
    let warning = format!("{} is damaged; some templates have no text", path.display());
    Ok(is_damaged.then_some(warning).into_iter().collect())
}

/// Appends to the file in `dir`, durably. What an append that failed left behind is cut off first.
pub(crate) fn append(dir: &Path, texts: &[TemplateText]) -> Result<(), StoreError> {
    let path = dir.join(NAME);
    let payload = postcard::to_stdvec(texts).map_err(StoreError::encoding("template texts"))?;
    let head = frame_head(&payload)
        .ok_or_else(|| StoreError::damaged(&path, "an append would exceed 4 GiB"))?;
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    let start = file.metadata().map_err(StoreError::io("open", &path))?.len();
    let written = file
        .write_all_at(&[head.as_slice(), payload.as_slice()].concat(), start)
        .and_then(|()| file.sync_all());
    if let Err(source) = written {
        let error = StoreError::io("write", &path)(source);
        if let Err(error) = file.set_len(start) {
            tracing::warn!(path = %path.display(), %error, "failed to cut a partial write");
        }
        return Err(error);
    }
    if is_new { disk::sync_dir(dir) } else { Ok(()) }
}
