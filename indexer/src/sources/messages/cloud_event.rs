//! CloudEvents 1.0, in both HTTP modes, and CDEvents inside them.
//!
//! What the event carries is read first, for it may be a message that is known anyway; else its type says what happened.

use groundcrew_telemetry::{Alert, AlertStatus, ChangeEvent, ChangeKind, Timestamp};

use super::super::files::log_time::parse_time;
use super::super::files::plain_json::{as_object, get, object_of, text_of};
use super::{Entries, Message, Posted, change, fingerprint, kind_of, read_known, time_of};
use crate::stages::decode::Rejections;

/// The header that tells a CloudEvent whose attributes stand in headers.
pub(super) const TYPE_HEADER: &str = "ce-type";

/// What an event says of itself.
struct Event<'a> {
    kind: String,
    id: String,
    subject: Option<String>,
    time: Timestamp,
    data: &'a Entries,
}

/// Reads an event; `None` when `object` is something else.
pub(super) fn read(
    object: &Entries,
    posted: &Posted<'_>,
    rejected: &mut Rejections,
) -> Option<Message> {
    let event = binary(object, posted).or_else(|| structured(object, posted.now))?;
    let known = read_known(event.data, posted, rejected).filter(|known| !known.is_empty());
    if let Some(mut known) = known {
        for change in known.changes.iter_mut().filter(|change| change.id.is_empty()) {
            change.id.clone_from(&event.id);
        }
        return Some(known);
    }
    let words = event.kind.to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if says(&["incident", "alert", "alarm"]) {
        return Some(Message::of_alert(event.alert(says(&["resolved", "closed", "recovered"]))));
    }
    Some(match kind_of(&words) {
        Some(kind) => Message::of_changes(vec![event.change(kind)]),
        None => Message::passed_over(format!("`{}` is neither an alert nor a change", event.kind)),
    })
}

fn binary<'a>(object: &'a Entries, posted: &Posted<'_>) -> Option<Event<'a>> {
    let header = |name: &str| posted.headers.get(name).cloned();
    Some(Event {
        kind: header(TYPE_HEADER)?,
        id: header("ce-id").unwrap_or_default(),
        subject: header("ce-subject"),
        time: header("ce-time")
            .and_then(|time| parse_time(&time, posted.now))
            .unwrap_or(posted.now),
        data: object,
    })
}

fn structured(object: &Entries, now: Timestamp) -> Option<Event<'_>> {
    get(object, "specversion")?;
    get(object, "source")?;
    Some(Event {
        kind: text_of(object, &["type"])?,
        id: text_of(object, &["id"]).unwrap_or_default(),
        subject: text_of(object, &["subject"]),
        time: time_of(object, &["time"], now).unwrap_or(now),
        data: get(object, "data").and_then(as_object).unwrap_or_default(),
    })
}

impl Event<'_> {
    /// The subject of a CDEvent: what it happened to.
    fn inner_subject(&self) -> &Entries {
        object_of(self.data, "subject")
    }

    fn content(&self) -> &Entries {
        object_of(self.inner_subject(), "content")
    }

    fn service(&self) -> Option<String> {
        let named = |object: &Entries| {
            text_of(object, &["service", "service_name", "app", "application"])
                .or_else(|| text_of(object_of(object, "service"), &["name", "id"]))
        };
        let named = named(self.data)
            .or_else(|| named(self.content()))
            .or_else(|| text_of(self.inner_subject(), &["id"]))
            .or_else(|| self.subject.clone())?;
        let last = named.rsplit('/').next().unwrap_or(&named).trim();
        (!last.is_empty()).then(|| last.to_owned())
    }

    fn words(&self) -> Option<String> {
        let keys = ["title", "message", "summary", "description", "name"];
        text_of(self.data, &keys).or_else(|| text_of(self.content(), &keys))
    }

    fn alert(&self, is_over: bool) -> Alert {
        let service = self.service();
        let name = self.words().unwrap_or_else(|| self.kind.clone());
        let began = time_of(self.data, &["starts_at", "started_at", "created_at"], self.time);
        // The same thing begins and ends under one subject, each time with an id of its own.
        let happened_to = self.subject.clone().or_else(|| text_of(self.inner_subject(), &["id"]));
        Alert {
            source: "cloudevents".to_owned(),
            fingerprint: fingerprint("cloudevents", happened_to.as_ref().unwrap_or(&name)),
            status: if is_over { AlertStatus::Resolved } else { AlertStatus::Firing },
            severity: text_of(self.data, &["severity", "priority"]).unwrap_or_default(),
            starts_at: began.unwrap_or(self.time),
            ends_at: is_over.then_some(self.time),
            text: name.clone(),
            service,
            name,
            ..Alert::default()
        }
    }

    fn change(&self, kind: ChangeKind) -> ChangeEvent {
        let (service, data, content) = (self.service(), self.data, self.content());
        let to = text_of(data, &["version", "to", "tag", "image", "value"])
            .or_else(|| text_of(content, &["version", "artifactId"]));
        let mut words = vec![kind.name()];
        words.extend(service.as_deref());
        words.extend(to.as_deref());
        let title = self.words().unwrap_or_else(|| words.join(" "));
        let author = object_of(data, "author");
        ChangeEvent {
            id: self.id.clone(),
            actor: text_of(data, &["actor", "author", "user"])
                .or_else(|| text_of(author, &["name", "login"])),
            from: text_of(data, &["from", "previous", "previous_version"]),
            link: text_of(data, &["link", "url"]).or_else(|| text_of(content, &["uri"])),
            to,
            service,
            ..change(kind, self.time, title)
        }
    }
}
