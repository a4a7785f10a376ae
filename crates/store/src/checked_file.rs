//! A small file that is written and read as a whole: compressed, with a checksum and a format number.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::Decompressor;

use crate::bytes::u32_at;
use crate::{StoreError, disk};

/// Format of everything in the store's directory. 1 counted logs per minute, 2 counted them per ten seconds, 3 has spans
/// in the order in which they are sampled, 5 has the bodies of logs as skeletons and values, requests with their keys in the
/// write-ahead log, and when splits were received and what is left of them where, 6 has ids packed in bits,
/// 7 says of splits which traces are left, 8 has the rows that a rollup shows in a part of their own.
pub(crate) const FORMAT: u32 = 8;
/// Kind, format, length before compression, checksum.
const HEAD_BYTES: usize = 16;
/// How hard small files and chunks are compressed: the level that costs least per byte saved.
pub(crate) const COMPRESSION_LEVEL: i32 = 1;

/// Decompressors kept for the next time, about 100 kB each.
const IDLE_MAX: usize = 8;

/// What a file is, its first four bytes.
pub(crate) type FileKind = [u8; 4];

/// Puts `value` at `path` in one step.
pub(crate) fn write<T: Serialize>(
    path: &Path,
    kind: FileKind,
    value: &T,
) -> Result<(), StoreError> {
    disk::replace(path, &encode(path, kind, value)?)
}

/// What [`write()`] puts at `path`.
pub(crate) fn encode<T: Serialize>(
    path: &Path,
    kind: FileKind,
    value: &T,
) -> Result<Vec<u8>, StoreError> {
    let raw = postcard::to_stdvec(value).map_err(StoreError::encoding("a file of the store"))?;
    let raw_length = u32::try_from(raw.len()).map_err(|_| StoreError::Damaged {
        path: path.to_owned(),
        reason: "it would exceed 4 GiB".to_owned(),
    })?;
    let compressed =
        zstd::bulk::compress(&raw, COMPRESSION_LEVEL).map_err(StoreError::io("compress", path))?;
    let mut bytes = Vec::with_capacity(HEAD_BYTES + compressed.len());
    bytes.extend_from_slice(&kind);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&raw_length.to_le_bytes());
    bytes.extend_from_slice(&checksum(raw_length, &compressed).to_le_bytes());
    bytes.extend_from_slice(&compressed);
    Ok(bytes)
}

/// Reads what [`write()`] put at `path`.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, kind: FileKind) -> Result<T, StoreError> {
    let bytes = disk::read(path)?;
    check_kind_and_format(path, &bytes, kind)?;
    let (raw_length, expected) = u32_at(&bytes, 8)
        .zip(u32_at(&bytes, 12))
        .ok_or_else(|| StoreError::damaged(path, "it is cut short"))?;
    let compressed = bytes.get(HEAD_BYTES..).unwrap_or_default();
    if checksum(raw_length, compressed) != expected {
        return Err(StoreError::damaged(path, "its checksum does not match"));
    }
    let raw =
        decompress(compressed, raw_length).map_err(|error| StoreError::damaged(path, error))?;
    postcard::from_bytes(&raw).map_err(|error| StoreError::damaged(path, error))
}

/// What was compressed; no more than `raw_length` bytes are reserved for it.
pub(crate) fn decompress(compressed: &[u8], raw_length: u32) -> std::io::Result<Vec<u8>> {
    /// To make one takes as long as to decompress a chunk; more than a few at once are rarely needed.
    static IDLE: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = idle().pop();
    let mut decompressor = taken.map_or_else(Decompressor::new, Ok)?;
    let raw = decompressor.decompress(compressed, raw_length as usize);
    let mut idle = idle();
    if idle.len() < IDLE_MAX {
        idle.push(decompressor);
    }
    raw
}

/// Refuses another kind of file and one of a newer or older version of the program.
pub(crate) fn check_kind_and_format(
    path: &Path,
    head: &[u8],
    kind: FileKind,
) -> Result<(), StoreError> {
    if !head.starts_with(&kind) {
        return Err(StoreError::damaged(path, "it does not begin as it should"));
    }
    match u32_at(head, 4) {
        None => Err(StoreError::damaged(path, "it is cut short")),
        Some(found) if found > FORMAT => {
            Err(StoreError::NewerFormat { path: path.to_owned(), found, supported: FORMAT })
        }
        Some(found) if found < FORMAT => {
            Err(StoreError::OlderFormat { path: path.to_owned(), found, supported: FORMAT })
        }
        Some(_) => Ok(()),
    }
}

/// Covers the length too, so that nothing is reserved for a length that was never written.
pub(crate) fn checksum(raw_length: u32, compressed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&raw_length.to_le_bytes());
    hasher.update(compressed);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: FileKind = *b"GCtt";

    #[test]
    fn a_changed_or_cut_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let value: Vec<String> = (0..50).map(|number| format!("line {number}")).collect();
        write(&path, KIND, &value).unwrap();
        assert_eq!(read::<Vec<String>>(&path, KIND).unwrap(), value);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x01;
            std::fs::write(&path, &bytes).unwrap();
            // Formats from zero on are readable, so that one bit of the format number does not matter.
            if at != 4 {
                assert!(read::<Vec<String>>(&path, KIND).is_err(), "byte {at}");
            }
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(read::<Vec<String>>(&path, KIND).is_err(), "length {at}");
        }
    }

    #[test]
    fn another_format_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, KIND, &1_u32).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4] = 9;
        std::fs::write(&path, &bytes).unwrap();
        let error = read::<u32>(&path, KIND).unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { found: 9, supported: FORMAT, .. }));
        bytes[4] = 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = read::<u32>(&path, KIND).unwrap_err();
        assert!(matches!(error, StoreError::OlderFormat { found: 1, supported: FORMAT, .. }));
    }
}
