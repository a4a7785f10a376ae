//! Signs as weighted terms from exact to general, and how rare each is among the incidents that are remembered.
//!
//! One sign gives several terms: this line on this service, this line on a service in this role, this line anywhere, the
//! words of the line. The same trouble elsewhere shares the general ones only, so it is alike in part.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fingerprint, Role, Sign, SignKind};

/// How much of a sign's weight each of its forms has.
const EXACT: f64 = 1.0;
const SAME_ROLE: f64 = 0.4;
const ANYWHERE: f64 = 0.4;
const CLASS_HERE: f64 = 0.3;
const CLASS_IN_ROLE: f64 = 0.3;
const SERVICE: f64 = 0.15;
/// What all words of a line have together.
const WORDS: f64 = 0.8;
/// Shortest word that counts.
const WORD_CHARS_MIN: usize = 3;

/// Terms and their weights.
pub(super) type Terms = BTreeMap<String, f64>;

/// The name under which signs of a kind are compared: a line that spikes is like one that is new.
const fn family(kind: SignKind) -> &'static str {
    match kind {
        SignKind::LineNew | SignKind::LineMore => "line",
        SignKind::LineGone => "gone",
        SignKind::ServiceFails => "fails",
        SignKind::ServiceSlow => "slow",
        SignKind::EdgeFails => "edge-fails",
        SignKind::EdgeSlow => "edge-slow",
        SignKind::Retries => "retries",
        SignKind::Saturated => "saturated",
        SignKind::CallsMore => "calls-more",
        SignKind::CallsFewer => "calls-fewer",
        SignKind::LoadMore => "load-more",
        SignKind::LoadLess => "load-less",
        SignKind::MetricUp => "up",
        SignKind::MetricDown => "down",
        SignKind::MetricNamed => "metric",
        SignKind::Cohort => "cohort",
        SignKind::ObjectState | SignKind::ClusterWarning => "cluster",
        SignKind::Change => "change",
        SignKind::Alert => "alert",
        SignKind::Fault => "fault",
        SignKind::ServiceNamed => "service",
    }
}

/// The terms of a fingerprint. A term that several signs give counts once, at its heaviest.
pub(super) fn terms(print: &Fingerprint) -> Terms {
    let mut terms = Terms::new();
    let mut add = |key: String, weight: f64| {
        let known = terms.entry(key).or_insert(0.0);
        *known = known.max(weight);
    };
    for sign in &print.signs {
        let (family, weight) = (family(sign.kind), sign.weight);
        let Sign { detail, class, service, role, .. } = sign;
        let in_role = role.name();
        if sign.kind != SignKind::ServiceNamed {
            if !service.is_empty() {
                add(format!("{family}|{detail}|at {service}"), EXACT * weight);
            }
            if *role != Role::Unknown {
                add(format!("{family}|{detail}|as {in_role}"), SAME_ROLE * weight);
            }
            if !detail.is_empty() {
                add(format!("{family}|{detail}"), ANYWHERE * weight);
            }
        }
        if !class.is_empty() {
            add(format!("{family}||{class}|at {service}"), CLASS_HERE * weight);
            add(format!("{family}||{class}|as {in_role}"), CLASS_IN_ROLE * weight);
        }
        if matches!(sign.kind, SignKind::MetricUp | SignKind::MetricDown) {
            // A report names metrics and seldom says which way they went.
            add(format!("metric|{detail}"), ANYWHERE * weight);
        }
        if !service.is_empty() {
            add(format!("service {service}"), SERVICE * weight);
        }
        let words = words(&sign.text);
        let each = WORDS * weight / words.len().max(1) as f64;
        let prefix = if sign.kind == SignKind::LineGone { "gone word" } else { "word" };
        words.into_iter().for_each(|word| add(format!("{prefix} {word}"), each));
    }
    terms
}

/// The distinct words of a line in lower case; variable parts and single letters are none.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= WORD_CHARS_MIN)
        .filter(|word| !word.chars().all(|c| c.is_ascii_digit()))
        .map(str::to_lowercase)
        .collect()
}

/// How often each term occurs among the incidents that are remembered: what is rare there says more.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rarity {
    incidents: usize,
    counts: BTreeMap<String, usize>,
}

impl Rarity {
    /// Counts the terms of all remembered incidents.
    pub fn of<'a>(prints: impl IntoIterator<Item = &'a Fingerprint>) -> Self {
        let mut rarity = Self::default();
        for print in prints {
            rarity.incidents += 1;
            for term in terms(print).into_keys() {
                *rarity.counts.entry(term).or_insert(0) += 1;
            }
        }
        rarity
    }

    /// Smoothed inverse document frequency, 1 for what all incidents share. A term that no incident has is as rare as
    /// one that a single incident has: with little memory everything is new.
    pub(super) fn weight(&self, term: &str) -> f64 {
        let having = self.counts.get(term).copied().unwrap_or(1).max(1);
        let all = self.incidents.max(having);
        ((1.0 + all as f64) / (1.0 + having as f64)).ln() + 1.0
    }
}
