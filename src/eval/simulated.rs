//! `eval simulated`: generated systems break in known ways; what is asked with the page is compared with what broke.
//!
//! The product sees telemetry, changes, saved cluster output and the page. What the simulator knows is looked at only
//! once the answer stands.

use std::time::{Duration, Instant};

use groundcrew_analysis::{Subject, Suspect, Verdict as ChangeOutcome};
use groundcrew_simulator::{Mesh, MeshFault, MeshOptions, MeshPlan, MeshTruth};
use groundcrew_telemetry::{Alert, Timestamp};
use serde::Serialize;

use super::case::{EvalError, FreshStore, each_of};
use crate::investigate::answer::Verdict;
use crate::investigate::question::Question;
use crate::investigate::{Facts, Investigator, RunIds, facts_answer, find_facts};

/// Normal time before the fault.
const NORMAL: Duration = Duration::from_secs(30 * 60);
/// When every run begins: a Monday morning.
const START_SECS: i64 = 1_767_603_600;
/// How far back the rule that pages looks; it says so in its text.
const PAGE_LOOKBACK: Duration = Duration::from_secs(5 * 60);
/// Suspects that are kept of an answer.
const RANKING_MAX: usize = 5;

/// What to play.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimulatedOptions {
    /// Sizes of the systems, in services.
    pub services: Vec<usize>,
    /// Runs per fault and size.
    pub runs: u64,
    /// Windows per size in which nothing is wrong.
    pub healthy: u64,
    /// Runs per size with two faults at once.
    pub pairs: u64,
    /// Seed of all of it.
    pub seed: u64,
    /// Runs at a time.
    pub jobs: usize,
    /// Only scenarios whose name contains this.
    pub only: Option<String>,
}

/// One run to play.
#[derive(Clone, Debug)]
struct Scenario {
    services: usize,
    name: String,
    plan: MeshPlan,
    seed: u64,
}

/// One played run: what was asked, answered and true.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SimulatedRow {
    /// Size of the system.
    pub services: usize,
    /// The fault, `two faults` or `healthy`.
    pub scenario: String,
    /// The run's own seed.
    pub seed: u64,
    /// The page.
    pub page: String,
    /// What truly broke.
    pub truths: Vec<TruthRow>,
    /// Whether a cause was named.
    pub named: bool,
    /// How sure the answer was.
    pub confidence: String,
    /// The leading suspect's score.
    pub score: f64,
    /// The headline.
    pub headline: String,
    /// Suspects, best first.
    pub ranking: Vec<String>,
    /// The leading suspect's reasons, in words.
    pub reasons: Vec<String>,
    /// The leading suspect is at fault.
    pub top1: bool,
    /// The fault is among the first three; with two faults, both are.
    pub top3: bool,
    /// The leading suspect's kind of fault.
    pub kind: String,
    /// It is the right one, of the right suspect.
    pub kind_right: bool,
    /// The tested changes, best first, with their verdicts.
    pub changes: Vec<String>,
    /// The change that did it comes first of all tested changes; `None` where no change did it.
    pub change_first: Option<bool>,
    /// The change that the tests make likely.
    pub change: Option<String>,
    /// It is the one that did it; where no change did it, that none was called likely.
    pub change_right: bool,
    /// Whether the one pod at fault was named; `None` where it is not one pod.
    pub pod_right: Option<bool>,
    /// Seconds from the true onset to the told one.
    pub onset_error_s: Option<f64>,
    /// Spans in window and baseline.
    pub spans: u64,
    /// Series looked at.
    pub series: u64,
    /// From question to facts card.
    pub ms: u64,
}

/// What truly broke, as it is written out.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TruthRow {
    /// The fault.
    pub fault: String,
    /// Names that count as right.
    pub accepted: Vec<String>,
    /// Kinds that count as right.
    pub kinds: Vec<String>,
    /// The pod, when it is one alone.
    pub pod: Option<String>,
    /// The change that did it.
    pub change: Option<String>,
    /// When.
    pub since: String,
}

impl SimulatedRow {
    /// One line for whoever waits.
    #[must_use]
    pub fn line(&self) -> String {
        let mark = match (self.truths.is_empty(), self.named, self.top1, self.top3) {
            (true, false, ..) => "quiet",
            (true, true, ..) => "BLAMED",
            (false, _, true, _) => "right",
            (false, _, false, true) => "top 3",
            (false, ..) => "MISSED",
        };
        let expected = self
            .truths
            .first()
            .and_then(|truth| truth.accepted.first())
            .map_or("-", String::as_str);
        format!(
            "{:>4} {:<20} {mark:<6} {:<6} {:.2} {} expected {expected} {} ms",
            self.services,
            self.scenario,
            self.confidence,
            self.score,
            self.ranking.first().map_or("-", String::as_str),
            self.ms
        )
    }
}

/// Plays every scenario into a store of its own and asks with its page; `progress` hears of each.
///
/// # Errors
/// When a store cannot be made or does not take what is played.
pub fn simulated(
    like: &Investigator,
    options: &SimulatedOptions,
    progress: &(dyn Fn(&SimulatedRow) + Sync),
) -> Result<Vec<SimulatedRow>, EvalError> {
    let scenarios = scenarios(options);
    each_of(&scenarios, options.jobs, &|scenario| {
        let row = play(like, scenario)?;
        progress(&row);
        Ok(row)
    })
}

/// Everything to play. Every run has a seed, and so a system, of its own.
fn scenarios(options: &SimulatedOptions) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for services in options.services.iter().copied() {
        let mut number = options.seed.wrapping_mul(1_000_003) + services as u64 * 10_007;
        let mut add = |name: &str, plan: MeshPlan| {
            number += 1;
            scenarios.push(Scenario { services, name: name.to_owned(), plan, seed: number });
        };
        for fault in MeshFault::ALL {
            for _ in 0..options.runs {
                add(fault.name(), MeshPlan::One(fault));
            }
        }
        for pair in 0..options.pairs as usize {
            let at = |position: usize| MeshFault::ALL.get(position % MeshFault::ALL.len()).copied();
            if let Some((first, second)) = at(pair * 3).zip(at(pair * 3 + 1 + pair % 25)) {
                add("two faults", MeshPlan::Two(first, second));
            }
        }
        for _ in 0..options.healthy {
            add("healthy", MeshPlan::Healthy);
        }
    }
    scenarios.retain(|scenario| {
        options.only.as_ref().is_none_or(|only| scenario.name.contains(only.as_str()))
    });
    scenarios
}

fn play(like: &Investigator, scenario: &Scenario) -> Result<SimulatedRow, EvalError> {
    let store = FreshStore::new(like)?;
    let mesh = Mesh::new(MeshOptions {
        seed: scenario.seed,
        services: scenario.services,
        start: Timestamp::from_secs(START_SECS),
        normal: NORMAL,
        plan: scenario.plan,
    });
    let truths = mesh.truths().to_vec();
    let mut page = None;
    for step in mesh {
        page = step.alert.clone().or(page);
        store.feed(step)?;
    }
    store.store().flush()?;
    let page = page.unwrap_or_default();
    let question = question(&page);
    let started = Instant::now();
    let ids = RunIds::random();
    let facts = find_facts(&store.investigator, &question, &ids, &|_| {});
    let answer = facts_answer(&store.investigator, &question, &ids, &facts).answer;
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut row = grade(&facts, &truths);
    row.services = scenario.services;
    row.scenario.clone_from(&scenario.name);
    row.seed = scenario.seed;
    row.page = page.text;
    row.named = answer.verdict == Verdict::LikelyCause;
    row.confidence = answer.confidence.map_or("none", |confidence| confidence.name()).to_owned();
    row.headline = answer.headline;
    row.spans = answer.receipt.spans;
    row.series = answer.receipt.series;
    row.ms = ms;
    Ok(row)
}

/// What whoever is paged asks: the page itself.
fn question(page: &Alert) -> Question {
    let mut question = Question::new(page.text.clone(), page.starts_at);
    question.at_given = true;
    question.since = Some(PAGE_LOOKBACK);
    question.services = page.service.iter().cloned().collect();
    question
}

fn grade(facts: &Facts, truths: &[MeshTruth]) -> SimulatedRow {
    let analysis = &facts.diagnosis.analysis;
    let distinct = distinct(&analysis.suspects);
    let leading = distinct.first().copied();
    let hit = |truth: &MeshTruth, suspect: &Suspect| {
        names(&suspect.subject).iter().any(|name| truth.accepted.iter().any(|right| right == name))
    };
    let true_of = leading.and_then(|suspect| truths.iter().find(|truth| hit(truth, suspect)));
    let kind = leading.map_or("", |suspect| suspect.fault_kind.name());
    let likely = analysis
        .changes
        .first()
        .filter(|verdict| verdict.change.is_some() && verdict.verdict == ChangeOutcome::Likely);
    let change = likely.map(|verdict| verdict.id.clone());
    let guilty: Vec<&String> = truths.iter().filter_map(|truth| truth.change.as_ref()).collect();
    let pod = truths.iter().find_map(|truth| truth.pod.as_ref());
    let onset = analysis.onset.zip(truths.first());
    SimulatedRow {
        services: 0,
        scenario: String::new(),
        seed: 0,
        page: String::new(),
        truths: truths.iter().map(truth_row).collect(),
        named: false,
        confidence: String::new(),
        score: leading.map_or(0.0, |suspect| suspect.score),
        headline: String::new(),
        ranking: distinct
            .iter()
            .take(RANKING_MAX)
            .map(|suspect| format!("{} {:.2}", names(&suspect.subject).join(" → "), suspect.score))
            .collect(),
        reasons: leading.map(|suspect| reasons(facts, suspect)).unwrap_or_default(),
        top1: true_of.is_some(),
        top3: !truths.is_empty()
            && truths
                .iter()
                .all(|truth| distinct.iter().take(3).any(|suspect| hit(truth, suspect))),
        kind: kind.to_owned(),
        kind_right: true_of.is_some_and(|truth| truth.fault.kinds().contains(&kind)),
        changes: analysis
            .changes
            .iter()
            .take(RANKING_MAX)
            .map(|verdict| format!("{} {} {:.2}", verdict.id, verdict.verdict.name(), verdict.score))
            .collect(),
        change_first: (!guilty.is_empty()).then(|| {
            let first = analysis.changes.iter().find(|verdict| verdict.change.is_some());
            first.is_some_and(|verdict| guilty.contains(&&verdict.id))
        }),
        change_right: match &change {
            Some(id) => guilty.contains(&id),
            None => guilty.is_empty(),
        },
        change,
        pod_right: pod.map(|pod| {
            matches!(leading.map(|suspect| &suspect.subject), Some(Subject::Pod { pod: named, .. }) if named == pod)
        }),
        onset_error_s: onset.map(|(told, truth)| told.secs_since(truth.since)),
        spans: 0,
        series: 0,
        ms: 0,
    }
}

/// The first suspect of each name, best first.
fn distinct(suspects: &[Suspect]) -> Vec<&Suspect> {
    let mut distinct: Vec<&Suspect> = Vec::new();
    for suspect in suspects {
        let name = suspect.subject.service();
        if !name.is_empty() && !distinct.iter().any(|known| known.subject.service() == name) {
            distinct.push(suspect);
        }
        if distinct.len() >= RANKING_MAX {
            break;
        }
    }
    distinct
}

/// The names that a suspect goes by: for the way between two services, both.
fn names(subject: &Subject) -> Vec<&str> {
    match subject {
        Subject::Edge { caller, callee } => vec![caller, callee],
        other => vec![other.service()],
    }
}

fn reasons(facts: &Facts, suspect: &Suspect) -> Vec<String> {
    suspect
        .reasons
        .iter()
        .take(RANKING_MAX)
        .filter_map(|reason| facts.diagnosis.findings.get(*reason))
        .map(|told| told.sentence.clone())
        .collect()
}

fn truth_row(truth: &MeshTruth) -> TruthRow {
    TruthRow {
        fault: truth.fault.name().to_owned(),
        accepted: truth.accepted.clone(),
        kinds: truth.fault.kinds().iter().map(|kind| (*kind).to_owned()).collect(),
        pod: truth.pod.clone(),
        change: truth.change.clone(),
        since: truth.since.to_string(),
    }
}
