//! Makes a log record of a journal entry.

use groundcrew_telemetry::{Attributes, LogRecord, Resource, Severity, Timestamp, Value};

use super::entries::Entry;
use crate::sources::files::json_logs::{JsonLog, embedded_json};
use crate::sources::files::text_logs::trace_id_in;
use crate::stages::decode::{cap_text, infer_severity, severity_of_number};
use crate::utf8;

/// Fields of programs' own that become attributes.
const OWN_FIELDS_MAX: usize = 64;
/// Fields that go elsewhere, or say nothing about what happened.
const TAKEN: [&str; 9] = [
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_PID",
    "SYSLOG_RAW",
    "SYSLOG_TIMESTAMP",
    "SYSLOG_FACILITY",
    "CONTAINER_NAME",
    "CONTAINER_ID_FULL",
];

/// Whether an object with these keys is an entry as JSON.
pub(in crate::sources) fn is_entry(object: &[(String, Value)]) -> bool {
    object.iter().any(|(name, _)| name == "__REALTIME_TIMESTAMP" || name == "__CURSOR")
}

/// Reads an entry as JSON. A value that is no text comes as a list of its bytes, one that stands several times as a list.
///
/// # Errors
/// When it has no message.
pub(in crate::sources) fn read_object(
    object: Vec<(String, Value)>,
    now: Timestamp,
) -> Result<JsonLog, String> {
    let bytes = |value: Value| match value {
        Value::List(items) => {
            let byte = |item: &Value| match item {
                Value::Int(number) => u8::try_from(*number).ok(),
                _ => None,
            };
            match items.iter().map(byte).collect::<Option<Vec<u8>>>() {
                Some(bytes) => bytes,
                None => {
                    items.first().map(|item| item.text().into_owned()).unwrap_or_default().into()
                }
            }
        }
        other => other.text().into_owned().into(),
    };
    read_entry(object.into_iter().map(|(name, value)| (name, bytes(value))).collect(), now)
}

/// Reads an entry.
///
/// The unit (or the container, or the program's name for itself) is the service, `_HOSTNAME` the host, `PRIORITY` the
/// severity, except that what a program merely printed is as bad as it says itself. Fields of programs' own are attributes.
///
/// # Errors
/// When it has no message.
pub(in crate::sources) fn read_entry(entry: Entry, now: Timestamp) -> Result<JsonLog, String> {
    let text = |name: &str| {
        let (_, value) = entry.iter().find(|(field, _)| field == name)?;
        Some(utf8::replaced(value).0.into_owned()).filter(|text| !text.is_empty())
    };
    let body = text("MESSAGE").ok_or("a journal entry has no message")?;
    let number = |name: &str| text(name)?.trim().parse::<i64>().ok();
    let micros = number("__REALTIME_TIMESTAMP").or_else(|| number("_SOURCE_REALTIME_TIMESTAMP"));
    let time =
        micros.and_then(|micros| micros.checked_mul(1_000)).map_or(now, Timestamp::from_nanos);
    let resource = resource(&text);
    let mut log = match embedded_json(&body, &resource, time) {
        Some(log) => log,
        None => plain(body, resource, time),
    };
    let said = number("PRIORITY").and_then(severity_of_number);
    let printed = text("_TRANSPORT").is_some_and(|transport| transport == "stdout");
    if !printed || log.record.severity == Severity::UNSPECIFIED {
        log.record.severity = said.unwrap_or(log.record.severity);
    }
    add_attributes(&mut log.record.attributes, &entry, number("_PID"));
    Ok(log)
}

fn plain(mut body: String, resource: Resource, time: Timestamp) -> JsonLog {
    body.truncate(body.trim_end().len());
    let truncated = cap_text(&mut body);
    let (severity, trace_id) = (infer_severity(&body), trace_id_in(&body));
    let record = LogRecord { time, severity, body, trace_id, ..LogRecord::default() };
    JsonLog { resource, scope: String::new(), record, dated: true, truncated }
}

fn resource(text: &dyn Fn(&str) -> Option<String>) -> Resource {
    let unit = |name: &str| {
        let unit = text(name)?;
        let service = unit.strip_suffix(".service")?.to_owned();
        (!service.starts_with("user@")).then_some(service)
    };
    // What systemd says of a unit is about that unit.
    let told = unit("UNIT").filter(|_| text("_PID").as_deref() == Some("1"));
    let service = text("CONTAINER_NAME")
        .or(told)
        .or_else(|| unit("_SYSTEMD_USER_UNIT"))
        .or_else(|| unit("_SYSTEMD_UNIT"))
        .or_else(|| text("SYSLOG_IDENTIFIER"))
        .or_else(|| text("_COMM"));
    let mut attributes = Attributes::default();
    let pairs = [
        ("service.name", service),
        ("host.name", text("_HOSTNAME")),
        ("container.id", text("CONTAINER_ID_FULL")),
    ];
    for (key, value) in pairs {
        if let Some(value) = value {
            attributes.set(key, value);
        }
    }
    Resource { attributes }
}

fn add_attributes(attributes: &mut Attributes, entry: &Entry, process: Option<i64>) {
    if let Some(process) = process {
        attributes.set("process.pid", Value::Int(process));
    }
    let own = |name: &str| !name.starts_with('_') && !TAKEN.contains(&name) && !name.is_empty();
    for (name, value) in entry.iter().filter(|(name, _)| own(name)).take(OWN_FIELDS_MAX) {
        let key = match name.as_str() {
            "CODE_FILE" => "code.file.path".to_owned(),
            "CODE_LINE" => "code.line.number".to_owned(),
            "CODE_FUNC" => "code.function.name".to_owned(),
            "SYSLOG_PID" => continue,
            other => other.to_ascii_lowercase(),
        };
        let mut text = utf8::replaced(value).0.into_owned();
        cap_text(&mut text);
        attributes.set(&key, text);
    }
}
