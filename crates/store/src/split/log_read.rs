//! Reads the rows of a log block back: the heads first, and the texts only when a row may be asked for.

use std::sync::Arc;

use groundcrew_telemetry::{
    CallSite, LogRecord, LogRow, Resource, Severity, SpanId, TemplateId, Timestamp, TraceId, Value,
};

use super::bodies::BodiesView;
use super::columns::{StoredValue, string};
use super::log_block::{Heads, RowAttributes, Texts};
use super::rows_file::{BlockMeta, Part, RowsFile};
use crate::expression::{FieldTest, Leaf};
use crate::log_filter::{Columns, LogFilter, any_text, id_is, names_body};
use crate::match_sink::MatchSink;
use crate::tokens::Tokenizer;
use crate::{Expression, StoreError};

const TRACE_BYTES: usize = 16;
const SPAN_BYTES: usize = 8;

/// A block whose heads were read.
#[derive(Debug)]
pub(crate) struct LogBlock<'f> {
    file: &'f RowsFile,
    meta: BlockMeta,
    heads: Heads,
    times: Vec<Timestamp>,
    /// Where each row is among those in the order of skeletons, and among those of its own.
    places: Vec<(u32, u32)>,
    /// Rows of each skeleton.
    counts: Vec<u32>,
}

/// The texts of a block.
#[derive(Debug)]
struct BlockTexts {
    texts: Texts,
    attributes: RowAttributes,
    traces: Vec<Option<TraceId>>,
    spans: Vec<Option<SpanId>>,
}

/// When the rows of a block were written.
pub(super) fn times(file: &RowsFile, meta: &BlockMeta) -> Result<Vec<Timestamp>, StoreError> {
    let heads: Heads = file.read_as(meta, Part::Heads)?;
    Ok(heads.times.all())
}

impl<'f> LogBlock<'f> {
    pub(crate) fn open(file: &'f RowsFile, meta: &BlockMeta) -> Result<Self, StoreError> {
        let heads: Heads = file.read_as(meta, Part::Heads)?;
        let times = heads.times.all();
        let skeletons = heads.skeletons.iter().max().map_or(0, |most| *most as usize + 1);
        // A number from a damaged file must not reserve memory.
        if skeletons > times.len() || heads.skeletons.len() != times.len() {
            return Err(file.damaged("its columns differ in length"));
        }
        let mut counts = vec![0_u32; skeletons];
        let mut places: Vec<(u32, u32)> = Vec::with_capacity(times.len());
        for skeleton in &heads.skeletons {
            if let Some(count) = counts.get_mut(*skeleton as usize) {
                places.push((*skeleton, *count));
                *count += 1;
            }
        }
        let mut start = 0;
        let starts: Vec<u32> = counts
            .iter()
            .map(|count| {
                start += count;
                start - count
            })
            .collect();
        for (skeleton, place) in &mut places {
            let own = *place;
            *place += starts.get(*skeleton as usize).copied().unwrap_or_default();
            *skeleton = own;
        }
        let places = places.into_iter().map(|(own, place)| (place, own)).collect();
        Ok(Self { file, meta: *meta, heads, times, places, counts })
    }

    /// Gives every matching row to `sink`. `admitted` says which of the split's resources are asked for.
    pub(crate) fn scan(
        &self,
        filter: &LogFilter<'_>,
        admitted: &[bool],
        sink: &mut dyn MatchSink,
    ) -> Result<(), StoreError> {
        let rows: Vec<usize> = (0..self.times.len())
            .filter(|row| {
                let time = self.time(*row);
                filter.range.contains(time)
                    && sink.wants(time)
                    && admitted.get(self.origin(*row)).copied().unwrap_or_default()
                    && filter.admits_columns(self.severity(*row), self.template(*row))
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let texts = self.texts()?;
        let view = self.view(&texts);
        let mut test = TextTest::new(filter.text, &view);
        for row in rows {
            let time = self.time(row);
            if sink.wants(time)
                && filter.admits_trace(view.trace_id(row))
                && let Some(resource) = self.file.resources.get(self.origin(row))
                && test.admits(row, resource)
            {
                sink.take(time, self.severity(row), &mut || LogRow {
                    resource: Arc::clone(resource),
                    record: view.record(row),
                });
            }
        }
        Ok(())
    }

    /// Calls `visit` with every row and the number of its resource.
    pub(crate) fn for_each(
        &self,
        visit: &mut dyn FnMut(usize, LogRecord),
    ) -> Result<(), StoreError> {
        let texts = self.texts()?;
        let view = self.view(&texts);
        (0..self.times.len()).for_each(|row| visit(self.origin(row), view.record(row)));
        Ok(())
    }

    /// Calls `visit` with number, time, number of the resource and template of every row, by time or against it.
    pub(crate) fn each_head(
        &self,
        newest_first: bool,
        visit: &mut dyn FnMut(usize, Timestamp, usize, Option<TemplateId>),
    ) {
        let count = self.times.len();
        for number in 0..count {
            let row = if newest_first { count - 1 - number } else { number };
            visit(row, self.time(row), self.origin(row), self.template(row));
        }
    }

    /// Calls `visit` with time and body of each of `rows`.
    pub(crate) fn bodies(
        &self,
        rows: impl Iterator<Item = usize>,
        visit: &mut dyn FnMut(usize, Timestamp, &str),
    ) -> Result<(), StoreError> {
        let (texts, _) = self.read_texts()?;
        let bodies = texts.bodies.view(&self.counts, texts.streams.reader());
        let mut body = String::new();
        for row in rows.filter(|row| *row < self.times.len()) {
            let (skeleton, own) = self.body_place(row);
            bodies.write_body(skeleton, own, &mut body);
            visit(row, self.time(row), &body);
        }
        Ok(())
    }

    /// The texts, and the ids that are not in them.
    fn read_texts(&self) -> Result<(Texts, Vec<u8>), StoreError> {
        let mut texts: Texts = self.file.read_as(&self.meta, Part::Texts)?;
        let mut ids = self.file.read_part(&self.meta, Part::Ids)?;
        let before = self.heads.trace_bytes as usize + self.heads.span_bytes as usize;
        texts.streams.put_ids(ids.split_off(before.min(ids.len())));
        Ok((texts, ids))
    }

    fn texts(&self) -> Result<BlockTexts, StoreError> {
        let (texts, ids) = self.read_texts()?;
        let traces = ids.split_at_checked(self.heads.trace_bytes as usize);
        let (traces, spans) = traces.unwrap_or_default();
        let attributes = self.file.read_as(&self.meta, Part::Attributes)?;
        Ok(BlockTexts { traces: self.traces(traces), spans: self.spans(spans), texts, attributes })
    }

    fn traces(&self, distinct: &[u8]) -> Vec<Option<TraceId>> {
        let mut count = 0_usize;
        let ids = self.heads.traces.iter().map(|code| {
            let number = match code {
                0 => return None,
                1 => {
                    count += 1;
                    count - 1
                }
                ago => count.checked_sub(*ago as usize - 1)?,
            };
            let start = number.checked_mul(TRACE_BYTES)?;
            Some(TraceId(distinct.get(start..start + TRACE_BYTES)?.try_into().ok()?))
        });
        ids.collect()
    }

    fn spans(&self, bytes: &[u8]) -> Vec<Option<SpanId>> {
        let mut ids = bytes.as_chunks::<SPAN_BYTES>().0.iter();
        let has_span = self.heads.have_span.0.iter();
        has_span
            .map(|has| if *has == 0 { None } else { ids.next().map(|id| SpanId(*id)) })
            .collect()
    }

    fn view<'b>(&'b self, texts: &'b BlockTexts) -> View<'b> {
        let (columns, attributes) = (&texts.texts, &texts.attributes);
        View {
            block: self,
            texts,
            bodies: columns.bodies.view(&self.counts, columns.streams.reader()),
            names: attributes.names.all(),
            values: attributes.values.all(),
            attribute_starts: attributes.columns.starts(),
        }
    }

    fn time(&self, row: usize) -> Timestamp {
        self.times.get(row).copied().unwrap_or_default()
    }

    /// Where a row is among those in the order of skeletons.
    fn place(&self, row: usize) -> usize {
        self.places.get(row).map_or(usize::MAX, |(place, _)| *place as usize)
    }

    /// The skeleton of a row, and where the row is among those of that skeleton.
    fn body_place(&self, row: usize) -> (usize, usize) {
        let skeleton = self.heads.skeletons.get(row).map_or(usize::MAX, |number| *number as usize);
        (skeleton, self.places.get(row).map_or(usize::MAX, |(_, own)| *own as usize))
    }

    fn origin(&self, row: usize) -> usize {
        self.heads.origins.get(self.place(row)).map_or(usize::MAX, |origin| *origin as usize)
    }

    fn severity(&self, row: usize) -> Severity {
        Severity(self.heads.severities.0.get(self.place(row)).copied().unwrap_or_default())
    }

    fn template(&self, row: usize) -> Option<TemplateId> {
        let number = self.heads.templates.get(self.place(row))?.checked_sub(1)?;
        self.heads.templates_distinct.get(number as usize).map(|id| TemplateId(*id))
    }

    fn site(&self, row: usize) -> Option<CallSite> {
        CallSite::from_code(self.heads.sites.0.get(self.place(row)).copied().unwrap_or_default())
    }
}

/// A block made ready for reading rows.
struct View<'b> {
    block: &'b LogBlock<'b>,
    texts: &'b BlockTexts,
    bodies: BodiesView<'b>,
    names: Vec<&'b str>,
    values: Vec<&'b str>,
    attribute_starts: Vec<u32>,
}

impl View<'_> {
    fn trace_id(&self, row: usize) -> Option<TraceId> {
        self.texts.traces.get(row).copied().flatten()
    }

    fn span_id(&self, row: usize) -> Option<SpanId> {
        self.texts.spans.get(row).copied().flatten()
    }

    fn attribute_start(&self, place: usize) -> u32 {
        self.attribute_starts.get(place).copied().unwrap_or_default()
    }

    /// Numbers of names, and values.
    fn attributes(&self, row: usize) -> impl Iterator<Item = (u32, &StoredValue)> {
        let place = self.block.place(row);
        let start = self.attribute_start(place);
        self.texts.attributes.columns.pairs(place, start)
    }

    fn record(&self, row: usize) -> LogRecord {
        let block = self.block;
        let place = block.place(row);
        let start = self.attribute_start(place);
        let (skeleton, own) = block.body_place(row);
        let mut body = String::new();
        self.bodies.write_body(skeleton, own, &mut body);
        LogRecord {
            time: block.time(row),
            severity: block.severity(row),
            body,
            attributes: self.texts.attributes.columns.row(place, start, &self.names, &self.values),
            trace_id: self.trace_id(row),
            span_id: self.span_id(row),
            template: block.template(row),
            site: block.site(row),
        }
    }
}

/// Tests the texts of rows; what it finds out about a skeleton or an attribute value holds for all rows that have it.
struct TextTest<'f, 'b> {
    text: &'f Expression,
    view: &'b View<'b>,
    tokenizer: Tokenizer,
    scratch: String,
    /// The body of `body_row`.
    body: String,
    body_row: Option<usize>,
    /// Per leaf and value: not yet tested, or the result.
    values: Vec<Vec<Option<bool>>>,
    /// Per leaf and skeleton.
    skeletons: Vec<Vec<Option<InBody>>>,
}

/// Where the bodies of one skeleton may have a token.
enum InBody {
    /// All have it, in what they share.
    All,
    /// Those that have it in one of these of their values; none where there are none.
    Values(Box<[usize]>),
}

impl<'f, 'b> TextTest<'f, 'b> {
    fn new(text: &'f Expression, view: &'b View<'b>) -> Self {
        let leaves = text.leaves().len();
        Self {
            text,
            view,
            tokenizer: Tokenizer::default(),
            scratch: String::new(),
            body: String::new(),
            body_row: None,
            values: vec![vec![None; view.values.len()]; leaves],
            skeletons: (0..leaves)
                .map(|_| view.bodies.skeletons().iter().map(|_| None).collect())
                .collect(),
        }
    }

    fn admits(&mut self, row: usize, resource: &Resource) -> bool {
        let text = self.text;
        text.root().holds(&mut |number| self.leaf_holds(row, resource, number))
    }

    fn leaf_holds(&mut self, row: usize, resource: &Resource, number: usize) -> bool {
        let Some(leaf) = self.text.leaf(number) else { return false };
        let view = self.view;
        if let Leaf::Token(token) = leaf {
            return self.body_has_token(row, number, token)
                || self.attributes_have(row, number, leaf)
                || id_is(token, view.trace_id(row), view.span_id(row));
        }
        let columns = Columns {
            service: resource.service(),
            severity: view.block.severity(row),
            template: view.block.template(row),
            trace_id: view.trace_id(row),
            span_id: view.span_id(row),
        };
        if let Some(holds) = leaf.is_of(columns) {
            return holds;
        }
        if let Leaf::Field { name, test } = leaf {
            return self.field_holds(row, number, (name, test));
        }
        self.read_body(row);
        leaf.is_in(&mut self.tokenizer, &self.body) || self.attributes_have(row, number, leaf)
    }

    fn attributes_have(&mut self, row: usize, number: usize, leaf: &Leaf) -> bool {
        let view = self.view;
        view.attributes(row).any(|(_, value)| match value {
            StoredValue::Str(value) => {
                self.value_holds(number, *value, &mut |tokenizer, text| leaf.is_in(tokenizer, text))
            }
            StoredValue::Other(value) => {
                any_text(value, &mut |text| leaf.is_in(&mut self.tokenizer, text))
            }
            StoredValue::Int(_) | StoredValue::Double(_) | StoredValue::Bool(_) => false,
        })
    }

    fn field_holds(&mut self, row: usize, number: usize, (name, test): (&str, &FieldTest)) -> bool {
        if names_body(name) {
            self.read_body(row);
            if test.admits_text(&self.body) {
                return true;
            }
        }
        let view = self.view;
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

    fn read_body(&mut self, row: usize) {
        if self.body_row != Some(row) {
            let (skeleton, own) = self.view.block.body_place(row);
            self.view.bodies.write_body(skeleton, own, &mut self.body);
            self.body_row = Some(row);
        }
    }

    /// The tokens of a body are those of its skeleton and those of its values.
    fn body_has_token(&mut self, row: usize, number: usize, token: &str) -> bool {
        let bodies = &self.view.bodies;
        let (skeleton, own) = self.view.block.body_place(row);
        let slot = self.skeletons.get_mut(number).and_then(|known| known.get_mut(skeleton));
        let Some(slot) = slot else { return false };
        let tokenizer = &mut self.tokenizer;
        let in_body = slot.get_or_insert_with(|| {
            let text = bodies.skeletons().get(skeleton).copied().unwrap_or_default();
            if tokenizer.has_token(text, token) {
                return InBody::All;
            }
            InBody::Values(bodies.columns_that_may_hold(skeleton, token).collect())
        });
        let scratch = &mut self.scratch;
        match in_body {
            InBody::All => true,
            InBody::Values(columns) => columns.iter().any(|column| {
                bodies.write_value(*column, own, scratch);
                tokenizer.has_token(scratch, token)
            }),
        }
    }

    /// Whether a string of the block passes, tested once per leaf.
    fn value_holds(
        &mut self,
        number: usize,
        value: u32,
        test: &mut dyn FnMut(&mut Tokenizer, &str) -> bool,
    ) -> bool {
        let text = string(&self.view.values, value);
        let slot = self.values.get_mut(number).and_then(|known| known.get_mut(value as usize));
        let Some(slot) = slot else { return false };
        *slot.get_or_insert_with(|| test(&mut self.tokenizer, text))
    }
}
