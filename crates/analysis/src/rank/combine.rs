//! From clues to suspects: what is local to a service, what it inherits from those it calls, and how much is left.

use std::collections::BTreeMap;

use super::evidence::{Channel, Clue, Evidence};
use super::names::Names;

/// Clues of a channel beyond its best count this much.
const SECOND_BEST: f64 = 0.25;
/// What a callee's trouble takes off its caller's inherited clues, at most.
const INHERITANCE: f64 = 0.85;
/// What is left of a service that the symptom's service does not reach.
const UNREACHED: f64 = 0.3;

/// A service with its score and the clues behind it.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    pub(super) service: u32,
    pub(super) score: f64,
    /// Findings for it, strongest first.
    pub(super) reasons: Vec<usize>,
    /// Findings of callees that explain it.
    pub(super) against: Vec<usize>,
}

/// Who calls whom, by numbers.
pub(super) struct Calls {
    callees: BTreeMap<u32, Vec<u32>>,
}

impl Calls {
    pub(super) fn new(edges: &[(u32, u32)]) -> Self {
        let mut callees: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (caller, callee) in edges {
            if caller != callee {
                callees.entry(*caller).or_default().push(*callee);
            }
        }
        for list in callees.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        Self { callees }
    }

    /// Everyone whom `service` calls, directly or not.
    pub(super) fn below(&self, service: u32) -> Vec<u32> {
        let mut reached: Vec<u32> = Vec::new();
        let mut open = vec![service];
        while let Some(at) = open.pop() {
            for callee in self.callees.get(&at).into_iter().flatten() {
                if *callee != service && !reached.contains(callee) {
                    reached.push(*callee);
                    open.push(*callee);
                }
            }
        }
        reached
    }
}

/// Ranks all services, best first, by how convincing it is that they are abnormal by themselves.
pub(super) fn rank(
    evidence: &Evidence,
    calls: &Calls,
    symptom: Option<u32>,
    services: &Names,
) -> Vec<Ranked> {
    let mut by_service: BTreeMap<u32, Vec<Clue>> = BTreeMap::new();
    for clue in evidence.clues.iter().filter(|clue| clue.likelihood > 0.0) {
        by_service.entry(clue.service).or_default().push(*clue);
    }
    let raw: BTreeMap<u32, f64> = by_service
        .iter()
        .map(|(service, clues)| (*service, noisy_or(clues, |clue| clue.channel.is_inherited())))
        .collect();
    let slow: BTreeMap<u32, f64> = by_service
        .iter()
        .map(|(service, clues)| (*service, noisy_or(clues, |clue| !clue.channel.is_inherited())))
        .collect();
    let reached = symptom.map(|service| calls.below(service));
    let mut ranked: Vec<Ranked> = (0..services.len() as u32)
        .map(|service| {
            let clues = by_service.get(&service).map_or(&[][..], Vec::as_slice);
            let below = calls.below(service);
            let explainer = below
                .iter()
                .map(|callee| {
                    let behaviour = raw.get(callee).copied().unwrap_or(0.0);
                    let resources = slow.get(callee).copied().unwrap_or(0.0);
                    (behaviour.max(0.7 * resources), *callee)
                })
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            let left = 1.0 - INHERITANCE * explainer.map_or(0.0, |(trouble, _)| trouble);
            let local = noisy_or(clues, |clue| !clue.channel.is_inherited());
            let inherited = noisy_or(clues, |clue| clue.channel.is_inherited()) * left;
            let mut score = 1.0 - (1.0 - local) * (1.0 - inherited);
            if let (Some(symptom), Some(reached)) = (symptom, &reached)
                && service != symptom
                && !reached.contains(&service)
                && !reached.is_empty()
            {
                score *= UNREACHED;
            }
            let reasons = strongest(clues, 12);
            let mut against = explainer
                .filter(|(trouble, _)| *trouble > 0.2)
                .map(|(_, callee)| {
                    strongest(by_service.get(&callee).map_or(&[][..], Vec::as_slice), 3)
                })
                .unwrap_or_default();
            // A finding between two services speaks for both; it is not held against either.
            against.retain(|finding| !reasons.contains(finding));
            Ranked { service, score, reasons, against }
        })
        .collect();
    ranked.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| services.name(a.service).cmp(services.name(b.service)))
    });
    ranked
}

/// Combines clues as independent between channels; within a channel the best counts, others add a little.
fn noisy_or(clues: &[Clue], keep: impl Fn(&Clue) -> bool) -> f64 {
    let mut best: BTreeMap<Channel, Vec<f64>> = BTreeMap::new();
    for clue in clues.iter().filter(|clue| keep(clue)) {
        best.entry(clue.channel).or_default().push(clue.likelihood);
    }
    let mut quiet = 1.0;
    for likelihoods in best.values_mut() {
        likelihoods.sort_by(|a, b| b.total_cmp(a));
        let first = likelihoods.first().copied().unwrap_or(0.0);
        let second = likelihoods.get(1).copied().unwrap_or(0.0);
        quiet *= (1.0 - first) * (1.0 - SECOND_BEST * second);
    }
    1.0 - quiet
}

fn strongest(clues: &[Clue], count_max: usize) -> Vec<usize> {
    let mut clues = clues.to_vec();
    clues.sort_by(|a, b| b.likelihood.total_cmp(&a.likelihood).then(a.finding.cmp(&b.finding)));
    let mut findings: Vec<usize> = Vec::new();
    for clue in clues {
        if !findings.contains(&clue.finding) && findings.len() < count_max {
            findings.push(clue.finding);
        }
    }
    findings
}
