//! Seals a memory: one split per signal that it has.

use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::{Resource, Severity, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::block_tokens::BlockTokens;
use super::id_index::{IdIndexBuilder, service_token};
use super::log_block::LogBlockBuilder;
use super::meta::{META_KIND, META_NAME, Sampled, SplitMeta, SplitSignal};
use super::rows_file::{BlockFacts, RowsWriter};
use super::span_block::SpanBlockBuilder;
use super::word_index::WordIndexBuilder;
use super::{rollup_file, series_file, span_counts_file};
use crate::memory::{Memory, RowAt};
use crate::origin::Origin;
use crate::span_sample::sample_hash;
use crate::span_tally::SpanTally;
use crate::{StoreError, checked_file, disk};

/// Log rows of one block: more make columns longer, which compress better and are indexed less often; fewer are decoded sooner.
const LOG_BLOCK_ROWS: usize = 4096;
/// A block of log rows is closed when its bodies exceed this, whatever its rows.
const BLOCK_BYTES: usize = 2 * 1024 * 1024;
/// Spans of one block.
const BLOCK_ROWS: usize = 1024;
/// Spans are sampled within stretches of this much time.
pub(crate) const STRETCH_NANOS: i64 = 300_000_000_000;
/// A block with fewer spans goes on into the next stretch: quiet systems would have nothing but small blocks.
const STRETCH_ROWS_MIN: usize = BLOCK_ROWS / 4;

/// What the splits of one seal have in common.
#[derive(Clone, Debug)]
pub(crate) struct SplitSpec {
    /// The number of the first of them; the others follow.
    pub(crate) id_first: u64,
    /// Their place among the splits: that of the last one replaced, else by number.
    pub(crate) order: Option<u64>,
    pub(crate) wal_floor: u64,
    /// The splits that are replaced.
    pub(crate) replaces: Vec<u64>,
    /// When the last of the rows were sealed first.
    pub(crate) received: Timestamp,
    /// What they stand for beyond their rows; `None` when they are made of telemetry as it came.
    pub(crate) covers: Option<Covers>,
}

/// What a split stands for that is made of others: some of their rows may be gone while their counts stay.
#[derive(Clone, Debug)]
pub(crate) struct Covers {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) services: Vec<String>,
    pub(crate) sampled: Option<Sampled>,
}

impl Covers {
    fn widen(&self, meta: &mut SplitMeta) {
        meta.first = meta.first.min(self.first);
        meta.last = meta.last.max(self.last);
        meta.services.extend(self.services.iter().cloned());
        meta.services.sort_unstable();
        meta.services.dedup();
        meta.sampled = self.sampled;
    }
}

/// Writes the rows of `memory` below `store_dir`, durably. Nothing refers to them yet.
pub(crate) fn write_splits(
    store_dir: &Path,
    memory: &Memory,
    spec: &SplitSpec,
) -> Result<Vec<SplitMeta>, StoreError> {
    let mut written = Vec::new();
    for signal in SplitSignal::ALL {
        if let Some(mut meta) = draft(memory, signal) {
            meta.id = spec.id_first + written.len() as u64;
            meta.order = spec.order.unwrap_or(meta.id);
            meta.wal_floor = spec.wal_floor;
            meta.replaces.clone_from(&spec.replaces);
            meta.received = spec.received;
            if let Some(covers) = &spec.covers {
                covers.widen(&mut meta);
            }
            write_split(store_dir, memory, &mut meta)?;
            written.push(meta);
        }
    }
    Ok(written)
}

/// The entry of the split that `memory` makes for `signal`; `None` without rows.
fn draft(memory: &Memory, signal: SplitSignal) -> Option<SplitMeta> {
    let (mut first, mut last) = (Timestamp::MAX, Timestamp::MIN);
    let (mut count, mut memory_bytes) = (0, 0);
    let mut services: FxHashSet<&str> = FxHashSet::default();
    let mut add = |from: Timestamp, to: Timestamp, rows: usize, bytes: usize| {
        first = first.min(from);
        last = last.max(to);
        count += rows as u64;
        memory_bytes += bytes as u64;
    };
    match signal {
        SplitSignal::Logs => memory.logs.iter().for_each(|portion| {
            add(portion.first, portion.last, portion.rows.heads().len(), portion.bytes);
            services.insert(&portion.origin.service);
        }),
        SplitSignal::Spans => memory.spans.iter().for_each(|portion| {
            add(portion.first, portion.last, portion.heads.len(), portion.bytes);
            services.insert(&portion.origin.service);
        }),
        SplitSignal::Metrics => memory.metrics.series.iter().for_each(|series| {
            let (points, bytes) = (series.series.points.len(), series.bytes());
            add(memory.metrics.first, memory.metrics.last, points, bytes);
            services.insert(&series.origin.service);
        }),
    }
    let mut services: Vec<String> = services.into_iter().map(str::to_owned).collect();
    services.sort();
    (count > 0).then(|| SplitMeta {
        id: 0,
        order: 0,
        signal,
        first,
        last,
        count,
        memory_bytes,
        services,
        wal_floor: 0,
        replaces: Vec::new(),
        received: Timestamp::MIN,
        has_rows: true,
        cold: Vec::new(),
        sampled: None,
    })
}

fn write_split(store_dir: &Path, memory: &Memory, meta: &mut SplitMeta) -> Result<(), StoreError> {
    let path = store_dir.join(meta.relative_path());
    let parent = store_dir.join(meta.signal.directory());
    let unfinished = disk::unfinished(&path);
    disk::create_dir(&unfinished)?;
    let finished = write_files(&unfinished, memory, meta)
        .and_then(|()| disk::sync_dir(&unfinished))
        .and_then(|()| disk::rename(&unfinished, &path))
        .and_then(|()| disk::sync_dir(&parent));
    if finished.is_err() {
        disk::remove_if_there(&unfinished);
    }
    finished
}

fn write_files(dir: &Path, memory: &Memory, meta: &mut SplitMeta) -> Result<(), StoreError> {
    match meta.signal {
        SplitSignal::Logs => {
            let order = log_order(memory);
            write_logs(dir, memory, &order)?;
            rollup_file::write(dir, memory, &order)?;
        }
        SplitSignal::Spans => write_spans(dir, memory)?,
        SplitSignal::Metrics => meta.count = series_file::write(dir, memory)?,
    }
    checked_file::write(&dir.join(META_NAME), META_KIND, meta)
}

/// The log rows by time, those of one moment as they came.
fn log_order(memory: &Memory) -> Vec<(Timestamp, RowAt)> {
    let rows = memory.logs.iter().map(|portion| portion.rows.heads().len());
    let mut order: Vec<(Timestamp, RowAt)> = Vec::with_capacity(rows.sum());
    for (number, portion) in memory.logs.iter().enumerate() {
        let heads = portion.rows.heads().iter().enumerate();
        order.extend(heads.map(|(row, head)| (head.time, row_at(number, row))));
    }
    order.sort_by_key(|(time, _)| *time);
    order
}

fn write_logs(dir: &Path, memory: &Memory, order: &[(Timestamp, RowAt)]) -> Result<(), StoreError> {
    let mut output = Output::create(dir, Some(WordIndexBuilder::new()?))?;
    let mut block = LogBlockBuilder::default();
    for (time, at) in order {
        let Some(portion) = memory.logs.get(at.portion as usize) else { continue };
        let Some(record) = portion.rows.record(at.row as usize) else { continue };
        let origin = output.begin_row(&portion.origin, *time, record.severity, 0);
        block.push(record, origin, &mut output.tokens);
        if block.rows() >= LOG_BLOCK_ROWS || block.bytes() >= BLOCK_BYTES {
            output.end_log_block(&mut block)?;
        }
    }
    if block.rows() > 0 {
        output.end_log_block(&mut block)?;
    }
    output.finish(dir)
}

/// Spans by stretch of time, and in each by the hash that samples are taken by: a sample of a busy hour reads the first
/// blocks of its stretches, and a question about five minutes does not read the day.
fn write_spans(dir: &Path, memory: &Memory) -> Result<(), StoreError> {
    let mut order: Vec<(i64, u64, Timestamp, RowAt)> = Vec::new();
    for (number, portion) in memory.spans.iter().enumerate() {
        order.extend(portion.heads.iter().enumerate().map(|(row, head)| {
            let stretch = head.start.nanos().div_euclid(STRETCH_NANOS);
            (stretch, sample_hash(head.trace_id), head.start, row_at(number, row))
        }));
    }
    order.sort_by_key(|(stretch, hash, time, _)| (*stretch, *hash, *time));
    let mut tally = memory.span_rollup.is_none().then(|| SpanTally::with_capacity(order.len()));
    let mut senders = Vec::new();
    let mut output = Output::create(dir, None)?;
    let mut block = SpanBlockBuilder::default();
    let mut stretch_before = None;
    for (stretch, hash, time, at) in &order {
        let Some(portion) = memory.spans.get(at.portion as usize) else { continue };
        let Some(span) = portion.span(at.row as usize) else { continue };
        let is_new_stretch = stretch_before.replace(*stretch).is_some_and(|last| last != *stretch);
        if block.rows() >= BLOCK_ROWS || is_new_stretch && block.rows() >= STRETCH_ROWS_MIN {
            output.end_block(&std::mem::take(&mut block).encode()?)?;
        }
        let origin = output.begin_row(&portion.origin, *time, Severity::UNSPECIFIED, *hash);
        if let Some(tally) = &mut tally {
            if senders.len() <= origin as usize {
                senders.push(tally.sender(&portion.origin.resource));
            }
            if let Some(sender) = senders.get(origin as usize) {
                tally.add_packed(*sender, &span);
            }
        }
        block.push(&span, origin, &mut output.tokens);
    }
    if block.rows() > 0 {
        output.end_block(&block.encode()?)?;
    }
    output.finish(dir)?;
    let counted = tally.map(SpanTally::finish);
    if let Some(rollup) = counted.as_ref().or(memory.span_rollup.as_ref()) {
        span_counts_file::write(dir, rollup)?;
    }
    Ok(())
}

fn row_at(portion: usize, row: usize) -> RowAt {
    let number = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
    RowAt { portion: number(portion), row: number(row) }
}

/// Rows and indexes of a split that is being written.
struct Output {
    rows: RowsWriter,
    ids: IdIndexBuilder,
    /// Not for spans, which are never asked for by words.
    words: Option<WordIndexBuilder>,
    tokens: BlockTokens,
    resources: Vec<Arc<Resource>>,
    numbers: FxHashMap<*const Origin, u32>,
    /// Resources of the current block, whose services are in its tokens.
    in_block: FxHashSet<u32>,
    /// The block so far; `None` before its first row.
    facts: Option<BlockFacts>,
}

impl Output {
    fn create(dir: &Path, words: Option<WordIndexBuilder>) -> Result<Self, StoreError> {
        Ok(Self {
            rows: RowsWriter::create(dir)?,
            ids: IdIndexBuilder::default(),
            words,
            tokens: BlockTokens::default(),
            resources: Vec::new(),
            numbers: FxHashMap::default(),
            in_block: FxHashSet::default(),
            facts: None,
        })
    }

    /// Notes what the block's entry says of a row; gives the number of its resource.
    fn begin_row(
        &mut self,
        origin: &Arc<Origin>,
        time: Timestamp,
        severity: Severity,
        sample_hash: u64,
    ) -> u32 {
        let number = *self.numbers.entry(Arc::as_ptr(origin)).or_insert_with(|| {
            self.resources.push(Arc::clone(&origin.resource));
            u32::try_from(self.resources.len() - 1).unwrap_or(u32::MAX)
        });
        if self.in_block.insert(number) {
            self.tokens.add_token(&service_token(&origin.service));
        }
        let facts = self.facts.get_or_insert(BlockFacts {
            first: time,
            last: time,
            severity_max: severity,
            rows: 0,
            sample_first: sample_hash,
        });
        facts.first = facts.first.min(time);
        facts.last = facts.last.max(time);
        facts.severity_max = facts.severity_max.max(severity);
        facts.rows = facts.rows.saturating_add(1);
        facts.sample_first = facts.sample_first.min(sample_hash);
        number
    }

    fn end_block(&mut self, raw: &[u8]) -> Result<(), StoreError> {
        let Some(facts) = self.facts.take() else { return Ok(()) };
        self.rows.push(raw, facts)?;
        self.index_block()
    }

    fn end_log_block(&mut self, block: &mut LogBlockBuilder<'_>) -> Result<(), StoreError> {
        let Some(facts) = self.facts.take() else { return Ok(()) };
        let encoded = block.encode(&mut self.tokens)?;
        self.rows.push_logs(&encoded, facts)?;
        self.index_block()
    }

    fn index_block(&mut self) -> Result<(), StoreError> {
        self.in_block.clear();
        self.ids.add_block(self.tokens.ids.take());
        match &mut self.words {
            Some(words) => words.add_block(self.tokens.take_words()),
            None => Ok(()),
        }
    }

    fn finish(self, dir: &Path) -> Result<(), StoreError> {
        self.rows.finish(self.resources)?;
        self.ids.finish(dir)?;
        self.words.map_or(Ok(()), |words| words.finish(dir).map(drop))
    }
}
