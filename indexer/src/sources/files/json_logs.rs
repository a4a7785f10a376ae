//! Log records written as JSON objects, by whichever logger.
//!
//! Time, level, message, service, logger, trace and span are recognised under the names that common loggers use; what
//! remains becomes attributes. An object without a message keeps its whole text as the body, so nothing is lost. A name
//! with dots is found as it stands and nested, as the Elastic Common Schema has it both ways.

use groundcrew_telemetry::{
    Attributes, LogRecord, Resource, Severity, SpanId, Timestamp, TraceId, Value,
};

use super::log_time::{epoch_time, parse_time};
use super::plain_json::{Object, PlainJson, as_object, as_text, get, object_of, text_of};
use crate::stages::decode::{cap_text, infer_severity, severity_of_field, severity_of_number};

const TIME_KEYS: [&str; 11] = [
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "datetime",
    "date",
    "asctime",
    "eventTime",
    "event_time",
    "Timestamp",
    "t",
];
const LEVEL_KEYS: [&str; 11] = [
    "level",
    "severity",
    "lvl",
    "levelname",
    "log.level",
    "loglevel",
    "log_level",
    "severity_text",
    "severityText",
    "Level",
    "priority",
];
const MESSAGE_KEYS: [&str; 8] =
    ["message", "msg", "log", "body", "text", "short_message", "event", "Message"];
const SERVICE_KEYS: [&str; 8] = [
    "service.name",
    "service",
    "service_name",
    "serviceName",
    "app",
    "app_name",
    "application",
    "application_name",
];
const LOGGER_KEYS: [&str; 4] = ["logger", "logger_name", "loggerName", "log.logger"];
const TRACE_KEYS: [&str; 6] =
    ["trace_id", "traceId", "trace.id", "traceID", "traceid", "dd.trace_id"];
const SPAN_KEYS: [&str; 6] = ["span_id", "spanId", "span.id", "spanID", "spanid", "dd.span_id"];

/// Where the parts of a pod's name stand inside `kubernetes`, by shipper.
const POD_NAMES: [(&str, &[&str]); 5] = [
    ("k8s.pod.name", &["pod_name", "pod.name", "pod"]),
    ("k8s.namespace.name", &["namespace_name", "pod_namespace", "namespace"]),
    ("k8s.container.name", &["container_name", "container.name", "container"]),
    ("k8s.node.name", &["host", "node_name", "pod_node_name", "node.name"]),
    ("k8s.deployment.name", &["deployment.name"]),
];

/// A record read from an object.
pub(in crate::sources) struct JsonLog {
    pub(in crate::sources) resource: Resource,
    pub(in crate::sources) scope: String,
    pub(in crate::sources) record: LogRecord,
    /// Whether it carried a time that could be read.
    pub(in crate::sources) dated: bool,
    /// Whether its body was cut.
    pub(in crate::sources) truncated: bool,
}

/// Where a file's objects come from and when, as far as they do not say.
pub(in crate::sources) struct JsonLogContext<'a> {
    /// The file's resource.
    pub(in crate::sources) resource: &'a Resource,
    /// Whether a person named the service, which then wins.
    pub(in crate::sources) service_given: bool,
    /// The time for objects without one.
    pub(in crate::sources) fallback: Timestamp,
}

/// Reads a record from an object; `text` is the object as it was written.
pub(in crate::sources) fn read_json_log(
    mut object: Object,
    text: &str,
    context: &JsonLogContext<'_>,
) -> JsonLog {
    let time = take_time(&mut object, context.fallback);
    let resource = take_resource(&mut object, context);
    let scope = take_text(&mut object, &LOGGER_KEYS).unwrap_or_default();
    let trace_id = take_id(&mut object, &TRACE_KEYS, trace_id_of);
    let span_id = take_id(&mut object, &SPAN_KEYS, span_id_of);
    let level = take_level(&mut object);
    let message = take_text(&mut object, &MESSAGE_KEYS);
    let (mut body, attributes) = match message {
        Some(message) => (message, Attributes(object)),
        None => (text.to_owned(), Attributes::default()),
    };
    body.truncate(body.trim_end().len());
    let truncated = cap_text(&mut body);
    let severity = level.unwrap_or_else(|| infer_severity(&body));
    let record = LogRecord {
        time: time.unwrap_or(context.fallback),
        severity,
        body,
        attributes,
        trace_id,
        span_id,
        template: None,
        site: None,
    };
    JsonLog { resource, scope, record, dated: time.is_some(), truncated }
}

/// The record in a message that is itself a logger's JSON object; `time` is what was said around it, for want of its own.
pub(in crate::sources) fn embedded_json(
    body: &str,
    resource: &Resource,
    time: Timestamp,
) -> Option<JsonLog> {
    if !body.starts_with('{') {
        return None;
    }
    let Ok(PlainJson(Some(Value::Map(object)))) = serde_json::from_str(body) else { return None };
    if !looks_like_log(&object) {
        return None;
    }
    let context = JsonLogContext { resource, service_given: false, fallback: time };
    Some(read_json_log(object, body, &context))
}

/// A line as Docker's `json-file` driver keeps it: when, what, and whether its rest comes next.
pub(in crate::sources) fn runtime_line(
    object: &[(String, Value)],
    reference: Timestamp,
) -> Option<(Timestamp, &str, bool)> {
    let of = |key: &str| get(object, key).and_then(Value::as_str);
    let is_runtime = object.len() <= 4 && matches!(of("stream"), Some("stdout" | "stderr"));
    let (log, time) = (of("log").filter(|_| is_runtime)?, of("time")?);
    let text = log.strip_suffix('\n');
    Some((parse_time(time, reference)?, text.unwrap_or(log), text.is_none()))
}

/// Whether an object with these keys is what a logger writes: a message, or a time and a level.
pub(in crate::sources) fn looks_like_log(object: &[(String, Value)]) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| object.iter().any(|(name, _)| name == key));
    let has_message = text_of(object, &MESSAGE_KEYS).is_some();
    (has_message && (has(&TIME_KEYS) || has(&LEVEL_KEYS))) || (has(&TIME_KEYS) && has(&LEVEL_KEYS))
}

/// The ways to read a name with dots as a path: what stands outside, and the rest.
fn splits(key: &str) -> impl Iterator<Item = (&str, &str)> {
    key.match_indices('.').filter_map(|(dot, _)| Some((key.get(..dot)?, key.get(dot + 1..)?)))
}

/// The value of `key`, flat or nested.
fn find<'a>(object: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    get(object, key).or_else(|| {
        splits(key).find_map(|(outer, inner)| find(as_object(get(object, outer)?)?, inner))
    })
}

/// Takes the value of `key` out, flat or nested.
fn take(object: &mut Object, key: &str) -> Option<Value> {
    if let Some(position) = object.iter().position(|(name, _)| name == key) {
        return Some(object.remove(position).1);
    }
    splits(key).find_map(|(outer, inner)| {
        let position = object.iter().position(|(name, _)| name == outer)?;
        let (_, Value::Map(entries)) = object.get_mut(position)? else { return None };
        let taken = take(entries, inner)?;
        if entries.is_empty() {
            object.remove(position);
        }
        Some(taken)
    })
}

/// Takes the first of `keys` that holds text.
fn take_text(object: &mut Object, keys: &[&str]) -> Option<String> {
    let (key, text) = keys.iter().find_map(|key| Some((*key, as_text(find(object, key)?)?)))?;
    take(object, key);
    Some(text)
}

fn take_time(object: &mut Object, reference: Timestamp) -> Option<Timestamp> {
    let read = |value: &Value| match value {
        Value::Str(text) => {
            parse_time(text, reference).or_else(|| text.trim().parse().ok().and_then(epoch_time))
        }
        Value::Int(number) => epoch_time_exact(*number),
        Value::Double(number) => epoch_time(*number),
        _ => None,
    };
    let (key, time) = TIME_KEYS.iter().find_map(|key| Some((*key, read(find(object, key)?)?)))?;
    take(object, key);
    Some(time)
}

/// As [`epoch_time`] without a float's rounding.
fn epoch_time_exact(number: i64) -> Option<Timestamp> {
    let rough = epoch_time(number as f64)?;
    let is_nanos = number.unsigned_abs() >= 100_000_000_000_000_000;
    Some(if is_nanos { Timestamp::from_nanos(number) } else { rough })
}

fn take_level(object: &mut Object) -> Option<Severity> {
    let read = |value: &Value| match value {
        Value::Str(text) => severity_of_field(text),
        Value::Int(number) => severity_of_number(*number),
        Value::Double(number) => severity_of_number(*number as i64),
        _ => None,
    };
    let (key, severity) =
        LEVEL_KEYS.iter().find_map(|key| Some((*key, read(find(object, key)?)?)))?;
    take(object, key);
    Some(severity)
}

fn take_id<T>(object: &mut Object, keys: &[&str], read: fn(&str) -> Option<T>) -> Option<T> {
    let (key, id) =
        keys.iter().find_map(|key| Some((*key, read(&as_text(find(object, key)?)?)?)))?;
    take(object, key);
    Some(id)
}

/// Hex, or the decimal number that Datadog's tracers write.
pub(in crate::sources) fn trace_id_of(text: &str) -> Option<TraceId> {
    TraceId::from_hex(text).or_else(|| {
        let number: u64 = text.parse().ok()?;
        TraceId::from_bytes(&u128::from(number).to_be_bytes())
    })
}

/// As [`trace_id_of`].
pub(in crate::sources) fn span_id_of(text: &str) -> Option<SpanId> {
    SpanId::from_hex(text).or_else(|| SpanId::from_bytes(&text.parse::<u64>().ok()?.to_be_bytes()))
}

/// The file's resource with what the object says about its own origin laid over it.
fn take_resource(object: &mut Object, context: &JsonLogContext<'_>) -> Resource {
    let pod = take(object, "kubernetes").or_else(|| take(object, "k8s"));
    let pod = match pod {
        Some(Value::Map(pod)) => pod,
        _ => take_prefixed(object, "kubernetes."),
    };
    let service = take_text(object, &SERVICE_KEYS).filter(|_| !context.service_given);
    let host = take_text(object, &["host.name"]);
    if pod.is_empty() && service.is_none() && host.is_none() {
        return context.resource.clone();
    }
    let mut attributes = context.resource.attributes.clone();
    for (name, keys) in POD_NAMES {
        if let Some(text) = keys.iter().find_map(|key| as_text(find(&pod, key)?)) {
            attributes.set(name, text);
        }
    }
    let of_labels = |name: &str| {
        let keys = ["app.kubernetes.io/name", "app", "k8s-app", "app_kubernetes_io/name"];
        text_of(object_of(&pod, name), &keys)
    };
    let workload = service
        .or_else(|| of_labels("labels"))
        .or_else(|| of_labels("pod_labels"))
        .or_else(|| text_of(&pod, &["container_name", "container"]))
        .or_else(|| as_text(find(&pod, "container.name")?))
        .filter(|_| !context.service_given);
    if let Some(name) = workload {
        attributes.set("service.name", name);
    }
    if let Some(host) = host {
        attributes.set("host.name", host);
    }
    Resource { attributes }
}

/// Takes out every entry whose name begins with `prefix`, which goes.
fn take_prefixed(object: &mut Object, prefix: &str) -> Object {
    let taken = object.extract_if(.., |(name, _)| name.starts_with(prefix));
    taken.filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> JsonLog {
        let Ok(PlainJson(Some(Value::Map(object)))) = serde_json::from_str(json) else {
            panic!("not an object: {json}")
        };
        let resource = Resource::service_named("file");
        let fallback = Timestamp::from_secs(1);
        let context = JsonLogContext { resource: &resource, service_given: false, fallback };
        read_json_log(object, json, &context)
    }

    #[test]
    fn reads_what_common_loggers_write() {
        let zap =
            read(r#"{"level":"error","ts":1767323045.25,"logger":"pool","msg":"slow","n":3}"#);
        assert_eq!(zap.record.time, Timestamp::parse("2026-01-02T03:04:05.25Z").unwrap());
        assert_eq!((zap.record.severity, zap.scope.as_str()), (Severity::ERROR, "pool"));
        assert_eq!((zap.record.body.as_str(), zap.resource.service()), ("slow", "file"));
        assert_eq!(zap.record.attributes, [("n", Value::Int(3))].into_iter().collect());

        let pino = read(r#"{"level":50,"time":1767323045123,"pid":1,"msg":"failed"}"#);
        assert_eq!(pino.record.severity, Severity::ERROR);
        assert_eq!(pino.record.time, Timestamp::parse("2026-01-02T03:04:05.123Z").unwrap());

        let ecs = read(
            r#"{"@timestamp":"2026-01-02T03:04:05.735Z","log.level":"WARN","service":{"name":"cart"},
            "trace.id":"5b8efff798038103d269b633813fc60c","message":"m"}"#,
        );
        assert_eq!((ecs.resource.service(), ecs.record.severity), ("cart", Severity::WARN));
        assert!(ecs.record.trace_id.is_some());

        let nested = read(
            r#"{"@timestamp":"2026-01-02T03:04:05Z","log":{"level":"error","offset":7},"message":"m",
            "trace":{"id":"5b8efff798038103d269b633813fc60c"},"span":{"id":"eee19b7ec3c1b174"},"host":{"name":"n1"},
            "kubernetes":{"namespace":"prod","pod":{"name":"cart-1"},"container":{"name":"cart"}}}"#,
        );
        assert_eq!((nested.record.severity, nested.resource.service()), (Severity::ERROR, "cart"));
        assert!(nested.record.trace_id.is_some() && nested.record.span_id.is_some());
        assert_eq!(nested.resource.attributes.str("host.name"), Some("n1"));
        assert_eq!(
            (nested.resource.pod(), nested.resource.namespace()),
            (Some("cart-1"), Some("prod"))
        );
        let offset = Value::Map(vec![("offset".to_owned(), Value::Int(7))]);
        assert_eq!(nested.record.attributes, [("log", offset)].into_iter().collect());

        let flat = read(r#"{"message":"m","kubernetes.pod.name":"cart-2","dd.trace_id":"255"}"#);
        assert_eq!(flat.resource.pod(), Some("cart-2"));
        assert_eq!(flat.record.trace_id, TraceId::from_hex(&format!("{:032x}", 255)));

        let fluent = read(
            r#"{"log":"boom\n","stream":"stderr","kubernetes":{"pod_name":"cart-1","namespace_name":"prod","labels":{"app":"cart"}}}"#,
        );
        assert_eq!((fluent.resource.service(), fluent.resource.pod()), ("cart", Some("cart-1")));
        assert_eq!(fluent.record.body, "boom");
        assert!(!fluent.dated);
    }

    #[test]
    fn keeps_the_whole_text_where_there_is_no_message() {
        let json = r#"{"time":"foobar"}"#;
        let log = read(json);
        assert_eq!(log.record.body, json);
        assert!(!log.dated);
        assert_eq!(log.record.time, Timestamp::from_secs(1));
        let object = read(r#"{"log":{"offset":1},"message":"foobar"}"#);
        assert_eq!(object.record.body, "foobar");
    }
}
