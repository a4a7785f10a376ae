//! A block of log rows as columns, as it is written.
//!
//! Columns that follow from the statement which wrote a line (severity, template, attributes) stand in the order of the
//! bodies' skeletons and not of time, so that most of them are runs of one value. Four parts are kept apart, so that
//! none is read or decompressed for nothing: the heads, which say whether a row is asked for; the ids, which do not
//! compress; the bodies; and the attributes.

use groundcrew_telemetry::{CallSite, TemplateId, Timestamp, TraceId};
use serde::{Deserialize, Serialize};

use super::block_tokens::BlockTokens;
use super::bodies::{Bodies, BodiesBuilder};
use super::columns::{AttributeColumns, BlockStrings, Numbering, Strings};
use super::id_index::template_token;
use super::streams::{Bytes, StreamWriter, Streams};
use crate::StoreError;
use crate::memory::PackedLog;

/// Units that times are kept in, the coarsest that loses nothing.
const UNITS_NANOS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];

/// What is asked of rows before anything else of them is read.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Heads {
    /// In the order of time.
    pub(super) times: Times,
    /// The skeleton of each row, in the order of time; every other column is in the order of skeletons.
    pub(super) skeletons: Vec<u32>,
    /// Numbers in the split's list of resources.
    pub(super) origins: Vec<u32>,
    pub(super) severities: Bytes,
    pub(super) templates_distinct: Vec<u64>,
    /// 0 for none, else the template's number + 1.
    pub(super) templates: Vec<u32>,
    /// Where in the code it was written, 0 for unknown.
    pub(super) sites: Bytes,
    /// In the order of time: 0 for no trace, 1 for one that is new in the block, else how many came since it did, + 1.
    pub(super) traces: Vec<u32>,
    /// In the order of time: whether the row has a span.
    pub(super) have_span: Bytes,
    /// Bytes of the ids before those in bodies.
    pub(super) trace_bytes: u32,
    pub(super) span_bytes: u32,
}

/// What rows say.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Texts {
    pub(super) bodies: Bodies,
    pub(super) streams: Streams,
}

/// The attributes of rows, in the order of skeletons.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RowAttributes {
    pub(super) columns: AttributeColumns,
    pub(super) names: Strings,
    pub(super) values: Strings,
}

/// Times as differences in a unit.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Times {
    unit_nanos: i64,
    deltas: Vec<i64>,
}

impl Times {
    fn of(times: impl Iterator<Item = Timestamp> + Clone) -> Self {
        let fits = |unit: &i64| times.clone().all(|time| time.nanos() % unit == 0);
        let unit_nanos = UNITS_NANOS.into_iter().find(fits).unwrap_or(1);
        let mut last = 0_i64;
        let deltas = times.map(|time| {
            let number = time.nanos() / unit_nanos;
            // Wrapping, because the extremes are further apart than the type holds; reading wraps back.
            number.wrapping_sub(std::mem::replace(&mut last, number))
        });
        Self { unit_nanos, deltas: deltas.collect() }
    }

    pub(super) fn all(&self) -> Vec<Timestamp> {
        let mut number = 0_i64;
        self.deltas
            .iter()
            .map(|delta| {
                number = number.wrapping_add(*delta);
                Timestamp::from_nanos(number.wrapping_mul(self.unit_nanos))
            })
            .collect()
    }
}

/// The parts of a block as they are written.
pub(super) struct EncodedLogs {
    pub(super) heads: Vec<u8>,
    pub(super) ids: Vec<u8>,
    pub(super) texts: Vec<u8>,
    pub(super) attributes: Vec<u8>,
}

/// Collects the rows of one block.
#[derive(Debug, Default)]
pub(super) struct LogBlockBuilder<'r> {
    rows: Vec<Row<'r>>,
    bodies: BodiesBuilder<'r>,
}

#[derive(Clone, Copy, Debug)]
struct Row<'r> {
    record: PackedLog<'r>,
    origin: u32,
    skeleton: u32,
}

impl<'r> LogBlockBuilder<'r> {
    pub(super) fn push(&mut self, record: PackedLog<'r>, origin: u32, tokens: &mut BlockTokens) {
        let skeleton = self.bodies.push(record.body, tokens);
        tokens.add_hex(record.span_id.map(|id| id.0));
        self.rows.push(Row { record, origin, skeleton });
    }

    pub(super) fn bytes(&self) -> usize {
        self.bodies.bytes()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Encodes the rows; there are none afterwards.
    pub(super) fn encode(&mut self, tokens: &mut BlockTokens) -> Result<EncodedLogs, StoreError> {
        let bodies = std::mem::take(&mut self.bodies);
        let encoded = encode(&self.rows, bodies, tokens);
        self.rows.clear();
        encoded
    }
}

fn encode(
    rows: &[Row<'_>],
    bodies: BodiesBuilder<'_>,
    tokens: &mut BlockTokens,
) -> Result<EncodedLogs, StoreError> {
    let mut heads = Heads {
        times: Times::of(rows.iter().map(|row| row.record.time)),
        skeletons: rows.iter().map(|row| row.skeleton).collect(),
        ..Heads::default()
    };
    let mut ids = Vec::new();
    push_ids(rows, &mut heads, &mut ids, tokens);
    let grouped = by_skeleton(rows, bodies.skeletons());
    let attributes = push_grouped(&grouped, &mut heads, tokens);
    let mut writer = StreamWriter::default();
    let bodies = bodies.finish(&mut writer);
    let mut streams = writer.finish();
    ids.extend_from_slice(&streams.take_ids());
    let texts = Texts { bodies, streams };
    Ok(EncodedLogs {
        heads: encoded(&heads)?,
        ids,
        texts: encoded(&texts)?,
        attributes: encoded(&attributes)?,
    })
}

fn encoded<T: Serialize>(part: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(part).map_err(StoreError::encoding("a log block"))
}

/// The rows by skeleton, those of one as they came.
fn by_skeleton<'a, 'r>(rows: &'a [Row<'r>], skeletons: usize) -> Vec<&'a Row<'r>> {
    let mut next = vec![0_usize; skeletons + 1];
    for row in rows {
        if let Some(count) = next.get_mut(row.skeleton as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut next {
        sum += *start;
        *start = sum;
    }
    let mut grouped: Vec<&Row<'_>> = rows.iter().collect();
    for row in rows {
        if let Some(place) = next.get_mut(row.skeleton as usize)
            && let Some(slot) = grouped.get_mut(*place)
        {
            *slot = row;
            *place += 1;
        }
    }
    grouped
}

fn push_ids(rows: &[Row<'_>], heads: &mut Heads, ids: &mut Vec<u8>, tokens: &mut BlockTokens) {
    let mut numbering: Numbering<TraceId> = Numbering::default();
    let mut count = 0_u32;
    for Row { record, .. } in rows {
        heads.traces.push(match record.trace_id {
            None => 0,
            Some(trace) => {
                let (number, is_new) = numbering.number(trace);
                if is_new {
                    count += 1;
                    ids.extend_from_slice(&trace.0);
                    tokens.add_hex(Some(trace.0));
                }
                count - number + u32::from(!is_new)
            }
        });
    }
    heads.trace_bytes = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    for Row { record, .. } in rows {
        heads.have_span.0.push(u8::from(record.span_id.is_some()));
        ids.extend(record.span_id.iter().flat_map(|id| id.0));
    }
    heads.span_bytes = u32::try_from(ids.len()).unwrap_or(u32::MAX) - heads.trace_bytes;
}

fn push_grouped<'r>(
    rows: &[&Row<'r>],
    heads: &mut Heads,
    tokens: &mut BlockTokens,
) -> RowAttributes {
    let mut templates: Numbering<TemplateId> = Numbering::default();
    let mut strings = BlockStrings::default();
    let mut columns = AttributeColumns::default();
    for Row { record, origin, .. } in rows {
        heads.origins.push(*origin);
        heads.severities.0.push(record.severity.0);
        heads.sites.0.push(record.site.map_or(0, CallSite::code));
        heads.templates.push(record.template.map_or(0, |template| {
            let (number, is_new) = templates.number(template);
            if is_new {
                heads.templates_distinct.push(template.0);
                tokens.add_token(&template_token(template));
            }
            number.saturating_add(1)
        }));
        columns.push(record.attributes(), &mut strings, &mut |text| tokens.add_text(text));
    }
    RowAttributes { columns, names: strings.names.finish(), values: strings.values.finish() }
}
