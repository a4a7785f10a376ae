//! Decides whether a log record is what a query asks for, wherever the record is kept.

use groundcrew_telemetry::{LogRecord, Severity, SpanId, TemplateId, TimeRange, TraceId, Value};

use crate::Expression;
use crate::expression::{FieldTest, Leaf, Node, Whole};
use crate::memory::{LogHead, PackedLog, PackedValue};
use crate::query::{LogQuery, ServiceFilter};
use crate::tokens::Tokenizer;

/// A query made ready for testing rows.
#[derive(Debug)]
pub(crate) struct LogFilter<'q> {
    pub(crate) range: TimeRange,
    pub(crate) services: ServiceFilter<'q>,
    pub(crate) severity_min: Severity,
    pub(crate) trace_id: Option<TraceId>,
    /// One of these; any when there are none.
    pub(crate) templates: Vec<TemplateId>,
    /// What must hold of texts and fields.
    pub(crate) text: &'q Expression,
}

/// What is known of a record without reading its texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns<'r> {
    pub(crate) service: &'r str,
    pub(crate) severity: Severity,
    pub(crate) template: Option<TemplateId>,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
}

/// A record whose texts can be tested, in the form in which it is kept.
pub(crate) trait Texts {
    fn columns<'r>(&'r self, service: &'r str) -> Columns<'r>;

    fn body(&self) -> &str;

    /// Whether `test` holds for any text in its attributes.
    fn any_text(&self, test: &mut dyn FnMut(&str) -> bool) -> bool;

    /// Whether an attribute of this name passes.
    fn any_named(&self, name: &str, test: &FieldTest) -> bool;
}

impl Texts for LogRecord {
    fn columns<'r>(&'r self, service: &'r str) -> Columns<'r> {
        let Self { severity, template, trace_id, span_id, .. } = *self;
        Columns { service, severity, template, trace_id, span_id }
    }

    fn body(&self) -> &str {
        &self.body
    }

    fn any_text(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.attributes.iter().any(|(_, value)| any_text(value, test))
    }

    fn any_named(&self, name: &str, test: &FieldTest) -> bool {
        self.attributes.iter().any(|(key, value)| key == name && test.admits(value))
    }
}

impl Texts for PackedLog<'_> {
    fn columns<'r>(&'r self, service: &'r str) -> Columns<'r> {
        let Self { severity, template, trace_id, span_id, .. } = *self;
        Columns { service, severity, template, trace_id, span_id }
    }

    fn body(&self) -> &str {
        self.body
    }

    fn any_text(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.attributes().any(|(_, value)| match value {
            PackedValue::Str(text) => test(text),
            PackedValue::List(_) | PackedValue::Map(_) => any_text(&value.to_value(), test),
            PackedValue::Int(_)
            | PackedValue::Double(_)
            | PackedValue::Bool(_)
            | PackedValue::Bytes(_) => false,
        })
    }

    fn any_named(&self, name: &str, test: &FieldTest) -> bool {
        let passes = |value: &PackedValue<'_>| match value {
            PackedValue::Str(text) => test.admits_text(text),
            other => test.admits(&other.to_value()),
        };
        self.attributes().any(|(key, value)| key == name && passes(&value))
    }
}

impl<'q> LogFilter<'q> {
    pub(crate) fn new(query: &'q LogQuery) -> Self {
        Self {
            range: query.range,
            services: ServiceFilter(&query.services),
            severity_min: query.severity_min.unwrap_or_default(),
            trace_id: query.trace_id,
            templates: query.template.into_iter().collect(),
            text: &query.text,
        }
    }

    /// Severity and template, which cost least to tell.
    pub(crate) fn admits_columns(&self, severity: Severity, template: Option<TemplateId>) -> bool {
        severity >= self.severity_min
            && (self.templates.is_empty()
                || self.templates.contains(&template.unwrap_or(TemplateId(0))))
    }

    pub(crate) fn admits_trace(&self, trace_id: Option<TraceId>) -> bool {
        self.trace_id.is_none_or(|wanted| trace_id == Some(wanted))
    }

    /// Whether a record in memory may match, told without its texts; that its service is asked for is tested by the
    /// caller, once per portion.
    pub(crate) fn admits_head(&self, head: &LogHead) -> bool {
        self.range.contains(head.time)
            && self.admits_columns(head.severity, Some(head.template))
            && self.admits_trace(head.trace_id)
    }
}

/// Whether body or attributes have what is asked for.
fn leaf_holds(leaf: &Leaf, record: &impl Texts, tokenizer: &mut Tokenizer) -> bool {
    match leaf {
        Leaf::Field { name, test } => {
            record.any_named(name, test) || names_body(name) && test.admits_text(record.body())
        }
        _ => {
            leaf.is_in(tokenizer, record.body())
                || record.any_text(&mut |text| leaf.is_in(tokenizer, text))
        }
    }
}

/// Whether the field of this name is the body.
pub(crate) fn names_body(name: &str) -> bool {
    matches!(name, "body" | "message")
}

impl Leaf {
    /// Whether what is known without texts decides it, and how.
    pub(crate) fn is_of(&self, columns: Columns<'_>) -> Option<bool> {
        match self {
            Self::Token(token) => id_is(token, columns.trace_id, columns.span_id).then_some(true),
            Self::Whole(whole) => Some(match whole {
                Whole::Service(name, false) => columns.service == name,
                Whole::Service(prefix, true) => columns.service.starts_with(prefix.as_str()),
                Whole::SeverityAtLeast(least) => columns.severity >= *least,
                Whole::SeverityIs(level) => columns.severity.name() == level.name(),
                Whole::Trace(trace) => columns.trace_id == Some(*trace),
                Whole::Template(template) => columns.template == Some(*template),
            }),
            _ => None,
        }
    }
}

impl Expression {
    /// Whether a record of `service` is what is asked for.
    #[must_use]
    pub fn admits(&self, service: &str, record: &LogRecord) -> bool {
        self.holds_of(service, record, &mut Tokenizer::default())
    }

    /// As [`Self::admits`], of a record in any form.
    pub(crate) fn holds_of(
        &self,
        service: &str,
        record: &impl Texts,
        tokenizer: &mut Tokenizer,
    ) -> bool {
        let columns = record.columns(service);
        self.root().holds(&mut |number| {
            let Some(leaf) = self.leaf(number) else { return false };
            leaf.is_of(columns).unwrap_or_else(|| leaf_holds(leaf, record, tokenizer))
        })
    }

    /// Whether a record may be what is asked for whose texts are among these bytes, all in ASCII.
    pub(crate) fn may_be_in(&self, record: &[u8]) -> bool {
        self.node_may_be_in(self.root(), record)
    }

    fn node_may_be_in(&self, node: &Node, record: &[u8]) -> bool {
        match node {
            Node::All(nodes) => nodes.iter().all(|node| self.node_may_be_in(node, record)),
            Node::Any(nodes) => nodes.iter().any(|node| self.node_may_be_in(node, record)),
            Node::Not(_) => true,
            Node::Leaf(number) => self.leaf(*number).is_some_and(|leaf| leaf.may_be_in(record)),
        }
    }

    /// The blocks that may have rows that match, ascending, where `blocks` says which have a token; `None` when any may.
    pub(crate) fn blocks<E>(
        &self,
        blocks: &mut dyn FnMut(&str) -> Result<Vec<u32>, E>,
    ) -> Result<Option<Vec<u32>>, E> {
        self.node_blocks(self.root(), blocks)
    }

    /// Bytes of the longest token that a node asks for; nothing where it asks for one of several things.
    fn longest_token(&self, node: &Node) -> usize {
        let Node::Leaf(number) = node else { return 0 };
        let tokens = self.leaf(*number).map(Leaf::tokens).unwrap_or_default();
        tokens.iter().map(String::len).max().unwrap_or_default()
    }

    fn node_blocks<E>(
        &self,
        node: &Node,
        blocks: &mut dyn FnMut(&str) -> Result<Vec<u32>, E>,
    ) -> Result<Option<Vec<u32>>, E> {
        match node {
            Node::All(nodes) => {
                let mut found: Option<Vec<u32>> = None;
                // Long words are rare ones; where the first is nowhere the others need not be looked up.
                let mut nodes: Vec<&Node> = nodes.iter().collect();
                nodes.sort_by_key(|node| std::cmp::Reverse(self.longest_token(node)));
                for node in nodes {
                    found = both(found, self.node_blocks(node, blocks)?);
                    if found.as_ref().is_some_and(Vec::is_empty) {
                        break;
                    }
                }
                Ok(found)
            }
            Node::Any(nodes) => {
                let mut found = Vec::new();
                for node in nodes {
                    let Some(more) = self.node_blocks(node, blocks)? else { return Ok(None) };
                    found.extend(more);
                }
                found.sort_unstable();
                found.dedup();
                Ok(Some(found))
            }
            // A block where all rows match has none to offer, but the index cannot tell that.
            Node::Not(_) => Ok(None),
            Node::Leaf(number) => {
                let mut found = None;
                for token in self.leaf(*number).map(Leaf::tokens).unwrap_or_default() {
                    found = both(found, Some(blocks(&token)?));
                    if found.as_ref().is_some_and(Vec::is_empty) {
                        break;
                    }
                }
                Ok(found)
            }
        }
    }
}

/// What two ascending lists have in common; one that is not known says nothing.
pub(crate) fn both(left: Option<Vec<u32>>, right: Option<Vec<u32>>) -> Option<Vec<u32>> {
    match (left, right) {
        (Some(mut left), Some(right)) => {
            left.retain(|number| right.binary_search(number).is_ok());
            Some(left)
        }
        (left, right) => left.or(right),
    }
}

/// Whether `token` spells the trace or span id.
pub(crate) fn id_is(token: &str, trace_id: Option<TraceId>, span_id: Option<SpanId>) -> bool {
    match token.len() {
        32 => trace_id.is_some() && TraceId::from_hex(token) == trace_id,
        16 => span_id.is_some() && SpanId::from_hex(token) == span_id,
        _ => false,
    }
}

/// Whether `test` holds for any text inside `value`.
pub(crate) fn any_text(value: &Value, test: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::Str(text) => test(text),
        Value::List(values) => values.iter().any(|inner| any_text(inner, test)),
        Value::Map(entries) => entries.iter().any(|(_, inner)| any_text(inner, test)),
        Value::Int(_) | Value::Double(_) | Value::Bool(_) | Value::Bytes(_) => false,
    }
}
