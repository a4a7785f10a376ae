//! How the trouble goes on, as users see it: whether it is over, steady or getting worse.
//!
//! Looked at where requests enter: their share that fails or takes longer than it used to, from the onset on, in eight
//! equal parts.

use groundcrew_telemetry::Timestamp;

use super::limits::Limits;
use super::period::{Period, Periods};
use super::spans::Forest;
use super::stats::share_score;
use crate::{Course, Finding, FindingKind};

const PARTS: usize = 8;
/// The parts at the end that say how it is now.
const LATEST: usize = PARTS / 4;
/// Bad requests without which there is no trouble to follow.
const BAD_MIN: u64 = 8;
/// Share of bad requests that the worst part must reach.
const PEAK_MIN: f64 = 0.10;
/// Requests of the latest parts that say whether it is over.
const LATEST_MIN: u64 = 10;
/// It is over when no more than this share of the worst is left, or of all requests.
const OVER_OF_PEAK: f64 = 0.15;
const OVER_OF_ALL: f64 = 0.03;
/// It gets worse when the second half has this many times the share of the first, and more than chance allows.
const WORSE_RATIO: f64 = 1.5;
const WORSE_SCORE: f64 = 4.0;
/// Requests of an operation's baseline that say what slow is.
const NORMAL_MIN: usize = 20;

#[derive(Clone, Copy, Default)]
struct Part {
    bad: u64,
    all: u64,
}

impl Part {
    fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.bad as f64 / self.all as f64 }
    }

    fn sum(parts: &[Self]) -> Self {
        parts.iter().fold(Self::default(), |sum, part| Self {
            bad: sum.bad + part.bad,
            all: sum.all + part.all,
        })
    }
}

/// The course from `onset` on; `None` when requests do not show it.
pub(super) fn find(
    forest: &Forest,
    periods: &Periods,
    onset: Option<Timestamp>,
) -> Option<Finding> {
    let end = periods.window.end;
    let start = onset.unwrap_or(periods.window.start).max(periods.window.start);
    let length = end.nanos_since(start) / PARTS as i64;
    if length <= 0 {
        return None;
    }
    let limits = slow_limits(forest);
    let mut parts = [Part::default(); PARTS];
    for node in forest.nodes.iter().filter(|node| node.parent().is_none() && !node.is_call()) {
        let after_onset = Timestamp::from_nanos(node.start).nanos_since(start);
        let position = usize::try_from(after_onset.div_euclid(length)).ok();
        let Some(part) = position.and_then(|position| parts.get_mut(position)) else { continue };
        let is_slow = limits.is_slow(node.operation, node.nanos()).unwrap_or(false);
        part.all += 1;
        part.bad += u64::from(node.failed || is_slow);
    }
    let peak = parts.iter().map(|part| part.share()).fold(0.0, f64::max);
    if Part::sum(&parts).bad < BAD_MIN || peak < PEAK_MIN {
        return None;
    }
    let latest = Part::sum(parts.get(PARTS - LATEST..)?);
    let halves = parts.split_at(PARTS / 2);
    let (first, second) = (Part::sum(halves.0), Part::sum(halves.1));
    let over_max = OVER_OF_ALL.max(OVER_OF_PEAK * peak);
    // It is over since the last part that was bad, if enough requests went well after it: none at all says nothing.
    let quiet_from =
        parts.iter().rposition(|part| part.share() > over_max).map_or(0, |bad| bad + 1);
    let quiet = Part::sum(parts.get(quiet_from..)?);
    let is_over = latest.all.min(quiet.all) >= LATEST_MIN && latest.share() <= over_max;
    let is_worse = second.share() >= WORSE_RATIO * first.share()
        && latest.share() >= 0.8 * second.share()
        && share_score((first.bad, first.all), (second.bad, second.all)) >= WORSE_SCORE;
    let course = match (is_over, is_worse) {
        (true, _) => Course::Transient,
        (false, true) => Course::Degrading,
        (false, false) => Course::Failing,
    };
    let since = match course {
        Course::Transient => quiet_from,
        Course::Failing | Course::Degrading => PARTS - LATEST,
    };
    let shown = Part::sum(parts.get(since..)?);
    Some(Finding {
        kind: FindingKind::Course {
            course,
            bad: shown.bad,
            all: shown.all,
            first_share: first.share(),
            peak_share: peak,
        },
        service: String::new(),
        pod: None,
        since: Some(start.plus_nanos(length * since as i64)),
        strength: 0.0,
    })
}

/// What is slow where requests enter.
fn slow_limits(forest: &Forest) -> Limits {
    let entries = forest.nodes.iter().filter(|node| {
        node.parent().is_none() && !node.is_call() && node.period == Period::Baseline
    });
    Limits::new(entries.map(|node| (node.operation, node.nanos())), NORMAL_MIN)
}
