//! `eval memory`: the simulated shop breaks, each fault is remembered once, and later runs are compared with what is
//! remembered. Right is to name the same fault, and to name nothing for a fault that was never seen.

use std::time::Duration;

use groundcrew_analysis::fingerprint::{Fingerprint, Rarity, compare};
use groundcrew_simulator::{Fault, Simulation, SimulationOptions};
use groundcrew_telemetry::Timestamp;
use serde::Serialize;

use super::case::{EvalError, FreshStore, each_of};
use crate::investigate::question::Question;
use crate::investigate::recall::RECORD_SIMILAR_MIN;
use crate::investigate::{Investigator, RunIds, find_facts};

/// Normal time before the fault.
const NORMAL: Duration = Duration::from_secs(30 * 60);
/// How long it has been broken when it is asked about.
const BROKEN: Duration = Duration::from_secs(6 * 60);
/// When the first run begins: a Monday morning. Later ones begin a day later each.
const START_SECS: i64 = 1_767_603_600;
/// How far back the question looks.
const LOOKBACK: Duration = Duration::from_secs(10 * 60);
/// Incidents that an answer shows.
const SHOWN_MAX: usize = 2;

/// What to play.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryOptions {
    /// Later runs per fault.
    pub runs: u64,
    /// Seed of all of it.
    pub seed: u64,
    /// Runs at a time.
    pub jobs: usize,
}

/// One later run beside what is remembered.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemoryRow {
    /// What broke; `none` for nothing.
    pub fault: String,
    /// The run's seed.
    pub seed: u64,
    /// How alike the remembered run of the same fault is.
    pub own: f64,
    /// How alike the most alike of the others is.
    pub other: f64,
    /// Which one that is.
    pub other_fault: String,
    /// The same fault would be shown.
    pub shown: bool,
    /// It would be shown first.
    pub first: bool,
    /// With the same fault not remembered, another one would be shown.
    pub misled: bool,
}

/// Plays the shop and compares.
///
/// # Errors
/// When a run cannot be fed in.
pub fn memory(like: &Investigator, options: MemoryOptions) -> Result<Vec<MemoryRow>, EvalError> {
    let faults: Vec<Option<Fault>> = Fault::ALL.into_iter().map(Some).chain([None]).collect();
    let runs: Vec<(Option<Fault>, u64)> = (0..=options.runs)
        .flat_map(|run| faults.iter().map(move |fault| (*fault, run)))
        .filter(|(fault, run)| fault.is_some() || *run > 0)
        .collect();
    let seeded = |run: u64| options.seed.wrapping_add(run.wrapping_mul(1_009));
    let prints = each_of(&runs, options.jobs, &|(fault, run)| {
        fingerprint(like, *fault, seeded(*run), *run)
    })?;
    let played = runs.iter().zip(&prints);
    let remembered: Vec<(Fault, &Fingerprint)> = played
        .clone()
        .filter_map(|((fault, run), print)| Some(((*fault)?, print)).filter(|_| *run == 0))
        .collect();
    Ok(played
        .filter(|((_, run), _)| *run > 0)
        .map(|((fault, run), print)| row(*fault, seeded(*run), print, &remembered))
        .collect())
}

fn row(
    fault: Option<Fault>,
    seed: u64,
    print: &Fingerprint,
    remembered: &[(Fault, &Fingerprint)],
) -> MemoryRow {
    let scored = |memory: &[(Fault, &Fingerprint)]| {
        let rarity = Rarity::of(memory.iter().map(|(_, print)| *print));
        let mut scored: Vec<(Fault, f64)> = memory
            .iter()
            .map(|(known, then)| (*known, compare(print, then, &rarity).score))
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored
    };
    let all = scored(remembered);
    let own = all.iter().position(|(known, _)| Some(*known) == fault);
    let score_of = |position: usize| all.get(position).map_or(0.0, |(_, score)| *score);
    let strangers: Vec<(Fault, &Fingerprint)> =
        remembered.iter().copied().filter(|(known, _)| Some(*known) != fault).collect();
    let other = scored(&strangers).into_iter().next();
    let own_score = own.map_or(0.0, score_of);
    MemoryRow {
        fault: fault.map_or("none", Fault::name).to_owned(),
        seed,
        own: own_score,
        other: other.map_or(0.0, |(_, score)| score),
        other_fault: other.map_or("", |(known, _)| known.name()).to_owned(),
        shown: own.is_some_and(|at| at < SHOWN_MAX) && own_score >= RECORD_SIMILAR_MIN,
        first: own == Some(0) && own_score >= RECORD_SIMILAR_MIN,
        misled: other.is_some_and(|(_, score)| score >= RECORD_SIMILAR_MIN),
    }
}

/// Plays one run in a store of its own and asks about it.
fn fingerprint(
    like: &Investigator,
    fault: Option<Fault>,
    seed: u64,
    day: u64,
) -> Result<Fingerprint, EvalError> {
    let store = FreshStore::new(like)?;
    let day_secs = i64::try_from(day).unwrap_or(0).saturating_mul(86_400);
    let start = Timestamp::from_secs(START_SECS.saturating_add(day_secs));
    let length = i64::try_from((NORMAL + BROKEN).as_secs()).unwrap_or(0);
    let simulation =
        Simulation::new(SimulationOptions { seed, start, normal: NORMAL, broken: BROKEN, fault });
    let text = simulation.truth().map_or("Is anything wrong?", |truth| truth.question);
    let mut question = Question::new(text, start.plus_secs(length));
    question.at_given = true;
    question.since = Some(LOOKBACK);
    for step in simulation {
        store.feed(step)?;
    }
    store.store().flush()?;
    let facts = find_facts(&store.investigator, &question, &RunIds::random(), &|_| {});
    Ok(facts.diagnosis.imprint.fingerprint)
}

/// The rows as a table with a summary below.
#[must_use]
pub fn memory_table(rows: &[MemoryRow]) -> String {
    let mut table = String::from(
        "| fault | seed | same | next | which | shown | first | misled |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mark = |yes: bool| if yes { "yes" } else { "" };
    for row in rows {
        table.push_str(&format!(
            "| {} | {} | {:.2} | {:.2} | {} | {} | {} | {} |\n",
            row.fault,
            row.seed,
            row.own,
            row.other,
            row.other_fault,
            mark(row.shown),
            mark(row.first),
            mark(row.misled)
        ));
    }
    let broken: Vec<&MemoryRow> = rows.iter().filter(|row| row.fault != "none").collect();
    let count = |test: fn(&MemoryRow) -> bool| broken.iter().filter(|row| test(row)).count();
    table.push_str(&format!(
        "\nseen before: {} of {}, first {}; misled when it was never seen: {} of {}; healthy and misled: {} of {}\n",
        count(|row| row.shown),
        broken.len(),
        count(|row| row.first),
        count(|row| row.misled),
        broken.len(),
        rows.iter().filter(|row| row.fault == "none" && row.misled).count(),
        rows.len() - broken.len(),
    ));
    table
}
