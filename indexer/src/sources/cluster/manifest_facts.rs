//! Labels, selectors, restarts and mentioned objects of a manifest.

use serde_json::{Map, Value};

use super::manifest::text_at;

/// Depth to which a manifest is walked for mentions.
const DEPTH_MAX: usize = 24;
/// Mentions kept per object.
const MENTIONS_MAX: usize = 64;

/// Container statuses of a pod, init containers first.
pub(super) fn container_statuses(value: &Value) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|pointer| value.pointer(pointer).and_then(Value::as_array))
        .flatten()
}

/// Restarts of all containers.
pub(super) fn restarts(value: &Value) -> u32 {
    container_statuses(value)
        .filter_map(|status| status.get("restartCount")?.as_u64())
        .fold(0, |sum, count| sum.saturating_add(u32::try_from(count).unwrap_or(u32::MAX)))
}

/// What the object selects (services, policies), or the labels that its pods carry.
pub(super) fn labels(kind: &str, value: &Value) -> Vec<String> {
    let pointers: &[&str] = match kind {
        "Service" => &["/spec/selector"],
        "NetworkPolicy" => &["/spec/podSelector/matchLabels"],
        "PodDisruptionBudget" => &["/spec/selector/matchLabels"],
        _ => &[
            "/spec/template/metadata/labels",
            "/spec/jobTemplate/spec/template/metadata/labels",
            "/metadata/labels",
        ],
    };
    let map = pointers.iter().find_map(|pointer| value.pointer(pointer).and_then(Value::as_object));
    map.map(pairs).unwrap_or_default()
}

fn pairs(map: &Map<String, Value>) -> Vec<String> {
    map.iter().filter_map(|(key, value)| Some(format!("{key}={}", scalar(value)?))).collect()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Objects that the manifest mentions, `Kind/name`, without repetition.
pub(super) fn related(value: &Value) -> Vec<String> {
    let mut mentions = Vec::new();
    for owner in
        value.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
    {
        add_kind_and_name(owner, &mut mentions);
    }
    for part in ["spec", "status"] {
        walk(part, value.get(part).unwrap_or(&Value::Null), 0, &mut mentions);
    }
    mentions
}

fn walk(key: &str, value: &Value, depth: usize, mentions: &mut Vec<String>) {
    if depth >= DEPTH_MAX || mentions.len() >= MENTIONS_MAX {
        return;
    }
    if let Some(mention) = mention(key, value) {
        add(mention, mentions);
    }
    match value {
        Value::Object(map) => {
            if matches!(key, "scaleTargetRef" | "targetRef") {
                add_kind_and_name(value, mentions);
            }
            map.iter().for_each(|(key, value)| walk(key, value, depth + 1, mentions));
        }
        Value::Array(values) => {
            values.iter().for_each(|value| walk(key, value, depth + 1, mentions))
        }
        _ => {}
    }
}

fn mention(key: &str, value: &Value) -> Option<String> {
    let name = |value: &Value| text_at(value, "/name").map(str::to_owned);
    match key {
        "nodeName" => Some(format!("Node/{}", value.as_str()?)),
        "claimName" => Some(format!("PersistentVolumeClaim/{}", value.as_str()?)),
        "secretName" => Some(format!("Secret/{}", value.as_str()?)),
        "storageClassName" => Some(format!("StorageClass/{}", value.as_str()?)),
        "serviceName" => Some(format!("Service/{}", value.as_str()?)),
        "serviceAccountName" => value
            .as_str()
            .filter(|name| *name != "default")
            .map(|name| format!("ServiceAccount/{name}")),
        "secretKeyRef" | "secretRef" | "imagePullSecrets" => {
            Some(format!("Secret/{}", name(value)?))
        }
        "configMapKeyRef" | "configMapRef" | "configMap" => name(value)
            .filter(|name| name != "kube-root-ca.crt")
            .map(|name| format!("ConfigMap/{name}")),
        "service" => Some(format!("Service/{}", name(value)?)),
        _ => None,
    }
}

fn add_kind_and_name(reference: &Value, mentions: &mut Vec<String>) {
    if let (Some(kind), Some(name)) = (text_at(reference, "/kind"), text_at(reference, "/name")) {
        add(format!("{kind}/{name}"), mentions);
    }
}

fn add(mention: String, mentions: &mut Vec<String>) {
    if mentions.len() < MENTIONS_MAX && !mentions.contains(&mention) {
        mentions.push(mention);
    }
}
