//! Which rows of a slot of time may be the first or the last, as far as that is known before they are read.

use std::cmp::Ordering;

use groundcrew_telemetry::Timestamp;

/// Rows of one slot that are looked at to find the first or the last. When more sources overlap in it, one of their rows
/// may have been earlier, by less than a slot; their number must not decide what a question takes.
const CANDIDATES_MAX: usize = 8;

/// A row whose time and body are fetched only if they may be shown: which source, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct RowRef {
    pub(crate) source: u32,
    pub(crate) row: u64,
}

/// A row of a slot with the times between which it was written, as far as that is known of its source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded {
    pub(crate) at: RowRef,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// Whether a lower number of the same source is no later.
    pub(crate) is_ordered: bool,
}

/// Rows of one slot, of which one is the first or the last: which, their times will tell.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) slot: i64,
    pub(crate) rows: Vec<Bounded>,
}

impl Candidates {
    pub(crate) fn new(slot: i64, row: Bounded) -> Self {
        Self { slot, rows: vec![row] }
    }

    /// Begins anew with a row of another slot.
    fn begin(&mut self, slot: i64, row: Bounded) {
        self.slot = slot;
        self.rows.clear();
        self.rows.push(row);
    }

    /// Adds one that may be the first.
    pub(crate) fn add_first(&mut self, slot: i64, row: Bounded) {
        match slot.cmp(&self.slot) {
            Ordering::Less => self.begin(slot, row),
            Ordering::Greater => {}
            Ordering::Equal => {
                if let Some(known) = self.beside(&row) {
                    known.row = known.row.min(row.at.row);
                } else if !self.rows.iter().any(|known| known.last < row.first) {
                    self.rows.retain(|known| known.first <= row.last);
                    self.rows.push(row);
                    self.cut(|row| row.first.nanos());
                }
            }
        }
    }

    /// Adds one that may be the last.
    pub(crate) fn add_last(&mut self, slot: i64, row: Bounded) {
        match slot.cmp(&self.slot) {
            Ordering::Greater => self.begin(slot, row),
            Ordering::Less => {}
            Ordering::Equal => {
                if let Some(known) = self.beside(&row) {
                    known.row = known.row.max(row.at.row);
                } else if !self.rows.iter().any(|known| known.first > row.last) {
                    self.rows.retain(|known| known.last >= row.first);
                    self.rows.push(row);
                    self.cut(|row| row.last.nanos().saturating_neg());
                }
            }
        }
    }

    /// The row of the same source, if the numbers alone say which of the two came first.
    fn beside(&mut self, row: &Bounded) -> Option<&mut RowRef> {
        let of_source = |known: &&mut Bounded| known.at.source == row.at.source;
        let known = self.rows.iter_mut().filter(|_| row.is_ordered).find(of_source);
        known.map(|known| &mut known.at)
    }

    /// Keeps [`CANDIDATES_MAX`], those of the least keys.
    fn cut(&mut self, key: impl Fn(&Bounded) -> i64) {
        if self.rows.len() > CANDIDATES_MAX {
            let worst = self.rows.iter().enumerate().max_by_key(|(_, row)| key(row));
            if let Some((place, _)) = worst {
                self.rows.remove(place);
            }
        }
    }
}
