//! Services whose selector fits none of the pods that were seen.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_telemetry::ClusterObject;

use super::kinds;

/// Services looked at.
const SERVICES_MAX: usize = 2_000;

/// A service that selects nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokenSelector {
    /// Which of the given objects it is.
    pub object: usize,
    /// One sentence that says so, with the selector and the labels that come nearest.
    pub line: String,
}

/// Finds services that select none of the pods or workloads seen in their namespace.
///
/// Only where labels were seen in that namespace at all: an absence in part of a cluster proves nothing.
pub fn broken_selectors(objects: &[ClusterObject]) -> Vec<BrokenSelector> {
    let mut carriers: BTreeMap<&str, Vec<BTreeSet<&str>>> = BTreeMap::new();
    for object in objects {
        if kinds::runs_pods(&object.kind) && !object.labels.is_empty() {
            let labels = object.labels.iter().map(String::as_str).collect();
            carriers.entry(&object.namespace).or_default().push(labels);
        }
    }
    let mut broken = Vec::new();
    let services = objects.iter().enumerate().filter(|(_, object)| object.kind == "Service");
    for (position, service) in services.take(SERVICES_MAX) {
        let wanted: BTreeSet<&str> = service.labels.iter().map(String::as_str).collect();
        let Some(carriers) = carriers.get(service.namespace.as_str()) else { continue };
        if wanted.is_empty() || carriers.iter().any(|labels| wanted.is_subset(labels)) {
            continue;
        }
        let Some(nearest) = nearest_labels(&wanted, carriers) else { continue };
        let selector: Vec<&str> = wanted.iter().copied().collect();
        broken.push(BrokenSelector {
            object: position,
            line: format!(
                "Service {} selects {}, which no pod seen in namespace {} carries; the nearest has {nearest}",
                service.name,
                selector.join(","),
                service.namespace,
            ),
        });
    }
    broken
}

/// Labels with the selector's keys, of the object that has most of them. None at all means that the pods were not seen.
fn nearest_labels(wanted: &BTreeSet<&str>, carriers: &[BTreeSet<&str>]) -> Option<String> {
    let keys: BTreeSet<&str> = wanted.iter().filter_map(|pair| pair.split('=').next()).collect();
    let with_keys = |labels: &BTreeSet<&str>| -> Vec<String> {
        let same_key = labels
            .iter()
            .filter(|pair| pair.split('=').next().is_some_and(|key| keys.contains(key)));
        same_key.map(|pair| (*pair).to_owned()).collect()
    };
    let shared =
        |labels: &&BTreeSet<&str>| (wanted.intersection(labels).count(), with_keys(labels).len());
    let name_is_near = |pair: &str| {
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        wanted
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .any(|(_, other)| !value.is_empty() && (value.contains(other) || other.contains(value)))
    };
    let nearest = carriers.iter().max_by_key(shared)?;
    let pairs = with_keys(nearest);
    let near = wanted.intersection(nearest).next().is_some()
        || pairs.iter().any(|pair| name_is_near(pair));
    near.then(|| pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str, labels: &[&str]) -> ClusterObject {
        ClusterObject {
            kind: kind.to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..ClusterObject::default()
        }
    }

    #[test]
    fn a_service_that_misses_its_pods_is_named() {
        let objects = [
            object("Service", "web", &["app=web", "tier=front"]),
            object("Pod", "web-1", &["app=web", "tier=frontend"]),
            object("Service", "api", &["app=api"]),
            object("Deployment", "api", &["app=api", "x=y"]),
        ];
        let broken = broken_selectors(&objects);
        assert_eq!(broken.len(), 1);
        assert_eq!(broken[0].object, 0);
        assert!(broken[0].line.contains("tier=frontend"), "{}", broken[0].line);
    }

    #[test]
    fn absence_in_part_of_a_cluster_proves_nothing() {
        let objects =
            [object("Service", "web", &["app=web"]), object("Pod", "mail", &["app=mail"])];
        assert!(broken_selectors(&objects).is_empty());
    }
}
