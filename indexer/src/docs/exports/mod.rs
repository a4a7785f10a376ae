//! Exports of other programs: incidents of PagerDuty and issues of GitHub, as their interfaces list them.
//!
//! One file holds many documents. Each is told in Markdown of our own making; addresses in it are words, not links.

mod github;
mod pagerduty;
mod told;

use groundcrew_telemetry::Value;
use rustc_hash::FxHashSet;
use serde_json::value::RawValue;

use super::formats::{Lines, Parsed, parse_markdown};
use told::Told;

/// Larger files are not read.
pub(super) const FILE_BYTES_MAX: u64 = 64 << 20;
/// Items of one file that are read.
const ITEMS_MAX: usize = 50_000;
/// Names under which a list may lie in an object.
const LISTS: &[&str] = &["incidents", "issues", "items", "data", "results"];

/// What an export holds.
#[derive(Debug, Default)]
pub(super) struct Export {
    /// Ids inside the file, and documents.
    pub(super) documents: Vec<(String, Parsed<'static>)>,
    /// What could not be read: line and reason.
    pub(super) problems: Vec<(u32, String)>,
}

/// Reads a JSON file; `None` when it is no export that we know.
pub(super) fn read(text: &str) -> Option<Export> {
    let mut export = Export::default();
    let mut seen = FxHashSet::default();
    let mut is_known = false;
    let mut place = Place { text, at: 0, line: 1 };
    for raw in items(text) {
        let lines = place.of(raw.get());
        let Some(told) = serde_json::from_str(raw.get()).ok().and_then(|item| tell(&item)) else {
            continue;
        };
        is_known = true;
        if told.is_left_out {
            continue;
        }
        if !seen.insert(told.id.clone()) {
            let reason = format!("`{}` comes twice; the first is kept", told.id);
            export.problems.push((lines.0, reason));
            continue;
        }
        export.documents.push((told.id.clone(), parsed(told, lines)));
    }
    is_known.then_some(export)
}

fn tell(item: &serde_json::Value) -> Option<Told> {
    pagerduty::tell(item).or_else(|| github::tell(item))
}

fn parsed(told: Told, (first, last): (u32, u32)) -> Parsed<'static> {
    let mut parsed = parse_markdown(told.text);
    parsed.lines = Lines::Within(first, last);
    parsed.attributes.set("title", Value::from(told.title.as_str()));
    parsed.attributes.set("kind", Value::from("incident"));
    for (name, value) in told.attributes {
        parsed.attributes.set(name, value);
    }
    parsed
}

/// The items of all lists in a file. Pages that a program fetched one after another may simply follow each other.
fn items(text: &str) -> Vec<&RawValue> {
    let mut items = Vec::new();
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    // What is cut off at its end is an export up to there.
    for value in values.map_while(Result::ok) {
        items.extend(items_of(value));
        if items.len() > ITEMS_MAX {
            items.truncate(ITEMS_MAX);
            break;
        }
    }
    items
}

fn items_of(value: &RawValue) -> Vec<&RawValue> {
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        return list;
    }
    let object = serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(value.get());
    let Ok(object) = object else { return Vec::new() };
    let list = LISTS.iter().find_map(|name| object.get(*name));
    match list.map(|list| serde_json::from_str::<Vec<&RawValue>>(list.get())) {
        Some(Ok(list)) => list,
        // One item on its own, as JSON lines have it.
        _ => vec![value],
    }
}

/// Counts lines while items are read in order.
struct Place<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl Place<'_> {
    /// First and last line of `part`, which lies in the text.
    fn of(&mut self, part: &str) -> (u32, u32) {
        let at = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let between = self.text.get(self.at..at).unwrap_or_default();
        self.line = self.line.saturating_add(newlines(between));
        self.at = self.at.max(at);
        (self.line, self.line.saturating_add(newlines(part)))
    }
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::Attributes;

    use super::*;

    const PAGERDUTY: &str = r#"{
 "incidents": [
  {"id": "PGR0VU2", "type": "incident", "incident_number": 1234, "title": "checkout: 5xx above 5 %",
   "status": "resolved", "urgency": "high", "priority": {"summary": "P1"},
   "service": {"summary": "checkout", "html_url": "https://x"},
   "created_at": "2026-03-14T03:07:00Z", "resolved_at": "2026-03-14T03:49:00Z",
   "body": {"type": "incident_body", "details": "pool timed out after 3000ms"},
   "notes": [{"content": "Raised the pool to 50.", "created_at": "2026-03-14T03:40:00Z",
              "user": {"summary": "Ann Example"}}],
   "log_entries": [{"type": "annotate_log_entry", "channel": {"summary": "rolled back v2.31"}},
                   {"type": "notify_log_entry", "channel": {"summary": "sms"}}]},
  {"id": "PGR0VU3", "type": "incident", "title": "disk full", "status": "triggered"},
  {"id": "PGR0VU2", "type": "incident", "title": "again"}
 ], "limit": 25
}"#;

    const GITHUB: &str = r#"[
 {"number": 7, "title": "Outage: checkout", "state": "closed", "state_reason": "completed",
  "html_url": "https://github.com/shop/ops/issues/7", "labels": [{"name": "service:checkout"}, {"name": "sev1"}],
  "body": "**Impact**\n\nNo orders.", "created_at": "2026-03-14T03:07:00Z",
  "closed_at": "2026-03-14T05:07:00Z", "comments": 2},
 {"number": 8, "title": "Fix", "state": "open", "labels": [], "pull_request": {"url": "x"}}
]
[{"number": 9, "title": "Null body", "state": "OPEN", "labels": ["cart"], "body": null,
  "url": "https://github.com/shop/ops/issues/9", "createdAt": "2026-04-01T00:00:00Z",
  "comments": [{"body": "restarted it", "author": {"login": "ann"}}]}]"#;

    fn attribute<'a>(attributes: &'a Attributes, name: &str) -> &'a str {
        attributes.str(name).unwrap_or("")
    }

    #[test]
    fn pagerduty_incidents_are_documents() {
        let export = read(PAGERDUTY).unwrap();
        let ids: Vec<&str> = export.documents.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["PGR0VU2", "PGR0VU3"]);
        assert_eq!(export.problems, [(13, "`PGR0VU2` comes twice; the first is kept".to_owned())]);
        let (_, first) = &export.documents[0];
        assert_eq!(first.lines, Lines::Within(3, 11));
        for text in [
            "# checkout: 5xx above 5 %",
            "pool timed out after 3000ms",
            "Raised the pool to 50.",
            "rolled back v2.31",
            "42 min",
        ] {
            assert!(first.body.contains(text), "{text} in {}", first.body);
        }
        assert!(!first.body.contains("Ann") && !first.body.contains("sms"), "{}", first.body);
        assert_eq!(attribute(&first.attributes, "services"), "checkout");
        assert_eq!(attribute(&first.attributes, "date"), "2026-03-14T03:07:00Z");
        assert_eq!(attribute(&first.attributes, "status"), "resolved");
        assert_eq!(attribute(&first.attributes, "severity"), "P1");
        assert_eq!(attribute(&first.attributes, "kind"), "incident");
    }

    #[test]
    fn github_issues_are_documents_and_pull_requests_are_not() {
        let export = read(GITHUB).unwrap();
        let ids: Vec<&str> = export.documents.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["shop/ops/7", "shop/ops/9"]);
        let (_, first) = &export.documents[0];
        assert!(first.body.contains("**Impact**\n\nNo orders."), "{}", first.body);
        assert_eq!(attribute(&first.attributes, "services"), "checkout");
        assert_eq!(attribute(&first.attributes, "status"), "closed");
        assert_eq!(attribute(&first.attributes, "severity"), "sev1");
        let (_, second) = &export.documents[1];
        assert_eq!(second.lines.of(0, 0), (8, 10));
        assert!(second.body.contains("restarted it") && !second.body.contains("ann"));
    }

    #[test]
    fn other_json_is_no_export() {
        for text in [
            "",
            "{",
            "[]",
            "{\"name\": \"x\", \"version\": \"1\"}",
            "[1, 2]",
            "[{\"title\": \"x\"}]",
            "\"incident\"",
            "{\"incidents\": 7}",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
        assert!(read(&"[".repeat(100_000)).is_none());
    }

    #[test]
    fn an_export_that_is_cut_off_keeps_its_whole_pages() {
        let (page, _) = GITHUB.split_once("\n[").unwrap();
        assert_eq!(read(&format!("{page}\n[{{\"number\": 9,")).unwrap().documents.len(), 1);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn any_values_in_known_places_are_read(
            value in proptest::sample::select(vec!["null", "7", "\"x\"", "[]", "[7]", "{}", "{\"summary\": []}", "[{}]"]),
            key in proptest::sample::select(vec![
                "id", "title", "status", "service", "priority", "body", "notes", "log_entries", "created_at",
                "labels", "state", "number", "comments", "html_url", "resolve_reason", "teams", "pull_request",
            ]),
        ) {
            let item = format!("[{{\"type\": \"incident\", \"id\": \"a\", \"title\": \"t\", \"{key}\": {value}}}]");
            drop(read(&item));
            let issue = format!("[{{\"number\": 1, \"title\": \"t\", \"state\": \"open\", \"labels\": [], \"{key}\": {value}}}]");
            drop(read(&issue));
        }
    }
}
