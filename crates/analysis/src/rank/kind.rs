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
        FindingKind::MetricShift { metric, unit, .. } => match meaning(metric, unit) {
            Meaning::Cpu | Meaning::Throttling => Some(FaultKind::Cpu),
            Meaning::Memory => Some(FaultKind::Memory),
            Meaning::Disk => Some(FaultKind::Disk),
            Meaning::Restarts => Some(FaultKind::Scheduling),
            _ => None,
        },
        _ => None,
    });
    let any = |test: fn(&FindingKind) -> bool| findings.iter().any(|finding| test(&finding.kind));
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
