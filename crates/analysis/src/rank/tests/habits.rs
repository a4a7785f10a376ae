//! Calls that are repeated, resources at their limits, and complaints that hurt nobody.

use std::collections::BTreeSet;

use groundcrew_telemetry::{Severity, SpanKind, SpanStatus, StatusCode, Timestamp, TraceId};

use super::scene::{Plan, Scene, resource, score};
use crate::templates::template_of;
use crate::{Analysis, FindingKind, LogLink};

/// Makes calls to `stock` fail, all but the last of each request, where the request is one of `chosen`.
fn fail_calls(scene: &mut Scene, chosen: impl Fn(Timestamp) -> bool, last_too: bool) {
    let mut seen: BTreeSet<TraceId> = BTreeSet::new();
    for row in scene.observations.spans.iter_mut().rev() {
        let span = &mut row.span;
        if span.name != "stock" || span.kind != SpanKind::Client || !chosen(span.start) {
            continue;
        }
        let is_last = seen.insert(span.trace_id);
        if !is_last || last_too {
            span.status =
                SpanStatus { code: StatusCode::Error, message: "connection reset".to_owned() };
        }
    }
}

fn retries(analysis: &Analysis) -> Option<(f64, f64, u32)> {
    analysis.findings.iter().find_map(|finding| match &finding.kind {
        FindingKind::Retries { callee, before, after, tries_max, .. } if callee == "stock" => {
            Some((*before, *after, *tries_max))
        }
        _ => None,
    })
}

#[test]
fn repeated_failures_are_retries_and_no_loop() {
    let mut scene = Scene::new(|_| Plan { stock_calls: 3, ..Plan::default() });
    let onset = scene.observations.window.start;
    fail_calls(&mut scene, |start| start >= onset, false);
    let analysis = scene.rank();
    let (before, after, tries_max) = retries(&analysis).unwrap();
    assert!(before == 0.0 && (after - 2.0).abs() < 0.05 && tries_max == 3, "{before} {after}");
    let is_loop = |kind: &FindingKind| matches!(kind, FindingKind::CallsChanged { .. });
    assert!(!analysis.findings.iter().any(|finding| is_loop(&finding.kind)));
    // The same calls without a failure between them are one.
    let analysis = Scene::new(|_| Plan { stock_calls: 3, ..Plan::default() }).rank();
    assert!(retries(&analysis).is_none());
    assert!(analysis.findings.iter().any(|finding| is_loop(&finding.kind)));
}

#[test]
fn a_caller_that_begins_to_repeat_is_suspected_more_than_one_that_always_did() {
    let score_of_caller = |always: bool| {
        let mut scene = Scene::new(|_| Plan { stock_calls: 3, ..Plan::default() });
        let onset = scene.observations.window.start;
        let start = scene.observations.baseline.first().unwrap().start;
        // An earlier hour of failures shows the habit: each was repeated, or none was.
        for number in 0..12 {
            let calls = if always { 3 } else { 1 };
            let plan = Plan { stock_calls: calls, ..Plan::default() };
            scene.request(start.plus_secs(60 * number + 3), &plan);
        }
        let is_early = |at: Timestamp| at.secs_since(start).rem_euclid(6.0) >= 3.0;
        fail_calls(&mut scene, |at| at >= onset, false);
        fail_calls(&mut scene, |at| at < onset && is_early(at), !always);
        let analysis = scene.rank();
        assert!(retries(&analysis).is_some());
        score(&analysis, "orders")
    };
    let (new, old) = (score_of_caller(false), score_of_caller(true));
    assert!(new > old + 0.1, "{new} {old}");
}

#[test]
fn a_pool_that_is_used_up_is_told_by_its_limit() {
    let saturated = |used: (f64, f64), max: (f64, f64)| {
        let mut scene = Scene::new(|_| Plan { stock_ms: 30.0, ..Plan::default() });
        let pod = resource("stock", Some("stock-a"), None);
        scene.gauge("db.client.connection.used", pod.clone(), used);
        scene.gauge("db.client.connection.max", pod, max);
        scene.rank().findings.into_iter().find_map(|finding| match finding.kind {
            FindingKind::Saturated { metric, limit, before, after, .. } => {
                assert_eq!(metric, "db.client.connection.used");
                assert_eq!(limit, "db.client.connection.max");
                Some((before, after))
            }
            _ => None,
        })
    };
    let (before, after) = saturated((4.0, 20.0), (20.0, 20.0)).unwrap();
    assert!((before - 0.2).abs() < 0.02 && after > 0.95, "{before} {after}");
    // A limit that was lowered does the same as use that grew.
    assert!(saturated((4.0, 4.0), (20.0, 4.0)).is_some());
    assert!(saturated((4.0, 9.0), (20.0, 20.0)).is_none());
}

#[test]
fn what_is_left_is_read_the_other_way_round() {
    let mut scene = Scene::new(|_| Plan { stock_ms: 30.0, ..Plan::default() });
    let host = resource("stock", None, None);
    scene.gauge("filesystem_avail_bytes", host.clone(), (5e9, 1e8));
    scene.gauge("filesystem_size_bytes", host, (1e10, 1e10));
    let analysis = scene.rank();
    assert!(analysis.findings.iter().any(|finding| {
        matches!(finding.kind, FindingKind::Saturated { before, after, .. } if before < 0.6 && after > 0.95)
    }));
}

#[test]
fn a_warning_in_requests_that_go_well_says_less() {
    const LINE: &str = "slow consumer, buffer at 80 percent";
    let score_of = |in_failing: bool| {
        let mut scene =
            Scene::new(|number| Plan { stock_fails: number.is_multiple_of(4), ..Plan::default() });
        scene.log("mail", Severity::WARN, LINE, (0, 12));
        let onset = scene.observations.window.start;
        let of_stock = scene.observations.spans.iter().filter(|row| row.span.name == "Reserve");
        let traces: Vec<TraceId> = of_stock
            .filter(|row| row.span.start >= onset && row.span.is_error() == in_failing)
            .map(|row| row.span.trace_id)
            .collect();
        let link = |trace_id: &TraceId| LogLink {
            service: "mail".to_owned(),
            template: template_of(LINE).id,
            trace_id: *trace_id,
        };
        scene.observations.log_links = traces.iter().take(12).map(link).collect();
        let analysis = scene.rank();
        let example = analysis.findings.iter().find_map(|finding| match &finding.kind {
            FindingKind::TemplateNew { example, .. } => *example,
            _ => None,
        });
        assert!(traces.contains(&example.unwrap()));
        score(&analysis, "mail")
    };
    let (harmless, harmful) = (score_of(false), score_of(true));
    assert!(harmless < 0.6 * harmful, "{harmless} {harmful}");
}

#[test]
fn when_no_request_suffers_what_moves_beside_them_says_less() {
    let score_of = |page: &str| {
        let mut scene = Scene::healthy();
        // Enough of them to know that nobody suffers.
        let start = scene.observations.baseline.first().unwrap().start;
        for number in 0..1_500 {
            scene.request(start.plus_secs(number), &Plan::default());
        }
        scene.gauge(
            "container.cpu.utilization",
            resource("reports", Some("reports-a"), None),
            (0.1, 0.7),
        );
        scene.observations.symptom.text = page.to_owned();
        score(&scene.rank(), "reports")
    };
    let (of_requests, of_machines) =
        (score_of("2 % of requests took longer"), score_of("CPU of reports is high"));
    assert!(of_machines > 0.0 && of_requests < 0.7 * of_machines, "{of_requests} {of_machines}");
}
