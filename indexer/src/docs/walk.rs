//! Finds the documents below a directory.
//!
//! Hidden files and folders are passed over, as are files that are no documents. What looks like a document but cannot be
//! taken is reported with the reason. A link is followed only while it stays inside the directory: a folder of runbooks
//! is often a checkout of somebody else's repository, and must not be able to pull in other files of this machine.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::formats::Format;

/// Larger texts are no documents.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Files of one directory that are read at most.
const FILES_MAX: usize = 100_000;
/// How deep folders may nest.
const DEPTH_MAX: usize = 64;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The files to read, sorted by id.
    pub(crate) files: Vec<FoundFile>,
    /// What was passed over although it looked like a document, and why.
    pub(crate) skipped: Vec<(PathBuf, String)>,
    /// YAML files, which may hold rules that alert.
    pub(crate) yaml: Vec<PathBuf>,
}

/// A file to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FoundFile {
    /// The path below the directory, with `/` between names.
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

impl FoundFile {
    /// Larger files of its format are not read.
    pub(crate) const fn bytes_max(&self) -> u64 {
        bytes_max(self.format)
    }
}

const fn bytes_max(format: Format) -> u64 {
    match format {
        Format::Pdf => super::pdf::FILE_BYTES_MAX,
        Format::Json => super::exports::FILE_BYTES_MAX,
        _ => FILE_BYTES_MAX,
    }
}

/// Finds the documents below `root`, or `root` itself when it is a file.
pub(crate) fn find(root: &Path) -> io::Result<Found> {
    let mut walk =
        Walk { root: fs::canonicalize(root)?, seen: BTreeSet::new(), found: Found::default() };
    if fs::metadata(root)?.is_file() {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Who asks for one file wants it read, whatever its name.
        let format = Format::of_path(root).unwrap_or(Format::Markdown);
        walk.take_file(root, name, format);
        return Ok(walk.found);
    }
    // An unreadable directory is an error where it was asked for, and a skipped one further down.
    fs::read_dir(root)?;
    walk.seen.insert(walk.root.clone());
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, id, depth)) = folders.pop() {
        if let Err(error) = walk.folder(&folder, &id, depth, &mut folders) {
            walk.skip(&folder, format!("cannot be read: {error}"));
        }
    }
    walk.found.files.sort_by(|one, other| one.id.cmp(&other.id));
    walk.found.skipped.sort();
    walk.found.yaml.sort();
    Ok(walk.found)
}

struct Walk {
    root: PathBuf,
    /// Folders and linked files, by their true paths: links may go in a circle.
    seen: BTreeSet<PathBuf>,
    found: Found,
}

type Folder = (PathBuf, String, usize);

impl Walk {
    fn folder(
        &mut self,
        folder: &Path,
        id: &str,
        depth: usize,
        folders: &mut Vec<Folder>,
    ) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "node_modules" {
                continue;
            }
            let path = entry.path();
            let id = if id.is_empty() { name } else { format!("{id}/{name}") };
            if entry.file_type()?.is_symlink() && !self.follow(&path) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() && depth < DEPTH_MAX => {
                    if self.is_new_folder(&path) {
                        folders.push((path, id, depth + 1));
                    }
                }
                Ok(metadata) if metadata.is_dir() => {
                    self.skip(&path, format!("is nested more than {DEPTH_MAX} folders deep"));
                }
                Ok(_) => {
                    if let Some(format) = Format::of_path(&path) {
                        self.take_file(&path, id, format);
                    } else if is_yaml(&path) {
                        self.found.yaml.push(path);
                    }
                }
                Err(error) => self.skip(&path, format!("cannot be read: {error}")),
            }
        }
        Ok(())
    }

    /// Whether a link stays inside the directory and leads somewhere.
    fn follow(&mut self, link: &Path) -> bool {
        match fs::canonicalize(link) {
            Ok(target) if target.starts_with(&self.root) => true,
            Ok(_) => {
                self.skip(link, "is a link that leaves the directory".to_owned());
                false
            }
            Err(error) => {
                self.skip(link, format!("is a link that leads nowhere: {error}"));
                false
            }
        }
    }

    fn is_new_folder(&mut self, folder: &Path) -> bool {
        fs::canonicalize(folder).is_ok_and(|target| self.seen.insert(target))
    }

    fn take_file(&mut self, path: &Path, id: String, format: Format) {
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                self.skip(path, "is not a regular file".to_owned())
            }
            Ok(metadata) if metadata.len() > bytes_max(format) => {
                self.skip(path, format!("is larger than {} MiB", bytes_max(format) >> 20));
            }
            Ok(_) if self.found.files.len() >= FILES_MAX => {
                self.skip(path, format!("comes after {FILES_MAX} other files"));
            }
            Ok(_) => self.found.files.push(FoundFile { id, path: path.to_owned(), format }),
            Err(error) => self.skip(path, format!("cannot be read: {error}")),
        }
    }

    fn skip(&mut self, path: &Path, reason: String) {
        self.found.skipped.push((path.to_owned(), reason));
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn ids(found: &Found) -> Vec<&str> {
        found.files.iter().map(|file| file.id.as_str()).collect()
    }

    #[test]
    fn documents_are_found_in_order_and_the_rest_passed_over() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "b.md",
            "a/c.MD",
            "a/image.png",
            ".git/x.md",
            "a/.hidden.md",
            "z.rst",
            "node_modules/x.md",
        ] {
            put(root.path(), path, "x");
        }
        let found = find(root.path()).unwrap();
        assert_eq!(ids(&found), ["a/c.MD", "b.md", "z.rst"]);
        assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    }

    #[test]
    fn a_single_file_is_taken_whatever_its_name() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "notes.log", "x");
        let found = find(&root.path().join("notes.log")).unwrap();
        assert_eq!(ids(&found), ["notes.log"]);
        assert!(find(&root.path().join("missing")).is_err());
    }

    #[test]
    fn links_are_followed_inside_and_refused_outside() {
        let outside = tempfile::tempdir().unwrap();
        put(outside.path(), "secret.md", "x");
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "real/a.md", "x");
        symlink(outside.path(), root.path().join("away")).unwrap();
        symlink(outside.path().join("secret.md"), root.path().join("secret.md")).unwrap();
        symlink(root.path().join("real/a.md"), root.path().join("alias.md")).unwrap();
        symlink(root.path(), root.path().join("real/circle")).unwrap();
        symlink("nowhere", root.path().join("broken.md")).unwrap();
        let found = find(root.path()).unwrap();
        assert_eq!(ids(&found), ["alias.md", "real/a.md"]);
        let skipped: Vec<_> = found
            .skipped
            .iter()
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(skipped, ["away", "broken.md", "secret.md"]);
    }

    #[test]
    fn what_is_too_large_is_reported() {
        let root = tempfile::tempdir().unwrap();
        let file = fs::File::create(root.path().join("huge.md")).unwrap();
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        let found = find(root.path()).unwrap();
        assert!(found.files.is_empty());
        assert_eq!(found.skipped[0].1, "is larger than 8 MiB");
    }
}
