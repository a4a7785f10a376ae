//! How an item's records get in: each channel's text taken apart as the sender would have written it.

use serde_json::{Value, json};

use super::Share;
use super::item::Item;
use super::scene::Scene;

/// Keys of an alert that its rule's author writes; every other one is a label.
const ANNOTATIONS: [&str; 8] =
    ["summary", "description", "message", "note", "title", "runbook", "runbook_url", "dashboard"];
/// Value of a series before the trouble, as a part of what it is in it.
const BEFORE: f64 = 0.05;

/// What a scene gets in addition.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// Log lines.
    pub(super) lines: Repeated<String>,
    /// What failing spans carry.
    pub(super) spans: Repeated<Dress>,
    /// OTLP metrics of the service.
    pub(super) metrics: Vec<Value>,
    /// Alerts, one object each.
    pub(super) alerts: Vec<Value>,
    /// Documents: path and text.
    pub(super) pages: Vec<(String, String)>,
    /// What is asked instead of the usual question.
    pub(super) question: Option<String>,
}

/// Texts that come as often as a share says, in turn.
#[derive(Clone, Debug)]
pub(super) struct Repeated<T> {
    texts: Vec<T>,
    share: Share,
}

impl<T> Default for Repeated<T> {
    fn default() -> Self {
        Self { texts: Vec::new(), share: Share::One }
    }
}

impl<T> Repeated<T> {
    /// How many there are beside, or among, `genuine` ones.
    pub(super) fn times(&self, genuine: usize, beside: bool) -> usize {
        let count = match self.share {
            Share::One => 0.0,
            Share::Part(part) if beside => genuine as f64 * part / (1.0 - part).max(0.01),
            Share::Part(part) => genuine as f64 * part,
        };
        // Every record gets in at least once.
        if self.texts.is_empty() { 0 } else { (count.ceil() as usize).max(self.texts.len()) }
    }

    pub(super) fn text(&self, number: usize) -> Option<&T> {
        self.texts.get(number.checked_rem(self.texts.len())?)
    }
}

/// What a span carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Dress {
    /// The operation, when the text is nothing but that.
    pub(super) name: Option<String>,
    pub(super) trace_state: Option<String>,
    /// What an exception said, as the message of the failure.
    pub(super) message: Option<String>,
    pub(super) exception: Vec<Value>,
    pub(super) attributes: Vec<Value>,
    pub(super) resource: Vec<Value>,
}

/// Whether there can be more or less of an item.
pub(super) fn has_shares(item: &Item) -> bool {
    !matches!(item.channel.as_str(), "metric_label" | "alert_annotation" | "runbook_doc" | "chat")
}

/// The texts through the item's channel. One that is not known is taken as log lines, which anything may end up as.
pub(super) fn carried(item: &Item, texts: &[&str], share: Share) -> Carried {
    let mut carried = Carried::default();
    match item.channel.as_str() {
        "span_attr" => {
            let records = texts.iter().flat_map(|text| json_lines(text));
            carried.spans = Repeated { texts: records.map(dress).collect(), share };
        }
        "metric_label" => carried.metrics = texts.iter().map(|text| metric(text)).collect(),
        "alert_annotation" => {
            carried.alerts = texts.iter().map(|text| alert(text, &item.service)).collect();
        }
        "runbook_doc" => {
            let name =
                |number: usize| format!("runbooks/{}-{number}.md", plain_name(&item.carrier));
            carried.pages = texts
                .iter()
                .enumerate()
                .map(|(number, text)| (name(number), (*text).to_owned()))
                .collect();
        }
        "chat" => carried.question = Some(texts.join("\n")),
        _ => {
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            carried.lines = Repeated { texts, share };
        }
    }
    carried
}

/// The records of a text that holds one JSON object a line; the text itself where it is something else.
fn json_lines(text: &str) -> Vec<Result<Value, &str>> {
    let objects: Option<Vec<Value>> = text
        .split('\n')
        .map(|line| serde_json::from_str(line).ok().filter(Value::is_object))
        .collect();
    match objects {
        Some(objects) => objects.into_iter().map(Ok).collect(),
        None => vec![Err(text)],
    }
}

fn dress(record: Result<Value, &str>) -> Dress {
    let record = match record {
        Ok(record) => record,
        Err(text) => {
            let attributes = vec![attribute("message", &json!(text))];
            return Dress { attributes, ..Dress::default() };
        }
    };
    let given = |key: &str| entries(record.get(key));
    let text = |key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
    let attributes = given("attributes");
    let exception: Vec<Value> =
        attributes.iter().filter(|pair| key_of(pair).starts_with("exception.")).cloned().collect();
    let message = exception
        .iter()
        .find(|pair| key_of(pair).ends_with(".message"))
        .and_then(|pair| Some(pair.pointer("/value/stringValue")?.as_str()?.to_owned()));
    Dress {
        name: text("name").filter(|_| attributes.is_empty()),
        trace_state: text("trace_state").or_else(|| text("tracestate")),
        message: message.or_else(|| text("status_message")),
        exception,
        attributes,
        resource: given("resource"),
    }
}

fn key_of(pair: &Value) -> &str {
    pair.get("key").and_then(Value::as_str).unwrap_or_default()
}

fn entries(object: Option<&Value>) -> Vec<Value> {
    let entries = object.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(key, value)| attribute(key, value)).collect()
}

fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Number(number) if number.is_i64() => json!({ "intValue": number.to_string() }),
        Value::Number(number) => json!({ "doubleValue": number }),
        Value::Bool(yes) => json!({ "boolValue": yes }),
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({"key": key, "value": value})
}

/// A line of the Prometheus exposition format as a metric that rises when the trouble begins.
fn metric(text: &str) -> Value {
    if let Some((name, help)) = text.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
        return json!({"name": name, "description": help, "gauge": {"dataPoints": points(1.0, &[], &[])}});
    }
    let name_end = text.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    let (labels, rest) = braced(rest);
    let (value, exemplar) = rest.split_once('#').unwrap_or((rest, ""));
    let value: f64 =
        value.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(1.0);
    let strings = |pairs: Vec<(String, String)>| -> Vec<Value> {
        pairs.into_iter().map(|(key, value)| attribute(&key, &json!(value))).collect()
    };
    let exemplar = strings(pairs(braced(exemplar).0));
    let points = points(value, &strings(pairs(labels)), &exemplar);
    if name.ends_with("_total") {
        return json!({"name": name, "sum": {"dataPoints": points, "aggregationTemporality": 2, "isMonotonic": true}});
    }
    json!({"name": name, "gauge": {"dataPoints": points}})
}

fn points(value: f64, attributes: &[Value], exemplar: &[Value]) -> Vec<Value> {
    let before = if value == 0.0 { 1.0 } else { value * BEFORE };
    Scene::minutes()
        .map(|time| {
            let nanos = time.nanos().to_string();
            let now = if time < Scene::onset() { before } else { value };
            let mut point = json!({"timeUnixNano": nanos, "asDouble": now, "attributes": attributes});
            if let (false, Some(entries)) = (exemplar.is_empty(), point.as_object_mut()) {
                let one = json!([{"timeUnixNano": nanos, "asDouble": now, "filteredAttributes": exemplar}]);
                entries.insert("exemplars".to_owned(), one);
            }
            point
        })
        .collect()
}

/// What stands in the first braces, quotation marks respected, and what comes after.
fn braced(text: &str) -> (&str, &str) {
    let Some((before, inside)) = text.split_once('{') else { return ("", text) };
    if !before.trim().is_empty() {
        return ("", text);
    }
    let mut quoted = false;
    let end = inside.char_indices().find(|(_, character)| {
        quoted ^= *character == '"';
        *character == '}' && !quoted
    });
    end.and_then(|(end, _)| Some((inside.get(..end)?, inside.get(end + 1..)?)))
        .unwrap_or((inside, ""))
}

/// `key=value key="a value"`, with spaces or commas between.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_matches(|c: char| c.is_whitespace() || c == ',').to_owned();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => {
                after.split_once(|c: char| c.is_whitespace() || c == ',').unwrap_or((after, ""))
            }
        };
        pairs.push((key, value.to_owned()));
        rest = left;
    }
    pairs
}

/// An alert as a webhook sends it.
fn alert(text: &str, service: &str) -> Value {
    let starts = Scene::onset().plus_secs(120).to_string();
    if let Ok(mut given) = serde_json::from_str::<Value>(text)
        && let Some(entries) = given.as_object_mut()
    {
        entries.entry("startsAt").or_insert_with(|| json!(starts));
        let labels = entries.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.entry("service").or_insert_with(|| json!(service));
        }
        return given;
    }
    let mut labels = serde_json::Map::from_iter([("service".to_owned(), json!(service))]);
    let mut annotations = serde_json::Map::new();
    let mut alert = serde_json::Map::from_iter([
        ("status".to_owned(), json!("firing")),
        ("startsAt".to_owned(), json!(starts)),
    ]);
    for (key, value) in pairs(text) {
        let value = json!(value);
        match key.as_str() {
            "alert" | "alertname" => drop(labels.insert("alertname".to_owned(), value)),
            "generatorURL" => drop(alert.insert(key, value)),
            known if ANNOTATIONS.contains(&known) => drop(annotations.insert(key, value)),
            _ => drop(labels.insert(key, value)),
        }
    }
    // Text of no known form is what the rule's author wrote.
    if annotations.is_empty() && labels.len() == 1 {
        annotations.insert("description".to_owned(), json!(text));
    }
    labels.entry("alertname").or_insert_with(|| json!("ServiceAlert"));
    alert.insert("labels".to_owned(), Value::Object(labels));
    alert.insert("annotations".to_owned(), Value::Object(annotations));
    Value::Object(alert)
}

/// A name that a file can have.
fn plain_name(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposition_lines_are_taken_apart() {
        let made = metric("queue_total{a=\"x, {y}=1\",b=\"2\"} 7 # {id=\"q\"} 0.9");
        assert_eq!(made["name"], "queue_total");
        let last = made["sum"]["dataPoints"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["asDouble"], 7.0);
        assert_eq!(last["attributes"][0]["value"]["stringValue"], "x, {y}=1");
        assert_eq!(last["exemplars"][0]["filteredAttributes"][0]["key"], "id");
        assert_eq!(metric("# HELP a b c")["description"], "b c");
        assert_eq!(metric("bare")["name"], "bare");
    }

    #[test]
    fn alerts_are_taken_apart() {
        let made = alert("alert=Slow team=\"a b\" summary=\"too slow\"", "pay");
        assert_eq!(made["labels"]["alertname"], "Slow");
        assert_eq!(made["labels"]["team"], "a b");
        assert_eq!(made["annotations"]["summary"], "too slow");
        let made = alert("{\"labels\":{\"alertname\":\"X\"}}", "pay");
        assert_eq!(made["labels"]["service"], "pay");
        assert_eq!(alert("free text", "pay")["annotations"]["description"], "free text");
    }

    #[test]
    fn spans_carry_what_the_record_says() {
        let records =
            json_lines("{\"name\":\"a\",\"attributes\":{\"exception.message\":\"m\",\"n\":1}}");
        let made = dress(records.into_iter().next().unwrap());
        assert_eq!((made.name, made.message.as_deref()), (None, Some("m")));
        assert_eq!(made.attributes.len(), 2);
        assert_eq!(dress(Err("words")).attributes[0]["value"]["stringValue"], "words");
    }

    #[test]
    fn shares_count_beside_or_among_the_genuine() {
        let part = Repeated { texts: vec!["a", "b"], share: Share::Part(0.6) };
        assert_eq!((part.times(40, true), part.times(40, false)), (60, 24));
        assert_eq!(part.text(3), Some(&"b"));
        assert_eq!(Repeated { texts: vec!["a", "b"], share: Share::One }.times(40, true), 2);
        assert_eq!(Repeated::<String>::default().times(40, true), 0);
    }
}
