//! How sure an answer may be: by what kinds of signals agree, what comes near, and what could be noise. Never by tone.

use groundcrew_analysis::{FaultKind, Finding, FindingKind, Subject, Suspect};
use groundcrew_telemetry::Severity;

use super::super::answer::Confidence;
use super::super::material::Diagnosis;
use super::super::question::Plan;
use super::super::words::speaks_of_failure;
use super::Bundle;
use super::narrator::{likely_change, named_suspects};

/// From here on, with signals that agree, an answer may be called sure. Windows without a fault seldom come near it.
const SCORE_HIGH_MIN: f64 = 0.8;
/// From here on one signal is enough, where nothing else comes near ...
const SCORE_CLEAR_MIN: f64 = 0.6;
/// ... which means that the second suspect's score is so many times lower.
const CLEAR_RATIO: f64 = 1.5;
/// Times that are felt grow so many times, at least.
const SLOWER_MIN: f64 = 1.5;
/// A line that comes up to so many times as often, or as seldom, is no sign of a fault by itself.
const RATE_MOVES: f64 = 1.25;

/// Capped by rule: how many independent signals agree, and whether a second suspect is close.
pub(super) fn confidence(suspect: &Suspect, diagnosis: &Diagnosis, bundle: &Bundle) -> Confidence {
    let mut signals: Vec<&str> = suspect
        .reasons
        .iter()
        .filter_map(|position| diagnosis.findings.get(*position))
        .filter(|told| bundle.id_of(&told.item.key).is_some())
        .map(|told| told.item.kind.signal())
        .collect();
    signals.sort_unstable();
    signals.dedup();
    let is_clear = is_clear(suspect, diagnosis);
    if signals == ["logs"] {
        // Anybody who can make a service write a line could have made this.
        return Confidence::Low;
    }
    if signals == ["metrics"] && is_hardly_slower(suspect, diagnosis) {
        return Confidence::Low;
    }
    match signals.len() {
        0 => Confidence::Low,
        1 if suspect.score >= SCORE_CLEAR_MIN && is_clear => Confidence::Medium,
        1 => Confidence::Low,
        _ if suspect.score >= SCORE_HIGH_MIN && is_clear => Confidence::High,
        _ if suspect.score >= 0.45 => Confidence::Medium,
        _ => Confidence::Low,
    }
}

/// Whether no other suspect comes near.
fn is_clear(suspect: &Suspect, diagnosis: &Diagnosis) -> bool {
    let second = named_suspects(diagnosis).nth(1).map_or(0.0, |second| second.score);
    suspect.score >= CLEAR_RATIO * second
}

/// What speaks for a suspect.
fn findings_of<'a>(
    suspect: &'a Suspect,
    diagnosis: &'a Diagnosis,
) -> impl Iterator<Item = &'a Finding> {
    suspect.reasons.iter().filter_map(|position| diagnosis.analysis.findings.get(*position))
}

/// Whether it is an ordinary line that comes less often or no longer.
fn is_silence(finding: &Finding) -> bool {
    matches!(
        &finding.kind,
        FindingKind::TemplateGone { severity, exemplar, .. }
            if *severity < Severity::WARN && !speaks_of_failure(exemplar)
    )
}

/// Whether all that was measured of it is time, and none grew by half: however far outside its noise, nobody feels that.
fn is_hardly_slower(suspect: &Suspect, diagnosis: &Diagnosis) -> bool {
    let mut findings = findings_of(suspect, diagnosis);
    findings.all(|finding| match &finding.kind {
        FindingKind::MetricShift { unit, before, after, .. } => {
            matches!(unit.as_str(), "s" | "ms" | "us" | "ns") && *after < SLOWER_MIN * before
        }
        _ => false,
    })
}

/// Whether what speaks for a suspect is too little to call it the cause: one weak signal, or several that hardly differ from
/// what moves on any day.
pub(super) fn is_thin(suspect: &Suspect, sure: Confidence, diagnosis: &Diagnosis) -> bool {
    if sure > Confidence::Low {
        return false;
    }
    let mut findings = findings_of(suspect, diagnosis);
    // What the cluster says of an object is not measured, so noise cannot make it. Requests that were compared with
    // others of the same time, or followed to where they wait, are witnesses of another sort than a level that moved.
    let is_seen = findings.any(|one| {
        matches!(
            one.kind,
            FindingKind::ObjectUnhealthy { .. }
                | FindingKind::Cohort { .. }
                | FindingKind::PathGrew { .. }
        )
    });
    if is_seen {
        return false;
    }
    // Lines are enough where nothing else comes near, where a change began with them, or where they say what is broken.
    // That anybody may have written them is what low confidence says. Ordinary lines that stay away say that something is no
    // longer done, and nothing of why.
    let stands_out = suspect.score >= SCORE_CLEAR_MIN
        && is_clear(suspect, diagnosis)
        && !findings_of(suspect, diagnosis).all(is_silence);
    let says_what = !matches!(
        suspect.fault_kind,
        FaultKind::Unknown | FaultKind::CodeError | FaultKind::Exception
    );
    let is_enough = stands_out || says_what || likely_change(diagnosis).is_some();
    !(only_lines(suspect, diagnosis) && is_enough)
}

/// Whether all that speaks for it is that some lines come a little more or less often, or ordinary ones much more often:
/// that happens without any fault.
pub(super) fn is_negligible(suspect: &Suspect, diagnosis: &Diagnosis) -> bool {
    let mut findings = findings_of(suspect, diagnosis);
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
pub(super) fn is_about(suspect: &Suspect, plan: &Plan, diagnosis: &Diagnosis) -> bool {
    let name = suspect.subject.service();
    let mut told = suspect.reasons.iter().filter_map(|position| diagnosis.findings.get(*position));
    let only_cluster = told.all(|told| told.item.kind.signal() == "cluster");
    if !only_cluster || plan.services.is_empty() || matches!(suspect.subject, Subject::Node(_)) {
        return true;
    }
    let graph = &diagnosis.analysis.graph;
    plan.services
        .iter()
        .any(|asked| asked == name || graph.dependencies(asked).iter().any(|needed| needed == name))
}

/// Whether nothing but log lines speaks for it. Those can be written by whoever sends a request, so it is never more than
/// possible.
pub(super) fn only_lines(suspect: &Suspect, diagnosis: &Diagnosis) -> bool {
    suspect
        .reasons
        .iter()
        .filter_map(|position| diagnosis.findings.get(*position))
        .all(|told| told.item.kind.signal() == "logs")
}

#[cfg(test)]
mod tests {
    use groundcrew_analysis::Analysis;
    use groundcrew_telemetry::TimeRange;

    use super::super::super::answer::{HypothesisStatus, Verdict};
    use super::super::super::draft::Draft;
    use super::super::super::evidence::{Candidate, EvidenceKind};
    use super::super::super::material::ToldFinding;
    use super::super::super::question::Intent;
    use super::super::narrator::{Material, choose, narrate};
    use super::super::pack;
    use super::*;

    fn with(
        kind: FindingKind,
        signal: EvidenceKind,
        fault_kind: FaultKind,
    ) -> (Suspect, Diagnosis) {
        let finding =
            Finding { kind, service: "shop".to_owned(), pod: None, since: None, strength: 9.0 };
        let item = Candidate::new(signal, "it differs", "it");
        let told = ToldFinding { sentence: "it differs".to_owned(), item, says: Vec::new() };
        let suspect = Suspect {
            subject: Subject::Service("shop".to_owned()),
            fault_kind,
            score: 0.5,
            reasons: vec![0],
            against: Vec::new(),
            onset: None,
        };
        let analysis = Analysis {
            findings: vec![finding],
            suspects: vec![suspect.clone()],
            ..Analysis::default()
        };
        (suspect, Diagnosis { analysis, findings: vec![told], ..Diagnosis::default() })
    }

    fn slower() -> FindingKind {
        FindingKind::ServiceLatency {
            operation: None,
            before_ms: 4.0,
            after_ms: 9.0,
            example: None,
        }
    }

    fn line() -> FindingKind {
        FindingKind::PathLeft {
            template: groundcrew_telemetry::TemplateId::from_text("t0123456789abcdef").unwrap(),
            text: "a line".to_owned(),
            severity: Severity::ERROR,
            exemplar: "a line".to_owned(),
            missed: 3,
            due: 4,
        }
    }

    #[test]
    fn one_weak_level_that_moved_is_thin() {
        let (suspect, diagnosis) = with(slower(), EvidenceKind::Span, FaultKind::Latency);
        assert!(is_thin(&suspect, Confidence::Low, &diagnosis));
        assert!(!is_thin(&suspect, Confidence::Medium, &diagnosis));
    }

    #[test]
    fn a_time_that_hardly_grew_is_never_sure() {
        let shift = |unit: &str, after: f64| FindingKind::MetricShift {
            metric: "latency".to_owned(),
            unit: unit.to_owned(),
            before: 3.0,
            after,
            node: None,
        };
        let sure = |unit: &str, after: f64| {
            let (mut suspect, mut diagnosis) =
                with(shift(unit, after), EvidenceKind::Metric, FaultKind::Unknown);
            suspect.score = 0.9;
            diagnosis.analysis.suspects = vec![suspect.clone()];
            let item = diagnosis.findings[0].item.clone();
            let bundle = pack("ans_1", vec![item], Vec::new(), 500);
            confidence(&suspect, &diagnosis, &bundle)
        };
        assert_eq!(sure("ms", 3.7), Confidence::Low);
        assert_eq!(sure("ms", 9.0), Confidence::Medium);
        assert_eq!(sure("%", 3.7), Confidence::Medium, "of a share little may be much");
    }

    #[test]
    fn what_the_cluster_says_of_an_object_is_not() {
        let pod = FindingKind::ObjectUnhealthy {
            object: "Pod/shop/shop-1".to_owned(),
            status: "CrashLoopBackOff".to_owned(),
            lines: Vec::new(),
        };
        let (suspect, diagnosis) = with(pod, EvidenceKind::ClusterState, FaultKind::Scheduling);
        assert!(!is_thin(&suspect, Confidence::Low, &diagnosis));
    }

    #[test]
    fn lines_must_stand_out_or_say_what_is_broken() {
        let (mut suspect, diagnosis) =
            with(line(), EvidenceKind::LogTemplate, FaultKind::CodeError);
        assert!(is_thin(&suspect, Confidence::Low, &diagnosis));
        suspect.score = SCORE_CLEAR_MIN;
        assert!(!is_thin(&suspect, Confidence::Low, &diagnosis), "nothing else comes near");
        suspect.score = 0.5;
        suspect.fault_kind = FaultKind::Disk;
        assert!(!is_thin(&suspect, Confidence::Low, &diagnosis), "they say that a disk is full");
    }

    #[test]
    fn silence_alone_says_nothing_of_why() {
        let gone = |severity: Severity, exemplar: &str| FindingKind::TemplateGone {
            template: groundcrew_telemetry::TemplateId::from_text("t0123456789abcdef").unwrap(),
            text: exemplar.to_owned(),
            severity,
            exemplar: exemplar.to_owned(),
            before_per_min: 9.0,
            after_per_min: 0.5,
        };
        let thin = |kind: FindingKind| {
            let (mut suspect, diagnosis) =
                with(kind, EvidenceKind::LogTemplate, FaultKind::CodeError);
            suspect.score = SCORE_CLEAR_MIN;
            is_thin(&suspect, Confidence::Low, &diagnosis)
        };
        assert!(thin(gone(Severity::INFO, "sent order 17")));
        assert!(!thin(gone(Severity::ERROR, "sent order 17")));
        assert!(!thin(gone(Severity::INFO, "failed to send order 17")));
    }

    #[test]
    fn thin_evidence_names_no_cause_but_whom_to_look_at_first() {
        let plan = Plan {
            intent: Intent::Cause,
            window: TimeRange::ALL,
            baseline: Vec::new(),
            seasons: Vec::new(),
            services: Vec::new(),
            terms: Vec::new(),
            looks: Vec::new(),
            asked_about: None,
            known_until: None,
            notes: Vec::new(),
        };
        let told = |score: f64| {
            let (mut suspect, mut diagnosis) =
                with(slower(), EvidenceKind::Span, FaultKind::Latency);
            suspect.score = score;
            diagnosis.analysis.suspects = vec![suspect];
            let bundle = pack("ans_1", choose(&plan, &diagnosis), Vec::new(), 500);
            let (plan, diagnosis) = (&plan, &diagnosis);
            let material =
                Material { plan, diagnosis, passages: &[], gaps: &[], looked: &[], deciding: None };
            narrate(material, &bundle)
        };
        let thin = told(0.5);
        assert_eq!((thin.verdict, thin.confidence), (Verdict::NotEnoughEvidence, None));
        let headline = "Not enough evidence for a cause; look first at shop (latency): it differs";
        assert_eq!(thin.headline.text, headline);
        assert_eq!(thin.headline.cites, ["E1"]);
        let status = |draft: &Draft| draft.hypotheses.iter().map(|one| one.status).next();
        assert_eq!(status(&thin), Some(HypothesisStatus::Possible));
        assert_eq!(
            (thin.impact.services.len(), thin.impact.cites.as_slice()),
            (1, &["E1".to_owned()][..])
        );
        let sure = told(0.9);
        assert_eq!(
            (sure.verdict, sure.confidence),
            (Verdict::LikelyCause, Some(Confidence::Medium))
        );
        assert_eq!(status(&sure), Some(HypothesisStatus::Supported));
    }
}
