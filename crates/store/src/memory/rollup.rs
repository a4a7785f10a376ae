//! Counts per slot of time, service, template, place in the code and severity, kept while rows are in memory.
//!
//! A cell points at its first and last row instead of copying their bodies; the bodies are copied once, when the
//! memory is sealed.

use std::sync::Arc;

use groundcrew_telemetry::{CallSite, LogRecord, Severity, TemplateId, Timestamp};
use rustc_hash::FxHashMap;

use crate::query::ServiceFilter;
use crate::slot::{minute_of, slot_of};

/// What a cell counts. A record without a template counts under template 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct CellKey {
    pub(crate) slot: i64,
    pub(crate) service: u32,
    pub(crate) template: TemplateId,
    pub(crate) site: Option<CallSite>,
    pub(crate) severity: Severity,
}

/// Where a row is in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RowAt {
    pub(crate) portion: u32,
    pub(crate) row: u32,
}

/// What is known of the records of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) count: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) first_at: RowAt,
    pub(crate) last_at: RowAt,
}

impl Cell {
    fn of(record: &LogRecord, row: u32) -> Self {
        let at = RowAt { portion: 0, row };
        Self { count: 1, first: record.time, last: record.time, first_at: at, last_at: at }
    }

    /// Adds a cell whose rows came later.
    fn merge(&mut self, later: &Self) {
        self.count += later.count;
        if later.first < self.first {
            self.first = later.first;
            self.first_at = later.first_at;
        }
        if later.last >= self.last {
            self.last = later.last;
            self.last_at = later.last_at;
        }
    }
}

/// The template a record counts under.
pub(crate) fn template_of(record: &LogRecord) -> TemplateId {
    record.template.unwrap_or(TemplateId(0))
}

/// What is counted apart within one service: slot, template, place in the code, severity.
pub(crate) type Counted = FxHashMap<(i64, TemplateId, Option<CallSite>, Severity), Cell>;

/// Counts the records of one portion, whose service is one.
pub(super) fn count_portion(records: &[LogRecord]) -> Counted {
    let mut cells = Counted::default();
    for (row, record) in records.iter().enumerate() {
        let cell = Cell::of(record, u32::try_from(row).unwrap_or(u32::MAX));
        cells
            .entry((slot_of(record.time), template_of(record), record.site, record.severity))
            .and_modify(|known| known.merge(&cell))
            .or_insert(cell);
    }
    cells
}

/// The cells of one memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryRollup {
    pub(crate) services: Vec<Arc<str>>,
    service_ids: FxHashMap<Arc<str>, u32>,
    pub(crate) cells: FxHashMap<CellKey, Cell>,
}

impl MemoryRollup {
    /// Adds the cells of portion number `portion`; says how many are new.
    pub(super) fn add(&mut self, portion: u32, service: &Arc<str>, counted: Counted) -> usize {
        let service = self.service_id(service);
        let cells_before = self.cells.len();
        for ((slot, template, site, severity), mut cell) in counted {
            cell.first_at.portion = portion;
            cell.last_at.portion = portion;
            self.cells
                .entry(CellKey { slot, service, template, site, severity })
                .and_modify(|known| known.merge(&cell))
                .or_insert(cell);
        }
        self.cells.len() - cells_before
    }

    /// As the file of a split does, of what is in memory.
    pub(crate) fn count(
        &self,
        (first_slot, last_slot): (i64, i64),
        template: Option<TemplateId>,
        services: ServiceFilter<'_>,
        add: &mut dyn FnMut(i64, Severity, u64),
    ) {
        let admitted: Vec<bool> = self.services.iter().map(|name| services.admits(name)).collect();
        for (key, cell) in &self.cells {
            if (first_slot..=last_slot).contains(&key.slot)
                && template.is_none_or(|template| key.template == template)
                && admitted.get(key.service as usize).copied().unwrap_or_default()
            {
                add(minute_of(key.slot), key.severity, cell.count);
            }
        }
    }

    fn service_id(&mut self, service: &Arc<str>) -> u32 {
        if let Some(id) = self.service_ids.get(service) {
            return *id;
        }
        let id = u32::try_from(self.services.len()).unwrap_or(u32::MAX);
        self.services.push(Arc::clone(service));
        self.service_ids.insert(Arc::clone(service), id);
        id
    }
}
