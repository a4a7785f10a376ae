//! The few file operations the store is made of, each with an error that names the file.
//!
//! All that is written goes through here, so that tests can put a simulated disk below it; only tantivy and SQLite see
//! to their files themselves.
//!
//! What must survive a power cut is written to a temporary name, synced, renamed, and the directory synced: then either
//! the old or the new content is there, never a mixture.

mod file;
#[cfg(test)]
pub(crate) mod simulated;

use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};

pub(crate) use file::File;

use crate::StoreError;

/// Names that end so are unfinished and removed when the store is opened for writing.
const UNFINISHED: &str = ".unfinished";

/// The name under which `path` is written before it is complete.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

pub(crate) fn is_unfinished(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(UNFINISHED.as_bytes())
}

/// Makes a directory and those above it, durably.
pub(crate) fn create_dir(dir: &Path) -> Result<(), StoreError> {
    let made: Vec<&Path> = dir.ancestors().take_while(|above| !exists(above)).collect();
    make_dirs(dir).map_err(StoreError::io("create directory", dir))?;
    made.into_iter().filter_map(Path::parent).filter(|above| exists(above)).try_for_each(sync_dir)
}

fn make_dirs(dir: &Path) -> std::io::Result<()> {
    #[cfg(test)]
    if let Some((disk, path)) = simulated::at(dir) {
        return disk.create_dir_all(&path);
    }
    fs::create_dir_all(dir)
}

/// Locks the file at `path`, making it when there is none; `None` when somebody else has it. It is free again when the
/// file is dropped or the process ends.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, StoreError> {
    let file = File::open_or_create(path).map_err(StoreError::io("open", path))?;
    let locked = match &file {
        File::Real(file) => file.try_lock(),
        #[cfg(test)]
        File::Simulated(_) => Ok(()),
    };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(StoreError::io("lock", path)(source)),
    }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    #[cfg(test)]
    if let Some((disk, inner)) = simulated::at(path) {
        let file = disk.open(&inner, false, false).map_err(StoreError::io("read", path))?;
        return Ok(file.content());
    }
    fs::read(path).map_err(StoreError::io("read", path))
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    #[cfg(test)]
    if let Some((disk, path)) = simulated::at(dir) {
        return disk.sync_dir(&path).map_err(StoreError::io("sync", dir));
    }
    fs::File::open(dir).and_then(|handle| handle.sync_all()).map_err(StoreError::io("sync", dir))
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    #[cfg(test)]
    if let (Some((disk, from_path)), Some((_, to_path))) = (simulated::at(from), simulated::at(to))
    {
        return disk.rename(&from_path, &to_path).map_err(StoreError::io("rename", from));
    }
    fs::rename(from, to).map_err(StoreError::io("rename", from))
}

/// Puts `bytes` at `path`, replacing what was there in one step.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let unfinished = unfinished(path);
    let written = File::create(&unfinished).and_then(|file| {
        file.write_all_at(bytes, 0)?;
        file.sync_all()
    });
    if let Err(source) = written {
        remove_if_there(&unfinished);
        return Err(StoreError::io("write", &unfinished)(source));
    }
    rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// The same where several processes may do it at once: each has a temporary name of its own.
pub(crate) fn replace_alone(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let own = PathBuf::from(name);
    replace(&own, bytes)?;
    rename(&own, path)
}

/// Removes a file or directory that nothing refers to any more. When that fails it is tried again at the next open.
pub(crate) fn remove_if_there(path: &Path) {
    let removed = remove(path);
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "failed to remove what is no longer needed");
    }
}

/// Moves a damaged file or directory to where it harms nobody and a person finds it.
pub(crate) fn set_aside(path: &Path, quarantine: &Path) {
    let Some(name) = path.file_name() else { return };
    let moved = create_dir(quarantine).and_then(|()| rename(path, &quarantine.join(name)));
    if let Err(error) = moved {
        tracing::warn!(path = %path.display(), %error, "failed to set a damaged file aside");
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    #[cfg(test)]
    if let Some((disk, path)) = simulated::at(path) {
        return disk.remove(&path);
    }
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Whether there is a directory at `path`.
pub(crate) fn is_dir(path: &Path) -> bool {
    #[cfg(test)]
    if let Some((disk, path)) = simulated::at(path) {
        return disk.kind(&path) == Some(true);
    }
    path.is_dir()
}

/// Whether there is anything at `path`.
pub(crate) fn exists(path: &Path) -> bool {
    #[cfg(test)]
    if let Some((disk, path)) = simulated::at(path) {
        return disk.kind(&path).is_some();
    }
    path.exists()
}

/// How many bytes the files directly in `dir` have together; what cannot be looked at counts nothing.
pub(crate) fn size_of(dir: &Path) -> u64 {
    #[cfg(test)]
    if simulated::at(dir).is_some() {
        return list(dir).into_iter().flatten().map(|path| length(&path)).sum();
    }
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// How many bytes the file has; none when it cannot be looked at.
pub(crate) fn length(path: &Path) -> u64 {
    #[cfg(test)]
    if let Some((disk, inner)) = simulated::at(path) {
        return disk.open(&inner, false, false).map_or(0, |file| file.length());
    }
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// The paths in `dir`, sorted; none when there is no such directory.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    #[cfg(test)]
    if let Some((disk, path)) = simulated::at(dir) {
        return match disk.list(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(StoreError::io("list", dir)),
        }
        .map(|names| names.into_iter().map(|name| dir.join(name)).collect());
    }
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io("list", dir))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(StoreError::io("list", dir))?.path());
    }
    paths.sort();
    Ok(paths)
}
