//! Resources of pods and nodes that left their baseline.

use std::collections::BTreeMap;

use super::evidence::{Channel, Evidence};
use super::meaning::{Meaning, is_node};
use super::names::Names;
use super::saturation::{self, Use, is_limit};
use super::series::Movement;
use super::shape::Curve;
use super::stats::saturate;

/// Noise units from which on a movement is a finding.
const SCORE_MIN: f64 = 3.0;

/// Noise units from which on a metric of unknown meaning is a finding.
const UNNAMED_SCORE_MIN: f64 = 10.0;

/// What is left of a resource that does not move when the trouble does.
const UNLIKE: f64 = 0.5;
/// Rank correlation from which on it does: what jumps when the trouble begins and is noisy otherwise reaches that.
const LIKE_MIN: f64 = 0.4;

/// Finds resources that moved in the bad direction, and says whom they speak for.
pub(super) fn find(
    movements: &[Movement<'_>],
    (load, curve): (&BTreeMap<u32, f64>, Option<&Curve>),
    services: &mut Names,
    evidence: &mut Evidence,
) {
    let uses = saturation::uses(movements);
    saturation::find(&uses, services, evidence);
    let mut moved: Vec<(&Movement<'_>, u32, f64)> = Vec::new();
    let heard = |movement: &&Movement<'_>| is_heard(movement) && !is_limit(movement, &uses);
    for movement in movements.iter().filter(heard) {
        let service = services.number(movement.row.resource.service());
        let score = unexplained(movement, load.get(&service).copied().unwrap_or(1.0));
        if score >= SCORE_MIN {
            moved.push((movement, service, score));
        }
    }
    let strongest = moved.iter().map(|(_, _, score)| *score).fold(SCORE_MIN, f64::max);
    for (movement, service, score) in moved {
        let node = is_node(&movement.row.series.name);
        let growth =
            (movement.after - movement.before).abs() / movement.before.abs().max(movement.noise);
        let share = (score / strongest).sqrt();
        let direction = movement.score.signum();
        let alike = curve.and_then(|curve| curve.likeness(movement)).map_or(1.0, |likeness| {
            UNLIKE + (1.0 - UNLIKE) * (direction * likeness / LIKE_MIN).clamp(0.0, 1.0)
        });
        let likelihood = alike
            * scarcity(movement, movements, &uses)
            * cap(movement.meaning, node)
            * saturate(score, 2.0, 5.0)
            * saturate(growth, 0.05, 0.4)
            * share;
        let on_node = movement.row.resource.node().filter(|_| node);
        let finding = movement.finding(services.name(service), on_node, score);
        evidence.add(finding, service, Channel::Resource, likelihood);
    }
}

/// Resources, and whatever else moved so far that a person would want to know.
fn is_heard(movement: &Movement<'_>) -> bool {
    movement.meaning.is_resource()
        || (movement.meaning == Meaning::Other && movement.score.abs() >= UNNAMED_SCORE_MIN)
}

/// The score in the bad direction, less what more traffic explains.
fn unexplained(movement: &Movement<'_>, load: f64) -> f64 {
    let bad = f64::from(movement.meaning.bad_direction());
    let scales = matches!(movement.meaning, Meaning::Cpu | Meaning::Network);
    if scales && load > 1.0 && movement.after > movement.before {
        return (movement.after - movement.before * load) / movement.noise;
    }
    if bad == 0.0 { movement.score.abs() } else { movement.score * bad }
}

/// A resource hurts where it is scarce: how much of it is used counts, where a series of the same resource tells, or one
/// of its limit.
fn scarcity(movement: &Movement<'_>, movements: &[Movement<'_>], uses: &[Use<'_, '_>]) -> f64 {
    const UNKNOWN: f64 = 0.7;
    if !matches!(movement.meaning, Meaning::Cpu | Meaning::Memory | Meaning::Disk) {
        return 1.0;
    }
    let used = movements
        .iter()
        .filter(|other| {
            other.meaning == movement.meaning && other.row.resource == movement.row.resource
        })
        .filter(|other| is_node(&other.row.series.name) == is_node(&movement.row.series.name))
        .filter_map(used_share);
    let of_limit = uses
        .iter()
        .filter(|one| {
            one.meaning() == movement.meaning && *one.resource() == *movement.row.resource
        })
        .filter(|one| one.is_node() == is_node(&movement.row.series.name))
        .map(|one| one.after);
    let used = used
        .chain(of_limit)
        .fold(None, |most: Option<f64>, share| Some(most.map_or(share, |most| most.max(share))));
    used.map_or(UNKNOWN, |share| 0.25 + 0.75 * saturate(share, 0.05, 0.15))
}

/// The share of a resource in use, for series that are such a share.
pub(super) fn used_share(movement: &Movement<'_>) -> Option<f64> {
    let series = &movement.row.series;
    let is_share = ["utilization", "utilisation", "ratio", "percent", "pct"]
        .iter()
        .any(|word| series.name.contains(word));
    match series.unit.as_str() {
        "%" => Some(movement.after / 100.0),
        "1" | "" if is_share && movement.after <= 1.5 => Some(movement.after),
        "1" | "" if is_share => Some(movement.after / 100.0),
        _ => None,
    }
}

/// How much each kind can say at most: what a fault moves by itself more than what traffic moves too.
fn cap(meaning: Meaning, node: bool) -> f64 {
    let of_pod = match meaning {
        Meaning::Restarts => 0.85,
        Meaning::Throttling => 0.8,
        Meaning::Cpu | Meaning::Memory | Meaning::Disk => 0.65,
        Meaning::Saturation => 0.5,
        Meaning::Network => 0.25,
        // What it means is not known, that it moved is.
        _ => 0.1,
    };
    // A node's neighbours share it.
    if node { 0.3 * of_pod } else { of_pod }
}
