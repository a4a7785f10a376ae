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

/// Lines of a shop's log with their labels, as `(line, message, label)`.
fn shop_lines() -> Vec<(String, String, &'static str)> {
    let users = ["ana", "bo", "cy", "di", "eve", "flo"];
    let mut lines = Vec::new();
    for (number, user) in users.iter().enumerate() {
        let mut add = |message: String, label| {
            let line = format!(
                "2026-11-22 03:07:1{number},125 INFO [worker-{number}] shop.Till: {message}"
            );
            lines.push((line, message, label));
        };
        add(format!("order {} of {user} was paid, \"card\"", number * 7919), "E1");
        add(format!("took {number}.5 KB from /tmp/{user}/cache"), "E2");
        add(format!("session opened for user {user}"), "E3");
    }
    lines
}

#[test]
fn log_lines_are_grouped_and_compared_with_their_labels() {
    let program = Program::new();
    let lines = shop_lines();
    let raw: String = lines.iter().map(|(line, ..)| format!("{line}\n")).collect();
    let labels: String = std::iter::once("LineId,Content,EventId\n".to_owned())
        .chain(lines.iter().enumerate().map(|(number, (_, message, label))| {
            format!("{},\"{}\",{label}\n", number + 1, message.replace('"', "\"\""))
        }))
        .collect();
    program.file("logs/Shop/Shop_2k.log", &raw);
    program.file("logs/Shop/Shop_2k.log_structured.csv", &labels);
    program.file("logs/Other/Other_2k.log", "a line of 5 words\n");
    let folder = program.home.path().join("logs");
    let out = program.home.path().join("groups.jsonl");
    let output = program.run(&[
        "eval",
        "templates",
        folder.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let mean = table.lines().find(|line| line.starts_with("mean")).unwrap();
    assert!(mean.ends_with("1.000 1.000         1.000 1.000"), "{table}");
    assert!(table.contains("lines per second"), "{table}");
    assert_eq!(text(&output.stderr), "Other\nShop\n");
    let rows: Vec<Value> = std::fs::read_to_string(&out)
        .unwrap()
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(rows.len(), lines.len() + 1);
    assert_eq!((rows[0]["system"].as_str(), rows[0]["line"].as_u64()), (Some("Other"), Some(1)));
    assert_eq!(rows[1]["template_id"], rows[4]["template_id"]);
    assert_ne!(rows[1]["template_id"], rows[2]["template_id"]);
}

#[test]
fn logs_that_cannot_be_measured_are_errors_with_hints() {
    let program = Program::new();
    let folder = program.home.path().join("logs");
    let grouped =
        || program.run(&["eval", "templates", folder.to_str().unwrap(), "--out", "groups.jsonl"]);
    assert_eq!(grouped().status.code(), Some(2), "no such folder");
    program.file("logs/readme.txt", "nothing");
    assert!(text(&grouped().stderr).contains("hint: give the folder that holds files called"));
    program.file("logs/Shop_2k.log", "one\ntwo\n");
    program.file("logs/Shop_2k.log_structured.csv", "Content,EventId\none,E1\n");
    let output = grouped();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("1 labels for 2 lines"), "{}", text(&output.stderr));
    program.file("logs/Shop_2k.log_structured.csv", "Content\none\ntwo\n");
    assert!(text(&grouped().stderr).contains("no column EventId"));
}

#[test]
fn a_simulated_system_is_played_and_the_answer_graded() {
    let program = Program::new();
    let out = program.home.path().join("simulated.jsonl");
    let played = |only: &str| {
        let arguments = [
            "eval",
            "simulated",
            "--services",
            "8",
            "--runs",
            "1",
            "--pairs",
            "0",
            "--healthy",
            "1",
        ];
        let output = program
            .run(&[&arguments[..], &["--only", only, "--out", out.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let rows = std::fs::read_to_string(&out).unwrap();
        let row: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
        (row, text(&output.stdout))
    };
    let (row, table) = played("crash-loop");
    let guilty = row["truths"][0]["accepted"][0].as_str().unwrap();
    assert!(row["ranking"][0].as_str().unwrap().starts_with(guilty), "{row}");
    assert_eq!((row["top1"].as_bool(), row["kind"].as_str()), (Some(true), Some("scheduling")));
    assert!(row["truths"][0]["change"].as_str().unwrap().starts_with("deploy-"), "{row}");
    assert!(table.contains("| crash-loop | 1 | 100 | 100 |"), "{table}");
    let (row, table) = played("healthy");
    assert!(row["truths"].as_array().unwrap().is_empty());
    assert!(row["spans"].as_u64().unwrap() > 10_000, "{row}");
    assert!(table.contains("| 8 services | 1 |"), "{table}");
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
