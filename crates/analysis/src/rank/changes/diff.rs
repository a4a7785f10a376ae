//! What a diff does: lines that are only moved, comments, blank lines and log statements are taken off.

use std::collections::BTreeMap;

use super::words::{identifiers, stems};

/// Bytes of a diff that are read.
const DIFF_BYTES_MAX: usize = 200_000;

/// A diff reduced to what it does.
#[derive(Clone, Debug, Default)]
pub(super) struct Deed {
    /// Stems in lines that went or came, with how much they count: what is gone or new on balance counts fully, what
    /// stands on both sides of a modified line half.
    pub(super) stems: BTreeMap<String, f64>,
    /// Identifiers that are gone or new on balance.
    pub(super) identifiers: BTreeMap<String, i32>,
    /// Lines of code that went or came.
    pub(super) lines: usize,
    /// Lines that went without one like it coming.
    pub(super) removed: usize,
    /// Lines where only a number is different.
    pub(super) numbers: usize,
    /// Lines that look like a pinned version.
    pub(super) versions: usize,
    /// A query or call in a line that came.
    pub(super) queries: bool,
    /// Whether there was a diff to read.
    pub(super) known: bool,
}

/// Reads a unified diff, with or without file headers.
pub(super) fn read(diff: &str) -> Deed {
    let mut deed = Deed { known: !diff.trim().is_empty(), ..Deed::default() };
    let mut end = diff.len().min(DIFF_BYTES_MAX);
    while !diff.is_char_boundary(end) {
        end -= 1;
    }
    let mut minus: Vec<&str> = Vec::new();
    let mut plus: Vec<&str> = Vec::new();
    for line in diff.get(..end).unwrap_or_default().lines() {
        if line.starts_with("---") || line.starts_with("+++") {
            continue;
        }
        match line.as_bytes().first() {
            Some(b'-') => minus.push(line.get(1..).unwrap_or_default().trim()),
            Some(b'+') => plus.push(line.get(1..).unwrap_or_default().trim()),
            _ => {}
        }
    }
    minus.retain(|line| is_code(line));
    plus.retain(|line| is_code(line));
    drop_moved(&mut minus, &mut plus);
    deed.lines = minus.len() + plus.len();
    let mut balance: BTreeMap<String, i32> = BTreeMap::new();
    let mut touched: BTreeMap<String, i32> = BTreeMap::new();
    for (lines, sign) in [(&minus, -1), (&plus, 1)] {
        for line in lines {
            stems(line, |stem| {
                *balance.entry(stem.to_owned()).or_default() += sign;
                *touched.entry(stem.to_owned()).or_default() += 1;
            });
            identifiers(line, |name| *deed.identifiers.entry(name.to_owned()).or_default() += sign);
        }
    }
    deed.identifiers.retain(|_, balance| *balance != 0);
    let modified = modified_stems(&minus, &plus);
    for stem in touched.keys() {
        let on_balance = balance.get(stem).is_some_and(|balance| *balance != 0);
        let weight = if on_balance {
            1.0
        } else if modified.contains(stem) {
            0.6
        } else {
            0.2
        };
        deed.stems.insert(stem.clone(), weight);
    }
    deed.removed = minus.len().saturating_sub(plus.len());
    deed.numbers = minus
        .iter()
        .filter(|line| plus.iter().any(|other| *line != other && differs_in_number(line, other)))
        .count();
    deed.versions = minus.iter().filter(|line| is_version(line)).count();
    deed.queries =
        plus.iter().any(|line| is_query(line)) && !minus.iter().any(|line| is_query(line));
    deed
}

/// Comments, blanks, brackets and log statements do nothing.
fn is_code(line: &str) -> bool {
    const COMMENTS: [&str; 5] = ["//", "#", "/*", "*", "<!--"];
    const LOGS: [&str; 12] = [
        "log.",
        "logger.",
        "logging.",
        "console.",
        "LOG_",
        "LOG(",
        "slog.",
        "print(",
        "println(",
        "printf(",
        "fmt.Print",
        "tracing::",
    ];
    let has_letters = line.bytes().any(|byte| byte.is_ascii_alphanumeric());
    let logs = LOGS.iter().any(|start| line.starts_with(start));
    has_letters && !logs && !COMMENTS.iter().any(|start| line.starts_with(start))
}

/// Lines that stand on both sides went from one place to another.
fn drop_moved<'a>(minus: &mut Vec<&'a str>, plus: &mut Vec<&'a str>) {
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    for line in minus.iter() {
        *counts.entry(line).or_default() += 1;
    }
    plus.retain(|line| match counts.get_mut(line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    minus.retain(|line| match counts.get_mut(line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    });
}

/// Stems of lines that came back changed in a word or a number: what such a line is about is touched.
fn modified_stems(minus: &[&str], plus: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for line in minus {
        let twin = plus.iter().any(|other| {
            shape(line) == shape(other) || shared_start(line, other) * 2 >= line.len()
        });
        if twin {
            stems(line, |stem| found.push(stem.to_owned()));
        }
    }
    found
}

fn shared_start(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// Whether the first difference of two lines is a number.
fn differs_in_number(a: &str, b: &str) -> bool {
    let shared = shared_start(a, b);
    let digit = |line: &str| line.as_bytes().get(shared).is_some_and(u8::is_ascii_digit);
    let in_number = shared > 0 && a.as_bytes().get(shared - 1).is_some_and(u8::is_ascii_digit);
    shared > 3 && ((digit(a) && digit(b)) || (in_number && (digit(a) || digit(b))))
}

/// The line with its digits as one mark.
fn shape(line: &str) -> String {
    let mut shape = String::with_capacity(line.len());
    for letter in line.chars() {
        if !letter.is_ascii_digit() {
            shape.push(letter);
        } else if !shape.ends_with('0') {
            shape.push('0');
        }
    }
    shape
}

fn is_version(line: &str) -> bool {
    line.split([' ', '"', '=', '@', '\t']).any(|word| {
        let number = word.trim_start_matches(['v', '^', '~']);
        number.split('.').count() >= 3
            && number
                .split('.')
                .take(2)
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn is_query(line: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "SELECT ", "select ", "Query", "query(", ".find(", ".get(", "fetch(", "INSERT ", "UPDATE ",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_lines_comments_and_logs_do_nothing() {
        let deed =
            read("-\tlog.Debug(\"a\")\n+\tlog.Info(\"a b\")\n-\tfoo(bar)\n+\tfoo(bar)\n+// why\n");
        assert_eq!(deed.lines, 0);
        assert!(deed.known);
    }

    #[test]
    fn a_rename_is_gone_and_new() {
        let deed = read("-\tMeta string `json:\"meta\"`\n+\tMetadata string `json:\"metadata\"`\n");
        assert_eq!(deed.identifiers.get("meta"), Some(&-2));
        assert_eq!(deed.identifiers.get("metadata"), Some(&2));
    }

    #[test]
    fn versions_and_numbers_are_seen() {
        let deed =
            read("-\tgoogle.golang.org/protobuf v1.31.0\n+\tgoogle.golang.org/protobuf v1.34.2\n");
        assert_eq!((deed.versions, deed.numbers), (1, 1));
        assert_eq!(deed.stems.get("protob"), Some(&0.6));
        assert!(read("+rows := db.QueryRow(\"SELECT * FROM t\")").queries);
    }
}
