//! Searches log records: memory and the blocks that may have a match, best first, until nothing can improve the answer.

use std::sync::Arc;

use groundcrew_telemetry::{LogRow, TimeRange, Timestamp};

use super::handle::Store;
use crate::log_filter::LogFilter;
use crate::memory::LogPortion;
use crate::query::ServiceFilter;
use crate::split::{BlockMeta, LogBlock, RowsFile, Split, service_token, template_token};
use crate::tokens::Tokenizer;
use crate::top_rows::TopRows;
use crate::{LogQuery, StoreError};

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
    /// One of these services.
    pub(super) services: ServiceFilter<'a>,
}

impl Store {
    /// Log records that match, the newest or the oldest up to the limit, in that order.
    pub fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.read(|| {
            let filter = LogFilter::new(query);
            let mut sources = self.sources(&filter)?;
            if query.newest_first {
                sources.sort_by_key(|source| std::cmp::Reverse(source.last()));
            } else {
                sources.sort_by_key(Source::first);
            }
            let mut top = TopRows::new(query.limit, query.newest_first);
            let mut tokenizer = Tokenizer::default();
            for source in &sources {
                let best = if query.newest_first { source.last() } else { source.first() };
                if !top.wants(best) {
                    break;
                }
                match source {
                    Source::Portion(portion) => {
                        scan_portion(portion, &filter, &mut tokenizer, &mut top);
                    }
                    Source::Block(split, meta) => {
                        self.scan_block(split, meta, &filter, &mut top)?
                    }
                }
                top.cut();
            }
            Ok(top.finish())
        })
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
        let mut tokens = filter.tokens.clone();
        tokens.extend(filter.trace_id.map(|id| id.to_string()));
        // Records without a template count under template 0, which no block has as a token.
        tokens.extend(filter.template.filter(|id| id.0 != 0).map(template_token));
        for split in &splits.logs {
            if !split.has_rows_in(filter.range) || !split.has_any_of(filter.services) {
                continue;
            }
            if self.index_excludes(split, &tokens, filter.services) {
                continue;
            }
            let file = match self.reader.rows(split) {
                Ok(file) => file,
                Err(error) => {
                    self.skip(error)?;
                    continue;
                }
            };
            let (range, services) = (filter.range, filter.services);
            let wanted = Wanted { range, tokens: &tokens, services };
            let blocks = self.candidate_blocks(split, &file, wanted)?;
            let admitted = file.admitted(filter.services);
            let open = Arc::new(OpenSplit { file, admitted });
            let severe = blocks.into_iter().filter(|meta| meta.severity_max >= filter.severity_min);
            sources.extend(severe.map(|meta| Source::Block(Arc::clone(&open), meta)));
        }
        Ok(sources)
    }

    /// Whether the index of a split whose rows are in the bucket says that it has nothing that is wanted: rows that lie
    /// elsewhere are dear, so the index is asked before them.
    pub(super) fn index_excludes(
        &self,
        split: &Split,
        tokens: &[String],
        services: ServiceFilter<'_>,
    ) -> bool {
        let is_narrow = !tokens.is_empty() || !services.is_all();
        split.meta.is_cold()
            && is_narrow
            && self.blocks_with(split, tokens, services).is_ok_and(|blocks| blocks.is_empty())
    }

    /// The blocks of a split that may have rows that are wanted.
    pub(super) fn candidate_blocks(
        &self,
        split: &Split,
        file: &RowsFile,
        wanted: Wanted<'_>,
    ) -> Result<Vec<BlockMeta>, StoreError> {
        let Wanted { range, tokens, services } = wanted;
        let inside = |number: &u32| {
            file.blocks.get(*number as usize).filter(|meta| meta.overlaps(range)).copied()
        };
        let all = 0..u32::try_from(file.blocks.len()).unwrap_or(u32::MAX);
        let in_range: Vec<BlockMeta> = all.filter_map(|number| inside(&number)).collect();
        let is_open = tokens.is_empty() && services.is_all();
        if is_open || in_range.len() <= BLOCKS_WITHOUT_INDEX {
            return Ok(in_range);
        }
        match self.blocks_with(split, tokens, services) {
            Ok(numbers) => Ok(numbers.iter().filter_map(inside).collect()),
            Err(error) => {
                // Slower without the index, but as exact.
                self.skip(error)?;
                Ok(in_range)
            }
        }
    }

    fn blocks_with(
        &self,
        split: &Split,
        tokens: &[String],
        services: ServiceFilter<'_>,
    ) -> Result<Vec<u32>, StoreError> {
        let mut found: Option<Vec<u32>> = None;
        for token in tokens {
            let blocks = self.reader.blocks_with_token(split, token)?;
            found = Some(found.map_or(blocks.clone(), |found| intersect(&found, &blocks)));
            if found.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Vec::new());
            }
        }
        if !services.is_all() {
            let mut of_services = Vec::new();
            for service in services.0 {
                of_services.extend(self.reader.blocks_with_token(split, &service_token(service))?);
            }
            of_services.sort_unstable();
            of_services.dedup();
            found = Some(match found {
                Some(found) => intersect(&found, &of_services),
                None => of_services,
            });
        }
        Ok(found.unwrap_or_default())
    }

    fn scan_block(
        &self,
        split: &OpenSplit,
        meta: &BlockMeta,
        filter: &LogFilter<'_>,
        top: &mut TopRows,
    ) -> Result<(), StoreError> {
        let scanned = LogBlock::open(&split.file, meta)
            .and_then(|block| block.scan(filter, &split.admitted, top));
        scanned.or_else(|error| self.skip(error))
    }
}

fn scan_portion(
    portion: &LogPortion,
    filter: &LogFilter<'_>,
    tokenizer: &mut Tokenizer,
    top: &mut TopRows,
) {
    for record in &portion.records {
        if top.wants(record.time) && filter.admits_record(record, tokenizer) {
            let resource = Arc::clone(&portion.origin.resource);
            top.push(record.time, LogRow { resource, record: record.clone() });
        }
    }
}

/// What two ascending lists have in common.
fn intersect(left: &[u32], right: &[u32]) -> Vec<u32> {
    left.iter().copied().filter(|number| right.binary_search(number).is_ok()).collect()
}
