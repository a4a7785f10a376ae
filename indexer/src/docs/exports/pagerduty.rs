//! Incidents of PagerDuty, as `GET /incidents` lists them, with notes and log entries where these were added.
//!
//! Names of people are left out: who was on call is no symptom.

use serde_json::Value as Json;

use super::told::{Told, list_at, span, text_at};

/// Log entries in which somebody says something.
const SPOKEN: &[&str] = &["annotate_log_entry", "resolve_log_entry"];

/// Tells an incident; `None` when it is none.
pub(super) fn tell(item: &Json) -> Option<Told> {
    let of_type = text_at(item, &["/type"]).unwrap_or_default();
    let has_number = item.pointer("/incident_number").is_some();
    let id = text_at(item, &["/id"]).filter(|_| has_number || of_type == "incident")?;
    let title = text_at(item, &["/title", "/summary", "/description"])?;
    let mut told = Told::new(id.to_owned(), title);
    let status = text_at(item, &["/status"]);
    let severity = text_at(item, &["/priority/summary", "/priority/name", "/urgency"]);
    let service = text_at(item, &["/service/summary", "/service/name"]);
    let start = text_at(item, &["/created_at"]);
    let resolved = Some("/last_status_change_at").filter(|_| status == Some("resolved"));
    let end = text_at(item, &["/resolved_at", resolved.unwrap_or_default()]);
    let facts: Vec<String> = [
        Some("PagerDuty incident".to_owned()),
        service.map(|service| format!("of {service}")),
        status.map(str::to_owned),
        severity.map(str::to_owned),
        Some(span(start, end)),
    ]
    .into_iter()
    .flatten()
    .filter(|fact| !fact.is_empty())
    .collect();
    told.text.push_str(&format!("{}.\n\n", facts.join(", ")));
    told.section("What happened", &details(item));
    told.section("Notes", &notes(item));
    told.section("Resolution", &resolution(item));
    told.set("services", service);
    told.set("date", start);
    told.set("status", status);
    told.set("severity", severity);
    told.set("resolved_at", end);
    told.set("url", text_at(item, &["/html_url"]));
    let teams =
        list_at(item, "/teams").iter().filter_map(|team| text_at(team, &["/summary", "/name"]));
    told.set_all("teams", teams.map(str::to_owned).collect());
    Some(told)
}

fn details(item: &Json) -> Vec<String> {
    let places = ["/body/details", "/first_trigger_log_entry/channel/details", "/description"];
    places.iter().filter_map(|place| said(item.pointer(place)?)).collect()
}

/// A text, or an object of facts as a list of them.
fn said(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Object(facts) => {
            let line = |(name, fact): (&String, &Json)| match fact {
                Json::String(text) => format!("- {name}: {text}"),
                other => format!("- {name}: {other}"),
            };
            Some(facts.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

fn notes(item: &Json) -> Vec<String> {
    let notes = list_at(item, "/notes").iter().filter_map(|note| text_at(note, &["/content"]));
    let entries = list_at(item, "/log_entries").iter().filter(|entry| {
        text_at(entry, &["/type"]).is_some_and(|of_type| SPOKEN.contains(&of_type))
    });
    let spoken = entries.filter_map(|entry| {
        text_at(entry, &["/note", "/channel/content", "/channel/summary", "/channel/note"])
    });
    let mut all: Vec<String> = Vec::new();
    for note in notes.chain(spoken) {
        if !all.iter().any(|known| known == note) {
            all.push(note.to_owned());
        }
    }
    all
}

fn resolution(item: &Json) -> Vec<String> {
    let places = ["/resolution", "/resolve_reason", "/resolution_notes", "/resolve_reason/type"];
    places.iter().filter_map(|place| text_at(item, &[place])).map(str::to_owned).collect()
}
