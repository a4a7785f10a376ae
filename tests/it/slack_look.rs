//! How answers look in Slack: messages made of a played outage's real answers, and what installs the app.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use groundcrew::investigate::answer::Answer;
use groundcrew::surfaces::slack::message::{Message, broken_limits};
use groundcrew::surfaces::slack::render::{Links, answer};
use serde_json::Value;
use slack_morphism::prelude::SlackBlock;

use crate::peers::given;
use crate::support::{Program, recorded, text};

/// Plays a fault and asks about it.
fn played(fault: &str) -> Answer {
    let program = Program::new()
        .with("GROUNDCREW__SERVER__LISTEN", "127.0.0.1:0")
        .with("GROUNDCREW__SERVER__OTLP_GRPC", "127.0.0.1:0")
        .with("GROUNDCREW__SERVER__OTLP_HTTP", "127.0.0.1:0");
    let data = program.file("play/README", "the data directory of a demo");
    let data = data.trim_end_matches("/README");
    let demo = program.run(&["demo", "--fault", fault, "--once", "--data-dir", data]);
    assert!(matches!(demo.status.code(), Some(0 | 1)), "{}", text(&demo.stderr));
    let played = format!("{data}/demo");
    let asked = program.run(&["ask", "why is it broken?", "-o", "json", "--data-dir", &played]);
    serde_json::from_slice(&asked.stdout).unwrap_or_else(|_| panic!("{}", text(&asked.stderr)))
}

fn shown(found: &Answer) -> (Message, String) {
    let links = Links { base: Some("https://groundcrew.example".to_owned()) };
    let message = answer(found, &links);
    assert_eq!(broken_limits(&message), Vec::<String>::new());
    let blocks: Vec<SlackBlock> =
        serde_json::from_value(Value::Array(message.blocks.clone())).unwrap();
    assert!(!blocks.iter().any(|block| matches!(block, SlackBlock::Unknown(_))), "{blocks:?}");
    let mut all = String::new();
    collect(&Value::Array(message.blocks.clone()), &mut all);
    (message, all)
}

/// All texts of the blocks in order.
fn collect(value: &Value, all: &mut String) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key == "text" || key == "fallback" => *all += text,
                    other => collect(other, all),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        _ => {}
    }
}

#[test]
fn a_played_outage_becomes_one_quiet_message() {
    let found = played("pool-exhaustion");
    let (message, all) = shown(&found);
    for part in ["Likely cause", "checkout", "Changed: ", "facts only", &found.incident] {
        assert!(all.contains(part), "{part} in {all}");
    }
    assert!(all.contains("Next: ") || all.contains("fixed by: "), "it says what to do: {all}");
    assert!(message.text.contains("checkout"), "{}", message.text);
    // Every citation opens the item in the panel.
    let cited: Vec<String> = message
        .blocks
        .iter()
        .flat_map(|block| block.to_string().split('"').map(str::to_owned).collect::<Vec<_>>())
        .filter(|part| part.contains("?e=E"))
        .collect();
    assert!(cited.len() >= 4, "{cited:?}");
    let page = format!("https://groundcrew.example/i/{}?e=", found.incident);
    for url in cited {
        let id = url.strip_prefix(&page).unwrap_or_else(|| panic!("{url} leads to the panel"));
        assert!(found.evidence(id).is_some(), "{id} opens");
    }
    let kinds: Vec<&str> =
        message.blocks.iter().filter_map(|block| block.get("type")?.as_str()).collect();
    let whole = ["rich_text", "data_visualization", "actions", "context_actions", "context"];
    assert_eq!(kinds, whole, "with the course of the new line drawn");
}

#[test]
fn no_cause_is_a_full_answer_too() {
    let (_, all) = shown(&played("none"));
    for part in ["○ ", "Not enough evidence", "Looked at ", "log records"] {
        assert!(all.contains(part), "{part} in {all}");
    }
    assert!(all.contains("Check next: ") || all.contains(" → "), "it says what to do: {all}");
}

#[test]
fn the_app_is_made_with_one_command() {
    let program = Program::new();
    let manifest: Value = serde_json::from_str(&program.ok(&["slack", "manifest"])).unwrap();
    assert_eq!(manifest["settings"]["socket_mode_enabled"], true);
    assert_eq!(manifest["features"]["slash_commands"][0]["command"], "/groundcrew");
    let base = "https://groundcrew.example";
    let http = program.ok(&["slack", "manifest", "--request-url", base, "--panel", base]);
    assert!(http.contains("https://groundcrew.example/slack/events"), "{http}");
    assert!(http.contains("unfurl_domains"), "{http}");
    let url = program.ok(&["slack", "install-url", "--name", "On call"]);
    assert!(url.starts_with("https://api.slack.com/apps?new_app=1&manifest_json=%7B"), "{url}");
    assert!(url.contains("On%20call") && url.trim_end().lines().count() == 1, "{url}");
    for wrong in [["--request-url", "http://a.example"], ["--name", ""]] {
        let refused = program.run(&[&["slack", "manifest"], wrong.as_slice()].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stdout));
    }
}

#[test]
fn slacks_own_schema_takes_every_manifest() {
    let Some(schema) = recorded("payloads/slack/manifest-schema/manifest.schema.2.0.0.json") else {
        return;
    };
    let Some(python) = given("GROUNDCREW_TEST_SCHEMA_PYTHON") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/check_manifest.py");
    let check = |manifest: &str| {
        let mut check = Command::new(&python)
            .args([&script, &schema])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        check.stdin.take().unwrap().write_all(manifest.as_bytes()).unwrap();
        let output = check.wait_with_output().unwrap();
        (output.status.success(), text(&output.stdout))
    };
    let program = Program::new();
    let base = "https://groundcrew.example";
    let made: [&[&str]; 3] = [
        &[],
        &["--request-url", base, "--panel", base],
        &["--name", "A name of thirty-five characters..."],
    ];
    for arguments in made {
        let manifest = program.ok(&[&["slack", "manifest"], arguments].concat());
        let (is_taken, wrong) = check(&manifest);
        assert!(is_taken, "{wrong}\n{manifest}");
    }
    let spoilt = program.ok(&["slack", "manifest"]).replace("agent_view", "agent_views");
    assert!(!check(&spoilt).0, "the schema can be broken");
}
