//! Changes as hypotheses, on the made-up shop.

use groundcrew_telemetry::{ChangeEvent, ChangeKind, Severity, Timestamp};

use super::scene::Scene;
use crate::Verdict;

fn event(kind: ChangeKind, id: &str, time: Timestamp) -> ChangeEvent {
    ChangeEvent {
        kind,
        time,
        id: id.to_owned(),
        service: None,
        title: String::new(),
        actor: None,
        from: None,
        to: None,
        commits: Vec::new(),
        files: Vec::new(),
        diff: String::new(),
        link: None,
    }
}

fn commit(id: &str, time: Timestamp, file: &str, diff: &str) -> ChangeEvent {
    ChangeEvent {
        files: vec![file.to_owned()],
        diff: diff.to_owned(),
        ..event(ChangeKind::Commit, id, time)
    }
}

fn deploy(commit: &str, service: &str, time: Timestamp) -> ChangeEvent {
    ChangeEvent {
        service: Some(service.to_owned()),
        commits: vec![commit.to_owned()],
        ..event(ChangeKind::Deploy, &format!("deploy of {commit}"), time)
    }
}

/// A shop where `stock` fails in words, and an early and a late deploy of it.
fn broken(message: &str, culprit: &str, decoy: &str) -> Scene {
    let mut scene = Scene::healthy();
    scene.log("stock", Severity::ERROR, message, (0, 30));
    let onset = scene.observations.window.start;
    scene.observations.symptom.service = Some("stock".to_owned());
    scene.observations.changes = vec![
        commit("aaaaaaa1", onset.plus_secs(-900), "services/stock/a.go", culprit),
        deploy("aaaaaaa1", "stock", onset.plus_secs(-600)),
        commit("bbbbbbb2", onset.plus_secs(-300), "services/stock/b.go", decoy),
        deploy("bbbbbbb2", "stock", onset.plus_secs(-120)),
        commit("ccccccc3", onset.plus_secs(-500), "docs/stock.md", "+stock reserve"),
    ];
    scene
}

#[test]
fn the_change_that_touches_what_fails_beats_the_latest_deploy() {
    let scene = broken(
        "column 'reserved_until' does not exist",
        "-\tq := \"SELECT reserved FROM holds\"\n+\tq := \"SELECT reserved_until FROM holds\"\n",
        "-\tx := decode(body)\n+\tx := decodeBody(body)\n",
    );
    let changes = scene.rank().changes;
    let best = changes.first().unwrap();
    assert_eq!(best.id, "aaaaaaa1", "{changes:#?}");
    assert_eq!((best.verdict, best.service.as_deref()), (Verdict::Likely, Some("stock")));
    assert!(best.tests.iter().any(|test| test.text.contains("reserved_until")));
    let total: f64 = changes.iter().map(|change| change.score).sum();
    assert!((total - 1.0).abs() < 1e-9);
}

#[test]
fn a_change_after_the_onset_is_ruled_out() {
    let mut scene = broken("column 'reserved_until' does not exist", "", "");
    let onset = scene.observations.window.start;
    let late = "+\tq := \"SELECT reserved_until FROM holds\"\n";
    scene.observations.changes = vec![
        commit("ddddddd4", onset.plus_secs(200), "services/stock/a.go", late),
        deploy("ddddddd4", "stock", onset.plus_secs(240)),
    ];
    let changes = scene.rank().changes;
    assert_eq!(changes.first().unwrap().id, "none");
    assert_eq!(changes.last().unwrap().verdict, Verdict::RuledOut);
}

#[test]
fn an_expired_certificate_is_no_commits_doing() {
    let scene = broken(
        "tls: certificate has expired or is not yet valid",
        "-\tc := tls.Config{Min: 2}\n+\tc := tls.Config{Min: 3}\n",
        "-\tx := decode(body)\n+\tx := decodeBody(body)\n",
    );
    let changes = scene.rank().changes;
    let best = changes.first().unwrap();
    assert_eq!(best.id, "none", "{changes:#?}");
    assert!(best.tests.iter().any(|test| test.text.contains("certificate")));
}

#[test]
fn without_changes_there_are_no_verdicts() {
    assert!(Scene::healthy().rank().changes.is_empty());
}

#[test]
fn trouble_that_settings_brought_is_of_configuration() {
    let mut scene = broken(
        "Connection pool exhausted: pool size 2 reached",
        "-pool_size: 20\n+pool_size: 2",
        "+// a comment",
    );
    for change in &mut scene.observations.changes {
        for file in &mut change.files {
            *file = file.replace(".go", ".yaml");
        }
    }
    let analysis = scene.rank();
    assert_eq!(analysis.changes.first().unwrap().id, "aaaaaaa1");
    assert_eq!(analysis.suspects.first().unwrap().fault_kind, crate::FaultKind::Config);
}
