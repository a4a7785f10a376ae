//! Whether anybody is hurt: how requests went, all of them and those in which a line of trouble was written.
//!
//! Systems complain all the time about what they cope with. A line whose requests go no worse than all others tells of no
//! outage; one that is written in failing or slow requests does, and they show it. That is looked at for warnings, where
//! spans tell failures at all: an error that its caller swallowed can cut requests short that still call themselves fine.

use std::collections::BTreeMap;

use groundcrew_telemetry::{SpanRow, TraceId};

use super::limits::Limits;
use super::period::Period;
use super::spans::{Forest, Node};
use super::stats::share_score;
use crate::LogLink;

/// Requests of a line that say something about it.
const REQUESTS_MIN: u64 = 5;
/// Requests on either side that show whether anybody suffers.
const SUFFER_REQUESTS_MIN: u64 = 200;
/// Noise units by which the share of bad requests must have grown, of all and of one operation of many.
const ALL_SCORE_MIN: f64 = 2.5;
const OPERATION_SCORE_MIN: f64 = 3.5;
/// Requests of an operation's baseline that say what slow is.
const NORMAL_MIN: usize = 20;
/// A line's requests go badly when their share of bad ones is this many times that of all requests.
const WORSE_RATIO: f64 = 1.3;
/// Or when most of them do.
const MOST: f64 = 0.5;

/// Requests of the window, of one sort.
#[derive(Clone, Copy, Default)]
pub(super) struct Requests {
    all: u64,
    bad: u64,
    /// A trace that shows it, a bad one where there is one.
    pub(super) example: Option<TraceId>,
    example_is_bad: bool,
}

impl Requests {
    fn add(&mut self, trace: TraceId, is_bad: bool) {
        self.all += 1;
        self.bad += u64::from(is_bad);
        if self.example.is_none() || (is_bad && !self.example_is_bad) {
            self.example = Some(trace);
            self.example_is_bad = is_bad;
        }
    }

    fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.bad as f64 / self.all as f64 }
    }
}

/// Whether requests fail or are slow more often than they were, where spans show enough of them to tell.
///
/// Somebody asked, so most of the time somebody suffers; but blips end, rules are too sharp, and something in a system
/// always moves.
pub(super) fn suffer(forest: &Forest) -> Option<bool> {
    let limits = Limits::new(requests(forest, Period::Baseline), NORMAL_MIN);
    // Per operation, (bad, all) in baseline and window.
    let mut operations: BTreeMap<u32, [(u64, u64); 2]> = BTreeMap::new();
    for node in forest.nodes.iter().filter(|node| is_request(node)) {
        let sides = operations.entry(node.operation).or_default();
        if let Some((bad, all)) = sides.get_mut(usize::from(node.period == Period::Window)) {
            let is_slow = limits.is_slow(node.operation, node.nanos()).unwrap_or(false);
            *bad += u64::from(node.failed || is_slow);
            *all += 1;
        }
    }
    let mut total = [(0, 0); 2];
    for sides in operations.values() {
        for ((bad, all), (more_bad, more)) in total.iter_mut().zip(sides) {
            *bad += more_bad;
            *all += more;
        }
    }
    let [before, after] = total;
    if before.1 < SUFFER_REQUESTS_MIN || after.1 < SUFFER_REQUESTS_MIN {
        return None;
    }
    let of_operation = operations
        .values()
        .map(|[before, after]| share_score(*before, *after))
        .fold(f64::NEG_INFINITY, f64::max);
    Some(share_score(before, after) >= ALL_SCORE_MIN || of_operation >= OPERATION_SCORE_MIN)
}

fn is_request(node: &Node) -> bool {
    node.parent().is_none() && !node.is_call()
}

/// Operation and nanoseconds of the requests of one side.
fn requests(forest: &Forest, period: Period) -> impl Iterator<Item = (u32, f64)> {
    let of_period = move |node: &&Node| is_request(node) && node.period == period;
    forest.nodes.iter().filter(of_period).map(|node| (node.operation, node.nanos()))
}

/// The requests of each line, and all of them.
pub(super) struct Harm {
    lines: BTreeMap<(String, u64), Requests>,
    all: Requests,
    /// Whether spans tell failures.
    is_told: bool,
}

impl Harm {
    /// Looks up the requests of `links` among the traces of the window.
    pub(super) fn new(forest: &Forest, rows: &[SpanRow], links: &[LogLink]) -> Self {
        let mut harm = Self { lines: BTreeMap::new(), all: Requests::default(), is_told: false };
        harm.is_told = forest.nodes.iter().any(|node| node.failed);
        if links.is_empty() {
            return harm;
        }
        let traces = outcomes(forest, rows);
        for (trace, is_bad) in &traces {
            harm.all.add(*trace, *is_bad);
        }
        let mut pairs: Vec<(&str, u64, TraceId)> = links
            .iter()
            .map(|link| (link.service.as_str(), link.template.0, link.trace_id))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        for (service, template, trace) in pairs {
            if let Some(is_bad) = traces.get(&trace) {
                harm.lines.entry((service.to_owned(), template)).or_default().add(trace, *is_bad);
            }
        }
        harm
    }

    /// The requests in which `service` wrote the line.
    pub(super) fn of(&self, service: &str, template: u64) -> Option<&Requests> {
        self.lines.get(&(service.to_owned(), template))
    }

    /// Whether the line's requests are known and go no worse than all others.
    pub(super) fn is_harmless(&self, service: &str, template: u64) -> bool {
        self.of(service, template).is_some_and(|requests| {
            self.is_told
                && requests.all >= REQUESTS_MIN
                && requests.share() < MOST
                && requests.share() <= WORSE_RATIO * self.all.share()
        })
    }
}

/// Traces of the window, and whether anything in them failed or their request was slow.
fn outcomes(forest: &Forest, rows: &[SpanRow]) -> BTreeMap<TraceId, bool> {
    let limits = Limits::new(requests(forest, Period::Baseline), NORMAL_MIN);
    let mut traces: BTreeMap<TraceId, bool> = BTreeMap::new();
    for node in forest.nodes.iter().filter(|node| node.period == Period::Window) {
        let Some(row) = rows.get(node.row as usize) else { continue };
        let is_slow =
            is_request(node) && limits.is_slow(node.operation, node.nanos()).unwrap_or(false);
        *traces.entry(row.span.trace_id).or_default() |= node.failed || is_slow;
    }
    traces
}
