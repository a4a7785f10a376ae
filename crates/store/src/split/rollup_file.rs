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
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::columns::Numbering;
use super::shown_rows::{ShownBuilder, ShownColumns};
use super::streams::Bytes;
use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};
use crate::memory::{CellKey, Memory, RowAt};
use crate::query::TemplateQuery;
use crate::service_numbers::ServiceNumbers;
use crate::slot::{first_slot_of_minute, minute_of};
use crate::template_fold::{CellFacts, Source, TemplateFold, WantedRows};

const KIND: FileKind = *b"GCru";
pub(super) const NAME: &str = "rollup.bin";

/// What is small is in the footer; a histogram of a busy day reads no more.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Footer {
    services: Vec<Arc<str>>,
    minutes: MinuteColumns,
    /// [`Cells`].
    cells: ChunkRef,
    /// [`ShownColumns`].
    pub(super) shown: ChunkRef,
}

#[derive(Default, Serialize, Deserialize)]
struct Cells {
    templates: Vec<u64>,
    columns: CellColumns,
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
    /// Numbers of rows, since the first row of the slot. Rows of a split are in the order of time, so that row's number is
    /// the count of all cells before the slot's. Of rows in another order the differences are longer, no more.
    first_rows: Vec<u32>,
    /// Since the first row.
    last_rows: Vec<u32>,
}

impl CellColumns {
    fn with_capacity(cells: usize) -> Self {
        Self {
            slots: Vec::with_capacity(cells),
            services: Vec::with_capacity(cells),
            templates: Vec::with_capacity(cells),
            sites: Bytes(Vec::with_capacity(cells)),
            severities: Bytes(Vec::with_capacity(cells)),
            counts: Vec::with_capacity(cells),
            first_rows: Vec::with_capacity(cells),
            last_rows: Vec::with_capacity(cells),
        }
    }
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

/// A cell with the numbers of its first and its last row.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberedCell {
    pub(super) key: CellKey,
    pub(super) count: u64,
    pub(super) first_row: u32,
    pub(super) last_row: u32,
}

/// Writes the rollup of `memory`, whose rows are written in `order`.
pub(super) fn write(
    dir: &Path,
    memory: &Memory,
    order: &[(Timestamp, RowAt)],
) -> Result<u64, StoreError> {
    let (services, cells) = counted(memory, order);
    let mut shown = ShownBuilder::default();
    for row in rows_to_show(services.names(), &cells) {
        let place = order.get(row as usize).map(|(_, place)| *place);
        let Some(record) = place.and_then(|place| memory.log_at(place)) else { continue };
        if !shown.push(row, record.time, record.body) {
            break;
        }
    }
    write_cells(dir, services.names(), &cells, &shown.finish())
}

/// Counts the rows of `memory` in their order; the services and the cells, [`sorted`]. Only those of one slot are looked up,
/// which are few enough to stay in the cache.
fn counted(memory: &Memory, order: &[(Timestamp, RowAt)]) -> (ServiceNumbers, Vec<NumberedCell>) {
    let mut services = ServiceNumbers::default();
    let of_portions = memory.logs.iter().map(|portion| services.number(&portion.origin.service));
    let of_portions: Vec<u32> = of_portions.collect();
    let mut cells: Vec<NumberedCell> = Vec::with_capacity(order.len());
    let mut places: FxHashMap<CellKey, usize> = FxHashMap::default();
    let mut slot_start = 0;
    for (row, (_, at)) in (0_u32..).zip(order) {
        let portion = memory.logs.get(at.portion as usize);
        let head = portion.and_then(|portion| portion.rows.heads().get(at.row as usize));
        let service = of_portions.get(at.portion as usize).copied();
        let Some((head, service)) = head.zip(service) else { continue };
        let key = CellKey::of(head, service);
        if cells.last().is_some_and(|last| last.key.slot != key.slot) {
            sort(cells.get_mut(slot_start..).unwrap_or_default());
            slot_start = cells.len();
            places.clear();
        }
        let place = *places.entry(key).or_insert(cells.len());
        match cells.get_mut(place) {
            Some(cell) => {
                cell.count += 1;
                cell.last_row = row;
            }
            None => cells.push(NumberedCell { key, count: 1, first_row: row, last_row: row }),
        }
    }
    sort(cells.get_mut(slot_start..).unwrap_or_default());
    (services, cells)
}

/// The cells in the order in which they are written.
pub(super) fn sorted(mut cells: Vec<NumberedCell>) -> Vec<NumberedCell> {
    sort(&mut cells);
    cells
}

fn sort(cells: &mut [NumberedCell]) {
    cells.sort_unstable_by_key(|cell| cell.key);
}

/// The numbers of the rows that a fold over all of `cells` may show, ascending.
pub(super) fn rows_to_show(services: &[Arc<str>], cells: &[NumberedCell]) -> Vec<u32> {
    let query = TemplateQuery { range: TimeRange::ALL, services: Vec::new() };
    let mut fold = TemplateFold::new(&query);
    let services = fold.service_ids(services);
    for cell in cells {
        let key = cell.key;
        let Some(service) = services.get(key.service as usize).copied().flatten() else { continue };
        let facts = CellFacts {
            slot: key.slot,
            count: cell.count,
            severity: key.severity,
            first_row: cell.first_row.into(),
            last_row: cell.last_row.into(),
        };
        fold.add(Source::unbounded(0), (service, key.template, key.site), facts);
    }
    let wanted = fold.wanted().remove(&0).map(WantedRows::all).unwrap_or_default();
    wanted.into_iter().filter_map(|at| u32::try_from(at.row).ok()).collect()
}

/// Writes a rollup of `cells`, which are [`sorted`].
pub(super) fn write_cells(
    dir: &Path,
    services: &[Arc<str>],
    cells: &[NumberedCell],
    shown: &ShownColumns,
) -> Result<u64, StoreError> {
    let mut footer = Footer { services: services.to_vec(), ..Footer::default() };
    let mut templates = Numbering::default();
    let mut written =
        Cells { columns: CellColumns::with_capacity(cells.len()), ..Cells::default() };
    let columns = &mut written.columns;
    let (mut slot_before, mut slot_row, mut rows) = (0_i64, 0_u32, 0_u32);
    for cell in cells {
        let key = &cell.key;
        if columns.slots.is_empty() || key.slot != slot_before {
            slot_row = rows;
        }
        rows = rows.wrapping_add(u32::try_from(cell.count).unwrap_or(u32::MAX));
        columns.slots.push(key.slot.wrapping_sub(slot_before));
        slot_before = key.slot;
        columns.services.push(key.service);
        let (template, is_new) = templates.number(key.template);
        if is_new {
            written.templates.push(key.template.0);
        }
        columns.templates.push(template);
        columns.sites.0.push(key.site.map_or(0, CallSite::code));
        columns.severities.0.push(key.severity.0);
        columns.counts.push(cell.count);
        columns.first_rows.push(cell.first_row.wrapping_sub(slot_row));
        columns.last_rows.push(cell.last_row.wrapping_sub(cell.first_row));
    }
    push_minutes(cells, &mut footer.minutes);
    let mut file = ChunkWriter::create(&dir.join(NAME), KIND)?;
    footer.cells = push(&mut file, &written)?;
    footer.shown = push(&mut file, shown)?;
    file.finish(&footer)
}

fn push<T: Serialize>(file: &mut ChunkWriter, part: &T) -> Result<ChunkRef, StoreError> {
    file.push(&postcard::to_stdvec(part).map_err(StoreError::encoding("a rollup"))?)
}

/// The footer, and a chunk of it.
pub(super) fn open_part<T: DeserializeOwned>(
    dir: &Path,
    part: impl Fn(&Footer) -> ChunkRef,
) -> Result<(ChunkFile, Footer, T), StoreError> {
    let (file, footer, _) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
    let raw = file.read(&part(&footer))?;
    let read = postcard::from_bytes(&raw).map_err(|error| file.damaged(error))?;
    Ok((file, footer, read))
}

fn push_minutes(cells: &[NumberedCell], columns: &mut MinuteColumns) {
    let mut minute_before = 0_i64;
    let minute = |cell: &NumberedCell| minute_of(cell.key.slot);
    for of_minute in cells.chunk_by(|one, other| minute(one) == minute(other)) {
        let mut counts: BTreeMap<(u32, Severity), u64> = BTreeMap::new();
        for cell in of_minute {
            *counts.entry((cell.key.service, cell.key.severity)).or_default() += cell.count;
        }
        let Some(minute) = of_minute.first().map(minute) else { continue };
        for ((service, severity), count) in counts {
            columns.minutes.push(minute.wrapping_sub(minute_before));
            minute_before = minute;
            columns.services.push(service);
            columns.severities.0.push(severity.0);
            columns.counts.push(count);
        }
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
#[derive(Debug)]
pub(crate) struct MinuteCounts {
    services: Vec<Arc<str>>,
    /// By ascending minute.
    minutes: Vec<StoredMinute>,
}

impl MinuteCounts {
    /// Opens the counts by minute of the split in `dir` alone; says how much memory they take, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, _) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        let minutes = Self::of(&file, footer)?;
        let bytes = minutes.bytes();
        Ok((minutes, bytes))
    }

    fn of(file: &ChunkFile, footer: Footer) -> Result<Self, StoreError> {
        let minutes = minutes_of(&footer.minutes)
            .ok_or_else(|| file.damaged("its columns differ in length"))?;
        Ok(Self { services: footer.services, minutes })
    }

    /// Memory it takes, about.
    fn bytes(&self) -> usize {
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
}

impl RollupFile {
    /// Opens the rollup of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, read) = open_part::<Cells>(dir, |footer| footer.cells)?;
        let cells =
            cells_of(&read.columns).ok_or_else(|| file.damaged("its columns differ in length"))?;
        let minutes = MinuteCounts::of(&file, footer)?;
        let bytes = size_of_val(cells.as_slice()) + minutes.bytes();
        Ok((Self { templates: read.templates, cells, minutes }, bytes))
    }

    /// The services that its cells refer to.
    pub(super) fn services(&self) -> &[Arc<str>] {
        &self.minutes.services
    }

    pub(super) const fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// All cells, with services as they are numbered here.
    pub(super) fn numbered(&self) -> impl Iterator<Item = NumberedCell> {
        self.cells.iter().map(|cell| NumberedCell {
            key: CellKey {
                slot: cell.slot,
                service: cell.service,
                template: self.template(cell),
                site: CallSite::from_code(cell.site),
                severity: cell.severity,
            },
            count: u64::from(cell.count),
            first_row: cell.first_row,
            last_row: cell.last_row,
        })
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
