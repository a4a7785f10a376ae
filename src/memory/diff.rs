//! A unified diff that adds lines to a text, as `git apply` and `patch` read it.

/// Lines of context on either side.
const CONTEXT: usize = 3;

/// The diff that puts `added` before line `at` (counted from 0) of `old`. `path` is relative, as in a checkout.
#[must_use]
pub(super) fn insertion(path: &str, old: &str, at: usize, added: &[String]) -> String {
    let lines: Vec<&str> = old.lines().collect();
    let at = at.min(lines.len());
    let before = at.saturating_sub(CONTEXT);
    let after = (at + CONTEXT).min(lines.len());
    let (head, tail) = (slice(&lines, before, at), slice(&lines, at, after));
    // A last line without its line break is another line once something follows it.
    let torn = !old.is_empty() && !old.ends_with('\n');
    let ends_torn = torn && after == lines.len();
    let replaces_last = ends_torn && at == lines.len();
    let mut body = String::new();
    for (position, line) in head.iter().enumerate() {
        if replaces_last && position + 1 == head.len() {
            body.push_str(&format!("-{line}\n\\ No newline at end of file\n+{line}\n"));
        } else {
            body.push_str(&format!(" {line}\n"));
        }
    }
    added.iter().for_each(|line| body.push_str(&format!("+{line}\n")));
    for line in tail {
        body.push_str(&format!(" {line}\n"));
    }
    if ends_torn && !tail.is_empty() {
        body.push_str("\\ No newline at end of file\n");
    }
    let old_count = head.len() + tail.len();
    let old_start = if old_count == 0 { 0 } else { before + 1 };
    let new_count = old_count + added.len();
    format!(
        "--- a/{path}\n+++ b/{path}\n@@ -{old_start},{old_count} +{},{new_count} @@\n{body}",
        before + 1
    )
}

/// The diff that makes a new file.
#[must_use]
pub(super) fn new_file(path: &str, lines: &[String]) -> String {
    let mut diff = format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n", lines.len());
    lines.iter().for_each(|line| diff.push_str(&format!("+{line}\n")));
    diff
}

fn slice<'a, 'l>(lines: &'a [&'l str], from: usize, to: usize) -> &'a [&'l str] {
    lines.get(from..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Applies a diff with git, the real reader of diffs; returns the file after it.
    fn applied(old: Option<&str>, diff: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let output = Command::new("git")
                .current_dir(dir.path())
                .args(["-c", "core.autocrlf=false"])
                .args(arguments)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}\n{diff}", String::from_utf8_lossy(&output.stderr));
        };
        git(&["init", "-q"]);
        if let Some(old) = old {
            std::fs::write(dir.path().join("page.md"), old).unwrap();
        }
        std::fs::write(dir.path().join("change.diff"), diff).unwrap();
        git(&["apply", "change.diff"]);
        std::fs::read_to_string(dir.path().join("page.md")).unwrap()
    }

    #[test]
    fn git_applies_an_insertion_anywhere() {
        let added = ["new one".to_owned(), "new two".to_owned()];
        for old in ["", "a\n", "a", "a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\ne\nf\ng\nh"] {
            let lines: Vec<&str> = old.lines().collect();
            for at in 0..=lines.len() {
                let diff = insertion("page.md", old, at, &added);
                let mut expected: Vec<&str> = lines.clone();
                expected.splice(at..at, ["new one", "new two"]);
                let mut expected = expected.join("\n");
                if old.is_empty() || old.ends_with('\n') || at == lines.len() {
                    expected.push('\n');
                }
                assert_eq!(applied(Some(old), &diff), expected, "{old:?} at {at}");
            }
        }
    }

    #[test]
    fn git_applies_a_new_file() {
        let diff = new_file("page.md", &["# one".to_owned(), String::new(), "two".to_owned()]);
        assert_eq!(applied(None, &diff), "# one\n\ntwo\n");
    }
}
