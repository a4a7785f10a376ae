//! Counts per slot of time, service, template, place in the code and severity, of rows in memory.
//!
//! They are made when somebody asks, of what came since they were asked for last: in sparse telemetry nearly every record
//! makes a cell, and a seal counts in the order of time, which takes a fraction of that. A cell points at its first and
//! last row instead of copying their bodies.

use std::sync::Arc;

use groundcrew_telemetry::{CallSite, Severity, TemplateId, Timestamp};
use rustc_hash::FxHashMap;

use super::packed_logs::LogHead;
use super::portions::LogPortion;
use crate::query::ServiceFilter;
use crate::service_numbers::ServiceNumbers;
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

impl CellKey {
    /// What counts a record of a service, which is told by number.
    pub(crate) fn of(head: &LogHead, service: u32) -> Self {
        Self {
            slot: slot_of(head.time),
            service,
            template: head.template,
            site: head.site,
            severity: head.severity,
        }
    }
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
    fn of(time: Timestamp, at: RowAt) -> Self {
        Self { count: 1, first: time, last: time, first_at: at, last_at: at }
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

/// The cells of one memory, as far as they were counted.
#[derive(Debug, Default)]
pub(crate) struct MemoryRollup {
    pub(crate) services: ServiceNumbers,
    pub(crate) cells: FxHashMap<CellKey, Cell>,
    /// Portions that are counted.
    portions: u32,
}

impl MemoryRollup {
    /// Counts the portions of a memory that are not counted yet.
    pub(super) fn count_up_to(&mut self, portions: &[Arc<LogPortion>]) {
        for portion in portions.iter().skip(self.portions as usize) {
            let service = self.services.number(&portion.origin.service);
            for (row, head) in (0_u32..).zip(portion.rows.heads()) {
                let cell = Cell::of(head.time, RowAt { portion: self.portions, row });
                self.cells
                    .entry(CellKey::of(head, service))
                    .and_modify(|known| known.merge(&cell))
                    .or_insert(cell);
            }
            self.portions += 1;
        }
    }

    /// As the file of a split does, of what is in memory.
    pub(crate) fn count(
        &self,
        (first_slot, last_slot): (i64, i64),
        template: Option<TemplateId>,
        services: ServiceFilter<'_>,
        add: &mut dyn FnMut(i64, Severity, u64),
    ) {
        let admitted: Vec<bool> =
            self.services.names().iter().map(|name| services.admits(name)).collect();
        for (key, cell) in &self.cells {
            if (first_slot..=last_slot).contains(&key.slot)
                && template.is_none_or(|template| key.template == template)
                && admitted.get(key.service as usize).copied().unwrap_or_default()
            {
                add(minute_of(key.slot), key.severity, cell.count);
            }
        }
    }
}
