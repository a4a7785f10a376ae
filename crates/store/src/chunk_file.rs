//! A large immutable file of compressed, checked chunks with a footer that says where they are.
//!
//! All files of a split have this form. Nothing is read but the footer and the chunks that are asked for, each checked
//! against its checksum, so that damage costs a chunk and is never taken for content.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::bytes::u32_at;
use crate::checked_file::{
    COMPRESSION_LEVEL, FORMAT, FileKind, check_kind_and_format, checksum, decompress,
};
use crate::disk::File;

const HEAD_BYTES: u64 = 8;
/// Footer's length, its length before compression, its checksum, the kind of file again.
const TRAILER_BYTES: u64 = 16;

/// Where a chunk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ChunkRef {
    offset: u64,
    length: u32,
    raw_length: u32,
    checksum: u32,
}

/// Writes one file.
pub(crate) struct ChunkWriter {
    path: PathBuf,
    kind: FileKind,
    file: BufWriter<File>,
    offset: u64,
    compressor: zstd::bulk::Compressor<'static>,
}

impl ChunkWriter {
    pub(crate) fn create(path: &Path, kind: FileKind) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(StoreError::io("create", path))?;
        let compressor = zstd::bulk::Compressor::new(COMPRESSION_LEVEL)
            .map_err(StoreError::io("compress", path))?;
        let mut writer = Self {
            path: path.to_owned(),
            kind,
            file: BufWriter::with_capacity(256 * 1024, file),
            offset: 0,
            compressor,
        };
        writer.write(&kind)?;
        writer.write(&FORMAT.to_le_bytes())?;
        Ok(writer)
    }

    pub(crate) fn push(&mut self, raw: &[u8]) -> Result<ChunkRef, StoreError> {
        let compressed =
            self.compressor.compress(raw).map_err(StoreError::io("compress", &self.path))?;
        // What does not get smaller is kept as it is; equal lengths say so.
        if compressed.len() < raw.len() {
            self.put(&compressed, raw.len())
        } else {
            self.push_as_is(raw)
        }
    }

    /// As [`Self::push`] for what is known not to compress.
    pub(crate) fn push_as_is(&mut self, raw: &[u8]) -> Result<ChunkRef, StoreError> {
        self.put(raw, raw.len())
    }

    fn put(&mut self, bytes: &[u8], raw_length: usize) -> Result<ChunkRef, StoreError> {
        let length_of = |length: usize| {
            u32::try_from(length)
                .map_err(|_| StoreError::damaged(&self.path, "a chunk would exceed 4 GiB"))
        };
        let (length, raw_length) = (length_of(bytes.len())?, length_of(raw_length)?);
        let checksum = checksum(raw_length, bytes);
        let chunk = ChunkRef { offset: self.offset, length, raw_length, checksum };
        self.write(bytes)?;
        Ok(chunk)
    }

    /// Writes the footer and makes the file durable; says how long it is.
    pub(crate) fn finish<F: Serialize>(mut self, footer: &F) -> Result<u64, StoreError> {
        let raw = postcard::to_stdvec(footer).map_err(StoreError::encoding("a footer"))?;
        let chunk = self.push(&raw)?;
        let mut trailer = Vec::with_capacity(TRAILER_BYTES as usize);
        for number in [chunk.length, chunk.raw_length, chunk.checksum] {
            trailer.extend_from_slice(&number.to_le_bytes());
        }
        trailer.extend_from_slice(&self.kind);
        self.write(&trailer)?;
        let file = self
            .file
            .into_inner()
            .map_err(|error| StoreError::io("write", &self.path)(error.into_error()))?;
        file.sync_all().map_err(StoreError::io("write", &self.path))?;
        Ok(self.offset)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.offset += bytes.len() as u64;
        self.file.write_all(bytes).map_err(StoreError::io("write", &self.path))
    }
}

/// Reads one file.
#[derive(Debug)]
pub(crate) struct ChunkFile {
    path: PathBuf,
    file: File,
}

impl ChunkFile {
    /// Opens the file and reads its footer; says how long the footer is in memory, about.
    pub(crate) fn open<F: DeserializeOwned>(
        path: &Path,
        kind: FileKind,
    ) -> Result<(Self, F, usize), StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let length = file.length().map_err(StoreError::io("open", path))?;
        let opened = Self { path: path.to_owned(), file };
        if length < HEAD_BYTES + TRAILER_BYTES {
            return Err(StoreError::damaged(path, "it is cut short"));
        }
        check_kind_and_format(path, &opened.bytes(0, HEAD_BYTES as u32)?, kind)?;
        let trailer = opened.bytes(length - TRAILER_BYTES, TRAILER_BYTES as u32)?;
        if !trailer.ends_with(&kind) {
            return Err(StoreError::damaged(path, "it does not end as it should"));
        }
        let number = |at| u32_at(&trailer, at).unwrap_or_default();
        let footer_offset = (length - TRAILER_BYTES).checked_sub(u64::from(number(0)));
        let footer_chunk = ChunkRef {
            offset: footer_offset.ok_or_else(|| opened.damaged("its footer is longer than it"))?,
            length: number(0),
            raw_length: number(4),
            checksum: number(8),
        };
        let raw = opened.read(&footer_chunk)?;
        let footer =
            postcard::from_bytes(&raw).map_err(|error| StoreError::damaged(path, error))?;
        Ok((opened, footer, raw.len()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a chunk.
    pub(crate) fn read(&self, chunk: &ChunkRef) -> Result<Vec<u8>, StoreError> {
        let compressed = self.bytes(chunk.offset, chunk.length)?;
        if checksum(chunk.raw_length, &compressed) != chunk.checksum {
            return Err(self.damaged("a checksum does not match"));
        }
        if chunk.length == chunk.raw_length {
            return Ok(compressed);
        }
        decompress(&compressed, chunk.raw_length).map_err(|error| self.damaged(error))
    }

    pub(crate) fn damaged(&self, reason: impl ToString) -> StoreError {
        StoreError::damaged(&self.path, reason)
    }

    fn bytes(&self, offset: u64, length: u32) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; length as usize];
        match self.file.read_exact_at(&mut bytes, offset) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it is cut short"))
            }
            other => other.map_err(StoreError::io("read", &self.path)).map(|()| bytes),
        }
    }
}
