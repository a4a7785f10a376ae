//! What the bad requests of a service have in common: the version, pod, zone, flag or tenant that tells them from the
//! good ones.
//!
//! Looked for after the ranking, for its leading suspects alone. It moves no score: a cohort does not say that a service
//! is to blame, it says which part of it to look at.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_telemetry::{Attributes, SpanRow, Timestamp, Value};

use super::limits::Limits;
use super::period::Period;
use super::spans::{Forest, Node};
use super::stats::share_score;
use crate::{Finding, FindingKind};

/// Requests that are looked at; of more, every second, third and so on.
const REQUESTS_MAX: usize = 20_000;
/// Bad requests needed, and requests on either side of a cohort: fewer are chance.
const REQUESTS_MIN: u64 = 8;
/// A cohort holds at least this share of the bad requests.
const RECALL_MIN: f64 = 0.75;
/// Its share of bad requests is this many times that of the others.
const LIFT_MIN: f64 = 4.0;
/// In noise units.
const SCORE_MIN: f64 = 5.0;
/// Attributes with more values than this are ids.
const VALUES_MAX: usize = 200;
/// Longest value that can name a cohort, in bytes.
const VALUE_BYTES_MAX: usize = 80;
/// Requests of an operation's baseline that say what slow is.
const NORMAL_MIN: usize = 20;
/// When everything is bad no part is to blame, and when hardly anything is there is no trouble.
const BAD_SHARES: std::ops::RangeInclusive<f64> = 0.01..=0.9;

/// Attributes that tell of the outcome of a request and so cannot tell why. Names and prefixes of OpenTelemetry's
/// semantic conventions, old and new.
const OUTCOMES: [&str; 12] = [
    "error",
    "exception",
    "otel.status",
    "status",
    "http.status_code",
    "http.response",
    "rpc.grpc.status_code",
    "rpc.response",
    "db.response",
    "messaging.response",
    "thread",
    "code.",
];
/// Of attributes that tell the same requests apart the one that is acted on first is named.
const PREFERRED: [&str; 4] =
    ["service.version", "feature_flag", "k8s.pod.name", "service.instance.id"];

/// What is counted for one value of one attribute.
#[derive(Clone, Copy, Default)]
struct Tally {
    all: u64,
    bad: u64,
}

/// The cohort of `service`'s requests in the window that are bad, if they are one.
pub(super) fn find(
    forest: &Forest,
    rows: &[SpanRow],
    service: u32,
    service_name: &str,
) -> Option<Finding> {
    let requests = requests(forest, service);
    let failed = failures(forest, service);
    let failures = requests.iter().filter(|request| failed.contains(request)).count() as u64;
    if failures >= REQUESTS_MIN {
        let is_bad = |request: usize| failed.contains(&request);
        return separate(forest, rows, &requests, &is_bad, (service_name, false));
    }
    let limits = slow_limits(forest, service);
    let is_bad = |request: usize| {
        forest.nodes.get(request).is_some_and(|node| {
            limits.is_slow(node.operation, node.own_nanos as f64).unwrap_or(false)
        })
    };
    separate(forest, rows, &requests, &is_bad, (service_name, true))
}

fn is_request(node: &Node, number: usize, service: u32) -> bool {
    node.service == service && node.is_entry(number) && !node.is_call()
}

/// Requests of the window, as numbers of nodes.
fn requests(forest: &Forest, service: u32) -> Vec<usize> {
    let all: Vec<usize> = forest
        .nodes
        .iter()
        .enumerate()
        .filter(|(number, node)| {
            node.period == Period::Window && is_request(node, *number, service)
        })
        .map(|(number, _)| number)
        .collect();
    let step = all.len().div_ceil(REQUESTS_MAX).max(1);
    all.into_iter().step_by(step).collect()
}

/// Requests in which a span of the service failed.
fn failures(forest: &Forest, service: u32) -> BTreeSet<usize> {
    forest
        .nodes
        .iter()
        .filter(|node| node.service == service && node.failed && node.period == Period::Window)
        .map(|node| node.entry as usize)
        .collect()
}

/// What is slow of the own time of the service's requests.
fn slow_limits(forest: &Forest, service: u32) -> Limits {
    let requests = forest.nodes.iter().enumerate().filter(|(number, node)| {
        node.period == Period::Baseline && is_request(node, *number, service)
    });
    Limits::new(requests.map(|(_, node)| (node.operation, node.own_nanos as f64)), NORMAL_MIN)
}

/// Finds the value that tells bad requests from good ones best.
fn separate(
    forest: &Forest,
    rows: &[SpanRow],
    requests: &[usize],
    is_bad: &dyn Fn(usize) -> bool,
    (service, is_slow): (&str, bool),
) -> Option<Finding> {
    let total = requests.len() as u64;
    let bad = requests.iter().filter(|request| is_bad(**request)).count() as u64;
    let share = bad as f64 / total.max(1) as f64;
    if bad < REQUESTS_MIN || !BAD_SHARES.contains(&share) {
        return None;
    }
    let mut tallies: BTreeMap<(&str, String), Tally> = BTreeMap::new();
    for (request, values) in values(forest, rows, requests) {
        for value in values {
            let tally = tallies.entry(value).or_default();
            tally.all += 1;
            tally.bad += u64::from(is_bad(request));
        }
    }
    let mut values_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, _) in tallies.keys() {
        *values_of.entry(key).or_default() += 1;
    }
    let score = |tally: &Tally| {
        let others = (bad - tally.bad, total - tally.all);
        let is_large = tally.all >= REQUESTS_MIN && others.1 >= REQUESTS_MIN;
        let inside = tally.bad as f64 / tally.all.max(1) as f64;
        let outside = others.0 as f64 / others.1.max(1) as f64;
        let is_cohort =
            is_large && tally.bad as f64 >= RECALL_MIN * bad as f64 && inside >= LIFT_MIN * outside;
        is_cohort.then(|| share_score(others, (tally.bad, tally.all)))
    };
    let ((attribute, value), tally, strength) = tallies
        .iter()
        .filter(|((key, _), _)| values_of.get(key).is_some_and(|values| *values <= VALUES_MAX))
        .filter_map(|(value, tally)| Some((value, tally, score(tally)?)))
        .filter(|(_, _, score)| *score >= SCORE_MIN)
        .min_by(|(a, _, better), (b, _, worse)| {
            worse.total_cmp(better).then_with(|| (rank_of(a.0), a).cmp(&(rank_of(b.0), b)))
        })?;
    let witness = requests.iter().filter(|request| is_bad(**request)).find_map(|request| {
        let node = forest.nodes.get(*request)?;
        let row = rows.get(node.row as usize)?;
        Some((row.span.trace_id, Timestamp::from_nanos(node.start)))
    });
    let is_pod = *attribute == "k8s.pod.name";
    Some(Finding {
        kind: FindingKind::Cohort {
            attribute: (*attribute).to_owned(),
            value: value.clone(),
            is_slow,
            bad_inside: tally.bad,
            inside: tally.all,
            bad_outside: bad - tally.bad,
            outside: total - tally.all,
            example: witness.map(|(trace, _)| trace),
        },
        service: service.to_owned(),
        pod: is_pod.then(|| value.clone()),
        since: witness.map(|(_, since)| since),
        strength,
    })
}

fn rank_of(key: &str) -> usize {
    PREFERRED.iter().position(|known| key.starts_with(known)).unwrap_or(PREFERRED.len())
}

/// The attribute values of each request: of its resource and of every span that its service recorded for it.
fn values<'a>(
    forest: &Forest,
    rows: &'a [SpanRow],
    requests: &[usize],
) -> BTreeMap<usize, BTreeSet<(&'a str, String)>> {
    let mut values: BTreeMap<usize, BTreeSet<(&str, String)>> =
        requests.iter().map(|request| (*request, BTreeSet::new())).collect();
    for node in &forest.nodes {
        let Some(values) = values.get_mut(&(node.entry as usize)) else { continue };
        let Some(row) = rows.get(node.row as usize) else { continue };
        add_values(&row.span.attributes, values);
        add_values(&row.resource.attributes, values);
    }
    values
}

fn add_values<'a>(attributes: &'a Attributes, values: &mut BTreeSet<(&'a str, String)>) {
    for (key, value) in attributes.iter() {
        let is_outcome = OUTCOMES.iter().any(|outcome| key.starts_with(outcome));
        let is_short = matches!(value, Value::Str(_) | Value::Int(_) | Value::Bool(_));
        if is_outcome || !is_short || key == "service.name" {
            continue;
        }
        let text = value.text();
        if !text.is_empty() && text.len() <= VALUE_BYTES_MAX {
            values.insert((key, text.into_owned()));
        }
    }
}
