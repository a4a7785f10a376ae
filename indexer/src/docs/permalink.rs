//! Links to the exact lines of a file in a git checkout, as the checkout's host shows them.
//!
//! Commit and remote are read from the checkout's own files; git is not run. A link is made only for hosts that the
//! configuration names, because a checkout's configuration is foreign text.

use std::fs;
use std::path::{Path, PathBuf};

/// The attribute of a chunk that holds its link. Pages cannot set it: it is taken out of their own front matter.
pub(super) const ATTRIBUTE: &str = "groundcrew.permalink";
/// Larger files of a repository are not read.
const BYTES_MAX: u64 = 16 << 20;

/// A git checkout whose files have addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Checkout {
    /// Its true path.
    root: PathBuf,
    /// `https://HOST/PATH/blob/COMMIT`.
    base: String,
}

impl Checkout {
    /// The checkout that `path` lies in, when its remote is at one of `hosts`.
    pub(super) fn find(path: &Path, hosts: &[String]) -> Option<Self> {
        if hosts.is_empty() {
            return None;
        }
        let path = fs::canonicalize(path).ok()?;
        let root = path.ancestors().find(|folder| folder.join(".git").exists())?;
        let dot_git = root.join(".git");
        let git = match read(&dot_git) {
            // A worktree, or a submodule: a file that says where.
            Some(text) => root.join(text.strip_prefix("gitdir:")?.trim()),
            None => dot_git,
        };
        let common = read(&git.join("commondir")).map_or(git.clone(), |text| git.join(text.trim()));
        let (host, repository) = remote(&read(&common.join("config"))?)?;
        let is_allowed = hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host));
        let commit = commit(&git, &common).filter(|_| is_allowed)?;
        Some(Self {
            root: root.to_owned(),
            base: format!("https://{host}/{repository}/blob/{commit}"),
        })
    }

    /// The address of a file; `None` when it lies outside.
    pub(super) fn address_of(&self, path: &Path) -> Option<String> {
        let path = fs::canonicalize(path).ok()?;
        let inside = path.strip_prefix(&self.root).ok()?.to_str()?;
        Some(format!("{}/{}", self.base, escaped(inside)))
    }

    /// Tells one state of one checkout from others.
    pub(super) fn fingerprint(&self) -> &str {
        &self.base
    }
}

/// The address of lines of the file at `address`. Shown as a page, a document has no lines, so its text is asked for.
pub(super) fn address_of_lines(address: &str, first: u32, last: u32) -> String {
    if first == last {
        format!("{address}?plain=1#L{first}")
    } else {
        format!("{address}?plain=1#L{first}-L{last}")
    }
}

fn read(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let is_small = metadata.is_file() && metadata.len() <= BYTES_MAX;
    is_small.then(|| fs::read_to_string(path).ok())?
}

/// Host and path of the remote `origin`.
fn remote(config: &str) -> Option<(String, String)> {
    let section = config
        .split("\n[")
        .find(|part| part.trim_start_matches('[').starts_with("remote \"origin\"]"))?;
    let mut lines = section.lines().filter_map(|line| line.split_once('='));
    let (_, url) = lines.find(|(key, _)| key.trim() == "url")?;
    let url = url.trim();
    let (host, path) = match url.split_once("://") {
        Some(("https" | "http" | "ssh" | "git", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            (host.split_once(':').map_or(host, |(host, _)| host), path)
        }
        Some(_) => return None,
        None => {
            let (authority, path) = url.split_once(':')?;
            (authority.rsplit_once('@').map_or(authority, |(_, host)| host), path)
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
    };
    let is_path = path.split('/').all(|part| is_name(part) && part != "." && part != "..");
    (is_name(host) && is_path).then(|| (host.to_ascii_lowercase(), path.to_owned()))
}

fn commit(git: &Path, common: &Path) -> Option<String> {
    let head = read(&git.join("HEAD"))?;
    let found = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_owned(),
        Some(name) if name.starts_with("refs/") && !name.contains("..") => read(&git.join(name))
            .or_else(|| read(&common.join(name)))
            .map(|text| text.trim().to_owned())
            .or_else(|| packed(common, name))?,
        Some(_) => return None,
    };
    let is_hash = matches!(found.len(), 40 | 64) && found.chars().all(|c| c.is_ascii_hexdigit());
    is_hash.then_some(found)
}

fn packed(common: &Path, name: &str) -> Option<String> {
    let refs = read(&common.join("packed-refs"))?;
    let mut pairs = refs.lines().filter_map(|line| line.split_once(' '));
    pairs.find(|(_, known)| *known == name).map(|(hash, _)| hash.to_owned())
}

/// A path for an address.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn checkout(url: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), ".git/HEAD", "ref: refs/heads/main\n");
        put(root.path(), ".git/packed-refs", &format!("# pack-refs\n{COMMIT} refs/heads/main\n"));
        put(
            root.path(),
            ".git/config",
            &format!(
                "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {url}\n[branch \"main\"]\n"
            ),
        );
        put(root.path(), "run books/a.md", "x");
        root
    }

    fn link(url: &str, hosts: &[&str]) -> Option<String> {
        let root = checkout(url);
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let file = root.path().join("run books/a.md");
        let address = Checkout::find(&root.path().join("run books"), &hosts)?.address_of(&file)?;
        Some(address_of_lines(&address, 3, 7))
    }

    #[test]
    fn links_lead_to_lines_of_a_commit() {
        let expected =
            format!("https://git.shop.test/ops/docs/blob/{COMMIT}/run%20books/a.md?plain=1#L3-L7");
        for url in [
            "https://git.shop.test/ops/docs.git",
            "https://user:secret@Git.shop.test/ops/docs",
            "git@git.shop.test:ops/docs.git",
            "ssh://git@git.shop.test:2222/ops/docs.git",
        ] {
            assert_eq!(link(url, &["git.shop.test"]), Some(expected.clone()), "{url}");
        }
    }

    #[test]
    fn other_hosts_and_strange_remotes_get_none() {
        for url in [
            "https://git.shop.test.evil.test/ops/docs",
            "https://evil.test/git.shop.test/docs",
            "https://git.shop.test@evil.test/a/b",
            "javascript://git.shop.test/a/b",
            "https://git.shop.test/../../x",
            "https://git.shop.test/a b/<c>",
            "/srv/git/docs.git",
            "",
        ] {
            assert_eq!(link(url, &["git.shop.test"]), None, "{url}");
        }
        assert_eq!(link("https://git.shop.test/ops/docs.git", &[]), None);
    }

    #[test]
    fn worktrees_and_detached_heads_are_understood() {
        let main = checkout("https://git.shop.test/ops/docs.git");
        put(main.path(), ".git/worktrees/w/HEAD", &COMMIT.replace('0', "f"));
        put(main.path(), ".git/worktrees/w/commondir", "../..\n");
        let work = tempfile::tempdir().unwrap();
        let git = main.path().join(".git/worktrees/w");
        put(work.path(), ".git", &format!("gitdir: {}\n", git.display()));
        put(work.path(), "a.pdf", "x");
        let found = Checkout::find(work.path(), &["git.shop.test".to_owned()]).unwrap();
        let link = found.address_of(&work.path().join("a.pdf")).unwrap();
        let commit = COMMIT.replace('0', "f");
        assert_eq!(link, format!("https://git.shop.test/ops/docs/blob/{commit}/a.pdf"));
        assert_eq!(found.address_of(&main.path().join("run books/a.md")), None);
    }

    #[test]
    fn a_folder_outside_of_git_has_no_links() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Checkout::find(root.path(), &["github.com".to_owned()]), None);
    }
}
