//! A template as words, marks and variables, with the values that its text alone gives away already opened.

use super::hash::{hash64, mix};

const WILDCARD: &str = "<*>";

/// A part of a template, by its hash: groups compare parts and never print them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) hash: u64,
}

/// What a part is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Variable,
    /// Punctuation.
    Mark(char),
    /// Constant text.
    Word,
    /// Constant text with a dot in it: a name of a host, file or class.
    Dotted,
    /// A word that says how something is or went.
    State,
    Preposition,
    /// A kind of thing that has names.
    Named,
}

impl Token {
    const VARIABLE: Self = Self { kind: Kind::Variable, hash: 1 };

    fn mark(mark: char) -> Self {
        Self { kind: Kind::Mark(mark), hash: u64::from(u32::from(mark)) }
    }

    fn word(word: &str) -> Self {
        Self { kind: kind_of_word(word), hash: hash64(word.as_bytes()) }
    }

    /// Whether it is constant text of any kind.
    pub(super) fn is_word(self) -> bool {
        !matches!(self.kind, Kind::Variable | Kind::Mark(_))
    }
}

/// A template without its spaces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Skeleton {
    pub(super) tokens: Vec<Token>,
}

impl Skeleton {
    pub(super) fn of(template: &str) -> Self {
        let mut skeleton = Self { tokens: Vec::new() };
        for part in template.split(' ') {
            skeleton.part(part);
            // `key=` and nothing after it: the value is empty.
            if matches!(skeleton.tokens.last(), Some(token) if token.kind == Kind::Mark('=')) {
                skeleton.tokens.push(Token::VARIABLE);
            }
        }
        skeleton.fold();
        skeleton
    }

    pub(super) fn hash(&self) -> u64 {
        self.tokens.iter().fold(self.tokens.len() as u64, |state, token| mix(state, token.hash))
    }

    /// Makes the tokens at which `open` holds variable.
    pub(super) fn open(&mut self, open: &[bool]) {
        for (token, _) in self.tokens.iter_mut().zip(open).filter(|(_, open)| **open) {
            *token = Token::VARIABLE;
        }
        self.fold();
    }

    /// Adds what stands between two spaces.
    fn part(&mut self, part: &str) {
        let mut rest = part;
        while let Some(first) = rest.chars().next() {
            let end = word_end(rest);
            if end == 0 {
                self.mark(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            let (word, after) = rest.split_at(end);
            // A request's path goes on with its query.
            let query = if is_path(word) && word.contains('?') { query_end(after) } else { 0 };
            rest = after.get(query..).unwrap_or_default();
            if is_value(word) {
                self.variable();
            } else if !self.is_unit(word) {
                self.tokens.push(Token::word(word));
            }
        }
    }

    fn variable(&mut self) {
        // `host.name:<*>` is an address.
        if let [.., host, colon] = self.tokens.as_slice()
            && host.kind == Kind::Dotted
            && colon.kind == Kind::Mark(':')
        {
            self.tokens.truncate(self.tokens.len() - 2);
        }
        self.tokens.push(Token::VARIABLE);
    }

    fn mark(&mut self, mark: char) {
        // Brackets with nothing in them hold an empty value, unless they are a call's.
        if let [before @ .., open] = self.tokens.as_slice()
            && (open.kind, mark) == (Kind::Mark('('), ')')
            && !before.last().is_some_and(|token| token.is_word())
        {
            self.tokens.push(Token::VARIABLE);
        }
        self.tokens.push(Token::mark(mark));
    }

    /// Whether `word` is a unit after a number: one statement prints 900 B and 1.2 KB, 80 ms and 2 s.
    fn is_unit(&self, word: &str) -> bool {
        const UNITS: [&str; 21] = [
            "B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "bytes", "ns", "us",
            "ms", "s", "sec", "secs", "seconds", "min", "minutes", "h",
        ];
        self.tokens.last() == Some(&Token::VARIABLE) && UNITS.contains(&word)
    }

    /// Variables in a row, with nothing or a separator between them, are one: how long a list is makes no template.
    fn fold(&mut self) {
        let mut folded: Vec<Token> = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            let kept = match folded.as_slice() {
                _ if *token != Token::VARIABLE => None,
                [head @ .., Token::VARIABLE] => Some(head.len() + 1),
                [head @ .., Token::VARIABLE, Token { kind: Kind::Mark(':' | ',' | ';'), .. }] => {
                    Some(head.len() + 1)
                }
                _ => None,
            };
            match kept {
                Some(length) => folded.truncate(length),
                None => folded.push(*token),
            }
        }
        self.tokens = folded;
    }
}

/// Where the word ends that `text` begins with; wildcards belong to the word they touch.
fn word_end(text: &str) -> usize {
    let mut end = 0;
    loop {
        let tail = text.get(end..).unwrap_or_default();
        let step = if tail.starts_with(WILDCARD) {
            WILDCARD.len()
        } else {
            tail.find(is_mark).unwrap_or(tail.len())
        };
        if step == 0 {
            return end;
        }
        end += step;
    }
}

fn query_end(text: &str) -> usize {
    text.find(['"', '\'', ')', ']']).unwrap_or(text.len())
}

fn is_mark(character: char) -> bool {
    matches!(
        character,
        ',' | ';' | ':' | '=' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\'' | '|' | '<' | '>'
    )
}

/// Words that are values whatever stands around them: wildcards, paths, and stars for what is missing.
fn is_value(word: &str) -> bool {
    let masked = word.starts_with(WILDCARD) || word.contains(WILDCARD) && word.contains('/');
    let stars = word.len() > 1 && word.bytes().all(|byte| byte == b'*');
    masked || stars || is_path(word)
}

fn is_path(word: &str) -> bool {
    let slashes = word.bytes().filter(|byte| matches!(byte, b'/' | b'\\')).count();
    word.len() > 1 && (word.starts_with(['/', '\\']) || slashes >= 2)
}

fn kind_of_word(word: &str) -> Kind {
    const PREPOSITIONS: [&str; 10] =
        ["for", "to", "of", "from", "by", "in", "on", "at", "with", "as"];
    const NAMED: [&str; 24] = [
        "user",
        "host",
        "node",
        "service",
        "pod",
        "container",
        "class",
        "file",
        "thread",
        "queue",
        "topic",
        "table",
        "database",
        "namespace",
        "job",
        "task",
        "group",
        "device",
        "interface",
        "bucket",
        "cluster",
        "server",
        "client",
        "module",
    ];
    if PREPOSITIONS.contains(&word) {
        Kind::Preposition
    } else if NAMED.contains(&word) {
        Kind::Named
    } else if is_state(word) {
        Kind::State
    } else if word.contains('.') {
        Kind::Dotted
    } else {
        Kind::Word
    }
}

/// `started`, `failing`, `down`: words that tell a good line from a bad one.
fn is_state(word: &str) -> bool {
    const STATES: [&str; 16] = [
        "up", "down", "on", "off", "ok", "true", "false", "yes", "no", "success", "failure",
        "error", "fail", "healthy", "ready", "unknown",
    ];
    let word = word.to_ascii_lowercase();
    let inflected = word.len() > 4 && (word.ends_with("ed") || word.ends_with("ing"));
    inflected || STATES.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_the_text_gives_away_are_opened() {
        let same = |left: &str, right: &str| {
            assert_eq!(Skeleton::of(left), Skeleton::of(right), "{left} | {right}");
        };
        let other = |left: &str, right: &str| {
            assert_ne!(Skeleton::of(left), Skeleton::of(right), "{left} | {right}");
        };
        same("cannot open /etc/app/a.conf now", "cannot open <*> now");
        same("\"GET /a/b?x=y&z=<*> HTTP/<*>\" took <*>", "\"GET /c/<*> HTTP/<*>\" took <*>");
        same("dial db.prod.local:<*> failed", "dial <*> failed");
        same("login uid=<*> host= port=<*>", "login uid=<*> host=<*> port=<*>");
        same("call from <*> () ended", "call from <*> (<*>) ended");
        same("freed <*> KB of heap", "freed <*> of heap");
        same("rates ( <*> **** <*> )", "rates ( <*> )");
        other("main.init() done", "main.init(<*>) done");
        other("charge failed", "charge done");
        other("read and/or write", "read <*> write");
        other("stage read.<*>", "stage write.<*>");
    }
}
