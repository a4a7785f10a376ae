//! What becomes of the rows that a search finds: the newest or oldest within a limit are kept, all are counted, or
//! somebody is called with each.

use groundcrew_telemetry::{LogRow, Severity, Timestamp};

/// What becomes of rows that match.
pub(crate) trait MatchSink {
    /// Whether a row of that time need be offered.
    fn wants(&self, time: Timestamp) -> bool;

    /// Takes a row; `make` makes it of what is stored, which costs more than all before.
    fn take(&mut self, time: Timestamp, severity: Severity, make: &mut dyn FnMut() -> LogRow);

    /// Called between sources: later ones may be skipped then.
    fn settle(&mut self);
}

/// Rows that are kept so far. Ties in time keep the order in which the rows were offered.
#[derive(Debug)]
pub(crate) struct TopRows {
    newest_first: bool,
    limit: usize,
    rows: Vec<(Timestamp, LogRow)>,
    /// Rows that are worse than this need not be offered.
    cutoff: Option<Timestamp>,
}

impl TopRows {
    pub(crate) const fn new(limit: usize, newest_first: bool) -> Self {
        Self { newest_first, limit, rows: Vec::new(), cutoff: None }
    }

    pub(crate) fn finish(mut self) -> Vec<LogRow> {
        self.settle();
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl MatchSink for TopRows {
    /// Whether a row of that time could still be among the best.
    fn wants(&self, time: Timestamp) -> bool {
        self.limit > 0
            && self.cutoff.is_none_or(
                |cutoff| {
                    if self.newest_first { time > cutoff } else { time < cutoff }
                },
            )
    }

    fn take(&mut self, time: Timestamp, _: Severity, make: &mut dyn FnMut() -> LogRow) {
        self.rows.push((time, make()));
        if self.rows.len() >= self.limit.saturating_mul(2).max(64) {
            self.settle();
        }
    }

    /// Sorts the rows and drops the surplus.
    fn settle(&mut self) {
        if self.newest_first {
            self.rows.sort_by_key(|row| std::cmp::Reverse(row.0));
        } else {
            self.rows.sort_by_key(|row| row.0);
        }
        self.rows.truncate(self.limit);
        if self.rows.len() == self.limit {
            self.cutoff = self.rows.last().map(|row| row.0);
        }
    }
}

/// Keeps the best rows and counts all.
pub(crate) struct CountedRows<'c> {
    pub(crate) top: TopRows,
    pub(crate) count: &'c mut dyn FnMut(Timestamp, Severity),
}

impl MatchSink for CountedRows<'_> {
    fn wants(&self, _: Timestamp) -> bool {
        true
    }

    fn take(&mut self, time: Timestamp, severity: Severity, make: &mut dyn FnMut() -> LogRow) {
        (self.count)(time, severity);
        if self.top.wants(time) {
            self.top.take(time, severity, make);
        }
    }

    fn settle(&mut self) {
        self.top.settle();
    }
}

/// Calls somebody with every row.
pub(crate) struct EachRow<'v> {
    pub(crate) visit: &'v mut dyn FnMut(LogRow),
}

impl MatchSink for EachRow<'_> {
    fn wants(&self, _: Timestamp) -> bool {
        true
    }

    fn take(&mut self, _: Timestamp, _: Severity, make: &mut dyn FnMut() -> LogRow) {
        (self.visit)(make());
    }

    fn settle(&mut self) {}
}
