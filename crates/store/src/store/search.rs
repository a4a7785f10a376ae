//! Searches log records: memory and the blocks that may have a match, best first, until nothing can improve the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use groundcrew_telemetry::{LogRow, Severity, TemplateId, TimeRange, Timestamp};

use super::handle::Store;
use crate::log_filter::{LogFilter, both};
use crate::match_sink::{CountedRows, EachRow, MatchSink, TopRows};
use crate::memory::LogPortion;
use crate::query::ServiceFilter;
use crate::slot::{minute_of, slot_of};
use crate::split::{BlockMeta, LogBlock, RollupOf, RowsFile, Split, service_token, template_token};
use crate::tokens::Tokenizer;
use crate::{Access, Expression, LogQuery, LogsFound, StoreError};

/// So few blocks are decoded sooner than the index is opened.
const BLOCKS_WITHOUT_INDEX: usize = 4;

/// Something that may hold matching rows.
pub(super) enum Source {
    Portion(Arc<LogPortion>),
    /// One that was not opened yet.
    Split(Arc<Split>),
    Block(Arc<OpenSplit>, BlockMeta),
}

/// What is still to be searched, best first; of what is as good what came first. The key: how good by its time, its number,
/// and that of a block in its split.
pub(super) type Sources = BTreeMap<(i64, usize, usize), Source>;

/// A split whose rows can be read.
pub(super) struct OpenSplit {
    pub(super) file: Arc<RowsFile>,
    /// Which of its resources are asked for.
    pub(super) admitted: Vec<bool>,
}

impl Source {
    fn first(&self) -> Timestamp {
        match self {
            Self::Portion(portion) => portion.first,
            Self::Split(split) => split.meta.first,
            Self::Block(_, meta) => meta.first,
        }
    }

    fn last(&self) -> Timestamp {
        match self {
            Self::Portion(portion) => portion.last,
            Self::Split(split) => split.meta.last,
            Self::Block(_, meta) => meta.last,
        }
    }

    /// The best time that a row of it may have.
    fn best(&self, newest_first: bool) -> Timestamp {
        if newest_first { self.last() } else { self.first() }
    }

    /// Lower is better.
    fn rank(&self, newest_first: bool) -> i64 {
        let best = self.best(newest_first).nanos();
        if newest_first { !best } else { best }
    }
}

/// A split with the blocks of it that are to be read.
type OpenBlocks = (Arc<OpenSplit>, Vec<BlockMeta>);

/// What a block must have to be looked at.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Rows in this time.
    pub(super) range: TimeRange,
    /// All of these tokens.
    pub(super) tokens: &'a [String],
    /// What must hold of texts; `None` for rows that are not asked for by text.
    pub(super) text: Option<&'a Expression>,
    /// One of these services.
    pub(super) services: ServiceFilter<'a>,
    /// One of these templates; any when there are none.
    pub(super) templates: &'a [TemplateId],
}

impl Store {
    /// Log records that match, the newest or the oldest up to the limit, in that order.
    pub fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.search_logs_while(query, &mut || true).map(|found| found.rows)
    }

    /// As [`Store::search_logs`], for as long as `may_go_on` says so: it is asked before each split and each block, which
    /// holds some thousands of records.
    pub fn search_logs_while(
        &self,
        query: &LogQuery,
        may_go_on: &mut dyn FnMut() -> bool,
    ) -> Result<LogsFound, StoreError> {
        let mut top = TopRows::new(query.limit, query.newest_first);
        let searched_to = self.each_match(query, may_go_on, &mut top)?;
        Ok(found(query, top, searched_to))
    }

    /// As [`Store::search_logs_while`], and calls `count` with time and severity of every match, whatever the limit, as far
    /// as it is searched.
    pub fn search_and_count_logs(
        &self,
        query: &LogQuery,
        may_go_on: &mut dyn FnMut() -> bool,
        count: &mut dyn FnMut(Timestamp, Severity),
    ) -> Result<LogsFound, StoreError> {
        let top = TopRows::new(query.limit, query.newest_first);
        let mut counted = CountedRows { top, count };
        let searched_to = self.each_match(query, may_go_on, &mut counted)?;
        Ok(found(query, counted.top, searched_to))
    }

    /// Calls `visit` with every log record that matches, in no particular order and whatever the query's limit, for as
    /// long as `may_go_on` says so, as above. Says whether all were visited.
    pub fn visit_logs(
        &self,
        query: &LogQuery,
        may_go_on: &mut dyn FnMut() -> bool,
        visit: &mut dyn FnMut(LogRow),
    ) -> Result<bool, StoreError> {
        let searched_to = self.each_match(query, may_go_on, &mut EachRow { visit })?;
        Ok(searched_to.is_none())
    }

    /// Gives the matches to `sink`, block by block in the query's order; says where it had to stop.
    fn each_match(
        &self,
        query: &LogQuery,
        may_go_on: &mut dyn FnMut() -> bool,
        sink: &mut dyn MatchSink,
    ) -> Result<Option<Timestamp>, StoreError> {
        let filter = LogFilter::new(query);
        let mut sources = self.read(|| self.sources(&filter, query.newest_first))?;
        let mut tokenizer = Tokenizer::default();
        while let Some(((_, number, _), source)) = sources.pop_first() {
            let best = source.best(query.newest_first);
            if !sink.wants(best) {
                break;
            }
            if !may_go_on() {
                return Ok(Some(best));
            }
            match &source {
                Source::Portion(portion) => scan_portion(portion, &filter, &mut tokenizer, sink),
                Source::Block(split, meta) => self.scan_block(split, meta, &filter, sink)?,
                Source::Split(split) => {
                    let blocks = self.blocks_of(split, &filter)?;
                    add_blocks(&mut sources, blocks, number, query.newest_first);
                }
            }
            sink.settle();
        }
        Ok(None)
    }

    /// All that may have rows that are asked for. Splits are opened when it is their turn, which for most of a long time may
    /// never come; only a reader beside a writer, who may remove them, opens them all at once.
    pub(super) fn sources(
        &self,
        filter: &LogFilter<'_>,
        newest_first: bool,
    ) -> Result<Sources, StoreError> {
        let (portions, splits) = {
            let live = self.live();
            let inside = live.memories().flat_map(|memory| &memory.logs).filter(|portion| {
                portion.first < filter.range.end
                    && filter.range.start <= portion.last
                    && portion.severity_max >= filter.severity_min
                    && filter.services.admits(&portion.origin.service)
            });
            let portions: Vec<Source> =
                inside.map(|portion| Source::Portion(Arc::clone(portion))).collect();
            (portions, Arc::clone(&live.splits))
        };
        let asked = splits
            .logs
            .iter()
            .filter(|split| split.has_rows_in(filter.range) && split.has_any_of(filter.services));
        let mut sources = Sources::new();
        let all = portions.into_iter().chain(asked.map(|split| Source::Split(Arc::clone(split))));
        for (number, source) in all.enumerate() {
            match &source {
                Source::Split(split) if self.access == Access::ReadOnly => {
                    let blocks = self.blocks_of(split, filter)?;
                    add_blocks(&mut sources, blocks, number, newest_first);
                }
                _ => drop(sources.insert((source.rank(newest_first), number, 0), source)),
            }
        }
        Ok(sources)
    }

    /// Opens a split; gives those of its blocks that may have a row that is asked for.
    pub(super) fn blocks_of(
        &self,
        split: &Arc<Split>,
        filter: &LogFilter<'_>,
    ) -> Result<Vec<Source>, StoreError> {
        let tokens: Vec<String> = filter.trace_id.map(|id| id.to_string()).into_iter().collect();
        let wanted = Wanted {
            range: filter.range,
            tokens: &tokens,
            text: Some(filter.text),
            services: filter.services,
            templates: &filter.templates,
        };
        let Some((open, blocks)) = self.open_split(split, wanted)? else { return Ok(Vec::new()) };
        let severe = self.severe_blocks(split, blocks, filter)?;
        Ok(severe.into_iter().map(|meta| Source::Block(Arc::clone(&open), meta)).collect())
    }

    /// Opens a split, with those of its blocks that may have rows that are wanted; `None` when it has none, or cannot be read.
    pub(super) fn open_split(
        &self,
        split: &Split,
        wanted: Wanted<'_>,
    ) -> Result<Option<OpenBlocks>, StoreError> {
        if self.index_excludes(split, wanted) {
            return Ok(None);
        }
        let file = match self.reader.rows(split) {
            Ok(file) => file,
            Err(error) => return self.skip(error).map(|()| None),
        };
        let blocks = self.candidate_blocks(split, &file, wanted)?;
        let admitted = file.admitted(wanted.services);
        Ok(Some((Arc::new(OpenSplit { file, admitted }), blocks)))
    }

    /// Those of `blocks` that may have a row as severe as is asked for. Nearly every block has an error of somebody; of
    /// which service and in which minute, the counts know.
    fn severe_blocks(
        &self,
        split: &Arc<Split>,
        mut blocks: Vec<BlockMeta>,
        filter: &LogFilter<'_>,
    ) -> Result<Vec<BlockMeta>, StoreError> {
        blocks.retain(|meta| meta.severity_max >= filter.severity_min);
        if filter.severity_min == Severity::UNSPECIFIED || blocks.len() <= BLOCKS_WITHOUT_INDEX {
            return Ok(blocks);
        }
        let counts = match self.reader.minutes(&RollupOf::Split(split)) {
            Ok(counts) => counts,
            Err(error) => {
                // Slower without the counts, but as exact.
                self.skip(error)?;
                return Ok(blocks);
            }
        };
        let mut minutes: Vec<i64> = Vec::new();
        let admits = |service: &str| filter.services.admits(service);
        counts.count((i64::MIN, i64::MAX), &admits, &mut |minute, severity, _| {
            if severity >= filter.severity_min {
                minutes.push(minute);
            }
        });
        let minute = |time: Timestamp| minute_of(slot_of(time));
        blocks.retain(|meta| {
            let from = minutes.partition_point(|known| *known < minute(meta.first));
            minutes.get(from).is_some_and(|known| *known <= minute(meta.last))
        });
        Ok(blocks)
    }

    /// Whether the index of a split whose rows are in the bucket says that it has nothing that is wanted: rows that lie
    /// elsewhere are dear, so the index is asked before them.
    fn index_excludes(&self, split: &Split, wanted: Wanted<'_>) -> bool {
        let excludes = |blocks: Option<Vec<u32>>| blocks.is_some_and(|blocks| blocks.is_empty());
        split.meta.is_cold() && self.blocks_with(split, wanted).is_ok_and(excludes)
    }

    /// The blocks of a split that may have rows that are wanted.
    fn candidate_blocks(
        &self,
        split: &Split,
        file: &RowsFile,
        wanted: Wanted<'_>,
    ) -> Result<Vec<BlockMeta>, StoreError> {
        let Wanted { range, tokens, text, services, templates } = wanted;
        let inside = |number: &u32| {
            file.blocks.get(*number as usize).filter(|meta| meta.overlaps(range)).copied()
        };
        let all = 0..u32::try_from(file.blocks.len()).unwrap_or(u32::MAX);
        let in_range: Vec<BlockMeta> = all.filter_map(|number| inside(&number)).collect();
        let is_open = tokens.is_empty()
            && templates.is_empty()
            && services.is_all()
            && text.is_none_or(Expression::is_empty);
        if is_open || in_range.len() <= BLOCKS_WITHOUT_INDEX {
            return Ok(in_range);
        }
        match self.blocks_with(split, wanted) {
            Ok(Some(numbers)) => Ok(numbers.iter().filter_map(inside).collect()),
            Ok(None) => Ok(in_range),
            Err(error) => {
                // Slower without the index, but as exact.
                self.skip(error)?;
                Ok(in_range)
            }
        }
    }

    /// The blocks that the indexes leave; `None` when they say nothing.
    fn blocks_with(
        &self,
        split: &Split,
        wanted: Wanted<'_>,
    ) -> Result<Option<Vec<u32>>, StoreError> {
        let mut of_token = |token: &str| self.reader.blocks_with_token(split, token);
        let mut found = None;
        for token in wanted.tokens {
            found = both(found, Some(of_token(token)?));
        }
        if let Some(text) = wanted.text {
            found = both(found, text.blocks(&mut of_token)?);
        }
        let any_of = |tokens: &mut dyn Iterator<Item = String>| {
            let mut blocks = Vec::new();
            for token in tokens {
                blocks.extend(of_token(&token)?);
            }
            blocks.sort_unstable();
            blocks.dedup();
            Ok::<_, StoreError>(blocks)
        };
        let may_be =
            |found: &Option<Vec<u32>>| found.as_ref().is_none_or(|found| !found.is_empty());
        // Records without a template count under template 0, which no block has as a token.
        let have_tokens = wanted.templates.iter().all(|template| template.0 != 0);
        if !wanted.templates.is_empty() && have_tokens && may_be(&found) {
            let mut tokens = wanted.templates.iter().map(|template| template_token(*template));
            found = both(found, Some(any_of(&mut tokens)?));
        }
        if !wanted.services.is_all() && may_be(&found) {
            let mut tokens = wanted.services.0.iter().map(|service| service_token(service));
            found = both(found, Some(any_of(&mut tokens)?));
        }
        Ok(found)
    }

    fn scan_block(
        &self,
        split: &OpenSplit,
        meta: &BlockMeta,
        filter: &LogFilter<'_>,
        sink: &mut dyn MatchSink,
    ) -> Result<(), StoreError> {
        let scanned = LogBlock::open(&split.file, meta)
            .and_then(|block| block.scan(filter, &split.admitted, sink));
        scanned.or_else(|error| self.skip(error))
    }
}

pub(super) fn add_blocks(
    sources: &mut Sources,
    blocks: Vec<Source>,
    number: usize,
    newest_first: bool,
) {
    for (place, block) in blocks.into_iter().enumerate() {
        sources.insert((block.rank(newest_first), number, place), block);
    }
}

fn found(query: &LogQuery, top: TopRows, searched_to: Option<Timestamp>) -> LogsFound {
    let mut rows = top.finish();
    if let Some(end) = searched_to {
        let is_before = |time: Timestamp| if query.newest_first { time > end } else { time < end };
        rows.retain(|row| is_before(row.record.time));
    }
    LogsFound { rows, searched_to }
}

fn scan_portion(
    portion: &LogPortion,
    filter: &LogFilter<'_>,
    tokenizer: &mut Tokenizer,
    sink: &mut dyn MatchSink,
) {
    for (row, head) in portion.rows.heads().iter().enumerate() {
        if sink.wants(head.time)
            && filter.admits_head(head)
            && portion.rows.ascii(row).is_none_or(|record| filter.text.may_be_in(record))
            && let Some(record) = portion.rows.record(row)
            && filter.text.holds_of(&portion.origin.service, &record, tokenizer)
        {
            sink.take(head.time, head.severity, &mut || LogRow {
                resource: Arc::clone(&portion.origin.resource),
                record: record.to_record(),
            });
        }
    }
}
