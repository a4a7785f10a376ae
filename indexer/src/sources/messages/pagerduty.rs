//! PagerDuty's webhooks, version 3: one event about one incident.

use groundcrew_telemetry::{Alert, AlertStatus, Attributes, Timestamp, Value};

use super::super::files::plain_json::{get, object_of, text_of};
use super::{Entries, Message, time_of};

/// Events after which an incident goes on.
const HOLDING: [&str; 10] = [
    "triggered",
    "acknowledged",
    "unacknowledged",
    "delegated",
    "escalated",
    "reassigned",
    "reopened",
    "priority_updated",
    "incident_type.changed",
    "service_updated",
];

/// Reads an event; `None` when `object` is something else.
pub(super) fn read(object: &Entries, now: Timestamp) -> Option<Message> {
    let event = object_of(object, "event");
    let kind = text_of(event, &["event_type"])?;
    let incident = object_of(event, "data");
    let Some(what) = kind.strip_prefix("incident.") else {
        return Some(Message::passed_over(format!("`{kind}` is about no incident")));
    };
    let status = match what {
        "resolved" => AlertStatus::Resolved,
        holding if HOLDING.contains(&holding) => AlertStatus::Firing,
        _ => return Some(Message::passed_over(format!("`{kind}` does not begin or end anything"))),
    };
    let Some(id) = text_of(incident, &["id"]) else {
        return Some(Message::passed_over(format!("`{kind}` names no incident")));
    };
    let at = time_of(event, &["occurred_at"], now).unwrap_or(now);
    let title =
        text_of(incident, &["title", "summary"]).unwrap_or_else(|| format!("incident {id}"));
    let summary = |key: &str| text_of(object_of(incident, key), &["summary", "name"]);
    let mut labels = Attributes::default();
    for key in ["incident_key", "number", "urgency"] {
        if let Some(value) = get(incident, key).filter(|value| !matches!(value, Value::Map(_))) {
            labels.set(key, value.clone());
        }
    }
    let mut annotations = Attributes::default();
    if let Some(link) = text_of(incident, &["html_url"]) {
        annotations.set("url", Value::Str(link));
    }
    Some(Message::of_alert(Alert {
        source: "pagerduty".to_owned(),
        fingerprint: format!("pagerduty:{id}"),
        status,
        severity: summary("priority")
            .or_else(|| text_of(incident, &["urgency"]))
            .unwrap_or_default(),
        service: summary("service"),
        labels,
        annotations,
        starts_at: time_of(incident, &["created_at"], now).unwrap_or(at),
        ends_at: (status == AlertStatus::Resolved).then_some(at),
        text: title.clone(),
        name: title,
        runbook_url: None,
    }))
}
