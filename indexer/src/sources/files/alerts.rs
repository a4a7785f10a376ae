//! Alerts as files hold them: Alertmanager and Grafana webhook bodies, Prometheus API answers, and single alerts or
//! lists of them as other tools export them.
//!
//! Read leniently, for what is saved by hand is seldom whole. An alert needs a name, a title or labels; everything else
//! may be missing.

use groundcrew_telemetry::{Alert, AlertStatus, Attributes, Timestamp, Value};

use super::log_time::parse_time;
use super::plain_json::{as_object, get, object_of, objects_of, text_of};

type Entries = [(String, Value)];

/// Labels that name a workload, the surest first.
const SERVICE_LABELS: [&str; 12] = [
    "service",
    "service_name",
    "service.name",
    "app",
    "app_kubernetes_io_name",
    "application",
    "workload",
    "deployment",
    "statefulset",
    "daemonset",
    "container",
    "job",
];

/// Reads the alerts that `object` is or holds; empty when it is something else.
pub(in crate::sources) fn read_alerts(object: &Entries, fallback: Timestamp) -> Vec<Alert> {
    if let Some(group) = Group::of(object) {
        return group.alerts(fallback);
    }
    // `/api/v1/alerts` wraps its list: {"status":"success","data":{"alerts":[...]}}.
    let data = object_of(object, "data");
    if get(data, "alerts").is_some() {
        return objects_of(data, "alerts").map(|one| read_alert(one, None, fallback)).collect();
    }
    if looks_like_alert(object) { vec![read_alert(object, None, fallback)] } else { Vec::new() }
}

/// Whether an object by itself is an alert: it names one, or has labels or a title together with when it began.
pub(super) fn looks_like_alert(object: &Entries) -> bool {
    let has = |key: &str| get(object, key).is_some();
    let labels = object_of(object, "labels");
    let begins = START_KEYS.iter().any(|key| has(key));
    has("alertname")
        || get(labels, "alertname").is_some()
        || (begins && (!labels.is_empty() || has("title") || has("alert_name")))
}

const START_KEYS: [&str; 6] =
    ["startsAt", "starts_at", "activeAt", "started_at", "startedAt", "firedAt"];

/// A webhook body: alerts with what they have in common.
struct Group<'a> {
    object: &'a Entries,
    labels: &'a Entries,
    annotations: &'a Entries,
    status: Option<AlertStatus>,
}

impl<'a> Group<'a> {
    fn of(object: &'a Entries) -> Option<Self> {
        let labels = object_of(object, "commonLabels");
        let is_group = !labels.is_empty()
            || (get(object, "alerts").is_some() && get(object, "groupLabels").is_some())
            || (get(object, "alerts").is_some() && get(object, "receiver").is_some());
        let annotations = object_of(object, "commonAnnotations");
        is_group.then(|| Self { object, labels, annotations, status: status_of(object) })
    }

    fn alerts(&self, fallback: Timestamp) -> Vec<Alert> {
        let alerts: Vec<Alert> = objects_of(self.object, "alerts")
            .map(|one| read_alert(one, Some(self), fallback))
            .collect();
        // Some senders give only what the alerts have in common.
        if alerts.is_empty() { vec![read_alert(&[], Some(self), fallback)] } else { alerts }
    }
}

fn read_alert(object: &Entries, group: Option<&Group<'_>>, fallback: Timestamp) -> Alert {
    let mut labels = attributes(group.map_or(&[][..], |group| group.labels));
    overlay(&mut labels, object_of(object, "labels"));
    let mut annotations = attributes(group.map_or(&[][..], |group| group.annotations));
    overlay(&mut annotations, object_of(object, "annotations"));
    let own = |keys: &[&str]| {
        text_of(object, keys).or_else(|| text_of(group.map_or(&[][..], |group| group.object), keys))
    };
    let label = |keys: &[&str]| text_of(&labels.0, keys);
    let name = label(&["alertname"])
        .or_else(|| text_of(object, &["alertname", "alert_name", "aggregation_key", "name"]))
        .or_else(|| own(&["title"]))
        .unwrap_or_else(|| "unnamed alert".to_owned());
    let time_at = |keys: &[&str]| {
        let text = text_of(object, keys)?;
        parse_time(&text, fallback)
    };
    let starts_at = time_at(&START_KEYS)
        .or_else(|| time_at(&["created_at", "creation_date", "timestamp", "time"]))
        .unwrap_or(fallback);
    let ends_at = time_at(&["endsAt", "ends_at", "ended_at", "resolved_at"])
        .filter(|ends| *ends >= starts_at);
    let status = status_of(object).or(group.and_then(|group| group.status)).unwrap_or_default();
    let severity = label(&["severity", "priority"])
        .or_else(|| text_of(object, &["severity", "priority", "level"]))
        .unwrap_or_default();
    let fingerprint = text_of(object, &["fingerprint", "id", "alert_id"])
        .unwrap_or_else(|| fingerprint_of(&name, &labels));
    Alert {
        source: own(&["source", "receiver"]).unwrap_or_else(|| "file".to_owned()),
        service: service_of(object, &labels),
        text: sentence(object, group, &annotations),
        runbook_url: text_of(&annotations.0, &["runbook_url", "runbook"])
            .or_else(|| text_of(object, &["runbook_url"])),
        // A resolved alert has an end; one that is firing may carry the time at which it would time out.
        ends_at: ends_at.filter(|_| status == AlertStatus::Resolved),
        fingerprint,
        status,
        name,
        severity,
        labels,
        annotations,
        starts_at,
    }
}

fn attributes(entries: &Entries) -> Attributes {
    Attributes(entries.to_vec())
}

fn overlay(attributes: &mut Attributes, entries: &Entries) {
    for (key, value) in entries {
        attributes.set(key, value.clone());
    }
}

fn status_of(object: &Entries) -> Option<AlertStatus> {
    if let Some(Value::Bool(firing)) = get(object, "firing") {
        return Some(if *firing { AlertStatus::Firing } else { AlertStatus::Resolved });
    }
    // The API of Alertmanager nests: {"status":{"state":"active"}}.
    let nested = text_of(object_of(object, "status"), &["state"]);
    let word = nested.or_else(|| text_of(object, &["status", "state"]))?;
    match word.to_ascii_lowercase().as_str() {
        "resolved" | "ok" | "normal" | "inactive" | "closed" => Some(AlertStatus::Resolved),
        "firing" | "alerting" | "active" | "pending" | "open" => Some(AlertStatus::Firing),
        _ => None,
    }
}

fn service_of(object: &Entries, labels: &Attributes) -> Option<String> {
    let named = text_of(&labels.0, &SERVICE_LABELS);
    named.or_else(|| {
        text_of(object, &["service", "service_name"]).or_else(|| workload_subject(object))
    })
}

/// The subject of an alert, when it is a workload: a pod's name carries hashes and is no service's.
fn workload_subject(object: &Entries) -> Option<String> {
    let subject = object_of(object, "subject");
    let kind = text_of(object, &["subject_type"])
        .or_else(|| text_of(subject, &["kind", "subject_type"]))?;
    let is_workload = ["deployment", "statefulset", "daemonset", "service"]
        .iter()
        .any(|workload| workload.eq_ignore_ascii_case(&kind));
    let name = text_of(object, &["subject_name"]).or_else(|| text_of(subject, &["name"]));
    name.filter(|_| is_workload)
}

/// Title, summary and description as one text, each once.
fn sentence(object: &Entries, group: Option<&Group<'_>>, annotations: &Attributes) -> String {
    let alone = group.is_none_or(|group| get(group.object, "alerts").is_none());
    let title = text_of(object, &["title"])
        .or_else(|| text_of(group.filter(|_| alone)?.object, &["title"]));
    let mut parts: Vec<String> = Vec::new();
    let texts = [
        title,
        text_of(&annotations.0, &["summary"]),
        text_of(&annotations.0, &["description", "message"]),
        text_of(object, &["description", "summary", "message", "text"]),
    ];
    for text in texts.into_iter().flatten() {
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join("\n")
}

/// Alerts without a fingerprint are told apart by their labels, as Alertmanager does.
fn fingerprint_of(name: &str, labels: &Attributes) -> String {
    let mut pairs: Vec<String> =
        labels.iter().map(|(key, value)| format!("{key}={}", value.text())).collect();
    pairs.sort_unstable();
    let hash = blake3::hash(format!("{name}\n{}", pairs.join("\n")).as_bytes());
    hash.to_hex().chars().take(16).collect()
}

/// The objects of a list, if all of them are alerts.
pub(super) fn alert_list(values: &[Value], fallback: Timestamp) -> Option<Vec<Alert>> {
    let alert = |value: &Value| {
        let object = as_object(value).filter(|object| looks_like_alert(object))?;
        Some(read_alert(object, None, fallback))
    };
    values.iter().map(alert).collect::<Option<Vec<Alert>>>().filter(|alerts| !alerts.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::plain_json::PlainJson;
    use super::*;

    fn read(json: &str) -> Vec<Alert> {
        match serde_json::from_str(json).unwrap() {
            PlainJson(Some(Value::Map(object))) => read_alerts(&object, Timestamp::from_secs(9)),
            PlainJson(Some(Value::List(values))) => {
                alert_list(&values, Timestamp::from_secs(9)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn reads_a_webhook_body() {
        let alerts = read(
            r#"{"version":"4","status":"firing","receiver":"crew","groupLabels":{"alertname":"HighErrors"},
            "commonLabels":{"severity":"critical","service":"checkout"},"commonAnnotations":{"runbook_url":"https://r"},
            "alerts":[{"labels":{"alertname":"HighErrors","service":"checkout"},"annotations":{"summary":"5xx 38 %"},
            "startsAt":"2026-11-22T03:07:10Z","endsAt":"0001-01-01T00:00:00Z"},
            {"status":"resolved","labels":{"alertname":"HighErrors","service":"cart"},"annotations":{},
            "startsAt":"2026-11-22T03:07:10Z","endsAt":"2026-11-22T03:17:10Z","fingerprint":"c4edaaf9"}]}"#,
        );
        assert_eq!(alerts.len(), 2);
        let first = &alerts[0];
        assert_eq!((first.name.as_str(), first.severity.as_str()), ("HighErrors", "critical"));
        assert_eq!(first.service.as_deref(), Some("checkout"));
        assert_eq!((first.text.as_str(), first.ends_at), ("5xx 38 %", None));
        assert_eq!(first.runbook_url.as_deref(), Some("https://r"));
        assert_eq!(first.fingerprint.len(), 16);
        assert_eq!(alerts[1].status, AlertStatus::Resolved);
        assert!(alerts[1].ends_at.is_some());
        assert_eq!(alerts[1].fingerprint, "c4edaaf9");
    }

    #[test]
    fn reads_what_other_tools_save() {
        let common = read(
            r#"{"title":"[FIRING:1] Load","state":"alerting","commonLabels":{"alertname":"Load"},"commonAnnotations":{"summary":"s"}}"#,
        );
        assert_eq!(
            (common[0].name.as_str(), common[0].starts_at),
            ("Load", Timestamp::from_secs(9))
        );
        let list = read(
            r#"[{"id":"b1","alertname":"CrashLooping","starts_at":"2026-06-30T09:12:44Z","ends_at":null,
            "title":"t","description":"d","labels":{"workload":"worker"}}]"#,
        );
        assert_eq!(list[0].service.as_deref(), Some("worker"));
        assert_eq!((list[0].fingerprint.as_str(), list[0].text.as_str()), ("b1", "t\nd"));
        let api = read(
            r#"{"status":"success","data":{"alerts":[{"labels":{"alertname":"A"},"state":"firing","activeAt":"2026-01-02T03:04:05Z","value":"1"}]}}"#,
        );
        assert_eq!(api[0].name, "A");
        assert!(read(r#"{"time":"2026-01-02T03:04:05Z","msg":"hello"}"#).is_empty());
        assert!(read(r#"[{"a":1}]"#).is_empty());
    }
}
