//! How the messages of a source that nobody knows are read: a TOML file with a table for each, whose entries are JSON
//! pointers (RFC 6901) into the message, or texts that are taken as they stand.
//!
//! ```toml
//! [argocd]                                    # POST /hooks/argocd
//! kind = "deploy"                             # alert, deploy, commit, flag, config, scaling or change; or a pointer to it
//! when = { "/phase" = ["Succeeded"] }         # else the message is passed over
//! service = "/app/metadata/name"
//! to = ["/app/revision", "/app/image"]        # the first that holds something
//! time = "/finishedAt"
//! ```

use std::collections::BTreeMap;

use groundcrew_telemetry::{Alert, AlertStatus, ChangeEvent, ChangeKind, Timestamp, Value};
use serde::Deserialize;

use super::super::files::log_time::{epoch_time, parse_time};
use super::{Message, Posted, change, fingerprint, kind_of};

/// The mappings of all sources that have one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Mappings(BTreeMap<String, Mapping>);

impl Mappings {
    /// Reads the file's text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mappings: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (source, mapping) in &mappings.0 {
            if !mapping.kind.starts_with('/') && Sort::of(&mapping.kind).is_none() {
                let known = "alert, deploy, commit, flag, config, scaling or change";
                return Err(format!("[{source}] kind is `{}`, not {known}", mapping.kind));
            }
        }
        Ok(mappings)
    }

    /// The mapping for `source`, if there is one.
    pub(super) fn of(&self, source: &str) -> Option<&Mapping> {
        self.0.get(source)
    }
}

/// Places of a text in a message, the best first.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Places {
    One(String),
    Several(Vec<String>),
}

impl Places {
    fn all(&self) -> &[String] {
        match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::Several(places) => places,
        }
    }
}

/// How the messages of one source are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    kind: String,
    /// Where the list is, when a message holds several.
    each: Option<String>,
    /// What must stand where, for a message to count.
    #[serde(default)]
    when: BTreeMap<String, Places>,
    /// The alert's name, or the change's title.
    title: Option<Places>,
    service: Option<Places>,
    id: Option<Places>,
    time: Option<Places>,
    text: Option<Places>,
    link: Option<Places>,
    severity: Option<Places>,
    /// Where an alert says how it stands; one that does not is one of a moment.
    status: Option<Places>,
    /// The words there by which it is over.
    #[serde(default)]
    resolved: Vec<String>,
    ends_at: Option<Places>,
    runbook_url: Option<Places>,
    actor: Option<Places>,
    from: Option<Places>,
    to: Option<Places>,
}

#[derive(Clone, Copy)]
enum Sort {
    Alert,
    Change(ChangeKind),
}

impl Sort {
    fn of(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let is_alert = ["alert", "incident", "alarm"].iter().any(|part| word.contains(part));
        if is_alert { Some(Self::Alert) } else { kind_of(&word).map(Self::Change) }
    }
}

impl Mapping {
    /// Reads a message by this mapping.
    ///
    /// # Errors
    /// When what the mapping counts on is not there.
    pub(super) fn read(&self, value: &Value, posted: &Posted<'_>) -> Result<Message, String> {
        let list = match &self.each {
            None => std::slice::from_ref(value),
            Some(pointer) => match at(value, pointer) {
                Some(Value::List(items)) => items.as_slice(),
                _ => {
                    return Err(format!(
                        "there is no list at `{pointer}`, where `each` says it is"
                    ));
                }
            },
        };
        let mut message = Message::default();
        for item in list {
            message.add(self.read_one(item, posted)?);
        }
        Ok(message)
    }

    fn read_one(&self, value: &Value, posted: &Posted<'_>) -> Result<Message, String> {
        for (pointer, wanted) in &self.when {
            let found = at(value, pointer).map(Value::text).unwrap_or_default();
            if !wanted.all().iter().any(|wanted| *wanted == found) {
                return Ok(Message::passed_over(format!("`{pointer}` is `{found}`")));
            }
        }
        let word = text_at(value, &self.kind).unwrap_or_default();
        match Sort::of(&word) {
            Some(Sort::Alert) => Ok(Message::of_alert(self.alert(value, posted))),
            Some(Sort::Change(kind)) => {
                Ok(Message::of_changes(vec![self.change(value, kind, posted.now)]))
            }
            None => {
                Err(format!("`{}` is `{word}`, which is neither an alert nor a change", self.kind))
            }
        }
    }

    fn alert(&self, value: &Value, posted: &Posted<'_>) -> Alert {
        let text = |places: &Option<Places>| first(value, places.as_ref());
        let name = text(&self.title).unwrap_or_else(|| posted.source.to_owned());
        let starts_at = time(value, self.time.as_ref(), posted.now).unwrap_or(posted.now);
        let is_over = text(&self.status)
            .is_none_or(|word| self.resolved.iter().any(|over| over.eq_ignore_ascii_case(&word)));
        let ends_at = time(value, self.ends_at.as_ref(), posted.now).unwrap_or(posted.now);
        let service = text(&self.service);
        let told_apart = text(&self.id)
            .unwrap_or_else(|| format!("{name}:{}", service.as_deref().unwrap_or_default()));
        Alert {
            source: posted.source.to_owned(),
            fingerprint: fingerprint(posted.source, &told_apart),
            status: if is_over { AlertStatus::Resolved } else { AlertStatus::Firing },
            severity: text(&self.severity).unwrap_or_default(),
            text: text(&self.text).unwrap_or_else(|| name.clone()),
            runbook_url: text(&self.runbook_url),
            ends_at: is_over.then_some(ends_at.max(starts_at)),
            starts_at,
            service,
            name,
            ..Alert::default()
        }
    }

    fn change(&self, value: &Value, kind: ChangeKind, now: Timestamp) -> ChangeEvent {
        let text = |places: &Option<Places>| first(value, places.as_ref());
        let (service, to) = (text(&self.service), text(&self.to));
        let mut words = vec![kind.name()];
        words.extend(service.as_deref());
        words.extend(to.as_deref());
        let title = text(&self.title).unwrap_or_else(|| words.join(" "));
        let at = time(value, self.time.as_ref(), now).unwrap_or(now);
        ChangeEvent {
            id: text(&self.id).unwrap_or_default(),
            actor: text(&self.actor),
            from: text(&self.from),
            diff: text(&self.text).unwrap_or_default(),
            link: text(&self.link),
            service,
            to,
            ..change(kind, at, title)
        }
    }
}

fn first(value: &Value, places: Option<&Places>) -> Option<String> {
    places?.all().iter().find_map(|place| text_at(value, place))
}

fn time(value: &Value, places: Option<&Places>, now: Timestamp) -> Option<Timestamp> {
    places?.all().iter().find_map(|place| match at(value, place)? {
        Value::Str(text) => parse_time(text, now),
        number => number.as_f64().and_then(epoch_time),
    })
}

/// A pointer's text in the message; anything else is a text itself.
fn text_at(value: &Value, place: &str) -> Option<String> {
    if !place.starts_with('/') {
        return Some(place.to_owned());
    }
    match at(value, place)? {
        Value::Map(_) | Value::List(_) => None,
        found => Some(found.text().into_owned()).filter(|text| !text.trim().is_empty()),
    }
}

/// What a JSON pointer points to.
fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    let steps = pointer.strip_prefix('/')?.split('/');
    steps.into_iter().try_fold(value, |value, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        match value {
            Value::Map(entries) => {
                entries.iter().find(|(key, _)| *key == step).map(|(_, value)| value)
            }
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        }
    })
}
