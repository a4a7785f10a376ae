//! Each way in which trouble shows, on the made-up shop.

use groundcrew_telemetry::{ClusterObject, Severity, SpanKind, Value};

use super::scene::{Plan, Scene, first, resource, score};
use crate::{FaultKind, FindingKind, Subject};

#[test]
fn a_slow_callee_is_blamed_and_not_those_that_wait() {
    let analysis = Scene::new(|_| Plan { stock_ms: 80.0, ..Plan::default() }).rank();
    assert_eq!(first(&analysis), "stock", "{:#?}", analysis.suspects);
    assert!(score(&analysis, "stock") > 0.6);
    assert!(score(&analysis, "orders") < 0.1 && score(&analysis, "front") < 0.1);
    let suspect = analysis.suspects.first().unwrap();
    assert_eq!(suspect.fault_kind, FaultKind::Latency);
    assert!(!suspect.reasons.is_empty() && suspect.onset.is_some());
}

#[test]
fn time_on_the_wire_blames_the_callee_and_the_network() {
    let analysis = Scene::new(|_| Plan { wire_ms: 120.0, ..Plan::default() }).rank();
    assert_eq!(first(&analysis), "stock");
    assert_eq!(analysis.suspects.first().unwrap().fault_kind, FaultKind::Network);
    let is_edge = |kind: &FindingKind| matches!(kind, FindingKind::EdgeLatency { callee, .. } if callee == "stock");
    assert!(
        analysis
            .findings
            .iter()
            .any(|finding| is_edge(&finding.kind) && finding.service == "orders")
    );
}

#[test]
fn requests_that_end_early_blame_who_answered_last() {
    let analysis = Scene::new(|_| Plan { reaches_mail: false, ..Plan::default() }).rank();
    assert_eq!(first(&analysis), "stock");
    assert_eq!(score(&analysis, "mail"), 0.0);
}

#[test]
fn failures_are_blamed_where_they_begin() {
    let analysis = Scene::new(|_| Plan { stock_fails: true, ..Plan::default() }).rank();
    assert_eq!(first(&analysis), "stock");
    assert!(score(&analysis, "stock") > 0.5);
    assert!(score(&analysis, "front") < 0.2);
}

#[test]
fn a_new_exception_is_heard_and_a_frequent_line_is_not() {
    let mut scene = Scene::healthy();
    scene.log("mail", Severity::INFO, "sent letter 17", (200, 50));
    scene.log(
        "mail",
        Severity::ERROR,
        "java.lang.IllegalStateException: template 7 not found",
        (0, 20),
    );
    let analysis = scene.rank();
    assert_eq!(first(&analysis), "mail");
    assert_eq!(analysis.suspects.first().unwrap().fault_kind, FaultKind::Exception);
    assert!(!analysis.findings.iter().any(|finding| {
        matches!(&finding.kind, FindingKind::TemplateSpiking { text, .. } if text.starts_with("sent"))
    }));
}

#[test]
fn callers_that_log_about_a_callee_inherit() {
    let mut scene = Scene::healthy();
    scene.log("stock", Severity::ERROR, "deadlock detected on row 5", (0, 30));
    scene.log("orders", Severity::ERROR, "reservation failed for 5", (0, 30));
    let analysis = scene.rank();
    assert_eq!(first(&analysis), "stock");
    assert!(score(&analysis, "stock") > 1.5 * score(&analysis, "orders"));
    let orders =
        analysis.suspects.iter().find(|suspect| suspect.subject.service() == "orders").unwrap();
    assert!(!orders.against.is_empty());
}

#[test]
fn a_line_that_always_came_along_and_stops_is_missed() {
    let mut scene = Scene::healthy();
    scene.log("stock", Severity::INFO, "reserve begins for 3", (200, 50));
    scene.log("stock", Severity::INFO, "reserve done for 3", (200, 20));
    let analysis = scene.rank();
    assert_eq!(first(&analysis), "stock");
    assert!(
        analysis
            .findings
            .iter()
            .any(|finding| matches!(finding.kind, FindingKind::PathLeft { .. }))
    );
}

#[test]
fn a_path_left_between_two_lines_that_read_alike_is_seen_by_where_they_are_written() {
    let missed = |places: &[(u8, u32, u32)]| {
        let mut scene = Scene::healthy();
        scene.log_at_places("stock", "step took 3 ms", places);
        let analysis = scene.rank();
        analysis.findings.iter().find_map(|finding| match &finding.kind {
            FindingKind::PathLeft { exemplar, missed, due, .. } => {
                Some((exemplar.clone(), *missed, *due))
            }
            _ => None,
        })
    };
    assert_eq!(
        missed(&[(1, 200, 50), (2, 200, 20)]),
        Some(("step took 3 ms at 2".to_owned(), 30, 50))
    );
    assert_eq!(missed(&[(1, 200, 50), (2, 200, 49)]), None);
    assert_eq!(missed(&[(1, 200, 50), (2, 200, 0), (3, 0, 50)]), None, "a release moved the line");
}

#[test]
fn a_pod_is_told_from_its_siblings() {
    let pod = |number: usize| if number.is_multiple_of(2) { "stock-a" } else { "stock-b" };
    let mut scene = Scene::new(|number| Plan {
        stock_ms: if number.is_multiple_of(2) { 90.0 } else { 5.0 },
        stock_pod: Some(pod(number)),
        ..Plan::default()
    });
    scene.gauge("container.cpu.utilization", resource("stock", Some("stock-a"), None), (0.2, 0.97));
    scene.gauge("container.cpu.utilization", resource("stock", Some("stock-b"), None), (0.2, 0.21));
    let analysis = scene.rank();
    let suspect = analysis.suspects.first().unwrap();
    assert_eq!(
        suspect.subject,
        Subject::Pod { service: "stock".to_owned(), pod: "stock-a".to_owned() }
    );
    assert_eq!(suspect.fault_kind, FaultKind::Cpu);
}

#[test]
fn a_node_that_hosts_several_sufferers_is_blamed() {
    let mut scene = Scene::new(|_| Plan { stock_ms: 40.0, mail_ms: 30.0, ..Plan::default() });
    for (service, cpu) in [("stock", 0.3), ("mail", 0.2)] {
        let on_node = resource(service, None, Some("node-1"));
        scene.gauge("container.cpu.usage", on_node, (cpu, cpu));
    }
    scene.gauge("node.cpu.utilization", resource("kubelet", None, Some("node-1")), (0.4, 0.99));
    let analysis = scene.rank();
    let node = analysis
        .suspects
        .iter()
        .find(|suspect| suspect.subject == Subject::Node("node-1".to_owned()));
    let node = node.unwrap();
    assert_eq!(node.fault_kind, FaultKind::Cpu);
    assert!(node.score > 0.5 && node.score >= score(&analysis, "mail"), "{:#?}", analysis.suspects);
}

#[test]
fn a_wave_of_requests_is_load_at_the_front() {
    let mut scene = Scene::healthy();
    let start = scene.observations.window.start;
    for number in 0..200 {
        scene.request(start.plus_secs(number % 300), &Plan::default());
    }
    let analysis = scene.rank();
    assert_eq!(first(&analysis), "front");
    assert_eq!(analysis.suspects.first().unwrap().fault_kind, FaultKind::Load);
}

#[test]
fn many_calls_for_one_are_the_callers_doing() {
    let analysis = Scene::new(|_| Plan { stock_calls: 12, ..Plan::default() }).rank();
    assert_eq!(first(&analysis), "orders");
    let is_fan_out = |kind: &FindingKind| matches!(kind, FindingKind::CallsChanged { callee, .. } if callee == "stock");
    assert!(analysis.findings.iter().any(|finding| is_fan_out(&finding.kind)));
}

#[test]
fn a_database_without_spans_is_a_dependency() {
    let mut scene = Scene::new(|_| Plan { mail_ms: 200.0, ..Plan::default() });
    // `mail` becomes a database: its own spans vanish and the client's name it.
    scene.observations.spans.retain(|row| row.resource.service() != "mail");
    for row in &mut scene.observations.spans {
        if row.span.name == "mail" && row.span.kind == SpanKind::Client {
            row.span.attributes.set("db.system", Value::from("postgresql"));
        }
    }
    let analysis = scene.rank();
    assert_eq!(
        analysis.suspects.first().unwrap().subject,
        Subject::Dependency("postgresql".to_owned())
    );
    assert!(analysis.graph.service("postgresql").unwrap().dependency);
}

#[test]
fn an_unhealthy_pod_speaks_for_its_service() {
    let mut scene = Scene::healthy();
    scene.observations.objects.push(ClusterObject {
        kind: "Pod".to_owned(),
        name: "mail-5f6585d649-fnmft".to_owned(),
        status: "CrashLoopBackOff".to_owned(),
        healthy: Some(false),
        ..ClusterObject::default()
    });
    let analysis = scene.rank();
    assert_eq!(first(&analysis), "mail");
    assert_eq!(analysis.suspects.first().unwrap().fault_kind, FaultKind::Scheduling);
}

#[test]
fn metrics_alone_find_the_deepest() {
    let mut scene = Scene::healthy();
    scene.observations.spans.clear();
    scene.observations.topology =
        vec![("front".into(), "orders".into()), ("orders".into(), "stock".into())];
    for (service, before, after) in
        [("front", 90.0, 290.0), ("orders", 60.0, 260.0), ("stock", 20.0, 220.0)]
    {
        scene.gauge("http.server.duration.avg_ms", resource(service, None, None), (before, after));
    }
    let analysis = scene.rank();
    assert_eq!(first(&analysis), "stock");
    assert!(score(&analysis, "front") < 0.2);
}

#[test]
fn a_healthy_window_has_no_suspects() {
    let mut scene = Scene::healthy();
    scene.log("stock", Severity::INFO, "reserve done for 3", (200, 52));
    scene.log("front", Severity::WARN, "slow client 3", (20, 5));
    scene.gauge(
        "container.cpu.utilization",
        resource("stock", Some("stock-a"), None),
        (0.2, 0.205),
    );
    let analysis = scene.rank();
    assert!(analysis.suspects.is_empty(), "{:#?}", analysis.suspects);
    assert_eq!(analysis.graph.services.len(), 4);
    assert_eq!(analysis.graph.blast_radius("stock"), ["front", "orders"]);
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let mut scene = Scene::new(|_| Plan { stock_ms: 80.0, ..Plan::default() });
    scene.log("stock", Severity::ERROR, "deadlock detected on row 5", (0, 30));
    let forward = scene.rank();
    scene.observations.spans.reverse();
    let backward = scene.rank();
    let order = |analysis: &crate::Analysis| {
        analysis
            .suspects
            .iter()
            .map(|suspect| (suspect.subject.clone(), suspect.score))
            .collect::<Vec<_>>()
    };
    assert_eq!(order(&forward).first(), order(&backward).first());
    assert_eq!(forward.suspects, scene_again().suspects);
}

fn scene_again() -> crate::Analysis {
    let mut scene = Scene::new(|_| Plan { stock_ms: 80.0, ..Plan::default() });
    scene.log("stock", Severity::ERROR, "deadlock detected on row 5", (0, 30));
    scene.rank()
}

#[test]
fn a_caller_that_gives_up_on_a_good_answer_is_blamed_itself() {
    let mut scene = Scene::healthy();
    let window = scene.observations.window;
    let call_of_orders = |row: &&mut groundcrew_telemetry::SpanRow| {
        row.resource.service() == "orders" && row.span.name == "stock"
    };
    for row in scene.observations.spans.iter_mut().filter(call_of_orders) {
        if window.contains(row.span.start) {
            row.span.status.code = groundcrew_telemetry::StatusCode::Error;
            row.span.status.message = "deadline of 3 ms exceeded".to_owned();
        }
    }
    let line = "no answer of stock within 3 ms";
    scene.log("orders", Severity::ERROR, line, (0, 50));
    let analysis = scene.rank();
    assert_eq!(first(&analysis), "orders", "{:#?}", analysis.suspects);
}

#[test]
fn a_name_that_does_not_resolve_is_the_callers_trouble() {
    let mut scene = Scene::healthy();
    let line = "dial tcp: lookup stock on 10.0.0.10:53: no such host";
    scene.log("orders", Severity::ERROR, line, (0, 50));
    let analysis = scene.rank();
    assert!(score(&analysis, "orders") > 3.0 * score(&analysis, "stock"));
}

#[test]
fn words_of_a_full_disk_and_of_spent_memory_give_the_kind() {
    for (line, kind) in [
        ("could not extend file: No space left on device", FaultKind::Disk),
        ("java.lang.OutOfMemoryError: Java heap space", FaultKind::Memory),
    ] {
        let mut scene = Scene::healthy();
        scene.log("mail", Severity::ERROR, line, (0, 40));
        let analysis = scene.rank();
        assert_eq!(analysis.suspects.first().unwrap().fault_kind, kind);
    }
}

#[test]
fn one_failed_request_is_chance() {
    let one = Scene::new(|number| Plan { stock_fails: number == 7, ..Plan::default() });
    let many = Scene::new(|number| Plan { stock_fails: number % 5 == 0, ..Plan::default() });
    let is_error = |kind: &FindingKind| matches!(kind, FindingKind::ServiceErrors { .. });
    let errors = |scene: &Scene| {
        scene.rank().findings.iter().filter(|finding| is_error(&finding.kind)).count()
    };
    assert_eq!((errors(&one), errors(&many) > 0), (0, true));
}
