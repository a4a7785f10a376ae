//! Tells by a file's first bytes what it holds.

use serde::de::IgnoredAny;

use super::billing;
use super::log_time::find_time;
use crate::sources::cluster;
use crate::sources::journal::looks_like_journal;
use crate::stages::decode::infer_severity;
use groundcrew_telemetry::{Severity, Timestamp};

/// Lines looked at for signs of a log.
const LOG_SIGN_LINES: usize = 50;

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FileKind {
    /// Lines, each a JSON value or a line of a plain-text log.
    Lines,
    /// JSON values that span lines.
    JsonDocument,
    /// Kubernetes objects, or what a command printed.
    Cluster,
    /// What a cloud provider charged, in the FOCUS format.
    Billing,
    /// The systemd journal in its export format.
    Journal,
    /// Nothing to take, for this reason.
    Nothing(&'static str),
}

/// Tells what a file of this name and beginning holds. `given` files were named by a person and are taken as a log when
/// they are nothing else.
pub(super) fn kind_of(name: &str, head: &[u8], given: bool) -> FileKind {
    if head.iter().all(u8::is_ascii_whitespace) {
        return FileKind::Nothing("is empty");
    }
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return FileKind::Nothing("is UTF-16 text; convert it to UTF-8 first");
    }
    if looks_like_journal(head) {
        return FileKind::Journal;
    }
    if looks_binary(head) {
        return FileKind::Nothing("is binary");
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}');
    if cluster::looks_like(name, text) {
        return FileKind::Cluster;
    }
    if billing::looks_like(text) {
        return FileKind::Billing;
    }
    if let Some(kind) = json_kind(text) {
        return kind;
    }
    match extension(name) {
        "md" | "markdown" | "rst" | "html" if !given => {
            FileKind::Nothing("is a document; `groundcrew index` reads those")
        }
        "yaml" | "yml" if !given => FileKind::Nothing("holds no Kubernetes objects"),
        "log" | "out" | "err" => FileKind::Lines,
        _ if given || has_log_signs(text) => FileKind::Lines,
        _ => FileKind::Nothing(
            "is not recognised as telemetry (no times or levels in its lines); name the file itself to take it as a log",
        ),
    }
}

fn extension(name: &str) -> &str {
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Text has next to no control characters; terminal colours and the odd stray byte are allowed.
pub(in crate::sources) fn looks_binary(head: &[u8]) -> bool {
    let control =
        |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\n' | b'\r' | b'\t' | 0x1b | 0x0c);
    let controls = head.iter().filter(control).count();
    controls * 50 > head.len()
}

fn json_kind(text: &str) -> Option<FileKind> {
    let start = text.trim_start();
    if !start.starts_with(['{', '[']) {
        return None;
    }
    let (first, more) = match start.split_once('\n') {
        Some((first, _)) => (first, true),
        None => (start, false),
    };
    match serde_json::from_str::<IgnoredAny>(first) {
        Ok(_) => Some(FileKind::Lines),
        // One endless line: whatever it is, it is read as one.
        Err(error) if error.is_eof() && !more => Some(FileKind::Lines),
        Err(error) if error.is_eof() => Some(FileKind::JsonDocument),
        // A bad first line in a file of JSON lines, or a log line in brackets.
        Err(_) => None,
    }
}

fn has_log_signs(text: &str) -> bool {
    let has_sign = |line: &str| {
        find_time(line, Timestamp::MAX).is_some()
            || infer_severity(line) != Severity::UNSPECIFIED
            || (line.starts_with('{') && serde_json::from_str::<IgnoredAny>(line).is_ok())
    };
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty()).take(LOG_SIGN_LINES).collect();
    let signs = lines.iter().filter(|line| has_sign(line)).count();
    signs * 5 >= lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_files_by_their_content() {
        let lines = FileKind::Lines;
        let cases: [(&str, &str, FileKind); 11] = [
            ("a", "{\"resourceLogs\":[]}\n", lines),
            ("a", "{\n  \"commits\": []\n}", FileKind::JsonDocument),
            ("a", "[\n {}\n]", FileKind::JsonDocument),
            ("a", "[2026-01-02 03:04:05] ERROR x\n", lines),
            ("a.log", "whatever\n", lines),
            ("a.txt", "2026-01-02T03:04:05Z x\n", lines),
            ("a", "{\"resourceLogs\":[{\"resource\"", lines),
            (
                "a",
                "\"BilledCost\",EffectiveCost,ChargePeriodStart,ChargePeriodEnd\r\n",
                FileKind::Billing,
            ),
            ("a.log", "BilledCost is 3, see ChargePeriodStart and ChargePeriodEnd\n", lines),
            ("a.json", "{\"msg\":\"x\"}\n{\"msg\":\"y\"}\n", lines),
            ("broken.jsonl", "{bad\n{\"msg\":\"x\"}\n{\"msg\":\"x\"}\n", lines),
        ];
        for (name, head, kind) in cases {
            assert_eq!(kind_of(name, head.as_bytes(), false), kind, "{head}");
        }
        let prose = b"A readme\nwithout any log lines\n";
        assert!(matches!(kind_of("readme.txt", prose, false), FileKind::Nothing(_)));
        assert_eq!(kind_of("readme.txt", prose, true), lines);
        assert!(matches!(kind_of("a", b"\x7fELF\0\0\0\0\x01\x02", true), FileKind::Nothing(_)));
        assert!(matches!(kind_of("a", b" \n", true), FileKind::Nothing("is empty")));
    }
}
