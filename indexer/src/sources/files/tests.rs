//! Whole files through a real store: what comes out is what was in them, and what was not taken is said.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use groundcrew_store::SpanQuery;
use groundcrew_telemetry::{Severity, TimeRange, Timestamp};

use super::*;
use crate::test_bench::{Bench, NOW_SECS};

const NOW: i64 = NOW_SECS;

impl Bench {
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn ingest(&self, path: &Path) -> IngestSummary {
        self.ingest_with(path, &IngestOptions::at(Timestamp::from_secs(NOW)))
    }

    fn ingest_with(&self, path: &Path, options: &IngestOptions) -> IngestSummary {
        ingest_paths(&[path.to_owned()], &self.intake, options, &|_| {}).unwrap()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn otlp_line(second: i64, body: &str) -> String {
    format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"cart"}}}}]}},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{}","severityNumber":17,"body":{{"stringValue":"{body}"}}}}]}}]}}]}}"#,
        second * 1_000_000_000
    )
}

#[test]
fn text_logs_come_back_with_time_level_and_service() {
    let bench = Bench::new();
    let path = bench.file(
        "payment.log.1",
        "2026-01-02 03:04:05,123 WARN  [main] c.e.Pool - slow for a@example.com\n\
         2026-01-02 03:04:06,000 ERROR [main] c.e.Pool - failed\n\
         java.lang.IllegalStateException: no connection\n\
         \tat c.e.Pool.get(Pool.java:5)\n",
    );
    let summary = bench.ingest(&path);
    assert_eq!((summary.files, summary.records.logs), (1, 2));
    let rows = bench.logs();
    assert_eq!(rows[0].record.time, Timestamp::parse("2026-01-02T03:04:05.123Z").unwrap());
    assert_eq!((rows[0].record.severity, rows[0].resource.service()), (Severity::WARN, "payment"));
    assert!(rows[0].record.body.contains("[email]"), "{}", rows[0].record.body);
    assert!(rows[1].record.body.ends_with("Pool.java:5)"));
    assert!(rows.iter().all(|row| row.record.template.is_some()));
}

#[test]
fn one_file_may_mix_json_and_text_lines() {
    let bench = Bench::new();
    let path = bench.file(
        "mixed.log",
        "starting up\n\
         {\"time\":\"2026-01-02T03:04:05Z\",\"level\":\"error\",\"service\":\"cart\",\"msg\":\"from json\"}\n\
         2026-01-02T03:04:06Z stdout F {\"level\":\"warn\",\"msg\":\"inside a runtime line\"}\n\
         {\"log\":\"Exception in thread\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-02T03:04:07Z\"}\n\
         {\"log\":\"\\tat a.B.c(B.java:1)\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-02T03:04:07Z\"}\n\
         {half a brace\n",
    );
    let summary = bench.ingest(&path);
    assert_eq!((summary.records.logs, summary.rejected_total), (5, 0), "{summary:?}");
    let mut bodies: Vec<String> = bench.logs().into_iter().map(|row| row.record.body).collect();
    bodies.sort();
    let expected = [
        "Exception in thread\n\tat a.B.c(B.java:1)",
        "from json",
        "inside a runtime line",
        "starting up",
        "{half a brace",
    ];
    assert_eq!(bodies, expected);
}

#[test]
fn content_ingested_before_is_left_out_unless_asked_for() {
    let bench = Bench::new();
    let path = bench.file("a.otlp.jsonl", otlp_line(NOW, "once"));
    assert_eq!(bench.ingest(&path).records.logs, 1);
    let moved = bench.file("b.otlp.jsonl", otlp_line(NOW, "once"));
    let summary = bench.ingest(&moved);
    assert_eq!((summary.records.total(), summary.already_ingested), (0, vec![moved.clone()]));
    let options = IngestOptions { again: true, ..IngestOptions::at(Timestamp::from_secs(NOW)) };
    assert_eq!(bench.ingest_with(&moved, &options).records.logs, 1);
}

#[test]
fn a_cut_gzip_keeps_its_beginning_and_names_the_line() {
    let bench = Bench::new();
    // Short enough to break within the bytes looked at first, and long enough to break after them.
    for (name, lines) in [("short.jsonl.gz", 200_i64), ("long.jsonl.gz", 20_000)] {
        let text: String = (0..lines)
            .map(|n| otlp_line(NOW + n, &format!("{name} {}", n * 7_919 % 10_007)) + "\n")
            .collect();
        let whole = gzip(text.as_bytes());
        let path = bench.file(name, &whole[..whole.len() * 2 / 3]);
        let summary = bench.ingest(&path);
        let kept = summary.records.logs;
        assert!(kept > 50 && kept < lines as u64, "{name}: {kept}");
        assert_eq!(summary.rejected_total, 1);
        assert_eq!(summary.rejected[0].line, kept + 1, "{name}");
        assert!(summary.rejected[0].reason.contains("cut off"));
        assert_eq!(bench.ingest(&path).already_ingested, [path]);
    }
}

#[test]
fn bad_lines_are_counted_with_their_numbers() {
    let bench = Bench::new();
    let text = [
        otlp_line(NOW, "good"),
        "{\"resourceLogs\":7}".to_owned(),
        "no json".to_owned(),
        otlp_line(NOW, "x").replace("\"severityNumber\":17", "\"severityNumber\":{}"),
        otlp_line(NOW, "good too"),
    ];
    let path = bench.file("a.jsonl", text.join("\n"));
    let summary = bench.ingest(&path);
    assert_eq!((summary.records.logs, summary.rejected_total), (2, 3));
    let lines: Vec<u64> = summary.rejected.iter().map(|rejected| rejected.line).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[test]
fn documents_over_several_lines_are_read_value_by_value() {
    let bench = Bench::new();
    let path = bench.file(
        "changes.json",
        r#"{
          "commits": [{"sha": "3a1f", "timestamp": "2026-09-22T10:02:11Z", "message": "fix"}],
          "deploys": [{"service": "pay", "timestamp": "2026-09-22T10:53:10Z", "version": "v1"}],
          "flags": []
        }
        {
          "alertname": "Slow", "startsAt": "2026-09-22T11:00:00Z", "labels": {"service": "pay"}
        }
        {"broken":"#,
    );
    let summary = bench.ingest(&path);
    assert_eq!((summary.records.changes, summary.records.alerts), (2, 1), "{summary:?}");
    assert_eq!((summary.rejected_total, summary.rejected[0].line), (1, 9), "{summary:?}");
    assert_eq!(bench.intake.store().changes(TimeRange::ALL).unwrap().len(), 2);
    assert_eq!(bench.intake.store().alerts(TimeRange::ALL).unwrap()[0].name, "Slow");
}

#[test]
fn cluster_state_keeps_its_text_and_takes_the_fallback_time() {
    let bench = Bench::new();
    let path = bench.file(
        "get-pods.txt",
        "$ kubectl get pods -n shop\nNAME     READY   STATUS             RESTARTS   AGE\ncart-1   0/1     CrashLoopBackOff   7          9m\n",
    );
    let at = Timestamp::from_secs(NOW);
    let options = IngestOptions { fallback_time: Some(at), ..IngestOptions::at(at) };
    assert_eq!(bench.ingest_with(&path, &options).records.snapshots, 1);
    let snapshots = bench.intake.store().cluster(TimeRange::ALL).unwrap();
    assert_eq!(snapshots[0].time, at);
    assert!(snapshots[0].text.contains("CrashLoopBackOff"));
}

#[test]
fn what_holds_nothing_is_named() {
    let bench = Bench::new();
    bench.file("empty.log", "");
    bench.file("notes.md", "# A runbook\n");
    bench.file("program", b"\x7fELF\0\0\0\0\x01\x02");
    bench.file("twice.gz", gzip(&gzip(b"hello")));
    let settings = bench.file("settings.json", "{\n  \"colour\": \"red\"\n}\n");
    bench.file("ok.log", "2026-01-02T03:04:05Z fine\n");
    let summary = bench.ingest(&bench.folder.path().join("in"));
    assert_eq!((summary.records.logs, summary.skipped_total), (1, 5), "{:?}", summary.skipped);
    assert!(summary.skipped.iter().all(|skipped| !skipped.is_error));
    // What a person names is taken, whatever it is.
    assert_eq!(bench.ingest(&settings).records.logs, 1);
}

#[test]
fn long_lines_are_cut_and_bombs_are_stopped() {
    let bench = Bench::new();
    let mut text = b"2026-01-02T03:04:05Z INFO ".to_vec();
    text.extend(std::iter::repeat_n(b'x', 20 << 20));
    text.extend_from_slice(b"\n2026-01-02T03:04:06Z INFO after\n");
    let summary = bench.ingest(&bench.file("long.log", &text));
    assert_eq!((summary.records.logs, summary.notes.truncated_texts), (2, 1));

    let lines = "2026-01-02T03:04:06Z INFO the same again\n".repeat(100_000);
    let bomb = bench.file("bomb.log.gz", gzip(lines.as_bytes()));
    let options = IngestOptions {
        expanded_bytes_max: 100_000,
        ..IngestOptions::at(Timestamp::from_secs(NOW))
    };
    let summary = bench.ingest_with(&bomb, &options);
    assert!(summary.records.logs < 2_500, "{}", summary.records.logs);
    assert!(summary.rejected[0].reason.contains("100000 bytes"), "{:?}", summary.rejected);
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_and_counted() {
    let bench = Bench::new();
    let path = bench.file("latin1.log", b"2026-01-02T03:04:05Z ERROR caf\xe9 closed\n");
    let summary = bench.ingest(&path);
    assert_eq!((summary.records.logs, summary.notes.replaced_utf8), (1, 1));
    assert!(bench.logs()[0].record.body.contains("caf\u{fffd} closed"));
}

#[test]
fn times_at_both_ends_of_time_are_kept() {
    let bench = Bench::new();
    let text = [i64::MIN, i64::MAX].map(|nanos| {
        otlp_line(NOW, "edge").replace(&(NOW * 1_000_000_000).to_string(), &nanos.to_string())
    });
    let path = bench.file("edges.jsonl", text.join("\n"));
    let summary = bench.ingest(&path);
    assert_eq!((summary.records.logs, summary.rejected_total), (2, 0));
    let coverage = bench.intake.store().coverage().unwrap();
    assert_eq!(coverage.logs.count, 2);
}

#[test]
fn official_samples_are_taken_whole() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/payloads/otlp");
    if !samples.is_dir() {
        eprintln!("skipped: the official samples are not on this machine");
        return;
    }
    let bench = Bench::new();
    let summary = bench.ingest(&samples);
    assert_eq!((summary.rejected_total, summary.skipped_total), (0, 0), "{summary:?}");
    let records = summary.records;
    assert!(records.logs >= 2 && records.spans >= 1 && records.points >= 4, "{records:?}");
    let query =
        SpanQuery { range: TimeRange::ALL, services: Vec::new(), trace_id: None, limit: 10 };
    let spans = bench.intake.store().spans(&query).unwrap();
    assert_eq!(spans.rows[0].span.trace_id.to_string(), "5b8efff798038103d269b633813fc60c");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]

    #[test]
    fn no_file_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2_000)) {
        let bench = Bench::new();
        bench.ingest(&bench.file("any", bytes));
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(at in 0_usize..600, byte in proptest::num::u8::ANY) {
        let mut bytes = (otlp_line(NOW, "a") + "\n" + &otlp_line(NOW, "b")).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let bench = Bench::new();
        let summary = bench.ingest(&bench.file("damaged.jsonl", bytes));
        proptest::prop_assert!(summary.records.total() + summary.rejected_total >= 1);
    }
}
