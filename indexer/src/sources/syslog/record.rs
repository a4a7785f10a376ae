//! Makes log records of syslog messages.

use std::net::IpAddr;

use groundcrew_telemetry::{
    Batch, LogRecord, Resource, Severity, SpanId, Timestamp, TraceId, Value,
};

use super::message::{Arrival, Message, read};
use crate::sources::Zone;
use crate::sources::files::json_logs::embedded_json;
use crate::sources::files::log_batches::LogBatches;
use crate::sources::files::text_logs::trace_id_in;
use crate::stages::decode::{cap_text, infer_severity, severity_of_number};
use crate::utf8;

/// Names of the facilities by their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// Syslog messages as log batches, one record each. `peer` names the host of those that name none.
///
/// Application (or tag) is the service, the host's name its host; process id, facility, message id and structured data
/// (`ID.NAME`) are attributes. A text that is a logger's JSON object is read as one. A message without time has the
/// time `now`; one without year is the
/// latest that is not in the future, one without zone is in `zone`.
#[must_use]
pub fn decode_syslog<'a>(
    messages: impl IntoIterator<Item = (&'a [u8], Option<IpAddr>)>,
    now: Timestamp,
    zone: &Zone,
) -> Vec<Batch> {
    let mut batches = LogBatches::default();
    for (bytes, peer) in messages {
        let (text, _) = utf8::replaced(bytes);
        let message = read(&text, &Arrival { now, zone: &zone.0 });
        let (resource, scope, record) = record(message, now, peer);
        if !record.body.is_empty() || !record.attributes.0.is_empty() {
            batches.push(&resource, &scope, record);
        }
    }
    batches.take()
}

fn record(
    message: Message<'_>,
    now: Timestamp,
    peer: Option<IpAddr>,
) -> (Resource, String, LogRecord) {
    let resource = resource(&message, peer);
    let time = message.time.unwrap_or(now);
    let said = message.priority.and_then(|priority| severity_of_number(i64::from(priority & 7)));
    let (resource, scope, mut record) = match embedded_json(message.text, &resource, time) {
        Some(log) => (log.resource, log.scope, log.record),
        None => {
            let mut body = message.text.trim_end().to_owned();
            cap_text(&mut body);
            let trace_id = trace_id_in(&body);
            (resource, String::new(), LogRecord { time, body, trace_id, ..LogRecord::default() })
        }
    };
    if record.severity == Severity::UNSPECIFIED {
        record.severity = said.unwrap_or_else(|| infer_severity(&record.body));
    }
    add_attributes(&mut record, message);
    (resource, scope, record)
}

fn resource(message: &Message<'_>, peer: Option<IpAddr>) -> Resource {
    let mut resource = Resource::default();
    if let Some(app) = message.app {
        resource.attributes.set("service.name", app);
    }
    match (message.host, peer) {
        (Some(host), _) => resource.attributes.set("host.name", host),
        (None, Some(peer)) => resource.attributes.set("host.name", peer.to_canonical().to_string()),
        (None, None) => {}
    }
    resource
}

fn add_attributes(record: &mut LogRecord, message: Message<'_>) {
    let attributes = &mut record.attributes;
    if let Some(process) = message.process {
        match process.parse() {
            Ok(number) => attributes.set("process.pid", Value::Int(number)),
            Err(_) => attributes.set("syslog.procid", process),
        }
    }
    let facility = message.priority.and_then(|p| FACILITIES.get(usize::from(p >> 3)));
    if let Some(facility) = facility {
        attributes.set("syslog.facility", *facility);
    }
    if let Some(id) = message.message_id {
        attributes.set("syslog.msgid", id);
    }
    for element in message.structured {
        for (name, mut value) in element.parameters {
            match name.as_str() {
                "trace_id" => record.trace_id = TraceId::from_hex(&value).or(record.trace_id),
                "span_id" => record.span_id = SpanId::from_hex(&value).or(record.span_id),
                _ => {}
            }
            cap_text(&mut value);
            attributes.set(&format!("{}.{name}", element.id), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> (Resource, LogRecord) {
        let peer = Some("192.0.2.7".parse().unwrap());
        let now = Timestamp::from_secs(1_790_000_000);
        let mut batches = decode_syslog([(line.as_bytes(), peer)], now, &Zone::named("").unwrap());
        match batches.pop() {
            Some(Batch::Logs(mut logs)) => (logs.resource, logs.records.remove(0)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_go_where_questions_look_for_them() {
        let (resource, record) = one(
            "<163>1 2026-10-11T22:14:15.003Z db-1 postgres 77 ID1 [o@1 query=\"q\" trace_id=\"5b8efff798038103d269b633813fc60c\"] deadlock",
        );
        assert_eq!((resource.service(), resource.node()), ("postgres", Some("db-1")));
        assert_eq!((record.severity, record.body.as_str()), (Severity::ERROR, "deadlock"));
        assert_eq!(record.attributes.get("process.pid"), Some(&Value::Int(77)));
        assert_eq!(record.attributes.str("syslog.facility"), Some("local4"));
        assert_eq!(record.attributes.str("o@1.query"), Some("q"));
        assert!(record.trace_id.is_some());
    }

    #[test]
    fn a_sender_without_a_name_is_named_by_its_address() {
        let (resource, record) = one("<12>it is odd");
        assert_eq!((resource.service(), record.severity), ("192.0.2.7", Severity::WARN));
        assert_eq!(record.time, Timestamp::from_secs(1_790_000_000));
    }

    #[test]
    fn json_inside_is_read() {
        let (resource, record) =
            one(r#"<30>Nov  2 03:04:05 web-1 cart[7]: {"level":"error","msg":"no stock","sku":5}"#);
        assert_eq!((resource.service(), record.body.as_str()), ("cart", "no stock"));
        assert_eq!(record.severity, Severity::ERROR);
        assert_eq!(record.attributes.get("sku"), Some(&Value::Int(5)));
    }

    #[test]
    fn bytes_that_are_not_text_are_tolerated() {
        let bytes: &[u8] = b"<11>caf\xe9 closed";
        let batches =
            decode_syslog([(bytes, None)], Timestamp::from_secs(1), &Zone::named("").unwrap());
        assert!(format!("{batches:?}").contains("caf\u{fffd} closed"));
    }
}
