//! A block of log rows as columns.

use std::sync::Arc;

use groundcrew_telemetry::{
    CallSite, LogRecord, LogRow, Resource, Severity, TemplateId, Timestamp, TraceId, Value,
};
use serde::{Deserialize, Serialize};

use super::block_tokens::BlockTokens;
use super::columns::{
    AttributeColumns, BlockStrings, Numbering, SpanIdColumn, StoredValue, Strings, TimeColumn,
    TraceColumn, string,
};
use super::id_index::template_token;
use crate::expression::{FieldTest, Leaf};
use crate::log_filter::{Columns as RowColumns, LogFilter, any_text, names_body};
use crate::tokens::Tokenizer;
use crate::top_rows::TopRows;
use crate::{Expression, StoreError};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Columns {
    times: TimeColumn,
    severities: Vec<u8>,
    /// Numbers in the split's list of resources.
    origins: Vec<u32>,
    templates_distinct: Vec<u64>,
    /// Per row 0 for none, else the template's number + 1.
    templates: Vec<u32>,
    /// Per row where in the code it was written, 0 for unknown.
    sites: Vec<u8>,
    traces: TraceColumn,
    span_ids: SpanIdColumn,
    bodies: Strings,
    attributes: AttributeColumns,
    names: Strings,
    values: Strings,
}

/// Collects the rows of one block.
#[derive(Debug, Default)]
pub(super) struct LogBlockBuilder<'r> {
    columns: Columns,
    traces: Numbering<TraceId>,
    templates: Numbering<TemplateId>,
    strings: BlockStrings<'r>,
}

impl<'r> LogBlockBuilder<'r> {
    pub(super) fn push(&mut self, record: &'r LogRecord, origin: u32, tokens: &mut BlockTokens) {
        let columns = &mut self.columns;
        columns.times.push(record.time);
        columns.severities.push(record.severity.0);
        columns.origins.push(origin);
        columns.templates.push(match record.template {
            None => 0,
            Some(template) => {
                let (number, is_new) = self.templates.number(template);
                if is_new {
                    columns.templates_distinct.push(template.0);
                    tokens.add_token(&template_token(template));
                }
                number.saturating_add(1)
            }
        });
        columns.sites.push(record.site.map_or(0, CallSite::code));
        if columns.traces.push(record.trace_id, &mut self.traces) {
            tokens.add_hex(record.trace_id.map(|id| id.0));
        }
        columns.span_ids.push(record.span_id);
        tokens.add_hex(record.span_id.map(|id| id.0));
        columns.bodies.push(&record.body);
        tokens.add_text(&record.body);
        columns
            .attributes
            .push(&record.attributes, &mut self.strings, &mut |text| tokens.add_text(text));
    }

    pub(super) fn bytes(&self) -> usize {
        self.columns.bodies.bytes()
    }

    pub(super) fn rows(&self) -> usize {
        self.columns.times.len()
    }

    pub(super) fn encode(mut self) -> Result<Vec<u8>, StoreError> {
        self.columns.names = self.strings.names.finish();
        self.columns.values = self.strings.values.finish();
        postcard::to_stdvec(&self.columns).map_err(StoreError::encoding("a log block"))
    }
}

/// A block that was read back.
#[derive(Debug)]
pub(crate) struct LogBlock {
    columns: Columns,
}

impl LogBlock {
    pub(crate) fn decode(raw: &[u8]) -> Result<Self, postcard::Error> {
        Ok(Self { columns: postcard::from_bytes(raw)? })
    }

    /// Offers every matching row to `top`. `admitted` says which of the split's resources are asked for.
    pub(crate) fn scan(
        &self,
        filter: &LogFilter<'_>,
        admitted: &[bool],
        resources: &[Arc<Resource>],
        top: &mut TopRows,
    ) {
        let view = self.view();
        let mut texts = TextTest::new(filter.text, &view);
        for row in 0..view.times.len() {
            let Some(time) = view.times.get(row).copied() else { break };
            let origin = view.origin(row);
            if filter.range.contains(time)
                && top.wants(time)
                && admitted.get(origin).copied().unwrap_or_default()
                && filter.admits_columns(view.severity(row), view.template(row), view.trace_id(row))
                && let Some(resource) = resources.get(origin)
                && texts.admits(row, resource.service())
            {
                top.push(time, LogRow { resource: Arc::clone(resource), record: view.record(row) });
            }
        }
    }

    /// Calls `visit` with every row and the number of its resource.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(usize, LogRecord)) {
        let view = self.view();
        for row in 0..view.times.len() {
            visit(view.origin(row), view.record(row));
        }
    }

    fn view(&self) -> View<'_> {
        View {
            columns: &self.columns,
            times: self.columns.times.all(),
            bodies: self.columns.bodies.all(),
            names: self.columns.names.all(),
            values: self.columns.values.all(),
            attribute_starts: self.columns.attributes.starts(),
        }
    }
}

/// A block made ready for reading rows.
struct View<'b> {
    columns: &'b Columns,
    times: Vec<Timestamp>,
    bodies: Vec<&'b str>,
    names: Vec<&'b str>,
    values: Vec<&'b str>,
    attribute_starts: Vec<u32>,
}

impl View<'_> {
    fn origin(&self, row: usize) -> usize {
        self.columns.origins.get(row).map_or(usize::MAX, |origin| *origin as usize)
    }

    fn severity(&self, row: usize) -> Severity {
        Severity(self.columns.severities.get(row).copied().unwrap_or_default())
    }

    fn template(&self, row: usize) -> Option<TemplateId> {
        let number = self.columns.templates.get(row)?.checked_sub(1)?;
        self.columns.templates_distinct.get(number as usize).map(|id| TemplateId(*id))
    }

    fn trace_id(&self, row: usize) -> Option<TraceId> {
        self.columns.traces.row(row)
    }

    fn body(&self, row: usize) -> &str {
        self.bodies.get(row).copied().unwrap_or_default()
    }

    fn attribute_start(&self, row: usize) -> u32 {
        self.attribute_starts.get(row).copied().unwrap_or_default()
    }

    /// Numbers of names, and values.
    fn attributes(&self, row: usize) -> impl Iterator<Item = (u32, &StoredValue)> {
        self.columns.attributes.pairs(row, self.attribute_start(row))
    }

    fn attribute_values(&self, row: usize) -> impl Iterator<Item = &StoredValue> {
        self.attributes(row).map(|(_, value)| value)
    }

    fn record(&self, row: usize) -> LogRecord {
        let start = self.attribute_start(row);
        LogRecord {
            time: self.times.get(row).copied().unwrap_or_default(),
            severity: self.severity(row),
            body: self.body(row).to_owned(),
            attributes: self.columns.attributes.row(row, start, &self.names, &self.values),
            trace_id: self.trace_id(row),
            span_id: self.columns.span_ids.row(row),
            template: self.template(row),
            site: CallSite::from_code(self.columns.sites.get(row).copied().unwrap_or_default()),
        }
    }
}

/// Tests the texts of rows; what it finds out about an attribute value holds for all rows that have it.
struct TextTest<'f, 'b> {
    text: &'f Expression,
    view: &'b View<'b>,
    tokenizer: Tokenizer,
    /// Per leaf and value: not yet tested, or the result.
    known: Vec<Vec<Option<bool>>>,
}

impl<'f, 'b> TextTest<'f, 'b> {
    fn new(text: &'f Expression, view: &'b View<'b>) -> Self {
        let known = vec![vec![None; view.values.len()]; text.leaves().len()];
        Self { text, view, tokenizer: Tokenizer::default(), known }
    }

    fn admits(&mut self, row: usize, service: &str) -> bool {
        let text = self.text;
        text.root().holds(&mut |number| self.leaf_holds(row, service, number))
    }

    fn leaf_holds(&mut self, row: usize, service: &str, number: usize) -> bool {
        let Some(leaf) = self.text.leaf(number) else { return false };
        let view = self.view;
        let columns = RowColumns {
            service,
            severity: view.severity(row),
            template: view.template(row),
            trace_id: view.trace_id(row),
            span_id: view.columns.span_ids.row(row),
        };
        if let Some(holds) = leaf.is_of(columns) {
            return holds;
        }
        if let Leaf::Field { name, test } = leaf {
            return self.field_holds(row, number, (name, test));
        }
        leaf.is_in(&mut self.tokenizer, view.body(row))
            || view.attribute_values(row).any(|value| match value {
                StoredValue::Str(value) => {
                    self.value_holds(number, *value, &mut |tokenizer, text| {
                        leaf.is_in(tokenizer, text)
                    })
                }
                StoredValue::Other(value) => {
                    any_text(value, &mut |text| leaf.is_in(&mut self.tokenizer, text))
                }
                StoredValue::Int(_) | StoredValue::Double(_) | StoredValue::Bool(_) => false,
            })
    }

    fn field_holds(&mut self, row: usize, number: usize, (name, test): (&str, &FieldTest)) -> bool {
        let view = self.view;
        if names_body(name) && test.admits_text(view.body(row)) {
            return true;
        }
        view.attributes(row).any(|(key, value)| {
            string(&view.names, key) == name
                && match value {
                    StoredValue::Str(value) => {
                        self.value_holds(number, *value, &mut |_, text| test.admits_text(text))
                    }
                    StoredValue::Int(value) => test.admits(&Value::Int(*value)),
                    StoredValue::Double(value) => test.admits(&Value::Double(*value)),
                    StoredValue::Bool(value) => test.admits(&Value::Bool(*value)),
                    StoredValue::Other(value) => test.admits(value),
                }
        })
    }

    /// Whether a string of the block passes, tested once per leaf.
    fn value_holds(
        &mut self,
        number: usize,
        value: u32,
        test: &mut dyn FnMut(&mut Tokenizer, &str) -> bool,
    ) -> bool {
        let text = string(&self.view.values, value);
        let slot = self.known.get_mut(number).and_then(|known| known.get_mut(value as usize));
        let Some(slot) = slot else { return false };
        *slot.get_or_insert_with(|| test(&mut self.tokenizer, text))
    }
}
