//! How long what is stored is kept, and what goes: by age and by size, decided from a list of splits. Pure.
//!
//! Age is measured by our own clock, and a clock can be wrong. So nothing goes by age unless telemetry was received
//! evenly up to now: a clock that has jumped stands far from the last receipt, and one that goes on after a jump has to
//! go on for a day before it is believed.

use std::time::Duration;

use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use crate::split::SplitSignal;

/// A pause between two receipts beyond this may as well be a jump of the clock.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// A clock that stands so much before the last receipt has gone back.
const BACK_MAX: Duration = Duration::from_secs(3_600);
/// How long a clock must go on evenly before anything old goes by it.
const STEADY_MIN: Duration = Duration::from_secs(24 * 3_600);
/// What is kept beyond its time, so that a clock that is set by an hour deletes nothing early.
const MARGIN_MAX: Duration = Duration::from_secs(3_600);
/// What is merged spans no more time than this.
const SPAN_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The share of the size cap that counts without rows may take before they go first.
const THIN_SHARE: u64 = 4;

/// How long what is stored is kept. `None` keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retention {
    /// Log records.
    pub logs: Option<Duration>,
    /// The counts of log records; never shorter than the records themselves.
    pub rollups: Option<Duration>,
    /// Spans.
    pub traces: Option<Duration>,
    /// Metric points.
    pub metrics: Option<Duration>,
    /// Changes, alerts and cluster snapshots.
    pub changes: Option<Duration>,
    /// Answers, but those that a remembered incident rests on.
    pub answers: Option<Duration>,
    /// The most bytes of splits on disk; the oldest go first.
    pub bytes_max: Option<u64>,
}

impl Retention {
    /// The most time that a split may span, so that it is old as a whole soon after its first rows are.
    pub(crate) fn span_max(&self) -> Duration {
        let limits = [self.logs, self.traces, self.metrics].into_iter().flatten();
        SPAN_MAX.min(limits.min().map_or(SPAN_MAX, |limit| limit / 4))
    }
}

/// Why something was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Limit {
    /// It was older than this.
    Age(Duration),
    /// All together took more than this many bytes.
    Bytes(u64),
}

/// Up to when something was dropped, and by which limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DroppedUntil {
    /// The end of what was dropped; something older may still be there.
    pub until: Timestamp,
    /// What dropped it last.
    pub limit: Limit,
}

/// What retention has dropped so far; `None` for nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Dropped {
    /// Log records.
    pub logs: Option<DroppedUntil>,
    /// Counts of log records.
    pub rollups: Option<DroppedUntil>,
    /// Spans.
    pub traces: Option<DroppedUntil>,
    /// Metric points.
    pub metrics: Option<DroppedUntil>,
    /// Changes, alerts and cluster snapshots.
    pub changes: Option<DroppedUntil>,
}

impl DroppedUntil {
    /// Notes that what lies before `until` was dropped, too.
    pub(crate) fn note(known: &mut Option<Self>, until: Timestamp, limit: Limit) {
        let until = known.map_or(until, |known| known.until.max(until));
        *known = Some(Self { until, limit });
    }
}

/// When telemetry was received, by our clock: from when on evenly, and last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Receipts {
    since: Timestamp,
    last: Timestamp,
}

impl Receipts {
    /// Notes a receipt. One that does not follow the last evenly begins anew.
    pub(crate) fn note(known: Option<Self>, now: Timestamp) -> Self {
        let follows = known.filter(|known| known.is_even(now));
        follows.map_or(Self { since: now, last: now }, |known| Self {
            since: known.since.min(now),
            last: known.last.max(now),
        })
    }

    fn is_even(&self, now: Timestamp) -> bool {
        now.plus_nanos(nanos(BACK_MAX)) >= self.last
            && now <= self.last.plus_nanos(nanos(PAUSE_MAX))
    }

    /// Why nothing may go that is older than `limit`; `None` when it may.
    fn doubt(&self, now: Timestamp, limit: Duration) -> Option<String> {
        let last = self.last.whole_secs();
        if self.last > now.plus_nanos(nanos(BACK_MAX)) {
            return Some(format!(
                "the clock says {}, but telemetry was received at {last}: nothing is deleted by age before the clock has gone on evenly for a day",
                now.whole_secs()
            ));
        }
        if !self.is_even(now) {
            return Some(format!(
                "no telemetry was received since {last}, or the clock has jumped to {}: nothing is deleted by age meanwhile",
                now.whole_secs()
            ));
        }
        let steady = STEADY_MIN.min(limit);
        (now.nanos_since(self.since) < nanos(steady)).then(|| {
            format!(
                "telemetry comes evenly only since {}: nothing is deleted by age before {}, in case the clock is wrong",
                self.since.whole_secs(),
                self.since.plus_nanos(nanos(steady)).whole_secs()
            )
        })
    }
}

/// A split as retention sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptSplit {
    pub(crate) id: u64,
    pub(crate) signal: SplitSignal,
    pub(crate) has_rows: bool,
    pub(crate) last: Timestamp,
    pub(crate) received: Timestamp,
    /// Whether its rows are elsewhere, so that dropping them frees nothing here.
    pub(crate) is_cold: bool,
    pub(crate) bytes: u64,
    /// Of those, what would be left without rows.
    pub(crate) bytes_thin: u64,
}

/// From when a split's age counts: its newest row, or its receipt where that is later, so that old telemetry that was just
/// taken in is not gone at once. A row from the future tells nothing.
pub(crate) fn counts_from(last: Timestamp, received: Timestamp, now: Timestamp) -> Timestamp {
    if last > now { received } else { last.max(received) }
}

/// What happens to a split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Its rows go, its counts stay.
    Thin(u64, Limit),
    /// All of it goes.
    Remove(u64, Limit),
}

impl Step {
    /// The split that it is about.
    pub(crate) const fn id(&self) -> u64 {
        match self {
            Self::Thin(id, _) | Self::Remove(id, _) => *id,
        }
    }
}

/// What goes now.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Why something old does not go.
    pub(crate) held: Option<String>,
}

/// Decides what goes: what is too old, then the oldest until the rest is small enough.
pub(crate) fn plan(
    retention: &Retention,
    splits: &[KeptSplit],
    receipts: Option<Receipts>,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let mut left: Vec<KeptSplit> = Vec::new();
    for split in splits {
        match by_age(retention, split, now) {
            None => left.push(*split),
            Some((step, limit)) => match doubt(receipts, now, limit) {
                Some(held) => {
                    plan.held.get_or_insert(held);
                    left.push(*split);
                }
                None => {
                    plan.steps.push(step);
                    left.extend(matches!(step, Step::Thin(..)).then(|| thinned(split)));
                }
            },
        }
    }
    if let Some(bytes_max) = retention.bytes_max {
        by_size(bytes_max, left, &mut plan.steps);
    }
    plan
}

/// The time before which goes what is kept for `limit`, counted from its time or its receipt; `None` when nothing may.
pub(crate) fn cutoff(
    limit: Option<Duration>,
    receipts: Option<Receipts>,
    now: Timestamp,
) -> Option<Timestamp> {
    let limit = limit?;
    let age = limit.saturating_add(margin(limit));
    doubt(receipts, now, limit).is_none().then(|| now.plus_nanos(-nanos(age)))
}

fn doubt(receipts: Option<Receipts>, now: Timestamp, limit: Duration) -> Option<String> {
    match receipts {
        Some(receipts) => receipts.doubt(now, limit),
        None => Some(
            "it is not known when telemetry was received last: nothing is deleted by age before more is".to_owned(),
        ),
    }
}

fn by_age(retention: &Retention, split: &KeptSplit, now: Timestamp) -> Option<(Step, Duration)> {
    let is_older = |limit: &Duration| {
        let age = limit.saturating_add(margin(*limit));
        now.nanos_since(counts_from(split.last, split.received, now)) > nanos(age)
    };
    let remove = |limit: Duration| (Step::Remove(split.id, Limit::Age(limit)), limit);
    let thin = |limit: Duration| (Step::Thin(split.id, Limit::Age(limit)), limit);
    match (split.signal, split.has_rows) {
        (SplitSignal::Spans, _) => retention.traces.filter(is_older).map(remove),
        (SplitSignal::Metrics, _) => retention.metrics.filter(is_older).map(remove),
        (SplitSignal::Logs, true) => {
            let logs = retention.logs.filter(is_older)?;
            let whole = retention.rollups.map(|rollups| rollups.max(logs)).filter(is_older);
            Some(whole.map_or(thin(logs), remove))
        }
        (SplitSignal::Logs, false) => {
            let rollups = retention.rollups?.max(retention.logs.unwrap_or_default());
            is_older(&rollups).then(|| remove(rollups))
        }
    }
}

/// The oldest go until the rest fits: rows before the counts of others, unless counts alone take a good part of the
/// space. The newest split of each signal stays in any case.
fn by_size(bytes_max: u64, mut left: Vec<KeptSplit>, steps: &mut Vec<Step>) {
    left.sort_by_key(|split| (split.last, split.id));
    let newest = SplitSignal::ALL.map(|signal| {
        let of_signal = left.iter().filter(|split| split.signal == signal);
        of_signal.max_by_key(|split| (split.received, split.id)).map(|split| split.id)
    });
    let limit = Limit::Bytes(bytes_max);
    let mut total: u64 = left.iter().map(|split| split.bytes).sum();
    left.retain(|split| !split.is_cold && !newest.contains(&Some(split.id)));
    while total > bytes_max {
        let thin = left.iter().filter(|split| !split.has_rows);
        let are_counts_first = thin.map(|split| split.bytes).sum::<u64>() > bytes_max / THIN_SHARE;
        let preferred = left.iter().position(|split| split.has_rows != are_counts_first);
        let Some(victim) = preferred.or(if left.is_empty() { None } else { Some(0) }) else {
            return;
        };
        let split = left.remove(victim);
        total -= split.bytes;
        steps.retain(|step| !matches!(step, Step::Thin(id, _) if *id == split.id));
        if split.has_rows && split.signal == SplitSignal::Logs {
            total += split.bytes_thin;
            left.insert(victim, thinned(&split));
            steps.push(Step::Thin(split.id, limit));
        } else {
            steps.push(Step::Remove(split.id, limit));
        }
    }
}

const fn thinned(split: &KeptSplit) -> KeptSplit {
    KeptSplit { has_rows: false, bytes: split.bytes_thin, ..*split }
}

fn margin(limit: Duration) -> Duration {
    MARGIN_MAX.min(limit / 4)
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn day(number: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + number * 86_400)
    }

    fn split(id: u64, signal: SplitSignal, on: i64) -> KeptSplit {
        let time = day(on);
        let (bytes, bytes_thin) = (100, if signal == SplitSignal::Logs { 10 } else { 0 });
        KeptSplit {
            id,
            signal,
            has_rows: true,
            last: time,
            received: time,
            is_cold: false,
            bytes,
            bytes_thin,
        }
    }

    /// Receipts twice a day from one day to another.
    fn even(from: i64, to: i64) -> Option<Receipts> {
        (from * 2..=to * 2)
            .fold(None, |known, half| Some(Receipts::note(known, day(0).plus_secs(half * 43_200))))
    }

    fn two_weeks() -> Retention {
        Retention {
            logs: Some(14 * DAY),
            rollups: Some(90 * DAY),
            traces: Some(7 * DAY),
            ..Retention::default()
        }
    }

    #[test]
    fn each_signal_has_its_own_age_and_counts_outlive_rows() {
        let splits = [
            split(1, SplitSignal::Logs, 0),
            split(2, SplitSignal::Logs, 86),
            split(3, SplitSignal::Spans, 92),
            split(4, SplitSignal::Spans, 99),
            split(5, SplitSignal::Metrics, 0),
            split(6, SplitSignal::Logs, 99),
        ];
        let age = |days: u32| Limit::Age(days * DAY);
        let at_hundred = plan(&two_weeks(), &splits, even(0, 100), day(100).plus_secs(7_200));
        let expected = [Step::Remove(1, age(90)), Step::Thin(2, age(14)), Step::Remove(3, age(7))];
        assert_eq!(at_hundred.steps, expected);
        assert_eq!(at_hundred.held, None);
        let thin = KeptSplit { has_rows: false, ..split(1, SplitSignal::Logs, 0) };
        assert!(plan(&two_weeks(), &[thin], even(0, 60), day(60)).steps.is_empty());
        let at_its_end = plan(&two_weeks(), &[thin], even(0, 91), day(91));
        assert_eq!(at_its_end.steps, [Step::Remove(1, age(90))]);
    }

    #[test]
    fn a_clock_that_jumped_deletes_nothing_until_it_has_gone_on_for_a_day() {
        let splits = [split(1, SplitSignal::Logs, 0), split(2, SplitSignal::Spans, 0)];
        let before = even(0, 1);
        for jumped in [16, 40, 4_000] {
            let refused = plan(&two_weeks(), &splits, before, day(jumped));
            assert!(refused.steps.is_empty() && refused.held.is_some(), "day {jumped}");
            // Telemetry goes on with the wrong clock.
            let after = Some(Receipts::note(before, day(jumped)));
            let refused = plan(&two_weeks(), &splits, after, day(jumped).plus_secs(60));
            assert!(refused.steps.is_empty() && refused.held.is_some(), "day {jumped}");
            // And the clock is set right again.
            let right = Some(Receipts::note(after, day(1)));
            assert!(plan(&two_weeks(), &splits, right, day(1).plus_secs(60)).steps.is_empty());
            let received_ahead = plan(&two_weeks(), &splits, after, day(15));
            assert!(received_ahead.steps.is_empty() && received_ahead.held.is_some());
        }
        let went_on = even(20, 21);
        assert_eq!(plan(&two_weeks(), &splits, went_on, day(21)).steps.len(), 2);
        assert!(plan(&two_weeks(), &splits, None, day(21)).held.is_some());
    }

    #[test]
    fn a_clock_set_by_an_hour_deletes_nothing_early() {
        let splits = [split(1, SplitSignal::Spans, 0)];
        let receipts = even(0, 7);
        let an_hour_early = day(7).plus_secs(-60).plus_nanos(nanos(HOUR));
        let plan_at = |now| plan(&two_weeks(), &splits, receipts, now);
        assert!(plan_at(an_hour_early).steps.is_empty() && plan_at(an_hour_early).held.is_none());
        assert_eq!(plan_at(day(7).plus_secs(3_700)).steps.len(), 1);
    }

    #[test]
    fn old_telemetry_that_was_just_taken_in_and_rows_from_the_future_count_from_their_receipt() {
        let taken_in = KeptSplit { received: day(99), ..split(1, SplitSignal::Spans, 0) };
        let from_the_future = KeptSplit { last: day(9_999), ..split(2, SplitSignal::Spans, 0) };
        let now = day(100);
        let decided = plan(&two_weeks(), &[taken_in, from_the_future], even(0, 100), now);
        assert_eq!(decided.steps, [Step::Remove(2, Limit::Age(7 * DAY))]);
    }

    #[test]
    fn a_short_window_needs_a_clock_that_is_even_for_as_long() {
        let retention = Retention { logs: Some(HOUR), ..Retention::default() };
        let splits = [split(1, SplitSignal::Logs, 0)];
        let receipts = |minutes: i64| {
            (0..=minutes).fold(None, |known, minute| {
                Some(Receipts::note(known, day(0).plus_secs(60 * minute)))
            })
        };
        let now = |minutes: i64| day(0).plus_secs(60 * minutes);
        assert!(plan(&retention, &splits, receipts(70), now(70)).steps.is_empty());
        let decided = plan(&retention, &splits, receipts(80), now(80));
        assert_eq!(decided.steps, [Step::Thin(1, Limit::Age(HOUR))]);
    }

    #[test]
    fn what_is_too_much_goes_oldest_first_and_rows_before_counts() {
        let mut splits: Vec<KeptSplit> =
            (0..6).map(|id| split(id, SplitSignal::Logs, id as i64)).collect();
        splits.push(split(6, SplitSignal::Spans, 0));
        splits.push(split(7, SplitSignal::Spans, 9));
        let keep =
            |bytes_max: u64| Retention { bytes_max: Some(bytes_max), ..Retention::default() };
        let steps = |bytes_max: u64| plan(&keep(bytes_max), &splits, None, day(10)).steps;
        let limit = Limit::Bytes;
        assert!(steps(800).is_empty());
        assert_eq!(steps(700), [Step::Thin(0, limit(700)), Step::Remove(6, limit(700))]);
        assert_eq!(
            steps(530),
            [Step::Thin(0, limit(530)), Step::Remove(6, limit(530)), Step::Thin(1, limit(530))]
        );
        let all = steps(1);
        assert_eq!(all.len(), 6, "the newest of each signal stays");
        assert!(all.iter().all(|step| matches!(step, Step::Remove(..))));
        let counts: Vec<KeptSplit> = (0..9)
            .map(|id| KeptSplit { has_rows: id == 8, ..split(id, SplitSignal::Logs, id as i64) })
            .collect();
        let decided = plan(&keep(850), &counts, None, day(10)).steps;
        assert_eq!(decided, [Step::Remove(0, limit(850))], "counts take more than a quarter");
    }
}
