//! Issues of GitHub, as `GET /repos/{owner}/{repo}/issues` and `gh issue list --json ...` list them.

use serde_json::Value as Json;

use super::told::{Told, list_at, span, text_at};

/// What labels say which service, by the word before `:` or `/`.
const SERVICE_LABELS: &[&str] = &["service", "svc", "component", "app"];
const SEVERITY_LABELS: &[&str] = &["severity", "sev", "priority"];

/// Tells an issue; `None` when it is none.
pub(super) fn tell(item: &Json) -> Option<Told> {
    let number = item.pointer("/number").and_then(Json::as_u64)?;
    let title = text_at(item, &["/title"])?;
    let state = text_at(item, &["/state"])?;
    item.pointer("/labels").and_then(Json::as_array)?;
    let url = text_at(item, &["/html_url", "/url"]);
    let id = url.and_then(repository).map_or(number.to_string(), |name| format!("{name}/{number}"));
    let mut told = Told::new(id, title);
    told.is_left_out = item.pointer("/pull_request").is_some_and(Json::is_object)
        || url.is_some_and(|url| url.contains("/pull/"));
    let start = text_at(item, &["/created_at", "/createdAt"]);
    let end = text_at(item, &["/closed_at", "/closedAt"]);
    let state = state.to_lowercase();
    let reason = text_at(item, &["/state_reason", "/stateReason"]).map(str::to_lowercase);
    let how = reason.as_ref().map(|reason| format!(" as {}", reason.replace('_', " ")));
    told.text.push_str(&format!(
        "GitHub issue {number}, {state}{}, {}.\n\n",
        how.unwrap_or_default(),
        span(start, end)
    ));
    told.section("What happened", &[text_at(item, &["/body"]).unwrap_or_default().to_owned()]);
    let comments =
        list_at(item, "/comments").iter().filter_map(|comment| text_at(comment, &["/body"]));
    told.section("Comments", &comments.map(str::to_owned).collect::<Vec<_>>());
    let labels: Vec<&str> = list_at(item, "/labels")
        .iter()
        .filter_map(|label| label.as_str().or_else(|| text_at(label, &["/name"])))
        .collect();
    told.set_all(
        "services",
        labels.iter().filter_map(|label| after(label, SERVICE_LABELS)).collect(),
    );
    told.set("severity", severity(&labels).as_deref());
    told.set("date", start);
    told.set("status", Some(&state));
    told.set("resolution", reason.as_deref());
    told.set("resolved_at", end);
    told.set("url", url);
    told.set_all("labels", labels.into_iter().map(str::to_owned).collect());
    Some(told)
}

/// What follows one of `words` in a label: `service:checkout` and `svc/checkout` say `checkout`.
fn after(label: &str, words: &[&str]) -> Option<String> {
    let (word, rest) = label.split_once([':', '/'])?;
    let is_known = words.iter().any(|known| word.trim().eq_ignore_ascii_case(known));
    is_known.then(|| rest.trim().to_owned()).filter(|rest| !rest.is_empty())
}

fn severity(labels: &[&str]) -> Option<String> {
    let named = labels.iter().find_map(|label| after(label, SEVERITY_LABELS));
    named.or_else(|| {
        let is_level = |label: &&&str| {
            let level = label.to_ascii_lowercase();
            let digits = level.strip_prefix("sev").or_else(|| level.strip_prefix('p'));
            digits.is_some_and(|digits| digits.len() == 1 && digits.parse::<u8>().is_ok())
        };
        labels.iter().find(is_level).map(|label| (*label).to_owned())
    })
}

/// `owner/name` from an address of an issue.
fn repository(url: &str) -> Option<String> {
    let path = url.split_once("://")?.1.split_once('/')?.1;
    let mut parts = path.trim_start_matches("repos/").split('/');
    let (owner, name) = parts.next().zip(parts.next())?;
    Some(format!("{owner}/{name}"))
}
