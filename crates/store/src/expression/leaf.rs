//! One thing that is asked for, and whether a text has it.

use groundcrew_telemetry::Severity;
use regex::Regex;

use super::field::FieldTest;
use crate::tokens::{Tokenizer, contains_ignore_case, query_tokens, token_parts};

/// One thing that is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Leaf {
    /// A token, in lower case.
    Token(String),
    /// A word that begins so, in lower case.
    Prefix(String),
    /// A piece of text, in any case (of ASCII letters).
    Piece(String),
    /// Words in this order, written like this, in any case: each a token, and all of it a piece between borders of words.
    Phrase {
        /// As written.
        text: String,
        /// Its words.
        tokens: Vec<String>,
    },
    /// A regular expression.
    Pattern(Regex),
    /// Something about the attribute of this name.
    Field {
        /// Its name.
        name: String,
        /// What is asked of its value.
        test: FieldTest,
    },
    /// Something that every record has.
    Whole(Whole),
}

/// Something that every record has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Whole {
    /// It comes from this service; with `true` from one whose name begins so.
    Service(String, bool),
    /// It is at least that severe.
    SeverityAtLeast(Severity),
    /// It is of this level.
    SeverityIs(Severity),
    /// Its trace, as 32 digits.
    Trace(groundcrew_telemetry::TraceId),
    /// Its template.
    Template(groundcrew_telemetry::TemplateId),
}

impl Leaf {
    /// A word as it is: its tokens, or, where it has none, the text itself.
    pub(crate) fn words(word: &str) -> Vec<Self> {
        let tokens = query_tokens(word);
        match (tokens.is_empty(), word.is_empty()) {
            (true, true) => Vec::new(),
            (true, false) => vec![Self::Piece(word.to_owned())],
            (false, _) => tokens.into_iter().map(Self::Token).collect(),
        }
    }

    /// Words in this order.
    pub(crate) fn phrase(text: &str) -> Option<Self> {
        let text = text.trim();
        let tokens = token_parts(text);
        match tokens.len() {
            0 => (!text.is_empty()).then(|| Self::Piece(text.to_owned())),
            _ => Some(Self::Phrase { text: text.to_owned(), tokens }),
        }
    }

    /// Whether `text`, a body or a text in an attribute, has it. What is not asked of texts is in none.
    pub(crate) fn is_in(&self, tokenizer: &mut Tokenizer, text: &str) -> bool {
        match self {
            Self::Token(token) => tokenizer.has_token(text, token),
            Self::Prefix(prefix) => tokenizer.has_prefix(text, prefix),
            Self::Piece(piece) => contains_ignore_case(text, piece),
            Self::Phrase { text: phrase, tokens } => {
                has_between_borders(text, phrase)
                    && tokens.iter().all(|token| tokenizer.has_token(text, token))
            }
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Field { .. } | Self::Whole(_) => false,
        }
    }

    /// Whether a record may have it whose texts are among these bytes, all in ASCII. Ids are there in another form.
    pub(crate) fn may_be_in(&self, record: &[u8]) -> bool {
        match self {
            Self::Token(token) => may_be_id(token) || contains_ignore_case(record, token),
            Self::Field { test, .. } => test.may_be_in(record),
            Self::Prefix(text) | Self::Piece(text) | Self::Phrase { text, .. } => {
                contains_ignore_case(record, text)
            }
            Self::Pattern(_) | Self::Whole(_) => true,
        }
    }

    /// Tokens that every text (or attribute value) with this has, all of them. Empty when that cannot be said.
    pub(crate) fn tokens(&self) -> Vec<String> {
        match self {
            Self::Token(token) => vec![token.clone()],
            Self::Phrase { tokens, .. } => tokens.clone(),
            Self::Field { test, .. } => test.tokens(),
            Self::Whole(Whole::Trace(trace)) => vec![trace.to_string()],
            Self::Prefix(_) | Self::Piece(_) | Self::Pattern(_) | Self::Whole(_) => Vec::new(),
        }
    }
}

/// Whether a token spells a trace or span id.
fn may_be_id(token: &str) -> bool {
    matches!(token.len(), 16 | 32) && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether `text` has `phrase`, ASCII letters in any case, not cut out of longer words.
fn has_between_borders(text: &str, phrase: &str) -> bool {
    let (bytes, wanted) = (text.as_bytes(), phrase.as_bytes());
    let (Some(first), Some(last)) = (phrase.chars().next(), phrase.chars().next_back()) else {
        return false;
    };
    let lower = wanted.first().map_or(0, u8::to_ascii_lowercase);
    let upper = wanted.first().map_or(0, u8::to_ascii_uppercase);
    memchr::memchr2_iter(lower, upper, bytes).any(|at| {
        let end = at + wanted.len();
        bytes.get(at..end).is_some_and(|piece| piece.eq_ignore_ascii_case(wanted))
            && is_border(text.get(..at).and_then(|before| before.chars().next_back()), first)
            && is_border(text.get(end..).and_then(|after| after.chars().next()), last)
    })
}

/// Whether a word ends between two neighbours.
fn is_border(outside: Option<char>, inside: char) -> bool {
    !inside.is_alphanumeric() || outside.is_none_or(|outside| !outside.is_alphanumeric())
}
