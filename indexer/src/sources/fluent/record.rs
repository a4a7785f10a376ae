//! Makes log records of what Fluentd and Fluent Bit forward under one tag.

use std::path::Path;

use groundcrew_telemetry::{Batch, Resource, Timestamp, Value};

use crate::sources::files::json_logs::{JsonLogContext, embedded_json, read_json_log};
use crate::sources::files::log_batches::LogBatches;
use crate::sources::files::origin::pod_attributes;
use crate::sources::files::plain_json::Object;
use crate::stages::decode::{body_text, cap_text};

/// Records of one tag on their way into batches.
pub(super) struct Tagged {
    tag: String,
    resource: Resource,
    now: Timestamp,
    batches: LogBatches,
}

impl Tagged {
    pub(super) fn new(tag: &str, now: Timestamp) -> Self {
        let (tag, resource) = (tag.to_owned(), resource_of(tag));
        Self { tag, resource, now, batches: LogBatches::default() }
    }

    /// Adds a record. What it says of its service wins over the tag; the time of the protocol wins over its own.
    pub(super) fn push(&mut self, time: Option<Timestamp>, record: Object) {
        let fallback = time.unwrap_or(self.now);
        let whole = body_text(Value::Map(record.clone()));
        let context = JsonLogContext { resource: &self.resource, service_given: false, fallback };
        let mut log = read_json_log(record, &whole, &context);
        // A container's line may be a logger's object itself.
        if let Some(inner) = embedded_json(&log.record.body, &log.resource, fallback) {
            let outer = std::mem::replace(&mut log, inner);
            for (key, value) in outer.record.attributes.0 {
                if log.record.attributes.get(&key).is_none() {
                    log.record.attributes.set(&key, value);
                }
            }
        }
        log.record.time = time.unwrap_or(log.record.time);
        for (_, value) in &mut log.record.attributes.0 {
            value.for_each_text_mut("", &mut |_, text| {
                cap_text(text);
            });
        }
        log.record.attributes.set("fluent.tag", self.tag.as_str());
        self.batches.push(&log.resource, &log.scope, log.record);
    }

    pub(super) fn take(mut self) -> Vec<Batch> {
        self.batches.take()
    }
}

/// The pod that the path of a container's log in the tag names (`kube.var.log.containers.POD_NS_NAME-ID.log`), else the
/// tag as the service.
fn resource_of(tag: &str) -> Resource {
    let pod = tag
        .split_once("var.log.containers.")
        .and_then(|(_, file)| pod_attributes(&Path::new("containers").join(file)));
    let Some(mut attributes) = pod else { return Resource::service_named(tag) };
    if let Some(container) = attributes.str("k8s.container.name").map(str::to_owned) {
        attributes.set("service.name", container);
    }
    Resource { attributes }
}
