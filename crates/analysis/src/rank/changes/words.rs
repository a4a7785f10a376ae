//! Words of code and of sentences, in a form in which the two can be compared.

/// Letters after which a word's ending is cut, so that `register`, `registry` and `registration` meet.
const STEM_BYTES: usize = 6;
/// Shortest word that is compared.
const WORD_BYTES_MIN: usize = 3;

/// Words that every program and every log has.
const COMMON: &[&str] = &[
    "about",
    "above",
    "after",
    "all",
    "and",
    "any",
    "api",
    "app",
    "are",
    "args",
    "async",
    "await",
    "been",
    "bool",
    "break",
    "byte",
    "bytes",
    "call",
    "called",
    "calls",
    "can",
    "case",
    "catch",
    "chore",
    "class",
    "code",
    "com",
    "config",
    "const",
    "context",
    "could",
    "ctx",
    "data",
    "def",
    "default",
    "defer",
    "does",
    "else",
    "env",
    "err",
    "error",
    "errors",
    "exist",
    "export",
    "failed",
    "failing",
    "failure",
    "false",
    "feat",
    "file",
    "fix",
    "float",
    "for",
    "from",
    "func",
    "function",
    "get",
    "github",
    "golang",
    "handler",
    "has",
    "have",
    "helper",
    "http",
    "https",
    "impl",
    "import",
    "info",
    "int",
    "internal",
    "into",
    "its",
    "json",
    "key",
    "len",
    "let",
    "line",
    "list",
    "log",
    "main",
    "make",
    "map",
    "method",
    "mod",
    "module",
    "msg",
    "mut",
    "name",
    "new",
    "nil",
    "none",
    "not",
    "null",
    "obj",
    "one",
    "only",
    "org",
    "out",
    "package",
    "params",
    "per",
    "pkg",
    "post",
    "private",
    "pub",
    "public",
    "put",
    "range",
    "ref",
    "refactor",
    "req",
    "request",
    "requests",
    "res",
    "resp",
    "response",
    "ret",
    "return",
    "returned",
    "returning",
    "self",
    "server",
    "service",
    "services",
    "set",
    "some",
    "src",
    "static",
    "status",
    "str",
    "string",
    "struct",
    "svc",
    "text",
    "than",
    "that",
    "the",
    "then",
    "this",
    "throw",
    "tidy",
    "time",
    "to",
    "total",
    "true",
    "try",
    "type",
    "undefined",
    "unit",
    "update",
    "use",
    "user",
    "using",
    "val",
    "value",
    "values",
    "var",
    "void",
    "was",
    "way",
    "were",
    "what",
    "when",
    "which",
    "while",
    "will",
    "with",
    "you",
];

/// Calls `visit` with each identifier: letters, digits and underscores, in lower case; digits alone are none.
pub(super) fn identifiers(text: &str, mut visit: impl FnMut(&str)) {
    let mut lower = String::new();
    for identifier in text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')) {
        if identifier.len() >= WORD_BYTES_MIN && identifier.chars().any(char::is_alphabetic) {
            lower.clear();
            lower.extend(identifier.chars().flat_map(char::to_lowercase));
            visit(&lower);
        }
    }
}

/// Calls `visit` with the stem of each telling word: identifiers are taken apart where the case changes.
pub(super) fn stems(text: &str, mut visit: impl FnMut(&str)) {
    let mut word = String::new();
    let mut after_lower = false;
    let mut letters = text.chars().chain(std::iter::once(' ')).peekable();
    while let Some(letter) = letters.next() {
        // `CASRetryPolicy` is three words: a capital begins one after a small letter, or before one.
        let before_lower = letters.peek().is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase() && (after_lower || before_lower);
        if begins || !letter.is_alphabetic() {
            stem(&word, &mut visit);
            word.clear();
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_lowercase());
        }
        after_lower = letter.is_lowercase();
    }
}

fn stem(word: &str, visit: &mut impl FnMut(&str)) {
    if word.len() < WORD_BYTES_MIN || COMMON.binary_search(&word).is_ok() {
        return;
    }
    let plural_off = word
        .strip_suffix('s')
        .filter(|stem| stem.len() >= WORD_BYTES_MIN && !stem.ends_with('s'))
        .unwrap_or(word);
    let mut end = plural_off.len().min(STEM_BYTES);
    while !plural_off.is_char_boundary(end) {
        end -= 1;
    }
    visit(plural_off.get(..end).unwrap_or(plural_off));
}

/// Calls `visit` with what stands between quotes or brackets in a sentence: the names that an error is about.
pub(super) fn quoted(text: &str, mut visit: impl FnMut(&str)) {
    const PAIRS: [(char, char); 5] = [('\'', '\''), ('"', '"'), ('`', '`'), ('[', ']'), ('<', '>')];
    for (open, close) in PAIRS {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(open) {
            let Some((inside, beyond)) = after.split_once(close) else { break };
            let is_name = (2..=64).contains(&inside.len())
                && inside
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'))
                && inside.chars().any(char::is_alphabetic);
            if is_name {
                visit(&inside.to_lowercase());
                rest = beyond;
            } else {
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        stems(text, |stem| found.push(stem.to_owned()));
        found
    }

    #[test]
    fn common_words_are_sorted() {
        assert!(COMMON.is_sorted());
    }

    #[test]
    fn code_and_sentences_meet() {
        assert_eq!(
            all("registerPredefinedAgents(registry)"),
            ["regist", "predef", "agent", "regist"]
        );
        assert_eq!(all("predefined agent lookup"), ["predef", "agent", "lookup"]);
        assert_eq!(all("CASRetryPolicy"), ["cas", "retry", "policy"]);
        let mut names = Vec::new();
        quoted("missing required field 'meta' in [title]", |name| names.push(name.to_owned()));
        assert_eq!(names, ["meta", "title"]);
    }
}
