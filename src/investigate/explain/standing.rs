//! `Why not the database?`, `what about payments?`: how one suspect stands, and why another is blamed instead.

use groundcrew_analysis::{Subject, Suspect};

use super::super::answer::Verdict;
use super::super::draft::{Draft, Sentence};
use super::super::evidence::Candidate;
use super::super::material::{Diagnosis, SCORE_NAMED_MIN, ToldFinding};
use super::Bundle;
use super::narrator::{claim, named_suspects};

/// Sentences for it, and against it.
const SENTENCES_MAX: usize = 3;

/// The suspect that is asked about: by its name, or by what sort of thing it is.
pub(super) fn asked_about<'a>(
    name: &str,
    diagnosis: &'a Diagnosis,
) -> Option<(usize, &'a Suspect)> {
    let suspects = || diagnosis.analysis.suspects.iter().enumerate();
    let is_named = |suspect: &Suspect| suspect.subject.service().eq_ignore_ascii_case(name);
    suspects().find(|(_, suspect)| is_named(suspect)).or_else(|| {
        let kinds = kinds(name);
        suspects().find(|(_, suspect)| {
            let subject = suspect.subject.service().to_lowercase();
            matches!(suspect.subject, Subject::Dependency(_) | Subject::Service(_))
                && kinds.iter().any(|kind| subject.contains(kind))
        })
    })
}

/// Parts of names by which things of a sort are known.
fn kinds(name: &str) -> &'static [&'static str] {
    match name {
        "database" | "db" => &["db", "sql", "postgres", "maria", "mongo", "oracle", "cockroach"],
        "cache" => &["cache", "redis", "memcache", "valkey"],
        "queue" | "broker" => &["queue", "kafka", "rabbit", "nats", "broker", "sqs"],
        _ => &[],
    }
}

/// What must be in the bundle for it.
pub(super) fn items(name: &str, diagnosis: &Diagnosis) -> Vec<Candidate> {
    let Some((_, suspect)) = asked_about(name, diagnosis) else { return Vec::new() };
    let positions = suspect
        .reasons
        .iter()
        .take(SENTENCES_MAX)
        .chain(suspect.against.iter().take(SENTENCES_MAX));
    positions
        .filter_map(|position| diagnosis.findings.get(*position))
        .map(|told| told.item.clone())
        .collect()
}

/// Tells how it stands.
pub(super) fn tell(draft: &mut Draft, name: &str, diagnosis: &Diagnosis, bundle: &Bundle) {
    let cited = |positions: &[usize]| -> Vec<(&ToldFinding, &str)> {
        positions
            .iter()
            .filter_map(|position| diagnosis.findings.get(*position))
            .filter_map(|told| Some((told, bundle.id_of(&told.item.key)?)))
            .take(SENTENCES_MAX)
            .collect()
    };
    let leading = named_suspects(diagnosis).next().filter(|first| first.score >= SCORE_NAMED_MIN);
    let asked = asked_about(name, diagnosis);
    let is_leading = asked.is_some_and(|(rank, _)| rank == 0) && leading.is_some();
    let (supporting, against) = match asked {
        Some((_, suspect)) => (cited(&suspect.reasons), cited(&suspect.against)),
        None => (Vec::new(), Vec::new()),
    };
    let called = asked.map_or(name, |(_, suspect)| suspect.subject.service());
    draft.verdict = Verdict::Lookup;
    draft.confidence = None;
    draft.headline.text = match (asked, supporting.is_empty()) {
        _ if is_leading => format!("{called} is the leading suspect"),
        (None, _) => format!("No telemetry names {called}, so nothing speaks for it or against it"),
        (Some(_), true) => format!("Nothing abnormal was found on {called} itself"),
        (Some((rank, _)), false) => {
            format!("{called} is suspect {} of those that show something", rank + 1)
        }
    };
    draft.claims = against.iter().chain(&supporting).map(|(told, id)| claim(told, id)).collect();
    let instead = leading.filter(|_| !is_leading);
    if let Some((told, id)) = instead.and_then(|first| cited(&first.reasons).into_iter().next()) {
        let more = claim(told, id);
        let text = format!("More speaks for another suspect: {}", told.sentence);
        draft.claims.push(Sentence::new(format!("{text}."), more.cites).asserting(more.asserts));
    }
    draft.headline.cites =
        draft.claims.iter().flat_map(|claim| claim.cites.iter().cloned()).take(2).collect();
}
