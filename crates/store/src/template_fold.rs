//! Adds up rollup cells from memory and splits into one row per service and template.
//!
//! Cells know the slot of their rows, not the time. So of a service and template all rows that may be the first or the last
//! are kept, as few as they are, until they have been fetched with the bodies that are shown.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use groundcrew_telemetry::{
    CallSite, LevelRow, Severity, SiteRow, TemplateId, TemplateRow, Timestamp,
};
use rustc_hash::FxHashMap;

use crate::first_rows::{Bounded, Candidates, RowRef};
use crate::memory::{Cell, CellKey, Memory, PackedLog, RowAt};
use crate::query::{ServiceFilter, TemplateQuery};
use crate::service_numbers::ServiceNumbers;
use crate::slot::{SLOT_NANOS, minute_of};
use crate::split::RollupOf;
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

/// Rows of one source that may be shown and have to be fetched, each list in the source's order.
#[derive(Clone, Debug, Default)]
pub(crate) struct WantedRows {
    /// Those that may be the first or the last.
    pub(crate) ends: Vec<RowRef>,
    /// The others: rows from the middle.
    pub(crate) middles: Vec<RowRef>,
}

impl WantedRows {
    fn sort(&mut self) {
        self.ends.sort_unstable();
        self.ends.dedup();
        self.middles.sort_unstable();
        self.middles.retain(|row| self.ends.binary_search(row).is_err());
        self.middles.dedup();
    }

    /// Both kinds, in the source's order.
    pub(crate) fn all(self) -> Vec<RowRef> {
        let mut rows = [self.ends, self.middles].concat();
        rows.sort_unstable();
        rows
    }
}

/// Where cells come from: its number, when its rows began and ended, and whether they are numbered in the order of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) number: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) is_ordered: bool,
}

impl Source {
    /// One of which only the slots are known.
    pub(crate) const fn unbounded(number: u32) -> Self {
        Self { number, first: Timestamp::MIN, last: Timestamp::MAX, is_ordered: false }
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
    /// The severity that came first, and how many had each of the others: most lines are always of one, and counting that
    /// apart would be counting everything twice.
    level: Severity,
    other_levels: Vec<(Severity, Minutes)>,
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
    fn add_level(&mut self, level: Severity, (slot, count): (i64, u64)) {
        let known = self.other_levels.iter().position(|(severity, _)| *severity == level);
        let place = known.unwrap_or_else(|| {
            self.other_levels.push((level, Minutes::default()));
            self.other_levels.len() - 1
        });
        if let Some((_, minutes)) = self.other_levels.get_mut(place) {
            minutes.add(slot, count);
        }
    }

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
    numbers: ServiceNumbers,
    pairs: FxHashMap<(u32, TemplateId), Pair>,
    /// What was fetched.
    rows: FxHashMap<RowRef, (Timestamp, String)>,
}

impl<'q> TemplateFold<'q> {
    pub(crate) fn new(query: &'q TemplateQuery) -> Self {
        Self {
            slots: query.slots(),
            services: ServiceFilter(&query.services),
            numbers: ServiceNumbers::default(),
            pairs: FxHashMap::default(),
            rows: FxHashMap::default(),
        }
    }

    /// Whether a rollup may have something that is asked for.
    pub(crate) fn asks(&self, of: &RollupOf<'_>) -> bool {
        of.may_have(self.slots, self.services)
    }

    /// The fold's number for each of a source's services; `None` for those not asked for.
    pub(crate) fn service_ids(&mut self, services: &[Arc<str>]) -> Vec<Option<u32>> {
        services
            .iter()
            .map(|service| self.services.admits(service).then(|| self.numbers.number(service)))
            .collect()
    }

    pub(crate) fn add(
        &mut self,
        source: Source,
        (service, template, site): (u32, TemplateId, Option<CallSite>),
        cell: CellFacts,
    ) {
        let bounded = |row: u64| {
            let at = RowRef { source: source.number, row };
            let Source { first, last, is_ordered, .. } = source;
            Bounded { at, first, last, is_ordered }
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
                level: cell.severity,
                other_levels: Vec::new(),
            }),
        };
        pair.severity = pair.severity.max(cell.severity);
        pair.count += cell.count;
        pair.minutes.add(cell.slot, cell.count);
        if cell.severity != pair.level {
            pair.add_level(cell.severity, (cell.slot, cell.count));
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
        let rollup = memory.rollup();
        let services = self.service_ids(rollup.services.names());
        let (first_slot, last_slot) = self.slots;
        for (key, cell) in &rollup.cells {
            if key.slot < first_slot || key.slot > last_slot {
                continue;
            }
            self.add_cell(source, &services, (key, cell), &row_number);
        }
        drop(rollup);
        for at in self.wanted().remove(&number).map(WantedRows::all).unwrap_or_default() {
            if let Some(record) = memory_record(memory, at.row) {
                self.put_row(at, record.time, record.body);
            }
        }
    }

    /// The rows that may be shown as things stand and are not known yet, by source.
    pub(crate) fn wanted(&self) -> FxHashMap<u32, WantedRows> {
        let mut wanted: FxHashMap<u32, WantedRows> = FxHashMap::default();
        let is_known = |at: &RowRef| self.rows.contains_key(at);
        for pair in self.pairs.values() {
            let sites = pair.sites.iter().flat_map(|site| &site.first.rows);
            let ends = pair.first.rows.iter().chain(&pair.last.rows).chain(sites);
            for row in ends.filter(|row| !is_known(&row.at)) {
                wanted.entry(row.at.source).or_default().ends.push(row.at);
            }
            let middle = pair.peak.2;
            if !is_known(&middle) {
                wanted.entry(middle.source).or_default().middles.push(middle);
            }
        }
        wanted.values_mut().for_each(WantedRows::sort);
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
                let service = self.numbers.names().get(service as usize);
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
        let minutes = pair.minutes.finish();
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
            levels: levels(pair.level, pair.other_levels, &minutes),
            minutes,
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

/// The counts by severity; none when there is but one. Those of `level` are what the others leave of `all`.
fn levels(level: Severity, others: Vec<(Severity, Minutes)>, all: &[(i64, u32)]) -> Vec<LevelRow> {
    if others.is_empty() {
        return Vec::new();
    }
    let mut rest: BTreeMap<i64, u32> = all.iter().copied().collect();
    let mut levels: Vec<(Severity, Vec<(i64, u32)>)> =
        others.into_iter().map(|(severity, minutes)| (severity, minutes.finish())).collect();
    for (minute, count) in levels.iter().flat_map(|(_, minutes)| minutes) {
        if let Some(left) = rest.get_mut(minute) {
            *left = left.saturating_sub(*count);
        }
    }
    rest.retain(|_, count| *count > 0);
    levels.push((level, rest.into_iter().collect()));
    levels.sort_by_key(|(severity, _)| *severity);
    let row = |(severity, minutes): (Severity, Vec<(i64, u32)>)| LevelRow {
        severity,
        count: minutes.iter().map(|(_, count)| u64::from(*count)).sum(),
        minutes,
    };
    levels.into_iter().map(row).collect()
}

/// `body`, no longer than [`EXEMPLAR_BYTES_MAX`].
pub(crate) fn capped(body: &str) -> &str {
    body.get(..body.floor_char_boundary(EXEMPLAR_BYTES_MAX)).unwrap_or(body)
}

const fn row_number(at: RowAt) -> u64 {
    ((at.portion as u64) << 32) | at.row as u64
}

fn memory_record(memory: &Memory, number: u64) -> Option<PackedLog<'_>> {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    memory.log_at(RowAt { portion: half(number >> 32), row: half(number) })
}
