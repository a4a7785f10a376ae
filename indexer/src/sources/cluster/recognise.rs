//! Tells cluster state from the other files that lie beside it: logs, alerts, telemetry, documents.

use super::command::{Command, Verb};
use super::describe;
use super::manifest;
use super::table;

/// How much of a file is looked at.
const HEAD_BYTES: usize = 64 * 1024;
/// A saved command with more lines than this that prints logs is a log file.
const LOG_LINES_FEW: usize = 20;

/// Whether `text` is the output of a command-line tool, or Kubernetes objects in YAML or JSON.
pub fn looks_like(file_name: &str, text: &str) -> bool {
    let head = head_of(text.trim_start_matches('\u{feff}'));
    let lower = file_name.to_ascii_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    if matches!(extension, "md" | "markdown" | "rst" | "html" | "csv" | "gz" | "zst") {
        return false;
    }
    if let Some(command_line) = command_line(head) {
        return !prints_logs(command_line, head);
    }
    if manifest::looks_like(head) {
        return true;
    }
    // JSON that is no manifest has readers of its own.
    if head.trim_start().starts_with(['{', '['])
        || matches!(extension, "json" | "jsonl" | "yaml" | "yml")
    {
        return false;
    }
    describe::looks_like(head) || begins_with_table(head)
}

/// The first line without its `$ `, when it has one.
fn command_line(head: &str) -> Option<&str> {
    let first = head.lines().find(|line| !line.trim().is_empty())?;
    first.strip_prefix("$ ").filter(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '.')
    })
}

fn prints_logs(command_line: &str, head: &str) -> bool {
    let command = Command::parse(command_line);
    let is_log_tool = matches!(command.tool.as_str(), "journalctl" | "cat" | "tail" | "zcat")
        || (matches!(command.tool.as_str(), "docker" | "podman" | "stern")
            && command_line.contains("logs"))
        || command.verb == Verb::Logs;
    is_log_tool && head.lines().count() > LOG_LINES_FEW
}

fn begins_with_table(head: &str) -> bool {
    let first =
        head.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or("");
    let tables = table::tables(first);
    let told = ["STATUS", "READY", "AGE", "REASON", "ENDPOINTS", "HEALTH", "PHASE", "DATA"];
    tables.first().is_some_and(|table| told.iter().any(|column| table.has(column)))
}

fn head_of(text: &str) -> &str {
    let mut end = text.len().min(HEAD_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}
