//! The commands of a person at a terminal: what is piped in, what is looked at by hand, the chat, Ctrl-C.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::model_server::{LONG, Manner, ModelServer};
use crate::support::{Program, failing_trace, outage_logs, text};

const END: i64 = 1_790_000_000;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn with_outage() -> Program {
    let program = Program::new();
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(END))]);
    program.ok(&["ingest", &program.file("t.otlp.jsonl", failing_trace(END))]);
    program
}

#[test]
fn what_is_piped_in_is_asked_about_without_a_dash() {
    let program = Program::new();
    let logs = outage_logs(END);
    let output = program.run_with_stdin(&["ask", "what broke?"], logs.as_bytes());
    assert!(text(&output.stdout).contains("pool exhausted"), "{}", text(&output.stderr));
    let alone = program.run_with_stdin(&["ask"], logs.as_bytes());
    assert!(text(&alone.stdout).contains("pool exhausted"));
    assert!(!program.data().exists(), "nothing is kept");
    let file = program.file("app.otlp.jsonl", &logs);
    assert!(program.ok(&["ask", "-f", &file, "what broke?"]).contains("pool exhausted"));
}

#[test]
fn an_empty_pipe_and_dev_null_change_nothing() {
    let program = with_outage();
    let question = ["ask", "why is checkout failing?", "-o", "json"];
    for output in [program.run_with_stdin(&question, b""), program.run(&question)] {
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(answer.to_string().contains("pool exhausted"), "the stored outage is asked about");
        assert_eq!(output.status.code(), Some(0));
    }
    let nothing = program.run_with_stdin(&["ask"], b"");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("there is no question"));
    let insisted = program.run_with_stdin(&["ask", "-", "what broke?"], b"");
    assert_eq!(insisted.status.code(), Some(2));
    assert!(text(&insisted.stderr).contains("nothing to ask about"));
}

#[test]
fn an_incident_is_shown_and_asked_about_by_its_code() {
    let program = with_outage();
    let answer = program.asked("why is checkout failing?", END);
    let code = answer["incident"].as_str().unwrap();
    let shown = program.ok(&["show", code]);
    assert!(shown.contains(answer["headline"].as_str().unwrap()), "{shown}");
    let id = answer["evidence"][0]["id"].as_str().unwrap();
    let item = program.ok(&["show", code, &id.to_lowercase()]);
    assert!(item.contains(answer["evidence"][0]["hash"].as_str().unwrap()), "{item}");
    let none = program.run(&["show", code, "E999"]);
    assert!(none.status.code() == Some(2) && text(&none.stderr).contains("E1 to"));
    assert_eq!(program.run(&["show", "ZZZ"]).status.code(), Some(2));
    let next = program.run(&["ask", "-i", code, "show me one failing trace", "-o", "json"]);
    let next: Value = serde_json::from_slice(&next.stdout).unwrap();
    assert_eq!((&next["from"], &next["to"]), (&answer["from"], &answer["to"]));
    assert!(next["evidence"].to_string().contains(TRACE), "{next:#}");
}

#[test]
fn a_dry_run_prints_the_prompt_and_sends_nothing() {
    let program = with_outage()
        .with("GROUNDCREW__LLM__BASE_URL", "http://127.0.0.1:9/v1")
        .with("GROUNDCREW__LLM__MODEL", "nobody");
    let output = program.run(&["ask", "--dry-run", "why is checkout failing?"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (prompt, told) = (text(&output.stdout), text(&output.stderr));
    assert!(prompt.contains("--- system") && prompt.contains("pool exhausted"), "{prompt}");
    assert!(told.contains(" tokens, ") && told.contains("nothing was sent to nobody"), "{told}");
    let json = program.ok(&["ask", "--dry-run", "why is checkout failing?", "-o", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let counted: u64 = told.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!(json["input_tokens"], counted);
    assert_eq!(json["messages"][1]["role"], "user");
}

#[test]
fn logs_traces_and_changes_are_looked_at_by_hand() {
    let program = with_outage();
    let errors = program.ok(&["logs", "pool", "--severity", "error", "-n", "5"]);
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 5, "{errors}");
    assert!(
        lines.is_sorted() && lines.iter().all(|line| line.contains(" ERROR checkout could not"))
    );
    let none = program.run(&["logs", "--service", "nobody"]);
    assert_eq!(none.status.code(), Some(1));
    let wrong = program.run(&["logs", "--since", "soon"]);
    assert!(wrong.status.code() == Some(2) && text(&wrong.stderr).contains("--since `soon`"));
    let trace = program.ok(&["trace", TRACE]);
    assert!(trace.contains("shop GET /buy") && trace.contains("  checkout pay"), "{trace}");
    assert!(trace.contains('█') && trace.contains('✗'), "{trace}");
    assert_eq!(program.run(&["trace", &"0".repeat(32)]).status.code(), Some(2));
    let changed = program.ok(&["what-changed", "--since", "10m"]);
    assert!(changed.contains("new") && changed.contains("pool exhausted"), "{changed}");
    assert_eq!(program.run(&["what-changed", "--service", "nobody"]).status.code(), Some(1));
    program.asked("why is checkout failing?", END);
    let told = program.ok(&["watch", "--once"]);
    assert!(told.contains("answer") && told.contains("checkout"), "{told}");
}

#[test]
fn colours_follow_the_usual_variables_and_recorded_escapes_never_act() {
    let program = Program::new();
    let hostile =
        outage_logs(END).replace("pool exhausted", "\\u001b]8;;http://evil\\u0007pool\\u001b[2J");
    program.ok(&["ingest", &program.file("l.otlp.jsonl", hostile)]);
    for arguments in [
        &["logs", "--severity", "error"][..],
        &["ask", "why is checkout failing?"],
        &["what-changed"],
    ] {
        let with = |name: &str, value: &str| {
            let output = program.command(arguments).env(name, value).stdin(Stdio::null()).output();
            text(&output.unwrap().stdout)
        };
        let plain = with("NO_COLOR", "1");
        assert!(!plain.contains('\u{1b}') && plain.contains("evil"), "{plain}");
        let coloured = with("CLICOLOR_FORCE", "1");
        assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}]"), "{coloured}");
        assert!(!coloured.contains("\u{1b}[2J") && !coloured.contains('\u{7}'), "{coloured}");
        let narrow = with("COLUMNS", "60");
        let is_ours = |line: &&str| !line.contains("could not get") && !line.contains("ERROR");
        let too_wide = narrow.lines().filter(is_ours).find(|line| line.chars().count() > 60);
        assert!(arguments[0] == "logs" || too_wide.is_none(), "{too_wide:?}");
    }
}

#[tokio::test]
async fn control_c_keeps_what_is_proven() {
    let model = ModelServer::start(Manner::Hangs).await;
    let program = crate::model_server::program(&model.base_url, LONG);
    for served in [false, true] {
        let server = served.then(|| program.serve());
        let known = model.bodies().len();
        let child = program
            .command(&["ask", "why is checkout failing?"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while model.bodies().len() == known {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
        let output = ended.await.unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("pool exhausted"), "served: {served}");
        drop(server);
    }
}

#[test]
fn the_chat_follows_up_shows_and_exports_here_and_on_a_server() {
    let program = with_outage();
    let typed = "why is checkout failing?\nand before that?\n/context\n/since yesterday\n/show 1\n/evidence\n/export\n/feedback right\n/clear\n/last\n";
    for served in [false, true] {
        let server = served.then(|| program.serve());
        let output = program.run_with_stdin(&["chat"], typed.as_bytes());
        let (said, told) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(said.contains("pool exhausted") && said.contains("read as:"), "{said}{told}");
        assert!(said.contains("hash     ") && said.contains("about    checkout"), "{said}");
        assert!(said.contains(".capsule"), "{said}{told}");
        assert!(told.contains("is not a duration") && told.contains("nothing was answered yet"));
        assert_eq!(told.contains("asking http://"), served);
        drop(server);
    }
    let listed = program.ok(&["incident", "list"]);
    assert!(!listed.trim().is_empty(), "what was said is remembered");
    assert!(program.data().join("chat_history").exists());
}

#[test]
fn completions_and_manual_pages_are_made_without_any_data() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(program.ok(&["completions", shell]).contains("what-changed"), "{shell}");
    }
    assert!(program.ok(&["man"]).contains(".TH groundcrew"));
    let pages = program.home.path().join("man");
    program.ok(&["man", &pages.to_string_lossy()]);
    assert!(pages.join("groundcrew-ask.1").exists());
    assert!(program.ok(&["--version"]).starts_with("groundcrew "));
    let left: Vec<_> = std::fs::read_dir(program.home.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "nothing but the pages was made: {left:?}");
}
