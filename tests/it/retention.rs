//! What is kept long enough goes: a question about it says so, `doctor` says how much there is, a server keeps to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use groundcrew_masking::Masker;
use groundcrew_store::{Access, Durability, Retention, Store, StoreOptions, TailSampling, Upkeep};
use groundcrew_telemetry::{
    Attributes, Batch, Clock, LogBatch, LogRecord, Resource, Severity, Span, SpanBatch, SpanId,
    SpanKind, SpanStatus, StatusCode, TemplateId, Timestamp, TraceId,
};
use serde_json::{Value, json};

use crate::support::{PATIENCE, Program, client, text};

const START: i64 = 1_790_000_000;
const HOUR: i64 = 3_600;

#[derive(Clone)]
struct SetClock(Arc<AtomicI64>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// Stores and seals lines of a checkout whose payments are declined.
pub(crate) fn seal_declined(store: &Store, lines: impl Iterator<Item = (Timestamp, String)>) {
    let template = (TemplateId(42), "payment <*> failed: card declined".to_owned());
    store.put_templates(&[template]).unwrap();
    let records = lines.map(|(time, payment)| LogRecord {
        time,
        severity: Severity(17),
        body: format!("payment {payment} failed: card declined"),
        template: Some(TemplateId(42)),
        ..LogRecord::default()
    });
    let batch = Batch::Logs(LogBatch {
        resource: Resource::service_named("checkout"),
        scope: String::new(),
        records: records.collect(),
    });
    let masked = Masker::new().mask(batch, |_, _| {}).unwrap();
    store.append(vec![masked], Durability::Synced).unwrap();
    store.flush().unwrap();
}

/// A store whose time is what its clock is set to.
fn store_with_a_clock(dir: &Path) -> (Store, SetClock) {
    let clock = SetClock(Arc::new(AtomicI64::new(START)));
    let options =
        StoreOptions { dir: dir.to_owned(), access: Access::ReadWrite, memory_bytes_max: 16 << 20 };
    let store = Store::open_by(options, Box::new(clock.clone())).unwrap();
    (store, clock)
}

/// A day of a failing checkout, sealed every hour, of which only the last two hours keep their lines.
fn a_day_with_two_hours_of_lines(dir: &Path) -> i64 {
    let (store, clock) = store_with_a_clock(dir);
    for hour in 0..24 {
        let now = START + hour * HOUR;
        clock.0.store(now, Ordering::SeqCst);
        let lines = (0..60).map(|minute| {
            let time = Timestamp::from_secs(now - HOUR + minute * 60);
            (time, (hour * 60 + minute).to_string())
        });
        seal_declined(&store, lines);
    }
    let retention =
        Retention { logs: Some(Duration::from_secs(2 * HOUR as u64)), ..Retention::default() };
    let tended = store.tend(&Upkeep { retention, ..Upkeep::default() }, &|| false).unwrap();
    assert!(tended.thinned > 18, "{tended:?}");
    START + 23 * HOUR
}

fn gaps(answer: &Value) -> Vec<String> {
    let unknowns = answer["unknowns"].as_array().unwrap();
    unknowns.iter().map(|unknown| unknown["what"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_question_about_dropped_lines_says_so_and_still_counts_them() {
    let program = Program::new();
    let end = a_day_with_two_hours_of_lines(&program.data());
    let answer = program.asked("why does checkout fail?", end - 8 * HOUR);
    let said = gaps(&answer);
    assert!(
        said.iter().any(|gap| gap.starts_with("log lines are kept for 2 h; those up to")
            && gap.ends_with("their counts are still there")),
        "{said:?}"
    );
    assert!(!said.iter().any(|gap| gap.contains("no logs between")), "{said:?}");
    assert!(answer.to_string().contains("card declined"), "what was counted is evidence");
    let recent = gaps(&program.asked("why does checkout fail?", end));
    assert!(!recent.iter().any(|gap| gap.contains("are kept for")), "{recent:?}");
    let doctor = text(&program.run(&["doctor"]).stdout);
    assert!(doctor.contains("retention: logs") && doctor.contains("counts alone"), "{doctor}");
    assert!(doctor.contains("kept for 14 d"), "{doctor}");
}

/// Of each hour of a day sixty requests, of which five failed, sealed; all but the last hours' thinned to one in ten.
fn a_day_of_thinned_traces(dir: &Path) {
    let (store, clock) = store_with_a_clock(dir);
    for hour in 0..24 {
        let now = START + hour * HOUR;
        clock.0.store(now, Ordering::SeqCst);
        let spans = (0..60).map(|minute| {
            let number = (hour * 60 + minute) as u64 + 1;
            let start = Timestamp::from_secs(now - HOUR + minute * 60);
            let code = if minute % 12 == 5 { StatusCode::Error } else { StatusCode::Unset };
            Span {
                trace_id: TraceId(u128::from(number).to_be_bytes()),
                span_id: SpanId(number.to_be_bytes()),
                parent_span_id: None,
                name: "GET /item".to_owned(),
                kind: SpanKind::Server,
                start,
                end: start.plus_nanos(5_000_000),
                status: SpanStatus { code, message: String::new() },
                attributes: Attributes::default(),
                events: Vec::new(),
            }
        });
        let batch = Batch::Spans(SpanBatch {
            resource: Resource::service_named("shop"),
            scope: String::new(),
            spans: spans.collect(),
        });
        let masked = Masker::new().mask(batch, |_, _| {}).unwrap();
        store.append(vec![masked], Durability::Synced).unwrap();
        store.flush().unwrap();
    }
    let after = Duration::from_secs(2 * HOUR as u64);
    let tail_sampling = Some(TailSampling { after, even_spans_per_hour: 6 });
    let tended = store.tend(&Upkeep { tail_sampling, ..Upkeep::default() }, &|| false).unwrap();
    assert!(tended.sampled > 18, "{tended:?}");
}

#[tokio::test]
async fn failed_traces_of_an_old_hour_are_all_listed_and_counted_after_thinning() {
    let program = Program::new();
    a_day_of_thinned_traces(&program.data());
    let doctor = text(&program.run(&["doctor"]).stdout);
    assert!(doctor.contains("failed and slow ones and an even share"), "{doctor}");
    let server = program.serve();
    let (from, to) = (START + 4 * HOUR, START + 5 * HOUR);
    let window = format!("from={}&to={}", Timestamp::from_secs(from), Timestamp::from_secs(to));
    let view = async |path: String| -> Value {
        client().get(server.url(&path)).send().await.unwrap().json().await.unwrap()
    };
    let failed = view(format!("/v1/traces?{window}&only=failed")).await;
    assert_eq!(failed["traces"].as_array().unwrap().len(), 5, "{failed:#}");
    let all = view(format!("/v1/traces?{window}")).await;
    let listed = all["traces"].as_array().unwrap().len();
    assert!((5..40).contains(&listed) && all["sampled"] == true, "{all:#}");
    let services = view(format!("/v1/services?{window}")).await;
    let shop = &services["services"][0]["now"];
    assert_eq!((&shop["requests"], &shop["failed"]), (&json!(60), &json!(5)), "{services:#}");
}

#[test]
fn settings_that_cannot_be_read_are_named_before_anything_starts() {
    let program = Program::new().with("GROUNDCREW__RETENTION__LOGS", "a fortnight");
    let output = program.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("retention.logs") && stderr.contains("a fortnight"), "{stderr}");
}

fn noisy_line(number: u64) -> String {
    let noise: String = (0..200)
        .map(|part: u64| {
            let mixed = (number * 200 + part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("{:x}", mixed ^ (mixed >> 29))
        })
        .collect();
    json!({"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
        "scopeLogs": [{"logRecords": [{"severityNumber": 9, "body": {"stringValue": format!("line{number}x {noise}")}}]}]}]})
    .to_string()
}

fn splits_with_rows(data: &Path) -> usize {
    let splits = std::fs::read_dir(data.join("logs")).into_iter().flatten().flatten();
    splits.filter(|split| split.path().join("rows.bin").exists()).count()
}

#[tokio::test]
async fn a_server_keeps_to_its_size() {
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__DATA__SEAL_AFTER_SECS", "1"),
        ("GROUNDCREW__RETENTION__BYTES_MAX", "1KiB"),
    ]);
    let url = format!("http://{}/v1/logs", server.otlp_http());
    let client = client();
    let began = Instant::now();
    let mut number = 0;
    // Each round is sealed apart; only the newest may keep its lines.
    let mut sealed = std::collections::BTreeSet::new();
    while sealed.len() < 3 || splits_with_rows(&program.data()) > 1 {
        assert!(began.elapsed() < PATIENCE, "{sealed:?}");
        let post = client.post(&url).header("content-type", "application/json");
        let answer = post.body(noisy_line(number)).timeout(PATIENCE).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        number += 1;
        let splits = std::fs::read_dir(program.data().join("logs")).into_iter().flatten();
        sealed.extend(splits.flatten().map(|split| split.file_name()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(server.signal("TERM").success());
    let newest = program.run(&["logs", &format!("line{}x", number - 1)]);
    assert!(text(&newest.stdout).contains("line"), "{}", text(&newest.stderr));
}
