//! Fingerprints of made-up analyses and reports.

use groundcrew_telemetry::{Severity, TemplateId};
use proptest::prelude::*;

use super::{Fingerprint, Nearness, Rarity, Report, Role, Sign, SignKind, compare, fault_kind};
use crate::templates::template_of;
use crate::{
    Analysis, FaultKind, Finding, FindingKind, GraphEdge, GraphService, ServiceGraph, Subject,
    Suspect,
};

const POOL: &str = "HikariPool-1 - Connection is not available, request timed out after 3000ms";
const OOM: &str = "fatal: the process ran out of heap while it was serving baskets";

fn finding(service: &str, kind: FindingKind) -> Finding {
    Finding { kind, service: service.to_owned(), pod: None, since: None, strength: 9.0 }
}

fn new_line(service: &str, line: &str) -> Finding {
    let template = template_of(line);
    let kind = FindingKind::TemplateNew {
        template: template.id,
        text: template.text,
        severity: Severity::ERROR,
        count: 40,
        exemplar: line.to_owned(),
        example: None,
    };
    finding(service, kind)
}

fn metric(service: &str, metric: &str, before: f64, after: f64) -> Finding {
    let (metric, unit) = (metric.to_owned(), String::new());
    finding(service, FindingKind::MetricShift { metric, unit, before, after, node: None })
}

fn failing_calls(caller: &str, callee: &str) -> Finding {
    let kind = FindingKind::EdgeErrors {
        callee: callee.to_owned(),
        before: 0.0,
        after: 0.4,
        failed: 4,
        total: 10,
        example: None,
    };
    finding(caller, kind)
}

/// `front` calls `orders` and `baskets`, which both call `stock`.
fn graph() -> ServiceGraph {
    let names = ["baskets", "front", "orders", "stock"];
    let services = names
        .iter()
        .map(|name| GraphService { name: (*name).to_owned(), ..GraphService::default() })
        .collect();
    let pairs =
        [("baskets", "stock"), ("front", "baskets"), ("front", "orders"), ("orders", "stock")];
    let edges = pairs
        .iter()
        .map(|(caller, callee)| GraphEdge {
            caller: (*caller).to_owned(),
            callee: (*callee).to_owned(),
            calls_window: 10,
            calls_baseline: 10,
        })
        .collect();
    ServiceGraph { services, edges }
}

fn analysis(service: &str, kind: FaultKind, findings: Vec<Finding>) -> Analysis {
    let suspect = Suspect {
        subject: Subject::Service(service.to_owned()),
        fault_kind: kind,
        score: 0.8,
        reasons: (0..findings.len()).collect(),
        against: Vec::new(),
        onset: None,
    };
    Analysis { findings, suspects: vec![suspect], graph: graph(), ..Analysis::default() }
}

fn pool(service: &str) -> Fingerprint {
    let findings = vec![
        new_line(service, POOL),
        metric(service, "db.client.connection.pending_requests", 0.0, 12.0),
        failing_calls("front", service),
    ];
    Fingerprint::of(&analysis(service, FaultKind::Config, findings))
}

fn memory(service: &str) -> Fingerprint {
    let findings = vec![
        new_line(service, OOM),
        metric(service, "jvm.memory.used", 100.0, 900.0),
        failing_calls("front", service),
    ];
    Fingerprint::of(&analysis(service, FaultKind::Memory, findings))
}

fn score(now: &Fingerprint, then: &Fingerprint) -> f64 {
    let memory = [then.clone()];
    compare(now, then, &Rarity::of(&memory)).score
}

#[test]
fn the_same_trouble_is_the_same_whatever_its_figures() {
    let mut later = pool("orders");
    assert_eq!(later, pool("orders"));
    let mut analysis = analysis(
        "orders",
        FaultKind::Config,
        vec![
            new_line("orders", &POOL.replace("3000", "2987")),
            metric("orders", "db.client.connection.pending_requests", 1.0, 70.0),
            failing_calls("front", "orders"),
        ],
    );
    assert_eq!(Fingerprint::of(&analysis), later, "figures are left out");
    assert!((score(&later, &pool("orders")) - 1.0).abs() < 1e-9);
    analysis.findings.reverse();
    analysis.suspects[0].reasons.reverse();
    assert_eq!(Fingerprint::of(&analysis), later, "the order in which it was found is left out");
    later.set_fault("orders", FaultKind::Load);
    let faults: Vec<&str> = later
        .signs
        .iter()
        .filter(|sign| sign.kind == SignKind::Fault)
        .map(|sign| sign.detail.as_str())
        .collect();
    assert_eq!(faults, ["load"], "what was confirmed takes the place of what was suspected");
}

#[test]
fn the_same_trouble_in_another_service_of_the_same_role_is_alike_in_part() {
    let (same, elsewhere, other) = (
        score(&pool("orders"), &pool("orders")),
        score(&pool("orders"), &pool("baskets")),
        score(&pool("orders"), &memory("orders")),
    );
    assert!(
        same > elsewhere && elsewhere > 0.3 && elsewhere > other + 0.1,
        "{same} {elsewhere} {other}"
    );
    assert!(other < 0.3, "{other}");
    let nearness: Vec<Nearness> = compare(&pool("orders"), &pool("baskets"), &Rarity::default())
        .matching
        .iter()
        .map(|found| found.nearness)
        .collect();
    assert!(nearness.contains(&Nearness::Elsewhere), "{nearness:?}");
    assert!(!nearness.contains(&Nearness::Same), "{nearness:?}");
}

#[test]
fn what_differs_is_named_on_both_sides() {
    let mut now = analysis(
        "orders",
        FaultKind::Config,
        vec![new_line("orders", POOL), metric("orders", "k8s.pod.cpu.usage", 1.0, 4.0)],
    );
    let likeness = compare(&Fingerprint::of(&now), &pool("orders"), &Rarity::default());
    let then = pool("orders");
    let gone: Vec<&str> =
        likeness.only_then.iter().map(|at| then.signs[*at].detail.as_str()).collect();
    assert_eq!(gone, ["db.client.connection.pending_requests", "orders"]);
    let signs = Fingerprint::of(&now).signs;
    let new: Vec<&str> = likeness.only_now.iter().map(|at| signs[*at].detail.as_str()).collect();
    assert_eq!(new, ["k8s.pod.cpu.usage"]);
    // Direction counts: a metric that fell is not one that rose.
    now.findings = vec![metric("orders", "db.client.connection.pending_requests", 12.0, 0.0)];
    let fell = compare(&Fingerprint::of(&now), &then, &Rarity::default());
    assert!(fell.only_then.iter().any(|at| then.signs[*at].kind == SignKind::MetricUp));
}

#[test]
fn what_is_rare_among_the_remembered_counts_more() {
    // Every remembered incident has failing calls at the entry; one has the line.
    let common = |service: &str| {
        let findings = vec![failing_calls("front", service), failing_calls("front", "stock")];
        Fingerprint::of(&analysis(service, FaultKind::Unknown, findings))
    };
    let mut memory: Vec<Fingerprint> = (0..20).map(|_| common("orders")).collect();
    memory.push(pool("orders"));
    let now = Fingerprint::of(&analysis(
        "orders",
        FaultKind::Unknown,
        vec![new_line("orders", POOL), failing_calls("front", "stock")],
    ));
    let rarity = Rarity::of(&memory);
    let with_line = compare(&now, &pool("orders"), &rarity).score;
    let with_calls = compare(&now, &common("orders"), &rarity).score;
    assert!(with_line > 1.5 * with_calls, "{with_line} {with_calls}");
    let alone = [pool("orders")];
    let unweighted = compare(&now, &pool("orders"), &Rarity::of(&alone)).score;
    assert!(with_line > unweighted, "{with_line} {unweighted}");
}

#[test]
fn noise_elsewhere_decides_little() {
    let mut noisy = analysis(
        "orders",
        FaultKind::Config,
        vec![
            new_line("orders", POOL),
            metric("orders", "db.client.connection.pending_requests", 0.0, 12.0),
            failing_calls("front", "orders"),
        ],
    );
    for number in 0..8 {
        noisy.findings.push(metric("baskets", &format!("noise.memory.{number}"), 1.0, 2.0));
    }
    let likeness = score(&Fingerprint::of(&noisy), &pool("orders"));
    assert!(likeness > 0.6, "{likeness}");
}

const REPORT: &str = "\
# No orders\n\nAt 09:44 orders failed with `HikariPool-1 - Connection is not available, request timed out after 3000ms`.
`db.client.connection.pending_requests` rose; orders was blamed, then the setting found.\n\n```sh\nkubectl -n shop rollout undo deploy/orders now\n```\n
```\nWARN the pool of orders is empty since a while\n```\n";

#[test]
fn a_report_gives_a_fingerprint_too() {
    let known = ["front".to_owned(), "orders".to_owned(), "stock".to_owned()];
    let alerts = ["OrdersFailing".to_owned()];
    let report = Report {
        text: REPORT,
        cause: "a setting was lost in the configuration",
        services: &[],
        alerts: &alerts,
    };
    let print = Fingerprint::of_report(&report, &known);
    assert!(print.told);
    let of = |kind| -> Vec<&Sign> { print.signs.iter().filter(|sign| sign.kind == kind).collect() };
    assert_eq!(of(SignKind::LineNew).len(), 2, "commands are no symptoms: {:?}", print.signs);
    assert_eq!(of(SignKind::MetricNamed)[0].detail, "db.client.connection.pending_requests");
    assert_eq!(of(SignKind::ServiceNamed)[0].service, "orders");
    assert_eq!(of(SignKind::ServiceNamed).len(), 1);
    assert_eq!(of(SignKind::Alert)[0].detail, "OrdersFailing");
    assert_eq!(of(SignKind::Fault)[0].detail, "config");
    let line = of(SignKind::LineNew)
        .iter()
        .any(|sign| sign.detail == format!("{:016x}", template_of(POOL).id.0));
    assert!(line, "its line is the one that telemetry shows");
    let (like, unlike) = (score(&pool("orders"), &print), score(&memory("baskets"), &print));
    assert!(like > 0.3 && like > 3.0 * unlike, "{like} {unlike}");
}

#[test]
fn words_tell_kinds_of_fault() {
    assert_eq!(fault_kind("the heap leaked until it was OOMKilled"), Some(FaultKind::Memory));
    assert_eq!(fault_kind("a third-party provider was down"), Some(FaultKind::Dependency));
    assert_eq!(fault_kind("nobody knows"), None);
}

fn any_sign() -> impl Strategy<Value = Sign> {
    let kinds = prop::sample::select(vec![
        SignKind::LineNew,
        SignKind::LineGone,
        SignKind::MetricUp,
        SignKind::EdgeFails,
        SignKind::Cohort,
        SignKind::Fault,
        SignKind::ServiceNamed,
    ]);
    let roles = prop::sample::select(vec![Role::Entry, Role::Leaf, Role::Unknown]);
    (kinds, "[a-c|]{0,3}", "[a-b]{0,1}", "[a-c]{0,2}", roles, any::<f64>(), ".{0,40}").prop_map(
        |(kind, detail, class, service, role, weight, text)| Sign {
            kind,
            detail,
            class,
            service,
            role,
            weight,
            text,
        },
    )
}

proptest! {
    #[test]
    fn any_two_fingerprints_can_be_compared(
        now in prop::collection::vec(any_sign(), 0..20),
        then in prop::collection::vec(any_sign(), 0..20),
        told in any::<bool>(),
    ) {
        let mut prints = [Fingerprint::default(), Fingerprint { told, ..Fingerprint::default() }];
        for (print, signs) in prints.iter_mut().zip([now, then]) {
            signs.into_iter().for_each(|sign| print.add(sign));
        }
        let [now, then] = &prints;
        let rarity = Rarity::of(&prints);
        let likeness = compare(now, then, &rarity);
        prop_assert!((0.0..=1.0).contains(&likeness.score));
        prop_assert_eq!(likeness.matching.len() + likeness.only_now.len(), now.signs.len());
        if now.signs.iter().any(|sign| !sign.service.is_empty()) {
            prop_assert!(compare(now, now, &rarity).score > 0.999);
        }
    }

    #[test]
    fn any_report_can_be_read(text in ".{0,400}", cause in ".{0,80}", name in "[a-z`]{0,4}") {
        let services = [name.clone()];
        let report = Report { text: &text, cause: &cause, services: &services, alerts: &services };
        let print = Fingerprint::of_report(&report, &services);
        prop_assert!(print.told);
    }
}

#[test]
fn a_template_id_is_written_in_full() {
    let mut analysis = analysis("orders", FaultKind::Config, vec![new_line("orders", POOL)]);
    if let FindingKind::TemplateNew { template, .. } = &mut analysis.findings[0].kind {
        *template = TemplateId(7);
    }
    let print = Fingerprint::of(&analysis);
    assert!(print.signs.iter().any(|sign| sign.detail == "0000000000000007"));
}
