//! The tests that a change has to stand, and their weights.
//!
//! Weights are nats of odds. They are few and set by reason, not fitted: being impossible outweighs everything, naming
//! what fails outweighs being near it, and being recent weighs almost nothing.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_telemetry::{ChangeEvent, ChangeKind};

use super::diff::{Deed, read};
use super::effect::{Effect, How, effect};
use super::failing::Failing;
use super::words::stems;
use crate::{ChangeTest, ChangeVerdict, Observations, Verdict};

/// Odds of any one change before tests.
const PRIOR: f64 = -2.0;
/// Odds of no change before tests: about a third of incidents.
const PRIOR_NONE: f64 = -0.3;
/// Odds for each explanation outside of all changes.
const OUTSIDE: f64 = 2.0;
/// Seconds by which the onset's estimate may be late or early.
const ONSET_SLACK_SECS: f64 = 45.0;
/// Seconds by which it is never late or early.
const ONSET_ERROR_SECS: f64 = 150.0;

/// One change with its tests.
struct Hypothesis {
    position: usize,
    effect: Effect,
    tests: Vec<ChangeTest>,
    impossible: bool,
}

/// Tests every change, and "no change" among them; best first.
pub(crate) fn verdicts(
    observations: &Observations,
    failing: &Failing,
    known: &[&str],
) -> Vec<ChangeVerdict> {
    let changes = &observations.changes;
    if changes.is_empty() {
        return Vec::new();
    }
    let deeds: Vec<Deed> = changes.iter().map(|change| read(&change.diff)).collect();
    let rarity = Rarity::new(changes, &deeds);
    let mut hypotheses: Vec<Hypothesis> = Vec::new();
    for (position, (change, deed)) in changes.iter().zip(&deeds).enumerate() {
        let carries_known = change.commits.iter().any(|commit| {
            commit.len() >= 7 && changes.iter().any(|other| other.id.starts_with(commit.as_str()))
        });
        if change.kind == ChangeKind::Deploy && carries_known {
            // What a deploy does is what its commits do; those are tested with the deploy's time and place.
            continue;
        }
        let effect = effect(change, changes, known);
        let mut hypothesis = Hypothesis { position, effect, tests: Vec::new(), impossible: false };
        hypothesis.test_time(change, failing);
        hypothesis.test_place(failing);
        hypothesis.test_deed(change, deed, failing);
        hypothesis.test_words(change, deed, failing, &rarity);
        hypotheses.push(hypothesis);
    }
    weigh(hypotheses, observations, failing)
}

impl Hypothesis {
    fn add(&mut self, weight: f64, text: impl Into<String>) {
        self.tests.push(ChangeTest { text: text.into(), weight });
    }

    fn odds(&self) -> f64 {
        PRIOR + self.tests.iter().map(|test| test.weight).sum::<f64>()
    }

    /// It has to come before the onset; how long before says little.
    fn test_time(&mut self, change: &ChangeEvent, failing: &Failing) {
        let Some(onset) = failing.onset else { return };
        let before = onset.secs_since(self.effect.time);
        if before < -ONSET_ERROR_SECS {
            self.impossible = true;
            self.add(-8.0, format!("took effect {:.0} s after the onset", -before));
            return;
        }
        if before < -ONSET_SLACK_SECS {
            let text =
                format!("took effect {:.0} s after the onset, as far as that is known", -before);
            self.add(-1.5, text);
            return;
        }
        if self.effect.how == How::NotDeployed && change.kind == ChangeKind::Commit {
            self.add(-2.5, "no deploy carries it before the onset");
            return;
        }
        let how = match self.effect.how {
            How::Linked => -0.3,
            How::Carried => -0.1,
            _ => 0.0,
        };
        let age = match before {
            seconds if seconds <= 3_600.0 => 0.5,
            seconds if seconds <= 6.0 * 3_600.0 => -0.3,
            _ => -1.2,
        };
        self.add(age + how, format!("took effect {before:.0} s before the onset"));
    }

    /// The failing service itself, or another one.
    fn test_place(&mut self, failing: &Failing) {
        let Some(service) = self.effect.service.clone() else {
            self.add(0.0, "touches shared code");
            return;
        };
        let place = failing.services.iter().position(|failing| *failing == service);
        let weight = place.and_then(|place| failing.places.get(place)).copied().unwrap_or(0.0);
        match place {
            Some(0) => self.add(weight, format!("acts on {service}, which fails")),
            Some(_) if weight < 0.0 => {
                self.add(weight, format!("acts on {service}, where it is noticed"));
            }
            Some(_) => self.add(weight, format!("acts on {service}, which is suspected")),
            None => self.add(-0.7, format!("acts on {service}, which is not among the failing")),
        }
    }

    /// What it can do at all, and whether that is the sort of thing that fails.
    fn test_deed(&mut self, change: &ChangeEvent, deed: &Deed, failing: &Failing) {
        let scene = &failing.scene;
        if change.kind == ChangeKind::Commit && inert_files(&change.files) {
            self.add(-4.0, "touches nothing that runs");
            return;
        }
        if deed.known && deed.lines == 0 {
            self.add(-3.5, "only moves lines, comments or log statements");
            return;
        }
        if change.kind == ChangeKind::Commit && cosmetic_files(&change.files) {
            self.add(-2.5, "touches how things look");
        }
        if !deed.known && change.kind == ChangeKind::Commit {
            self.add(-1.0, "its diff is not known");
        }
        if deed.queries && scene.slow {
            self.add(1.5, "adds a query, and something is slower");
        }
        if scene.missing && deed.removed > 0 {
            self.add(0.8, "removes something, and something is missing");
        }
        if scene.exhausted && deed.numbers > 0 && deed.versions == 0 {
            self.add(0.8, "changes a number, and something runs out");
        }
        if scene.crashing && deed.versions > 0 {
            self.add(0.8, "changes a dependency's version, and processes die");
        }
        if change.kind == ChangeKind::Other {
            self.add(-1.0, "is a notice, not a change of ours");
        }
    }

    /// Whether it touches what the failing messages speak of.
    fn test_words(
        &mut self,
        change: &ChangeEvent,
        deed: &Deed,
        failing: &Failing,
        rarity: &Rarity,
    ) {
        let mut named: Vec<(f64, &str)> = Vec::new();
        for (name, balance) in &deed.identifiers {
            if let Some(weight) = failing.names.get(name)
                && *balance != 0
            {
                named.push((*weight, name));
            }
        }
        named.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        if let Some((weight, name)) = named.first() {
            self.add(1.3 * weight, format!("adds or removes `{name}`, which the errors name"));
        }
        let mut touched: BTreeMap<String, f64> = deed.stems.clone();
        let about = format!("{} {}", change.files.join(" "), change.title);
        stems(&about, |stem| {
            let known = touched.entry(stem.to_owned()).or_default();
            *known = known.max(0.45);
        });
        let mut shared: Vec<(f64, &str)> = touched
            .iter()
            .filter_map(|(stem, part)| {
                let weight = failing.stems.get(stem)? * part * rarity.of(stem);
                (weight > 0.05).then_some((weight, stem.as_str()))
            })
            .collect();
        shared.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let sum: f64 = shared.iter().take(8).map(|(weight, _)| weight).sum();
        if sum > 0.0 {
            let words: Vec<&str> = shared.iter().take(5).map(|(_, stem)| *stem).collect();
            self.add(
                1.6 * (1.0 + sum).ln(),
                format!("shares words with what fails: {}", words.join(", ")),
            );
        } else {
            self.add(-1.0, "shares no word with what fails");
        }
    }
}

/// How rare a stem is among the changes: what all of them touch tells none apart.
struct Rarity {
    counts: BTreeMap<String, f64>,
    changes: f64,
}

impl Rarity {
    fn new(changes: &[ChangeEvent], deeds: &[Deed]) -> Self {
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        for (change, deed) in changes.iter().zip(deeds) {
            let mut of_change: BTreeSet<String> = deed.stems.keys().cloned().collect();
            for text in std::iter::once(&change.title).chain(&change.files) {
                stems(text, |stem| {
                    of_change.insert(stem.to_owned());
                });
            }
            for stem in of_change {
                *counts.entry(stem).or_default() += 1.0;
            }
        }
        Self { counts, changes: changes.len() as f64 }
    }

    /// 1 for a stem of one change alone, falling towards 0.
    fn of(&self, stem: &str) -> f64 {
        let count = self.counts.get(stem).copied().unwrap_or(1.0);
        (((self.changes + 1.0) / count).ln() / (self.changes + 1.0).ln()).clamp(0.0, 1.0)
    }
}

/// Documents, tests, pipelines and owners' lists do not run.
fn inert_files(files: &[String]) -> bool {
    const ENDINGS: [&str; 5] = [".md", ".rst", ".adoc", "CODEOWNERS", "LICENSE"];
    const PARTS: [&str; 11] = [
        "_test.",
        ".test.",
        "_fuzz",
        "/test/",
        "/tests/",
        "testdata/",
        ".github/",
        ".circleci/",
        "docs/",
        "documentation/",
        ".golangci",
    ];
    !files.is_empty()
        && files.iter().all(|file| {
            ENDINGS.iter().any(|ending| file.ends_with(ending))
                || PARTS.iter().any(|part| format!("/{file}").contains(part))
        })
}

/// Style sheets, markup and pictures.
fn cosmetic_files(files: &[String]) -> bool {
    const ENDINGS: [&str; 8] =
        [".css", ".scss", ".html", ".svg", ".png", ".tsx", ".jsx", "theme.ts"];
    !files.is_empty()
        && files.iter().all(|file| ENDINGS.iter().any(|ending| file.ends_with(ending)))
}

/// Turns odds into shares, and shares into verdicts.
fn weigh(
    hypotheses: Vec<Hypothesis>,
    observations: &Observations,
    failing: &Failing,
) -> Vec<ChangeVerdict> {
    let outside = &failing.scene.outside;
    let none_odds = PRIOR_NONE + OUTSIDE * outside.len().min(2) as f64;
    let total: f64 =
        none_odds.exp() + hypotheses.iter().map(|hypothesis| hypothesis.odds().exp()).sum::<f64>();
    let share = |odds: f64| odds.exp() / total;
    let mut verdicts: Vec<ChangeVerdict> = hypotheses
        .into_iter()
        .filter_map(|hypothesis| {
            let change = observations.changes.get(hypothesis.position)?;
            let score = share(hypothesis.odds());
            let verdict = match score {
                _ if hypothesis.impossible => Verdict::RuledOut,
                score if score >= 0.5 && failing.is_trouble => Verdict::Likely,
                score if score >= 0.1 => Verdict::Possible,
                _ => Verdict::Unlikely,
            };
            Some(ChangeVerdict {
                change: Some(hypothesis.position),
                id: change.name().to_owned(),
                service: hypothesis.effect.service,
                title: change.title.clone(),
                verdict,
                score,
                tests: hypothesis.tests,
            })
        })
        .collect();
    let score = share(none_odds);
    let tests =
        outside.iter().map(|text| ChangeTest { text: text.clone(), weight: OUTSIDE }).collect();
    let verdict = if score >= 0.5 { Verdict::Likely } else { Verdict::Possible };
    let title = "no change explains it".to_owned();
    verdicts.push(ChangeVerdict {
        change: None,
        id: "none".to_owned(),
        service: None,
        title,
        verdict,
        score,
        tests,
    });
    verdicts.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.change.cmp(&b.change)));
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_do_nothing() {
        let files =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(inert_files(&files(&["docs/flags.md", "pkg/a_test.go"])));
        assert!(!inert_files(&files(&["docs/flags.md", "pkg/a.go"])));
        assert!(!inert_files(&[]));
        assert!(cosmetic_files(&files(&["web/a.css"])));
    }
}
