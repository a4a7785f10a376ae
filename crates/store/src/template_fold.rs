//! Adds up rollup cells from memory and splits into one row per service and template.
//!
//! Cells know the slot of their rows, not the time. So of a service and template all rows that may be the first or the last
//! are kept, as few as they are, until they have been fetched with the bodies that are shown.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use groundcrew_telemetry::{
    CallSite, LevelRow, LogRecord, Severity, SiteRow, TemplateId, TemplateRow, Timestamp,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::memory::{Cell, CellKey, Memory, RowAt};
use crate::query::{ServiceFilter, TemplateQuery};
use crate::slot::{SLOT_NANOS, minute_of, slot_of};
use crate::split::Split;
use crate::templates::Templates;

/// Longest exemplar; the rest is cut off.
const EXEMPLAR_BYTES_MAX: usize = 2048;
/// Rows of one slot that are looked at to find the first or the last. When more sources overlap in it, one of their rows
/// may have been earlier, by less than a slot; their number must not decide what a question takes.
const CANDIDATES_MAX: usize = 8;

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

/// Rows that may be shown and have to be fetched.
#[derive(Debug, Default)]
pub(crate) struct WantedRows {
    /// By source, each in the source's order.
    pub(crate) rows: FxHashMap<u32, Vec<RowRef>>,
    /// The sources of first and last rows; of the others only rows from the middle are wanted.
    pub(crate) ends: FxHashSet<u32>,
}

/// Where cells come from: its number, and when its rows began and ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) number: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Source {
    /// One of which only the slots are known.
    pub(crate) const fn unbounded(number: u32) -> Self {
        Self { number, first: Timestamp::MIN, last: Timestamp::MAX }
    }
}

/// A row of a slot with the times between which it was written, as far as that is known of its source.
#[derive(Clone, Copy, Debug)]
struct Bounded {
    at: RowRef,
    first: Timestamp,
    last: Timestamp,
}

/// Rows of one slot, of which one is the first or the last: which, their times will tell.
#[derive(Debug)]
struct Candidates {
    slot: i64,
    rows: Vec<Bounded>,
}

impl Candidates {
    fn new(slot: i64, row: Bounded) -> Self {
        Self { slot, rows: vec![row] }
    }

    /// Adds one that may be the first.
    fn add_first(&mut self, slot: i64, row: Bounded) {
        if slot < self.slot {
            *self = Self::new(slot, row);
        } else if slot == self.slot && !self.rows.iter().any(|known| known.last < row.first) {
            self.rows.retain(|known| known.first <= row.last);
            self.rows.push(row);
            self.cut(|row| row.first.nanos());
        }
    }

    /// Adds one that may be the last.
    fn add_last(&mut self, slot: i64, row: Bounded) {
        if slot > self.slot {
            *self = Self::new(slot, row);
        } else if slot == self.slot && !self.rows.iter().any(|known| known.first > row.last) {
            self.rows.retain(|known| known.last >= row.first);
            self.rows.push(row);
            self.cut(|row| row.last.nanos().saturating_neg());
        }
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

#[derive(Debug)]
struct Pair {
    severity: Severity,
    count: u64,
    first: Candidates,
    last: Candidates,
    /// The busiest slot's first row: the one from the middle.
    peak: (u64, i64, RowRef),
    minutes: Minutes,
    sites: Vec<Site>,
    levels: Vec<(Severity, Minutes)>,
}

/// One place in the code among those that write one line.
#[derive(Debug)]
struct Site {
    site: CallSite,
    first: Candidates,
    minutes: Minutes,
}

/// Counts by minute. A busy minute lies in many splits, which come in the order of time, or nearly so: what follows what
/// it belongs to is added to it at once, so that this grows with the time and not with the number of splits.
#[derive(Debug, Default)]
struct Minutes(Vec<(i64, u64)>);

impl Minutes {
    fn add(&mut self, slot: i64, count: u64) {
        let minute = minute_of(slot);
        match self.0.last_mut() {
            Some((last, known)) if *last == minute => *known = known.saturating_add(count),
            _ => self.0.push((minute, count)),
        }
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Ascending, each minute once.
    fn finish(mut self) -> Vec<(i64, u32)> {
        self.0.sort_unstable();
        let mut added: Vec<(i64, u32)> = Vec::with_capacity(self.0.len());
        for (minute, count) in self.0 {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            match added.last_mut() {
                Some(last) if last.0 == minute => last.1 = last.1.saturating_add(count),
                _ => added.push((minute, count)),
            }
        }
        added
    }
}

impl Pair {
    fn add_site(&mut self, site: CallSite, first: Bounded, (slot, count): (i64, u64)) {
        if let Some(known) = self.sites.iter_mut().find(|known| known.site == site) {
            known.first.add_first(slot, first);
            known.minutes.add(slot, count);
            return;
        }
        let mut minutes = Minutes::default();
        minutes.add(slot, count);
        self.sites.push(Site { site, first: Candidates::new(slot, first), minutes });
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

    /// Whether a split may have something that is asked for.
    pub(crate) fn asks(&self, split: &Split) -> bool {
        let (first, last) = (slot_of(split.meta.first), slot_of(split.meta.last));
        first <= self.slots.1 && self.slots.0 <= last && split.has_any_of(self.services)
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
        source: Source,
        (service, template, site): (u32, TemplateId, Option<CallSite>),
        cell: CellFacts,
    ) {
        let bounded = |row: u64| {
            let at = RowRef { source: source.number, row };
            Bounded { at, first: source.first, last: source.last }
        };
        let (first, last) = (bounded(cell.first_row), bounded(cell.last_row));
        let pair = match self.pairs.entry((service, template)) {
            Entry::Occupied(known) => {
                let pair = known.into_mut();
                pair.first.add_first(cell.slot, first);
                pair.last.add_last(cell.slot, last);
                let (peak_count, peak_slot, _) = pair.peak;
                if (cell.count, peak_slot) > (peak_count, cell.slot) {
                    pair.peak = (cell.count, cell.slot, first.at);
                }
                pair
            }
            Entry::Vacant(new) => new.insert(Pair {
                severity: cell.severity,
                count: 0,
                first: Candidates::new(cell.slot, first),
                last: Candidates::new(cell.slot, last),
                peak: (cell.count, cell.slot, first.at),
                minutes: Minutes::default(),
                sites: Vec::new(),
                levels: Vec::new(),
            }),
        };
        pair.severity = pair.severity.max(cell.severity);
        pair.count += cell.count;
        pair.minutes.add(cell.slot, cell.count);
        let level = pair.levels.iter().position(|(severity, _)| *severity == cell.severity);
        let level = level.unwrap_or_else(|| {
            pair.levels.push((cell.severity, Minutes::default()));
            pair.levels.len() - 1
        });
        if let Some((_, minutes)) = pair.levels.get_mut(level) {
            minutes.add(cell.slot, cell.count);
        }
        if let Some(site) = site {
            pair.add_site(site, first, (cell.slot, cell.count));
        }
    }

    /// Adds a cell of a memory, whose rows have the numbers that `number` says. `services` are those of
    /// [`Self::service_ids`].
    pub(crate) fn add_cell(
        &mut self,
        source: Source,
        services: &[Option<u32>],
        (key, cell): (&CellKey, &Cell),
        number: &dyn Fn(RowAt) -> u64,
    ) {
        let Some(service) = services.get(key.service as usize).copied().flatten() else { return };
        let facts = CellFacts {
            slot: key.slot,
            count: cell.count,
            severity: key.severity,
            first_row: number(cell.first_at),
            last_row: number(cell.last_at),
        };
        self.add(source, (service, key.template, key.site), facts);
    }

    /// Adds all cells of a memory, and fetches the bodies that may be shown while the memory is at hand.
    pub(crate) fn add_memory(&mut self, number: u32, memory: &Memory) {
        let source = Source::unbounded(number);
        let services = self.service_ids(&memory.rollup.services);
        let (first_slot, last_slot) = self.slots;
        for (key, cell) in &memory.rollup.cells {
            if key.slot < first_slot || key.slot > last_slot {
                continue;
            }
            self.add_cell(source, &services, (key, cell), &row_number);
        }
        for at in self.wanted().rows.remove(&number).unwrap_or_default() {
            if let Some(record) = memory_record(memory, at.row) {
                self.put_row(at, record.time, &record.body);
            }
        }
    }

    /// The rows that may be shown as things stand and are not known yet.
    pub(crate) fn wanted(&self) -> WantedRows {
        let mut wanted = WantedRows::default();
        let mut want = |at: &RowRef| {
            if self.rows.contains_key(at) {
                return false;
            }
            wanted.rows.entry(at.source).or_default().push(*at);
            true
        };
        for pair in self.pairs.values() {
            let sites = pair.sites.iter().flat_map(|site| &site.first.rows);
            for row in pair.first.rows.iter().chain(&pair.last.rows).chain(sites) {
                if want(&row.at) {
                    wanted.ends.insert(row.at.source);
                }
            }
            want(&pair.peak.2);
        }
        for rows in wanted.rows.values_mut() {
            rows.sort_unstable();
            rows.dedup();
        }
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
        let timed = of.rows.iter().map(|row| (self.time_of(of.slot, row.at), row.at));
        timed.min_by_key(|(time, at)| (*time, *at))
    }

    /// The latest of the rows with its time; of those of one moment the one that came last.
    fn latest(&self, of: &Candidates) -> Option<(Timestamp, RowRef)> {
        let timed = of.rows.iter().map(|row| (self.time_of(of.slot, row.at), row.at));
        timed.max_by_key(|(time, at)| (*time, *at))
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
            minutes: pair.minutes.finish(),
        }
    }

    fn sites(&self, sites: Vec<Site>) -> Vec<SiteRow> {
        let mut rows: Vec<SiteRow> = sites
            .into_iter()
            .map(|site| SiteRow {
                site: site.site,
                count: site.minutes.count(),
                exemplar: self
                    .earliest(&site.first)
                    .and_then(|(_, at)| self.rows.get(&at))
                    .map(|(_, body)| body.clone())
                    .unwrap_or_default(),
                minutes: site.minutes.finish(),
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

fn levels(mut levels: Vec<(Severity, Minutes)>) -> Vec<LevelRow> {
    if levels.len() < 2 {
        return Vec::new();
    }
    levels.sort_by_key(|(severity, _)| *severity);
    levels
        .into_iter()
        .map(|(severity, minutes)| LevelRow {
            severity,
            count: minutes.count(),
            minutes: minutes.finish(),
        })
        .collect()
}

/// `body`, no longer than [`EXEMPLAR_BYTES_MAX`].
pub(crate) fn capped(body: &str) -> &str {
    body.get(..body.floor_char_boundary(EXEMPLAR_BYTES_MAX)).unwrap_or(body)
}

const fn row_number(at: RowAt) -> u64 {
    ((at.portion as u64) << 32) | at.row as u64
}

fn memory_record(memory: &Memory, number: u64) -> Option<&LogRecord> {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    memory.log_at(RowAt { portion: half(number >> 32), row: half(number) })
}
