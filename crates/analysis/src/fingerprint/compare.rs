//! How alike two fingerprints are, and what is the same and what differs.

use super::terms::{Rarity, terms, words};
use super::{Fingerprint, Role, Sign, SignKind};

/// What weighs in only one of two fingerprints counts this much against what they share: half each, as Dice does.
const ONLY_IN_ONE: f64 = 0.5;
/// A report leaves most of what telemetry shows untold; that says little against it.
const UNTOLD: f64 = 0.04;
/// Shared part of the words from which on two lines are alike.
const WORDS_ALIKE_MIN: f64 = 0.5;

/// How near a sign of then is to one of now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Nearness {
    /// Similar words, or the same sort of thing on a service in the same role.
    Alike,
    /// The same, on another service.
    Elsewhere,
    /// The same on the same service.
    Same,
}

/// A sign of now that was there then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// Position among the signs of now.
    pub now: usize,
    /// Position among the signs of then.
    pub then: usize,
    /// How near they are.
    pub nearness: Nearness,
}

/// How alike two fingerprints are.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Likeness {
    /// 0 for nothing in common, 1 for the same.
    pub score: f64,
    /// What is there now and was then, the most telling first.
    pub matching: Vec<Match>,
    /// What was there then and is not now: positions among the signs of then, the most telling first.
    pub only_then: Vec<usize>,
    /// What is there now and was not then: positions among the signs of now, the most telling first.
    pub only_now: Vec<usize>,
}

/// Compares what is seen now with what was seen then.
///
/// The score is Tversky's ratio model (Features of similarity, 1977) over weighted terms: what both share against that
/// plus what only one has. Terms weigh by their rarity, as in retrieval.
#[must_use]
pub fn compare(now: &Fingerprint, then: &Fingerprint, rarity: &Rarity) -> Likeness {
    let (now_terms, then_terms) = (terms(now), terms(then));
    let (mut shared, mut all_now) = (0.0, 0.0);
    for (term, weight) in &now_terms {
        let rare = rarity.weight(term);
        all_now += weight * rare;
        shared += then_terms.get(term).map_or(0.0, |other| other.min(*weight)) * rare;
    }
    let all_then: f64 = then_terms.iter().map(|(term, weight)| weight * rarity.weight(term)).sum();
    let against_now = if then.told { UNTOLD } else { ONLY_IN_ONE };
    let against_then = if now.told { UNTOLD } else { ONLY_IN_ONE };
    let whole = shared + against_now * (all_now - shared) + against_then * (all_then - shared);
    let score = if whole > 0.0 { (shared / whole).clamp(0.0, 1.0) } else { 0.0 };
    let matching = matches(now, then);
    let only = |signs: &[Sign], taken: &dyn Fn(&Match) -> usize| -> Vec<usize> {
        (0..signs.len())
            .filter(|position| !matching.iter().any(|found| taken(found) == *position))
            .collect()
    };
    let only_now = only(&now.signs, &|found| found.now);
    // A sign of then may be what several signs of now are like, and then it is not gone.
    let only_then: Vec<usize> = only(&then.signs, &|found| found.then)
        .into_iter()
        .filter(|position| {
            let sign = then.signs.get(*position);
            !sign.is_some_and(|sign| now.signs.iter().any(|other| near(other, sign).is_some()))
        })
        .collect();
    Likeness { score, matching, only_then, only_now }
}

/// For each sign of now the nearest of then.
fn matches(now: &Fingerprint, then: &Fingerprint) -> Vec<Match> {
    now.signs
        .iter()
        .enumerate()
        .filter_map(|(position, sign)| {
            let nearest = then
                .signs
                .iter()
                .enumerate()
                .filter_map(|(other, before)| Some((near(sign, before)?, other)))
                .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)))?;
            Some(Match { now: position, then: nearest.1, nearness: nearest.0 })
        })
        .collect()
}

fn near(now: &Sign, then: &Sign) -> Option<Nearness> {
    use SignKind::{LineMore, LineNew, MetricDown, MetricNamed, MetricUp};
    let is_line = |kind| matches!(kind, LineNew | LineMore);
    let named_metric = |a, b| a == MetricNamed && matches!(b, MetricUp | MetricDown | MetricNamed);
    let same_kind = now.kind == then.kind
        || (is_line(now.kind) && is_line(then.kind))
        || named_metric(now.kind, then.kind)
        || named_metric(then.kind, now.kind);
    if !same_kind {
        return None;
    }
    let same_place = now.service == then.service;
    if now.detail == then.detail {
        // A report often does not say on which service it was.
        let unsaid = now.service.is_empty() || then.service.is_empty();
        let bare = now.detail.is_empty();
        return match (same_place || unsaid, bare) {
            (true, _) => Some(Nearness::Same),
            (false, false) => Some(Nearness::Elsewhere),
            (false, true) if now.role == then.role && now.role != Role::Unknown => {
                Some(Nearness::Alike)
            }
            (false, true) => None,
        };
    }
    let in_class = !now.class.is_empty()
        && now.class == then.class
        && (same_place || now.role == then.role && now.role != Role::Unknown);
    let alike = words_alike(&now.text, &then.text) >= WORDS_ALIKE_MIN || in_class;
    alike.then_some(Nearness::Alike)
}

/// The share of the shorter text's words that the other has too; 0 when it has fewer than three.
fn words_alike(a: &str, b: &str) -> f64 {
    let (a, b) = (words(a), words(b));
    let fewest = a.len().min(b.len());
    if fewest < 3 {
        return 0.0;
    }
    a.intersection(&b).count() as f64 / fewest as f64
}
