//! Lines of several templates in one pass: where templates are many, a block has a few lines of each, and to read it once
//! for each of them would be to read it as often.

use std::sync::Arc;

use groundcrew_telemetry::{TemplateId, TimeRange, Timestamp};
use rustc_hash::FxHashMap;

use super::handle::Store;
use super::search::{OpenSplit, Source, add_blocks};
use crate::log_filter::LogFilter;
use crate::memory::LogPortion;
use crate::split::{BlockMeta, LogBlock};
use crate::{LogQuery, StoreError};

/// Asks for lines of templates.
#[derive(Clone, PartialEq, Debug)]
pub struct LinesQuery {
    /// When.
    pub range: TimeRange,
    /// Services, each with a template of theirs.
    pub of: Vec<(String, TemplateId)>,
    /// Whether the newest lines are wanted; otherwise the oldest.
    pub newest_first: bool,
    /// The most lines of each template.
    pub limit: usize,
    /// The most blocks that are read, each of some thousand lines of all templates.
    pub blocks_max: usize,
}

/// A line without what came with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// When it was written.
    pub time: Timestamp,
    /// The line.
    pub body: String,
}

impl Store {
    /// Lines of each template of the query, in its order and each up to the limit, as far as blocks may be read: nearly the
    /// oldest or the newest, because blocks are read one after the other, though they may overlap in time.
    pub fn lines_of(&self, query: &LinesQuery) -> Result<Vec<Vec<Line>>, StoreError> {
        let logs = LogQuery {
            services: query.of.iter().map(|(service, _)| service.clone()).collect(),
            ..LogQuery::within(query.range)
        };
        let templates = query.of.iter().map(|(_, template)| *template).collect();
        let filter = LogFilter { templates, ..LogFilter::new(&logs) };
        let (mut lines, mut blocks) = (Lines::new(query), 0);
        let mut sources = self.read(|| self.sources(&filter, query.newest_first))?;
        while let Some(((_, number, _), source)) = sources.pop_first() {
            if lines.are_enough() || blocks >= query.blocks_max {
                break;
            }
            match &source {
                Source::Portion(portion) => lines.add_portion(portion),
                Source::Block(split, meta) => {
                    blocks += 1;
                    let added = lines.add_block(split, meta);
                    added.or_else(|error| self.skip(error))?;
                }
                Source::Split(split) => {
                    let blocks = self.blocks_of(split, &filter)?;
                    add_blocks(&mut sources, blocks, number, query.newest_first);
                }
            }
        }
        Ok(lines.found)
    }
}

/// What was found so far.
struct Lines<'q> {
    query: &'q LinesQuery,
    /// Where the lines of a template go, by the service that wrote them.
    places: FxHashMap<TemplateId, Vec<(&'q str, usize)>>,
    found: Vec<Vec<Line>>,
}

impl<'q> Lines<'q> {
    fn new(query: &'q LinesQuery) -> Self {
        let mut places: FxHashMap<TemplateId, Vec<(&str, usize)>> = FxHashMap::default();
        for (place, (service, template)) in query.of.iter().enumerate() {
            places.entry(*template).or_default().push((service, place));
        }
        Self { query, places, found: vec![Vec::new(); query.of.len()] }
    }

    fn are_enough(&self) -> bool {
        self.found.iter().all(|lines| lines.len() >= self.query.limit)
    }

    /// Where a line goes, if it is asked for.
    fn place(&self, service: &str, template: TemplateId, time: Timestamp) -> Option<usize> {
        let of_template = self.places.get(&template)?;
        let (_, place) = of_template.iter().find(|(wanted, _)| *wanted == service)?;
        self.query.range.contains(time).then_some(*place)
    }

    fn is_full(&self, place: usize) -> bool {
        self.found.get(place).is_none_or(|lines| lines.len() >= self.query.limit)
    }

    fn add(&mut self, place: usize, time: Timestamp, body: &str) {
        if let Some(lines) = self.found.get_mut(place) {
            lines.push(Line { time, body: body.to_owned() });
        }
    }

    fn add_portion(&mut self, portion: &LogPortion) {
        let heads = portion.rows.heads();
        for number in 0..heads.len() {
            let number = if self.query.newest_first { heads.len() - 1 - number } else { number };
            let Some(head) = heads.get(number) else { continue };
            let place = self.place(&portion.origin.service, head.template, head.time);
            if let Some(place) = place.filter(|place| !self.is_full(*place))
                && let Some(record) = portion.rows.record(number)
            {
                self.add(place, record.time, record.body);
            }
        }
    }

    fn add_block(&mut self, split: &Arc<OpenSplit>, meta: &BlockMeta) -> Result<(), StoreError> {
        let block = LogBlock::open(&split.file, meta)?;
        let mut room: Vec<usize> =
            self.found.iter().map(|lines| self.query.limit.saturating_sub(lines.len())).collect();
        let resources = split.file.resources.iter();
        let services: Vec<&str> = resources.map(|resource| resource.service()).collect();
        // Ascending, as the block gives them back.
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        block.each_head(self.query.newest_first, &mut |row, time, origin, template| {
            let service = services.get(origin).copied().unwrap_or_default();
            let place = self.place(service, template.unwrap_or(TemplateId(0)), time);
            if let Some(place) = place
                && let Some(left @ 1..) = room.get_mut(place)
            {
                *left -= 1;
                wanted.push((row, place));
            }
        });
        if wanted.is_empty() {
            return Ok(());
        }
        wanted.sort_unstable();
        let mut places = wanted.iter().map(|(_, place)| *place);
        block.bodies(wanted.iter().map(|(row, _)| *row), &mut |_, time, body| {
            if let Some(place) = places.next() {
                self.add(place, time, body);
            }
        })
    }
}
