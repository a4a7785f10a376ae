//! Builds OTLP messages: attributes, resources, and one request a signal that holds all pods.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status, span, status,
};

use crate::shop::NAMESPACE;
use crate::world::{Pod, World};

/// Something that a pod sends at a time.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Sent<T> {
    /// When it can be sent: a span ends, a line is written.
    pub(crate) at_nanos: u64,
    /// Index of the pod in the world.
    pub(crate) pod: usize,
    pub(crate) item: T,
}

pub(crate) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.into()))
}

pub(crate) fn integer(key: &str, value: i64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value))
}

/// What OpenTelemetry records of an exception.
pub(crate) fn exception(kind: &str, message: &str, stack: &str) -> Vec<KeyValue> {
    let mut attributes = vec![text("exception.type", kind), text("exception.message", message)];
    if !stack.is_empty() {
        attributes.push(text("exception.stacktrace", stack));
    }
    attributes
}

/// Ends a span in failure; `stack` where the exception was thrown in it.
pub(crate) fn fail(span: &mut Span, kind: &str, message: &str, stack: Option<&str>) {
    let code = status::StatusCode::Error as i32;
    span.status = Some(Status { message: message.to_owned(), code });
    span.attributes.push(text("error.type", kind));
    if let Some(stack) = stack {
        span.events.push(span::Event {
            time_unix_nano: span.end_time_unix_nano,
            name: "exception".to_owned(),
            attributes: exception(kind, message, stack),
            ..span::Event::default()
        });
    }
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

pub(crate) fn body(value: String) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(value)) })
}

pub(crate) fn scope(name: &str) -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: name.to_owned(),
        version: "1.2.0".to_owned(),
        ..InstrumentationScope::default()
    })
}

/// Who the pod with this index says it is.
pub(crate) fn resource_of(world: &World, pod: usize) -> Option<Resource> {
    world.pods.get(pod).and_then(resource)
}

/// Who a pod says it is.
pub(crate) fn resource(pod: &Pod) -> Option<Resource> {
    let traits = pod.service.traits();
    let mut attributes = vec![
        text("service.name", traits.name),
        text("service.namespace", NAMESPACE),
        text("service.version", pod.version.as_str()),
        text("service.instance.id", pod.name.as_str()),
        text("deployment.environment.name", "production"),
        text("k8s.namespace.name", NAMESPACE),
        text("k8s.pod.name", pod.name.as_str()),
        text("k8s.container.name", traits.name),
        text("k8s.node.name", pod.node),
    ];
    if !traits.language.is_empty() {
        attributes.push(text("telemetry.sdk.language", traits.language));
    }
    Some(Resource { attributes, ..Resource::default() })
}

/// Groups spans by pod, whose resource `resource_of` gives; `None` when there are none.
pub(crate) fn trace_request(
    resource_of: impl Fn(usize) -> Option<Resource>,
    spans: Vec<Sent<Span>>,
) -> Option<ExportTraceServiceRequest> {
    let resource_spans: Vec<ResourceSpans> = by_pod(spans)
        .map(|(pod, spans)| ResourceSpans {
            resource: resource_of(pod),
            scope_spans: vec![ScopeSpans {
                scope: scope("shop.http"),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        })
        .collect();
    (!resource_spans.is_empty()).then_some(ExportTraceServiceRequest { resource_spans })
}

/// Groups log records by pod, whose resource `resource_of` gives; `None` when there are none.
pub(crate) fn logs_request(
    resource_of: impl Fn(usize) -> Option<Resource>,
    records: Vec<Sent<LogRecord>>,
) -> Option<ExportLogsServiceRequest> {
    let resource_logs: Vec<ResourceLogs> = by_pod(records)
        .map(|(pod, log_records)| ResourceLogs {
            resource: resource_of(pod),
            scope_logs: vec![ScopeLogs {
                scope: scope("shop.log"),
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        })
        .collect();
    (!resource_logs.is_empty()).then_some(ExportLogsServiceRequest { resource_logs })
}

fn by_pod<T>(sent: Vec<Sent<T>>) -> impl Iterator<Item = (usize, Vec<T>)> {
    let mut groups: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for Sent { pod, item, .. } in sent {
        groups.entry(pod).or_default().push(item);
    }
    groups.into_iter()
}
