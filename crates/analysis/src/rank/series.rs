//! Metric series that left their baseline: resources per pod and node, and the latency and availability that
//! services without spans report about themselves.

use groundcrew_telemetry::{MetricKind, SeriesRow, TimeRange, Timestamp};

use super::meaning::{Meaning, meaning};
use super::period::{Period, Periods};
use super::season::{Seasons, UsualLevels};
use super::stats::{Level, median, quantile_sorted};
use crate::{Finding, FindingKind};

/// Points of the baseline that a series needs within the given ranges; with fewer, everything before the window counts.
const RANGE_POINTS_MIN: usize = 8;
/// Points of the baseline without which nothing can be said.
const POINTS_MIN: usize = 3;
/// The part of a level that is noise whatever the series says.
const RELATIVE_NOISE: f64 = 0.03;

/// Noise units beyond which more says nothing more.
const SCORE_MAX: f64 = 50.0;

/// Share of the way from the baseline at which a series has left it.
const GONE_SHARE: f64 = 0.15;

/// A series, reduced.
#[derive(Clone, Debug)]
pub(super) struct Movement<'a> {
    pub(super) row: &'a SeriesRow,
    pub(super) meaning: Meaning,
    pub(super) before: f64,
    pub(super) after: f64,
    /// The baseline's spread, with floors.
    pub(super) noise: f64,
    /// Noise units from the baseline to the window's middle, signed.
    pub(super) score: f64,
    /// When it left, for those that did.
    pub(super) since: Option<Timestamp>,
    /// Its points, running totals as growth per second.
    pub(super) levels: Vec<(Timestamp, f64)>,
}

impl Movement<'_> {
    /// The movement as a finding of `service`, `strength` noise units far; on a node where it was measured on one.
    pub(super) fn finding(&self, service: &str, node: Option<&str>, strength: f64) -> Finding {
        Finding {
            kind: FindingKind::MetricShift {
                metric: self.row.series.name.clone(),
                unit: self.row.series.unit.clone(),
                before: self.before,
                after: self.after,
                node: node.map(str::to_owned),
            },
            service: service.to_owned(),
            pod: self.row.resource.pod().map(str::to_owned),
            since: self.since,
            strength,
        }
    }
}

/// Compares each series with its own past, and with what is usual at this time.
pub(super) fn movements<'a>(
    rows: &'a [SeriesRow],
    periods: &Periods,
    (seasons, season_rows): (&Seasons, &[SeriesRow]),
) -> Vec<Movement<'a>> {
    let named = season_rows
        .iter()
        .map(|row| (row.resource.service(), row.series.name.as_str(), levels(row)));
    let usual = UsualLevels::new(seasons, named);
    rows.iter().filter_map(|row| movement(row, periods, &usual)).collect()
}

fn movement<'a>(
    row: &'a SeriesRow,
    periods: &Periods,
    usual: &UsualLevels<'_>,
) -> Option<Movement<'a>> {
    let points = levels(row);
    let hull = periods.hull();
    let mut inside = Vec::new();
    let mut around = Vec::new();
    let mut window = Vec::new();
    // A point may stand for the time up to the next one: of a coarse series the one just before the window is of it.
    let step = step(&points).clamp(0, periods.window.end.nanos_since(periods.window.start).max(0));
    let coarse = step as f64 / 1e9 * 4.0 > periods.window.secs();
    let start =
        if coarse { periods.window.start.plus_nanos(1 - step) } else { periods.window.start };
    let window_with_step = TimeRange::new(start, periods.window.end);
    for (time, value) in &points {
        if window_with_step.contains(*time) {
            window.push(*value);
            continue;
        }
        match periods.of(*time) {
            Some(Period::Baseline) => inside.push(*value),
            Some(Period::Window) | None => {}
        }
        if hull.contains(*time) {
            around.push(*value);
        }
    }
    let mut baseline = if inside.len() >= RANGE_POINTS_MIN { inside } else { around };
    if baseline.len() < POINTS_MIN || window.is_empty() {
        return None;
    }
    let level = Level::of(&mut baseline);
    let reach = baseline.last().zip(baseline.first()).map_or(0.0, |(high, low)| high - low);
    let meaning = meaning(&row.series.name, &row.series.unit);
    // A share of successes is steady near its top, where a part of the level would be far too much noise.
    let relative =
        if meaning == Meaning::Availability { 0.0 } else { RELATIVE_NOISE * level.center.abs() };
    // A series that rarely moves has no spread by the median; a sixth of its reach is what its rare moves are worth.
    let noise = level.spread.max(relative).max(reach / 6.0).max(1e-9);
    let after = farthest(&mut window, level.center, meaning);
    let amount = smallest_amount(&points, (periods, start), after, after - level.center);
    let mut noise = noise;
    let key = (row.resource.service(), row.series.name.as_str());
    let amount = usual.left(key, after, amount, &mut noise);
    // A series that never moved has no noise; its first move is clear, not infinitely so.
    let noise = noise.max(amount.abs() / SCORE_MAX);
    let score = amount / noise;
    // The baseline's end may have the beginning of the trouble: for its start the middling noise counts, and a part of the way.
    let gone = (3.0 * level.spread).max(GONE_SHARE * amount.abs()).max(1e-9);
    let since =
        since(&points, &window_with_step, |value| (value - level.center) * score.signum() > gone);
    Some(Movement {
        row,
        meaning,
        before: level.center,
        after,
        noise,
        score,
        since,
        levels: points,
    })
}

/// When it left for good: the first point of the run that reaches into the window.
fn since(
    points: &[(Timestamp, f64)],
    window: &TimeRange,
    is_away: impl Fn(f64) -> bool,
) -> Option<Timestamp> {
    let first_inside =
        points.iter().position(|(time, value)| window.contains(*time) && is_away(*value))?;
    let before =
        points.iter().take(first_inside).rev().take_while(|(_, value)| is_away(*value)).count();
    points.get(first_inside - before).map(|(time, _)| *time)
}

/// How far the window goes: with few points the farthest, since trouble may fill a part of the window only; with many
/// the upper (or lower) quartile. The bad direction is looked at where there is one.
fn farthest(window: &mut [f64], center: f64, meaning: Meaning) -> f64 {
    window.sort_unstable_by(f64::total_cmp);
    let (low, high) = if window.len() <= 3 { (0.0, 1.0) } else { (0.25, 0.75) };
    let (low, high) = (quantile_sorted(window, low), quantile_sorted(window, high));
    match meaning.bad_direction() {
        1 => high,
        -1 => low,
        _ if (high - center).abs() >= (low - center).abs() => high,
        _ => low,
    }
}

/// The middle of the distances between points.
fn step(points: &[(Timestamp, f64)]) -> i64 {
    let mut steps: Vec<f64> = points
        .windows(2)
        .filter_map(|pair| {
            let [from, to] = pair else { return None };
            Some(to.0.nanos_since(from.0) as f64)
        })
        .collect();
    median(&mut steps) as i64
}

/// The change against whichever part of the baseline is nearest: what drifts between the parts is no news.
fn smallest_amount(
    points: &[(Timestamp, f64)],
    (periods, window_start): (&Periods, Timestamp),
    after: f64,
    amount: f64,
) -> f64 {
    let mut smallest = amount;
    for range in &periods.baseline {
        let inside =
            points.iter().filter(|(time, _)| range.contains(*time) && *time < window_start);
        let mut values: Vec<f64> = inside.map(|(_, value)| *value).collect();
        if values.len() < 2 {
            continue;
        }
        let part = after - median(&mut values);
        smallest = if part * smallest <= 0.0 {
            0.0
        } else if part.abs() < smallest.abs() {
            part
        } else {
            smallest
        };
    }
    smallest
}

/// The points as levels: running totals become growth per second.
fn levels(row: &SeriesRow) -> Vec<(Timestamp, f64)> {
    let points = &row.series.points;
    if row.series.kind != MetricKind::CumulativeSum {
        return points.iter().map(|point| (point.time, point.value)).collect();
    }
    points
        .windows(2)
        .filter_map(|pair| {
            let [from, to] = pair else { return None };
            let seconds = to.time.secs_since(from.time);
            // A total that shrank was reset: its new value is the growth since.
            let growth = if to.value >= from.value { to.value - from.value } else { to.value };
            (seconds > 0.0).then(|| (to.time, growth / seconds))
        })
        .collect()
}
