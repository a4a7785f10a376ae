//! Acknowledged means durable: what a sender got an OK for survives `kill -9`.

use serde_json::json;

use crate::support::{PATIENCE, Program, text};

const END: i64 = 1_790_000_000;

fn line(number: u64) -> String {
    let at = (END - 300) * 1_000_000_000 + i64::try_from(number).unwrap();
    json!({"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
        "scopeLogs": [{"logRecords": [{"timeUnixNano": at.to_string(), "severityNumber": 17,
            "body": {"stringValue": format!("payment failed with code marker{number}x")}}]}]}]})
    .to_string()
}

#[tokio::test]
async fn acknowledged_records_survive_kill_9_once_each() {
    let program = Program::new();
    let mut acknowledged = 0;
    for _ in 0..5 {
        let server = program.serve();
        let url = format!("http://{}/v1/logs", server.otlp_http());
        let client = crate::support::client();
        for _ in 0..20 {
            let post = client
                .post(&url)
                .header("content-type", "application/json")
                .body(line(acknowledged));
            assert_eq!(post.timeout(PATIENCE).send().await.unwrap().status(), 200);
            acknowledged += 1;
        }
        assert!(server.signal("KILL").code().is_none(), "it was killed");
    }
    let output = program.run(&["doctor", "-o", "json"]);
    let checks = text(&output.stdout);
    assert!(checks.contains(&format!("{acknowledged} records")), "{checks}");
    let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
    for number in [0, 37, acknowledged - 1] {
        let answer =
            program.run(&["ask", &format!("show marker{number}x"), "--at", &at, "-o", "json"]);
        assert!(
            text(&answer.stdout).contains(&format!("marker{number}x")),
            "{}",
            text(&answer.stderr)
        );
    }
}

#[test]
fn two_writers_do_not_share_a_directory() {
    let program = Program::new();
    let _server = program.serve();
    let output = program.run(&["ingest", &program.file("a.log", "2026-11-22T03:07:01Z INFO x\n")]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("hint"), "{stderr}");
}
