//! What people look at by hand, over HTTP.

use groundcrew_telemetry::Timestamp;
use serde_json::{Value, json};

use crate::support::{Program, Server, client, failing_trace, outage_logs, overview};

const END: i64 = 1_790_000_000;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn at(secs: i64) -> String {
    Timestamp::from_secs(secs).to_string()
}

/// A gauge that leaves its band in the last ten minutes, and a counter that grows by two a second.
fn metrics() -> String {
    let points = |value: &dyn Fn(i64) -> f64| -> Vec<Value> {
        (0..80)
            .map(|number| {
                let time = END - 2_400 + number * 30;
                json!({"timeUnixNano": (time * 1_000_000_000).to_string(), "asDouble": value(number)})
            })
            .collect()
    };
    let gauge = points(&|number| if number >= 62 { 95.0 } else { 10.0 + (number % 3) as f64 });
    let counter = points(&|number| 60.0 * number as f64);
    let sum = json!({"dataPoints": counter, "isMonotonic": true, "aggregationTemporality": 2});
    let resource =
        json!({"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]});
    json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "t"}, "metrics": [
        {"name": "db.pool.used", "unit": "1", "gauge": {"dataPoints": gauge}},
        {"name": "bytes.sent", "unit": "By", "sum": sum},
    ]}]}]})
    .to_string()
}

fn served() -> (Program, Server) {
    let program = Program::new();
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(END))]);
    program.ok(&["ingest", &program.file("t.otlp.jsonl", failing_trace(END))]);
    program.ok(&["ingest", &program.file("m.otlp.jsonl", metrics())]);
    let change = json!({"kind": "deploy", "time": at(END - 600), "service": "checkout", "title": "checkout 2.31", "from": "2.30", "to": "2.31"});
    program.ok(&["ingest", &program.file("c.changes.jsonl", change.to_string())]);
    let folder = program.file(
        "pages/pool.md",
        "---\nservices: [checkout]\n---\n# Pool exhausted\n\nRaise the pool of checkout.\n",
    );
    program.ok(&["index", std::path::Path::new(&folder).parent().unwrap().to_str().unwrap()]);
    let server = program.serve();
    (program, server)
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let response = client().get(format!("http://{}{path}", server.http())).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

async fn view(server: &Server, path: &str) -> Value {
    let (status, view) = get(server, path).await;
    assert_eq!(status, 200, "{path}: {view:#}");
    view
}

/// The window of ten minutes in which it fails.
fn window() -> String {
    format!("from={}&to={}", at(END - 600), at(END))
}

#[tokio::test]
async fn logs_come_in_pages_under_a_histogram_that_counts_them_all() {
    let (_program, server) = served();
    let counted = |view: &Value| -> u64 {
        let bars = view["buckets"].as_array().unwrap().iter();
        bars.flat_map(|bar| bar["counts"].as_array().unwrap())
            .map(|count| count.as_u64().unwrap())
            .sum()
    };
    let all = view(&server, &format!("/v1/logs?{}&limit=120", window())).await;
    assert_eq!((counted(&all), &all["complete"]), (300, &json!(true)));
    let mut seen: Vec<(Timestamp, String)> = Vec::new();
    let mut to = at(END);
    for _ in 0..4 {
        let path = format!("/v1/logs?from={}&to={to}&limit=120", at(END - 600));
        let page = view(&server, &path).await;
        let lines = page["lines"].as_array().unwrap();
        seen.extend(lines.iter().map(|line| {
            (
                Timestamp::parse(line["time"].as_str().unwrap()).unwrap(),
                line["body"].as_str().unwrap().to_owned(),
            )
        }));
        match page["next"].as_str() {
            Some(next) => to = next.to_owned(),
            None => break,
        }
    }
    assert!(seen.is_sorted_by(|a, b| a.0 >= b.0), "newest first");
    seen.dedup();
    assert_eq!(seen.len(), 300, "every record once, but for the one that pages share");
    let errors = view(&server, &format!("/v1/logs?{}&level=error", window())).await;
    assert_eq!(counted(&errors), 100);
    assert!(errors["lines"].as_array().unwrap().iter().all(|line| line["level"] == "ERROR"));
    let words = view(&server, &format!("/v1/logs?{}&q=pool+exhausted", window())).await;
    assert_eq!((counted(&words), words["lines"].as_array().unwrap().len()), (100, 100));
    let template = errors["lines"][0]["template"].as_str().unwrap();
    let pattern = view(&server, &format!("/v1/logs?{}&template={template}", window())).await;
    assert_eq!(counted(&pattern), 100);
}

#[tokio::test]
async fn logs_are_searched_by_expressions_and_counted_by_field() {
    let (_program, server) = served();
    let found = async |expression: &str| {
        let q: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let path = format!("/v1/logs?{}&limit=1000&q={q}", window());
        view(&server, &path).await["lines"].as_array().unwrap().len()
    };
    assert_eq!(found("\"pool exhausted\"").await, 100);
    assert_eq!(found("\"exhausted pool\"").await, 0);
    assert_eq!(found("exhau* OR \"handled request\"").await, 300);
    assert_eq!(found("/within 300[24] ms/").await, 20);
    assert_eq!(found("level:info -/in 1\\d ms/").await, 100);
    assert_eq!(found("service:checkout NOT level:warn+").await, 200);
    let (status, refused) = get(&server, "/v1/logs?q=%22open").await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused.to_string().contains("close it with"), "{refused}");
    let deep = "(".repeat(3_000);
    assert_eq!(get(&server, &format!("/v1/logs?q={deep}")).await.0, 400);

    let levels = view(&server, &format!("/v1/logs/values?{}&field=level", window())).await;
    assert_eq!(
        levels["values"],
        json!([{"value": "INFO", "count": 200}, {"value": "ERROR", "count": 100}])
    );
    assert_eq!((&levels["complete"], &levels["numbers"]), (&json!(true), &Value::Null));
    assert_eq!(get(&server, "/v1/logs/values").await.0, 400, "a field must be named");
}

#[tokio::test]
async fn patterns_say_what_is_new() {
    let (_program, server) = served();
    let patterns = view(&server, &format!("/v1/patterns?{}", window())).await;
    let listed = patterns["patterns"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["is_new"], &listed[0]["count"]), (&json!(true), &json!(100)));
    assert!(listed[0]["text"].as_str().unwrap().contains("pool exhausted"));
    assert_eq!((&listed[1]["is_new"], &listed[1]["before"]), (&json!(false), &json!(200.0)));
    let sum: u64 =
        listed[0]["counts"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(sum, 100);
}

#[tokio::test]
async fn a_trace_is_a_tree_with_what_its_end_waited_for() {
    let (_program, server) = served();
    let traces = view(&server, &format!("/v1/traces?{}&only=failed", window())).await;
    assert_eq!(traces["traces"][0]["id"], TRACE);
    assert_eq!(traces["traces"][0]["services"], json!(["checkout", "shop"]));
    let trace = view(&server, &format!("/v1/traces/{TRACE}")).await;
    let spans = trace["spans"].as_array().unwrap();
    assert_eq!((&spans[0]["service"], &spans[0]["parent"]), (&json!("shop"), &Value::Null));
    assert_eq!((&spans[1]["parent"], &spans[1]["depth"]), (&json!(0), &json!(1)));
    assert_eq!((&spans[1]["own_us"], &spans[1]["failed"]), (&json!(3_000_000), &json!(true)));
    let waited = |span: &Value| -> i64 {
        let stretches = span["critical"].as_array().unwrap().iter();
        stretches.map(|pair| pair[1].as_i64().unwrap() - pair[0].as_i64().unwrap()).sum()
    };
    assert_eq!((waited(&spans[0]), waited(&spans[1])), (100_000, 3_000_000));
    let span = spans[1]["id"].as_str().unwrap();
    let details = view(&server, &format!("/v1/traces/{TRACE}/spans/{span}")).await;
    assert_eq!(details["message"], "pool exhausted");
    assert_eq!(get(&server, &format!("/v1/traces/{}", "1".repeat(32))).await.0, 404);
}

#[tokio::test]
async fn a_trace_beyond_what_is_shown_says_how_much_is_left_out() {
    const SPANS: i64 = 50_040;
    let program = Program::new();
    let mut lines = String::new();
    for first in (0..SPANS).step_by(5_000) {
        let spans: Vec<Value> = (first..SPANS.min(first + 5_000))
            .map(|number| {
                let start = (END - 60) * 1_000_000_000 + number;
                json!({"traceId": TRACE, "spanId": format!("{:016x}", number + 1), "name": "step", "kind": 1,
                    "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 10).to_string()})
            })
            .collect();
        let resource =
            json!({"attributes": [{"key": "service.name", "value": {"stringValue": "batch"}}]});
        let request = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {}, "spans": spans}]}]});
        lines.push_str(&format!("{request}\n"));
    }
    program.ok(&["ingest", &program.file("t.otlp.jsonl", lines)]);
    let server = program.serve();
    let trace = view(&server, &format!("/v1/traces/{TRACE}")).await;
    assert_eq!(
        (trace["spans"].as_array().unwrap().len(), &trace["left_out"]),
        (50_000, &json!(40))
    );
}

#[tokio::test]
async fn metrics_are_beside_their_usual_band_and_the_changes() {
    let (_program, server) = served();
    let metrics = view(&server, &format!("/v1/metrics?{}", window())).await;
    assert_eq!(metrics["names"], json!(["bytes.sent", "db.pool.used"]));
    let first = &metrics["series"][0];
    assert_eq!(first["name"], "db.pool.used", "what left its band comes first: {metrics:#}");
    assert_eq!(first["usual"], json!([10.0, 12.0]));
    assert_eq!(metrics["markers"][0]["after"], "2.31");
    let counter = &metrics["series"][1];
    assert_eq!((&counter["unit"], &counter["points"][0][1]), (&json!("By/s"), &json!(2.0)));
}

#[tokio::test]
async fn services_stand_beside_the_time_before() {
    let (_program, server) = served();
    let services = view(&server, &format!("/v1/services?{}", window())).await;
    let checkout = &services["services"][0];
    assert_eq!((&checkout["name"], &checkout["state"]), (&json!("checkout"), &json!("failing")));
    assert_eq!(checkout["errors_logged"], 100);
    assert_eq!(
        services["edges"],
        json!([{"caller": "shop", "callee": "checkout", "calls": 1, "failed": 1}])
    );
    let overview = overview(&server).await;
    assert_eq!(overview["signals"][0]["count"], 900);
    assert!(overview["services"].as_u64().unwrap() >= 2);
}

#[tokio::test]
async fn documents_and_names_are_found_and_answers_have_codes() {
    let (program, server) = served();
    let documents = view(&server, "/v1/documents?q=pool+exhausted").await;
    assert_eq!(documents["documents"][0]["title"], "Pool exhausted");
    let search = view(&server, "/v1/search?q=check").await;
    assert!(search["hits"].to_string().contains("/services?focus=checkout"), "{search:#}");
    let asked = ["ask", "-o", "json", "why is checkout failing?", "--at", &at(END)];
    let answer: Value = serde_json::from_slice(&program.run(&asked).stdout).unwrap();
    let listed = view(&server, "/v1/answers").await;
    let code = listed["incidents"][0]["code"].as_str().unwrap();
    assert_eq!(code, answer["incident"].as_str().unwrap());
    let behind = view(&server, &format!("/v1/incidents/{}/answer", code.to_lowercase())).await;
    assert_eq!(behind["answer_id"], answer["answer_id"]);
    assert_eq!(get(&server, "/v1/incidents/ZZZ9/answer").await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_a_hint() {
    let (_program, server) = served();
    for path in [
        "/v1/logs?from=yesterday",
        "/v1/logs?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "/v1/logs?level=loud",
        "/v1/logs?trace=xyz",
        "/v1/logs?template=7",
        "/v1/logs?limit=many",
        "/v1/traces/xyz",
    ] {
        let (status, body) = get(&server, path).await;
        assert_eq!(status, 400, "{path}");
        assert!(body["error"]["hint"].is_string(), "{path}: {body:#}");
    }
    for path in ["/v1/logs", "/v1/patterns", "/v1/traces", "/v1/metrics", "/v1/services"] {
        let wide =
            format!("{path}?from=1700-01-01T00:00:00Z&to=2250-01-01T00:00:00Z&q=%00%F0%9F%98%80");
        assert_eq!(get(&server, &wide).await.0, 200, "{wide}");
    }
}

#[tokio::test]
async fn the_panel_is_cached_compressed_and_framed_by_whom_the_settings_name() {
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__PANEL__FRAME_ANCESTORS", "https://portal.example"),
        ("GROUNDCREW__PANEL__LINKS", "trace Jaeger https://jaeger.example/trace/{trace}"),
    ]);
    let url = |path: &str| format!("http://{}{path}", server.http());
    let options = view(&server, "/v1/panel").await;
    assert_eq!(options["links"][0]["name"], "Jaeger");
    let page = client().get(url("/logs?q=x")).send().await.unwrap();
    let policy = |page: &reqwest::Response| {
        page.headers()["content-security-policy"].to_str().unwrap().to_owned()
    };
    assert!(policy(&page).ends_with("frame-ancestors 'self'"));
    let embedded = client().get(url("/embed/i/7Q2")).send().await.unwrap();
    if embedded.headers().get("x-frame-options").is_some() {
        eprintln!("skipped: the panel is not built, so there is nothing to embed");
        return;
    }
    assert!(policy(&embedded).ends_with("frame-ancestors 'self' https://portal.example"));
    assert!(!policy(&embedded).contains("unsafe"));
    let tag = page.headers()["etag"].clone();
    let again = client().get(url("/incidents")).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let text = page.text().await.unwrap();
    let script = text.split('"').find(|part| part.ends_with(".js")).unwrap();
    let asset = client().get(url(script)).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(asset.headers()["content-encoding"], "gzip");
    assert!(asset.headers()["cache-control"].to_str().unwrap().contains("immutable"));
}

#[tokio::test]
async fn a_conversation_is_read_without_a_websocket() {
    let (_program, server) = served();
    let url = |path: &str| format!("http://{}{path}", server.http());
    let question = json!({"text": "why is checkout failing?", "sid": "s-1", "ask_id": "a-1", "scope": {"at": at(END), "since": "10m"}});
    let asked = client().post(url("/v1/ask")).json(&question).send().await.unwrap();
    let answer: Value = asked.json().await.unwrap();
    let mut events = client()
        .get(url("/v1/conversations/s-1/events"))
        .header("last-event-id", "1")
        .send()
        .await
        .unwrap();
    let mut text = String::new();
    while !text.contains("event: run.finished") {
        text.push_str(&String::from_utf8_lossy(&events.chunk().await.unwrap().unwrap()));
    }
    assert!(text.starts_with("event: welcome"), "{text}");
    assert!(text.contains(r#""status":"ok""#), "the conversation is known");
    assert!(!text.contains("\nid: 1\n"), "what was read before does not come again");
    assert!(text.contains(answer["answer_id"].as_str().unwrap()));
}
