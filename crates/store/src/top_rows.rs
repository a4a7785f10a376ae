//! Keeps the newest or oldest rows of a search within a limit.

use groundcrew_telemetry::{LogRow, Timestamp};

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

    /// Whether a row of that time could still be among the best.
    pub(crate) fn wants(&self, time: Timestamp) -> bool {
        self.limit > 0
            && self.cutoff.is_none_or(
                |cutoff| {
                    if self.newest_first { time > cutoff } else { time < cutoff }
                },
            )
    }

    pub(crate) fn push(&mut self, time: Timestamp, row: LogRow) {
        self.rows.push((time, row));
        if self.rows.len() >= self.limit.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    pub(crate) fn finish(mut self) -> Vec<LogRow> {
        self.cut();
        self.rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Sorts the rows and drops the surplus. Called between sources too, so that later ones can be skipped.
    pub(crate) fn cut(&mut self) {
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
