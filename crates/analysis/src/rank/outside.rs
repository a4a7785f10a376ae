//! Explanations outside of all changes: providers, certificates, nodes, neighbours, traffic.

use groundcrew_telemetry::{ChangeKind, Severity, Timestamp};

use crate::{Finding, FindingKind, Observations, ServiceGraph};

/// Growth of traffic from which on it explains trouble.
const SURGE_MIN: f64 = 1.5;

/// Sayings of error messages that no diff makes a system say, and what they mean.
const SAYINGS: [(&[&str], &str); 8] = [
    (
        &[
            "certificate has expired",
            "certificate expired",
            "cert expired",
            "certificate is expired",
            "x509: certificate has",
        ],
        "a certificate expired",
    ),
    (
        &["no such host", "name resolution", "nxdomain", "dns lookup failed", "server misbehaving"],
        "a name does not resolve",
    ),
    (&["no space left on device", "disk quota exceeded", "disk full"], "a disk is full"),
    (
        &[
            "memorypressure",
            "diskpressure",
            "nodeunderpressure",
            "under memory pressure",
            "nodenotready",
            "node not ready",
            "evicted",
            "preempt",
            "spot instance",
        ],
        "a node is in trouble",
    ),
    (
        &[
            "cputhrottl",
            "cpu contended",
            "cpu-starved",
            "noisy neighbor",
            "co-tenant",
            "steal time",
        ],
        "others take the processor",
    ),
    (
        &["availability zone", "zone outage", "region outage", "regional outage", "az outage"],
        "a zone is out",
    ),
    (&["rate limit exceeded", "quota exceeded", "429 too many requests"], "a quota is used up"),
    (
        &[
            "network is unreachable",
            "no route to host",
            "packet loss",
            "link down",
            "network partition",
        ],
        "the network is broken",
    ),
];

/// What outside of all changes explains the trouble, in words; independent ones only.
pub(super) fn explanations(
    observations: &Observations,
    findings: &[Finding],
    graph: &ServiceGraph,
    onset: Option<Timestamp>,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for finding in findings {
        match &finding.kind {
            FindingKind::TemplateNew { exemplar, severity, .. }
            | FindingKind::TemplateSpiking { exemplar, severity, .. }
                if *severity >= Severity::WARN =>
            {
                texts.push(exemplar.to_lowercase());
            }
            FindingKind::ClusterWarning { message, reason, .. } => {
                texts.push(format!("{reason} {message}").to_lowercase())
            }
            FindingKind::ObjectUnhealthy { lines, status, .. } => {
                texts.push(format!("{status} {}", lines.join(" ")).to_lowercase());
            }
            _ => {}
        }
    }
    for (sayings, meaning) in SAYINGS {
        if texts.iter().any(|text| sayings.iter().any(|saying| text.contains(saying))) {
            found.push(meaning.to_owned());
        }
    }
    found.extend(provider(observations, graph, &texts, onset));
    found.extend(surge(findings, graph, observations.symptom.service.as_deref()));
    found
}

/// Errors that come from a host outside, or a provider's own notice.
fn provider(
    observations: &Observations,
    graph: &ServiceGraph,
    texts: &[String],
    onset: Option<Timestamp>,
) -> Option<String> {
    let services: Vec<String> = graph
        .services
        .iter()
        .filter(|service| !service.dependency)
        .map(|service| service.name.to_lowercase())
        .collect();
    let notice = observations.changes.iter().find(|change| {
        change.kind == ChangeKind::Other
            && onset.is_none_or(|onset| change.time.secs_since(onset) < 900.0)
    });
    let host = texts.iter().find_map(|text| {
        let (_, after) = text.split_once("://")?;
        let host = after.split(['/', ':', ' ', '"', '?']).next()?;
        let failing = ["50", "timeout", "timed out", "deadline", "unavailable", "refused", "429"]
            .iter()
            .any(|sign| text.contains(sign));
        // A public name has a top-level domain that cluster names do not have.
        let inner = [".svc", ".local", ".internal", ".cluster", "localhost"]
            .iter()
            .any(|ending| host.contains(ending));
        let public =
            host.split('.').count() >= 2 && host.bytes().any(|byte| byte.is_ascii_alphabetic());
        let ours = services.iter().any(|service| host.starts_with(service.as_str()));
        (failing && public && !inner && !ours).then(|| host.to_owned())
    });
    match (host, notice) {
        (Some(host), Some(_)) => {
            Some(format!("{host}, outside of this system, fails, and its provider says so"))
        }
        (Some(host), None) => Some(format!("{host}, outside of this system, fails")),
        (None, _) => None,
    }
}

/// Much more traffic than normal at the failing service itself or at those who call it. More calls to others are what
/// a change can do as well.
fn surge(findings: &[Finding], graph: &ServiceGraph, symptom: Option<&str>) -> Option<String> {
    let above: Vec<String> = symptom.map(|symptom| graph.blast_radius(symptom)).unwrap_or_default();
    let most = findings
        .iter()
        .filter(|finding| match symptom {
            Some(symptom) => finding.service == symptom || above.contains(&finding.service),
            None => graph.callers(&finding.service).next().is_none(),
        })
        .filter_map(|finding| match finding.kind {
            FindingKind::LoadChanged { before_per_min, after_per_min } if before_per_min > 0.0 => {
                Some((after_per_min / before_per_min, finding.service.as_str()))
            }
            _ => None,
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))?;
    (most.0 >= SURGE_MIN)
        .then(|| format!("traffic of {} is {:.1} times the normal", most.1, most.0))
}
