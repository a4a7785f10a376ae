//! The Model Context Protocol over HTTP, the specification's own examples, and the official SDKs' clients where they are
//! installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::mcp::{END, Piped, TOOLS, at, broken, named};
use crate::model_server::{Manner, ModelServer};
use crate::support::{Program, Server, client, recorded, text};

/// What every request of the newer revision says about itself.
fn meta() -> Value {
    json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}})
}

/// One request over HTTP as the newer revision has it. Returns status and answer, the last message of a stream.
async fn post(server: &Server, body: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
    let method = body["method"].as_str().unwrap_or_default();
    let mut request = client()
        .post(server.url("/mcp"))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-method", method);
    if body["params"]["_meta"].is_object() {
        request = request.header("mcp-protocol-version", "2026-07-28");
    }
    if let Some(name) = body["params"]["name"].as_str().or(body["params"]["uri"].as_str()) {
        request = request.header("mcp-name", name);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_string()).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back();
    (status, serde_json::from_str(last.unwrap_or(&text).trim()).unwrap_or(Value::Null))
}

#[tokio::test]
async fn over_http_every_request_stands_alone() {
    let program = broken();
    let server = program.serve();
    let discover = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta()}});
    let (status, found) = post(&server, &discover, &[]).await;
    assert_eq!(status, 200, "{found:#}");
    let versions = found["result"]["supportedVersions"].to_string();
    assert!(versions.contains("2026-07-28") && versions.contains("2025-11-25"), "{versions}");
    assert_eq!(found["result"]["resultType"], "complete");
    let list =
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {"_meta": meta()}});
    let (_, listed) = post(&server, &list, &[]).await;
    assert_eq!(named(&listed["result"]), TOOLS);
    assert_eq!(listed["result"]["cacheScope"], "public");
    let mut about = meta();
    about["progressToken"] = json!(7);
    let arguments = json!({"question": "why is checkout failing?", "to": at(END)});
    let call = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call",
        "params": {"_meta": about, "name": "investigate", "arguments": arguments}});
    let (status, answered) = post(&server, &call, &[]).await;
    let result = &answered["result"];
    assert_eq!(
        (status, &result["structuredContent"]["verdict"]),
        (200, &json!("likely_cause")),
        "{answered:#}"
    );
    assert_eq!(result["resultType"], "complete");
    // A client of the earlier revision is served without a session.
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let initialize = json!({"jsonrpc": "2.0", "id": 4, "method": "initialize", "params": hello});
    let (_, welcome) = post(&server, &initialize, &[]).await;
    assert_eq!(welcome["result"]["protocolVersion"], "2025-11-25", "{welcome:#}");
    let list = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/list", "params": {}});
    let (_, listed) = post(&server, &list, &[("mcp-protocol-version", "2025-11-25")]).await;
    assert_eq!(named(&listed["result"]), TOOLS);
    assert!(listed["result"]["resultType"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_one_who_leaves_stops_the_run() {
    let model = ModelServer::start(Manner::Hangs).await;
    let program = broken()
        .with("GROUNDCREW__LLM__BASE_URL", &model.base_url)
        .with("GROUNDCREW__LLM__FIRST_TOKEN_SECS", "170")
        .with("GROUNDCREW__LLM__TOTAL_SECS", "170");
    let server = program.serve();
    let arguments = json!({"question": "why is checkout failing?", "to": at(END)});
    let call = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call",
        "params": {"_meta": meta(), "name": "investigate", "arguments": arguments}});
    tokio::select! {
        answered = post(&server, &call, &[]) => panic!("it does not answer yet: {answered:?}"),
        () = model.asked() => {}
    }
    model.client_left().await;
}

#[tokio::test]
async fn over_http_who_may_come_in_is_as_everywhere() {
    let program = Program::new();
    let server = program.serve_with(&[("GROUNDCREW__SERVER__TOKEN", "t0ken")]);
    let list =
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {"_meta": meta()}});
    assert_eq!(post(&server, &list, &[]).await.0, 401);
    let bearer = ("authorization", "Bearer t0ken");
    assert_eq!(post(&server, &list, &[("authorization", "Bearer wrong")]).await.0, 401);
    assert_eq!(post(&server, &list, &[bearer, ("origin", "https://evil.example")]).await.0, 403);
    assert_eq!(post(&server, &list, &[bearer]).await.0, 200);
    let large = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"x": "y".repeat(300_000)}});
    assert_eq!(post(&server, &large, &[bearer]).await.0, 413);
    let open = Program::new().serve();
    assert_eq!(post(&open, &list, &[("host", "evil.example")]).await.0, 403);
}

#[tokio::test]
async fn the_examples_of_the_specification_are_understood() {
    let Some(folder) = recorded("payloads/mcp/2026-07-28") else { return };
    let example = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let program = Program::new();
    let server = program.serve();
    let mut piped = Piped::start(&program);
    for (name, result, code) in [
        ("DiscoverRequest.server-discover-request.json", "supportedVersions", 0),
        ("ListToolsRequest.list-tools-request.json", "tools", 0),
        // The tool of the example is not one of ours.
        ("CallToolRequest.call-tool-request.json", "", -32602),
        // Nothing of ours changes while a server runs, so there is nothing to listen for.
        ("SubscriptionsListenRequest.listen-for-list-changes.json", "", -32601),
    ] {
        let message = example(name);
        piped.send(&message);
        let (_, over_http) = post(&server, &message, &[]).await;
        for answered in [piped.hear(), over_http] {
            assert_eq!(answered["id"], message["id"], "{name}: {answered:#}");
            if code == 0 {
                assert!(!answered["result"][result].is_null(), "{name}: {answered:#}");
            } else {
                assert_eq!(answered["error"]["code"], code, "{name}: {answered:#}");
            }
        }
    }
    let cancelled = example("CancelledNotification.user-requested-cancellation.json");
    piped.send(&cancelled);
    piped.send(&example("ListToolsRequest.list-tools-request.json"));
    assert_eq!(piped.hear()["id"], "list-tools-example", "a notification is not answered");
    assert!(post(&server, &cancelled, &[]).await.0 < 300);
    // What a client of a server is told in the examples has the members that ours has.
    let theirs = example("DiscoverResultResponse.discover-result-response.json");
    piped.send(&example("DiscoverRequest.server-discover-request.json"));
    let ours = piped.hear();
    for member in theirs["result"].as_object().unwrap().keys() {
        assert!(!ours["result"][member].is_null(), "{member}: {ours:#}");
    }
}

fn given(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        eprintln!("skipped: {variable} does not name it; scripts/test.sh installs it");
    }
    path
}

/// Runs an SDK's client against the program over stdio and HTTP, and hands on what it printed.
fn asked_by(mut client: impl FnMut() -> Command, program: &Program, server: &Server) -> [Value; 2] {
    let over_stdio = vec![
        env!("CARGO_BIN_EXE_groundcrew").to_owned(),
        "mcp".to_owned(),
        "--data-dir".to_owned(),
        program.data().to_string_lossy().into_owned(),
    ];
    [over_stdio, vec![server.url("/mcp")]].map(|target| {
        let output = client().args(&target).output().unwrap();
        assert!(output.status.success(), "{target:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

/// What every client must have got.
fn assert_served(heard: &Value) {
    assert_eq!(heard["server"], "groundcrew", "{heard:#}");
    let tools: Vec<&str> =
        heard["tools"].as_array().unwrap().iter().map(|tool| tool[0].as_str().unwrap()).collect();
    assert_eq!(tools, TOOLS);
    assert!(heard["tools"].as_array().unwrap().iter().all(|tool| tool[1] == true));
    assert_eq!(heard["answer"]["structured"]["verdict"], "likely_cause", "{:#}", heard["answer"]);
    for (name, result) in heard["results"].as_object().unwrap() {
        assert_eq!(result["error"], false, "{name}: {result:#}");
        assert!(result["structured"].is_object(), "{name}");
    }
}

#[test]
fn the_official_python_sdk_is_served_in_both_revisions() {
    let Some(python) = given("GROUNDCREW_TEST_MCP_PYTHON") else { return };
    let program = broken();
    let server = program.serve();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/ask_mcp.py");
    for (mode, revision) in
        [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")]
    {
        let client = || {
            let mut command = Command::new(&python);
            command.arg(&script).args([mode, &at(END)]);
            command
        };
        for heard in asked_by(client, &program, &server) {
            assert_eq!(heard["revision"], revision, "{mode}");
            // A revision that is taken on trust tells no name.
            if mode != "2026-07-28" {
                assert_served(&heard);
            }
            assert!(heard["progress"].as_array().unwrap().len() >= 4, "{:#}", heard["progress"]);
            for wrong in heard["wrong"].as_array().unwrap() {
                assert_eq!(wrong[0], true, "{wrong}");
                assert!(wrong[1].as_str().unwrap().contains("hint: "), "{wrong}");
            }
            assert!(heard["read"].as_object().unwrap().len() >= 3, "{:#}", heard["read"]);
            assert!(heard["missing"].is_i64(), "{heard:#}");
            assert!(heard["listed"].to_string().contains("service://checkout"));
            assert_eq!(heard["templates"].as_array().unwrap().len(), 4);
            assert!(heard["prompt"].as_str().unwrap().contains("pool exhausted"));
        }
    }
}

#[test]
fn the_official_typescript_sdks_are_served() {
    let Some(packages) = given("GROUNDCREW_TEST_MCP_NODE") else { return };
    let program = broken();
    let server = program.serve();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/ask_mcp.mjs");
    for mode in ["v1", "v2"] {
        let client = || {
            let mut command = Command::new("node");
            command.arg(&script).arg(&packages).args([mode, &at(END)]);
            command
        };
        for heard in asked_by(client, &program, &server) {
            assert_served(&heard);
            // These SDKs drop what they have not shown yet when the result comes; what they showed is in order.
            let steps: Vec<u64> = heard["progress"]
                .as_array()
                .unwrap()
                .iter()
                .map(|told| told[0].as_u64().unwrap())
                .collect();
            assert!(steps.first().is_none_or(|step| *step == 1) && steps.is_sorted(), "{steps:?}");
            assert_eq!(heard["wrong"][0], true);
            serde_json::from_str::<Value>(heard["read"].as_str().unwrap()).unwrap();
            assert!(heard["prompt"].as_str().unwrap().contains("CheckoutFails"));
        }
    }
}
