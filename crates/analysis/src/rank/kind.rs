//! What sort of fault a suspect's findings look like: a table of rules, the first that fits wins.

use super::combine::Ranked;
use super::evidence::Evidence;
use super::meaning::{Meaning, meaning};
use crate::{FaultKind, Finding, FindingKind};

/// The kind of fault that the reasons of a suspect look like.
pub(super) fn of(ranked: &Ranked, evidence: &Evidence) -> FaultKind {
    let findings: Vec<&Finding> =
        ranked.reasons.iter().filter_map(|reason| evidence.findings.get(*reason)).collect();
    let resource = findings.iter().find_map(|finding| match &finding.kind {
        FindingKind::MetricShift { metric, unit, .. } => of_meaning(meaning(metric, unit)),
        _ => None,
    });
    let any = |test: fn(&FindingKind) -> bool| findings.iter().any(|finding| test(&finding.kind));
    let leads = findings.first().map(|finding| &finding.kind);
    if let Some(FindingKind::LoadChanged { before_per_min, after_per_min }) = leads
        && after_per_min > before_per_min
    {
        return FaultKind::Load;
    }
    if any(says_out_of_memory) {
        return FaultKind::Memory;
    }
    if any(|kind| matches!(kind, FindingKind::ObjectUnhealthy { .. })) {
        return FaultKind::Scheduling;
    }
    let slower = any(|kind| matches!(kind, FindingKind::ServiceLatency { .. }));
    let wire = any(|kind| matches!(kind, FindingKind::EdgeLatency { .. }));
    let exception = any(|kind| match kind {
        FindingKind::TemplateNew { text, .. } | FindingKind::TemplateSpiking { text, .. } => {
            text.contains("Exception") || text.contains("exception") || text.contains("panic")
        }
        _ => false,
    });
    match (resource, slower, wire) {
        (Some(resource), _, _) if slower || wire => resource,
        (_, false, true) => FaultKind::Network,
        (_, true, true) => FaultKind::Cpu,
        (_, true, false) => FaultKind::Latency,
        (Some(resource), false, false) if !exception => resource,
        _ if exception => FaultKind::Exception,
        _ if any(|kind| {
            matches!(
                kind,
                FindingKind::TemplateGone { .. }
                    | FindingKind::TemplateNew { .. }
                    | FindingKind::CallsChanged { .. }
                    | FindingKind::EdgeErrors { .. }
                    | FindingKind::ServiceErrors { .. }
            )
        }) =>
        {
            FaultKind::CodeError
        }
        _ => FaultKind::Unknown,
    }
}

/// The words with which kernels, runtimes and Kubernetes say that memory ran out.
fn says_out_of_memory(kind: &FindingKind) -> bool {
    const WORDS: [&str; 4] = ["OOMKilled", "OutOfMemory", "out of memory", "Out of memory"];
    let says = |text: &str| WORDS.iter().any(|word| text.contains(word));
    match kind {
        FindingKind::ObjectUnhealthy { status, lines, .. } => {
            says(status) || lines.iter().any(|line| says(line))
        }
        FindingKind::ClusterWarning { reason, message, .. } => {
            reason.contains("OOM") || says(message)
        }
        FindingKind::TemplateNew { exemplar, .. }
        | FindingKind::TemplateSpiking { exemplar, .. } => says(exemplar),
        _ => false,
    }
}

/// The kind of fault that a resource of its own points to.
pub(super) fn of_meaning(meaning: Meaning) -> Option<FaultKind> {
    match meaning {
        Meaning::Cpu | Meaning::Throttling => Some(FaultKind::Cpu),
        Meaning::Memory => Some(FaultKind::Memory),
        Meaning::Disk => Some(FaultKind::Disk),
        Meaning::Restarts => Some(FaultKind::Scheduling),
        _ => None,
    }
}
