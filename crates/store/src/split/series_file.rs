//! `series.bin`: the series of a metric split and their points.
//!
//! Series are sorted by name, so that those of one name share chunks; a query reads the footer and the chunks of the
//! series that match.

use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::{
    Attributes, MetricKind, MetricSeries, Point, Resource, TimeRange, Timestamp,
};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::columns::TimeColumn;
use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};
use crate::memory::{Memory, MemorySeries};
use crate::series_merge::sort_and_dedup;

const KIND: FileKind = *b"GCse";
pub(super) const NAME: &str = "series.bin";
/// Points are kept in chunks of about this size before compression: series of a process have the same times, so the more
/// lie together the less each takes.
const CHUNK_BYTES: usize = 256 * 1024;

#[derive(Default, Serialize, Deserialize)]
struct Footer {
    resources: Vec<Arc<Resource>>,
    series: Vec<SeriesMeta>,
    chunks: Vec<ChunkRef>,
}

/// A series without its points.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SeriesMeta {
    origin: u32,
    pub(crate) name: String,
    unit: String,
    kind: MetricKind,
    attributes: Attributes,
    first: Timestamp,
    last: Timestamp,
    chunk: u32,
    /// Where its points are in the chunk.
    offset: u32,
    length: u32,
}

#[derive(Default, Serialize, Deserialize)]
struct Points {
    times: TimeColumn,
    values: Vec<f64>,
}

/// Writes the series of `memory`; says how many points there are.
pub(super) fn write(dir: &Path, memory: &Memory) -> Result<u64, StoreError> {
    let mut sorted: Vec<&MemorySeries> = memory.metrics.series.iter().collect();
    sorted.sort_by(|left, right| {
        (&left.series.name, &left.origin.service).cmp(&(&right.series.name, &right.origin.service))
    });
    let mut file = ChunkWriter::create(&dir.join(NAME), KIND)?;
    let mut footer = Footer::default();
    let mut origins: FxHashMap<*const Resource, u32> = FxHashMap::default();
    let mut chunk = Vec::new();
    let mut count = 0;
    for MemorySeries { origin, series } in sorted {
        let number = *origins.entry(Arc::as_ptr(&origin.resource)).or_insert_with(|| {
            footer.resources.push(Arc::clone(&origin.resource));
            u32::try_from(footer.resources.len() - 1).unwrap_or(u32::MAX)
        });
        let mut points = series.points.clone();
        sort_and_dedup(&mut points);
        count += points.len() as u64;
        let offset = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let encoded = encode_points(&points)?;
        chunk.extend_from_slice(&encoded);
        footer.series.push(SeriesMeta {
            origin: number,
            name: series.name.clone(),
            unit: series.unit.clone(),
            kind: series.kind,
            attributes: series.attributes.clone(),
            first: points.first().map_or(Timestamp::MAX, |point| point.time),
            last: points.last().map_or(Timestamp::MIN, |point| point.time),
            chunk: u32::try_from(footer.chunks.len()).unwrap_or(u32::MAX),
            offset,
            length: u32::try_from(encoded.len()).unwrap_or(u32::MAX),
        });
        if chunk.len() >= CHUNK_BYTES {
            footer.chunks.push(file.push(&chunk)?);
            chunk.clear();
        }
    }
    if !chunk.is_empty() {
        footer.chunks.push(file.push(&chunk)?);
    }
    file.finish(&footer)?;
    Ok(count)
}

fn encode_points(points: &[Point]) -> Result<Vec<u8>, StoreError> {
    let mut columns = Points::default();
    for point in points {
        columns.times.push(point.time);
        columns.values.push(point.value);
    }
    postcard::to_stdvec(&columns).map_err(StoreError::encoding("metric points"))
}

/// A metric split that was opened.
#[derive(Debug)]
pub(crate) struct SeriesFile {
    file: ChunkFile,
    resources: Vec<Arc<Resource>>,
    series: Vec<SeriesMeta>,
    chunks: Vec<ChunkRef>,
}

impl SeriesFile {
    /// Opens the file of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, bytes) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        let Footer { resources, series, chunks } = footer;
        let opened = Self { file, resources, series, chunks };
        Ok((opened, bytes * 2 + size_of::<SeriesMeta>()))
    }

    /// Calls `visit` with every series that `wanted` admits and that has points in `range`. A chunk that is damaged is
    /// given to `failed` and left out.
    pub(crate) fn for_each(
        &self,
        range: TimeRange,
        wanted: &dyn Fn(&SeriesMeta, &Resource) -> bool,
        visit: &mut dyn FnMut(&Arc<Resource>, MetricSeries),
        failed: &mut dyn FnMut(StoreError),
    ) {
        let mut loaded: Option<(u32, Vec<u8>)> = None;
        for meta in &self.series {
            let Some(resource) = self.resources.get(meta.origin as usize) else { continue };
            let overlaps = meta.first < range.end && range.start <= meta.last;
            if !overlaps || !wanted(meta, resource) {
                continue;
            }
            if loaded.as_ref().is_none_or(|(number, _)| *number != meta.chunk) {
                match self.load(meta.chunk) {
                    Ok(raw) => loaded = Some((meta.chunk, raw)),
                    Err(error) => {
                        failed(error);
                        loaded = Some((meta.chunk, Vec::new()));
                    }
                }
            }
            let raw = loaded.as_ref().map_or(&[][..], |(_, raw)| raw);
            if let Some(series) = series_of(meta, raw, range) {
                visit(resource, series);
            }
        }
    }

    fn load(&self, number: u32) -> Result<Vec<u8>, StoreError> {
        let chunk = self.chunks.get(number as usize);
        self.file.read(chunk.ok_or_else(|| self.file.damaged("a chunk is not listed"))?)
    }
}

fn series_of(meta: &SeriesMeta, raw: &[u8], range: TimeRange) -> Option<MetricSeries> {
    let start = meta.offset as usize;
    let columns: Points =
        postcard::from_bytes(raw.get(start..start + meta.length as usize)?).ok()?;
    let points: Vec<Point> = columns
        .times
        .all()
        .into_iter()
        .zip(columns.values)
        .filter(|(time, _)| range.contains(*time))
        .map(|(time, value)| Point { time, value })
        .collect();
    (!points.is_empty()).then(|| MetricSeries {
        name: meta.name.clone(),
        unit: meta.unit.clone(),
        kind: meta.kind,
        attributes: meta.attributes.clone(),
        points,
    })
}
