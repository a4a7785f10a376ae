//! Cluster objects that are not as they should be, and what the cluster warned about.

use groundcrew_telemetry::{ClusterEvent, ClusterObject};

use super::evidence::{Channel, Evidence};
use super::names::Names;
use super::period::Periods;
use crate::{Finding, FindingKind};

/// Shortest name of a service that is looked for inside names of objects.
const NAME_BYTES_MIN: usize = 3;

/// Finds unhealthy objects and warnings, and says whom they speak for.
pub(super) fn find(
    objects: &[ClusterObject],
    events: &[ClusterEvent],
    periods: &Periods,
    services: &mut Names,
    evidence: &mut Evidence,
) {
    for object in objects.iter().filter(|object| object.healthy == Some(false)) {
        let service = owner(&object.name, &object.labels, services);
        let name = [object.kind.as_str(), object.namespace.as_str(), object.name.as_str()];
        let name: Vec<&str> = name.into_iter().filter(|part| !part.is_empty()).collect();
        let finding = Finding {
            kind: FindingKind::ObjectUnhealthy {
                object: name.join("/"),
                status: object.status.clone(),
                lines: object.lines.clone(),
            },
            service: services.name(service).to_owned(),
            pod: (object.kind == "Pod").then(|| object.name.clone()),
            since: None,
            strength: 0.0,
        };
        let likelihood = match object.kind.as_str() {
            "Pod" => 0.85,
            "Node" => 0.8,
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => 0.75,
            _ => 0.7,
        };
        evidence.add(finding, service, Channel::Cluster, likelihood);
    }
    for event in events.iter().filter(|event| event.event_type == "Warning") {
        let object = event.object.rsplit('/').next().unwrap_or(&event.object);
        let service = owner(object, &[], services);
        let recent = event.time >= periods.window.start || event.time.nanos() == 0;
        let finding = Finding {
            kind: FindingKind::ClusterWarning {
                object: event.object.clone(),
                reason: event.reason.clone(),
                message: event.message.clone(),
                count: event.count,
            },
            service: services.name(service).to_owned(),
            pod: event.object.starts_with("Pod/").then(|| object.to_owned()),
            since: (event.time.nanos() != 0).then_some(event.time),
            strength: f64::from(event.count).sqrt(),
        };
        evidence.add(finding, service, Channel::Cluster, if recent { 0.6 } else { 0.2 });
    }
}

/// The service that an object belongs to: the longest known name that its name begins with or a label gives, else
/// the object's own name without the parts that a controller appends.
fn owner(object: &str, labels: &[String], services: &mut Names) -> u32 {
    let by_label = labels.iter().find_map(|label| {
        let (key, value) = label.split_once('=')?;
        matches!(key, "app" | "app.kubernetes.io/name" | "service" | "k8s-app")
            .then(|| services.find(value))?
    });
    let by_name = (0..services.len() as u32)
        .filter(|service| {
            let name = services.name(*service);
            name.len() >= NAME_BYTES_MIN
                && object
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
        .max_by_key(|service| services.name(*service).len());
    by_label.or(by_name).unwrap_or_else(|| services.number(without_suffixes(object)))
}

/// `cart-5f6585d649-fnmft` is a pod of `cart`.
fn without_suffixes(object: &str) -> &str {
    let mut name = object;
    for _ in 0..2 {
        let Some((head, tail)) = name.rsplit_once('-') else { break };
        let generated = (4..=10).contains(&tail.len())
            && tail.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && (tail.bytes().any(|byte| byte.is_ascii_digit())
                || !tail.bytes().any(|byte| b"aeiou".contains(&byte)));
        if !generated || head.is_empty() {
            break;
        }
        name = head;
    }
    name
}
