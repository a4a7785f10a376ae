//! Metric series of a time, beside the time before.

use groundcrew_store::{MetricQuery, Store};
use groundcrew_telemetry::{ChangeEvent, MetricKind, Point, SeriesRow, TimeRange, Timestamp};

use super::view::{Marker, MetricsView, SeriesView, Time, texts};
use super::when::{Asked, ExploreError, before, given};

/// Series read.
const READ_MAX: usize = 20_000;
/// Series shown.
const SHOWN_MAX: usize = 60;
/// Points of a series that are shown.
const POINTS_MAX: usize = 600;
/// Points of the time before from which on there is a usual band.
const USUAL_MIN: usize = 8;
/// Changes marked.
pub(super) const MARKERS_MAX: usize = 50;

/// Metric series.
///
/// # Errors
/// When the question or the store cannot be read.
pub fn metrics(store: &Store, asked: &Asked, now: Timestamp) -> Result<MetricsView, ExploreError> {
    let range = asked.range(store, now)?;
    let earlier = before(range);
    let whole = TimeRange::new(earlier.start, range.end);
    let rows = store.metrics(&MetricQuery {
        range: whole,
        services: asked.services(),
        name: None,
        series_max: READ_MAX,
    })?;
    let mut names: Vec<String> = rows.iter().map(|row| row.series.name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let wanted = |row: &&SeriesRow| {
        given(&asked.name).is_none_or(|name| row.series.name == name)
            && given(&asked.q).is_none_or(|words| matches(row, words))
            // One histogram is dozens of buckets, which would crowd out all else unless they are asked for.
            && (given(&asked.name).is_some() || row.series.attributes.get("le").is_none())
    };
    let mut shown: Vec<(f64, SeriesView)> =
        rows.iter().filter(wanted).filter_map(|row| series(row, range)).collect();
    shown.sort_by(|(a, one), (b, other)| {
        let key = |view: &SeriesView| (view.name.clone(), view.service.clone(), view.pod.clone());
        b.total_cmp(a).then_with(|| key(one).cmp(&key(other)))
    });
    let left_out = shown.len().saturating_sub(SHOWN_MAX) as u64;
    shown.truncate(SHOWN_MAX);
    let mut words = vec!["metrics".to_owned()];
    words.extend(given(&asked.service).map(|service| format!("service:{service}")));
    words.extend(given(&asked.name).map(|name| format!("name:{name}")));
    Ok(MetricsView {
        from: Time(range.start),
        to: Time(range.end),
        before_from: Time(earlier.start),
        query: words.join(" "),
        names,
        series: shown.into_iter().map(|(_, view)| view).collect(),
        left_out,
        markers: markers(store, range, given(&asked.service))?,
    })
}

fn matches(row: &SeriesRow, words: &str) -> bool {
    let words = words.to_lowercase();
    row.series.name.to_lowercase().contains(&words)
        || row.resource.service().to_lowercase().contains(&words)
}

/// How far the series left its usual band, in widths of the band, and the series.
fn series(row: &SeriesRow, range: TimeRange) -> Option<(f64, SeriesView)> {
    let points = rates(&row.series.kind, &row.series.points);
    let (past, present): (Vec<Point>, Vec<Point>) =
        points.iter().partition(|point| point.time < range.start);
    if present.is_empty() {
        return None;
    }
    let usual = usual(&past);
    let beyond = usual.map_or(0.0, |(low, high)| {
        let width = (high - low).max(0.05 * high.abs().max(low.abs())).max(f64::MIN_POSITIVE);
        let out = present.iter().map(|point| (point.value - high).max(low - point.value).max(0.0));
        out.sum::<f64>() / present.len() as f64 / width
    });
    let is_counter = row.series.kind != MetricKind::Gauge;
    let unit = match (row.series.unit.as_str(), is_counter) {
        (unit, false) => unit.to_owned(),
        (unit, true) => format!("{unit}/s"),
    };
    let view = SeriesView {
        name: row.series.name.clone(),
        unit,
        service: row.resource.service().to_owned(),
        pod: row.resource.pod().map(str::to_owned),
        labels: texts(&row.series.attributes),
        points: thinned(&points),
        usual,
    };
    Some((beyond, view))
}

/// Counters as rates per second; a counter that fell began anew.
fn rates(kind: &MetricKind, points: &[Point]) -> Vec<Point> {
    let rate = |pair: &[Point]| {
        let [from, to] = pair else { return None };
        let secs = to.time.secs_since(from.time);
        let grown = match kind {
            MetricKind::CumulativeSum if to.value < from.value => to.value,
            MetricKind::CumulativeSum => to.value - from.value,
            MetricKind::DeltaSum | MetricKind::Gauge => to.value,
        };
        (secs > 0.0).then_some(Point { time: to.time, value: grown / secs })
    };
    match kind {
        MetricKind::Gauge => {
            points.iter().filter(|point| point.value.is_finite()).copied().collect()
        }
        MetricKind::CumulativeSum | MetricKind::DeltaSum => {
            let rates = points.windows(2).filter_map(rate);
            rates.filter(|point| point.value.is_finite()).collect()
        }
    }
}

/// Where nine in ten values lie.
fn usual(points: &[Point]) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
    if values.len() < USUAL_MIN {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len() - 1;
    let at = |share: f64| values.get((last as f64 * share).round() as usize).copied();
    Some((at(0.05)?, at(0.95)?))
}

/// At most so many points: of each stretch the lowest and the highest, so that no peak is lost.
fn thinned(points: &[Point]) -> Vec<(i64, f64)> {
    let as_pair = |point: &Point| (point.time.nanos() / 1_000_000, point.value);
    if points.len() <= POINTS_MAX {
        return points.iter().map(as_pair).collect();
    }
    let stretch = points.len().div_ceil(POINTS_MAX / 2);
    let mut kept = Vec::with_capacity(POINTS_MAX);
    for part in points.chunks(stretch) {
        let low = part.iter().min_by(|a, b| a.value.total_cmp(&b.value));
        let high = part.iter().max_by(|a, b| a.value.total_cmp(&b.value));
        let mut pair: Vec<&Point> = low.into_iter().chain(high).collect();
        pair.sort_by_key(|point| point.time);
        pair.dedup_by_key(|point| point.time);
        kept.extend(pair.into_iter().map(as_pair));
    }
    kept
}

/// Changes of a time, newest first.
pub(super) fn markers(
    store: &Store,
    range: TimeRange,
    service: Option<&str>,
) -> Result<Vec<Marker>, ExploreError> {
    let is_about = |change: &ChangeEvent| {
        let on = change.service.as_deref();
        service.is_none_or(|service| on.is_none_or(|on| on == service))
    };
    let mut changes = store.changes(range)?;
    changes.retain(is_about);
    changes.reverse();
    changes.truncate(MARKERS_MAX);
    Ok(changes.into_iter().map(marker).collect())
}

fn marker(change: ChangeEvent) -> Marker {
    Marker {
        at: Time(change.time),
        kind: change.kind.name().to_owned(),
        title: change.title,
        service: change.service,
        before: change.from,
        after: change.to,
        actor: change.actor,
    }
}
