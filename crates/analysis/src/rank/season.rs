//! What is usual at this time of day and week: a level that comes every night at this hour is no news, however far it is
//! from the rest of the day.
//!
//! The same clock time on earlier days makes a season of days, on the same weekday of earlier weeks a season of weeks.
//! Each is believed when enough of it was recorded; a change counts against whichever explains it best.

use std::collections::BTreeMap;

use groundcrew_telemetry::{TemplateRow, TimeRange, Timestamp};

use super::stats::{Level, quantile_sorted};

/// Earlier days that make a season of days.
const DAYS_MIN: usize = 3;
/// Earlier weeks that make a season of weeks.
const WEEKS_MIN: usize = 2;
const DAY_SECS: f64 = 86_400.0;
/// The part of a usual level that is noise whatever its days say.
const RELATIVE_NOISE: f64 = 0.03;

/// The earlier windows at the same clock time.
#[derive(Clone, Debug, Default)]
pub(super) struct Seasons {
    /// With how many days each lies back.
    ranges: Vec<(i64, TimeRange)>,
}

impl Seasons {
    pub(super) fn new(window: TimeRange, ranges: &[TimeRange]) -> Self {
        let middle = |range: &TimeRange| range.start.secs_since(window.start) + range.secs() / 2.0;
        let days =
            |range: &TimeRange| ((window.secs() / 2.0 - middle(range)) / DAY_SECS).round() as i64;
        Self { ranges: ranges.iter().map(|range| (days(range), *range)).collect() }
    }

    /// Level and spread of each season that has enough of `values`, one per range, `None` where nothing was recorded.
    fn usual(&self, values: &[Option<f64>]) -> Vec<Level> {
        let of = |wanted: &dyn Fn(i64) -> bool, least: usize| {
            let mut inside: Vec<f64> = self
                .ranges
                .iter()
                .zip(values)
                .filter(|((days, _), _)| wanted(*days))
                .filter_map(|(_, value)| *value)
                .collect();
            (inside.len() >= least).then(|| Level::of(&mut inside))
        };
        let days = of(&|days| days <= 7, DAYS_MIN);
        let weeks = of(&|days| days > 0 && days % 7 == 0, WEEKS_MIN);
        days.into_iter().chain(weeks).collect()
    }
}

/// The least and the greatest level in one season, if it has any.
type Reach = Option<(f64, f64)>;

/// What each metric of each service was at this clock time, whichever of its pods measured it.
#[derive(Debug, Default)]
pub(super) struct UsualLevels<'a> {
    levels: BTreeMap<(&'a str, &'a str), [Vec<Level>; 2]>,
}

impl<'a> UsualLevels<'a> {
    /// Of series given by service, name and points.
    pub(super) fn new(
        seasons: &Seasons,
        series: impl Iterator<Item = (&'a str, &'a str, Vec<(Timestamp, f64)>)>,
    ) -> Self {
        let mut reached: BTreeMap<(&str, &str), Vec<Reach>> = BTreeMap::new();
        for (service, name, points) in series {
            let of_name =
                reached.entry((service, name)).or_insert_with(|| vec![None; seasons.ranges.len()]);
            for (slot, (_, range)) in of_name.iter_mut().zip(&seasons.ranges) {
                let inside = points.iter().filter(|(time, _)| range.contains(*time));
                let mut values: Vec<f64> = inside.map(|(_, value)| *value).collect();
                if values.is_empty() {
                    continue;
                }
                values.sort_unstable_by(f64::total_cmp);
                let (low, high) = (quantile_sorted(&values, 0.1), quantile_sorted(&values, 0.9));
                *slot =
                    Some(slot.map_or((low, high), |(l, h): (f64, f64)| (l.min(low), h.max(high))));
            }
        }
        let levels = reached.into_iter().map(|(key, reached)| {
            let lows: Vec<Option<f64>> =
                reached.iter().map(|one| one.map(|(low, _)| low)).collect();
            let highs: Vec<Option<f64>> =
                reached.iter().map(|one| one.map(|(_, high)| high)).collect();
            (key, [seasons.usual(&lows), seasons.usual(&highs)])
        });
        Self { levels: levels.collect() }
    }

    /// What is left of a change by `amount` to `after`, when the seasons are taken off. `noise` grows with theirs.
    pub(super) fn left(
        &self,
        (service, name): (&str, &str),
        after: f64,
        amount: f64,
        noise: &mut f64,
    ) -> f64 {
        let Some([lows, highs]) = self.levels.get(&(service, name)) else { return amount };
        let mut smallest = amount;
        for level in if amount > 0.0 { highs } else { lows } {
            let part = after - level.center;
            *noise = noise.max(level.spread).max(RELATIVE_NOISE * level.center.abs());
            if part * amount <= 0.0 {
                smallest = 0.0;
            } else if part.abs() < smallest.abs() {
                smallest = part;
            }
        }
        smallest
    }
}

/// How often each template of each service came in a time as long as the window, at this clock time.
#[derive(Debug, Default)]
pub(super) struct UsualCounts {
    counts: BTreeMap<(String, u64), f64>,
}

impl UsualCounts {
    /// `rows` has the templates of each season's range, in their order.
    pub(super) fn new(seasons: &Seasons, window: TimeRange, rows: &[Vec<TemplateRow>]) -> Self {
        // A season in which nothing at all was written was not recorded.
        let recorded: Vec<bool> = rows.iter().map(|rows| !rows.is_empty()).collect();
        let mut counts: BTreeMap<(String, u64), Vec<Option<f64>>> = BTreeMap::new();
        for (position, (rows, (_, range))) in rows.iter().zip(&seasons.ranges).enumerate() {
            let scale = window.secs() / range.secs().max(1.0);
            for row in rows {
                let of_row = counts
                    .entry((row.service.clone(), row.template.0))
                    .or_insert_with(|| recorded.iter().map(|one| one.then_some(0.0)).collect());
                if let Some(slot) = of_row.get_mut(position) {
                    *slot = Some(slot.unwrap_or(0.0) + row.count as f64 * scale);
                }
            }
        }
        let most =
            |levels: Vec<Level>| levels.into_iter().map(|level| level.center).reduce(f64::max);
        let usual = counts
            .into_iter()
            .filter_map(|(key, values)| Some((key, most(seasons.usual(&values))?)));
        Self { counts: usual.collect() }
    }

    /// The usual count; 0 when it is not known to come at this time.
    pub(super) fn of(&self, service: &str, template: u64) -> f64 {
        self.counts.get(&(service.to_owned(), template)).copied().unwrap_or(0.0)
    }
}
