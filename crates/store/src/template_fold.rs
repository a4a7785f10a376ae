//! Adds up rollup cells from memory and splits into one row per service and template.
//!
//! Cells know the slot of their rows, not the time. So of a service and template all rows that may be the first or the last
//! are kept, as few as they are, until they have been fetched with the bodies that are shown.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use groundcrew_telemetry::{
    CallSite, LevelRow, LogRecord, Severity, SiteRow, TemplateId, TemplateRow, Timestamp,
};
use rustc_hash::FxHashMap;

use crate::memory::{Memory, RowAt};
use crate::query::{ServiceFilter, TemplateQuery};
use crate::slot::{SLOT_NANOS, minute_of};
use crate::templates::Templates;

/// Longest exemplar; the rest is cut off.
const EXEMPLAR_BYTES_MAX: usize = 2048;

/// One cell as the fold sees it, wherever it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellFacts {
    pub(crate) slot: i64,
    pub(crate) count: u64,
    pub(crate) severity: Severity,
    /// The first and the last row, by the numbering of the source.
    pub(crate) first_row: u64,
    pub(crate) last_row: u64,
}

/// A row whose time and body are fetched only if they may be shown: which source, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct RowRef {
    pub(crate) source: u32,
    pub(crate) row: u64,
}

/// Rows of one slot, of which one is the first or the last: which, their times will tell.
#[derive(Debug)]
struct Candidates {
    slot: i64,
    rows: Vec<RowRef>,
}

impl Candidates {
    fn new(slot: i64, row: RowRef) -> Self {
        Self { slot, rows: vec![row] }
    }

    /// Adds a row, unless its slot is beyond that of those known, told by `order`.
    fn add(&mut self, slot: i64, row: RowRef, order: Ordering) {
        match slot.cmp(&self.slot) {
            Ordering::Equal => self.rows.push(row),
            other if other == order => *self = Self::new(slot, row),
            _ => {}
        }
    }
}

#[derive(Debug)]
struct Pair {
    severity: Severity,
    count: u64,
    first: Candidates,
    last: Candidates,
    /// The busiest slot's first row: the one from the middle.
    peak: (u64, i64, RowRef),
    slots: Vec<(i64, u64)>,
    sites: Vec<Site>,
    levels: Vec<(Severity, Vec<(i64, u64)>)>,
}

/// One place in the code among those that write one line.
#[derive(Debug)]
struct Site {
    site: CallSite,
    first: Candidates,
    slots: Vec<(i64, u64)>,
}

impl Pair {
    fn add_site(&mut self, site: CallSite, first: RowRef, slot: (i64, u64)) {
        match self.sites.iter_mut().find(|known| known.site == site) {
            Some(known) => {
                known.first.add(slot.0, first, Ordering::Less);
                known.slots.push(slot);
            }
            None => {
                let first = Candidates::new(slot.0, first);
                self.sites.push(Site { site, first, slots: vec![slot] });
            }
        }
    }
}

/// The sum so far.
#[derive(Debug)]
pub(crate) struct TemplateFold<'q> {
    /// The first and the last slot asked for; nothing is asked for when they are crossed.
    pub(crate) slots: (i64, i64),
    pub(crate) services: ServiceFilter<'q>,
    names: Vec<Arc<str>>,
    ids: FxHashMap<Arc<str>, u32>,
    pairs: FxHashMap<(u32, TemplateId), Pair>,
    /// What was fetched.
    rows: FxHashMap<RowRef, (Timestamp, String)>,
}

impl<'q> TemplateFold<'q> {
    pub(crate) fn new(query: &'q TemplateQuery) -> Self {
        Self {
            slots: query.slots(),
            services: ServiceFilter(&query.services),
            names: Vec::new(),
            ids: FxHashMap::default(),
            pairs: FxHashMap::default(),
            rows: FxHashMap::default(),
        }
    }

    /// The fold's number for each of a source's services; `None` for those not asked for.
    pub(crate) fn service_ids(&mut self, services: &[Arc<str>]) -> Vec<Option<u32>> {
        services
            .iter()
            .map(|service| self.services.admits(service).then(|| self.service_id(service)))
            .collect()
    }

    fn service_id(&mut self, service: &Arc<str>) -> u32 {
        if let Some(id) = self.ids.get(service) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(service));
        self.ids.insert(Arc::clone(service), id);
        id
    }

    pub(crate) fn add(
        &mut self,
        source: u32,
        (service, template, site): (u32, TemplateId, Option<CallSite>),
        cell: CellFacts,
    ) {
        let first = RowRef { source, row: cell.first_row };
        let last = RowRef { source, row: cell.last_row };
        let slot = (cell.slot, cell.count);
        let pair = match self.pairs.entry((service, template)) {
            Entry::Occupied(known) => {
                let pair = known.into_mut();
                pair.first.add(cell.slot, first, Ordering::Less);
                pair.last.add(cell.slot, last, Ordering::Greater);
                let (peak_count, peak_slot, _) = pair.peak;
                if (cell.count, peak_slot) > (peak_count, cell.slot) {
                    pair.peak = (cell.count, cell.slot, first);
                }
                pair
            }
            Entry::Vacant(new) => new.insert(Pair {
                severity: cell.severity,
                count: 0,
                first: Candidates::new(cell.slot, first),
                last: Candidates::new(cell.slot, last),
                peak: (cell.count, cell.slot, first),
                slots: Vec::new(),
                sites: Vec::new(),
                levels: Vec::new(),
            }),
        };
        pair.severity = pair.severity.max(cell.severity);
        pair.count += cell.count;
        pair.slots.push(slot);
        match pair.levels.iter_mut().find(|(severity, _)| *severity == cell.severity) {
            Some((_, slots)) => slots.push(slot),
            None => pair.levels.push((cell.severity, vec![slot])),
        }
        if let Some(site) = site {
            pair.add_site(site, first, slot);
        }
    }

    /// Adds all cells of a memory, and fetches the bodies that may be shown while the memory is at hand.
    pub(crate) fn add_memory(&mut self, source: u32, memory: &Memory) {
        let services = self.service_ids(&memory.rollup.services);
        let (first_slot, last_slot) = self.slots;
        for (key, cell) in &memory.rollup.cells {
            if key.slot < first_slot || key.slot > last_slot {
                continue;
            }
            let Some(service) = services.get(key.service as usize).copied().flatten() else {
                continue;
            };
            let facts = CellFacts {
                slot: key.slot,
                count: cell.count,
                severity: key.severity,
                first_row: row_number(cell.first_at),
                last_row: row_number(cell.last_at),
            };
            self.add(source, (service, key.template, key.site), facts);
        }
        for at in self.rows_of(source) {
            if let Some(record) = memory_record(memory, at.row) {
                self.put_row(at, record.time, &record.body);
            }
        }
    }

    /// The rows of `source` that may be shown as things stand, in the source's order.
    pub(crate) fn rows_of(&self, source: u32) -> Vec<RowRef> {
        let shown = self.pairs.values().flat_map(|pair| {
            let sites = pair.sites.iter().flat_map(|site| &site.first.rows);
            pair.first.rows.iter().chain([&pair.peak.2]).chain(&pair.last.rows).chain(sites)
        });
        let mut wanted: Vec<RowRef> = shown.filter(|at| at.source == source).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    pub(crate) fn put_row(&mut self, at: RowRef, time: Timestamp, body: &str) {
        self.rows.insert(at, (time, capped(body).to_owned()));
    }

    /// The time of a row; that of its slot's start when it could not be read.
    fn time_of(&self, slot: i64, at: RowRef) -> Timestamp {
        let start = Timestamp::from_nanos(slot.saturating_mul(SLOT_NANOS));
        self.rows.get(&at).map_or(start, |(time, _)| *time)
    }

    /// The earliest of the rows with its time; of those of one moment the one that came first.
    fn earliest(&self, of: &Candidates) -> Option<(Timestamp, RowRef)> {
        of.rows.iter().map(|at| (self.time_of(of.slot, *at), *at)).min_by_key(|(time, _)| *time)
    }

    /// The latest of the rows with its time; of those of one moment the one that came last.
    fn latest(&self, of: &Candidates) -> Option<(Timestamp, RowRef)> {
        of.rows.iter().map(|at| (self.time_of(of.slot, *at), *at)).max_by_key(|(time, _)| *time)
    }

    /// The rows, by service, then most frequent first.
    pub(crate) fn finish(mut self, templates: &Templates) -> Vec<TemplateRow> {
        let pairs = std::mem::take(&mut self.pairs);
        let mut rows: Vec<TemplateRow> = pairs
            .into_iter()
            .map(|((service, template), pair)| {
                let service = self.names.get(service as usize);
                let service = service.map(ToString::to_string).unwrap_or_default();
                self.row(service, (template, templates.text(template)), pair)
            })
            .collect();
        rows.sort_by(|left, right| {
            (&left.service, right.count, left.template).cmp(&(
                &right.service,
                left.count,
                right.template,
            ))
        });
        rows
    }

    fn row(&self, service: String, template: (TemplateId, String), pair: Pair) -> TemplateRow {
        let (first, last) = (self.earliest(&pair.first), self.latest(&pair.last));
        let shown = [first, Some((Timestamp::MIN, pair.peak.2)), last];
        let (template, text) = template;
        TemplateRow {
            template,
            text,
            service,
            severity: pair.severity,
            count: pair.count,
            first: first.map(|(time, _)| time).unwrap_or_default(),
            last: last.map(|(time, _)| time).unwrap_or_default(),
            exemplars: self.exemplars(shown.into_iter().flatten().map(|(_, at)| at)),
            sites: self.sites(pair.sites),
            levels: levels(pair.levels),
            minutes: add_up_minutes(pair.slots),
        }
    }

    fn sites(&self, sites: Vec<Site>) -> Vec<SiteRow> {
        let mut rows: Vec<SiteRow> = sites
            .into_iter()
            .map(|site| SiteRow {
                site: site.site,
                count: site.slots.iter().map(|(_, count)| count).sum(),
                exemplar: self
                    .earliest(&site.first)
                    .and_then(|(_, at)| self.rows.get(&at))
                    .map(|(_, body)| body.clone())
                    .unwrap_or_default(),
                minutes: add_up_minutes(site.slots),
            })
            .collect();
        rows.sort_by_key(|row| row.site);
        rows
    }

    fn exemplars(&self, rows: impl Iterator<Item = RowRef>) -> Vec<String> {
        let mut shown: Vec<String> = Vec::with_capacity(3);
        for (_, body) in rows.filter_map(|at| self.rows.get(&at)) {
            if !shown.contains(body) {
                shown.push(body.clone());
            }
        }
        shown
    }
}

fn levels(mut levels: Vec<(Severity, Vec<(i64, u64)>)>) -> Vec<LevelRow> {
    if levels.len() < 2 {
        return Vec::new();
    }
    levels.sort_by_key(|(severity, _)| *severity);
    levels
        .into_iter()
        .map(|(severity, slots)| LevelRow {
            severity,
            count: slots.iter().map(|(_, count)| count).sum(),
            minutes: add_up_minutes(slots),
        })
        .collect()
}

/// `body`, no longer than [`EXEMPLAR_BYTES_MAX`].
pub(crate) fn capped(body: &str) -> &str {
    body.get(..body.floor_char_boundary(EXEMPLAR_BYTES_MAX)).unwrap_or(body)
}

fn add_up_minutes(mut slots: Vec<(i64, u64)>) -> Vec<(i64, u32)> {
    slots.sort_unstable();
    let mut added: Vec<(i64, u32)> = Vec::with_capacity(slots.len());
    for (slot, count) in slots {
        let (minute, count) = (minute_of(slot), u32::try_from(count).unwrap_or(u32::MAX));
        match added.last_mut() {
            Some(last) if last.0 == minute => last.1 = last.1.saturating_add(count),
            _ => added.push((minute, count)),
        }
    }
    added
}

const fn row_number(at: RowAt) -> u64 {
    ((at.portion as u64) << 32) | at.row as u64
}

fn memory_record(memory: &Memory, number: u64) -> Option<&LogRecord> {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    memory.log_at(RowAt { portion: half(number >> 32), row: half(number) })
}
