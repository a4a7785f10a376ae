//! One message of another system, as it is posted: alerts, or changes.

use groundcrew_telemetry::{Alert, AlertStatus, ChangeEvent, Timestamp, Value};

use super::alerts::read_alerts;
use super::changes::read_changes;
use super::log_time::parse_time;
use super::plain_json::{PlainJson, as_object, get, text_of};
use crate::stages::decode::Rejections;

/// Longest name that a sentence gives its alert.
const NAME_BYTES_MAX: usize = 80;

/// What a message holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Message {
    /// Alerts, each as it stood when the message was sent.
    pub alerts: Vec<Alert>,
    /// Changes.
    pub changes: Vec<ChangeEvent>,
}

/// Reads a JSON message, whoever sent it: bodies are told by what they hold, never by the version they claim.
///
/// # Errors
/// What is wrong with it, for its sender: it is no JSON, or holds neither alerts nor changes.
pub fn read_message(bytes: &[u8], source: &str, now: Timestamp) -> Result<Message, String> {
    let PlainJson(value) =
        serde_json::from_slice(bytes).map_err(|error| format!("the body is no JSON: {error}"))?;
    let value = value.ok_or("the body is null")?;
    let items = match &value {
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    // A list of nothing is what a sender with nothing to say sends.
    let mut message = Message::default();
    let mut rejected = Rejections::default();
    for object in items.iter().filter_map(as_object) {
        let mut alerts = read_alerts(object, now);
        if alerts.is_empty() {
            match read_changes(object, now, &mut rejected) {
                Some(changes) => message.changes.extend(changes),
                None => message.alerts.extend(plain_alert(object, source, now)),
            }
            continue;
        }
        for alert in &mut alerts {
            if alert.source == "file" {
                source.clone_into(&mut alert.source);
            }
        }
        if let [alert] = alerts.as_mut_slice() {
            end_by_time(alert, object, now);
        }
        message.alerts.extend(alerts);
    }
    let is_empty = message.alerts.is_empty() && message.changes.is_empty();
    if is_empty && !items.is_empty() {
        let why = rejected.reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
        return Err(format!("the body holds neither alerts nor changes{why}"));
    }
    Ok(message)
}

/// Whoever posts a sentence and nothing that is known means it as an alert. Nobody will say when it ends, so it is one of
/// a moment.
fn plain_alert(object: &[(String, Value)], source: &str, now: Timestamp) -> Option<Alert> {
    let text = text_of(object, &["title", "message", "text", "summary", "description"])?;
    let line = text.lines().next().unwrap_or_default().trim();
    let name = line.get(..line.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or(line).to_owned();
    Some(Alert {
        source: text_of(object, &["source"]).unwrap_or_else(|| source.to_owned()),
        fingerprint: format!("{source}:{name}"),
        severity: text_of(object, &["severity", "priority", "level"]).unwrap_or_default(),
        service: text_of(object, &["service", "service_name"]),
        status: AlertStatus::Resolved,
        starts_at: now,
        ends_at: Some(now),
        name,
        text,
        ..Alert::default()
    })
}

/// Prometheus says with each alert until when it holds, and nothing else: one that ended has ended.
fn end_by_time(alert: &mut Alert, object: &[(String, Value)], now: Timestamp) {
    if get(object, "status").is_some() || get(object, "state").is_some() {
        return;
    }
    let ends = text_of(object, &["endsAt"]).and_then(|text| parse_time(&text, now));
    if let Some(ends) = ends.filter(|ends| *ends <= now && *ends >= alert.starts_at) {
        alert.status = AlertStatus::Resolved;
        alert.ends_at = Some(ends);
    }
}
