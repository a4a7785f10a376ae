//! `eval scale`: how long an answer takes as the telemetry of the same outage grows.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use groundcrew_simulator::{Fault, Simulation, SimulationOptions};
use groundcrew_telemetry::Timestamp;

use super::bundles::note_step;
use super::case::{EvalError, FreshStore};
use crate::investigate::question::Question;
use crate::investigate::{Investigator, RunIds, find_facts};

/// Customers' requests a second at factor 1.
const REQUESTS_PER_SECOND: f64 = 6.0;
const NORMAL: Duration = Duration::from_secs(30 * 60);
const BROKEN: Duration = Duration::from_secs(6 * 60);
/// Times each question is asked; the median counts.
const ROUNDS: usize = 5;

/// One size.
#[derive(Clone, Debug)]
pub struct Scaled {
    /// Requests, as a multiple of the smallest size.
    pub factor: u32,
    /// Spans stored.
    pub spans: u64,
    /// Log records stored.
    pub logs: u64,
    /// Metric points stored.
    pub points: u64,
    /// How long the telemetry took to store, without making it up.
    pub ingest: Duration,
    /// From the question to the facts card.
    pub took: Duration,
    /// The same by step of the investigation, in milliseconds.
    pub steps_ms: BTreeMap<String, u64>,
    /// The first suspect.
    pub suspect: String,
}

/// What is played.
#[derive(Clone, Debug)]
pub struct ScaleOptions {
    /// Sizes, as multiples of the smallest.
    pub factors: Vec<u32>,
    /// How often each log line is written: services differ more in how much they say than in how many they are.
    pub lines: usize,
    /// Same seed, same outage.
    pub seed: u64,
}

/// Plays one outage at each size and asks about it; `progress` hears of each.
///
/// # Errors
/// When the telemetry cannot be stored.
pub fn scale(
    like: &Investigator,
    options: &ScaleOptions,
    progress: &dyn Fn(&Scaled),
) -> Result<(), EvalError> {
    for factor in &options.factors {
        progress(&measure(like, *factor, options)?);
    }
    Ok(())
}

fn measure(like: &Investigator, factor: u32, scale: &ScaleOptions) -> Result<Scaled, EvalError> {
    let start = Timestamp::from_secs(1_790_000_000);
    let options = SimulationOptions {
        seed: scale.seed,
        start,
        normal: NORMAL,
        broken: BROKEN,
        fault: Some(Fault::PoolExhaustion),
    };
    let simulation =
        Simulation::new(options).with_requests_per_second(REQUESTS_PER_SECOND * f64::from(factor));
    let store = FreshStore::new(like)?;
    let mut ingest = Duration::ZERO;
    let mut page = None;
    for mut step in simulation {
        step.logs = vec![step.logs; scale.lines.max(1)].concat();
        page = step.alert.clone().or(page);
        let began = Instant::now();
        store.feed(step)?;
        ingest += began.elapsed();
    }
    let began = Instant::now();
    store.store().flush()?;
    ingest += began.elapsed();
    let coverage = store.store().coverage()?;
    let end = start.plus_secs(i64::try_from((NORMAL + BROKEN).as_secs()).unwrap_or(0));
    let text = page.map_or_else(|| "what broke?".to_owned(), |page| page.text);
    let mut question = Question::new(text, end);
    question.at_given = true;
    question.since = Some(BROKEN);
    let mut rounds: Vec<(Duration, BTreeMap<String, u64>, String)> = Vec::new();
    for _ in 0..ROUNDS {
        let steps: Mutex<BTreeMap<String, u64>> = Mutex::default();
        let began = Instant::now();
        let facts = find_facts(&store.investigator, &question, &RunIds::random(), &|event| {
            note_step(event, &steps);
        });
        let took = began.elapsed();
        let first = facts.diagnosis.analysis.suspects.first();
        let suspect = first.map_or_else(String::new, |first| first.subject.service().to_owned());
        rounds.push((took, steps.into_inner().unwrap_or_default(), suspect));
    }
    rounds.sort_by_key(|(took, ..)| *took);
    let (took, steps_ms, suspect) = rounds.swap_remove(ROUNDS / 2);
    Ok(Scaled {
        factor,
        spans: coverage.spans.count,
        logs: coverage.logs.count,
        points: coverage.points.count,
        ingest,
        took,
        steps_ms,
        suspect,
    })
}
