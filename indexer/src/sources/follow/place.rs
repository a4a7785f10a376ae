//! A place in a file that is found again after a restart, and known to be the same place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use groundcrew_store::{Store, StoreError};
use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

/// Beginnings of the names of marks in the state.
const MARK: &str = "follow:";
/// Bytes at the beginning, and before the place, by which a file is known.
const PRINT_BYTES: u64 = 1_024;
/// A file is known by its content alone only when at least so much of it is known.
const ALONE_BYTES: u64 = 256;
/// A place in a file that is there is kept this long after it was last written.
pub(super) const KEPT_SECS: i64 = 400 * 86_400;
/// A place in a file that is gone: it may come back under another name.
pub(super) const GONE_SECS: i64 = 86_400;

/// Device and inode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// How far a file was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) file: FileId,
    /// Bytes from its beginning that are stored.
    pub(super) offset: u64,
    /// Bytes of its beginning that `head` is of.
    head_bytes: u64,
    /// Hash of its beginning.
    head: String,
    /// Hash of what stands before the offset.
    near: String,
    /// Its path when it was read last.
    pub(super) path: String,
}

impl Place {
    /// The place `offset` in `file`, as its bytes are now.
    ///
    /// # Errors
    /// When they cannot be read, as when the file is shorter by now.
    pub(super) fn at(file: &File, id: FileId, path: &str, offset: u64) -> io::Result<Self> {
        let head_bytes = offset.min(PRINT_BYTES);
        let (head, near) = (hash(file, 0, head_bytes)?, near(file, offset)?);
        Ok(Self { file: id, offset, head_bytes, head, near, path: path.to_owned() })
    }

    /// Whether the bytes before this place still stand in `file`.
    pub(super) fn holds_in(&self, file: &File) -> bool {
        hash(file, 0, self.head_bytes).is_ok_and(|head| head == self.head)
            && near(file, self.offset).is_ok_and(|near| near == self.near)
    }

    /// Whether `file`, which has another id, is a copy of what was read up to here.
    pub(super) fn is_copied_to(&self, file: &File) -> bool {
        self.offset >= ALONE_BYTES && self.holds_in(file)
    }

    /// Whether `file` looks like such a copy that is still being made.
    pub(super) fn is_being_copied_to(&self, file: &File) -> bool {
        let shorter = file.metadata().is_ok_and(|metadata| metadata.len() < self.offset);
        let begun = hash(file, 0, self.head_bytes).is_ok_and(|head| head == self.head);
        self.offset >= ALONE_BYTES && shorter && begun
    }
}

fn near(file: &File, offset: u64) -> io::Result<String> {
    let bytes = offset.min(PRINT_BYTES);
    hash(file, offset - bytes, bytes)
}

fn hash(file: &File, from: u64, bytes: u64) -> io::Result<String> {
    let mut buffer = vec![0; usize::try_from(bytes.min(PRINT_BYTES)).unwrap_or(0)];
    file.read_exact_at(&mut buffer, from)?;
    Ok(blake3::hash(&buffer).to_hex().to_string())
}

/// The places that were kept.
///
/// # Errors
/// When the state cannot be read.
pub(super) fn kept(store: &Store, now: Timestamp) -> Result<Vec<Place>, StoreError> {
    let marks = store.state().marks(MARK, now)?;
    // A mark of another version is as good as none: the file is read again.
    Ok(marks.iter().filter_map(|(_, value)| serde_json::from_str(value).ok()).collect())
}

/// Keeps a place for so many seconds. Only after what stands before it is on disk.
///
/// # Errors
/// When the state cannot be written.
pub(super) fn keep(
    store: &Store,
    place: &Place,
    now: Timestamp,
    secs: i64,
) -> Result<(), StoreError> {
    let key = format!("{MARK}{}:{}", place.file.device, place.file.inode);
    let value = serde_json::to_string(place).unwrap_or_default();
    store.state().put_mark(&key, &value, (now, now.plus_secs(secs)))
}
