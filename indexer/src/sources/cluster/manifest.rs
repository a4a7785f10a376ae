//! Objects and events from YAML and JSON: manifests, several documents in one file, and `kubectl get -o yaml` lists.

use std::ops::Range;

use groundcrew_telemetry::{ClusterEvent, ClusterObject, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use super::command::Command;
use super::kinds;
use super::manifest_facts;
use super::manifest_health;
use super::outline::{self, Node};
use super::table_objects::Listed;
use super::telling::{self, Focus};

/// Documents and list items after which reading stops.
const OBJECTS_MAX: usize = 20_000;

/// Brackets open at one time in a YAML document; a parser of YAML takes time in the square of that depth.
const FLOW_DEPTH_MAX: i64 = 128;

/// Whether `body` holds Kubernetes objects in YAML or JSON.
pub(super) fn looks_like(body: &str) -> bool {
    let begin = body.trim_start();
    if begin.starts_with(['{', '[']) {
        return begin.contains("\"apiVersion\"") && begin.contains("\"kind\"");
    }
    let has_key = |key: &str| body.lines().any(|line| line.starts_with(key));
    has_key("kind:") && has_key("apiVersion:")
}

/// Reads every object and event of `body`. Documents that do not parse are left to the snapshot's text.
pub(super) fn read(command: &Command, body: &str, now: Timestamp) -> Listed {
    let mut listed = Listed::default();
    for document in documents(body) {
        let Some(value) = parse(document) else { continue };
        read_document(&Reading { command, now }, &value, document, &mut listed);
        if listed.objects.len() + listed.events.len() >= OBJECTS_MAX {
            break;
        }
    }
    listed
}

/// What holds for all objects of one text.
struct Reading<'a> {
    command: &'a Command,
    now: Timestamp,
}

/// The parts between `---` lines; of JSON the values that stand one after the other, as `kubectl get -o json -w` prints them.
fn documents(body: &str) -> Vec<&str> {
    if body.trim_start().starts_with('{') {
        let mut values = serde_json::Deserializer::from_str(body).into_iter::<&RawValue>();
        // What does not parse ends it: everything after belongs to that.
        return values.by_ref().map_while(Result::ok).map(RawValue::get).collect();
    }
    let mut documents = Vec::new();
    let mut start = 0;
    let mut position = 0;
    for line in body.split_inclusive('\n') {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push(body.get(start..position).unwrap_or(""));
            start = position + line.len();
        }
        position += line.len();
    }
    documents.push(body.get(start..).unwrap_or(""));
    documents.retain(|document| !document.trim().is_empty());
    documents
}

fn parse(document: &str) -> Option<Value> {
    let value: Value = if document.trim_start().starts_with(['{', '[']) {
        serde_json::from_str(document).ok()?
    } else if flow_depth(document) <= FLOW_DEPTH_MAX {
        serde_yaml_ng::from_str(document).ok()?
    } else {
        return None;
    };
    (value.is_object() || value.is_array()).then_some(value)
}

/// The most brackets that are open at one time, those inside of texts included.
fn flow_depth(document: &str) -> i64 {
    let mut open = 0_i64;
    let mut deepest = 0;
    for letter in document.bytes() {
        match letter {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open -= 1,
            _ => {}
        }
        // Closing brackets inside of texts must not make room for later ones.
        open = open.max(0);
        deepest = deepest.max(open);
    }
    deepest
}

fn read_document(reading: &Reading<'_>, value: &Value, document: &str, listed: &mut Listed) {
    if let Some(object) = watched(value) {
        if text_at(value, "/type") != Some("DELETED") {
            read_rewritten(reading, object, listed);
        }
        return;
    }
    let items = value.get("items").or(Some(value)).and_then(Value::as_array);
    let one_line = !document.trim().contains('\n');
    let nodes = outline::outline(document);
    let source: Vec<&str> = document.lines().collect();
    let Some(items) = items else {
        if one_line {
            read_rewritten(reading, value, listed);
        } else {
            read_value(
                reading,
                value,
                &Place { nodes: &nodes, range: 0..nodes.len(), source: &source },
                listed,
            );
        }
        return;
    };
    let ranges = item_ranges(&nodes);
    for (position, item) in items.iter().take(OBJECTS_MAX).enumerate() {
        match ranges.get(position).filter(|_| ranges.len() == items.len()) {
            Some(range) => {
                let place = Place { nodes: &nodes, range: range.clone(), source: &source };
                read_value(reading, item, &place, listed);
            }
            None => read_rewritten(reading, item, listed),
        }
    }
}

/// The object of a watch event (`--output-watch-events`).
fn watched(value: &Value) -> Option<&Value> {
    let kind = text_at(value, "/type")?;
    let is_event = matches!(kind, "ADDED" | "MODIFIED" | "DELETED") && value.get("kind").is_none();
    value.get("object").filter(|object| is_event && object.is_object())
}

/// Where the list's items stand in the outline.
fn item_ranges(nodes: &[Node<'_>]) -> Vec<Range<usize>> {
    // In JSON the document's opening brace is a node of its own, above all others.
    let document = nodes.first().filter(|first| first.key == "-").map(|_| 0);
    let Some((items, _)) = outline::children(nodes, document).find(|(_, node)| node.key == "items")
    else {
        return Vec::new();
    };
    let starts: Vec<usize> = outline::children(nodes, Some(items))
        .filter(|(_, node)| node.key == "-")
        .map(|(index, _)| index)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([outline::end_of(nodes, items)]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// Where one object stands in the text.
struct Place<'a> {
    nodes: &'a [Node<'a>],
    range: Range<usize>,
    source: &'a [&'a str],
}

/// For JSON on one line: the lines are those of the same object written as YAML.
fn read_rewritten(reading: &Reading<'_>, value: &Value, listed: &mut Listed) {
    let Ok(text) = serde_yaml_ng::to_string(value) else { return };
    let nodes = outline::outline(&text);
    let source: Vec<&str> = text.lines().collect();
    read_value(
        reading,
        value,
        &Place { nodes: &nodes, range: 0..nodes.len(), source: &source },
        listed,
    );
}

fn read_value(reading: &Reading<'_>, value: &Value, place: &Place<'_>, listed: &mut Listed) {
    let Some(kind) = text_at(value, "/kind") else { return };
    if kind == "Event" {
        listed.events.extend(event(value, reading.now));
        return;
    }
    let Some(name) =
        text_at(value, "/metadata/name").or_else(|| text_at(value, "/metadata/generateName"))
    else {
        return;
    };
    let judged = manifest_health::judge(kind, value, reading.now);
    let everything = !kinds::runs_pods(kind) && kind != "Node";
    let focus = Focus { troubles: &judged.troubles, everything };
    listed.objects.push(ClusterObject {
        kind: kind.to_owned(),
        namespace: text_at(value, "/metadata/namespace")
            .unwrap_or(&reading.command.namespace)
            .to_owned(),
        name: name.to_owned(),
        status: judged.status,
        healthy: judged.healthy,
        restarts: manifest_facts::restarts(value),
        lines: telling::lines(place.nodes, place.range.clone(), place.source, &focus),
        labels: manifest_facts::labels(kind, value),
        related: manifest_facts::related(value),
    });
}

fn event(value: &Value, now: Timestamp) -> Option<ClusterEvent> {
    let about = value.get("involvedObject").or_else(|| value.get("regarding"))?;
    let kind = text_at(about, "/kind").unwrap_or("");
    let name = text_at(about, "/name").unwrap_or("");
    let times = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/eventTime",
        "/firstTimestamp",
        "/metadata/creationTimestamp",
    ];
    let time = times.iter().find_map(|path| Timestamp::parse(text_at(value, path)?));
    let count = ["/count", "/series/count", "/deprecatedCount"]
        .iter()
        .find_map(|path| value.pointer(path)?.as_u64());
    Some(ClusterEvent {
        time: time.unwrap_or(now),
        event_type: text_at(value, "/type").unwrap_or("").to_owned(),
        reason: text_at(value, "/reason").unwrap_or("").to_owned(),
        object: format!("{kind}/{name}"),
        namespace: text_at(about, "/namespace")
            .or_else(|| text_at(value, "/metadata/namespace"))
            .unwrap_or("")
            .to_owned(),
        message: text_at(value, "/message")
            .or_else(|| text_at(value, "/note"))
            .unwrap_or("")
            .to_owned(),
        count: count.map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX)),
    })
}

/// The text at a JSON pointer, when it is one and not empty.
pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}
