//! Which files are to be followed: the paths and patterns of a person, looked at anew every while.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

/// Files that are followed at a time; each costs an open handle.
pub(super) const FILES_MAX: usize = 500;
/// How patterns are read: hidden files must be named, and `*` ends at a slash.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// The files of `patterns` that are there now, in order, and whether there are more than are followed. A folder means
/// the files in it and below.
pub(super) fn wanted(patterns: &[String]) -> (Vec<PathBuf>, bool) {
    let mut files = Vec::new();
    for pattern in patterns {
        let path = Path::new(pattern);
        if path.is_file() {
            files.push(path.to_owned());
            continue;
        }
        let inside = format!("{}/**/*", glob::Pattern::escape(pattern.trim_end_matches('/')));
        let pattern = if path.is_dir() { &inside } else { pattern };
        // What cannot be read now may be there later.
        let Ok(found) = glob_with(pattern, MATCHING) else { continue };
        let plain = found.flatten().filter(|path| path.is_file() && !is_compressed(path));
        files.extend(plain.take(FILES_MAX + 1));
    }
    files.sort();
    files.dedup();
    let more = files.len() > FILES_MAX;
    files.truncate(FILES_MAX);
    (files, more)
}

/// Whether one of `patterns` means `path`, which need not be there.
pub(super) fn is_wanted(patterns: &[String], path: &Path) -> bool {
    patterns.iter().any(|pattern| {
        path.starts_with(pattern)
            || glob::Pattern::new(pattern).is_ok_and(|p| p.matches_path_with(path, MATCHING))
    })
}

/// What is wrong with a pattern, if it is none.
#[must_use]
pub fn mistake(pattern: &str) -> Option<String> {
    glob::Pattern::new(pattern).err().map(|error| format!("`{pattern}`: {error}"))
}

fn is_compressed(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    matches!(ending, "gz" | "zst" | "bz2" | "xz" | "lz4" | "zip")
}
