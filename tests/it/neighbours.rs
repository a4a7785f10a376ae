//! Other systems that a model may ask: real servers of the Model Context Protocol, reading tools only, and what they say
//! is evidence.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::model_server::{END, LONG, Manner, ModelServer, account, faithful, program};
use crate::support::{Program, text};

/// A reply that asks a tool of another system.
fn asks(server: &str, tool: &str, arguments: &Value) -> String {
    let look = json!([{"query": "ask_server", "server": server, "tool": tool, "arguments": arguments.to_string()}]);
    json!({"headline": "", "claims": [], "next": [], "unknowns": [], "look": look}).to_string()
}

/// Asks why, with a model that says these one after the other and with these servers to ask.
async fn told(said: Vec<String>, servers: &str) -> (Value, ModelServer) {
    let model = ModelServer::start(Manner::SaysInTurn(said)).await;
    let (base_url, servers) = (model.base_url.clone(), servers.to_owned());
    let asking = tokio::task::spawn_blocking(move || {
        let program = program(&base_url, LONG);
        program.file("groundcrew.toml", servers);
        let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
        let words =
            ["ask", "why is checkout failing?", "--at", &at, "--since", "10m", "-o", "json"];
        program.run(&words)
    });
    let output = asking.await.unwrap();
    let stderr = text(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    let answer =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no answer: {stderr}"));
    (answer, model)
}

/// What the model was told last.
fn last_told(model: &ModelServer) -> String {
    let bodies = model.bodies();
    let messages = bodies.last().unwrap()["messages"].as_array().unwrap().clone();
    messages.last().unwrap()["content"].as_str().unwrap().to_owned()
}

/// Another Groundcrew, with a page that only it knows.
fn wiki() -> Program {
    let wiki = Program::new();
    let page = wiki.file(
        "pages/pool.md",
        "---\nkind: runbook\n---\n# Pool exhausted\n\nThe pool of checkout holds 40 connections; password=hunter2-Zq8TvXw3 opens it.\n",
    );
    wiki.ok(&["index", Path::new(&page).parent().unwrap().to_str().unwrap()]);
    wiki
}

fn started(wiki: &Program) -> String {
    let (program, data) = (env!("CARGO_BIN_EXE_groundcrew"), wiki.data());
    format!(
        "[[mcp.servers]]\nname = \"wiki\"\ncommand = [\"{program}\", \"mcp\", \"--data-dir\", \"{}\"]\n",
        data.display()
    )
}

/// The item that a neighbour's answer became.
fn item(answer: &Value) -> Option<&Value> {
    let items = answer["evidence"].as_array().unwrap();
    items.iter().find(|item| item["title"].as_str().unwrap().starts_with("what wiki says"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_system_says_is_evidence_that_can_be_cited() {
    let wiki = wiki();
    let servers = started(&wiki);
    let asking = asks("wiki", "search_knowledge", &json!({"query": "pool exhausted"}));
    let (answer, model) = told(vec![asking.clone(), faithful()], &servers).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert_eq!(answer["usage"]["queries"], 1);
    let found = item(&answer).unwrap_or_else(|| panic!("{answer:#}"));
    assert_eq!(found["kind"], "doc");
    assert!(found["preview"].as_str().unwrap().contains("40 connections"), "{found:#}");
    assert!(last_told(&model).contains("40 connections"));
    let first = model.bodies()[0]["messages"].clone();
    assert!(first[0]["content"].as_str().unwrap().contains("ask_server (server, tool, arguments)"));
    let user = first[1]["content"].as_str().unwrap();
    assert!(user.contains("server wiki tool search_knowledge"), "{user}");
    let form = model.bodies()[0]["response_format"].to_string();
    assert!(form.contains("ask_server"), "{form}");
    let claim = json!([{"text": "checkout “holds 40 connections”", "cites": [found["id"]]},
        {"text": "checkout writes a line about its pool exhausted", "cites": ["E1"]}]);
    let cited = account("The pool of checkout is exhausted", &claim);
    let (answer, _) = told(vec![asking, cited], &servers).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert!(answer["claims"].to_string().contains("40 connections"), "{:#}", answer["claims"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered_or_does_not_fit_is_not_asked() {
    let wiki = wiki();
    for (asking, why) in [
        (asks("other", "search_knowledge", &json!({})), "there is no such server; there are wiki"),
        (
            asks("wiki", "delete_all", &json!({})),
            "wiki has no such tool; it has cost_of, get_incident",
        ),
        (asks("wiki", "search_knowledge", &json!({"query": 7})), "do not fit the tool's schema"),
        (asks("wiki", "search_knowledge", &json!({"q": "x"})), "do not fit the tool's schema"),
        (asks("wiki", "search_knowledge", &json!("x")), "arguments is the text of a JSON object"),
        (asks("wiki", "get_trace", &json!({"trace_id": "xyz"})), "it says that this is wrong"),
    ] {
        let (answer, model) = told(vec![asking, faithful()], &started(&wiki)).await;
        assert_eq!(answer["told_by"], "model", "{answer:#}");
        assert!(last_told(&model).contains(why), "{why}: {}", last_told(&model));
        assert!(item(&answer).is_none());
        assert!(!answer["unknowns"].to_string().contains("wiki"), "a wrong question is no gap");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_away_is_a_gap_and_none_is_offered_where_none_is_configured() {
    let away = "[[mcp.servers]]\nname = \"away\"\nurl = \"http://127.0.0.1:9/mcp\"\n\
        [[mcp.servers]]\nname = \"gone\"\ncommand = [\"/no/such/program\"]\n";
    let (answer, model) = told(vec![faithful()], away).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    let unknowns = answer["unknowns"].to_string();
    assert!(unknowns.contains("away could not be asked"), "{unknowns}");
    assert!(unknowns.contains("gone could not be asked"), "{unknowns}");
    assert!(!model.bodies()[0].to_string().contains("ask_server"), "nothing is offered");
    let asking = asks("wiki", "search_knowledge", &json!({"query": "x"}));
    let (answer, model) = told(vec![asking, faithful()], "").await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert!(last_told(&model).contains("there is no other system to ask"));
}

#[test]
fn the_doctor_says_who_can_be_asked() {
    let (wiki, program) = (wiki(), Program::new());
    let away = "[[mcp.servers]]\nname = \"away\"\nurl = \"http://127.0.0.1:9/mcp\"\n";
    program.file("groundcrew.toml", format!("{}{away}", started(&wiki)));
    let told = text(&program.run(&["doctor"]).stdout);
    assert!(told.contains("✔ server to ask: wiki, 11 tools"), "{told}");
    assert!(told.contains("⚠ server to ask: away could not be asked"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_official_sdk_is_asked_for_what_only_reads() {
    let variable = "GROUNDCREW_TEST_MCP_PYTHON";
    let python = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    let Some(python) = python else {
        eprintln!("skipped: {variable} does not name it; scripts/test.sh installs it");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/serve_mcp.py");
    let servers = |more: &str| {
        let (python, script) = (python.display(), script.display());
        format!("[[mcp.servers]]\nname = \"wiki\"\ncommand = [\"{python}\", \"{script}\"]\n{more}")
    };
    let asking = asks("wiki", "owner", &json!({"service": "checkout"}));
    let (answer, model) = told(vec![asking, faithful()], &servers("")).await;
    let found = item(&answer).unwrap_or_else(|| panic!("{answer:#}\n{}", last_told(&model)));
    let preview = found["preview"].as_str().unwrap();
    assert!(preview.contains("team payments owns checkout"), "{preview}");
    let told_to_model = last_told(&model);
    assert_eq!(told_to_model.matches("</untrusted>").count(), 1, "{told_to_model}");
    let offered = model.bodies()[0]["messages"][1]["content"].to_string();
    assert!(offered.contains("tool owner") && !offered.contains("tool restart"), "{offered}");
    // One that does not say that it only reads is asked when the settings name it, and only then.
    let asking = asks("wiki", "runbook", &json!({}));
    let (answer, _) = told(vec![asking.clone(), faithful()], &servers("")).await;
    assert!(item(&answer).is_none());
    let (answer, _) = told(vec![asking, faithful()], &servers("tools = [\"runbook\"]\n")).await;
    assert!(item(&answer).is_some(), "{answer:#}");
    // One that takes too long is a gap.
    let (answer, _) = told(vec![asks("wiki", "slow", &json!({})), faithful()], &servers("")).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    let unknowns = answer["unknowns"].to_string();
    assert!(unknowns.contains("wiki could not be asked: it took longer than"), "{unknowns}");
}
