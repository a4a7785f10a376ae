//! Seals a memory: one split per signal that it has.

use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::{Resource, Severity, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::block_tokens::BlockTokens;
use super::id_index::{IdIndexBuilder, service_token};
use super::log_block::LogBlockBuilder;
use super::meta::{META_KIND, META_NAME, SplitMeta, SplitSignal};
use super::rows_file::RowsWriter;
use super::span_block::SpanBlockBuilder;
use super::word_index::WordIndexBuilder;
use super::{rollup_file, series_file};
use crate::memory::Memory;
use crate::origin::Origin;
use crate::{StoreError, checked_file, disk};

/// Rows of one block.
const BLOCK_ROWS: usize = 1024;
/// A block is closed when its bodies exceed this, whatever its rows.
const BLOCK_BYTES: usize = 1024 * 1024;

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
            add(portion.first, portion.last, portion.records.len(), portion.bytes);
            services.insert(&portion.origin.service);
        }),
        SplitSignal::Spans => memory.spans.iter().for_each(|portion| {
            add(portion.first, portion.last, portion.spans.len(), portion.bytes);
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
            write_logs(dir, memory)?;
            rollup_file::write(dir, memory)?;
        }
        SplitSignal::Spans => write_spans(dir, memory)?,
        SplitSignal::Metrics => meta.count = series_file::write(dir, memory)?,
    }
    checked_file::write(&dir.join(META_NAME), META_KIND, meta)
}

fn write_logs(dir: &Path, memory: &Memory) -> Result<(), StoreError> {
    let mut order: Vec<RowOrder> = Vec::new();
    for (number, portion) in memory.logs.iter().enumerate() {
        add_order(&mut order, number, portion.records.iter().map(|record| record.time));
    }
    order.sort_by_key(|row| row.time);
    let mut output = Output::create(dir, Some(WordIndexBuilder::new()?))?;
    let mut block = LogBlockBuilder::default();
    for row in &order {
        let Some(portion) = memory.logs.get(row.portion as usize) else { continue };
        let Some(record) = portion.records.get(row.row as usize) else { continue };
        let origin = output.begin_row(&portion.origin, row.time, record.severity);
        block.push(record, origin, &mut output.tokens);
        if block.rows() >= BLOCK_ROWS || block.bytes() >= BLOCK_BYTES {
            output.end_block(&std::mem::take(&mut block).encode()?)?;
        }
    }
    if block.rows() > 0 {
        output.end_block(&block.encode()?)?;
    }
    output.finish(dir)
}

fn write_spans(dir: &Path, memory: &Memory) -> Result<(), StoreError> {
    let mut order: Vec<RowOrder> = Vec::new();
    for (number, portion) in memory.spans.iter().enumerate() {
        add_order(&mut order, number, portion.spans.iter().map(|span| span.start));
    }
    order.sort_by_key(|row| row.time);
    let mut output = Output::create(dir, None)?;
    let mut block = SpanBlockBuilder::default();
    for row in &order {
        let Some(portion) = memory.spans.get(row.portion as usize) else { continue };
        let Some(span) = portion.spans.get(row.row as usize) else { continue };
        let origin = output.begin_row(&portion.origin, row.time, Severity::UNSPECIFIED);
        block.push(span, origin, &mut output.tokens);
        if block.rows() >= BLOCK_ROWS {
            output.end_block(&std::mem::take(&mut block).encode()?)?;
        }
    }
    if block.rows() > 0 {
        output.end_block(&block.encode()?)?;
    }
    output.finish(dir)
}

/// A row's place in time order.
struct RowOrder {
    time: Timestamp,
    portion: u32,
    row: u32,
}

fn add_order(order: &mut Vec<RowOrder>, portion: usize, times: impl Iterator<Item = Timestamp>) {
    let portion = u32::try_from(portion).unwrap_or(u32::MAX);
    order.extend(times.enumerate().map(|(row, time)| RowOrder {
        time,
        portion,
        row: u32::try_from(row).unwrap_or(u32::MAX),
    }));
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
    times: Option<(Timestamp, Timestamp)>,
    severity_max: Severity,
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
            times: None,
            severity_max: Severity::UNSPECIFIED,
        })
    }

    /// Notes what the block's entry says of a row; gives the number of its resource.
    fn begin_row(&mut self, origin: &Arc<Origin>, time: Timestamp, severity: Severity) -> u32 {
        let number = *self.numbers.entry(Arc::as_ptr(origin)).or_insert_with(|| {
            self.resources.push(Arc::clone(&origin.resource));
            u32::try_from(self.resources.len() - 1).unwrap_or(u32::MAX)
        });
        if self.in_block.insert(number) {
            self.tokens.add_token(&service_token(&origin.service));
        }
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first.min(time), last.max(time)));
        self.severity_max = self.severity_max.max(severity);
        number
    }

    fn end_block(&mut self, raw: &[u8]) -> Result<(), StoreError> {
        let times = self.times.take().unwrap_or_default();
        let severity_max = std::mem::replace(&mut self.severity_max, Severity::UNSPECIFIED);
        self.in_block.clear();
        self.rows.push(raw, times, severity_max)?;
        self.ids.add_block(&mut self.tokens.ids);
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
