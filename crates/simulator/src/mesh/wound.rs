//! Where a fault strikes: chosen so that enough requests of one entry come by for customers to notice.

use groundcrew_telemetry::Timestamp;

use super::fault::MeshFault;
use super::graph::{Action, DependencyKind, Graph};
use super::state::Pod;
use crate::random::Random;

/// Seconds from the break to its full force.
const RAMP_SECONDS: f64 = 20.0;
/// How often a request of some entry must come by a place for it to be chosen.
const REACH_MIN: f64 = 0.3;

/// One fault at one place.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Wound {
    pub(super) fault: MeshFault,
    pub(super) at: Timestamp,
    /// The service at fault, or the one that calls what is.
    pub(super) service: usize,
    /// The other end of an edge.
    pub(super) callee: Option<usize>,
    pub(super) dependency: Option<usize>,
    /// Index of the pod at fault.
    pub(super) pod: Option<usize>,
    pub(super) node: Option<String>,
}

/// Trouble of a service that ends by itself and is no fault.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Blip {
    pub(super) service: usize,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Wound {
    /// 0 before it strikes, 1 when it has its full force.
    pub(super) fn severity(&self, at: Timestamp) -> f64 {
        (at.secs_since(self.at) / RAMP_SECONDS).clamp(0.0, 1.0)
    }

    /// Names that count as the right answer, the most exact first.
    pub(super) fn accepted(&self, graph: &Graph) -> Vec<String> {
        let service = graph.name(self.service).to_owned();
        let dependency =
            self.dependency.map(|dependency| graph.dependency_name(dependency).to_owned());
        let callee = self.callee.map(|callee| graph.name(callee).to_owned());
        match self.fault {
            MeshFault::NodePressure => self.node.iter().cloned().collect(),
            MeshFault::NetworkDelay | MeshFault::PacketLoss => {
                callee.into_iter().chain([service]).collect()
            }
            MeshFault::RetryStorm => [service].into_iter().chain(callee).collect(),
            MeshFault::DiskFull | MeshFault::SlowQueries | MeshFault::CacheDown => {
                dependency.into_iter().collect()
            }
            MeshFault::CertificateExpired | MeshFault::ProviderDown | MeshFault::ProviderSlow => {
                dependency.into_iter().chain([service]).collect()
            }
            MeshFault::QueueBacklog => [service].into_iter().chain(dependency).collect(),
            _ => vec![service],
        }
    }
}

/// A place that a fault could strike.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Place {
    service: usize,
    callee: Option<usize>,
    dependency: Option<usize>,
    reach: f64,
}

/// Finds a place for `fault` that is none of the services in `taken`.
pub(super) fn strike(
    graph: &Graph,
    pods: &[Pod],
    (fault, at): (MeshFault, Timestamp),
    taken: &[usize],
    random: &mut Random,
) -> Wound {
    let mut places = places(graph, fault);
    places.retain(|place| !taken.contains(&place.service));
    places.sort_by(|a, b| b.reach.total_cmp(&a.reach));
    let enough = places.iter().filter(|place| place.reach >= REACH_MIN).count();
    // Where no place is busy enough, the busiest has to do.
    places.truncate(enough.max(1));
    let chosen = random.pick(&places).copied();
    let service = chosen.map_or(usize::MAX, |place| place.service);
    let own: Vec<usize> = pods
        .iter()
        .enumerate()
        .filter(|(_, pod)| pod.service() == Some(service))
        .map(|(index, _)| index)
        .collect();
    let pod = random.pick(&own).copied();
    let single = matches!(fault, MeshFault::SlowPod | MeshFault::FailingPod);
    let node = pod.and_then(|pod| pods.get(pod)).map(|pod| pod.node.clone());
    Wound {
        fault,
        at,
        service,
        callee: chosen.and_then(|place| place.callee),
        dependency: chosen.and_then(|place| place.dependency),
        pod: pod.filter(|_| single),
        node: node.filter(|_| fault == MeshFault::NodePressure),
    }
}

fn places(graph: &Graph, fault: MeshFault) -> Vec<Place> {
    let entries = graph.entry_services();
    let reaches: Vec<Vec<f64>> = entries.iter().map(|entry| graph.reach_from(*entry)).collect();
    let reach_of = |operation: usize| {
        reaches.iter().filter_map(|reach| reach.get(operation)).copied().fold(0.0, f64::max)
    };
    let mut found: Vec<Place> = Vec::new();
    for (number, operation) in graph.operations.iter().enumerate() {
        let reach = reach_of(number);
        let here = Place { service: operation.service, callee: None, dependency: None, reach };
        if !fits(graph, fault, operation.service) {
            continue;
        }
        let by_action =
            operation.actions.iter().filter_map(|action| at_action(graph, fault, here, action));
        if needs_action(fault) {
            found.extend(by_action);
        } else {
            found.push(here);
        }
    }
    merge(found)
}

/// The same place by way of several operations is reached by the sum of them.
fn merge(found: Vec<Place>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for place in found {
        let same = |other: &&mut Place| {
            (other.service, other.callee, other.dependency)
                == (place.service, place.callee, place.dependency)
        };
        match places.iter_mut().find(same) {
            Some(known) => known.reach += place.reach,
            None => places.push(place),
        }
    }
    places
}

fn fits(graph: &Graph, fault: MeshFault, service: usize) -> bool {
    let Some(found) = graph.service(service) else { return false };
    match fault {
        MeshFault::SlowPod | MeshFault::FailingPod => found.replicas >= 2,
        MeshFault::CrashLoop | MeshFault::ImagePull => found.replicas >= 2 && found.layer < 9,
        MeshFault::MemoryLeak => found.layer < 9,
        MeshFault::TrafficSpike => found.layer == 0,
        MeshFault::WrongValueDeploy => found.layer > 0 && found.layer < 9,
        MeshFault::PoolExhausted => found.has_pool,
        _ => true,
    }
}

const fn needs_action(fault: MeshFault) -> bool {
    matches!(
        fault,
        MeshFault::DiskFull
            | MeshFault::SlowQueries
            | MeshFault::PoolExhausted
            | MeshFault::NetworkDelay
            | MeshFault::PacketLoss
            | MeshFault::DnsFailure
            | MeshFault::CertificateExpired
            | MeshFault::ProviderDown
            | MeshFault::ProviderSlow
            | MeshFault::WrongValueDeploy
            | MeshFault::TinyTimeout
            | MeshFault::RetryStorm
            | MeshFault::CacheDown
            | MeshFault::QueueBacklog
    )
}

/// Where `fault` would strike by way of one action of an operation.
fn at_action(graph: &Graph, fault: MeshFault, here: Place, action: &Action) -> Option<Place> {
    let (callee, dependency, chance) = match action {
        Action::Call { operation, chance } => (Some(graph.service_of(*operation)), None, *chance),
        Action::Query { database, .. } => (None, Some(*database), 1.0),
        Action::Lookup { cache, .. } => (None, Some(*cache), 1.0),
        Action::Provider { provider, .. } => (None, Some(*provider), 1.0),
        Action::Enqueue { queue, operation } => {
            (Some(graph.service_of(*operation)), Some(*queue), 1.0)
        }
    };
    let kind = dependency
        .and_then(|dependency| graph.dependencies.get(dependency))
        .map(|dependency| dependency.kind);
    let writes = matches!(action, Action::Query { writes: true, .. });
    let is_call = matches!(action, Action::Call { .. });
    let fits = match fault {
        MeshFault::DiskFull => writes,
        MeshFault::SlowQueries | MeshFault::PoolExhausted => kind == Some(DependencyKind::Database),
        MeshFault::CertificateExpired | MeshFault::ProviderDown | MeshFault::ProviderSlow => {
            kind == Some(DependencyKind::Provider)
        }
        MeshFault::CacheDown => kind == Some(DependencyKind::Cache),
        MeshFault::QueueBacklog => kind == Some(DependencyKind::Queue),
        MeshFault::DnsFailure | MeshFault::WrongValueDeploy => true,
        _ => is_call,
    };
    if !fits {
        return None;
    }
    let reach = here.reach * chance;
    Some(match fault {
        MeshFault::PoolExhausted | MeshFault::DnsFailure | MeshFault::WrongValueDeploy => {
            Place { reach, ..here }
        }
        MeshFault::QueueBacklog => {
            Place { service: callee.unwrap_or(here.service), callee: None, dependency, reach }
        }
        _ => Place { callee: callee.filter(|_| is_call), dependency, reach, ..here },
    })
}
