//! The part of `rollup.bin` with the rows that are shown when a whole split is asked about: times and bodies. Of the splits of
//! a question few have a row that comes to be shown, so it is read apart from the counts.

use std::path::Path;

use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use super::columns::Strings;
use super::rollup_file;
use crate::StoreError;
use crate::first_rows::RowRef;
use crate::template_fold::{TemplateFold, capped};

/// Bytes of the bodies that are copied; with more templates than fit, rows are read for the rest.
const SHOWN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rows that are shown when the whole split is asked about, by number.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct ShownColumns {
    /// Differences, ascending.
    rows: Vec<u32>,
    /// Differences.
    times: Vec<i64>,
    bodies: Strings,
}

/// Gathers [`ShownColumns`].
#[derive(Default)]
pub(super) struct ShownBuilder {
    columns: ShownColumns,
    row_before: u32,
    time_before: i64,
    bytes: usize,
}

impl ShownBuilder {
    /// Adds a row, whose number is above those before; says whether there was room for it.
    pub(super) fn push(&mut self, row: u32, time: Timestamp, body: &str) -> bool {
        let body = capped(body);
        if self.bytes + body.len() > SHOWN_BYTES_MAX {
            return false;
        }
        self.bytes += body.len();
        self.columns.rows.push(row.wrapping_sub(self.row_before));
        self.columns.times.push(time.nanos().wrapping_sub(self.time_before));
        self.columns.bodies.push(body);
        (self.row_before, self.time_before) = (row, time.nanos());
        true
    }

    pub(super) fn finish(self) -> ShownColumns {
        self.columns
    }
}

/// Rows that are at hand: one text for all of them, because few are ever shown.
#[derive(Debug)]
pub(crate) struct ShownRows {
    /// Numbers of rows, ascending.
    rows: Vec<u32>,
    times: Vec<Timestamp>,
    text: String,
    /// Where each body ends in the text.
    ends: Vec<usize>,
}

impl ShownRows {
    /// Opens those of the split in `dir`; says how much memory they take, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (_, _, columns) = rollup_file::open_part::<ShownColumns>(dir, |footer| footer.shown)?;
        let shown = Self::of(columns);
        let bytes = shown.bytes();
        Ok((shown, bytes))
    }

    /// Gives the fold the rows of `wanted` that are at hand; says which are not.
    pub(crate) fn show(&self, wanted: Vec<RowRef>, fold: &mut TemplateFold<'_>) -> Vec<RowRef> {
        let mut missing = wanted;
        missing.retain(|at| match self.get(at.row) {
            Some((time, body)) => {
                fold.put_row(*at, time, body);
                false
            }
            None => true,
        });
        missing
    }

    fn of(columns: ShownColumns) -> Self {
        let (mut row, mut time, mut end) = (0_u32, 0_i64, 0_usize);
        let rows = columns.rows.iter().map(|rows| {
            row = row.wrapping_add(*rows);
            row
        });
        let times = columns.times.iter().map(|nanos| {
            time = time.wrapping_add(*nanos);
            Timestamp::from_nanos(time)
        });
        let (rows, times) = (rows.collect(), times.collect());
        let (text, lengths) = columns.bodies.into_parts();
        let ends = lengths.iter().map(|length| {
            end = end.saturating_add(*length as usize);
            end
        });
        Self { rows, times, ends: ends.collect(), text }
    }

    /// Time and body of a row that is at hand. Lengths that do not fit the text give an empty body.
    pub(super) fn get(&self, row: u64) -> Option<(Timestamp, &str)> {
        let row = u32::try_from(row).ok()?;
        let place = self.rows.binary_search(&row).ok()?;
        let start =
            place.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let body = self.text.get(start..*self.ends.get(place)?).unwrap_or_default();
        Some((*self.times.get(place)?, body))
    }

    fn bytes(&self) -> usize {
        size_of_val(self.rows.as_slice())
            + size_of_val(self.times.as_slice())
            + size_of_val(self.ends.as_slice())
            + self.text.len()
    }
}
