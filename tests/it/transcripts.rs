//! The console blocks of `docs/CLI.md` are run against a played outage, and what comes must be what stands there.
//!
//! A line that begins with `$ ` is run by a shell; what follows up to the next is its output, stderr included. `[..]`
//! stands for anything within a line: codes, ids, times it took. A line `...` stands for any number of lines.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Program, failing_trace, outage_logs, text};

/// When the played outage ends.
const END: i64 = 1_790_000_000;

/// A command of the document and what it says.
#[derive(PartialEq, Eq, Debug)]
struct Transcript {
    command: String,
    output: Vec<String>,
}

/// The transcripts of a document, in order.
fn transcripts(document: &str) -> Vec<Transcript> {
    let mut found: Vec<Transcript> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match (line, inside) {
            ("```console", _) => inside = true,
            ("```", _) => inside = false,
            (line, true) => match line.strip_prefix("$ ") {
                Some(command) => {
                    found.push(Transcript { command: command.to_owned(), output: Vec::new() });
                }
                None => {
                    found.last_mut().expect("a command comes first").output.push(line.to_owned())
                }
            },
            _ => {}
        }
    }
    found
}

/// Whether a line is as it is written, with anything in the place of each `[..]`.
fn fits(written: &str, line: &str) -> bool {
    let mut parts = written.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Whether the lines are as they are written, with any number of lines in the place of each `...`.
fn all_fit(written: &[String], lines: &[&str]) -> bool {
    match written.split_first() {
        None => lines.is_empty(),
        Some((first, others)) if first == "..." => {
            (0..=lines.len()).any(|skipped| all_fit(others, &lines[skipped..]))
        }
        Some((first, others)) => lines
            .split_first()
            .is_some_and(|(line, rest)| fits(first, line) && all_fit(others, rest)),
    }
}

/// The program where a shell finds it, on the data of the played outage.
fn played() -> (Program, PathBuf) {
    let program = Program::new();
    let folder = program.home.path().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_groundcrew"), folder.join("groundcrew"))
        .unwrap();
    program.file("outage.otlp.jsonl", outage_logs(END));
    program.file("trace.otlp.jsonl", failing_trace(END));
    let change = r#"{"changes": [{"at": "2026-09-21T14:02:00Z", "kind": "deploy", "service": "checkout", "title": "checkout 2.11.0", "before": "2.10.6", "after": "2.11.0"}]}"#;
    program.file("changes.json", change);
    let charges = [("20T14", "0.36"), ("21T13", "0.36"), ("21T14", "0.72")].map(|(hour, cost)| {
        let start = format!("2026-09-{hour}:00:00Z");
        let tags = r#""{""service"": ""checkout""}""#;
        format!("{start},2026-09-{hour}:59:59Z,{cost},{cost},USD,Usage,Compute,{tags}\n")
    });
    let columns = "ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ServiceName,Tags";
    program.file("billing.csv", format!("{columns}\n{}", charges.concat()));
    (program, folder)
}

fn said(program: &Program, folder: &Path, command: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{command} 2>&1")]).stdin(Stdio::null());
    // What the program is given, the shell is given, which hands it on.
    let given = program.command(&[]);
    shell.env_clear().current_dir(program.home.path());
    shell.envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", folder.display(), path.to_string_lossy());
    shell.env("PATH", path).env("COLUMNS", "110");
    text(&shell.output().unwrap().stdout)
}

#[test]
fn the_command_line_does_what_its_document_shows() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLI.md");
    let transcripts = transcripts(&std::fs::read_to_string(document).unwrap());
    assert!(transcripts.len() > 10, "the blocks were found");
    let (program, folder) = played();
    let mut last_code = String::new();
    let mut wrong = Vec::new();
    for Transcript { command, output } in &transcripts {
        // The code of an answer is another one every time.
        let command = command.replace("CODE", &last_code);
        let said = said(&program, &folder, &command);
        let lines: Vec<&str> = said.trim_end().lines().map(str::trim_end).collect();
        let headline = lines.iter().take(3).copied().collect::<Vec<&str>>().join(" ");
        let after = headline.split("confidence ").nth(1).unwrap_or_default();
        if let Some(code) = after.split_whitespace().nth(1).filter(|code| code.len() == 3) {
            last_code = code.to_owned();
        }
        let end = output.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        if !all_fit(&output[..end], &lines) {
            wrong.push(format!("$ {command}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "docs/CLI.md says otherwise:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_written_is_compared_in_full() {
    assert!(fits("a [..] c", "a b c") && fits("a[..]", "a") && fits("[..]b[..]", "abc"));
    assert!(!fits("a [..] c", "a b d") && !fits("a", "ab") && !fits("[..]b", "abc"));
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(all_fit(&lines(&["a", "...", "d"]), &["a", "b", "c", "d"]));
    assert!(!all_fit(&lines(&["a", "...", "d"]), &["a", "b"]));
    assert!(!all_fit(&lines(&["a"]), &["a", "b"]) && !all_fit(&lines(&["a", "b"]), &["a"]));
}
