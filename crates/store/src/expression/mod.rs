//! What a search asks of the texts and fields of log records: words, phrases, beginnings, pieces, regular expressions and
//! comparisons, put together with `AND`, `OR` and `NOT`.
//!
//! ```text
//! timeout payments            both words, anywhere in body or attributes, in any case
//! "connection refused"        the words in this order, written like this
//! pool*   *exhaust*           a word that begins so; a piece of text
//! /conn(ection)? (reset|refused)/    a regular expression (in linear time; `(?i)` for any case)
//! http.status:>=500  user:ana  path:/api/*  took_ms:10..20  retry:*    a field
//! service:shop level:warn trace:4bf9... template:9c1e...    what every record has
//! a OR (b -c)                 one or the other; `-` and NOT exclude
//! ```
//!
//! An expression written by somebody else is bounded before it is read: its length, its depth, the number of its parts,
//! and the size of a regular expression once compiled.

mod field;
mod leaf;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use field::FieldTest;
pub(crate) use leaf::{Leaf, Whole};
pub use parse::ExpressionError;

/// Longest text of an expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4096;

/// What is asked of a record's texts and fields. The default asks for nothing and admits every record.
#[derive(Clone, Debug, Default)]
pub struct Expression {
    root: Node,
    /// What nodes refer to, so that what was found out about a leaf can be kept beside it.
    leaves: Vec<Leaf>,
    /// As it was written.
    text: String,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// How leaves are put together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    /// All of them; none admit everything.
    All(Vec<Node>),
    /// One of them.
    Any(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// The leaf of this number.
    Leaf(usize),
}

impl Default for Node {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Expression {
    /// Reads what somebody wrote.
    ///
    /// # Errors
    /// Where it cannot be read and what would help; also when it is too long, too deep or has too many parts.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        parse::parse(text)
    }

    /// Asks for all of `words` as they are, whatever marks stand in them: `order-17.eu` is a word and not a subtraction.
    /// A word without a letter or digit is looked for as it is.
    #[must_use]
    pub fn words<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Self {
        let mut leaves = Vec::new();
        let mut written = Vec::new();
        for word in words {
            leaves.extend(Leaf::words(word.as_ref()));
            written.push(word.as_ref().to_owned());
        }
        let root = Node::All((0..leaves.len()).map(Node::Leaf).collect());
        Self { root, leaves, text: written.join(" ") }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    pub(crate) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    pub(crate) fn leaf(&self, number: usize) -> Option<&Leaf> {
        self.leaves.get(number)
    }
}

impl Node {
    /// Whether it holds, asking `leaf` for what is needed and no more.
    pub(crate) fn holds(&self, leaf: &mut dyn FnMut(usize) -> bool) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(leaf)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(leaf)),
            Self::Not(node) => !node.holds(leaf),
            Self::Leaf(number) => leaf(*number),
        }
    }
}
