//! An incident as it is told in Markdown.

use groundcrew_telemetry::{Timestamp, Value};
use serde_json::Value as Json;

/// An item of an export, told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its id inside the file.
    pub(super) id: String,
    pub(super) title: String,
    /// Markdown.
    pub(super) text: String,
    /// What goes into the front matter.
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// Whether it is known, and no incident.
    pub(super) is_left_out: bool,
}

impl Told {
    /// Starts with the title.
    pub(super) fn new(id: String, title: &str) -> Self {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { id, text: format!("# {title}\n\n"), title, ..Self::default() }
    }

    pub(super) fn set(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
            self.attributes.push((name, Value::from(value)));
        }
    }

    pub(super) fn set_all(&mut self, name: &'static str, values: Vec<String>) {
        match values.as_slice() {
            [] => {}
            [one] => self.set(name, Some(one)),
            _ => {
                let values = values.iter().map(|value| Value::from(value.as_str())).collect();
                self.attributes.push((name, Value::List(values)));
            }
        }
    }

    /// Adds a section, unless there is nothing to say.
    pub(super) fn section(&mut self, heading: &str, parts: &[String]) {
        let parts: Vec<&str> =
            parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
        if !parts.is_empty() {
            self.text.push_str(&format!("## {heading}\n\n{}\n\n", parts.join("\n\n")));
        }
    }
}

/// The first text that is not empty at one of `pointers`.
pub(super) fn text_at<'j>(item: &'j Json, pointers: &[&str]) -> Option<&'j str> {
    let found = pointers.iter().filter_map(|pointer| item.pointer(pointer)?.as_str());
    found.map(str::trim).find(|text| !text.is_empty())
}

/// The list at `pointer`; empty when there is none.
pub(super) fn list_at<'j>(item: &'j Json, pointer: &str) -> &'j [Json] {
    item.pointer(pointer).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// When it was and how long it took: `from 2026-03-14T03:07:00Z to 2026-03-14T03:49:00Z, 42 min`.
pub(super) fn span(start: Option<&str>, end: Option<&str>) -> String {
    let Some(start) = start else { return String::new() };
    let Some(end) = end else { return format!("since {start}") };
    let minutes = Timestamp::parse(start).zip(Timestamp::parse(end));
    let minutes = minutes.map(|(start, end)| end.secs_since(start) / 60.0);
    match minutes.filter(|minutes| *minutes >= 0.0) {
        Some(minutes) => format!("from {start} to {end}, {minutes:.0} min"),
        None => format!("from {start} to {end}"),
    }
}
