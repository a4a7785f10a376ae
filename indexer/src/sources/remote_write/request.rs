//! A remote write request, series by series, in either version.

use groundcrew_telemetry::{Batch, MetricBatch, MetricSeries, Point, Resource, Timestamp};
use prost::Message;

use super::messages::{Histogram, Label, Metadata, Sample};
use super::native::{Native, read_native};
use super::origin::{SeriesOrigin, kind_of, unit_of};
use crate::sources::http_body::{HttpRefusal, Room};
use crate::sources::pieces::{Piece, not_protobuf, protobuf_pieces};
use crate::stages::decode::{
    Decoded, Nanos, ReadMetric, ReadPoint, ReadPoints, Rejections, Spread,
};

/// The value that says "this series has ended", which is no number.
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;
/// What a series takes in memory beside its texts and points.
const SERIES_BYTES: usize = 512;
const LABEL_BYTES: usize = 64;
const POINT_BYTES: usize = 32;
/// A native histogram on the wire; it spreads into up to 160 series.
const HISTOGRAM_BYTES_MAX: usize = 64 * 1024;
const HISTOGRAM_BYTES: usize = 160 * 256;
/// Batches looked through for the resource of a series.
const OPEN_MAX: usize = 32;
/// The temporality of OTLP that means "running total".
const CUMULATIVE: i64 = 2;

/// The version of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

/// A request after decoding.
#[derive(Default)]
pub struct Written {
    /// What can be stored.
    pub decoded: Decoded,
    /// Samples that were understood, those included that say a series has ended or has no value.
    pub samples: u64,
    /// Native histograms that were understood.
    pub histograms: u64,
}

/// Where the parts of a series stand in its message.
struct Fields {
    series: u32,
    labels: u32,
    samples: u32,
    histograms: u32,
}

impl Version {
    fn fields(self) -> Fields {
        match self {
            Self::V1 => Fields { series: 1, labels: 1, samples: 2, histograms: 4 },
            Self::V2 => Fields { series: 5, labels: 1, samples: 2, histograms: 3 },
        }
    }
}

const SYMBOLS: u32 = 4;
const SERIES_METADATA: u32 = 5;

/// Turns an expanded request into batches.
///
/// # Errors
/// When it is no such request, or comes to more than there is room for.
pub fn decode(version: Version, request: &[u8], room: &mut Room) -> Result<Written, HttpRefusal> {
    let fields = version.fields();
    let mut symbols: Vec<&str> = Vec::new();
    if version == Version::V2 {
        for piece in protobuf_pieces(request) {
            if let (SYMBOLS, Piece::Bytes(symbol)) = piece? {
                room.take(size_of::<&str>())?;
                let symbol = std::str::from_utf8(symbol)
                    .map_err(|_| HttpRefusal::Malformed("a symbol is not UTF-8".to_owned()))?;
                symbols.push(symbol);
            }
        }
        if symbols.first().is_none_or(|first| !first.is_empty()) {
            let reason = "the symbols do not begin with the empty one";
            return Err(HttpRefusal::Malformed(reason.to_owned()));
        }
    }
    let mut reading = Reading { symbols, fields, room, written: Written::default() };
    for piece in protobuf_pieces(request) {
        if let (tag, Piece::Bytes(series)) = piece?
            && tag == reading.fields.series
        {
            reading.series(series)?;
        }
    }
    Ok(reading.written)
}

struct Reading<'a> {
    symbols: Vec<&'a str>,
    fields: Fields,
    room: &'a mut Room,
    written: Written,
}

/// The parts of a series, before its labels are understood.
#[derive(Default)]
struct Parts {
    labels: Vec<(String, String)>,
    /// References of version 2, until they come in pairs.
    refs: Vec<u32>,
    metadata: Metadata,
    points: Vec<Point>,
    samples: u64,
    histograms: Vec<Histogram>,
    problem: Option<String>,
}

impl Reading<'_> {
    fn series(&mut self, message: &[u8]) -> Result<(), HttpRefusal> {
        self.room.take(SERIES_BYTES)?;
        let mut parts = Parts::default();
        for piece in protobuf_pieces(message) {
            self.part(&mut parts, piece?)?;
        }
        if let Err(reason) = self.resolve(&mut parts)? {
            parts.problem.get_or_insert(reason);
        }
        let origin = match parts.problem.take() {
            Some(reason) => Err(reason),
            None => SeriesOrigin::of(std::mem::take(&mut parts.labels)),
        };
        let records = parts.samples + parts.histograms.len() as u64;
        match origin {
            Ok(origin) => self.finish(origin, parts),
            Err(reason) => {
                let reasons = vec![reason];
                let rejected = Rejections { count: records.max(1), reasons };
                self.written.decoded.rejected.merge(rejected);
            }
        }
        Ok(())
    }

    fn part(&mut self, parts: &mut Parts, piece: (u32, Piece<'_>)) -> Result<(), HttpRefusal> {
        let is_v2 = !self.symbols.is_empty();
        match piece {
            (tag, Piece::Bytes(bytes)) if tag == self.fields.labels && is_v2 => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let number = prost::encoding::decode_varint(&mut rest)
                        .map_err(|error| not_protobuf(&error))?;
                    self.reference(parts, number)?;
                }
            }
            (tag, Piece::Number(number)) if tag == self.fields.labels && is_v2 => {
                self.reference(parts, number)?;
            }
            (tag, Piece::Bytes(bytes)) if tag == self.fields.labels => {
                self.room.take(LABEL_BYTES + bytes.len())?;
                let label = Label::decode(bytes).map_err(|error| not_protobuf(&error))?;
                parts.labels.push((label.name, label.value));
            }
            (tag, Piece::Bytes(bytes)) if tag == self.fields.samples => {
                self.room.take(POINT_BYTES)?;
                let sample = Sample::decode(bytes).map_err(|error| not_protobuf(&error))?;
                parts.take_sample(sample);
            }
            (tag, Piece::Bytes(bytes)) if tag == self.fields.histograms => {
                if bytes.len() > HISTOGRAM_BYTES_MAX {
                    let reason = format!("a histogram is longer than {HISTOGRAM_BYTES_MAX} bytes");
                    parts.problem.get_or_insert(reason);
                    return Ok(());
                }
                self.room.take(HISTOGRAM_BYTES + 8 * bytes.len())?;
                let histogram = Histogram::decode(bytes).map_err(|error| not_protobuf(&error))?;
                parts.histograms.push(histogram);
            }
            (SERIES_METADATA, Piece::Bytes(bytes)) if is_v2 => {
                parts.metadata = Metadata::decode(bytes).map_err(|error| not_protobuf(&error))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn reference(&mut self, parts: &mut Parts, number: u64) -> Result<(), HttpRefusal> {
        self.room.take(size_of::<u32>())?;
        parts.refs.push(u32::try_from(number).unwrap_or(u32::MAX));
        Ok(())
    }

    fn symbol(&self, reference: u32) -> Option<&str> {
        self.symbols.get(usize::try_from(reference).ok()?).copied()
    }

    /// Puts symbols in the place of references. The inner error rejects the series alone.
    fn resolve(&mut self, parts: &mut Parts) -> Result<Result<(), String>, HttpRefusal> {
        let mut refs = parts.refs.chunks_exact(2);
        for pair in refs.by_ref() {
            let [name, value] = pair else { continue };
            let (Some(name), Some(value)) = (self.symbol(*name), self.symbol(*value)) else {
                return Ok(Err("a label refers to no symbol".to_owned()));
            };
            // One symbol may be referred to any number of times, so each time counts.
            let (name, value) = (name.to_owned(), value.to_owned());
            self.room.take(LABEL_BYTES + name.len() + value.len())?;
            parts.labels.push((name, value));
        }
        if refs.remainder().is_empty() {
            return Ok(Ok(()));
        }
        Ok(Err("a label has a name and no value".to_owned()))
    }

    fn finish(&mut self, origin: SeriesOrigin, parts: Parts) {
        let SeriesOrigin { name, resource, attributes } = origin;
        let unit = unit_of(&name, self.symbol(parts.metadata.unit_ref).unwrap_or(""));
        let mut series = Vec::new();
        self.written.samples += parts.samples;
        let spread = spread_of(&name, &unit, &attributes, &parts.histograms);
        self.written.histograms +=
            (parts.histograms.len() as u64).saturating_sub(spread.rejected.count);
        self.written.decoded.rejected.merge(spread.rejected);
        self.written.decoded.notes.add(spread.notes);
        series.extend(spread.series);
        if !parts.points.is_empty() {
            let mut points = parts.points;
            points.sort_by_key(|point| point.time);
            let kind = kind_of(&name, parts.metadata.kind);
            series.push(MetricSeries { name, unit, kind, attributes, points });
        }
        self.push(resource, series);
    }

    fn push(&mut self, resource: Resource, series: Vec<MetricSeries>) {
        if series.is_empty() {
            return;
        }
        let open = self.written.decoded.batches.iter_mut().rev().take(OPEN_MAX);
        let mut batches = open.filter_map(|batch| match batch {
            Batch::Metrics(batch) if batch.resource == resource => Some(batch),
            _ => None,
        });
        match batches.next() {
            Some(batch) => batch.series.extend(series),
            None => {
                let scope = String::new();
                let batch = MetricBatch { resource, scope, series };
                self.written.decoded.batches.push(Batch::Metrics(batch));
            }
        }
    }
}

impl Parts {
    fn take_sample(&mut self, sample: Sample) {
        self.samples += 1;
        let nanos = sample.timestamp.checked_mul(1_000_000);
        match nanos {
            Some(nanos) if sample.value.is_finite() => {
                self.points.push(Point { time: Timestamp::from_nanos(nanos), value: sample.value });
            }
            // Ended, not a number or infinite: there is nothing to keep.
            Some(_) => {}
            None => {
                self.problem.get_or_insert("a sample's time cannot be".to_owned());
            }
        }
    }
}

/// The series that native histograms spread into.
fn spread_of(
    name: &str,
    unit: &str,
    attributes: &groundcrew_telemetry::Attributes,
    histograms: &[Histogram],
) -> Spread {
    let (mut exponential, mut explicit) = (Vec::new(), Vec::new());
    let mut spread = Spread::default();
    for histogram in histograms.iter().filter(|histogram| histogram.sum.to_bits() != STALE) {
        let (attributes, time) =
            (attributes.clone(), Nanos(i128::from(histogram.timestamp) * 1_000_000));
        match read_native(histogram) {
            Ok(Native::Exponential(read)) => {
                exponential.push(ReadPoint { attributes, time, value: Some(read) });
            }
            Ok(Native::Explicit(read)) => {
                explicit.push(ReadPoint { attributes, time, value: Some(read) });
            }
            Err(reason) => spread.rejected.add(format!("histogram {name}: {reason}")),
        }
    }
    let metric = |points| ReadMetric { name: name.to_owned(), unit: unit.to_owned(), points };
    if !exponential.is_empty() {
        spread.metric(metric(ReadPoints::Exponential {
            temporality: CUMULATIVE,
            points: exponential,
        }));
    }
    if !explicit.is_empty() {
        spread.metric(metric(ReadPoints::Histogram { temporality: CUMULATIVE, points: explicit }));
    }
    spread
}
