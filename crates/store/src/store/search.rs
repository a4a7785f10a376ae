//! Searches log records: memory and the blocks that may have a match, best first, until nothing can improve the answer.

use std::sync::Arc;

use groundcrew_telemetry::{LogRow, Severity, TimeRange, Timestamp};

use super::handle::Store;
use crate::log_filter::{LogFilter, both};
use crate::match_sink::{CountedRows, EachRow, MatchSink, TopRows};
use crate::memory::LogPortion;
use crate::query::ServiceFilter;
use crate::slot::{minute_of, slot_of};
use crate::split::{BlockMeta, LogBlock, RowsFile, Split, service_token, template_token};
use crate::tokens::Tokenizer;
use crate::{Expression, LogQuery, LogsFound, StoreError};

/// So few blocks are decoded sooner than the index is opened.
const BLOCKS_WITHOUT_INDEX: usize = 4;

/// Something that may hold matching rows.
enum Source {
    Portion(Arc<LogPortion>),
    Block(Arc<OpenSplit>, BlockMeta),
}

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
            Self::Block(_, meta) => meta.first,
        }
    }

    fn last(&self) -> Timestamp {
        match self {
            Self::Portion(portion) => portion.last,
            Self::Block(_, meta) => meta.last,
        }
    }
}

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
}

impl Store {
    /// Log records that match, the newest or the oldest up to the limit, in that order.
    pub fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.search_logs_while(query, &mut || true).map(|found| found.rows)
    }

    /// As [`Store::search_logs`], for as long as `may_go_on` says so: it is asked between blocks, which hold some
    /// thousands of records each.
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
    /// long as `may_go_on` says so, which is asked between blocks. Says whether all were visited.
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
        // What is read from then on is open.
        let mut sources = self.read(|| self.sources(&filter))?;
        if query.newest_first {
            sources.sort_by_key(|source| std::cmp::Reverse(source.last()));
        } else {
            sources.sort_by_key(Source::first);
        }
        let mut tokenizer = Tokenizer::default();
        for source in &sources {
            let best = if query.newest_first { source.last() } else { source.first() };
            if !sink.wants(best) {
                break;
            }
            if !may_go_on() {
                return Ok(Some(best));
            }
            self.scan(source, &filter, &mut tokenizer, sink)?;
            sink.settle();
        }
        Ok(None)
    }

    fn scan(
        &self,
        source: &Source,
        filter: &LogFilter<'_>,
        tokenizer: &mut Tokenizer,
        sink: &mut dyn MatchSink,
    ) -> Result<(), StoreError> {
        match source {
            Source::Portion(portion) => scan_portion(portion, filter, tokenizer, sink),
            Source::Block(split, meta) => return self.scan_block(split, meta, filter, sink),
        }
        Ok(())
    }

    fn sources(&self, filter: &LogFilter<'_>) -> Result<Vec<Source>, StoreError> {
        let (mut sources, splits) = {
            let live = self.live();
            let inside = live.memories().flat_map(|memory| &memory.logs).filter(|portion| {
                portion.first < filter.range.end
                    && filter.range.start <= portion.last
                    && portion.severity_max >= filter.severity_min
                    && filter.services.admits(&portion.origin.service)
            });
            let portions = inside.map(|portion| Source::Portion(Arc::clone(portion)));
            (portions.collect::<Vec<Source>>(), Arc::clone(&live.splits))
        };
        let mut tokens: Vec<String> =
            filter.trace_id.map(|id| id.to_string()).into_iter().collect();
        // Records without a template count under template 0, which no block has as a token.
        tokens.extend(filter.template.filter(|id| id.0 != 0).map(template_token));
        for split in &splits.logs {
            if !split.has_rows_in(filter.range) || !split.has_any_of(filter.services) {
                continue;
            }
            let (range, services) = (filter.range, filter.services);
            let wanted = Wanted { range, tokens: &tokens, text: Some(filter.text), services };
            if self.index_excludes(split, wanted) {
                continue;
            }
            let file = match self.reader.rows(split) {
                Ok(file) => file,
                Err(error) => {
                    self.skip(error)?;
                    continue;
                }
            };
            let blocks = self.candidate_blocks(split, &file, wanted)?;
            let admitted = file.admitted(filter.services);
            let open = Arc::new(OpenSplit { file, admitted });
            let severe = self.severe_blocks(split, blocks, filter)?;
            sources.extend(severe.into_iter().map(|meta| Source::Block(Arc::clone(&open), meta)));
        }
        Ok(sources)
    }

    /// Those of `blocks` that may have a row as severe as is asked for. Nearly every block has an error of somebody; of
    /// which service and in which minute, the counts know.
    fn severe_blocks(
        &self,
        split: &Split,
        mut blocks: Vec<BlockMeta>,
        filter: &LogFilter<'_>,
    ) -> Result<Vec<BlockMeta>, StoreError> {
        blocks.retain(|meta| meta.severity_max >= filter.severity_min);
        if filter.severity_min == Severity::UNSPECIFIED || blocks.len() <= BLOCKS_WITHOUT_INDEX {
            return Ok(blocks);
        }
        let counts = match self.reader.minutes(split) {
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
    pub(super) fn index_excludes(&self, split: &Split, wanted: Wanted<'_>) -> bool {
        let excludes = |blocks: Option<Vec<u32>>| blocks.is_some_and(|blocks| blocks.is_empty());
        split.meta.is_cold() && self.blocks_with(split, wanted).is_ok_and(excludes)
    }

    /// The blocks of a split that may have rows that are wanted.
    pub(super) fn candidate_blocks(
        &self,
        split: &Split,
        file: &RowsFile,
        wanted: Wanted<'_>,
    ) -> Result<Vec<BlockMeta>, StoreError> {
        let Wanted { range, tokens, text, services } = wanted;
        let inside = |number: &u32| {
            file.blocks.get(*number as usize).filter(|meta| meta.overlaps(range)).copied()
        };
        let all = 0..u32::try_from(file.blocks.len()).unwrap_or(u32::MAX);
        let in_range: Vec<BlockMeta> = all.filter_map(|number| inside(&number)).collect();
        let is_open =
            tokens.is_empty() && services.is_all() && text.is_none_or(Expression::is_empty);
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
        if !wanted.services.is_all() && found.as_ref().is_none_or(|found| !found.is_empty()) {
            let mut of_services = Vec::new();
            for service in wanted.services.0 {
                of_services.extend(of_token(&service_token(service))?);
            }
            of_services.sort_unstable();
            of_services.dedup();
            found = both(found, Some(of_services));
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
    for record in &portion.records {
        if sink.wants(record.time)
            && filter.admits_record(&portion.origin.service, record, tokenizer)
        {
            sink.take(record.time, record.severity, &mut || LogRow {
                resource: Arc::clone(&portion.origin.resource),
                record: record.clone(),
            });
        }
    }
}
