//! `rollup.bin`: the counts of a log split per slot of time, service, template, place in the code and severity, and those
//! per minute, service and severity.
//!
//! A cell says which rows of the split are its first and its last, by number; their times and bodies are in `rows.bin`.
//! In quiet systems most cells count one row, and a second copy of its text would be a second copy of the split. Only the
//! rows that are shown when the whole split is asked about, a few per service and template, are copied here: a question
//! about a day then reads no block, and where the rows are gone there is still something to show.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::{CallSite, Severity, TemplateId, TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::columns::{Numbering, Strings};
use super::streams::Bytes;
use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkWriter};
use crate::memory::{Cell, CellKey, Memory, RowAt};
use crate::query::TemplateQuery;
use crate::slot::{first_slot_of_minute, minute_of};
use crate::template_fold::{CellFacts, RowRef, Source, TemplateFold, capped};

const KIND: FileKind = *b"GCru";
pub(super) const NAME: &str = "rollup.bin";
/// Bytes of the bodies that are copied; with more templates than fit, rows are read for the rest.
const SHOWN_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Default, Serialize, Deserialize)]
struct Footer {
    services: Vec<Arc<str>>,
    templates: Vec<u64>,
    cells: CellColumns,
    minutes: MinuteColumns,
    shown: ShownColumns,
}

/// Rows that are shown when the whole split is asked about, by number.
#[derive(Default, Serialize, Deserialize)]
struct ShownColumns {
    /// Differences, ascending.
    rows: Vec<u32>,
    /// Differences, ascending.
    times: Vec<i64>,
    bodies: Strings,
}

/// Cells by slot, then service, template, place and severity.
#[derive(Default, Serialize, Deserialize)]
struct CellColumns {
    /// Differences, ascending.
    slots: Vec<i64>,
    services: Vec<u32>,
    templates: Vec<u32>,
    /// 0 for none.
    sites: Bytes,
    severities: Bytes,
    counts: Vec<u64>,
    /// Numbers of rows, since the first row of the slot. Rows are in the order of time, so that row's number is the count
    /// of all cells before the slot's.
    first_rows: Vec<u32>,
    /// Since the first row.
    last_rows: Vec<u32>,
}

/// Counts by minute, then service and severity.
#[derive(Default, Serialize, Deserialize)]
struct MinuteColumns {
    /// Differences, ascending.
    minutes: Vec<i64>,
    services: Vec<u32>,
    severities: Bytes,
    counts: Vec<u64>,
}

/// Writes the rollup of `memory`, whose rows are written in `order`.
pub(super) fn write(
    dir: &Path,
    memory: &Memory,
    order: &[(Timestamp, RowAt)],
) -> Result<u64, StoreError> {
    // Copied: sorted references into the table would be as many misses of the cache, three times over.
    let mut cells: Vec<(CellKey, Cell)> =
        memory.rollup.cells.iter().map(|(key, cell)| (*key, *cell)).collect();
    cells.sort_unstable_by_key(|(key, _)| *key);
    let numbers = RowNumbers::of(memory, order);
    let mut footer = Footer { services: memory.rollup.services.clone(), ..Footer::default() };
    let mut templates = Numbering::default();
    let columns = &mut footer.cells;
    let (mut slot_before, mut slot_row, mut rows) = (0_i64, 0_u32, 0_u32);
    for (key, cell) in &cells {
        if columns.slots.is_empty() || key.slot != slot_before {
            slot_row = rows;
        }
        rows = rows.wrapping_add(u32::try_from(cell.count).unwrap_or(u32::MAX));
        columns.slots.push(key.slot.wrapping_sub(slot_before));
        slot_before = key.slot;
        columns.services.push(key.service);
        let (template, is_new) = templates.number(key.template);
        if is_new {
            footer.templates.push(key.template.0);
        }
        columns.templates.push(template);
        columns.sites.0.push(key.site.map_or(0, CallSite::code));
        columns.severities.0.push(key.severity.0);
        columns.counts.push(cell.count);
        let first = numbers.get(cell.first_at);
        columns.first_rows.push(first.wrapping_sub(slot_row));
        columns.last_rows.push(numbers.get(cell.last_at).wrapping_sub(first));
    }
    push_minutes(&cells, &mut footer.minutes);
    push_shown(memory, order, (&cells, &numbers), &mut footer.shown);
    ChunkWriter::create(&dir.join(NAME), KIND)?.finish(&footer)
}

/// Which row of the split each row of memory becomes.
struct RowNumbers {
    /// Where the rows of each portion begin.
    starts: Vec<usize>,
    numbers: Vec<u32>,
}

impl RowNumbers {
    fn of(memory: &Memory, order: &[(Timestamp, RowAt)]) -> Self {
        let mut rows = 0;
        let starts = memory.logs.iter().map(|portion| {
            let start = rows;
            rows += portion.records.len();
            start
        });
        let starts = starts.collect();
        let mut numbers = Self { starts, numbers: vec![0; rows] };
        for (number, (_, at)) in (0_u32..).zip(order) {
            let place = numbers.place(*at);
            if let Some(slot) = place.and_then(|place| numbers.numbers.get_mut(place)) {
                *slot = number;
            }
        }
        numbers
    }

    fn place(&self, at: RowAt) -> Option<usize> {
        Some(self.starts.get(at.portion as usize)? + at.row as usize)
    }

    fn get(&self, at: RowAt) -> u32 {
        let place = self.place(at);
        place.and_then(|place| self.numbers.get(place)).copied().unwrap_or_default()
    }
}

fn push_minutes(cells: &[(CellKey, Cell)], columns: &mut MinuteColumns) {
    let mut minute_before = 0_i64;
    for of_minute in
        cells.chunk_by(|(one, _), (other, _)| minute_of(one.slot) == minute_of(other.slot))
    {
        let mut counts: BTreeMap<(u32, Severity), u64> = BTreeMap::new();
        for (key, cell) in of_minute {
            *counts.entry((key.service, key.severity)).or_default() += cell.count;
        }
        let Some((first, _)) = of_minute.first() else { continue };
        let minute = minute_of(first.slot);
        for ((service, severity), count) in counts {
            columns.minutes.push(minute.wrapping_sub(minute_before));
            minute_before = minute;
            columns.services.push(service);
            columns.severities.0.push(severity.0);
            columns.counts.push(count);
        }
    }
}

/// Copies what a fold over the whole split would fetch.
fn push_shown(
    memory: &Memory,
    order: &[(Timestamp, RowAt)],
    (cells, numbers): (&[(CellKey, Cell)], &RowNumbers),
    columns: &mut ShownColumns,
) {
    let query = TemplateQuery { range: TimeRange::ALL, services: Vec::new() };
    let mut fold = TemplateFold::new(&query);
    let services = fold.service_ids(&memory.rollup.services);
    for (key, cell) in cells {
        let Some(service) = services.get(key.service as usize).copied().flatten() else { continue };
        let facts = CellFacts {
            slot: key.slot,
            count: cell.count,
            severity: key.severity,
            first_row: numbers.get(cell.first_at).into(),
            last_row: numbers.get(cell.last_at).into(),
        };
        fold.add(Source::unbounded(0), (service, key.template, key.site), facts);
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
}

/// Rows that are at hand with their rollup: one text for all of them, because few are ever shown.
#[derive(Debug)]
struct Shown {
    /// Numbers of rows, ascending.
    rows: Vec<u32>,
    times: Vec<Timestamp>,
    text: String,
    /// Where each body ends in the text.
    ends: Vec<usize>,
}

impl Shown {
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

/// A cell as it is held in memory: a day of a quiet system has millions of them.
#[derive(Clone, Copy, Debug)]
struct StoredCell {
    slot: i64,
    service: u32,
    template: u32,
    count: u32,
    first_row: u32,
    last_row: u32,
    site: u8,
    severity: Severity,
}

#[derive(Clone, Copy, Debug)]
struct StoredMinute {
    minute: i64,
    service: u32,
    count: u32,
    severity: Severity,
}

/// The counts by minute, service and severity alone: small enough to be kept of many splits.
#[derive(Clone, Debug)]
pub(crate) struct MinuteCounts {
    services: Vec<Arc<str>>,
    /// By ascending minute.
    minutes: Vec<StoredMinute>,
}

impl MinuteCounts {
    /// Memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.services.as_slice()) + size_of_val(self.minutes.as_slice())
    }

    /// Calls `add` with minute, severity and count of what `admits` lets pass, in minutes from `begin` to before `end`.
    pub(crate) fn count(
        &self,
        (begin, end): (i64, i64),
        admits: &dyn Fn(&str) -> bool,
        add: &mut dyn FnMut(i64, Severity, u64),
    ) {
        let admitted = admitted(&self.services, admits);
        let from = self.minutes.partition_point(|counted| counted.minute < begin);
        let inside = self.minutes.iter().skip(from).take_while(|counted| counted.minute < end);
        for counted in inside {
            if admitted.get(counted.service as usize).copied().unwrap_or_default() {
                add(counted.minute, counted.severity, u64::from(counted.count));
            }
        }
    }
}

fn admitted(services: &[Arc<str>], admits: &dyn Fn(&str) -> bool) -> Vec<bool> {
    services.iter().map(|service| admits(service)).collect()
}

/// A rollup that was read back.
#[derive(Debug)]
pub(crate) struct RollupFile {
    templates: Vec<u64>,
    /// By ascending slot.
    cells: Vec<StoredCell>,
    minutes: MinuteCounts,
    shown: Shown,
}

impl RollupFile {
    /// Opens the rollup of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, _) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        let read = cells_of(&footer.cells).zip(minutes_of(&footer.minutes));
        let (cells, minutes) = read.ok_or_else(|| file.damaged("its columns differ in length"))?;
        let Footer { services, templates, shown, .. } = footer;
        let shown = Shown::of(shown);
        let minutes = MinuteCounts { services, minutes };
        let bytes = size_of_val(cells.as_slice()) + minutes.bytes() + shown.bytes();
        Ok((Self { templates, cells, minutes, shown }, bytes))
    }

    /// The counts by minute.
    pub(crate) const fn minutes(&self) -> &MinuteCounts {
        &self.minutes
    }

    /// Gives the fold the rows of `wanted` that are at hand; says which are not.
    pub(crate) fn show(&self, wanted: Vec<RowRef>, fold: &mut TemplateFold<'_>) -> Vec<RowRef> {
        let mut missing = wanted;
        missing.retain(|at| match self.shown.get(at.row) {
            Some((time, body)) => {
                fold.put_row(*at, time, body);
                false
            }
            None => true,
        });
        missing
    }

    /// Adds the cells that the fold asks for.
    pub(crate) fn fold(&self, source: Source, fold: &mut TemplateFold<'_>) {
        let services = fold.service_ids(&self.minutes.services);
        for cell in self.cells_in(fold.slots) {
            let service = services.get(cell.service as usize).copied().flatten();
            let Some(service) = service else { continue };
            let facts = CellFacts {
                slot: cell.slot,
                count: u64::from(cell.count),
                severity: cell.severity,
                first_row: u64::from(cell.first_row),
                last_row: u64::from(cell.last_row),
            };
            let site = CallSite::from_code(cell.site);
            fold.add(source, (service, self.template(cell), site), facts);
        }
    }

    /// Calls `add` with minute, severity and count of what `admits` lets pass, from the first to the last of `slots`.
    /// Whole minutes are added up already, unless one template is asked for.
    pub(crate) fn count(
        &self,
        slots: (i64, i64),
        template: Option<TemplateId>,
        admits: &dyn Fn(&str) -> bool,
        add: &mut dyn FnMut(i64, Severity, u64),
    ) {
        let admitted = admitted(&self.minutes.services, admits);
        let wanted = |service: u32| admitted.get(service as usize).copied().unwrap_or_default();
        let (first_slot, last_slot) = slots;
        let mut add_cells = |slots: (i64, i64)| {
            for cell in self.cells_in(slots) {
                if wanted(cell.service)
                    && template.is_none_or(|template| self.template(cell) == template)
                {
                    add(minute_of(cell.slot), cell.severity, u64::from(cell.count));
                }
            }
        };
        // The minutes that lie whole inside.
        let begin = minute_of(first_slot.saturating_sub(1)) + 1;
        let end = minute_of(last_slot.saturating_add(1));
        if template.is_some() || begin >= end {
            return add_cells(slots);
        }
        add_cells((first_slot, first_slot_of_minute(begin) - 1));
        add_cells((first_slot_of_minute(end), last_slot));
        self.minutes.count((begin, end), admits, add);
    }

    fn cells_in(&self, (first, last): (i64, i64)) -> impl Iterator<Item = &StoredCell> {
        let begin = self.cells.partition_point(|cell| cell.slot < first);
        self.cells.iter().skip(begin).take_while(move |cell| cell.slot <= last)
    }

    fn template(&self, cell: &StoredCell) -> TemplateId {
        TemplateId(self.templates.get(cell.template as usize).copied().unwrap_or_default())
    }
}

/// `None` when the columns do not fit together.
fn cells_of(columns: &CellColumns) -> Option<Vec<StoredCell>> {
    let mut cells: Vec<StoredCell> = Vec::with_capacity(columns.slots.len());
    let (mut slot, mut slot_row, mut rows) = (0_i64, 0_u32, 0_u32);
    for (place, delta) in columns.slots.iter().enumerate() {
        if *delta != 0 {
            slot_row = rows;
        }
        slot = slot.wrapping_add(*delta);
        // A cell counts rows of one split, which has no more than 32 bits can number.
        let count = u32::try_from(*columns.counts.get(place)?).unwrap_or(u32::MAX);
        rows = rows.wrapping_add(count);
        let first_row = slot_row.wrapping_add(*columns.first_rows.get(place)?);
        cells.push(StoredCell {
            slot,
            service: *columns.services.get(place)?,
            template: *columns.templates.get(place)?,
            count,
            first_row,
            last_row: first_row.wrapping_add(*columns.last_rows.get(place)?),
            site: *columns.sites.0.get(place)?,
            severity: Severity(*columns.severities.0.get(place)?),
        });
    }
    Some(cells)
}

fn minutes_of(columns: &MinuteColumns) -> Option<Vec<StoredMinute>> {
    let mut minute = 0_i64;
    columns
        .minutes
        .iter()
        .enumerate()
        .map(|(place, delta)| {
            minute = minute.wrapping_add(*delta);
            Some(StoredMinute {
                minute,
                service: *columns.services.get(place)?,
                count: u32::try_from(*columns.counts.get(place)?).unwrap_or(u32::MAX),
                severity: Severity(*columns.severities.0.get(place)?),
            })
        })
        .collect()
}
