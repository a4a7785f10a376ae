//! Nodes that several services suffer on.

use std::collections::BTreeMap;

use super::meaning::is_node;
use super::resources::used_share;
use super::series::Movement;
use super::stats::saturate;
use crate::{FaultKind, Finding, FindingKind, ServiceGraph, Subject, Suspect};

/// Noise units from which on a node's own metric counts.
const SCORE_MIN: f64 = 4.0;
/// The share in use from which on a node is full.
const FULL_MIN: f64 = 0.95;
/// A service suffers from this score on.
const SUFFERS_MIN: f64 = 0.15;

/// Suspects for nodes whose own metrics moved and on which services suffer.
///
/// A node explains several services at once, so two suffering on it speak for it more than each for itself.
pub(super) fn suspects(
    movements: &[Movement<'_>],
    suspects: &[Suspect],
    graph: &ServiceGraph,
    findings: &mut Vec<Finding>,
) -> Vec<Suspect> {
    let mut moved: BTreeMap<&str, &Movement<'_>> = BTreeMap::new();
    for movement in movements {
        let bad = f64::from(movement.meaning.bad_direction());
        let Some(node) = movement.row.resource.node() else { continue };
        if is_node(&movement.row.series.name) && bad * movement.score >= SCORE_MIN {
            let known = moved.entry(node).or_insert(movement);
            if movement.score.abs() > known.score.abs() {
                *known = movement;
            }
        }
    }
    let mut found = Vec::new();
    for (node, movement) in moved {
        let on_node: Vec<&Suspect> = suspects
            .iter()
            .filter(|suspect| {
                let service = graph.service(suspect.subject.service());
                service.is_some_and(|service| service.nodes.iter().any(|name| name == node))
            })
            .collect();
        let suffering: Vec<&&Suspect> =
            on_node.iter().filter(|suspect| suspect.score >= SUFFERS_MIN).collect();
        if suffering.is_empty() {
            continue;
        }
        let reason = findings.len();
        findings.push(Finding {
            kind: FindingKind::MetricShift {
                metric: movement.row.series.name.clone(),
                unit: movement.row.series.unit.clone(),
                before: movement.before,
                after: movement.after,
                node: Some(node.to_owned()),
            },
            service: String::new(),
            pod: None,
            since: movement.since,
            strength: movement.score.abs(),
        });
        let cap = if suffering.len() >= 2 { 0.95 } else { 0.4 };
        let quiet = suffering.len() as f64 / on_node.len().max(1) as f64;
        // The series that moved most need not be the one that tells how much is left.
        let used = movements
            .iter()
            .filter(|other| other.row.resource.node() == Some(node))
            .filter(|other| is_node(&other.row.series.name) && other.meaning == movement.meaning)
            .filter_map(used_share)
            .reduce(f64::max);
        // Busier is no trouble while there is room.
        let scarce = used.map_or(1.0, |used| saturate(used, 0.5, 0.1));
        let alone = cap * saturate(movement.score.abs(), 2.0, 3.0) * quiet.sqrt() * scarce;
        // A full node explains all that suffer on it together.
        let explained = 1.0 - suffering.iter().map(|one| 1.0 - one.score).product::<f64>();
        let is_full = suffering.len() >= 2 && used.is_some_and(|used| used >= FULL_MIN);
        let score = if is_full { alone.max(0.97 * explained) } else { alone };
        let mut reasons = vec![reason];
        reasons.extend(suffering.iter().filter_map(|suspect| suspect.reasons.first().copied()));
        found.push(Suspect {
            subject: Subject::Node(node.to_owned()),
            fault_kind: super::kind::of_meaning(movement.meaning).unwrap_or(FaultKind::Unknown),
            score,
            reasons,
            against: Vec::new(),
            onset: movement.since,
        });
    }
    found
}
