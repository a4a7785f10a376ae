//! Lists the files to read: those named, and those under the folders named.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use groundcrew_telemetry::Timestamp;

use super::summary::IngestSummary;

/// Files taken from one ingest's folders.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

/// A file to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FoundFile {
    pub(super) path: PathBuf,
    /// Named by a person, and so to be taken whatever it looks like.
    pub(super) given: bool,
    pub(super) bytes: u64,
    pub(super) modified: Option<Timestamp>,
    /// A pipe or standard input: read once, from the front, its content not known before.
    pub(super) stream: bool,
}

impl FoundFile {
    pub(super) fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// Lists files in the order given, those of a folder by name. What cannot be read is noted in `summary`.
pub(super) fn walk(paths: &[PathBuf], summary: &mut IngestSummary) -> Vec<FoundFile> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.push(FoundFile {
                path: path.clone(),
                given: true,
                bytes: 0,
                modified: None,
                stream: true,
            });
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk_folder(path, 0, &mut found, summary),
            Ok(metadata) => found.push(found_file(path, &metadata, true)),
            Err(error) => summary.fail(path, hint("read", &error)),
        }
    }
    found
}

fn walk_folder(
    folder: &Path,
    depth: usize,
    found: &mut Vec<FoundFile>,
    summary: &mut IngestSummary,
) {
    if depth > DEPTH_MAX {
        return summary.fail(folder, format!("is nested more than {DEPTH_MAX} folders deep"));
    }
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return summary.fail(folder, hint("list", &error)),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        match fs::metadata(&path) {
            // A linked folder may lead back up; a linked file is just a file.
            Ok(metadata) if metadata.is_dir() && is_link => {
                summary.skip(&path, "is a link to a folder; name it to read it");
            }
            Ok(metadata) if metadata.is_dir() => walk_folder(&path, depth + 1, found, summary),
            Ok(metadata) if !metadata.is_file() => {
                summary.skip(&path, "is not a regular file; name it to read it");
            }
            Ok(_) if found.len() >= FILES_MAX => {
                return summary.fail(folder, format!("holds more than {FILES_MAX} files"));
            }
            Ok(metadata) => found.push(found_file(&path, &metadata, false)),
            Err(error) => summary.fail(&path, hint("read", &error)),
        }
    }
}

fn found_file(path: &Path, metadata: &Metadata, given: bool) -> FoundFile {
    let modified = metadata.modified().ok().and_then(|time| {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok().map(Timestamp::from_nanos)
    });
    let path = path.to_owned();
    FoundFile { path, given, bytes: metadata.len(), modified, stream: !metadata.is_file() }
}

/// What the system said, with what a person can do about it.
pub(super) fn hint(action: &str, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "; run as a user who may read it, or change its mode",
        io::ErrorKind::NotFound => "; check the spelling",
        _ => "",
    };
    format!("failed to {action}: {error}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_by_name_and_leaves_hidden_files_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("b")).unwrap();
        for name in ["z.log", "a.log", ".hidden", "b/c.log"] {
            fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("loop")).unwrap();
        let mut summary = IngestSummary::default();
        let missing = root.join("missing");
        let found = walk(&[root.to_owned(), missing.clone()], &mut summary);
        let names: Vec<PathBuf> =
            found.iter().map(|file| file.path.strip_prefix(root).unwrap().to_owned()).collect();
        assert_eq!(names, ["a.log", "b/c.log", "z.log"].map(PathBuf::from));
        let errors: Vec<&SkippedPath> = summary.skipped.iter().filter(|s| s.is_error).collect();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].path, missing);
        assert!(errors[0].reason.contains("check the spelling"));
    }

    type SkippedPath = super::super::summary::SkippedFile;
}
