//! An open file: a real one, or in tests one of a simulated disk.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

#[cfg(test)]
use super::simulated;

/// An open file.
#[derive(Debug)]
pub(crate) enum File {
    Real(fs::File),
    #[cfg(test)]
    Simulated(simulated::Handle),
}

impl File {
    /// Makes the file, empty, or empties what is there.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        #[cfg(test)]
        if let Some((disk, path)) = simulated::at(path) {
            return disk.open(&path, true, true).map(Self::Simulated);
        }
        fs::File::create(path).map(Self::Real)
    }

    /// Opens the file for writing, making it where there is none.
    pub(crate) fn open_or_create(path: &Path) -> io::Result<Self> {
        #[cfg(test)]
        if let Some((disk, path)) = simulated::at(path) {
            return disk.open(&path, true, false).map(Self::Simulated);
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false).open(path).map(Self::Real)
    }

    /// Opens the file for reading.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        #[cfg(test)]
        if let Some((disk, path)) = simulated::at(path) {
            return disk.open(&path, false, false).map(Self::Simulated);
        }
        fs::File::open(path).map(Self::Real)
    }

    pub(crate) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Real(file) => file.write_all_at(bytes, offset),
            #[cfg(test)]
            Self::Simulated(file) => file.write_at(bytes, offset),
        }
    }

    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Real(file) => file.read_exact_at(buffer, offset),
            #[cfg(test)]
            Self::Simulated(file) => file.read_exact_at(buffer, offset),
        }
    }

    /// How long the file is.
    pub(crate) fn length(&self) -> io::Result<u64> {
        match self {
            Self::Real(file) => file.metadata().map(|metadata| metadata.len()),
            #[cfg(test)]
            Self::Simulated(file) => Ok(file.length()),
        }
    }

    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        match self {
            Self::Real(file) => file.set_len(length),
            #[cfg(test)]
            Self::Simulated(file) => file.set_len(length),
        }
    }

    /// Makes content and length durable.
    pub(crate) fn sync_data(&self) -> io::Result<()> {
        match self {
            Self::Real(file) => file.sync_data(),
            #[cfg(test)]
            Self::Simulated(file) => file.sync(),
        }
    }

    /// The same, and what else the file system knows of the file.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        match self {
            Self::Real(file) => file.sync_all(),
            #[cfg(test)]
            Self::Simulated(file) => file.sync(),
        }
    }
}

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Real(file) => file.write(bytes),
            #[cfg(test)]
            Self::Simulated(file) => file.append(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
