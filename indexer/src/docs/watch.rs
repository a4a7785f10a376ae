//! Notices that a source has changed, by looking at it again and again.
//!
//! Looking is slower than being told, and misses nothing: not the file that an editor puts in the place of another, not
//! a folder on a network, not what happened while nobody listened.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::walk::find;

/// How the files of a source look from outside. Two that are equal have, as far as can be told without reading, the
/// same content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceState {
    files: BTreeMap<PathBuf, Option<FileState>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct FileState {
    bytes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Another file in the same place has another number.
    inode: u64,
}

impl SourceState {
    /// Looks at the documents at `path`.
    ///
    /// # Errors
    /// When `path` itself cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = find(path)?;
        let taken = found.files.into_iter().map(|file| file.path);
        let left_out = found.skipped.into_iter().map(|(path, _)| path);
        let state = |path: PathBuf| {
            let metadata = std::fs::metadata(&path).ok();
            let state = metadata.map(|metadata| FileState {
                bytes: metadata.size(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                inode: metadata.ino(),
            });
            (path, state)
        };
        Ok(Self { files: taken.chain(left_out).map(state).collect() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_way_to_change_a_file_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let page = root.path().join("a.md");
        fs::write(&page, "one").unwrap();
        let mut last = SourceState::of(root.path()).unwrap();
        assert_eq!(SourceState::of(root.path()).unwrap(), last);
        let mut changed = |what: &str| {
            let now = SourceState::of(root.path()).unwrap();
            assert_ne!(now, last, "{what}");
            last = now;
        };
        fs::write(&page, "longer").unwrap();
        changed("written in place");
        fs::write(root.path().join(".a.md.tmp"), "same l").unwrap();
        fs::rename(root.path().join(".a.md.tmp"), &page).unwrap();
        changed("replaced by another file, as editors do");
        fs::create_dir(root.path().join("sub")).unwrap();
        fs::write(root.path().join("sub/b.rst"), "x").unwrap();
        changed("added in a new folder");
        fs::remove_dir_all(root.path().join("sub")).unwrap();
        changed("removed");
        fs::write(root.path().join("image.png"), "x").unwrap();
        assert_eq!(SourceState::of(root.path()).unwrap(), last, "no document");
    }
}
