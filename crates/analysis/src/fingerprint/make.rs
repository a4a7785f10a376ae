//! From an analysis to its fingerprint.

use super::{Fingerprint, Role, Sign, SignKind, shortened};
use crate::rank::{Meaning, meaning};
use crate::{Analysis, FaultKind, Finding, FindingKind, ServiceGraph, Verdict};

/// How much of a finding's weight is left when it is a reason of one of the next suspects.
const NEXT_SUSPECTS: f64 = 0.5;
/// How much is left when it is nobody's reason.
const NOBODYS: f64 = 0.25;
/// Reasons of the leading suspect that count fully; the others count as those of the next suspects.
const LEADING_REASONS: usize = 8;
/// Suspects whose reasons count.
const SUSPECTS: usize = 3;

impl Fingerprint {
    /// What the trouble looks like that was analysed. Empty when nothing is different from normal.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Self {
        let mut print = Self::default();
        for (position, finding) in analysis.findings.iter().enumerate() {
            let share = salience(analysis, position);
            print.signs.extend(sign_of(finding, &analysis.graph).map(|mut sign| {
                sign.weight *= share;
                sign
            }));
        }
        let change = analysis.changes.first().filter(|best| best.verdict == Verdict::Likely);
        if let Some(change) = change.filter(|best| best.change.is_some()) {
            let service = change.service.clone().unwrap_or_default();
            print.signs.push(Sign {
                kind: SignKind::Change,
                detail: String::new(),
                class: String::new(),
                role: role(&analysis.graph, &service),
                service,
                weight: 0.6,
                text: shortened(&change.title),
            });
        }
        if let Some(leading) = analysis.suspects.first().filter(|one| !one.reasons.is_empty()) {
            let service = leading.subject.service();
            print.signs.push(fault_sign(
                service,
                role(&analysis.graph, service),
                leading.fault_kind,
            ));
        }
        print.tidy();
        print
    }
}

/// The sign for a kind of fault.
pub(super) fn fault_sign(service: &str, role: Role, kind: FaultKind) -> Sign {
    Sign {
        kind: SignKind::Fault,
        detail: kind.name().to_owned(),
        class: String::new(),
        service: service.to_owned(),
        role,
        // What the signals do not tell says nothing.
        weight: if kind == FaultKind::Unknown { 0.0 } else { 0.6 },
        text: String::new(),
    }
}

/// How much a finding has to do with the suspects, 0 to 1: noise elsewhere must not decide what is alike.
fn salience(analysis: &Analysis, finding: usize) -> f64 {
    let place = analysis.suspects.iter().take(SUSPECTS).enumerate().find_map(|(rank, suspect)| {
        suspect.reasons.iter().position(|reason| *reason == finding).map(|at| (rank, at))
    });
    match place {
        Some((0, at)) if at < LEADING_REASONS => 1.0,
        Some(_) => NEXT_SUSPECTS,
        None => NOBODYS,
    }
}

/// Where a service stands in the graph.
pub(super) fn role(graph: &ServiceGraph, service: &str) -> Role {
    let Some(known) = graph.service(service) else { return Role::Unknown };
    if known.dependency {
        return Role::Dependency;
    }
    let is_seen = |name: &str| graph.service(name).is_some_and(|callee| !callee.dependency);
    let called = graph.callers(service).any(|caller| caller != service);
    let calls = graph.callees(service).any(|callee| callee != service && is_seen(callee));
    match (called, calls) {
        (false, true) => Role::Entry,
        (true, true) => Role::Middle,
        (true, false) => Role::Leaf,
        (false, false) => Role::Unknown,
    }
}

/// A finding without its figures; `None` for what only orders or dates others. The weight is how much findings of the
/// kind tell about the cause: a line says more than that callers fail.
#[must_use]
pub fn sign_of(finding: &Finding, graph: &ServiceGraph) -> Option<Sign> {
    let callee_role = |callee: &String| (callee.clone(), role(graph, callee).name().to_owned());
    let line = |template: &groundcrew_telemetry::TemplateId| format!("{:016x}", template.0);
    let plain = (String::new(), String::new());
    let (kind, (detail, class), weight, text) = match &finding.kind {
        FindingKind::ServiceErrors { .. } => (SignKind::ServiceFails, plain, 0.4, ""),
        FindingKind::ServiceLatency { .. } => (SignKind::ServiceSlow, plain, 0.5, ""),
        FindingKind::EdgeLatency { callee, .. } => {
            (SignKind::EdgeSlow, callee_role(callee), 0.6, "")
        }
        FindingKind::EdgeErrors { callee, .. } => {
            (SignKind::EdgeFails, callee_role(callee), 0.4, "")
        }
        FindingKind::CallsChanged { callee, before_per_min, after_per_min } => {
            let is_more = after_per_min > before_per_min;
            let kind = if is_more { SignKind::CallsMore } else { SignKind::CallsFewer };
            (kind, callee_role(callee), 0.3, "")
        }
        FindingKind::Retries { callee, .. } => (SignKind::Retries, callee_role(callee), 0.6, ""),
        FindingKind::Saturated { metric, unit, .. } => {
            (SignKind::Saturated, (metric.clone(), measured(metric, unit).to_owned()), 0.9, "")
        }
        FindingKind::LoadChanged { before_per_min, after_per_min } => {
            let is_more = after_per_min > before_per_min;
            let kind = if is_more { SignKind::LoadMore } else { SignKind::LoadLess };
            (kind, plain, 0.4, "")
        }
        FindingKind::TemplateNew { template, text, .. } => {
            (SignKind::LineNew, (line(template), String::new()), 1.0, text.as_str())
        }
        FindingKind::TemplateSpiking { template, text, .. } => {
            (SignKind::LineMore, (line(template), String::new()), 0.8, text.as_str())
        }
        FindingKind::TemplateGone { template, text, .. }
        | FindingKind::PathLeft { template, text, .. } => {
            (SignKind::LineGone, (line(template), String::new()), 0.4, text.as_str())
        }
        FindingKind::Cohort { attribute, value, .. } => {
            (SignKind::Cohort, (format!("{attribute} {value}"), attribute.clone()), 0.6, "")
        }
        FindingKind::MetricShift { metric, unit, before, after, .. } => {
            let kind = if after >= before { SignKind::MetricUp } else { SignKind::MetricDown };
            (kind, (metric.clone(), measured(metric, unit).to_owned()), 0.7, "")
        }
        FindingKind::ObjectUnhealthy { object, status, lines } => {
            let sort = object.split('/').next().unwrap_or("").to_owned();
            let text = lines.first().map_or("", String::as_str);
            (SignKind::ObjectState, (status.clone(), sort), 0.9, text)
        }
        FindingKind::ClusterWarning { object, reason, message, .. } => {
            let sort = object.split('/').next().unwrap_or("").to_owned();
            (SignKind::ClusterWarning, (reason.clone(), sort), 0.7, message.as_str())
        }
        FindingKind::PathGrew { .. }
        | FindingKind::Course { .. }
        | FindingKind::ChangeNear { .. } => return None,
    };
    Some(Sign {
        kind,
        detail: shortened(&detail),
        class,
        service: finding.service.clone(),
        role: role(graph, &finding.service),
        weight,
        text: shortened(text),
    })
}

/// What a metric measures, in one word; `""` when its name does not tell.
pub(super) fn measured(metric: &str, unit: &str) -> &'static str {
    match meaning(metric, unit) {
        Meaning::Cpu => "cpu",
        Meaning::Throttling => "throttling",
        Meaning::Memory => "memory",
        Meaning::Disk => "disk",
        Meaning::Network => "network",
        Meaning::Restarts => "restarts",
        Meaning::Saturation => "saturation",
        Meaning::Latency => "latency",
        Meaning::Errors => "errors",
        Meaning::Availability => "availability",
        Meaning::Load => "load",
        Meaning::Other => "",
    }
}
