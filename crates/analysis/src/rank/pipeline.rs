//! The order of steps of the ranking.

use super::changes::{Failing, verdicts};
use super::combine::{Calls, Ranked};
use super::evidence::Evidence;
use super::golden::Complaint;
use super::harm::Harm;
use super::names::Names;
use super::operations::Operations;
use super::period::Periods;
use super::season::{Seasons, UsualCounts};
use super::spans::Forest;
use super::{
    cluster, cohorts, combine, course, ends, errors, fallback, flow, golden, harm, invariants,
    kind, load, logs, moved, nodes, onset, path, resources, series, shape, slowness, topology,
};
use crate::{
    Analysis, FaultKind, Finding, FindingKind, Observations, ServiceGraph, Subject, Suspect,
};
use groundcrew_telemetry::SpanRow;

/// Suspects below this are nobody's trouble.
const ABNORMAL_MIN: f64 = 0.02;

/// What is left of evidence beside the requests when those go as well as ever.
const UNHURT: f64 = 0.5;
/// Suspects whose bad requests are looked at for what they have in common.
const COHORT_SUSPECTS_MAX: usize = 3;
/// Below this a suspect is hardly one.
const COHORT_SCORE_MIN: f64 = 0.2;

/// Finds what is different in the window and ranks who most likely caused it.
#[must_use]
pub fn rank(observations: &Observations) -> Analysis {
    let periods = Periods::new(observations.window, &observations.baseline);
    let mut services = Names::default();
    let forest = Forest::new(&observations.spans, &periods, &mut services);
    let operations = Operations::new(&forest);
    let mut evidence = Evidence::default();
    for (caller, callee) in &observations.topology {
        services.number(caller);
        services.number(callee);
    }
    let lines = logs::lines(
        &observations.templates_window,
        &observations.templates_baseline,
        &mut services,
    );
    let seasons = Seasons::new(observations.window, &observations.seasons);
    let movements =
        series::movements(&observations.series, &periods, (&seasons, &observations.series_seasons));
    for movement in &movements {
        services.number(movement.row.resource.service());
    }

    let symptom = observations.symptom.service.as_deref().and_then(|name| services.find(name));
    let edges = edges(&forest, observations, &services);
    slowness::find(&forest, &observations.spans, &services, &mut evidence);
    let ends = ends::at_callers(&forest);
    errors::find(&forest, (&observations.spans, &ends), &services, &mut evidence);
    flow::find((&forest, &ends), &operations, &observations.spans, &services, &mut evidence);
    let covered = covered(observations, &periods);
    let usual = UsualCounts::new(&seasons, observations.window, &observations.templates_seasons);
    let harm = Harm::new(&forest, &observations.spans, &observations.log_links);
    logs::find(&lines, &operations, (covered, &usual, &ends, &harm), &services, &mut evidence);
    invariants::find(&lines, &services, &mut evidence);
    let ratios = load::find(
        (&forest, &observations.spans),
        &movements,
        &edges,
        &mut services,
        &mut evidence,
    );
    let curve = shape::Curve::new(&forest, &periods);
    resources::find(&movements, (&ratios, curve.as_ref()), &mut services, &mut evidence);
    let heard = load::heard_by_metrics(&forest, &edges, services.len());
    let untraced: Vec<series::Movement<'_>> = movements
        .iter()
        .filter(|movement| {
            services
                .find(movement.row.resource.service())
                .is_some_and(|service| heard.contains(&service))
        })
        .cloned()
        .collect();
    let complaint = Complaint::of(&observations.symptom.text);
    golden::find(&untraced, &edges, (complaint, symptom), &mut services, &mut evidence);
    cluster::find(
        &observations.objects,
        &observations.cluster_events,
        &periods,
        &mut services,
        &mut evidence,
    );

    if complaint.of_requests && harm::suffer(&forest) == Some(false) {
        evidence.soften(UNHURT);
    }
    let mut ranked = combine::rank(&evidence, &Calls::new(&edges), symptom, &services);
    fallback::explain(&mut ranked, &fallback::find(&forest));
    let seen = Seen { observations, periods: &periods, forest: &forest, movements: &movements };
    conclude(&seen, &ranked, &edges, &services, evidence)
}

/// What the ranking was read from.
struct Seen<'a> {
    observations: &'a Observations,
    periods: &'a Periods,
    forest: &'a Forest,
    movements: &'a [series::Movement<'a>],
}

/// From ranked services to suspects, what is known of the leading ones, and verdicts on changes.
fn conclude(
    seen: &Seen<'_>,
    ranked: &[Ranked],
    edges: &[(u32, u32)],
    services: &Names,
    mut evidence: Evidence,
) -> Analysis {
    let Seen { observations, periods, forest, movements } = *seen;
    let graph = topology::graph(forest, edges, observations, services);
    let mut suspects = suspects(ranked, (forest, &graph), services, &evidence);
    let on_nodes = nodes::suspects(movements, &suspects, &graph, &mut evidence.findings);
    suspects.extend(on_nodes);
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.subject.cmp(&b.subject)));
    look_closer(&mut suspects, (forest, &observations.spans), services, &mut evidence.findings);
    let failing = Failing::new(observations, &evidence.findings, &suspects, &graph);
    let known: Vec<&str> = graph.services.iter().map(|service| service.name.as_str()).collect();
    let changes = verdicts(observations, &failing, &known);
    kind::by_change(&mut suspects, &changes, observations);
    let onset = suspects.first().and_then(|suspect| suspect.onset);
    let moved = moved::beside(movements, &evidence.findings);
    let mut likelihoods = evidence.likelihoods();
    let mut findings = evidence.findings;
    let course = (!suspects.is_empty()).then(|| course::find(forest, periods, onset)).flatten();
    let course = course.map(|course| {
        findings.push(course);
        findings.len() - 1
    });
    likelihoods.resize(findings.len(), 0.0);
    Analysis { findings, likelihoods, moved, suspects, graph, changes, onset, course }
}

fn suspects(
    ranked: &[Ranked],
    (forest, graph): (&Forest, &ServiceGraph),
    services: &Names,
    evidence: &Evidence,
) -> Vec<Suspect> {
    if ranked.first().is_none_or(|best| best.score < ABNORMAL_MIN) {
        return Vec::new();
    }
    ranked
        .iter()
        .filter(|ranked| !services.name(ranked.service).is_empty())
        .map(|ranked| {
            let subject =
                subject(ranked, (forest, graph), services.name(ranked.service), &evidence.findings);
            let reasons = ranked.reasons.iter();
            let onset = onset::onset(reasons.filter_map(|reason| evidence.findings.get(*reason)));
            let fault_kind =
                match (&subject, kind::of(ranked, services.name(ranked.service), evidence)) {
                    (
                        Subject::Dependency(_),
                        FaultKind::Latency
                        | FaultKind::Network
                        | FaultKind::CodeError
                        | FaultKind::Exception
                        | FaultKind::Unknown,
                    ) => FaultKind::Dependency,
                    (_, kind) => kind,
                };
            Suspect {
                subject,
                fault_kind,
                score: ranked.score,
                reasons: ranked.reasons.clone(),
                against: ranked.against.clone(),
                onset,
            }
        })
        .collect()
}

/// Says which part of the leading suspects is bad, and how much of what users wait for the first one makes.
fn look_closer(
    suspects: &mut [Suspect],
    (forest, rows): (&Forest, &[SpanRow]),
    services: &Names,
    findings: &mut Vec<Finding>,
) {
    let named = suspects.iter_mut().filter(|suspect| {
        suspect.score >= COHORT_SCORE_MIN
            && matches!(suspect.subject, Subject::Service(_) | Subject::Pod { .. })
    });
    for suspect in named.take(COHORT_SUSPECTS_MAX) {
        let name = suspect.subject.service().to_owned();
        let Some(service) = services.find(&name) else { continue };
        let Some(finding) = cohorts::find(forest, rows, service, &name) else { continue };
        if let Some(pod) = finding.pod.clone() {
            suspect.subject = Subject::Pod { service: name, pod };
        }
        suspect.reasons.insert(suspect.reasons.len().min(1), findings.len());
        findings.push(finding);
    }
    let leading = suspects.first_mut().filter(|one| one.score >= COHORT_SCORE_MIN);
    if let Some(leading) = leading
        && let Some(service) = services.find(leading.subject.service())
        && let Some(finding) = path::find(forest, rows, services, service)
    {
        leading.reasons.insert(leading.reasons.len().min(2), findings.len());
        findings.push(finding);
    }
}

/// (caller, callee) pairs from spans and from elsewhere.
fn edges(forest: &Forest, observations: &Observations, services: &Names) -> Vec<(u32, u32)> {
    let mut edges: Vec<(u32, u32)> = forest
        .nodes
        .iter()
        .filter(|node| node.is_call())
        .map(|node| (node.service, node.callee))
        .collect();
    for (caller, callee) in &observations.topology {
        if let (Some(caller), Some(callee)) = (services.find(caller), services.find(callee)) {
            edges.push((caller, callee));
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The service, or the one pod of several that its leading findings are about.
fn subject(
    ranked: &Ranked,
    (forest, graph): (&Forest, &ServiceGraph),
    name: &str,
    findings: &[Finding],
) -> Subject {
    let service = name.to_owned();
    if forest.dependencies.contains(&ranked.service) {
        return Subject::Dependency(service);
    }
    let pods = graph.service(name).map_or(0, |service| service.pods.len());
    let leading = ranked.reasons.iter().take(3).filter_map(|reason| findings.get(*reason));
    let pod = leading.filter(|finding| finding.service == name).find_map(|finding| {
        let pod = finding.pod.clone()?;
        let same = |other: &&Finding| match (&other.kind, &finding.kind) {
            (
                FindingKind::MetricShift { metric: a, .. },
                FindingKind::MetricShift { metric: b, .. },
            ) => a == b,
            _ => false,
        };
        let elsewhere = findings
            .iter()
            .filter(same)
            .any(|other| other.service == name && other.pod.as_ref() != Some(&pod));
        (!elsewhere).then_some(pod)
    });
    match pod {
        Some(pod) if pods > 1 => Subject::Pod { service, pod },
        _ => Subject::Service(service),
    }
}

/// Seconds that logs cover: minutes in which anyone wrote, no longer than the ranges themselves.
fn covered(observations: &Observations, periods: &Periods) -> logs::Covered {
    let mut minutes: Vec<i64> = observations
        .templates_baseline
        .iter()
        .flat_map(|row| row.minutes.iter().map(|(minute, _)| *minute))
        .collect();
    minutes.sort_unstable();
    minutes.dedup();
    let ranges: f64 = periods.baseline.iter().map(groundcrew_telemetry::TimeRange::secs).sum();
    let baseline = (minutes.len() as f64 * 60.0).min(ranges).max(1.0);
    logs::Covered { baseline, window: periods.window.secs().max(1.0) }
}
