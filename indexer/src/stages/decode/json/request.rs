//! Whole export requests in OTLP/JSON: the typed pass, and the pass that saves what a bad record would cost.

use groundcrew_telemetry::{Batch, LogBatch, MetricBatch, Resource, Signal, SpanBatch, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::decoded::{Decoded, Undecodable};
use super::super::limits::cap_attributes;
use super::super::metric_points::Spread;
use super::any_value::{ResourceJson, ScopeJson};
use super::logs::LogJson;
use super::metrics::MetricJson;
use super::scalars::List;
use super::spans::SpanJson;
use crate::utf8;

/// Decodes one export request of `signal` from JSON bytes. Bytes that are not UTF-8 are replaced and counted.
///
/// # Errors
/// When the bytes are not JSON, or not an export request of that signal.
pub fn decode_json(signal: Signal, bytes: &[u8], now: Timestamp) -> Result<Decoded, Undecodable> {
    let (text, replaced) = utf8::replaced(bytes);
    let mut decoded = decode_json_text(Some(signal), &text, now)?;
    decoded.notes.replaced_utf8 += u64::from(replaced);
    Ok(decoded)
}

/// Decodes one export request from JSON text; without `signal`, of whichever signal it is.
///
/// # Errors
/// When the text is not JSON, or not an export request.
pub fn decode_json_text(
    signal: Option<Signal>,
    text: &str,
    now: Timestamp,
) -> Result<Decoded, Undecodable> {
    // Senders may put a byte order mark in front; the JSON grammar knows none.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The typed reader would take a list for an object's fields in order.
    if !text.trim_start().starts_with('{') {
        return Err(Undecodable { reason: "not a JSON object".to_owned() });
    }
    let fast: Result<ExportJson<'_, LogJson<'_>, SpanJson<'_>, MetricJson<'_>>, _> =
        serde_json::from_str(text);
    if let Ok(export) = fast {
        export.check(signal)?;
        return Ok(export.decode(now));
    }
    let slow: ExportJson<'_, &RawValue, &RawValue, &RawValue> =
        serde_json::from_str(text).map_err(|error| Undecodable { reason: error.to_string() })?;
    slow.check(signal)?;
    Ok(slow.decode(now))
}

/// An export request of any signal, its records as `L`, `S` and `M`.
#[derive(Deserialize)]
#[serde(bound(deserialize = "L: Deserialize<'de>, S: Deserialize<'de>, M: Deserialize<'de>"))]
struct ExportJson<'a, L, S, M> {
    #[serde(rename = "resourceLogs", alias = "resource_logs", borrow)]
    #[serde(default = "Option::default")]
    logs: Option<List<ResourceItems<'a, L>>>,
    #[serde(rename = "resourceSpans", alias = "resource_spans", borrow)]
    #[serde(default = "Option::default")]
    spans: Option<List<ResourceItems<'a, S>>>,
    #[serde(rename = "resourceMetrics", alias = "resource_metrics", borrow)]
    #[serde(default = "Option::default")]
    metrics: Option<List<ResourceItems<'a, M>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct ResourceItems<'a, T> {
    #[serde(default, deserialize_with = "super::scalars::or_default")]
    resource: ResourceJson,
    #[serde(rename = "scopeLogs", alias = "scope_logs", alias = "scopeSpans", borrow)]
    #[serde(alias = "scope_spans", alias = "scopeMetrics", alias = "scope_metrics")]
    #[serde(default = "List::default")]
    scopes: List<ScopeItems<'a, T>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct ScopeItems<'a, T> {
    #[serde(default, deserialize_with = "super::scalars::or_default", borrow)]
    scope: ScopeJson<'a>,
    #[serde(rename = "logRecords", alias = "log_records", alias = "spans", alias = "metrics")]
    #[serde(default = "List::default")]
    items: List<T>,
}

impl<L, S, M> ExportJson<'_, L, S, M> {
    /// A request without the list it should have is some other JSON; an empty object is an empty request.
    fn check(&self, signal: Option<Signal>) -> Result<(), Undecodable> {
        let found = [
            (Signal::Logs, self.logs.is_some()),
            (Signal::Traces, self.spans.is_some()),
            (Signal::Metrics, self.metrics.is_some()),
        ];
        let wrong =
            found.iter().find(|(held, present)| *present && signal.is_some_and(|s| s != *held));
        let nothing = found.iter().all(|(_, present)| !present);
        match (signal, wrong) {
            (Some(wanted), Some((held, _))) => Err(Undecodable {
                reason: format!("holds {} where {} were expected", held.name(), wanted.name()),
            }),
            (None, _) if nothing => Err(Undecodable {
                reason: "no resourceLogs, resourceSpans or resourceMetrics".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

impl<'a, L, S, M> ExportJson<'a, L, S, M>
where
    L: Read<LogJson<'a>>,
    S: Read<SpanJson<'a>>,
    M: Read<MetricJson<'a>>,
{
    fn decode(self, now: Timestamp) -> Decoded {
        let mut decoded = Decoded::default();
        for_each_scope(self.logs, &mut decoded, |resource, scope, items, decoded| {
            let read = items.into_iter().map(Read::read);
            let finish =
                |log: LogJson<'a>, decoded: &mut Decoded| log.finish(now, &mut decoded.notes);
            let records = kept(read, decoded, finish);
            decoded.push_logs(LogBatch { resource, scope, records });
        });
        for_each_scope(self.spans, &mut decoded, |resource, scope, items, decoded| {
            let read = items.into_iter().map(Read::read);
            let finish =
                |span: SpanJson<'a>, decoded: &mut Decoded| span.finish(&mut decoded.notes);
            let spans = kept(read, decoded, finish);
            decoded.push_spans(SpanBatch { resource, scope, spans });
        });
        for_each_scope(self.metrics, &mut decoded, |resource, scope, items, decoded| {
            let mut spread = Spread::default();
            for item in items {
                match item.read() {
                    Ok(metric) => spread.metric(metric.finish()),
                    Err(reason) => spread.rejected.add(reason),
                }
            }
            decoded.take_spread(spread, |series| MetricBatch { resource, scope, series });
        });
        decoded
    }
}

/// Reads one record: at no cost in the typed pass, from its raw text in the other.
trait Read<T> {
    fn read(self) -> Result<T, String>;
}

impl Read<Self> for LogJson<'_> {
    fn read(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl Read<Self> for SpanJson<'_> {
    fn read(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl Read<Self> for MetricJson<'_> {
    fn read(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl<'a, T: Deserialize<'a>> Read<T> for &'a RawValue {
    fn read(self) -> Result<T, String> {
        serde_json::from_str(self.get()).map_err(|error| format!("record is malformed: {error}"))
    }
}

fn for_each_scope<T>(
    resources: Option<List<ResourceItems<'_, T>>>,
    decoded: &mut Decoded,
    mut visit: impl FnMut(Resource, String, Vec<T>, &mut Decoded),
) {
    for resource_items in resources.unwrap_or_default().0 {
        let mut attributes = resource_items.resource.attributes.attributes();
        cap_attributes(&mut attributes, &mut decoded.notes);
        let resource = Resource { attributes };
        for scope in resource_items.scopes.0 {
            let name = scope.scope.name.0.into_owned();
            visit(resource.clone(), name, scope.items.0, decoded);
        }
    }
}

fn kept<T, R>(
    read: impl ExactSizeIterator<Item = Result<T, String>>,
    decoded: &mut Decoded,
    finish: impl Fn(T, &mut Decoded) -> Result<R, String>,
) -> Vec<R> {
    let mut records = Vec::with_capacity(read.len());
    for item in read {
        match item.and_then(|item| finish(item, decoded)) {
            Ok(record) => records.push(record),
            Err(reason) => decoded.rejected.add(reason),
        }
    }
    records
}

impl Decoded {
    fn push_logs(&mut self, batch: LogBatch) {
        if !batch.records.is_empty() {
            self.batches.push(Batch::Logs(batch));
        }
    }

    fn push_spans(&mut self, batch: SpanBatch) {
        if !batch.spans.is_empty() {
            self.batches.push(Batch::Spans(batch));
        }
    }
}
