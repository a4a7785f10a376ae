//! The plain narrator: tells what the engine found, in short sentences, without a model.

use groundcrew_analysis::{FaultKind, FindingKind, Subject, Suspect, Verdict as ChangeOutcome};
use groundcrew_telemetry::Severity;

use super::super::answer::{
    Confidence, Hypothesis, HypothesisStatus, Impact, ToldBy, Usage, Verdict,
};
use super::super::assertion::Assertion;
use super::super::draft::{Draft, Sentence};
use super::super::evidence::{Candidate, EvidenceKind, Gap, shorten};
use super::super::material::{Deciding, Diagnosis, Passage, SCORE_NAMED_MIN, ToldFinding};
use super::super::question::{Intent, Plan};
use super::super::words::speaks_of_failure;
use super::{Bundle, facts, next, seen, standing};

/// From here on, with signals that agree, an answer may be called sure. Windows without a fault seldom come near it.
const SCORE_HIGH_MIN: f64 = 0.8;
/// A line that comes up to so many times as often, or as seldom, is no sign of a fault by itself.
const RATE_MOVES: f64 = 1.25;
/// Reasons told for the leading suspect.
pub(super) const REASONS_MAX: usize = 4;
/// Suspects shown.
const HYPOTHESES_MAX: usize = 4;

/// What the narrator tells from.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// What was asked.
    pub plan: &'a Plan,
    /// What the analysis found.
    pub diagnosis: &'a Diagnosis,
    /// Documents that may help.
    pub passages: &'a [Passage],
    /// What could not be seen.
    pub gaps: &'a [Gap],
    /// What the question asked for in so many words.
    pub looked: &'a [Candidate],
    /// What was looked up to tell the live suspects apart.
    pub deciding: Option<&'a Deciding>,
}

/// The items that must be in the bundle for the narrator to cite, most important first.
#[must_use]
pub fn choose(plan: &Plan, diagnosis: &Diagnosis) -> Vec<Candidate> {
    let mut chosen: Vec<Candidate> = Vec::new();
    chosen.extend(plan.asked_about.iter().flat_map(|name| standing::items(name, diagnosis)));
    let before = chosen.len();
    for suspect in named_suspects(diagnosis) {
        let positions =
            suspect.reasons.iter().take(REASONS_MAX + 2).chain(suspect.against.iter().take(2));
        chosen.extend(
            positions
                .filter_map(|position| diagnosis.findings.get(*position))
                .map(|told| told.item.clone()),
        );
        let leading = chosen.len() - before <= REASONS_MAX + 4;
        if leading {
            chosen.extend(likely_change(diagnosis).map(|told| told.item.clone()));
        }
    }
    chosen.extend(course(diagnosis).map(|told| told.item.clone()));
    chosen.extend(seen::items(diagnosis));
    chosen.extend(diagnosis.owner.iter().map(|owner| owner.item.clone()));
    chosen.extend(diagnosis.changes.iter().take(3).map(|told| told.item.clone()));
    chosen
}

pub(super) fn named_suspects(diagnosis: &Diagnosis) -> impl Iterator<Item = &Suspect> {
    diagnosis
        .analysis
        .suspects
        .iter()
        .filter(|suspect| !suspect.reasons.is_empty())
        .take(HYPOTHESES_MAX)
}

/// How the trouble goes on, where that is known.
fn course(diagnosis: &Diagnosis) -> Option<&ToldFinding> {
    diagnosis.findings.get(diagnosis.analysis.course?)
}

/// The change that the tests make likely, if one is.
fn likely_change(diagnosis: &Diagnosis) -> Option<&ToldFinding> {
    let best = diagnosis.analysis.changes.first()?;
    diagnosis
        .changes
        .first()
        .filter(|_| best.change.is_some() && best.verdict == ChangeOutcome::Likely)
}

/// Tells what was found.
#[must_use]
pub fn narrate(material: Material<'_>, bundle: &Bundle) -> Draft {
    let Material { plan, diagnosis, .. } = material;
    let leading = named_suspects(diagnosis)
        .next()
        .filter(|suspect| suspect.score >= SCORE_NAMED_MIN && !is_negligible(suspect, diagnosis))
        .filter(|suspect| is_about(suspect, plan, diagnosis));
    let mut draft = Draft {
        verdict: Verdict::NotEnoughEvidence,
        confidence: None,
        headline: Sentence::default(),
        claims: Vec::new(),
        hypotheses: hypotheses(diagnosis, bundle),
        ruled_out: ruled_out(diagnosis, bundle),
        next: next::steps(material, bundle),
        seen_before: seen::before(diagnosis, bundle),
        unknowns: next::unknowns(plan, material.gaps),
        impact: impact(diagnosis),
        told_by: ToldBy::Plain,
        usage: Usage::default(),
        notice: None,
    };
    if let Some(name) = &plan.asked_about {
        standing::tell(&mut draft, name, diagnosis, bundle);
        return draft;
    }
    match (plan.intent, leading) {
        (Intent::Cause, Some(suspect)) => tell_cause(&mut draft, suspect, material, bundle),
        (Intent::Lookup, _) => facts::tell(&mut draft, material, bundle),
        (Intent::Cause, None) => facts::tell_what_stands_out(&mut draft, plan.window, bundle),
    }
    draft
}

fn cited_reasons<'a>(
    suspect: &Suspect,
    diagnosis: &'a Diagnosis,
    bundle: &'a Bundle,
) -> Vec<(&'a ToldFinding, &'a str)> {
    suspect
        .reasons
        .iter()
        .filter_map(|position| diagnosis.findings.get(*position))
        .filter_map(|told| Some((told, bundle.id_of(&told.item.key)?)))
        .collect()
}

/// A finding as a sentence that cites its item and asserts what it says of it.
pub(super) fn claim(told: &ToldFinding, id: &str) -> Sentence {
    let says = told.says.iter();
    Sentence::new(format!("{}.", capitalised(&told.sentence)), vec![id.to_owned()])
        .asserting(says.map(|(figure, is)| Assertion::new(id, *figure, is.clone())).collect())
}

fn tell_cause(draft: &mut Draft, suspect: &Suspect, material: Material<'_>, bundle: &Bundle) {
    let Material { plan, diagnosis, .. } = material;
    let reasons = cited_reasons(suspect, diagnosis, bundle);
    let Some((first_reason, _)) = reasons.first() else {
        facts::tell_what_stands_out(draft, plan.window, bundle);
        return;
    };
    let change = likely_change(diagnosis).and_then(|told| {
        Some((told, bundle.id_of(&told.item.key)?, diagnosis.analysis.changes.first()?))
    });
    let cites: Vec<String> = reasons.iter().take(2).map(|(_, id)| (*id).to_owned()).collect();
    let since =
        suspect.onset.map(|onset| format!(" since {}", onset.clock_time())).unwrap_or_default();
    draft.verdict = Verdict::LikelyCause;
    draft.confidence = Some(confidence(suspect, diagnosis, bundle));
    draft.headline = match change {
        Some((_, id, verdict)) => Sentence::new(
            format!(
                "{}{since}: triggered by {}",
                subject_words(suspect),
                shorten(verdict.title.trim(), 120)
            ),
            [vec![id.to_owned()], cites].concat(),
        ),
        None => Sentence::new(
            format!("{}{since}: {}", subject_words(suspect), unquoted(first_reason)),
            cites,
        ),
    };
    draft.claims = reasons.iter().take(REASONS_MAX).map(|(told, id)| claim(told, id)).collect();
    draft.claims.extend(change.map(|(told, id, _)| claim(told, id)));
    if let Some(told) = course(diagnosis)
        && let Some(id) = bundle.id_of(&told.item.key)
    {
        draft.claims.push(claim(told, id));
    }
    draft.claims.extend(seen::influence(suspect, diagnosis, bundle));
}

/// The suspect in the words of a headline.
fn subject_words(suspect: &Suspect) -> String {
    let what = match suspect.fault_kind {
        FaultKind::Unknown => String::new(),
        kind => format!(" ({})", kind.name()),
    };
    match &suspect.subject {
        Subject::Service(name) | Subject::Change { service: name, .. } => {
            format!("{name}{what}")
        }
        Subject::Pod { service, pod } => format!("{service}, only pod {pod}{what}"),
        Subject::Node(node) => format!("node {node}{what}"),
        Subject::Edge { caller, callee } => {
            format!("the way from {caller} to {callee}{what}")
        }
        Subject::Dependency(name) => format!("the dependency {name}{what}"),
    }
}

fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Service(name) | Subject::Node(name) | Subject::Dependency(name) => name.clone(),
        Subject::Pod { pod, .. } => pod.clone(),
        Subject::Edge { caller, callee } => format!("{caller} → {callee}"),
        Subject::Change { id, .. } => id.clone(),
    }
}

/// The finding without what it quotes of log lines: those who can make a service write a line must not thereby write our
/// headlines. The quotation stands in the claim below, as one.
fn unquoted(told: &ToldFinding) -> String {
    if told.item.kind != EvidenceKind::LogTemplate {
        return told.sentence.clone();
    }
    match told.sentence.split_once('“') {
        Some((before, rest)) => match (before.strip_suffix(": "), rest.rsplit_once('”')) {
            (Some(before), _) => before.to_owned(),
            (None, Some((_, after))) => format!("{before}a line{after}"),
            (None, None) => before.to_owned(),
        },
        None => told.sentence.clone(),
    }
}

/// Capped by rule: how many independent signals agree, and whether a second suspect is close.
fn confidence(suspect: &Suspect, diagnosis: &Diagnosis, bundle: &Bundle) -> Confidence {
    let mut signals: Vec<&str> = suspect
        .reasons
        .iter()
        .filter_map(|position| diagnosis.findings.get(*position))
        .filter(|told| bundle.id_of(&told.item.key).is_some())
        .map(|told| told.item.kind.signal())
        .collect();
    signals.sort_unstable();
    signals.dedup();
    let second = named_suspects(diagnosis).nth(1).map_or(0.0, |second| second.score);
    let clear = suspect.score >= 1.5 * second;
    if signals == ["logs"] {
        // Anybody who can make a service write a line could have made this.
        return Confidence::Low;
    }
    match signals.len() {
        0 => Confidence::Low,
        1 if suspect.score >= 0.6 && clear => Confidence::Medium,
        1 => Confidence::Low,
        _ if suspect.score >= SCORE_HIGH_MIN && clear => Confidence::High,
        _ if suspect.score >= 0.45 => Confidence::Medium,
        _ => Confidence::Low,
    }
}

/// Whether all that speaks for it is that some lines come a little more or less often, or ordinary ones much more often:
/// that happens without any fault.
fn is_negligible(suspect: &Suspect, diagnosis: &Diagnosis) -> bool {
    let mut findings =
        suspect.reasons.iter().filter_map(|position| diagnosis.analysis.findings.get(*position));
    findings.all(|finding| match &finding.kind {
        FindingKind::TemplateSpiking { severity, exemplar, .. }
            if *severity < Severity::WARN && !speaks_of_failure(exemplar) =>
        {
            true
        }
        FindingKind::TemplateSpiking { before_per_min, after_per_min, .. }
        | FindingKind::TemplateGone { before_per_min, after_per_min, .. } => {
            (after_per_min / before_per_min.max(f64::MIN_POSITIVE)).ln().abs() < RATE_MOVES.ln()
        }
        FindingKind::PathLeft { missed, due, .. } => {
            (*missed as f64) < (1.0 - 1.0 / RATE_MOVES) * *due as f64
        }
        _ => false,
    })
}

/// Whether the suspect has to do with what was asked. An object of the cluster that is not well explains itself; that it
/// explains another one needs a way between them.
fn is_about(suspect: &Suspect, plan: &Plan, diagnosis: &Diagnosis) -> bool {
    let name = suspect.subject.service();
    let mut told = suspect.reasons.iter().filter_map(|position| diagnosis.findings.get(*position));
    let only_cluster = told.all(|told| told.item.kind.signal() == "cluster");
    if !only_cluster || plan.services.is_empty() || matches!(suspect.subject, Subject::Node(_)) {
        return true;
    }
    let graph = &diagnosis.analysis.graph;
    let mut near: Vec<&str> = plan.services.iter().map(String::as_str).collect();
    let mut position = 0;
    while let Some(service) = near.get(position).copied() {
        if service == name {
            return true;
        }
        for next in graph.callees(service) {
            if !near.contains(&next) {
                near.push(next);
            }
        }
        position += 1;
    }
    false
}

/// Whether nothing but log lines speaks for it. Those can be written by whoever sends a request, so it is never more than
/// possible.
fn only_lines(suspect: &Suspect, diagnosis: &Diagnosis) -> bool {
    suspect
        .reasons
        .iter()
        .filter_map(|position| diagnosis.findings.get(*position))
        .all(|told| told.item.kind.signal() == "logs")
}

fn hypotheses(diagnosis: &Diagnosis, bundle: &Bundle) -> Vec<Hypothesis> {
    let ids = |positions: &[usize]| -> Vec<String> {
        positions
            .iter()
            .filter_map(|position| diagnosis.findings.get(*position))
            .filter_map(|told| bundle.id_of(&told.item.key).map(str::to_owned))
            .collect()
    };
    named_suspects(diagnosis)
        .enumerate()
        .map(|(number, suspect)| {
            let status = match number {
                0 if suspect.score >= SCORE_NAMED_MIN && !only_lines(suspect, diagnosis) => {
                    HypothesisStatus::Supported
                }
                _ if suspect.score < 0.15 && !suspect.against.is_empty() => {
                    HypothesisStatus::Refuted
                }
                _ => HypothesisStatus::Possible,
            };
            let deciding = if status == HypothesisStatus::Refuted {
                &suspect.against
            } else {
                &suspect.reasons
            };
            let why = deciding.first().and_then(|position| diagnosis.findings.get(*position));
            Hypothesis {
                id: format!("h{}", number + 1),
                title: format!(
                    "{} ({})",
                    subject_name(&suspect.subject),
                    suspect.fault_kind.name()
                ),
                subject: subject_name(&suspect.subject),
                fault_kind: suspect.fault_kind.name().to_owned(),
                status,
                score: suspect.score,
                supporting: ids(&suspect.reasons),
                against: ids(&suspect.against),
                why: why.map(unquoted).unwrap_or_default(),
            }
        })
        .collect()
}

/// Changes that were tested and do not explain it: the reflex "the last deploy did it", answered.
fn ruled_out(diagnosis: &Diagnosis, bundle: &Bundle) -> Vec<Sentence> {
    diagnosis
        .analysis
        .changes
        .iter()
        .zip(&diagnosis.changes)
        .filter(|(verdict, _)| {
            verdict.change.is_some()
                && matches!(verdict.verdict, ChangeOutcome::Unlikely | ChangeOutcome::RuledOut)
        })
        .filter_map(|(verdict, told)| {
            let id = bundle.id_of(&told.item.key)?;
            let against = verdict
                .tests
                .iter()
                .filter(|test| test.weight < 0.0)
                .min_by(|a, b| a.weight.total_cmp(&b.weight));
            let why = against.map(|test| format!(": {}", test.text)).unwrap_or_default();
            Some(Sentence::new(
                format!("{}{why}.", capitalised(&told.sentence)),
                vec![id.to_owned()],
            ))
        })
        .take(3)
        .collect()
}

fn impact(diagnosis: &Diagnosis) -> Impact {
    let mut hit: Vec<(&str, f64)> = Vec::new();
    for finding in &diagnosis.analysis.findings {
        let felt = matches!(
            finding.kind,
            FindingKind::ServiceErrors { .. }
                | FindingKind::ServiceLatency { .. }
                | FindingKind::ObjectUnhealthy { .. }
        );
        if !felt || finding.service.is_empty() {
            continue;
        }
        match hit.iter_mut().find(|(service, _)| *service == finding.service) {
            Some((_, strength)) => *strength = strength.max(finding.strength),
            None => hit.push((&finding.service, finding.strength)),
        }
    }
    hit.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    Impact {
        since: diagnosis.analysis.onset,
        services: hit.into_iter().take(6).map(|(service, _)| service.to_owned()).collect(),
    }
}

fn capitalised(sentence: &str) -> String {
    // A sentence that begins with a name keeps the name's spelling.
    let first_word_is_plain = sentence.split(' ').next().is_some_and(|word| {
        matches!(
            word,
            "the"
                | "that"
                | "it"
                | "of"
                | "requests"
                | "change"
                | "deploy"
                | "commit"
                | "flag"
                | "config"
                | "scaling"
        )
    });
    if !first_word_is_plain {
        return sentence.to_owned();
    }
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
