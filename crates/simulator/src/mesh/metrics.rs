//! What is measured of a generated system: pods, connection pools, queues, stores and nodes.

use groundcrew_telemetry::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::effects;
use super::fault::MeshFault;
use super::graph::DependencyKind;
use super::state::{Owner, Pod, State};
use crate::metrics::Measuring;
use crate::otlp;
use crate::random::Random;

const MIB: f64 = 1_048_576.0;
/// Kubernetes namespace of everything.
pub(super) const NAMESPACE: &str = "apps";
/// Seconds in which the disk fills before it is full.
const FILL_SECONDS: f64 = 420.0;

/// What only ever grows, by pod.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Totals {
    pods: Vec<PodTotals>,
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct PodTotals {
    received: f64,
    sent: f64,
    throttled_seconds: f64,
    retransmits: f64,
}

/// Who a pod says it is.
pub(super) fn resource(state: &State, pod: usize) -> Option<Resource> {
    let found = state.pods.get(pod)?;
    let mut attributes = vec![
        otlp::text("service.name", found.app.as_str()),
        otlp::text("service.namespace", NAMESPACE),
        otlp::text("service.instance.id", found.name.as_str()),
        otlp::text("k8s.namespace.name", NAMESPACE),
        otlp::text("k8s.pod.name", found.name.as_str()),
        otlp::text("k8s.container.name", found.app.as_str()),
        otlp::text("k8s.node.name", found.node.as_str()),
    ];
    if let Some(service) = found.service().and_then(|service| state.graph.service(service)) {
        attributes.push(otlp::text("service.version", found.version.as_str()));
        attributes.push(otlp::text("telemetry.sdk.language", service.runtime.language()));
    }
    Some(Resource { attributes, ..Resource::default() })
}

/// Measures every pod and node at `at`, `seconds` after the last time.
pub(super) fn measure(
    state: &State,
    totals: &mut Totals,
    random: &mut Random,
    (at, seconds): (Timestamp, f64),
) -> ExportMetricsServiceRequest {
    totals.pods.resize(state.pods.len(), PodTotals::default());
    let mut resource_metrics = Vec::new();
    for (index, pod) in state.pods.iter().enumerate().filter(|(_, pod)| !pod.gone) {
        let mut measuring = Measuring::new(pod.created, at);
        let Some(total) = totals.pods.get_mut(index) else { continue };
        pod_metrics(&mut measuring, (state, index, pod), random, at);
        counters(&mut measuring, (state, index, pod), (total, seconds), random, at);
        match pod.owner {
            Owner::Service(service) => {
                service_metrics(&mut measuring, state, service, random, at);
            }
            Owner::Dependency(dependency) => {
                store_metrics(&mut measuring, state, dependency, random, at);
            }
            Owner::Batch => {}
        }
        resource_metrics.push(measuring.of(resource(state, index)));
    }
    for (number, node) in state.graph.nodes.iter().enumerate() {
        resource_metrics.push(node_metrics(state, (number, node), random, at));
    }
    ExportMetricsServiceRequest { resource_metrics }
}

/// Cores and MiB that a pod may use.
fn limits(state: &State, pod: &Pod, at: Timestamp) -> (f64, f64) {
    match pod.owner {
        Owner::Service(service) => {
            let (cpu, memory) = state
                .graph
                .service(service)
                .map_or((1.0, 512.0), |found| (found.cpu_limit, found.memory_limit_mib));
            let lowered = state.force(MeshFault::CpuThrottled, service, at.plus_secs(30)) > 0.0;
            let usual = state.graph.service(service).map_or(0.1, |found| found.cpu);
            (if lowered { 0.9 * usual } else { cpu }, memory)
        }
        Owner::Dependency(_) => (4.0, 4_096.0),
        Owner::Batch => (8.0, 2_048.0),
    }
}

fn pod_metrics(
    measuring: &mut Measuring,
    (state, index, pod): (&State, usize, &Pod),
    random: &mut Random,
    at: Timestamp,
) {
    let (cpu_limit, memory_limit) = limits(state, pod, at);
    let usual = match pod.owner {
        Owner::Service(service) => {
            state.graph.service(service).map_or(0.1, |found| found.cpu) * state.load_of(service, at)
        }
        Owner::Dependency(_) => 0.5 * state.load(at),
        Owner::Batch => 0.15,
    };
    let works = pod.is_ready();
    let usual = if works { usual } else { 0.01 };
    let extra = if works { effects::extra_cores(state, index, at) } else { 0.0 };
    let cpu = ((usual + extra) * random.spread(0.08)).min(cpu_limit);
    let alive = pod.killed_at.is_none() && pod.stuck.is_none();
    let memory = if alive { pod.memory_mib * random.between(0.98, 1.02) } else { 0.0 };
    measuring.gauge("k8s.pod.cpu.usage", "{cpu}", cpu);
    measuring.gauge("k8s.pod.cpu_limit_utilization", "1", cpu / cpu_limit);
    measuring.gauge("k8s.pod.memory.working_set", "By", memory * MIB);
    measuring.gauge("k8s.pod.memory_limit_utilization", "1", memory / memory_limit);
    measuring.gauge("k8s.container.restarts", "{restart}", f64::from(pod.restarts));
    measuring.gauge("k8s.container.ready", "", f64::from(u8::from(pod.is_ready())));
    let files = 40.0 + pod.memory_mib / 10.0 + random.between(0.0, 8.0);
    measuring.gauge("process.open_file_descriptor.count", "{count}", files.round());
}

fn counters(
    measuring: &mut Measuring,
    (state, index, pod): (&State, usize, &Pod),
    (total, seconds): (&mut PodTotals, f64),
    random: &mut Random,
    at: Timestamp,
) {
    let load = pod.service().map_or(1.0, |service| state.load_of(service, at));
    total.received += 40_000.0 * load * seconds * random.spread(0.15);
    total.sent += 55_000.0 * load * seconds * random.spread(0.15);
    let throttled = pod.service().map_or(0.0, |service| {
        0.7 * state.force(MeshFault::CpuThrottled, service, at)
            + 0.35 * state.force(MeshFault::CpuHog, service, at)
    });
    total.throttled_seconds += (throttled + 0.002 * random.unit()) * seconds;
    let lossy = state.severity(MeshFault::PacketLoss, at).map_or(0.0, |(wound, severity)| {
        let ends = [Some(wound.service), wound.callee];
        if pod.service().is_some() && ends.contains(&pod.service()) { severity } else { 0.0 }
    });
    total.retransmits += f64::from(random.poisson((0.05 + 1.5 * lossy) * seconds));
    let direction = |way: &str| vec![otlp::text("network.io.direction", way)];
    measuring.counter_with(
        "k8s.pod.network.io",
        "By",
        vec![(direction("receive"), total.received), (direction("transmit"), total.sent)],
    );
    measuring.counter("container.cpu.throttled.time", "s", total.throttled_seconds);
    if index % 2 == 0 || lossy > 0.0 {
        // Not every pod is watched that closely.
        measuring.counter("system.network.tcp.retransmits", "{packet}", total.retransmits);
    }
}

fn service_metrics(
    measuring: &mut Measuring,
    state: &State,
    service: usize,
    random: &mut Random,
    at: Timestamp,
) {
    let Some(found) = state.graph.service(service) else { return };
    if found.has_pool {
        let short = state.force(MeshFault::PoolExhausted, service, at);
        let (max, waiting) = if short > 0.0 {
            (2.0, (short * random.between(4.0, 14.0)).round())
        } else {
            (20.0, 0.0)
        };
        let used = if short > 0.0 { max } else { (1.0 + random.below(4) as f64) * state.load(at) };
        measuring.gauge("db.client.connection.used", "{connection}", used.round());
        measuring.gauge("db.client.connection.max", "{connection}", max);
        measuring.gauge("db.client.connection.pending_requests", "{request}", waiting);
    }
    if found.layer == 9 {
        let behind = state.force(MeshFault::QueueBacklog, service, at);
        let since = state
            .severity(MeshFault::QueueBacklog, at)
            .map_or(0.0, |(wound, _)| at.secs_since(wound.at).min(300.0));
        let depth = random.below(4) as f64 + behind * (20.0 + 3.0 * since);
        measuring.gauge("messaging.queue.depth", "{message}", depth.round());
    }
}

fn store_metrics(
    measuring: &mut Measuring,
    state: &State,
    dependency: usize,
    random: &mut Random,
    at: Timestamp,
) {
    let Some(found) = state.graph.dependencies.get(dependency) else { return };
    match found.kind {
        DependencyKind::Database => {
            let mount = vec![otlp::text("system.filesystem.mountpoint", "/data")];
            let used = disk_used(state, dependency, at);
            measuring.gauge_with("system.filesystem.utilization", "1", vec![(mount, used)]);
            let connections = (24.0 + random.below(7) as f64) * state.load(at);
            measuring.gauge("db.server.connections", "{connection}", connections.round());
        }
        _ => {
            let clients = 18.0 + random.below(5) as f64;
            let down = state
                .severity(MeshFault::CacheDown, at)
                .is_some_and(|(wound, _)| wound.dependency == Some(dependency));
            let clients = if down { 0.0 } else { clients };
            measuring.gauge("redis.clients.connected", "{client}", clients);
        }
    }
}

fn disk_used(state: &State, dependency: usize, at: Timestamp) -> f64 {
    let usual = 0.55 + 0.000_001 * at.secs_since(state.start);
    let filling = state
        .wounds
        .iter()
        .find(|wound| wound.fault == MeshFault::DiskFull && wound.dependency == Some(dependency));
    let Some(wound) = filling else { return usual };
    let progress = 1.0 + at.secs_since(wound.at) / FILL_SECONDS;
    usual + (1.0 - usual) * progress.clamp(0.0, 1.0)
}

fn node_metrics(
    state: &State,
    (number, node): (usize, &str),
    random: &mut Random,
    at: Timestamp,
) -> opentelemetry_proto::tonic::metrics::v1::ResourceMetrics {
    let mut measuring = Measuring::new(state.start, at);
    let pressed = state
        .severity(MeshFault::NodePressure, at)
        .filter(|(wound, _)| wound.node.as_deref() == Some(node))
        .map_or(0.0, |(_, severity)| severity);
    let neighbour = if effects::is_neighbour(state, node, at) { 0.28 } else { 0.0 };
    let usual = 0.3 + 0.03 * (number % 6) as f64;
    let cpu = (usual * state.load(at) + neighbour) * random.spread(0.05);
    let cpu = cpu + (0.99 - cpu) * pressed;
    measuring.gauge("k8s.node.cpu.utilization", "1", cpu.min(1.0));
    let memory = (0.45 + 0.02 * (number % 7) as f64) * random.spread(0.01) + 0.1 * pressed;
    measuring.gauge("k8s.node.memory.utilization", "1", memory);
    let disk = 0.4 + 0.01 * (number % 9) as f64;
    measuring.gauge("k8s.node.filesystem.utilization", "1", disk);
    let load = 16.0 * cpu * random.spread(0.1) + 14.0 * pressed;
    measuring.gauge("k8s.node.load1", "1", load);
    let attributes = vec![otlp::text("k8s.node.name", node), otlp::text("host.name", node)];
    measuring.of(Some(Resource { attributes, ..Resource::default() }))
}
