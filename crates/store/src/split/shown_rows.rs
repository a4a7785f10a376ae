//! The part of `rollup.bin` with the rows that are shown when a whole split is asked about: times and bodies. Of the splits of
//! a question few have a row that comes to be shown, so it is read apart from the counts.

use std::path::Path;

use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::columns::Strings;
use super::rollup_file::{self, RowNumbers};
use crate::StoreError;
use crate::memory::{Cell, CellKey, Memory, RowAt};
use crate::query::TemplateQuery;
use crate::template_fold::{RowRef, Source, TemplateFold, capped};

/// Bytes of the bodies that are copied; with more templates than fit, rows are read for the rest.
const SHOWN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rows that are shown when the whole split is asked about, by number.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct ShownColumns {
    /// Differences, ascending.
    rows: Vec<u32>,
    /// Differences, ascending.
    times: Vec<i64>,
    bodies: Strings,
}

impl ShownColumns {
    /// Copies what a fold over the whole split would fetch.
    pub(super) fn of(
        memory: &Memory,
        order: &[(Timestamp, RowAt)],
        (cells, numbers): (&[(CellKey, Cell)], &RowNumbers),
    ) -> Self {
        let mut columns = Self::default();
        let query = TemplateQuery { range: TimeRange::ALL, services: Vec::new() };
        let mut fold = TemplateFold::new(&query);
        let services = fold.service_ids(&memory.rollup.services);
        for (key, cell) in cells {
            let number = |at| numbers.get(at).into();
            fold.add_cell(Source::unbounded(0), &services, (key, cell), &number);
        }
        let (mut row_before, mut time_before, mut bytes) = (0_u32, 0_i64, 0);
        for at in fold.wanted().rows.remove(&0).unwrap_or_default() {
            let Ok(row) = u32::try_from(at.row) else { break };
            let place = order.get(row as usize).map(|(_, place)| *place);
            let Some(record) = place.and_then(|place| memory.log_at(place)) else { continue };
            let body = capped(&record.body);
            bytes += body.len();
            if bytes > SHOWN_BYTES_MAX {
                break;
            }
            columns.rows.push(row.wrapping_sub(row_before));
            columns.times.push(record.time.nanos().wrapping_sub(time_before));
            columns.bodies.push(body);
            (row_before, time_before) = (row, record.time.nanos());
        }
        columns
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
    fn get(&self, row: u64) -> Option<(Timestamp, &str)> {
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
