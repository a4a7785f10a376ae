//! One segment file of the write-ahead log: its name and its head.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bytes::{u32_at, u64_at};
use crate::checked_file::{FORMAT, FileKind, check_kind_and_format};
use crate::disk::File;
use crate::{StoreError, disk};

const KIND: FileKind = *b"GCwl";
/// Kind, format, length of the segment before, checksum.
pub(super) const HEAD_BYTES: usize = 20;

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    /// Bytes in the file.
    pub(super) written: u64,
    /// Bytes that a sync covers.
    pub(super) acked: u64,
}

impl Segment {
    /// Makes segment `number` in `dir`, durable as far as its head goes.
    pub(super) fn create(dir: &Path, number: u64, length_before: u64) -> Result<Self, StoreError> {
        let path = path_of(dir, number);
        let file = File::create(&path).map_err(StoreError::io("create", &path))?;
        let made = file
            .write_all_at(&head(length_before), 0)
            .and_then(|()| file.sync_all())
            .map_err(StoreError::io("write", &path))
            .and_then(|()| disk::sync_dir(dir));
        if let Err(error) = made {
            disk::remove_if_there(&path);
            return Err(error);
        }
        let length = HEAD_BYTES as u64;
        Ok(Self { number, path, file: Arc::new(file), written: length, acked: length })
    }
}

pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.wal"))
}

/// The segments in `dir`, ascending.
pub(super) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut segments: Vec<(u64, PathBuf)> = disk::list(dir)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.parse().ok()?, path)))
        .collect();
    segments.sort();
    Ok(segments)
}

fn head(length_before: u64) -> [u8; HEAD_BYTES] {
    let length = length_before.to_le_bytes();
    let parts = KIND.into_iter().chain(FORMAT.to_le_bytes()).chain(length);
    let checksum = crc32fast::hash(&length).to_le_bytes();
    let mut bytes = [0; HEAD_BYTES];
    bytes.iter_mut().zip(parts.chain(checksum)).for_each(|(to, from)| *to = from);
    bytes
}

/// The head of a segment, or what there is of it.
pub(super) fn read_head(path: &Path) -> Result<Vec<u8>, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let length = file.length().map_err(StoreError::io("read", path))?;
    let mut head = vec![0; HEAD_BYTES.min(usize::try_from(length).unwrap_or(HEAD_BYTES))];
    file.read_exact_at(&mut head, 0).map_err(StoreError::io("read", path))?;
    Ok(head)
}

/// The length that the segment before had, by the head of this one; `None` when the head is damaged.
pub(super) fn length_before(path: &Path, bytes: &[u8]) -> Result<Option<u64>, StoreError> {
    match check_kind_and_format(path, bytes, KIND) {
        Err(StoreError::Damaged { .. }) => return Ok(None),
        other => other?,
    }
    let Some((length, checksum)) = u64_at(bytes, 8).zip(u32_at(bytes, 16)) else { return Ok(None) };
    Ok((crc32fast::hash(&length.to_le_bytes()) == checksum).then_some(length))
}
