//! Which part of a service is bad.

use groundcrew_telemetry::{StatusCode, Value};

use super::scene::{Plan, Scene, first};
use crate::{Analysis, FindingKind, Subject};

/// Attribute, value, and whether bad is slow.
fn cohort(analysis: &Analysis) -> Option<(String, String, bool)> {
    analysis.findings.iter().find_map(|finding| match &finding.kind {
        FindingKind::Cohort { attribute, value, is_slow, .. } => {
            Some((attribute.clone(), value.clone(), *is_slow))
        }
        _ => None,
    })
}

#[test]
fn failures_of_one_pod_of_two_are_that_pods() {
    let pods = ["stock-a", "stock-b"];
    let scene = Scene::new(|number| Plan {
        stock_pod: pods.get(number % 2).copied(),
        stock_fails: number % 2 == 1,
        ..Plan::default()
    });
    let analysis = scene.rank();
    let expected = ("k8s.pod.name".to_owned(), "stock-b".to_owned(), false);
    assert_eq!(cohort(&analysis), Some(expected));
    let suspect = analysis.suspects.first().unwrap();
    let pod = Subject::Pod { service: "stock".to_owned(), pod: "stock-b".to_owned() };
    assert_eq!(suspect.subject, pod);
    let told = suspect.reasons.iter().filter_map(|reason| analysis.findings.get(*reason));
    assert!(told.take(2).any(|finding| matches!(finding.kind, FindingKind::Cohort { .. })));
}

#[test]
fn slow_requests_with_a_flag_are_told_from_those_without() {
    let mut scene = Scene::new(|number| Plan {
        stock_ms: if number % 3 == 0 { 300.0 } else { 5.0 },
        ..Plan::default()
    });
    let window = scene.observations.window;
    let in_window = |row: &&mut groundcrew_telemetry::SpanRow| {
        row.resource.service() == "stock" && window.contains(row.span.start)
    };
    for (number, row) in scene.observations.spans.iter_mut().filter(in_window).enumerate() {
        let variant = if number % 3 == 0 { "on" } else { "off" };
        row.span.attributes.set("feature_flag.result.variant", variant);
        row.span.attributes.set("request.id", Value::Int(number as i64));
    }
    let analysis = scene.rank();
    let expected = ("feature_flag.result.variant".to_owned(), "on".to_owned(), true);
    assert_eq!((first(&analysis), cohort(&analysis)), ("stock", Some(expected)));
}

#[test]
fn an_outcome_is_no_cause_and_trouble_everywhere_has_no_cohort() {
    let mut scene = Scene::new(|number| Plan { stock_fails: number % 3 == 0, ..Plan::default() });
    for row in &mut scene.observations.spans {
        let failed = row.span.status.code == StatusCode::Error;
        row.span
            .attributes
            .set("http.response.status_code", Value::Int(if failed { 500 } else { 200 }));
    }
    assert_eq!(cohort(&scene.rank()), None);
    let everywhere =
        Scene::new(|_| Plan { stock_fails: true, stock_pod: Some("stock-a"), ..Plan::default() });
    assert_eq!(cohort(&everywhere.rank()), None);
}
