//! The measurements run, on recorded cases where this checkout has them beside it.

use serde_json::Value;

use crate::support::{Program, recorded, text};

#[test]
fn a_recorded_incident_is_ranked() {
    let Some(cases) = recorded("rca") else { return };
    let program = Program::new();
    let out = program.home.path().join("rankings.json");
    program.ok(&[
        "eval",
        "rca",
        cases.to_str().unwrap(),
        "--rankings",
        out.to_str().unwrap(),
        "--only",
        "rcb-02",
    ]);
    let rankings: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let ranking = rankings["rootcausebench/rcb-02"].as_array().unwrap();
    assert!(ranking.len() > 1, "changes are ranked, `none` among them: {ranking:?}");
    assert!(ranking.iter().any(|id| id == "none"));
}

#[test]
fn a_bundle_never_exceeds_its_budget() {
    let Some(cases) = recorded("peer_cases") else { return };
    let program = Program::new();
    let out = program.home.path().join("bundles.jsonl");
    program.ok(&[
        "eval",
        "bundles",
        cases.to_str().unwrap(),
        "--budget",
        "2000",
        "--out",
        out.to_str().unwrap(),
        "--only",
        "ask",
    ]);
    let lines = std::fs::read_to_string(&out).unwrap();
    assert!(lines.lines().count() > 1);
    for line in lines.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert!(row["tokens"].as_u64().unwrap() <= 2_000, "{}", row["case"]);
        assert!(!row["items"].as_array().unwrap().is_empty(), "{}", row["case"]);
    }
}

#[test]
fn masking_reports_character_offsets() {
    let program = Program::new();
    let file =
        program.file("lines.jsonl", "{\"id\": \"a\", \"text\": \"né mail ana@example.com\"}\n");
    let out = program.home.path().join("spans.jsonl");
    program.ok(&["eval", "mask", &file, "--out", out.to_str().unwrap()]);
    let row: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(
        (row["spans"][0]["start"].as_u64(), row["spans"][0]["end"].as_u64()),
        (Some(8), Some(23)),
        "{row}"
    );
}

#[test]
fn documents_are_ranked_for_queries() {
    let program = Program::new();
    program.file("set/corpus.jsonl", concat!(
        "{\"id\": \"disk\", \"title\": \"Disk full\", \"text\": \"# Disk full\\nFree space with logrotate.\"}\n",
        "{\"id\": \"pool\", \"title\": \"Pool exhausted\", \"text\": \"# Pool exhausted\\nRaise the connection pool.\"}\n"));
    program.file(
        "set/queries.jsonl",
        "{\"id\": \"q1\", \"text\": \"connection pool exhausted\", \"kind\": \"chat\"}\n",
    );
    let out = program.home.path().join("out.jsonl");
    program.ok(&[
        "eval",
        "retrieval",
        program.home.path().join("set").to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    let row: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(row["docs"][0], "pool");
}

#[test]
fn a_folder_without_cases_is_an_error() {
    let program = Program::new();
    let output = program.run(&[
        "eval",
        "rca",
        program.home.path().to_str().unwrap(),
        "--rankings",
        "x.json",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no cases"));
}
