//! Says what differs between two outcomes, shortly enough to be read.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Outcome;
use crate::investigate::answer::{Answer, Claim, Confidence, Hypothesis, ToldBy, Verdict};

/// Scores that are nearer than this are the same.
const SCORE_SLACK: f64 = 0.005;

/// What an answer comes down to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Conclusion {
    /// What it came to.
    pub verdict: Verdict,
    /// The leading suspect, where there is a likely cause.
    pub subject: Option<String>,
    /// Its kind of fault.
    pub fault_kind: Option<String>,
}

impl Conclusion {
    /// The conclusion of an answer.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let likely = answer.verdict == Verdict::LikelyCause;
        let leading = answer.hypotheses.first().filter(|_| likely);
        Self {
            verdict: answer.verdict,
            subject: leading.map(|leading| leading.subject.clone()),
            fault_kind: leading.map(|leading| leading.fault_kind.clone()),
        }
    }

    /// `likely cause: checkout (config)`.
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.subject, &self.fault_kind) {
            (Some(subject), Some(kind)) => format!("{}: {subject} ({kind})", verdict(self.verdict)),
            _ => verdict(self.verdict).to_owned(),
        }
    }
}

/// One thing that differs. Untrusted text may be in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// What: `verdict`, `confidence`, `headline`, `suspects`, `claim`, `struck`, `evidence`, `told by`.
    pub what: &'static str,
    /// What it was; `None` for something new.
    pub then: Option<String>,
    /// What it is; `None` for something that is gone.
    pub now: Option<String>,
}

/// Two outcomes side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Comparison {
    /// What it came to.
    pub then: Conclusion,
    /// What it comes to.
    pub now: Conclusion,
    /// Everything that differs.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether leading suspect, verdict and kind of fault are the same.
    #[must_use]
    pub fn is_same_conclusion(&self) -> bool {
        self.then == self.now
    }
}

/// Compares what an investigation came to with what it comes to now.
#[must_use]
pub fn compare(then: &Outcome, now: &Outcome) -> Comparison {
    let (before, after) = (&then.answer, &now.answer);
    let mut differences = Vec::new();
    let mut pair = |what, then: String, now: String| {
        if then != now {
            differences.push(Difference { what, then: Some(then), now: Some(now) });
        }
    };
    pair("verdict", verdict(before.verdict).to_owned(), verdict(after.verdict).to_owned());
    let confidence =
        |answer: &Answer| answer.confidence.map_or("none", Confidence::name).to_owned();
    pair("confidence", confidence(before), confidence(after));
    pair("headline", before.headline.clone(), after.headline.clone());
    if !are_same(&before.hypotheses, &after.hypotheses) {
        pair("suspects", suspects(&before.hypotheses), suspects(&after.hypotheses));
    }
    let told_by = |answer: &Answer| match answer.told_by {
        ToldBy::Plain => "code alone".to_owned(),
        ToldBy::Model => "a model".to_owned(),
    };
    pair("told by", told_by(before), told_by(after));
    let hashes = |answer: &Answer| -> BTreeSet<String> {
        answer.evidence.iter().map(|item| item.hash.clone()).collect()
    };
    let (known, found) = (hashes(before), hashes(after));
    let own = |all: &BTreeSet<String>, others: &BTreeSet<String>| {
        format!("{} of {} items are only here", all.difference(others).count(), all.len())
    };
    if known != found {
        pair("evidence", format!("{} then", own(&known, &found)), own(&found, &known));
    }
    let texts = |claims: &[Claim]| claims.iter().map(|claim| claim.text.clone()).collect();
    one_by_one("claim", texts(&before.claims), texts(&after.claims), &mut differences);
    let cut = |outcome: &Outcome| {
        let struck = outcome.record.struck.iter();
        struck.map(|struck| format!("{} ({})", struck.text, struck.why)).collect()
    };
    one_by_one("struck", cut(then), cut(now), &mut differences);
    Comparison { then: Conclusion::of(before), now: Conclusion::of(after), differences }
}

/// Texts that only one of the two has.
fn one_by_one(
    what: &'static str,
    then: Vec<String>,
    now: Vec<String>,
    differences: &mut Vec<Difference>,
) {
    let gone = then.iter().filter(|text| !now.contains(text));
    let gone = gone.map(|text| Difference { what, then: Some(text.clone()), now: None });
    let new = now.iter().filter(|text| !then.contains(text));
    let new = new.map(|text| Difference { what, then: None, now: Some(text.clone()) });
    differences.extend(gone.chain(new));
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::LikelyCause => "likely cause",
        Verdict::Lookup => "facts",
        Verdict::NotEnoughEvidence => "not enough evidence",
    }
}

fn are_same(before: &[Hypothesis], after: &[Hypothesis]) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|(before, after)| {
            (&before.subject, &before.fault_kind, before.status)
                == (&after.subject, &after.fault_kind, after.status)
                && (before.score - after.score).abs() < SCORE_SLACK
        })
}

fn suspects(hypotheses: &[Hypothesis]) -> String {
    let each = hypotheses.iter().map(|one| {
        format!("{} ({}) {:.2} {:?}", one.subject, one.fault_kind, one.score, one.status)
    });
    each.collect::<Vec<_>>().join(", ").to_lowercase()
}
