//! Latency and availability that services report as metrics, for services without spans.
//!
//! Trouble travels from callee to caller, so of each service's excess the part is taken off that its callees bring in.

use std::collections::BTreeMap;

use super::evidence::{Channel, Evidence};
use super::meaning::Meaning;
use super::names::Names;
use super::series::Movement;
use super::stats::saturate;

/// Calls per request that a callee's excess counts at most.
const CALLS_MAX: f64 = 2.0;

/// Requests per point that are assumed where nobody counts them.
const REQUESTS_UNKNOWN: f64 = 500.0;
/// Noise units from which on an excess counts.
const EXCESS_MIN: f64 = 2.0;

/// What the words of the symptom complain about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complaint {
    pub(super) latency: f64,
    pub(super) errors: f64,
    /// It speaks of either, and so of requests.
    pub(super) of_requests: bool,
}

impl Complaint {
    /// Halves what the words do not speak of, when they speak of one alone.
    pub(super) fn of(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let latency = says(&[
            "latency",
            "slow",
            "longer",
            "response time",
            "p99",
            "p95",
            "timeout",
            "duration",
        ]);
        let errors = says(&["availability", "error", "fail", "5xx", "unavailable", "exception"]);
        match (latency, errors) {
            (true, false) => Self { latency: 1.0, errors: 0.5, of_requests: true },
            (false, true) => Self { latency: 0.5, errors: 1.0, of_requests: true },
            _ => Self { latency: 1.0, errors: 1.0, of_requests: latency },
        }
    }
}

/// One service's excess of one kind.
struct Excess<'a> {
    movement: &'a Movement<'a>,
    /// Seconds, or share of requests failed; above normal.
    amount: f64,
    noise: f64,
}

/// Finds services whose latency or failures grew more than their callees explain.
pub(super) fn find(
    movements: &[Movement<'_>],
    edges: &[(u32, u32)],
    (complaint, symptom): (Complaint, Option<u32>),
    services: &mut Names,
    evidence: &mut Evidence,
) {
    let mut load: BTreeMap<u32, f64> = BTreeMap::new();
    for movement in movements.iter().filter(|movement| movement.meaning == Meaning::Load) {
        let service = services.number(movement.row.resource.service());
        let amount = load.entry(service).or_default();
        *amount = amount.max(movement.after);
    }
    for (is_latency, weight) in [(true, complaint.latency), (false, complaint.errors)] {
        let excesses = excesses(movements, is_latency, &load, services);
        let own: BTreeMap<u32, f64> = excesses
            .keys()
            .map(|service| (*service, own_excess(*service, &excesses, edges, &load)))
            .collect();
        let cost = |service: u32| {
            own.get(&service).copied().unwrap_or(0.0).max(0.0)
                * load.get(&service).copied().unwrap_or(1.0).max(1e-3)
        };
        let significant = |service: u32| {
            excesses.get(&service).is_some_and(|excess| excess.amount >= EXCESS_MIN * excess.noise)
        };
        let total: f64 =
            own.keys().filter(|service| significant(**service)).map(|service| cost(*service)).sum();
        let seen =
            symptom.and_then(|service| Some(excesses.get(&service)?.amount * load.get(&service)?));
        let whole = total.max(seen.unwrap_or(0.0));
        for (service, excess) in excesses.iter().filter(|(service, _)| significant(**service)) {
            let own_amount = own.get(service).copied().unwrap_or(0.0);
            // What is asked is who brought this about: the symptom's own cost is the least that has to be explained.
            let share = if whole > 0.0 { (cost(*service) / whole).min(1.0) } else { 0.0 };
            let likelihood =
                0.95 * saturate(own_amount / excess.noise, 1.0, 2.0) * share.sqrt() * weight;
            let strength = excess.amount / excess.noise.max(1e-12);
            let finding = excess.movement.finding(services.name(*service), None, strength);
            evidence.add(finding, *service, Channel::Golden, likelihood);
        }
    }
}

/// The strongest excess per service: of several percentiles the one that moved most clearly.
fn excesses<'a>(
    movements: &'a [Movement<'a>],
    is_latency: bool,
    load: &BTreeMap<u32, f64>,
    services: &mut Names,
) -> BTreeMap<u32, Excess<'a>> {
    let mut excesses: BTreeMap<u32, Excess<'a>> = BTreeMap::new();
    for movement in movements {
        let fits = match movement.meaning {
            Meaning::Latency => is_latency,
            Meaning::Availability | Meaning::Errors => !is_latency,
            _ => false,
        };
        if !fits {
            continue;
        }
        let scale = scale(movement);
        let bad = f64::from(movement.meaning.bad_direction());
        let service = services.number(movement.row.resource.service());
        let amount = bad * movement.score * movement.noise * scale;
        let mut noise = movement.noise * scale;
        if movement.meaning == Meaning::Availability {
            noise = noise
                .max(failure_noise(1.0 - movement.before * scale, load.get(&service).copied()));
        }
        let excess = Excess { movement, amount, noise };
        let name = &movement.row.series.name;
        // Means add up along calls, percentiles do not.
        let is_mean = ["average", "avg", "mean", "p50"].iter().any(|word| name.contains(word));
        let known_is_mean = excesses.get(&service).map(|known| {
            let name = &known.movement.row.series.name;
            ["average", "avg", "mean"].iter().any(|word| name.contains(word))
        });
        if known_is_mean.is_none() || (is_mean && known_is_mean == Some(false)) {
            excesses.insert(service, excess);
        }
    }
    excesses
}

/// What chance does to a share of failures among so many requests: one failure alone is never news.
fn failure_noise(share: f64, requests: Option<f64>) -> f64 {
    let requests = requests.filter(|requests| *requests >= 1.0).unwrap_or(REQUESTS_UNKNOWN);
    (share.max(0.0) / requests).sqrt().max(0.6 / requests)
}

/// To seconds, or to a share of one.
fn scale(movement: &Movement<'_>) -> f64 {
    let series = &movement.row.series;
    match series.unit.as_str() {
        "ms" => 1e-3,
        "us" => 1e-6,
        "ns" => 1e-9,
        "%" => 1e-2,
        "" | "1" if series.name.ends_with("_ms") => 1e-3,
        "" | "1" if series.name.ends_with("_pct") || series.name.ends_with("percent") => 1e-2,
        _ => 1.0,
    }
}

/// The excess less what callees bring in, by how often they are called.
fn own_excess(
    service: u32,
    excesses: &BTreeMap<u32, Excess<'_>>,
    edges: &[(u32, u32)],
    load: &BTreeMap<u32, f64>,
) -> f64 {
    let amount = excesses.get(&service).map_or(0.0, |excess| excess.amount);
    let mut brought_in = 0.0;
    for (_, callee) in
        edges.iter().filter(|(caller, callee)| *caller == service && *callee != service)
    {
        let Some(excess) =
            excesses.get(callee).filter(|excess| excess.amount > EXCESS_MIN * excess.noise)
        else {
            continue;
        };
        let calls = match (load.get(callee), load.get(&service)) {
            (Some(callee), Some(caller)) if *caller > 0.0 => (callee / caller).min(CALLS_MAX),
            _ => 1.0,
        };
        brought_in += excess.amount * calls;
    }
    amount - brought_in
}
