//! Cuts spans down to about a limit without tearing traces apart.
//!
//! Traces are taken in the order of a hash of their id until the limit is reached. The hash is fixed, so the same data
//! give the same traces whatever order they were read in, and a trace is kept in every query that would show a part.
//! Splits keep their spans in this order too, so that a sample reads the beginning of each and no more (ADR 7).

use groundcrew_telemetry::{SpanRow, TraceId};

use crate::Found;

/// A trace's place in the sample.
pub(crate) fn sample_hash(trace_id: TraceId) -> u64 {
    // Trace ids are random by specification but not in practice: some senders count or put a time in front.
    let [a, b, c, d, e, f, g, h, rest @ ..] = trace_id.0;
    let mut mixed =
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ u64::from_le_bytes(rest).rotate_left(32);
    for multiplier in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        mixed ^= mixed >> 33;
        mixed = mixed.wrapping_mul(multiplier);
    }
    mixed ^ (mixed >> 33)
}

/// About `limit` of the rows in whole traces, the same that [`Store::spans`](crate::Store::spans) would choose among
/// them; by start.
#[must_use]
pub fn sample_spans<'a>(
    rows: impl IntoIterator<Item = &'a SpanRow>,
    limit: usize,
) -> Found<SpanRow> {
    let mut sample = SpanSample::new(limit, u64::MAX);
    rows.into_iter().for_each(|row| sample.offer(row.span.trace_id, || row.clone()));
    let (rows, matched) = sample.finish();
    Found { rows, matched }
}

/// Spans that are kept so far.
#[derive(Debug)]
pub(crate) struct SpanSample {
    limit: usize,
    rows: Vec<(u64, SpanRow)>,
    matched: u64,
    /// Traces whose hash is not above this are out.
    hash_above: Option<u64>,
    /// Traces whose hash is above are out.
    hash_max: u64,
    /// Whether traces were left out because there were enough.
    was_cut: bool,
}

impl SpanSample {
    /// A sample that leaves out traces above `hash_max` from the beginning.
    pub(crate) const fn new(limit: usize, hash_max: u64) -> Self {
        Self { limit, rows: Vec::new(), matched: 0, hash_above: None, hash_max, was_cut: false }
    }

    /// A sample of the traces above `hash`.
    pub(crate) fn above(limit: usize, hash: u64) -> Self {
        Self { hash_above: Some(hash), ..Self::new(limit, u64::MAX) }
    }

    /// Whether a trace of that hash or of a greater one may be in the sample.
    pub(crate) const fn admits_from(&self, hash: u64) -> bool {
        hash <= self.hash_max && self.limit > 0
    }

    fn admits(&self, hash: u64) -> bool {
        self.admits_from(hash) && self.hash_above.is_none_or(|above| hash > above)
    }

    /// Counts spans that match and are not offered, because their traces are not admitted.
    pub(crate) const fn count_unread(&mut self, spans: u64) {
        self.matched += spans;
    }

    /// Whether admitting more traces would not change it.
    pub(crate) const fn is_full(&self) -> bool {
        self.was_cut || self.rows.len() >= self.limit
    }

    /// Counts a matching span; the row is made only if it may stay.
    pub(crate) fn offer(&mut self, trace_id: TraceId, row: impl FnOnce() -> SpanRow) {
        self.matched += 1;
        let hash = sample_hash(trace_id);
        if !self.admits(hash) {
            return;
        }
        self.rows.push((hash, row()));
        if self.rows.len() >= self.limit.saturating_mul(2).max(1024) {
            self.cut();
        }
    }

    /// The rows by start, and how many spans matched.
    pub(crate) fn finish(mut self) -> (Vec<SpanRow>, u64) {
        self.cut();
        let mut rows: Vec<SpanRow> = self.rows.into_iter().map(|(_, row)| row).collect();
        rows.sort_by(|left, right| sort_key(left).cmp(&sort_key(right)));
        // One trace alone may exceed the limit.
        rows.truncate(self.limit);
        (rows, self.matched)
    }

    /// Keeps the traces of smallest hash that fit, at least one.
    fn cut(&mut self) {
        if self.rows.len() <= self.limit {
            return;
        }
        self.rows.sort_by_key(|(hash, _)| *hash);
        let hash_at = |position: usize| self.rows.get(position).map(|(hash, _)| *hash);
        let Some(first_out) = hash_at(self.limit) else { return };
        let fitting = self.rows.partition_point(|(hash, _)| *hash < first_out);
        let (kept, hash_max) = if fitting == 0 {
            (self.rows.partition_point(|(hash, _)| *hash <= first_out), first_out)
        } else {
            (fitting, hash_at(fitting - 1).unwrap_or(first_out))
        };
        self.rows.truncate(kept);
        self.hash_max = hash_max;
        self.was_cut = true;
    }
}

fn sort_key(row: &SpanRow) -> impl Ord {
    (row.span.start, row.span.trace_id, row.span.span_id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use groundcrew_telemetry::{
        Attributes, Resource, Span, SpanId, SpanKind, SpanStatus, Timestamp,
    };

    use super::*;

    fn row(trace: u64, number: u64) -> SpanRow {
        let mut id = [7; 16];
        id[8..].copy_from_slice(&trace.to_be_bytes());
        let start = Timestamp::from_secs(number as i64);
        let span = Span {
            trace_id: TraceId(id),
            span_id: SpanId(number.to_be_bytes()),
            parent_span_id: None,
            name: String::new(),
            kind: SpanKind::Internal,
            start,
            end: start,
            status: SpanStatus::default(),
            attributes: Attributes::default(),
            events: Vec::new(),
        };
        SpanRow { resource: Arc::new(Resource::default()), span }
    }

    fn sample(rows: impl Iterator<Item = SpanRow>, limit: usize) -> (Vec<SpanRow>, u64) {
        let mut sample = SpanSample::new(limit, u64::MAX);
        for row in rows {
            sample.offer(row.span.trace_id, || row.clone());
        }
        sample.finish()
    }

    #[test]
    fn whole_traces_are_kept_in_any_order_of_reading() {
        let rows: Vec<SpanRow> = (0..20_000).map(|number| row(number / 10, number)).collect();
        let (forward, matched) = sample(rows.iter().cloned(), 500);
        assert_eq!(matched, 20_000);
        assert_eq!(sample(rows.iter().rev().cloned(), 500).0, forward);
        let mut by_trace: BTreeMap<TraceId, usize> = BTreeMap::new();
        for row in &forward {
            *by_trace.entry(row.span.trace_id).or_default() += 1;
        }
        assert!(by_trace.values().all(|spans| *spans == 10));
        assert_eq!(forward.len(), 500);
    }

    #[test]
    fn one_huge_trace_is_cut_at_the_limit() {
        let (kept, matched) = sample((0..5_000).map(|number| row(1, number)), 100);
        assert_eq!((kept.len(), matched), (100, 5_000));
        assert_eq!(sample((0..10).map(|number| row(1, number)), 0).0, []);
    }
}
