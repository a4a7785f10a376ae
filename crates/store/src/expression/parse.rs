//! Reads an expression: a hand-written descent of bounded depth over bounded text.

use groundcrew_telemetry::{Severity, TemplateId, TraceId};
use regex::{Regex, RegexBuilder};

use super::field::{Bound, FieldTest};
use super::leaf::{Leaf, Whole};
use super::{EXPRESSION_BYTES_MAX, Expression, Node};

/// How deep brackets and negations may stand in each other.
const DEPTH_MAX: usize = 64;
/// Things asked for.
const LEAVES_MAX: usize = 128;
/// Size of a compiled regular expression, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why an expression cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message} (at character {at})\nhint: {hint}")]
pub struct ExpressionError {
    /// Where, in characters from 1.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: &'static str,
}

pub(super) fn parse(text: &str) -> Result<Expression, ExpressionError> {
    let mut reader = Reader { text, at: 0, leaves: Vec::new() };
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(reader.wrong(
            format!("the search is {} bytes long", text.len()),
            "a search has at most 4096 bytes",
        ));
    }
    let root = reader.any(0)?;
    reader.skip_spaces();
    if reader.peek().is_some() {
        return Err(reader.wrong("a `)` without its `(`", "remove it, or put it in quotes"));
    }
    Ok(Expression { root, leaves: reader.leaves, text: text.trim().to_owned() })
}

struct Reader<'t> {
    text: &'t str,
    /// Bytes read.
    at: usize,
    leaves: Vec<Leaf>,
}

impl<'t> Reader<'t> {
    fn wrong(&self, message: impl Into<String>, hint: &'static str) -> ExpressionError {
        let before = self.text.get(..self.at).unwrap_or_default();
        ExpressionError { at: before.chars().count() + 1, message: message.into(), hint }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes a word of the grammar, which stands by itself and in capitals.
    fn keyword(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let stands = after.is_some_and(|after| after.starts_with([' ', '\t', '\n', '(', ')']));
        if stands {
            self.at += word.len();
        }
        stands
    }

    /// `a OR b`
    fn any(&mut self, depth: usize) -> Result<Node, ExpressionError> {
        if depth > DEPTH_MAX {
            return Err(self.wrong("too many brackets in each other", "at most 64 levels are read"));
        }
        let mut nodes = vec![self.all(depth)?];
        loop {
            self.skip_spaces();
            if !self.keyword("OR") {
                break;
            }
            nodes.push(self.all(depth)?);
        }
        if nodes.len() > 1 && nodes.iter().any(|node| *node == Node::default()) {
            return Err(
                self.wrong("OR has nothing on one side", "write `a OR b`, or \"OR\" in quotes")
            );
        }
        Ok(match nodes.len() {
            1 => nodes.pop().unwrap_or_default(),
            _ => Node::Any(nodes),
        })
    }

    /// `a b`, `a AND b`
    fn all(&mut self, depth: usize) -> Result<Node, ExpressionError> {
        let mut nodes = Vec::new();
        loop {
            self.skip_spaces();
            if self.keyword("AND") {
                continue;
            }
            let is_end = matches!(self.peek(), None | Some(')'));
            if is_end || self.at_or() {
                break;
            }
            nodes.push(self.one(depth)?);
        }
        Ok(match nodes.len() {
            1 => nodes.pop().unwrap_or_default(),
            _ => Node::All(nodes),
        })
    }

    fn at_or(&self) -> bool {
        let mut ahead = Reader { text: self.text, at: self.at, leaves: Vec::new() };
        ahead.keyword("OR")
    }

    /// One thing, perhaps negated, perhaps in brackets.
    fn one(&mut self, depth: usize) -> Result<Node, ExpressionError> {
        let rest = self.rest();
        let is_minus = rest.starts_with('-')
            && rest.chars().nth(1).is_some_and(|next| !next.is_whitespace() && next != '-');
        if is_minus || self.keyword("NOT") {
            self.at += usize::from(is_minus);
            self.skip_spaces();
            if self.peek().is_none() || depth >= DEPTH_MAX {
                return Err(self.wrong("nothing is excluded", "write `-word` or `NOT word`"));
            }
            return Ok(Node::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take('(') {
            let node = self.any(depth + 1)?;
            self.skip_spaces();
            if !self.take(')') {
                return Err(self.wrong("a `(` without its `)`", "close it, or put it in quotes"));
            }
            return Ok(node);
        }
        self.leaf()
    }

    fn leaf(&mut self) -> Result<Node, ExpressionError> {
        let leaves = match self.peek() {
            Some('"') => Leaf::phrase(&self.quoted()?).into_iter().collect(),
            Some('/') if self.is_pattern() => vec![Leaf::Pattern(self.pattern()?)],
            _ => return self.word(),
        };
        self.push(leaves, Node::All)
    }

    /// `"..."`, where `\"` is a quotation mark and `\\` a backslash.
    fn quoted(&mut self) -> Result<String, ExpressionError> {
        let start = self.at;
        self.take('"');
        let mut text = String::new();
        loop {
            let Some(next) = self.peek() else {
                self.at = start;
                return Err(self.wrong("a quotation without its end", "close it with `\"`"));
            };
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(text),
                '\\' if matches!(self.peek(), Some('"' | '\\')) => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                other => text.push(other),
            }
        }
    }

    /// Whether a slash begins a regular expression and not a path: another one ends it, before a space or the end.
    fn is_pattern(&self) -> bool {
        let inside = self.rest().get(1..).unwrap_or_default();
        pattern_end(inside).is_some_and(|end| end > 0)
    }

    /// `/.../`, where `\/` is a slash.
    fn pattern(&mut self) -> Result<Regex, ExpressionError> {
        let inside = self.rest().get(1..).unwrap_or_default();
        let end = pattern_end(inside).unwrap_or(inside.len());
        let written = inside.get(..end).unwrap_or_default().replace("\\/", "/");
        let pattern = RegexBuilder::new(&written)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .nest_limit(64)
            .build()
            .map_err(|error| {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim().to_owned();
                self.wrong(
                    format!("the regular expression cannot be read: {last}"),
                    "check it, or put the text in quotes",
                )
            })?;
        self.at += end + 2;
        Ok(pattern)
    }

    /// A run up to a space or bracket: a word, a beginning, a piece, or a field with its value.
    fn word(&mut self) -> Result<Node, ExpressionError> {
        let run = run_of(self.rest());
        if let Some(name) = self.field_name() {
            return self.field(name);
        }
        self.at += run.len();
        if run.is_empty() {
            return Err(self.wrong("this cannot be read", "put it in quotes"));
        }
        let leaves = match starred(run) {
            None => Leaf::words(run),
            Some(Starred::Begins(text)) => vec![Leaf::Prefix(text.to_lowercase())],
            Some(Starred::Has(text)) => vec![Leaf::Piece(text.to_owned())],
            Some(Starred::Anything) => Vec::new(),
        };
        self.push(leaves, Node::All)
    }

    /// The name of a field whose value follows at once; `refused: no route` and `http://shop` have none.
    fn field_name(&self) -> Option<&'t str> {
        let (name, _) =
            run_of(self.rest()).split_once(':').filter(|(name, _)| is_field_name(name))?;
        let value = self.rest().get(name.len() + 1..)?;
        let begins =
            value.starts_with(|c: char| !c.is_whitespace() && !matches!(c, '(' | ')' | ':'));
        (begins && !value.starts_with("//")).then_some(name)
    }

    /// A field with its value. What it says may stand in a text like this, too: `shop:8080` is no field to most.
    fn field(&mut self, name: &str) -> Result<Node, ExpressionError> {
        let start = self.at;
        self.at += name.len() + 1;
        let is_quoted = self.peek() == Some('"');
        let test = match self.peek() {
            Some('"') => FieldTest::Is(self.quoted()?),
            Some('/') if self.is_pattern() => FieldTest::Matches(self.pattern()?),
            _ => {
                let run = run_of(self.rest());
                let test = field_test(run);
                self.at += run.len();
                test
            }
        };
        match whole(name, &test) {
            Some(Ok(whole)) => return self.push(vec![Leaf::Whole(whole)], Node::All),
            Some(Err(hint)) if !is_quoted => {
                self.at = start;
                return Err(self.wrong(format!("`{name}:` is not followed by one"), hint));
            }
            _ => {}
        }
        let as_text = match &test {
            FieldTest::Is(value) if !is_quoted => Leaf::phrase(&format!("{name}:{value}")),
            _ => None,
        };
        let field = Leaf::Field { name: name.to_owned(), test };
        self.push([field].into_iter().chain(as_text).collect(), Node::Any)
    }

    /// Puts leaves together.
    fn push(
        &mut self,
        leaves: Vec<Leaf>,
        together: fn(Vec<Node>) -> Node,
    ) -> Result<Node, ExpressionError> {
        let first = self.leaves.len();
        self.leaves.extend(leaves);
        if self.leaves.len() > LEAVES_MAX {
            return Err(self.wrong("too many things are asked for", "at most 128 are"));
        }
        let mut nodes: Vec<Node> = (first..self.leaves.len()).map(Node::Leaf).collect();
        Ok(match nodes.len() {
            0 => Node::default(),
            1 => nodes.pop().unwrap_or_default(),
            _ => together(nodes),
        })
    }
}

/// Where the text ends that another slash ends.
fn pattern_end(inside: &str) -> Option<usize> {
    let mut is_escaped = false;
    inside.char_indices().find_map(|(at, character)| {
        let ends = character == '/' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        let after = inside.get(at + 1..).and_then(|after| after.chars().next());
        (ends && after.is_none_or(|after| after.is_whitespace() || after == ')')).then_some(at)
    })
}

/// The text up to a space or bracket.
fn run_of(rest: &str) -> &str {
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

fn is_field_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@'))
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '/'))
}

enum Starred<'r> {
    Begins(&'r str),
    Has(&'r str),
    Anything,
}

/// A word with stars at its ends.
fn starred(run: &str) -> Option<Starred<'_>> {
    let inner = run.trim_matches('*');
    match (run.starts_with('*'), run.ends_with('*')) {
        _ if inner.is_empty() => (!run.is_empty()).then_some(Starred::Anything),
        (false, true) if inner.chars().all(char::is_alphanumeric) => Some(Starred::Begins(inner)),
        (false, false) => None,
        _ => Some(Starred::Has(inner)),
    }
    .filter(|_| run.contains('*'))
}

fn field_test(run: &str) -> FieldTest {
    let bound = |text: &str, inclusive| text.parse().ok().map(|at: f64| Bound { at, inclusive });
    let compared =
        [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)];
    for (sign, is_lower, inclusive) in compared {
        if let Some(bound) = run.strip_prefix(sign).and_then(|number| bound(number, inclusive)) {
            return match is_lower {
                true => FieldTest::Between(bound, Bound::HIGHEST),
                false => FieldTest::Between(Bound::LOWEST, bound),
            };
        }
    }
    if let Some((from, to)) = run.split_once("..")
        && let (Some(from), Some(to)) = (bound(from, true), bound(to, true))
    {
        return FieldTest::Between(from, to);
    }
    match starred(run) {
        None => FieldTest::Is(run.to_owned()),
        Some(Starred::Anything) => FieldTest::Exists,
        Some(Starred::Has(text)) if run.starts_with('*') => FieldTest::Has(text.to_owned()),
        Some(Starred::Has(text) | Starred::Begins(text)) => FieldTest::Begins(text.to_owned()),
    }
}

/// What every record has, by name; `Err` when the value is none of it.
fn whole(name: &str, test: &FieldTest) -> Option<Result<Whole, &'static str>> {
    let of = |text: &str| match name {
        "service" => Some(Ok(Whole::Service(text.to_owned(), false))),
        "level" | "severity" => {
            let (text, at_least) = match (text.strip_prefix(">="), text.strip_suffix('+')) {
                (Some(text), _) | (None, Some(text)) => (text, true),
                (None, None) => (text, false),
            };
            let severity = Severity::from_text(text);
            Some(severity.ok_or("write trace, debug, info, warn, error or fatal; `level:warn+` for at least").map(
                |severity| match at_least {
                    true => Whole::SeverityAtLeast(severity),
                    false => Whole::SeverityIs(severity),
                },
            ))
        }
        "trace" => Some(
            TraceId::from_hex(text).map(Whole::Trace).ok_or("a trace has 32 digits from 0 to f"),
        ),
        "template" => Some(
            TemplateId::from_text(text)
                .map(Whole::Template)
                .ok_or("copy the template's id from a list of patterns"),
        ),
        _ => None,
    };
    match test {
        FieldTest::Is(text) => of(text),
        FieldTest::Begins(text) if name == "service" => {
            Some(Ok(Whole::Service(text.clone(), true)))
        }
        _ => None,
    }
}
