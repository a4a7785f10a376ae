//! The plain narrator: tells what the engine found, in short sentences, without a model.

use groundcrew_analysis::{FaultKind, FindingKind, Subject, Suspect, Verdict as ChangeOutcome};

use super::super::answer::{Hypothesis, HypothesisStatus, Impact, ToldBy, Usage, Verdict};
use super::super::assertion::Assertion;
use super::super::draft::{Draft, Sentence};
use super::super::evidence::{Candidate, EvidenceKind, Gap, shorten};
use super::super::material::{Deciding, Diagnosis, Passage, SCORE_NAMED_MIN, ToldFinding};
use super::super::question::{Intent, Plan};
use super::rest::Rest;
use super::sure::{confidence, is_about, is_negligible, is_thin, only_lines};
use super::{Bundle, facts, next, rest, seen, standing};

/// Reasons told for the leading suspect.
pub(super) const REASONS_MAX: usize = 4;
/// Services of which it is said that they are hit.
const IMPACT_SERVICES_MAX: usize = 6;
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
    let rest = leading(plan, diagnosis).and_then(|suspect| rest::of(suspect, diagnosis));
    chosen.extend(rest.map(|rest| rest.told.item));
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

/// The suspect that is named as the cause, where one is.
fn leading<'a>(plan: &Plan, diagnosis: &'a Diagnosis) -> Option<&'a Suspect> {
    named_suspects(diagnosis)
        .next()
        .filter(|suspect| suspect.score >= SCORE_NAMED_MIN && !is_negligible(suspect, diagnosis))
        .filter(|suspect| is_about(suspect, plan, diagnosis))
        .filter(|_| plan.intent == Intent::Cause && plan.asked_about.is_none())
}

/// How the trouble goes on, where that is known.
fn course(diagnosis: &Diagnosis) -> Option<&ToldFinding> {
    diagnosis.findings.get(diagnosis.analysis.course?)
}

/// The change that the tests make likely, if one is.
pub(super) fn likely_change(diagnosis: &Diagnosis) -> Option<&ToldFinding> {
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
    let leading = leading(plan, diagnosis);
    let rest = leading.and_then(|suspect| rest::of(suspect, diagnosis));
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
        impact: impact(diagnosis, rest.as_ref(), bundle),
        told_by: ToldBy::Plain,
        usage: Usage::default(),
        notice: None,
    };
    if let Some(name) = &plan.asked_about {
        standing::tell(&mut draft, name, diagnosis, bundle);
        return draft;
    }
    match (plan.intent, leading) {
        (Intent::Cause, Some(suspect)) => {
            tell_cause(&mut draft, suspect, (material, rest.as_ref()), bundle);
        }
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

fn tell_cause(
    draft: &mut Draft,
    suspect: &Suspect,
    (material, rest): (Material<'_>, Option<&Rest>),
    bundle: &Bundle,
) {
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
    let sure = confidence(suspect, diagnosis, bundle);
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
    if is_thin(suspect, sure, diagnosis) {
        draft.headline.text =
            format!("Not enough evidence for a cause; look first at {}", draft.headline.text);
    } else {
        draft.verdict = Verdict::LikelyCause;
        draft.confidence = Some(sure);
    }
    draft.claims = reasons.iter().take(REASONS_MAX).map(|(told, id)| claim(told, id)).collect();
    draft.claims.extend(change.map(|(told, id, _)| claim(told, id)));
    if let Some(told) = course(diagnosis)
        && let Some(id) = bundle.id_of(&told.item.key)
    {
        draft.claims.push(claim(told, id));
    }
    let rest = rest.map(|rest| &rest.told);
    draft.claims.extend(rest.and_then(|told| Some(claim(told, bundle.id_of(&told.item.key)?))));
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
                0 if suspect.score >= SCORE_NAMED_MIN
                    && !only_lines(suspect, diagnosis)
                    && !is_thin(suspect, confidence(suspect, diagnosis, bundle), diagnosis) =>
                {
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

/// Since when, and who shows it: each with the item of its worst finding, or with the list that holds that. Of whom neither
/// is at hand nothing is said.
fn impact(diagnosis: &Diagnosis, rest: Option<&Rest>, bundle: &Bundle) -> Impact {
    let mut hit: Vec<(&str, f64, &str)> = Vec::new();
    for (finding, told) in diagnosis.analysis.findings.iter().zip(&diagnosis.findings) {
        let felt = matches!(
            finding.kind,
            FindingKind::ServiceErrors { .. }
                | FindingKind::ServiceLatency { .. }
                | FindingKind::ObjectUnhealthy { .. }
        );
        if !felt || finding.service.is_empty() {
            continue;
        }
        let worst = (finding.service.as_str(), finding.strength, told.item.key.as_str());
        match hit.iter_mut().find(|(service, ..)| *service == finding.service) {
            Some(known) if known.1 < worst.1 => *known = worst,
            Some(_) => {}
            None => hit.push(worst),
        }
    }
    hit.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let id_of = |key: &str| bundle.id_of(key).or_else(|| bundle.id_of(rest?.lists(key)?));
    let mut services: Vec<String> = Vec::new();
    let mut cites: Vec<String> = Vec::new();
    let shown = hit.into_iter().filter_map(|(service, _, key)| Some((service, id_of(key)?)));
    for (service, id) in shown.take(IMPACT_SERVICES_MAX) {
        services.push(service.to_owned());
        if !cites.iter().any(|known| known == id) {
            cites.push(id.to_owned());
        }
    }
    Impact { since: diagnosis.analysis.onset, services, cites }
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
