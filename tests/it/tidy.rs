//! House rules as tests: direction between rooms, owners of heavy crates, shape of files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of ours with its path from the root.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> =
        ["src", "tests", "indexer", "crates"].iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 50, "the walk found the sources");
    files
}

fn is_test_file(name: &str) -> bool {
    name.contains("/tests/") || name.starts_with("tests/") || name.ends_with("tests.rs")
}

/// The part of a file that is not a test module at its end.
fn product_part(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

fn complain(rule: &str, mistakes: &[String]) {
    assert!(mistakes.is_empty(), "{rule}:\n  {}", mistakes.join("\n  "));
}

#[test]
fn every_file_says_what_it_is_for() {
    let mistakes: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    complain("a file begins with `//! ` and what it is for", &mistakes);
}

#[test]
fn files_stay_readable_in_one_sitting() {
    let mistakes: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(name, text)| format!("{name} has {} lines", text.lines().count()))
        .collect();
    complain("a file has at most 500 lines", &mistakes);
}

#[test]
fn heavy_crates_have_one_owner() {
    let owners: &[(&str, &[&str])] = &[
        ("tantivy", &["crates/store/"]),
        ("rusqlite", &["crates/store/"]),
        ("qdrant_client", &["crates/store/"]),
        ("object_store", &["crates/store/src/cold/"]),
        ("async_openai", &["crates/llm/"]),
        ("tiktoken_rs", &["crates/llm/"]),
        ("pulp", &["crates/llm/", "crates/store/"]),
        ("safetensors", &["crates/llm/"]),
        ("tokenizers", &["crates/llm/"]),
        ("rmcp", &["src/surfaces/mcp/", "src/neighbours/"]),
        ("jsonschema", &["src/neighbours/"]),
        ("schemars", &["src/surfaces/mcp/", "src/surfaces/openapi/"]),
        ("axum", &["src/surfaces/", "src/sources.rs", "indexer/src/sources/", "tests/"]),
        (
            "tonic",
            &[
                "indexer/src/sources/",
                "indexer/tests/",
                "crates/store/src/documents/qdrant/",
                "tests/",
            ],
        ),
        ("tokio_tungstenite", &["src/cli/client.rs", "src/surfaces/slack/", "tests/"]),
        ("rdkafka", &["indexer/src/sources/streams/"]),
        ("async_nats", &["indexer/src/sources/streams/"]),
        ("clap", &["src/cli/"]),
    ];
    let mut mistakes = Vec::new();
    for (name, text) in sources() {
        for (krate, rooms) in owners {
            let used = text.lines().any(|line| {
                // The OTLP types lie in a module that is called after the crate.
                let line = line.trim_start().replace("opentelemetry_proto::tonic", "otlp");
                let named = line.contains(&format!("{krate}::"));
                // What is derived for a test alone is no use of the product's.
                let is_test = line.starts_with("#[cfg_attr(test,");
                !line.starts_with("//") && !is_test && (named || line == format!("use {krate};"))
            });
            if used
                && !rooms.iter().any(|room| name.starts_with(room))
                && name != "tests/it/tidy.rs"
            {
                mistakes.push(format!("{name} uses {krate}"));
            }
        }
    }
    complain("each heavy crate has one owner", &mistakes);
}

#[test]
fn arrows_between_crates_are_never_turned() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("crates/telemetry", &[][..]),
        ("crates/masking", &[]),
        ("crates/simulator", &["telemetry"]),
        ("crates/analysis", &["telemetry"]),
        ("crates/llm", &["masking"]),
        ("crates/store", &["masking", "telemetry"]),
        ("indexer", &["analysis", "llm", "masking", "store", "telemetry"]),
    ]);
    let mut mistakes = Vec::new();
    for (folder, arrows) in allowed {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let product = manifest.split("[dev-dependencies]").next().unwrap_or("");
        for line in product.lines() {
            let Some(rest) = line.strip_prefix("groundcrew-") else { continue };
            let to = rest.split(['.', ' ', '=']).next().unwrap_or("");
            if !arrows.contains(&to) {
                mistakes.push(format!("{folder} -> {to}"));
            }
        }
    }
    complain("arrows between crates run one way (docs/ARCHITECTURE.md)", &mistakes);
}

#[test]
fn steps_and_surfaces_do_not_name_each_other() {
    let groups: &[(&str, &[&str])] = &[
        ("src/investigate/", &["retrieve", "suspects", "explain", "verify"]),
        ("src/surfaces/", &["http", "ws", "panel", "slack", "mcp", "hooks"]),
    ];
    // The HTTP surface mounts the others on its router; that is the only meeting.
    let meetings = ["src/investigate/mod.rs", "src/surfaces/mod.rs", "src/surfaces/http.rs"];
    let mut mistakes = Vec::new();
    for (name, text) in sources() {
        for (room, members) in groups {
            let Some(rest) = name.strip_prefix(room) else { continue };
            if meetings.contains(&name.as_str()) {
                continue;
            }
            let own = rest.split(['/', '.']).next().unwrap_or("");
            for other in members.iter().filter(|member| **member != own && members.contains(&own)) {
                let named = product_part(&text).lines().any(|line| {
                    line.starts_with("use ")
                        && (line.contains(&format!("super::{other}"))
                            || line.contains(&format!("investigate::{other}"))
                            || line.contains(&format!("surfaces::{other}")))
                });
                if named {
                    mistakes.push(format!("{name} names {other}"));
                }
            }
        }
    }
    complain("steps of an investigation, and surfaces, do not name each other", &mistakes);
}

#[test]
fn rooms_of_the_root_point_one_way() {
    // Each may use those after it.
    let order = [
        "cli",
        "demo",
        "eval",
        "app",
        "neighbours",
        "surfaces",
        "desk",
        "session",
        "capsule",
        "remediate",
        "explore",
        "finops",
        "memory",
        "investigate",
    ];
    let mut mistakes = Vec::new();
    for (name, text) in sources() {
        let Some(rest) = name.strip_prefix("src/") else { continue };
        let own = rest.split(['/', '.']).next().unwrap_or("");
        let Some(position) = order.iter().position(|room| *room == own) else { continue };
        for earlier in order.iter().take(position) {
            if product_part(&text).contains(&format!("crate::{earlier}::")) {
                mistakes.push(format!("{name} uses crate::{earlier}"));
            }
        }
    }
    complain(
        "cli -> app -> surfaces -> desk -> session -> capsule -> remediate -> explore -> finops -> memory -> investigate",
        &mistakes,
    );
}

#[test]
fn only_a_persons_word_is_written_into_memory() {
    // The one call is behind the command line and the authorised API; no step of an investigation, no telemetry and no
    // document leads to it.
    let mistakes: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| {
            product_part(text).contains("put_incident(")
                && !matches!(
                    name.as_str(),
                    "crates/store/src/state/incidents.rs" | "src/memory/write.rs"
                )
                && name != "tests/it/tidy.rs"
        })
        .map(|(name, _)| name)
        .collect();
    complain("incidents are written in src/memory/write.rs alone", &mistakes);
    let callers: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| {
            let product = product_part(text);
            name.starts_with("src/")
                && !name.starts_with("src/memory/")
                && (product.contains("memory::state_opinion(")
                    || product.contains("memory::strike("))
                && !matches!(name.as_str(), "src/cli/incident.rs" | "src/surfaces/feedback.rs")
        })
        .map(|(name, _)| name)
        .collect();
    complain("memory is written for the command line and the API alone", &callers);
}

#[test]
fn only_known_places_vouch_for_masked_values() {
    // A value becomes `Masked` where text enters or leaves; everywhere else it travels as such.
    let places = [
        "crates/masking/",
        "crates/llm/src/embed/openai.rs",
        "indexer/src/sources/files/billing.rs",
        "indexer/src/sources/streams/parcel.rs",
        "indexer/src/stages/mask.rs",
        "indexer/src/docs/",
        "src/capsule/seal.rs",
        "src/desk/mod.rs",
        "src/investigate/context.rs",
        "src/investigate/explain/model.rs",
        "src/investigate/neighbours.rs",
        "src/investigate/tell.rs",
        "src/memory/write.rs",
        "src/surfaces/mcp/prompts.rs",
        "src/surfaces/mcp/said.rs",
    ];
    let mistakes: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| {
            let product = product_part(text);
            !is_test_file(name)
                && (product.contains(".mask_text(") || product.contains("masker.mask("))
                && !places.iter().any(|place| name.starts_with(place))
        })
        .map(|(name, _)| name)
        .collect();
    complain("masking happens in known places", &mistakes);
}

#[test]
fn exceptions_to_lints_give_their_reason() {
    let mut mistakes = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
                mistakes.push(format!("{name}:{} uses allow instead of expect", number + 1));
            }
        }
    }
    complain("`#[expect(lint, reason = ...)]`, never a bare allow", &mistakes);
}

#[test]
fn nothing_is_left_unfinished() {
    let words = ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "XXX:"];
    let mut mistakes = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| name != "tests/it/tidy.rs") {
        for word in words {
            if text.contains(word) {
                mistakes.push(format!("{name} holds {word}"));
            }
        }
    }
    complain("nothing unfinished lands", &mistakes);
}

#[test]
fn links_in_our_documents_lead_somewhere() {
    let mut mistakes = Vec::new();
    let mut open = vec![root().join("docs"), root().join("README.md"), root().join("runbooks")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or("");
            if file.is_empty() || file.contains("://") {
                continue;
            }
            if !path.parent().unwrap_or(Path::new(".")).join(file).exists() {
                mistakes.push(format!("{} links to {target}", path.display()));
            }
        }
    }
    complain("links between our documents resolve", &mistakes);
}
