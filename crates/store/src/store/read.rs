//! Answers what spans, metrics, changes, alerts and the cluster are asked for.

use std::sync::Arc;

use groundcrew_telemetry::{
    Alert, ChangeEvent, ClusterSnapshot, MetricSeries, Point, SeriesRow, SpanRow, TimeRange,
};
use rustc_hash::FxHashSet;

use super::handle::Store;
use super::search::{OpenSplit, Wanted};
use crate::memory::{Memory, SpanPortion};
use crate::query::ServiceFilter;
use crate::series_merge::SeriesMerge;
use crate::span_sample::SpanSample;
use crate::split::{BlockMeta, SpanBlock, Split, SplitSet, SplitSignal};
use crate::{Access, Coverage, Found, MetricQuery, SpanQuery, StoreError, Unreachable};

/// How often a reader looks at the directory again when a writer has merged its files away.
const READ_ATTEMPTS: usize = 4;
/// A sample of spans looks at this much more than should do, because traces differ in length.
const SAMPLE_MARGIN: f64 = 1.3;

impl Store {
    /// What the store holds.
    pub fn coverage(&self) -> Result<Coverage, StoreError> {
        let live = self.live();
        let mut coverage = Coverage { dropped: live.dropped, ..Coverage::default() };
        let mut services: Vec<String> = Vec::new();
        for split in live.splits.all() {
            let meta = &split.meta;
            let signal = match meta.signal {
                SplitSignal::Logs => {
                    coverage.counts.add(meta.count, meta.first, meta.last);
                    &mut coverage.logs
                }
                SplitSignal::Spans => &mut coverage.spans,
                SplitSignal::Metrics => &mut coverage.points,
            };
            if meta.has_rows {
                signal.add(meta.count, meta.first, meta.last);
            }
            services.extend(meta.services.iter().cloned());
        }
        for memory in live.memories() {
            cover_memory(memory, &mut coverage, &mut services);
        }
        services.sort_unstable();
        services.dedup();
        services.retain(|service| !service.is_empty());
        coverage.services = services;
        coverage.templates = self.templates.len() as u64;
        let splits = Arc::clone(&live.splits);
        // Not held while what asks for it again is called: behind a writer that waits, neither would ever go on.
        drop(live);
        coverage.warnings = self.warnings();
        let cold = splits.all().filter(|split| split.meta.is_cold());
        coverage.unreachable =
            cold.map(|split| split.meta.last.plus_nanos(1)).max().and_then(|until| {
                self.reader.cold_failure().map(|reason| Unreachable { until, reason })
            });
        Ok(coverage)
    }

    /// Adds something that a person should know, such as a limit that was hit on the way here; each is kept once.
    pub fn warn(&self, warning: String) {
        self.warnings.add(warning);
    }

    /// What a person should know: damaged ranges that were set aside, limits that were hit.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.all();
        let refused = self.templates.refused();
        if refused > 0 {
            warnings.push(format!(
                "{refused} log templates came when there was no room for their texts"
            ));
        }
        if self.live().ledger.has_overflowed {
            warnings.push(
                "the oldest changes, alerts or cluster snapshots made room for newer ones"
                    .to_owned(),
            );
        }
        warnings
    }

    /// Spans that began in the range, by start. Beyond the limit whole traces are chosen evenly, and how many matched is
    /// an estimate where a block lies across the range's ends. Where old traces were thinned it is one, too: of those all
    /// are counted and the even share is shown, so that it can be compared with other times. One trace is shown as it is.
    pub fn spans(&self, query: &SpanQuery) -> Result<Found<SpanRow>, StoreError> {
        self.read(|| {
            let (portions, blocks) = self.spans_to_read(query)?;
            let even_max = even_max(&blocks).filter(|_| query.trace_id.is_none());
            let even_max = even_max.unwrap_or(u64::MAX);
            let in_blocks: f64 = blocks.iter().map(|block| block.spans_inside(query.range)).sum();
            let in_memory: usize = portions.iter().map(|portion| portion.heads.len()).sum();
            let mut share = SAMPLE_MARGIN * query.limit as f64 / (in_blocks + in_memory as f64);
            loop {
                let is_all = query.trace_id.is_some() || share >= 1.0 || share.is_nan();
                let wanted = if is_all { u64::MAX } else { (share * u64::MAX as f64) as u64 };
                let mut sample = SpanSample::new(query.limit, wanted.min(even_max));
                blocks.iter().try_for_each(|block| self.offer_block(block, query, &mut sample))?;
                portions.iter().for_each(|portion| offer_portion(portion, query, &mut sample));
                if sample.is_full() || wanted >= even_max {
                    let (rows, matched) = sample.finish();
                    return Ok(Found { rows, matched });
                }
                // Fewer matched than the blocks made believe: look again, further.
                share *= 4.0;
            }
        })
    }

    /// Spans of the traces that stayed for what they are, failed or slow, when old traces were thinned, by start. They are
    /// beside those that [`Self::spans`] shows, and say nothing of how many there were.
    pub fn spans_standing_out(&self, query: &SpanQuery) -> Result<Vec<SpanRow>, StoreError> {
        self.read(|| {
            let (_, blocks) = self.spans_to_read(query)?;
            let Some(even_max) = even_max(&blocks) else { return Ok(Vec::new()) };
            let mut sample = SpanSample::above(query.limit, even_max);
            let mut sampled = blocks.iter().filter(|block| block.even_max.is_some());
            sampled.try_for_each(|block| self.offer_block(block, query, &mut sample))?;
            Ok(sample.finish().0)
        })
    }

    /// What in memory and on disk may have spans that are asked for.
    fn spans_to_read(
        &self,
        query: &SpanQuery,
    ) -> Result<(Vec<Arc<SpanPortion>>, Vec<BlockToRead>), StoreError> {
        let (portions, splits) = {
            let live = self.live();
            let services = ServiceFilter(&query.services);
            let inside = live.memories().flat_map(|memory| &memory.spans).filter(|portion| {
                portion.first < query.range.end
                    && query.range.start <= portion.last
                    && services.admits(&portion.origin.service)
            });
            (inside.cloned().collect(), Arc::clone(&live.splits))
        };
        let mut blocks = Vec::new();
        for split in &splits.spans {
            blocks.extend(self.span_blocks(split, query)?);
        }
        Ok((portions, blocks))
    }

    /// The blocks of a split that may have spans that are asked for.
    fn span_blocks(
        &self,
        split: &Split,
        query: &SpanQuery,
    ) -> Result<Vec<BlockToRead>, StoreError> {
        let services = ServiceFilter(&query.services);
        if !split.overlaps(query.range) || !split.has_any_of(services) {
            return Ok(Vec::new());
        }
        let tokens: Vec<String> = query.trace_id.iter().map(ToString::to_string).collect();
        let range = query.range;
        let wanted = Wanted { range, tokens: &tokens, text: None, services, templates: &[] };
        let Some((open, blocks)) = self.open_split(split, wanted)? else { return Ok(Vec::new()) };
        let to_read = |meta| BlockToRead {
            split: Arc::clone(&open),
            meta,
            even_max: split.meta.sampled.map(|sampled| sampled.hash_max),
            spans_per_row: split.meta.spans_per_row(),
        };
        Ok(blocks.into_iter().map(to_read).collect())
    }

    fn offer_block(
        &self,
        block: &BlockToRead,
        query: &SpanQuery,
        sample: &mut SpanSample,
    ) -> Result<(), StoreError> {
        let BlockToRead { split, meta, .. } = block;
        if !sample.admits_from(meta.sample_first) {
            sample.count_unread(block.spans_inside(query.range).round() as u64);
            return Ok(());
        }
        if query.trace_id.is_none() {
            sample.count_unread(block.spans_gone(query.range).round() as u64);
        }
        let file = &split.file;
        let decoded = file
            .read(meta)
            .and_then(|raw| SpanBlock::decode(&raw).map_err(|error| file.damaged(error)));
        let block = match decoded {
            Ok(block) => block,
            Err(error) => return self.skip(error),
        };
        let view = block.view();
        for (row, start, origin, trace_id) in view.heads() {
            if query.range.contains(start)
                && query.trace_id.is_none_or(|wanted| trace_id == wanted)
                && split.admitted.get(origin).copied().unwrap_or_default()
                && let Some(resource) = file.resources.get(origin)
            {
                sample.offer(trace_id, || SpanRow {
                    resource: Arc::clone(resource),
                    span: view.span(row),
                });
            }
        }
        Ok(())
    }

    /// Metric series with their points in the range, by name, service and attributes.
    pub fn metrics(&self, query: &MetricQuery) -> Result<Vec<SeriesRow>, StoreError> {
        self.read(|| {
            let services = ServiceFilter(&query.services);
            let name = query.name.as_deref();
            let (in_memory, splits): (Vec<SeriesRow>, Arc<SplitSet>) = {
                let live = self.live();
                let rows = live.memories().flat_map(|memory| &memory.metrics.series);
                let wanted = rows.filter(|row| {
                    name.is_none_or(|name| row.series.name == name)
                        && services.admits(&row.origin.service)
                });
                let cut = wanted.filter_map(|row| {
                    let series = cut_series(&row.series, query.range)?;
                    Some(SeriesRow { resource: Arc::clone(&row.origin.resource), series })
                });
                (cut.collect(), Arc::clone(&live.splits))
            };
            let mut merge = SeriesMerge::default();
            for split in &splits.metrics {
                if !split.overlaps(query.range) || !split.has_any_of(services) {
                    continue;
                }
                let mut failures = Vec::new();
                match self.reader.series(split) {
                    Ok(file) => file.for_each(
                        query.range,
                        &|meta, resource| {
                            name.is_none_or(|name| meta.name == name)
                                && services.admits(resource.service())
                        },
                        &mut |resource, series| merge.add(resource, series),
                        &mut |error| failures.push(error),
                    ),
                    Err(error) => failures.push(error),
                }
                failures.into_iter().try_for_each(|error| self.skip(error))?;
            }
            in_memory.into_iter().for_each(|row| merge.add(&row.resource, row.series));
            Ok(merge.finish(query.series_max))
        })
    }

    /// Changes that took effect in the range, oldest first.
    pub fn changes(&self, range: TimeRange) -> Result<Vec<ChangeEvent>, StoreError> {
        Ok(self.live().ledger.changes(range))
    }

    /// Alerts that began in the range, by their start.
    pub fn alerts(&self, range: TimeRange) -> Result<Vec<Alert>, StoreError> {
        Ok(self.live().ledger.alerts(range))
    }

    /// Cluster snapshots taken in the range, by time.
    pub fn cluster(&self, range: TimeRange) -> Result<Vec<ClusterSnapshot>, StoreError> {
        Ok(self.live().ledger.cluster(range))
    }

    /// Runs a query. A reader beside a writer whose files were merged away looks again.
    pub(super) fn read<T>(
        &self,
        query: impl Fn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 1..READ_ATTEMPTS {
            match query() {
                Err(error) if self.access == Access::ReadOnly && error.is_not_found() => {
                    self.reload()?;
                }
                other => return other,
            }
        }
        query()
    }

    /// Leaves out what cannot be read and says so, unless looking again may help.
    pub(super) fn skip(&self, error: StoreError) -> Result<(), StoreError> {
        if self.access == Access::ReadOnly && error.is_not_found() {
            return Err(error);
        }
        // The bucket may answer again in a minute: coverage tells as long as it does not.
        if !matches!(error, StoreError::Bucket { .. }) {
            self.warnings.add(format!("{error}; it is left out of answers"));
        }
        Ok(())
    }
}

/// A block of spans that may have some that are asked for.
struct BlockToRead {
    split: Arc<OpenSplit>,
    meta: BlockMeta,
    /// Where old traces were thinned, up to which hash all are there.
    even_max: Option<u64>,
    /// How many spans there were for each that is there.
    spans_per_row: f64,
}

impl BlockToRead {
    /// About how many spans there were in `range`.
    fn spans_inside(&self, range: TimeRange) -> f64 {
        self.meta.rows_inside(range) as f64 * self.spans_per_row
    }

    /// Of those, how many are no longer there.
    fn spans_gone(&self, range: TimeRange) -> f64 {
        self.meta.rows_inside(range) as f64 * (self.spans_per_row - 1.0).max(0.0)
    }
}

/// Up to which hash every trace is there in all of them; `None` when no traces were thinned.
fn even_max(blocks: &[BlockToRead]) -> Option<u64> {
    blocks.iter().filter_map(|block| block.even_max).min()
}

fn offer_portion(portion: &SpanPortion, query: &SpanQuery, sample: &mut SpanSample) {
    for (row, head) in portion.heads.iter().enumerate() {
        if query.range.contains(head.start)
            && query.trace_id.is_none_or(|wanted| head.trace_id == wanted)
            && let Some(span) = portion.span(row)
        {
            let resource = Arc::clone(&portion.origin.resource);
            sample.offer(head.trace_id, || SpanRow { resource, span: span.to_span() });
        }
    }
}

fn cover_memory(memory: &Memory, coverage: &mut Coverage, services: &mut Vec<String>) {
    for portion in &memory.logs {
        coverage.logs.add(portion.rows.heads().len() as u64, portion.first, portion.last);
        coverage.counts.add(portion.rows.heads().len() as u64, portion.first, portion.last);
    }
    for portion in &memory.spans {
        coverage.spans.add(portion.heads.len() as u64, portion.first, portion.last);
    }
    coverage.points.add(memory.metrics.points, memory.metrics.first, memory.metrics.last);
    let of_logs = memory.logs.iter().map(|portion| &portion.origin);
    let of_spans = memory.spans.iter().map(|portion| &portion.origin);
    let of_metrics = memory.metrics.series.iter().map(|row| &row.origin);
    // Portions are many, their services few.
    let all = of_logs.chain(of_spans).chain(of_metrics).map(|origin| &*origin.service);
    services.extend(all.collect::<FxHashSet<&str>>().into_iter().map(str::to_owned));
}

/// The series with its points in `range`; `None` without any.
fn cut_series(series: &MetricSeries, range: TimeRange) -> Option<MetricSeries> {
    let points: Vec<Point> =
        series.points.iter().filter(|point| range.contains(point.time)).copied().collect();
    (!points.is_empty()).then(|| MetricSeries {
        name: series.name.clone(),
        unit: series.unit.clone(),
        kind: series.kind,
        attributes: series.attributes.clone(),
        points,
    })
}
