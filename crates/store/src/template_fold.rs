//! Adds up rollup cells from memory and splits into one row per service and template.

use std::sync::Arc;

use groundcrew_telemetry::{
    CallSite, LevelRow, Severity, SiteRow, TemplateId, TemplateRow, Timestamp,
};
use rustc_hash::FxHashMap;

use crate::memory::{Memory, RowAt};
use crate::query::{ServiceFilter, TemplateQuery};
use crate::slot::{minute_of, slot_of};
use crate::templates::Templates;

/// Longest exemplar; the rest is cut off.
pub(crate) const EXEMPLAR_BYTES_MAX: usize = 2048;

/// One cell as the fold sees it, wherever it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellFacts {
    pub(crate) slot: i64,
    pub(crate) count: u64,
    pub(crate) severity: Severity,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// Where the first and the last body are, by the numbering of the source.
    pub(crate) first_text: u64,
    pub(crate) last_text: u64,
}

/// A body that is fetched only if it is shown: which source, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TextAt {
    pub(crate) source: u32,
    pub(crate) text: u64,
}

#[derive(Debug)]
struct Pair {
    severity: Severity,
    count: u64,
    first: (Timestamp, TextAt),
    last: (Timestamp, TextAt),
    /// The busiest slot's first body: the one from the middle.
    peak: (u64, i64, TextAt),
    slots: Vec<(i64, u64)>,
    sites: Vec<Site>,
    levels: Vec<(Severity, Vec<(i64, u64)>)>,
}

/// One place in the code among those that write one line.
#[derive(Debug)]
struct Site {
    site: CallSite,
    first: (Timestamp, TextAt),
    slots: Vec<(i64, u64)>,
}

impl Pair {
    fn add_site(&mut self, site: CallSite, first: (Timestamp, TextAt), slot: (i64, u64)) {
        let position = self.sites.iter().position(|known| known.site == site);
        let position = position.unwrap_or_else(|| {
            self.sites.push(Site { site, first, slots: Vec::new() });
            self.sites.len() - 1
        });
        let Some(known) = self.sites.get_mut(position) else { return };
        if first.0 < known.first.0 {
            known.first = first;
        }
        known.slots.push(slot);
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
    texts: FxHashMap<TextAt, String>,
}

impl<'q> TemplateFold<'q> {
    pub(crate) fn new(query: &'q TemplateQuery) -> Self {
        let slots = if query.range.is_empty() {
            (1, 0)
        } else {
            (slot_of(query.range.start), slot_of(query.range.end.plus_nanos(-1)))
        };
        Self {
            slots,
            services: ServiceFilter(&query.services),
            names: Vec::new(),
            ids: FxHashMap::default(),
            pairs: FxHashMap::default(),
            texts: FxHashMap::default(),
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
        let first_at = TextAt { source, text: cell.first_text };
        let last_at = TextAt { source, text: cell.last_text };
        let pair = self.pairs.entry((service, template)).or_insert_with(|| Pair {
            severity: cell.severity,
            count: 0,
            first: (cell.first, first_at),
            last: (cell.last, last_at),
            peak: (cell.count, cell.slot, first_at),
            slots: Vec::new(),
            sites: Vec::new(),
            levels: Vec::new(),
        });
        pair.severity = pair.severity.max(cell.severity);
        pair.count += cell.count;
        if cell.first < pair.first.0 {
            pair.first = (cell.first, first_at);
        }
        if cell.last >= pair.last.0 {
            pair.last = (cell.last, last_at);
        }
        let (peak_count, peak_slot, _) = pair.peak;
        if (cell.count, peak_slot) > (peak_count, cell.slot) {
            pair.peak = (cell.count, cell.slot, first_at);
        }
        pair.slots.push((cell.slot, cell.count));
        match pair.levels.iter_mut().find(|(severity, _)| *severity == cell.severity) {
            Some((_, slots)) => slots.push((cell.slot, cell.count)),
            None => pair.levels.push((cell.severity, vec![(cell.slot, cell.count)])),
        }
        if let Some(site) = site {
            pair.add_site(site, (cell.first, first_at), (cell.slot, cell.count));
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
                first: cell.first,
                last: cell.last,
                first_text: text_number(cell.first_at),
                last_text: text_number(cell.last_at),
            };
            self.add(source, (service, key.template, key.site), facts);
        }
        for at in self.texts_of(source) {
            let body = memory_body(memory, at.text);
            self.texts.insert(at, capped(body).to_owned());
        }
    }

    /// The bodies of `source` that would be shown as things stand, in the source's order.
    pub(crate) fn texts_of(&self, source: u32) -> Vec<TextAt> {
        let shown = self.pairs.values().flat_map(|pair| {
            let sites = pair.sites.iter().map(|site| site.first.1);
            [pair.first.1, pair.peak.2, pair.last.1].into_iter().chain(sites)
        });
        let mut wanted: Vec<TextAt> = shown.filter(|at| at.source == source).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    pub(crate) fn put_text(&mut self, at: TextAt, text: String) {
        self.texts.insert(at, text);
    }

    /// The rows, by service, then most frequent first.
    pub(crate) fn finish(mut self, templates: &Templates) -> Vec<TemplateRow> {
        let pairs = std::mem::take(&mut self.pairs);
        let mut rows: Vec<TemplateRow> = pairs
            .into_iter()
            .map(|((service, template), pair)| TemplateRow {
                template,
                text: templates.text(template),
                service: self
                    .names
                    .get(service as usize)
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                severity: pair.severity,
                count: pair.count,
                first: pair.first.0,
                last: pair.last.0,
                exemplars: self.exemplars(&pair),
                sites: self.sites(pair.sites),
                levels: levels(pair.levels),
                minutes: add_up_minutes(pair.slots),
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

    fn sites(&self, sites: Vec<Site>) -> Vec<SiteRow> {
        let mut rows: Vec<SiteRow> = sites
            .into_iter()
            .map(|site| SiteRow {
                site: site.site,
                count: site.slots.iter().map(|(_, count)| count).sum(),
                exemplar: self.texts.get(&site.first.1).cloned().unwrap_or_default(),
                minutes: add_up_minutes(site.slots),
            })
            .collect();
        rows.sort_by_key(|row| row.site);
        rows
    }

    fn exemplars(&self, pair: &Pair) -> Vec<String> {
        let mut shown: Vec<String> = Vec::with_capacity(3);
        for at in [pair.first.1, pair.peak.2, pair.last.1] {
            if let Some(text) = self.texts.get(&at)
                && !shown.contains(text)
            {
                shown.push(text.clone());
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

const fn text_number(at: RowAt) -> u64 {
    ((at.portion as u64) << 32) | at.row as u64
}

fn memory_body(memory: &Memory, number: u64) -> &str {
    let (portion, row) = ((number >> 32) as usize, (number & u64::from(u32::MAX)) as usize);
    memory
        .logs
        .get(portion)
        .and_then(|portion| portion.records.get(row))
        .map_or("", |record| record.body.as_str())
}
