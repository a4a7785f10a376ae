//! Change events as files hold them: a document of commits, deploys and flags, or events one by one.
//!
//! | key of the document | becomes |
//! |---|---|
//! | `commits` | [`ChangeKind::Commit`], with files and diff |
//! | `deploys`, `deployments`, `releases` | [`ChangeKind::Deploy`], with the commits they carry |
//! | `flags`, `feature_flags` | [`ChangeKind::Flag`]; `change` such as `off->on` gives both states |
//! | `configs`, `config_changes` / `scaling` | [`ChangeKind::Config`] / [`ChangeKind::Scaling`] |
//! | `status_feed` | its provider's incidents, as [`ChangeKind::Other`] |
//! | `changes`, `events` | events that say themselves what they are |

use groundcrew_telemetry::{ChangeEvent, ChangeKind, Timestamp, Value};

use super::log_time::{epoch_time, parse_time};
use super::plain_json::{as_object, get, list_of, object_of, objects_of, text_of};
use crate::stages::decode::Rejections;

type Entries = [(String, Value)];

const TIME_KEYS: [&str; 12] = [
    "timestamp",
    "time",
    "at",
    "date",
    "started_at",
    "starts_at",
    "created_at",
    "deployed_at",
    "committed_at",
    "finished_at",
    "creation_date",
    "created",
];

const LISTS: [(&str, Option<ChangeKind>); 11] = [
    ("commits", Some(ChangeKind::Commit)),
    ("deploys", Some(ChangeKind::Deploy)),
    ("deployments", Some(ChangeKind::Deploy)),
    ("releases", Some(ChangeKind::Deploy)),
    ("flags", Some(ChangeKind::Flag)),
    ("feature_flags", Some(ChangeKind::Flag)),
    ("configs", Some(ChangeKind::Config)),
    ("config_changes", Some(ChangeKind::Config)),
    ("scaling", Some(ChangeKind::Scaling)),
    ("changes", None),
    ("events", None),
];

/// Reads the change events that `object` is or holds; `None` when it is something else.
pub(in crate::sources) fn read_changes(
    object: &Entries,
    fallback: Timestamp,
    rejected: &mut Rejections,
) -> Option<Vec<ChangeEvent>> {
    if let Some(kind) = stated_kind(object) {
        return Some(read_change(object, kind, fallback, rejected).into_iter().collect());
    }
    let mut changes = Vec::new();
    let mut is_document = false;
    for (key, kind) in LISTS {
        for entry in list_of(object, key) {
            let read =
                as_object(entry).and_then(|entry| Some((entry, kind.or(stated_kind(entry))?)));
            match read {
                Some((entry, kind)) => {
                    is_document = true;
                    changes.extend(read_change(entry, kind, fallback, rejected));
                }
                None if kind.is_some() => rejected.add(format!("entry of {key} is not an object")),
                None => {}
            }
        }
        // An empty list of deploys says that there were none, which is a document all the same.
        is_document |= kind.is_some() && matches!(get(object, key), Some(Value::List(_)));
    }
    let feed = object_of(object, "status_feed");
    if !feed.is_empty() {
        is_document = true;
        changes.extend(status_feed(feed, fallback));
    }
    is_document.then_some(changes)
}

/// Reads a list of events; `None` unless each says what sort of change it is.
pub(super) fn change_list(
    values: &[Value],
    fallback: Timestamp,
    rejected: &mut Rejections,
) -> Option<Vec<ChangeEvent>> {
    let entries: Option<Vec<(&Entries, ChangeKind)>> = values
        .iter()
        .map(|value| as_object(value).and_then(|entry| Some((entry, stated_kind(entry)?))))
        .collect();
    let entries = entries.filter(|entries| !entries.is_empty())?;
    let read = |(entry, kind)| read_change(entry, kind, fallback, rejected);
    Some(entries.into_iter().filter_map(read).collect())
}

/// Whether an object has keys that only a change has, so that it is one even if it reads like a log line.
pub(super) fn has_change_keys(object: &Entries) -> bool {
    ["sha", "commit_sha", "flag"].iter().any(|key| get(object, key).is_some())
}

/// The sort of change an event says it is, in a `kind` or `type` field or by the fields only such an event has.
fn stated_kind(object: &Entries) -> Option<ChangeKind> {
    let has = |keys: &[&str]| keys.iter().any(|key| get(object, key).is_some());
    if !has(&TIME_KEYS) {
        return None;
    }
    let word = text_of(object, &["kind", "change_type", "event_type", "type", "finding_type"]);
    let word = word.unwrap_or_default().to_ascii_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if says(&["deploy", "release", "rollout", "rollback"]) {
        Some(ChangeKind::Deploy)
    } else if says(&["commit", "push"]) || has(&["sha"]) {
        Some(ChangeKind::Commit)
    } else if says(&["flag", "toggle"]) || has(&["flag"]) {
        Some(ChangeKind::Flag)
    } else if says(&["config"]) {
        Some(ChangeKind::Config)
    } else if says(&["scal"]) {
        Some(ChangeKind::Scaling)
    } else if says(&["change", "migration", "maintenance"]) {
        Some(ChangeKind::Other)
    } else {
        (has(&["commit_sha"]) && has(&["service"])).then_some(ChangeKind::Deploy)
    }
}

fn read_change(
    object: &Entries,
    kind: ChangeKind,
    fallback: Timestamp,
    rejected: &mut Rejections,
) -> Option<ChangeEvent> {
    let Some(time) = time_of(object, fallback) else {
        rejected.add(format!("{} has no time that can be read", kind.name()));
        return None;
    };
    let (from, to) = states(object);
    let commits = text_of(object, &["commit_sha", "commit", "revision"]).into_iter();
    let commits = commits.chain(texts(object, &["commits", "commit_shas"]));
    let id_keys: &[&str] = match kind {
        ChangeKind::Commit => &["sha", "commit_sha", "commit", "id", "hash"],
        _ => &["id", "change_id", "deploy_id", "number", "key"],
    };
    let service = text_of(object, &["service", "service_name", "app", "application", "component"])
        .or_else(|| text_of(object, &["subject_name", "resource_name"]));
    let mut change = ChangeEvent {
        kind,
        time,
        id: text_of(object, id_keys).unwrap_or_default(),
        service,
        title: String::new(),
        actor: text_of(object, &["actor", "author", "user", "by", "deployed_by", "changed_by"]),
        from,
        to,
        commits: if kind == ChangeKind::Deploy { commits.collect() } else { Vec::new() },
        files: texts(object, &["files_changed", "files", "paths"]),
        diff: diff_of(object),
        link: text_of(object, &["link", "url", "html_url"]),
    };
    change.title = title_of(object, &change);
    Some(change)
}

fn time_of(object: &Entries, reference: Timestamp) -> Option<Timestamp> {
    TIME_KEYS.iter().find_map(|key| match get(object, key)? {
        Value::Str(text) => parse_time(text, reference),
        number => number.as_f64().and_then(epoch_time),
    })
}

/// The states before and after: two fields, or one such as `off->on`.
fn states(object: &Entries) -> (Option<String>, Option<String>) {
    let before = text_of(object, &["from", "version_from", "before", "old", "previous_version"]);
    let after = text_of(object, &["to", "version_to", "version", "after", "new", "value", "image"]);
    if before.is_some() || after.is_some() {
        return (before, after);
    }
    let arrow = text_of(object, &["change"]).unwrap_or_default();
    match arrow.split_once("->").or_else(|| arrow.split_once('→')) {
        Some((before, after)) => (Some(before.trim().to_owned()), Some(after.trim().to_owned())),
        None => (None, None),
    }
}

fn title_of(object: &Entries, change: &ChangeEvent) -> String {
    let stated =
        text_of(object, &["title", "message", "subject", "summary", "description", "name"]);
    if let Some(stated) = stated {
        return stated.lines().next().unwrap_or("").to_owned();
    }
    let what = text_of(object, &["flag", "key", "setting"]);
    let mut words: Vec<&str> = vec![change.kind.name()];
    words.extend(what.as_deref());
    if change.kind == ChangeKind::Deploy {
        words.extend(change.service.as_deref());
    }
    match (&change.from, &change.to) {
        (Some(before), Some(after)) => words.extend(["from", before, "to", after]),
        (None, Some(after)) => words.push(after),
        _ => {}
    }
    words.join(" ")
}

/// The diff, or what an event carries in its place: the longer rest of a message, old and new text, attached evidence.
fn diff_of(object: &Entries) -> String {
    if let Some(diff) = text_of(object, &["diff", "patch"]) {
        return diff;
    }
    let message = text_of(object, &["message", "description"]).unwrap_or_default();
    let mut parts: Vec<String> =
        message.split_once('\n').map(|(_, rest)| rest.trim().to_owned()).into_iter().collect();
    parts.extend(objects_of(object, "evidence").filter_map(|one| text_of(one, &["data", "diff"])));
    parts.join("\n")
}

fn texts(object: &Entries, keys: &[&str]) -> Vec<String> {
    let of_value = |value: &Value| match value {
        Value::Str(text) => Some(text.clone()),
        Value::Map(entries) => text_of(entries, &["sha", "id", "path", "filename", "name"]),
        _ => None,
    };
    keys.iter().flat_map(|key| list_of(object, key)).filter_map(of_value).collect()
}

/// A provider's incidents, each with its updates as text.
fn status_feed(feed: &Entries, fallback: Timestamp) -> Vec<ChangeEvent> {
    let provider = text_of(feed, &["provider", "name"]).unwrap_or_else(|| "provider".to_owned());
    let incident = |entry: &Entries| {
        let name = text_of(entry, &["name", "title"])?;
        let status = text_of(entry, &["status"]);
        let impact = text_of(entry, &["impact"]);
        let described = [impact, status].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let update = |update: &Entries| {
            let at = text_of(update, &["timestamp", "created_at"]).unwrap_or_default();
            Some(format!("{at} {}", text_of(update, &["body", "message"])?))
        };
        let updates: Vec<String> = objects_of(entry, "updates")
            .chain(objects_of(entry, "incident_updates"))
            .filter_map(update)
            .collect();
        Some(ChangeEvent {
            kind: ChangeKind::Other,
            time: time_of(entry, fallback)?,
            id: text_of(entry, &["id"]).unwrap_or_default(),
            service: None,
            title: format!("{provider} reports: {name} ({described})"),
            actor: Some(provider.clone()),
            from: None,
            to: None,
            commits: Vec::new(),
            files: Vec::new(),
            diff: updates.join("\n"),
            link: text_of(entry, &["shortlink", "url"]).or_else(|| text_of(feed, &["source"])),
        })
    };
    objects_of(feed, "incidents").filter_map(incident).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plain_json::PlainJson;
    use super::*;

    fn read(json: &str) -> (Option<Vec<ChangeEvent>>, Rejections) {
        let mut rejected = Rejections::default();
        let fallback = Timestamp::from_secs(9);
        let changes = match serde_json::from_str(json).unwrap() {
            PlainJson(Some(Value::Map(object))) => read_changes(&object, fallback, &mut rejected),
            PlainJson(Some(Value::List(values))) => change_list(&values, fallback, &mut rejected),
            _ => None,
        };
        (changes, rejected)
    }

    #[test]
    fn reads_a_document_of_commits_deploys_and_flags() {
        let (changes, rejected) = read(
            r#"{"commits":[{"sha":"3a1f","author":"jd","timestamp":"2026-09-22T10:02:11Z","message":"fix: guard\n\nlong","files_changed":["a.go"],"diff":"+x"}],
            "deploys":[{"commit_sha":"3a1f","service":"pay","timestamp":"2026-09-22T10:53:10Z","version":"v1"}, {"service":"pay"}],
            "flags":[{"actor":"g","change":"off->on","flag":"layout","service":"web","timestamp":"2026-09-22T10:45:00Z"}],
            "status_feed":{"provider":"cards","incidents":[{"id":"i1","name":"Elevated errors","impact":"major","status":"monitoring",
            "started_at":"2026-09-22T11:04:00Z","updates":[{"timestamp":"t","body":"investigating"}]}]}}"#,
        );
        let changes = changes.unwrap();
        let titles: Vec<&str> = changes.iter().map(|change| change.title.as_str()).collect();
        let expected = [
            "fix: guard",
            "deploy pay v1",
            "flag layout from off to on",
            "cards reports: Elevated errors (major, monitoring)",
        ];
        assert_eq!(titles, expected);
        assert_eq!((changes[0].id.as_str(), changes[0].diff.as_str()), ("3a1f", "+x"));
        assert_eq!(changes[1].commits, ["3a1f"]);
        assert_eq!(changes[3].diff, "t investigating");
        assert_eq!(rejected.count, 1);
    }

    #[test]
    fn reads_events_that_say_what_they_are() {
        let (changes, _) = read(
            r#"[{"kind":"scale","time":1790073000,"service":"cart","from":2,"to":5},
            {"type":"configuration_change","starts_at":"2026-09-22T10:45:00Z","subject_name":"cart","title":"limits lowered"}]"#,
        );
        let kinds: Vec<ChangeKind> = changes.unwrap().iter().map(|change| change.kind).collect();
        assert_eq!(kinds, [ChangeKind::Scaling, ChangeKind::Config]);
    }

    #[test]
    fn leaves_other_objects_alone() {
        assert!(read(r#"{"time":"2026-09-22T10:45:00Z","msg":"started"}"#).0.is_none());
        assert!(read(r#"{"events":[{"a":1}]}"#).0.is_none());
        assert!(read(r#"[]"#).0.is_none());
        assert_eq!(read(r#"{"deploys":[]}"#).0, Some(Vec::new()));
    }
}
