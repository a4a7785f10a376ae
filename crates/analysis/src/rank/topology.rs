//! Builds the service graph from spans and from what is known from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Names;
use super::operations::slot;
use super::spans::Forest;
use crate::{GraphEdge, GraphService, Observations, ServiceGraph};

/// The graph of everyone seen, sorted by name.
pub(super) fn graph(
    forest: &Forest,
    edges: &[(u32, u32)],
    observations: &Observations,
    services: &Names,
) -> ServiceGraph {
    let mut requests: BTreeMap<u32, [u64; 2]> = BTreeMap::new();
    let mut calls: BTreeMap<(u32, u32), [u64; 2]> = BTreeMap::new();
    for (number, node) in forest.nodes.iter().enumerate() {
        let place = slot(node.period);
        if node.is_entry(number)
            && let Some(count) = requests.entry(node.service).or_default().get_mut(place)
        {
            *count += 1;
        }
        if node.is_call()
            && let Some(count) =
                calls.entry((node.service, node.callee)).or_default().get_mut(place)
        {
            *count += 1;
        }
    }
    let places = places(observations, services);
    let mut graph = ServiceGraph::default();
    for service in services.sorted() {
        let [requests_baseline, requests_window] =
            requests.get(&service).copied().unwrap_or_default();
        let (pods, nodes) = places.get(&service).cloned().unwrap_or_default();
        let name = services.name(service);
        if name.is_empty() {
            continue;
        }
        graph.services.push(GraphService {
            name: name.to_owned(),
            dependency: forest.dependencies.contains(&service),
            requests_window,
            requests_baseline,
            pods: pods.into_iter().collect(),
            nodes: nodes.into_iter().collect(),
        });
    }
    for edge in edges {
        let [calls_baseline, calls_window] = calls.get(edge).copied().unwrap_or_default();
        graph.edges.push(GraphEdge {
            caller: services.name(edge.0).to_owned(),
            callee: services.name(edge.1).to_owned(),
            calls_window,
            calls_baseline,
        });
    }
    graph.edges.sort_by(|a, b| (&a.caller, &a.callee).cmp(&(&b.caller, &b.callee)));
    graph
}

type Places = BTreeMap<u32, (BTreeSet<String>, BTreeSet<String>)>;

/// Pods and nodes that each service was seen on.
fn places(observations: &Observations, services: &Names) -> Places {
    let mut places = Places::new();
    let mut last: Option<*const groundcrew_telemetry::Resource> = None;
    let spans = observations.spans.iter().map(|row| &row.resource);
    for resource in spans.chain(observations.series.iter().map(|row| &row.resource)) {
        // Rows of one batch share their resource: it is looked at once.
        let address = std::sync::Arc::as_ptr(resource);
        if last.replace(address) == Some(address) {
            continue;
        }
        let Some(service) = services.find(resource.service()) else { continue };
        let (pods, nodes) = places.entry(service).or_default();
        if let Some(pod) = resource.pod().filter(|pod| !pods.contains(*pod)) {
            pods.insert(pod.to_owned());
        }
        if let Some(node) = resource.node().filter(|node| !nodes.contains(*node)) {
            nodes.insert(node.to_owned());
        }
    }
    places
}
