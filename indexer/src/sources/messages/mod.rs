//! One message of another system, as it is posted: alerts, or changes. [`read_message`].
//!
//! Who sent it is told by what it holds and by headers that only one sender sets, never by the version a body claims.

mod cloud_event;
mod github;
mod mapping;
mod pagerduty;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use groundcrew_telemetry::{Alert, AlertStatus, ChangeEvent, ChangeKind, Timestamp, Value};

pub use mapping::Mappings;

use super::files::alerts::read_alerts;
use super::files::changes::read_changes;
use super::files::log_time::parse_time;
use super::files::plain_json::{PlainJson, as_object, get, text_of};
use crate::stages::decode::Rejections;

/// Longest name that a sentence gives its alert.
const NAME_BYTES_MAX: usize = 80;

type Entries = [(String, Value)];

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// What its sender is called here: the last part of the address it was posted to.
    pub source: &'a str,
    /// Its headers, by lower-case name; none where it comes from a file.
    pub headers: &'a BTreeMap<String, String>,
    /// Its body.
    pub body: &'a [u8],
    /// When it came.
    pub now: Timestamp,
}

/// What a message holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Message {
    /// Alerts, each as it stood when the message was sent.
    pub alerts: Vec<Alert>,
    /// Changes.
    pub changes: Vec<ChangeEvent>,
    /// The sender's own name for what the alerts belong to together.
    pub group: Option<String>,
    /// Why a message that was understood holds nothing to keep.
    pub passed_over: Option<String>,
}

impl Message {
    fn of_alert(alert: Alert) -> Self {
        Self { alerts: vec![alert], ..Self::default() }
    }

    fn of_changes(changes: Vec<ChangeEvent>) -> Self {
        Self { changes, ..Self::default() }
    }

    fn passed_over(why: impl Into<String>) -> Self {
        Self { passed_over: Some(why.into()), ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.alerts.is_empty() && self.changes.is_empty() && self.passed_over.is_none()
    }

    fn add(&mut self, other: Self) {
        self.alerts.extend(other.alerts);
        self.changes.extend(other.changes);
        self.group = self.group.take().or(other.group);
        self.passed_over = self.passed_over.take().or(other.passed_over);
    }
}

/// Reads a JSON message, whoever sent it. A mapping for its source goes before everything that is known by itself.
///
/// # Errors
/// What is wrong with it, for its sender: it is no JSON, or holds neither alerts nor changes.
pub fn read_message(posted: &Posted<'_>, mappings: &Mappings) -> Result<Message, String> {
    let body = unwrapped(posted.body);
    let parsed =
        serde_json::from_slice(&body).map_err(|error| format!("the body is no JSON: {error}"));
    let value = match parsed {
        Ok(PlainJson(value)) => value.ok_or("the body is null")?,
        // A binary CloudEvent may say all there is to say in its headers.
        Err(_) if body.is_empty() && posted.headers.contains_key(cloud_event::TYPE_HEADER) => {
            Value::Map(Vec::new())
        }
        Err(why) => return Err(why),
    };
    if let Some(mapping) = mappings.of(posted.source) {
        return mapping.read(&value, posted);
    }
    let items = match &value {
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    // A list of nothing is what a sender with nothing to say sends.
    let mut message = Message::default();
    let mut rejected = Rejections::default();
    for object in items.iter().filter_map(as_object) {
        message.add(read_object(object, posted, &mut rejected));
    }
    if message.is_empty() && !items.is_empty() {
        let why = rejected.reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
        return Err(format!("the body holds neither alerts nor changes{why}"));
    }
    Ok(message)
}

/// GitHub posts its JSON in a form unless it is told otherwise.
fn unwrapped(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.starts_with(b"payload=") {
        return Cow::Borrowed(body);
    }
    let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    payload.map_or(Cow::Borrowed(body), |(_, json)| Cow::Owned(json.into_owned().into_bytes()))
}

fn read_object(object: &Entries, posted: &Posted<'_>, rejected: &mut Rejections) -> Message {
    cloud_event::read(object, posted, rejected)
        .or_else(|| pagerduty::read(object, posted.now))
        .or_else(|| github::read(object, posted))
        .or_else(|| read_known(object, posted, rejected))
        .or_else(|| plain_alert(object, posted).map(Message::of_alert))
        .unwrap_or_default()
}

/// Alerts and changes in the forms that files hold them too.
fn read_known(object: &Entries, posted: &Posted<'_>, rejected: &mut Rejections) -> Option<Message> {
    let Posted { source, now, .. } = *posted;
    let mut alerts = read_alerts(object, now);
    if alerts.is_empty() {
        return read_changes(object, now, rejected).map(Message::of_changes);
    }
    for alert in &mut alerts {
        if alert.source == "file" {
            source.clone_into(&mut alert.source);
        }
    }
    if let [alert] = alerts.as_mut_slice() {
        end_by_time(alert, object, now);
    }
    Some(Message { alerts, group: text_of(object, &["groupKey"]), ..Message::default() })
}

/// Whoever posts a sentence and nothing that is known means it as an alert. Nobody will say when it ends, so it is one of
/// a moment.
fn plain_alert(object: &Entries, posted: &Posted<'_>) -> Option<Alert> {
    let Posted { source, now, .. } = *posted;
    let text = text_of(object, &["title", "message", "text", "summary", "description"])?;
    let line = text.lines().next().unwrap_or_default().trim();
    let name = line.get(..line.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or(line).to_owned();
    Some(Alert {
        source: text_of(object, &["source"]).unwrap_or_else(|| source.to_owned()),
        fingerprint: fingerprint(source, &name),
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
fn end_by_time(alert: &mut Alert, object: &Entries, now: Timestamp) {
    if get(object, "status").is_some() || get(object, "state").is_some() {
        return;
    }
    let ends = text_of(object, &["endsAt"]).and_then(|text| parse_time(&text, now));
    if let Some(ends) = ends.filter(|ends| *ends <= now && *ends >= alert.starts_at) {
        alert.status = AlertStatus::Resolved;
        alert.ends_at = Some(ends);
    }
}

/// The first of `keys` that holds a time.
fn time_of(object: &Entries, keys: &[&str], now: Timestamp) -> Option<Timestamp> {
    keys.iter().find_map(|key| parse_time(&text_of(object, &[key])?, now))
}

/// What tells an alert of a source from its others. A hash, because a fingerprint is not masked and these are words.
fn fingerprint(source: &str, words: &str) -> String {
    let hash: String = blake3::hash(words.as_bytes()).to_hex().chars().take(16).collect();
    format!("{source}:{hash}")
}

/// A change of which nothing is known yet but its sort, its time and its title.
fn change(kind: ChangeKind, time: Timestamp, title: String) -> ChangeEvent {
    ChangeEvent {
        kind,
        time,
        title,
        id: String::new(),
        service: None,
        actor: None,
        from: None,
        to: None,
        commits: Vec::new(),
        files: Vec::new(),
        diff: String::new(),
        link: None,
    }
}

/// The sort of change that a word of another system means.
fn kind_of(word: &str) -> Option<ChangeKind> {
    let word = word.to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if says(&["deploy", "release", "rollout", "rollback", "rolledback", "upgraded", "removed"]) {
        Some(ChangeKind::Deploy)
    } else if says(&["commit", "push"]) {
        Some(ChangeKind::Commit)
    } else if says(&["flag", "toggle"]) {
        Some(ChangeKind::Flag)
    } else if says(&["config"]) {
        Some(ChangeKind::Config)
    } else if says(&["scal"]) {
        Some(ChangeKind::Scaling)
    } else {
        says(&["change", "migration", "maintenance", "sync"]).then_some(ChangeKind::Other)
    }
}
