//! A proposed change of a runbook after an incident. It is printed as a diff; nobody applies it but a person.

use groundcrew_analysis::fingerprint::SignKind;

use super::diff;
use crate::investigate::evidence::shorten;
use crate::investigate::format::duration;
use crate::investigate::remembered::IncidentRecord;
use crate::text::in_markdown;

/// The heading under which incidents are noted.
const SECTION: &str = "Seen in incidents";
/// Lines that are quoted at most.
const LINES_MAX: usize = 4;

/// The runbook that fits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Runbook {
    /// Its path in the folder that was indexed.
    pub path: String,
    /// The whole file.
    pub text: String,
}

/// A proposed change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunbookChange {
    /// The file it changes or makes.
    pub path: String,
    /// Whether the file is new.
    pub is_new: bool,
    /// The change, a unified diff.
    pub diff: String,
}

/// Proposes to note the incident in the runbook that fits, or a new runbook where none does.
#[must_use]
pub fn propose_change(record: &IncidentRecord, runbook: Option<&Runbook>) -> RunbookChange {
    match runbook {
        Some(runbook) => {
            let (at, added) = addition(record, &runbook.text);
            let diff = diff::insertion(&runbook.path, &runbook.text, at, &added);
            RunbookChange { path: runbook.path.clone(), is_new: false, diff }
        }
        None => {
            let path = new_path(record);
            let diff = diff::new_file(&path, &new_page(record));
            RunbookChange { path, is_new: true, diff }
        }
    }
}

/// Where the note goes, as a line counted from 0, and its lines.
fn addition(record: &IncidentRecord, text: &str) -> (usize, Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut note = vec![entry(record)];
    note.extend(quoted_lines(record, text));
    let heading = lines.iter().position(|line| {
        line.starts_with('#') && line.trim_start_matches('#').trim().eq_ignore_ascii_case(SECTION)
    });
    let Some(heading) = heading else {
        let mut added = Vec::new();
        if lines.last().is_some_and(|line| !line.trim().is_empty()) {
            added.push(String::new());
        }
        added.extend([format!("## {SECTION}"), String::new()]);
        added.extend(note);
        return (lines.len(), added);
    };
    // At the end of the section, behind its last line that says something.
    let next = lines.iter().skip(heading + 1).position(|line| line.starts_with('#'));
    let end = next.map_or(lines.len(), |offset| heading + 1 + offset);
    let last = lines
        .iter()
        .take(end)
        .rposition(|line| !line.trim().is_empty())
        .map_or(end, |position| position + 1);
    if last == heading + 1 {
        note.insert(0, String::new());
    }
    (last, note)
}

/// One line that says what it was and what ended it.
fn entry(record: &IncidentRecord) -> String {
    let at = record.since.unwrap_or(record.recorded_at).to_string();
    let mut entry = format!("- {} ({})", record.code, at.get(..10).unwrap_or(&at));
    if let Some(cause) = &record.cause {
        entry.push_str(&format!(": {}", prose(&cause.words())));
    }
    if let Some(words) = &record.cause_words {
        entry.push_str(&format!(", {}", prose(words)));
    }
    if let Some(fix) = &record.fix {
        entry.push_str(&format!(". Fixed by: {}", prose(fix)));
    }
    if let Some(secs) = record.duration_secs {
        entry.push_str(&format!(" (took {})", duration(secs)));
    }
    entry
}

/// Lines that the incident showed and the page does not have, as an indented code block under the entry.
fn quoted_lines(record: &IncidentRecord, text: &str) -> Vec<String> {
    let missing: Vec<String> = symptoms(record)
        .into_iter()
        .filter(|line| !text.contains(line.as_str()))
        .take(LINES_MAX)
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "  ```text".to_owned()];
    lines.extend(missing.iter().map(|line| format!("  {line}")));
    lines.push("  ```".to_owned());
    lines
}

/// The lines that were new or more frequent, as templates. No fence can be closed from inside.
fn symptoms(record: &IncidentRecord) -> Vec<String> {
    let is_line = |kind| matches!(kind, SignKind::LineNew | SignKind::LineMore);
    record
        .fingerprint
        .signs
        .iter()
        .filter(|sign| is_line(sign.kind) && !sign.text.is_empty())
        .map(|sign| shorten(&crate::text::visible(&sign.text).replace("```", "'''"), 200))
        .collect()
}

fn new_path(record: &IncidentRecord) -> String {
    let cause = record.cause.as_ref().or(record.suspected.as_ref());
    let words = cause.map(|cause| format!("{} {}", cause.service, cause.fault_kind));
    let name: String = words
        .unwrap_or_default()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = name.split('-').filter(|part| !part.is_empty()).take(8).collect::<Vec<_>>();
    match name.as_slice() {
        [] => format!("runbooks/incident-{}.md", record.code.to_lowercase()),
        parts => format!("runbooks/{}.md", parts.join("-")),
    }
}

fn new_page(record: &IncidentRecord) -> Vec<String> {
    let cause = record.cause.as_ref().or(record.suspected.as_ref());
    let title = cause.map_or_else(|| record.code.clone(), |cause| cause.words());
    let services: Vec<String> = cause
        .map(|cause| cause.service.clone())
        .into_iter()
        .chain(record.services.iter().cloned())
        .take(4)
        .map(|service| quoted(&service))
        .collect();
    let mut page = vec![
        "---".to_owned(),
        format!("title: {}", quoted(&title)),
        "kind: runbook".to_owned(),
        format!("services: [{}]", services.join(", ")),
        "---".to_owned(),
        String::new(),
        format!("# {}", prose(&title)),
        String::new(),
        "## Symptoms".to_owned(),
        String::new(),
    ];
    let lines = symptoms(record);
    if lines.is_empty() {
        page.push("What somebody on call notices first: to be written.".to_owned());
    } else {
        page.push("```text".to_owned());
        page.extend(lines.into_iter().take(LINES_MAX));
        page.push("```".to_owned());
    }
    let fix = record.fix.as_deref().map_or_else(|| "To be written.".to_owned(), prose);
    for (heading, text) in [
        ("First checks", "To be written: what tells this from its neighbours.".to_owned()),
        ("Fix", fix),
        ("Undo", "To be written.".to_owned()),
        (SECTION, entry(record)),
    ] {
        page.extend([String::new(), format!("## {heading}"), String::new(), text]);
    }
    page
}

/// A text that somebody wrote, on one line and inert.
fn prose(text: &str) -> String {
    in_markdown(&shorten(text.trim(), 400))
}

/// A scalar of YAML: JSON's strings are a part of YAML's. What could begin a link or a tag is escaped, for readers that
/// take front matter for text.
pub(super) fn quoted(text: &str) -> String {
    let json =
        serde_json::to_string(&crate::text::visible(text)).unwrap_or_else(|_| "\"\"".to_owned());
    json.replace('[', "\\u005b").replace('<', "\\u003c")
}
