//! The spans of a scene: each request passes caller, service and callee.

use serde_json::{Value, json};

use super::carrier::{Carried, Dress};
use super::scene::{Request, Scene, Trouble, mix};

const KIND_SERVER: u8 = 2;
const KIND_CLIENT: u8 = 3;
const STATUS_ERROR: u8 = 2;

/// One span before it is written.
struct Part<'a> {
    name: &'a str,
    kind: u8,
    /// Position in the request; its parent is the one before it.
    place: u64,
    offset_ms: f64,
    ms: f64,
    failed: bool,
    attributes: Vec<Value>,
}

/// OTLP of all requests, with what is carried in the failing spans of the service.
pub(super) fn traces(scene: &Scene<'_>, carried: &Carried) -> String {
    let dressed = dressed(scene, carried);
    let own = scene.item.service.as_str();
    let (mut above, mut plain, mut below) = (Vec::new(), Vec::new(), Vec::new());
    // What changes the resource is sent by a resource of its own.
    let mut apart: Vec<String> = Vec::new();
    for request in &scene.requests {
        let dress =
            dressed.iter().find(|(number, _)| *number == request.number).map(|(_, dress)| *dress);
        let [page, call, serve, query, store] = parts(scene, request);
        above.extend([span(scene, request, page), span(scene, request, call)]);
        let mut server = span(scene, request, serve);
        let client = span(scene, request, query);
        below.push(span(scene, request, store));
        let Some(dress) = dress else {
            plain.extend([server, client]);
            continue;
        };
        put_on(&mut server, dress);
        if dress.resource.is_empty() {
            plain.extend([server, client]);
        } else {
            apart.push(spans_of(own, &dress.resource, &[server, client]));
        }
    }
    let mut lines = vec![
        spans_of(scene.caller, &[], &above),
        spans_of(own, &[], &plain),
        spans_of(scene.callee, &[], &below),
    ];
    lines.extend(apart);
    lines.join("\n")
}

/// The requests whose span carries the item's text.
fn dressed<'c>(scene: &Scene<'_>, carried: &'c Carried) -> Vec<(u64, &'c Dress)> {
    let during = scene.requests.iter().filter(|request| request.in_trouble);
    let mut chosen: Vec<u64> =
        during.clone().filter(|request| request.bad).map(|request| request.number).collect();
    let count = carried.spans.times(chosen.len(), false);
    let others = during.filter(|request| !request.bad).map(|request| request.number);
    // A disturbance that is over may have fewer failing requests than there are records.
    chosen.extend(others);
    chosen
        .into_iter()
        .take(count)
        .enumerate()
        .filter_map(|(number, request)| Some((request, carried.spans.text(number)?)))
        .collect()
}

fn parts<'s>(scene: &Scene<'s>, request: &Request) -> [Part<'s>; 5] {
    let store_ms = 4.0 + 5.0 * request.luck;
    let ms = scene.own_ms(request) + store_ms + 3.0;
    let failed = request.bad && scene.trouble != Trouble::Slow;
    let http = |status: i64| {
        vec![
            json!({"key": "http.request.method", "value": {"stringValue": "GET"}}),
            json!({"key": "http.response.status_code", "value": {"intValue": status.to_string()}}),
        ]
    };
    let answered = || http(if failed { 500 } else { 200 });
    let peer = |name: &str| vec![json!({"key": "peer.service", "value": {"stringValue": name}})];
    let part = |(name, kind): (&'s str, u8), place: u64, (offset_ms, ms): (f64, f64)| Part {
        name,
        kind,
        place,
        offset_ms,
        ms,
        failed: false,
        attributes: Vec::new(),
    };
    let page = part(("GET /", KIND_SERVER), 0, (0.0, ms + 5.0));
    let call = part(("GET", KIND_CLIENT), 1, (1.0, ms + 2.0));
    let serve = part(("GET /items", KIND_SERVER), 2, (2.0, ms));
    let query = part(("query", KIND_CLIENT), 3, (3.0, store_ms + 1.5));
    let store = part(("read", KIND_SERVER), 4, (3.5, store_ms));
    [
        Part { failed, attributes: answered(), ..page },
        Part { failed, attributes: [answered(), peer(&scene.item.service)].concat(), ..call },
        Part { failed, attributes: answered(), ..serve },
        Part { attributes: peer(scene.callee), ..query },
        store,
    ]
}

fn span(scene: &Scene<'_>, request: &Request, part: Part<'_>) -> Value {
    let span_id = |place: u64| {
        let id = mix(scene.seed ^ 0x5a, request.number.wrapping_mul(8) + place);
        format!("{:016x}", id | 1)
    };
    let start = request.start.plus_nanos((part.offset_ms * 1e6) as i64);
    let mut span = json!({
        "traceId": trace_id(scene.seed, request),
        "spanId": span_id(part.place),
        "name": part.name,
        "kind": part.kind,
        "startTimeUnixNano": start.nanos().to_string(),
        "endTimeUnixNano": start.plus_nanos((part.ms * 1e6) as i64).nanos().to_string(),
        "attributes": part.attributes,
    });
    if let Some(above) = part.place.checked_sub(1) {
        set(&mut span, "parentSpanId", json!(span_id(above)));
    }
    if part.failed {
        set(&mut span, "status", json!({"code": STATUS_ERROR}));
    }
    span
}

/// Puts the item's name, attributes and state on a span.
fn put_on(span: &mut Value, dress: &Dress) {
    if let Some(name) = &dress.name {
        set(span, "name", json!(name));
    }
    if let Some(state) = &dress.trace_state {
        set(span, "traceState", json!(state));
    }
    let time = span.get("endTimeUnixNano").cloned().unwrap_or_default();
    if !dress.exception.is_empty() {
        let event =
            json!({"timeUnixNano": time, "name": "exception", "attributes": dress.exception});
        set(span, "events", json!([event]));
    }
    if let Some(message) = &dress.message {
        set(span, "status", json!({"code": STATUS_ERROR, "message": message}));
    }
    if let Some(attributes) = span.get_mut("attributes").and_then(Value::as_array_mut) {
        // As an SDK does it: a later value replaces an earlier one.
        attributes
            .retain(|old| !dress.attributes.iter().any(|new| new.get("key") == old.get("key")));
        attributes.extend(dress.attributes.iter().cloned());
    }
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(entries) = object.as_object_mut() {
        entries.insert(key.to_owned(), value);
    }
}

fn spans_of(service: &str, resource_extra: &[Value], spans: &[Value]) -> String {
    let scope = json!([{"scope": {"name": "http"}, "spans": spans}]);
    json!({"resourceSpans": [{"resource": resource(service, resource_extra), "scopeSpans": scope}]})
        .to_string()
}

/// Who sends: the service's one pod.
pub(super) fn resource(service: &str, extra: &[Value]) -> Value {
    let own = [
        ("service.name", service.to_owned()),
        ("service.version", "7.1.0".to_owned()),
        ("k8s.pod.name", format!("{service}-5d9c7b6f4-x2x9k")),
    ];
    let replaced =
        |key: &str| extra.iter().any(|new| new.get("key").and_then(Value::as_str) == Some(key));
    let mut attributes: Vec<Value> = own
        .into_iter()
        .filter(|(key, _)| !replaced(key))
        .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}))
        .collect();
    attributes.extend(extra.iter().cloned());
    json!({ "attributes": attributes })
}

pub(super) fn trace_id(seed: u64, request: &Request) -> String {
    format!("{:016x}{:016x}", mix(seed, request.number), request.number + 1)
}
