//! `span_counts.bin`: what the spans of a split counted, beside their rows.
//!
//! It is small, is read as a whole, and stays here when rows are moved to a bucket. A split without it was
//! written before there were such files; its rows are counted when it is asked.

use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use super::streams::Bytes;
use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkWriter};
use crate::latency::LatencySketch;
use crate::span_rollup::{CellKey, EdgeKey, PodSeen, SpanRollup};

const KIND: FileKind = *b"GCsc";
pub(super) const NAME: &str = "span_counts.bin";
/// Bits of a cell's flags above its kind.
const REQUEST: u8 = 1 << 6;
const FAILED: u8 = 1 << 7;

#[derive(Default, Serialize, Deserialize)]
struct Footer {
    names: Vec<Arc<str>>,
    cells: Cells,
    edges: Edges,
    pods: Vec<(u32, Arc<str>, Timestamp, Timestamp)>,
}

#[derive(Default, Serialize, Deserialize)]
struct Cells {
    /// Differences, ascending.
    slots: Vec<i64>,
    services: Vec<u32>,
    operations: Vec<u32>,
    flags: Bytes,
    times: Sketches,
}

#[derive(Default, Serialize, Deserialize)]
struct Edges {
    /// Differences, ascending.
    slots: Vec<i64>,
    callers: Vec<u32>,
    /// 0 for none, else the name's number + 1.
    callees: Vec<u32>,
    /// The same.
    peers: Vec<u32>,
    flags: Bytes,
    times: Sketches,
}

#[derive(Default, Serialize, Deserialize)]
struct Sketches {
    /// Ranges of each.
    lengths: Vec<u16>,
    /// Differences within each, ascending.
    ranges: Vec<u16>,
    counts: Vec<u64>,
}

impl Sketches {
    fn push(&mut self, sketch: &LatencySketch) {
        self.lengths.push(u16::try_from(sketch.ranges().len()).unwrap_or(u16::MAX));
        let mut before = 0;
        for (range, count) in sketch.ranges() {
            self.ranges.push(range.wrapping_sub(before));
            self.counts.push(*count);
            before = *range;
        }
    }

    /// `None` when the columns do not fit together.
    fn all(&self) -> Option<Vec<LatencySketch>> {
        let mut start = 0_usize;
        let sketches = self.lengths.iter().map(|length| {
            let end = start + usize::from(*length);
            let pairs = self.ranges.get(start..end)?.iter().zip(self.counts.get(start..end)?);
            start = end;
            let mut sketch = LatencySketch::default();
            let mut range = 0_u16;
            for (delta, count) in pairs {
                range = range.wrapping_add(*delta);
                sketch.add_range(range, *count);
            }
            Some(sketch)
        });
        sketches.collect()
    }
}

/// Writes the counts of a split into `dir`, durably.
pub(super) fn write(dir: &Path, rollup: &SpanRollup) -> Result<u64, StoreError> {
    let mut footer = Footer { names: rollup.names.clone(), ..Footer::default() };
    let cells = &mut footer.cells;
    let mut slot_before = 0_i64;
    for (key, times) in &rollup.cells {
        cells.slots.push(key.slot.wrapping_sub(slot_before));
        slot_before = key.slot;
        cells.services.push(key.service);
        cells.operations.push(key.operation);
        let request = if key.is_request { REQUEST } else { 0 };
        cells.flags.0.push(key.kind | request | failed(key.is_failed));
        cells.times.push(times);
    }
    let edges = &mut footer.edges;
    slot_before = 0;
    for (key, times) in &rollup.edges {
        let number = |name: Option<u32>| name.map_or(0, |name| name.saturating_add(1));
        edges.slots.push(key.slot.wrapping_sub(slot_before));
        slot_before = key.slot;
        edges.callers.push(key.caller);
        edges.callees.push(number(key.callee));
        edges.peers.push(number(key.peer));
        edges.flags.0.push(failed(key.is_failed));
        edges.times.push(times);
    }
    let pods = rollup.pods.iter();
    footer.pods =
        pods.map(|seen| (seen.service, Arc::clone(&seen.pod), seen.first, seen.last)).collect();
    ChunkWriter::create(&dir.join(NAME), KIND)?.finish(&footer)
}

const fn failed(is_failed: bool) -> u8 {
    if is_failed { FAILED } else { 0 }
}

/// Counts that were read back.
#[derive(Debug)]
pub(crate) struct SpanCountsFile {
    pub(crate) rollup: Arc<SpanRollup>,
}

impl SpanCountsFile {
    /// Opens the counts of the split in `dir`; says how much memory they take, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, bytes) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        let read = cells_of(&footer.cells).zip(edges_of(&footer.edges));
        let (cells, edges) = read.ok_or_else(|| file.damaged("its columns differ in length"))?;
        let Footer { names, pods, .. } = footer;
        let pods = pods.into_iter();
        let pods =
            pods.map(|(service, pod, first, last)| PodSeen { service, pod, first, last }).collect();
        let ranges = footer.cells.times.ranges.len() + footer.edges.times.ranges.len();
        let held = size_of_val(cells.as_slice())
            + size_of_val(edges.as_slice())
            + ranges * size_of::<(u16, u64)>()
            + bytes;
        Ok((Self { rollup: Arc::new(SpanRollup { names, cells, edges, pods }) }, held))
    }
}

fn cells_of(columns: &Cells) -> Option<Vec<(CellKey, LatencySketch)>> {
    let sketches = columns.times.all()?;
    if sketches.len() != columns.slots.len() {
        return None;
    }
    let mut slot = 0_i64;
    let cells = sketches.into_iter().enumerate().map(|(place, times)| {
        slot = slot.wrapping_add(*columns.slots.get(place)?);
        let flags = *columns.flags.0.get(place)?;
        let key = CellKey {
            slot,
            service: *columns.services.get(place)?,
            operation: *columns.operations.get(place)?,
            kind: flags & !(REQUEST | FAILED),
            is_request: flags & REQUEST != 0,
            is_failed: flags & FAILED != 0,
        };
        Some((key, times))
    });
    cells.collect()
}

fn edges_of(columns: &Edges) -> Option<Vec<(EdgeKey, LatencySketch)>> {
    let sketches = columns.times.all()?;
    if sketches.len() != columns.slots.len() {
        return None;
    }
    let mut slot = 0_i64;
    let edges = sketches.into_iter().enumerate().map(|(place, times)| {
        slot = slot.wrapping_add(*columns.slots.get(place)?);
        let key = EdgeKey {
            slot,
            caller: *columns.callers.get(place)?,
            callee: columns.callees.get(place)?.checked_sub(1),
            peer: columns.peers.get(place)?.checked_sub(1),
            is_failed: columns.flags.0.get(place)? & FAILED != 0,
        };
        Some((key, times))
    });
    edges.collect()
}
