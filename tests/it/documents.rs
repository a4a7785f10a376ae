//! Documents through the real program: formats, bad files, changes, checks.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::Value;

use crate::support::{PATIENCE, Program, text};

/// The program without a model: what is tested here is found by words.
fn program() -> Program {
    Program::new().with("GROUNDCREW__EMBEDDING__MODEL_DIR", "/nowhere")
}

/// A PDF that holds `objects`, numbered from 1; the first is its catalog.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(bytes.len());
        bytes.extend(format!("{number} 0 obj\n").bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let xref = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        bytes.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    bytes.extend(
        format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF\n").bytes(),
    );
    bytes
}

/// A PDF of one page with `content`, packed.
fn page_of(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    let packed = encoder.finish().unwrap();
    let mut stream =
        format!("<< /Length {} /Filter /FlateDecode >>\nstream\n", packed.len()).into_bytes();
    stream.extend(&packed);
    stream.extend(b"\nendstream");
    pdf(&[
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_vec(),
        stream,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_vec(),
    ])
}

#[test]
fn a_pdf_is_read_and_a_poisoned_one_costs_only_itself() {
    let program = program();
    let content =
        b"BT /F1 12 Tf 72 720 Td (Zebra runbook) Tj 0 -40 Td [(Restart) -600 (the pool)] TJ ET";
    program.file("docs/good.pdf", page_of(content));
    program.file("docs/page.md", "# Giraffe\n\nA page beside it.\n");
    program.file("docs/bomb.pdf", page_of(&vec![b' '; 512 << 20]));
    let deep = format!("BT {} ET", "[".repeat(3_000_000));
    program.file("docs/deep.pdf", page_of(deep.as_bytes()));
    let circle = pdf(&[
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2000000000 >>".to_vec(),
    ]);
    program.file("docs/circle.pdf", circle);
    program.file("docs/cut.pdf", &page_of(content)[..200]);
    program.file("docs/none.pdf", b"not a pdf at all");
    let output = program.run(&["index", "docs"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("indexed 2 documents"), "{stderr}");
    for file in ["bomb", "deep", "circle", "cut", "none"] {
        let line = stderr.lines().find(|line| line.contains(&format!("{file}.pdf")));
        assert!(line.is_some_and(|line| line.starts_with("skipped")), "{file}: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    let read = program.run_with_stdin(&["read-pdf"], &page_of(content));
    assert_eq!(text(&read.stdout), "\u{c}Zebra runbook\n\nRestart the pool\u{c}");
}

#[test]
fn only_changes_are_read_again_and_an_interrupted_run_leaves_the_old_index() {
    let program = program();
    program.file("docs/a.md", "# A\n\nzebra\n");
    let current = program.data().join("documents/CURRENT");
    program.ok(&["index", "docs"]);
    let before = std::fs::read_to_string(&current).unwrap();
    let again = program.run(&["index", "docs"]);
    assert!(text(&again.stderr).contains("1 passages (1 unchanged)"), "{}", text(&again.stderr));
    assert_eq!(std::fs::read_to_string(&current).unwrap(), before);

    let page = "word ".repeat(20_000);
    for number in 0..200 {
        program.file(&format!("docs/big/{number}.md"), format!("# Big {number}\n\n{page}\n"));
    }
    let mut child = program
        .command(&["index", "docs"])
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    child.kill().unwrap();
    let was_interrupted = !child.wait().unwrap().success();
    let after = std::fs::read_to_string(&current).unwrap();
    assert_eq!(after == before, was_interrupted);
    std::fs::remove_dir_all(program.home.path().join("docs/big")).unwrap();
    let last = program.run(&["index", "docs"]);
    assert!(text(&last.stderr).contains("indexed 1 documents"), "{}", text(&last.stderr));
}

#[test]
fn a_check_says_what_is_wrong_and_its_exit_code_too() {
    let program = program();
    program.file("docs/runbooks/a.md", "# A\n\n[b](b.md) [c](gone.md) [d](https://gone.test/x)\n");
    program.file(
        "docs/runbooks/b.md",
        "---\nalerts: [OrdersFailing]\n---\n# B \u{1b}[31m\n\n[a](a.md)\n",
    );
    program.file(
        "docs/rules.yml",
        "groups:\n- rules:\n  - alert: OrdersFailing\n  - alert: \"Bad\\e[31m\"\n",
    );
    let output = program.run(&["index", "--check", "docs"]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}{}", text(&output.stderr));
    assert!(
        stdout.contains("dead links (1)\n  docs/runbooks/a.md:3: gone.md is not there\n"),
        "{stdout}"
    );
    assert!(stdout.contains("alerts without a runbook (1)"), "{stdout}");
    assert!(stdout.ends_with("checked 2 pages and 2 alerts: 2 findings\n"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "{stdout}");
    let output = program.run(&["index", "--check", "--json", "docs"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][1]["kind"], "dead_link");
    assert_eq!(report["findings"][1]["line"], 3);

    program.file("docs/runbooks/gone.md", "# OrdersFailing\n\n[a](a.md)\n");
    program.file("docs/rules.yml", "groups:\n- rules:\n  - alert: OrdersFailing\n");
    let output = program.run(&["index", "--check", "docs"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(program.run(&["index", "--check", "missing"]).status.code(), Some(2));
}

#[test]
fn the_shipped_runbooks_have_nothing_wrong() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let output = program().run(&["index", "--check", shipped.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_watched_folder_is_followed_until_it_is_told_to_stop() {
    let program = program();
    program.file("docs/a.md", "# A\n\nzebra\n");
    let mut child = program
        .command(&["index", "--watch", "docs"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut changes = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(notes.any(|line| line.unwrap().contains("watching docs")));
    let mut next = || changes.next().unwrap().unwrap();
    // As editors save: another file in the place of the old one.
    program.file("docs/.a.md.swp", "# A\n\ngiraffe\n");
    let home = program.home.path();
    std::fs::rename(home.join("docs/.a.md.swp"), home.join("docs/a.md")).unwrap();
    assert!(next().ends_with("changed a.md, 1 passage"));
    program.file("docs/new/b.rst", "B\n=\n\nx\n");
    assert!(next().ends_with("added new/b.rst, 1 passage"));
    std::fs::remove_file(home.join("docs/a.md")).unwrap();
    assert!(next().ends_with("removed a.md"));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let started = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        assert!(started.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
    // Others may write once it has ended.
    program.ok(&["index", "docs"]);
}

#[tokio::test]
async fn what_is_indexed_beside_a_running_server_is_found_by_it() {
    let program = program();
    program.file("docs/a.md", "# Zebra crossing\n\nThe zebra stands in the way.\n");
    program.ok(&["index", "docs"]);
    let server = program.serve();
    let question = serde_json::json!({"text": "what stands in the way, a zebra or a giraffe?"});
    let titles = async || {
        let request = crate::support::client().post(server.url("/v1/ask")).json(&question);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["evidence"].to_string()
    };
    assert!(titles().await.contains("Zebra crossing"));
    program.file("docs/a.md", "# Giraffe crossing\n\nThe giraffe stands in the way.\n");
    program.ok(&["index", "docs"]);
    let titles = titles().await;
    assert!(titles.contains("Giraffe crossing") && !titles.contains("Zebra crossing"), "{titles}");
}

#[test]
fn the_owner_of_what_is_blamed_is_named_from_the_catalog() {
    const START: i64 = 1_790_000_000;
    let program = program();
    let logs = program.file("logs.otlp.jsonl", crate::support::outage_logs(START));
    program.ok(&["ingest", &logs]);
    let entity = |name: &str, owner: &str| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  type: service\n  owner: \"group:default/{owner}\"\n  dependsOn: [resource:orders-db]\n"
        )
    };
    let catalog = [entity("cart", "team-basket"), entity("checkout", "team-\\u001b[31mpay")];
    program.file("catalog/catalog-info.yaml", catalog.join("---\n"));
    program.ok(&["index", "catalog"]);
    let at = groundcrew_telemetry::Timestamp::from_secs(START).to_string();
    let ask = |format: &str| {
        program.ok(&[
            "ask",
            "-o",
            format,
            "--at",
            &at,
            "--since",
            "10m",
            "why is checkout failing?",
        ])
    };
    let answer: Value = serde_json::from_str(&ask("json")).unwrap();
    let steps = answer["next"].as_array().unwrap();
    let owner = steps.iter().find(|step| step["kind"] == "owner").unwrap();
    assert!(owner["label"].as_str().unwrap().ends_with("it owns checkout"), "{owner}");
    let id = &owner["cites"][0];
    let evidence = answer["evidence"].as_array().unwrap();
    let item = evidence.iter().find(|item| item["id"] == *id).unwrap();
    assert!(item["preview"].as_str().unwrap().contains("depends on: orders-db"), "{item}");
    let shown = ask("text");
    assert!(shown.contains("it owns checkout") && !shown.contains('\u{1b}'), "{shown}");
}
