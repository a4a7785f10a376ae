//! What each fault does to one step of one request; whatever spreads from there spreads along the calls.

use groundcrew_telemetry::Timestamp;

use super::fault::MeshFault;
use super::graph::{DependencyKind, Runtime};
use super::state::{Owner, State};
use super::wording;
use crate::random::Random;

/// A request that went wrong, as the one who waits for it sees it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Failure {
    /// HTTP status of the answer.
    pub(super) status: u16,
    /// The exception's type.
    pub(super) kind: String,
    pub(super) message: String,
    /// The stack trace, for exceptions of one's own code.
    pub(super) stack: String,
    /// Whether it happened here rather than further down.
    pub(super) is_origin: bool,
}

impl Failure {
    pub(super) fn new(status: u16, kind: impl Into<String>, message: impl Into<String>) -> Self {
        let (kind, message) = (kind.into(), message.into());
        Self { status, kind, message, stack: String::new(), is_origin: true }
    }

    /// The same failure as its caller passes it on.
    pub(super) fn passed_on(&self, callee: &str) -> Self {
        let status = if self.status == 503 { 503 } else { 502 };
        let message = format!("{callee} answered {}", self.status);
        Self {
            status,
            kind: "UpstreamError".to_owned(),
            message,
            stack: String::new(),
            is_origin: false,
        }
    }
}

/// What a call to something without spans meets.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Met {
    /// Waiting before anything is sent.
    pub(super) wait_ms: f64,
    /// Nothing is sent at all.
    pub(super) refusal: Option<Failure>,
    /// Replaces the usual time.
    pub(super) took_ms: Option<f64>,
    pub(super) failure: Option<Failure>,
}

/// Milliseconds that a pod works longer than usual on one request whose own work usually takes `self_ms`.
pub(super) fn extra_work_ms(
    state: &State,
    (service, pod): (usize, usize),
    (at, self_ms): (Timestamp, f64),
    random: &mut Random,
) -> f64 {
    let usual = self_ms.max(5.0);
    let force = |fault| state.force(fault, service, at);
    let mut extra = 0.0;
    extra += usual * force(MeshFault::CpuHog) * random.between(8.0, 35.0);
    let throttled = force(MeshFault::CpuThrottled);
    if throttled > 0.0 && random.chance(0.75 * throttled) {
        // The quota comes back every tenth of a second.
        extra += 100.0 * (1 + random.below(3)) as f64 - random.between(10.0, 60.0);
    }
    let locked = force(MeshFault::LockContention);
    if locked > 0.0 && random.chance(0.65 * locked) {
        extra += random.between(120.0, 700.0);
    }
    if let Some((wound, severity)) = state.severity(MeshFault::SlowPod, at)
        && wound.pod == Some(pod)
    {
        extra += usual * severity * random.between(15.0, 70.0);
    }
    if let Some((wound, severity)) = state.severity(MeshFault::NodePressure, at)
        && state.pods.get(pod).is_some_and(|pod| Some(&pod.node) == wound.node.as_ref())
    {
        extra += usual * severity * random.between(6.0, 30.0);
    }
    if let Some((wound, severity)) = state.severity(MeshFault::RetryStorm, at)
        && wound.callee == Some(service)
    {
        extra += usual * severity * random.between(10.0, 50.0);
    }
    for fault in [MeshFault::CrashLoop, MeshFault::ImagePull] {
        extra += usual * force(fault) * random.between(4.0, 30.0);
    }
    if state.severity(MeshFault::TrafficSpike, at).is_some() {
        let over = (state.load_of(service, at) - 1.6).max(0.0);
        extra += usual * over * random.between(1.5, 12.0);
    }
    extra += pressed_for_memory(state, (service, pod), at, random);
    if state.has_blip(service, at) && random.chance(0.5) {
        extra += random.between(60.0, 450.0);
    }
    extra
}

/// Collecting garbage takes time when little memory is left.
fn pressed_for_memory(
    state: &State,
    (service, pod): (usize, usize),
    at: Timestamp,
    random: &mut Random,
) -> f64 {
    if state.force(MeshFault::MemoryLeak, service, at) <= 0.0 {
        return 0.0;
    }
    let limit = state.graph.service(service).map_or(1.0, |service| service.memory_limit_mib);
    let used = state.pods.get(pod).map_or(0.0, |pod| pod.memory_mib) / limit;
    let pressure = (used - 0.75).max(0.0) / 0.25;
    if random.chance(0.8 * pressure) { pressure * random.between(150.0, 900.0) } else { 0.0 }
}

/// Why `service` gives up on a request by itself.
pub(super) fn thrown(
    state: &State,
    (service, pod): (usize, usize),
    cohort: &str,
    at: Timestamp,
    random: &mut Random,
) -> Option<Failure> {
    let found = state.graph.service(service)?;
    let force = |fault| state.force(fault, service, at);
    let deployed = force(MeshFault::ExceptionDeploy);
    if deployed > 0.0 && random.chance(0.55 * deployed) {
        return Some(wording::exception(found.runtime, found.noun, 0));
    }
    if cohort == wording::COHORT && random.chance(force(MeshFault::FlagCohort)) {
        return Some(wording::exception(found.runtime, found.noun, 1));
    }
    if let Some((wound, severity)) = state.severity(MeshFault::FailingPod, at)
        && wound.pod == Some(pod)
        && random.chance(0.8 * severity)
    {
        return Some(wording::exception(found.runtime, found.noun, 2));
    }
    let spiked = state
        .severity(MeshFault::TrafficSpike, at)
        .is_some_and(|(wound, severity)| wound.service == service && severity > 0.5);
    if spiked && random.chance(0.08) {
        return Some(Failure::new(503, "Overloaded", "request shed: 200 in flight, limit 200"));
    }
    let drowned = state
        .severity(MeshFault::RetryStorm, at)
        .filter(|(wound, _)| wound.callee == Some(service))
        .map_or(0.0, |(_, severity)| severity);
    if random.chance(0.35 * drowned) {
        let message = format!("queue of requests is full ({} waiting)", 96 + random.below(32));
        return Some(Failure::new(503, "Overloaded", message));
    }
    if state.has_blip(service, at) && random.chance(0.06) {
        return Some(wording::exception(found.runtime, found.noun, 3));
    }
    // Now and then something breaks in the best of systems.
    random.chance(0.000_2).then(|| wording::exception(found.runtime, found.noun, 3))
}

/// Why a call does not even reach the pod.
pub(super) fn refused(
    state: &State,
    (callee, pod): (usize, usize),
    at: Timestamp,
    random: &mut Random,
) -> Option<Failure> {
    let found = state.pods.get(pod)?;
    let port = state.graph.service(callee).map_or(0, |service| service.port);
    if found.killed_at.is_some() {
        let message = format!("connect: connection refused {}:{port}", found.address);
        return Some(Failure::new(503, "ConnectError", message));
    }
    let missing = state.force(MeshFault::CrashLoop, callee, at)
        + state.force(MeshFault::ImagePull, callee, at);
    random.chance(0.3 * missing).then(|| {
        let message = "no healthy upstream: pending request limit reached";
        Failure::new(503, "UpstreamOverflow", message)
    })
}

/// Milliseconds that the wire between two services adds, one way, and why it fails.
pub(super) fn wire(
    state: &State,
    (caller, callee): (usize, usize),
    at: Timestamp,
    random: &mut Random,
) -> (f64, Option<Failure>) {
    let on_edge = |fault| {
        state
            .severity(fault, at)
            .filter(|(wound, _)| wound.service == caller && wound.callee == Some(callee))
            .map_or(0.0, |(_, severity)| severity)
    };
    if random.chance(0.9 * on_edge(MeshFault::NetworkDelay)) {
        return (random.between(120.0, 420.0), None);
    }
    let lossy = on_edge(MeshFault::PacketLoss);
    if random.chance(0.05 * lossy) {
        let message = format!("{}: read timed out after 3000 ms", state.graph.name(callee));
        return (3_000.0, Some(Failure::new(504, "ReadTimeout", message)));
    }
    if random.chance(0.28 * lossy) {
        // Lost packets are sent again after a fifth of a second, then after twice that, and so on.
        return (200.0 * f64::from(1_u32 << random.below(4)) + random.between(0.0, 20.0), None);
    }
    (0.0, None)
}

/// A name that `caller` cannot resolve.
pub(super) fn unresolved(
    state: &State,
    (caller, name): (usize, &str),
    at: Timestamp,
    random: &mut Random,
) -> Option<Failure> {
    let force = state.force(MeshFault::DnsFailure, caller, at);
    if force <= 0.0 || !random.chance(0.5 * force) {
        return None;
    }
    let runtime = state.graph.service(caller).map_or(Runtime::Go, |service| service.runtime);
    let message = match runtime {
        Runtime::Java => {
            format!("java.net.UnknownHostException: {name}: Temporary failure in name resolution")
        }
        Runtime::Go => format!("dial tcp: lookup {name} on 10.96.0.10:53: server misbehaving"),
        Runtime::Node => format!("getaddrinfo EAI_AGAIN {name}"),
        Runtime::Python => format!("[Errno -3] Temporary failure in name resolution: {name}"),
    };
    Some(Failure::new(503, "NameResolutionError", message))
}

/// What a call from `caller` to a database, cache or provider meets.
pub(super) fn at_dependency(
    state: &State,
    (caller, dependency): (usize, usize),
    writes: bool,
    at: Timestamp,
    random: &mut Random,
) -> Met {
    let mut met = Met::default();
    let hurt = |fault| {
        state
            .severity(fault, at)
            .filter(|(wound, _)| wound.dependency == Some(dependency))
            .map_or(0.0, |(_, severity)| severity)
    };
    let Some(found) = state.graph.dependencies.get(dependency) else { return met };
    match found.kind {
        DependencyKind::Database => {
            waits_for_connection(state, caller, at, random, &mut met);
            if random.chance(0.85 * hurt(MeshFault::SlowQueries)) {
                met.took_ms = Some(random.between(150.0, 900.0));
            }
            if writes && random.chance(0.95 * hurt(MeshFault::DiskFull)) {
                met.failure = Some(wording::disk_full(found.system, random));
            }
            if cache_is_down_for(state, dependency, at) && random.chance(0.7) {
                met.took_ms = Some(random.between(25.0, 220.0));
            }
        }
        DependencyKind::Cache => {
            if random.chance(0.97 * hurt(MeshFault::CacheDown)) {
                met.took_ms = Some(random.between(0.3, 2.0));
                let message = format!("dial tcp {}:{}: connection refused", found.name, found.port);
                met.failure = Some(Failure::new(503, "ConnectionRefused", message));
            }
        }
        DependencyKind::Provider => at_provider(state, dependency, at, random, &mut met),
        DependencyKind::Queue => {}
    }
    met
}

fn waits_for_connection(
    state: &State,
    caller: usize,
    at: Timestamp,
    random: &mut Random,
    met: &mut Met,
) {
    let short = state.force(MeshFault::PoolExhausted, caller, at);
    if !random.chance(0.8 * short) {
        return;
    }
    met.wait_ms = random.between(400.0, 2_600.0);
    if met.wait_ms > 2_000.0 {
        met.wait_ms = 2_000.0 + random.between(0.5, 9.0);
        let waiting = 6 + random.below(12);
        let message = format!(
            "pool-main: connection not available, request timed out after 2000ms (total=2, active=2, idle=0, waiting={waiting})"
        );
        met.refusal = Some(Failure::new(500, "ConnectionPoolTimeout", message));
    }
}

/// Whether the database gets the load of a cache that is down.
fn cache_is_down_for(state: &State, database: usize, at: Timestamp) -> bool {
    use super::graph::Action;
    let Some((wound, _)) = state.severity(MeshFault::CacheDown, at) else { return false };
    state.graph.operations.iter().flat_map(|operation| &operation.actions).any(|action| {
        matches!(action, Action::Lookup { cache, database: behind, .. }
            if Some(*cache) == wound.dependency && *behind == database)
    })
}

fn at_provider(state: &State, provider: usize, at: Timestamp, random: &mut Random, met: &mut Met) {
    let name = state.graph.dependency_name(provider);
    let hurt = |fault| {
        state
            .severity(fault, at)
            .filter(|(wound, _)| wound.dependency == Some(provider))
            .map_or(0.0, |(_, severity)| severity)
    };
    if random.chance(hurt(MeshFault::CertificateExpired)) {
        met.took_ms = Some(random.between(8.0, 25.0));
        let message = format!(
            "POST https://{name}/v1/submit: tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
        );
        met.failure = Some(Failure::new(502, "CertificateError", message));
    } else if random.chance(0.9 * hurt(MeshFault::ProviderDown)) {
        let refused = random.chance(0.5);
        met.took_ms = Some(if refused { random.between(4.0, 30.0) } else { 3_000.0 });
        let message = if refused {
            format!("POST https://{name}/v1/submit: 503 Service Unavailable")
        } else {
            format!("POST https://{name}/v1/submit: connect timed out after 3000 ms")
        };
        met.failure = Some(Failure::new(502, "ProviderError", message));
    } else if random.chance(0.85 * hurt(MeshFault::ProviderSlow)) {
        met.took_ms = Some(random.between(700.0, 2_600.0));
    }
}

/// Milliseconds that a job waits in the queue of `worker`.
pub(super) fn queue_wait_ms(
    state: &State,
    worker: usize,
    at: Timestamp,
    random: &mut Random,
) -> f64 {
    let usual = random.between(2.0, 12.0);
    usual + state.force(MeshFault::QueueBacklog, worker, at) * random.between(700.0, 4_200.0)
}

/// The timeout that `caller` sets for its calls, when it is not the usual one.
pub(super) fn timeout_ms(state: &State, caller: usize, at: Timestamp) -> Option<f64> {
    (state.force(MeshFault::TinyTimeout, caller, at) > 0.0).then_some(8.0)
}

/// Whether `service` answers wrong values just now.
pub(super) fn is_wrong(state: &State, service: usize, at: Timestamp, random: &mut Random) -> bool {
    random.chance(0.7 * state.force(MeshFault::WrongValueDeploy, service, at))
}

/// Cores that a fault takes in a pod beyond the usual.
pub(super) fn extra_cores(state: &State, pod: usize, at: Timestamp) -> f64 {
    let Some(found) = state.pods.get(pod) else { return 0.0 };
    match found.owner {
        Owner::Service(service) => {
            let limit = state.graph.service(service).map_or(1.0, |service| service.cpu_limit);
            let crowded = state.force(MeshFault::CrashLoop, service, at)
                + state.force(MeshFault::ImagePull, service, at);
            let replicas =
                state.graph.service(service).map_or(1, |service| service.replicas) as f64;
            let cpu = state.graph.service(service).map_or(0.1, |service| service.cpu);
            limit * state.force(MeshFault::CpuHog, service, at)
                + cpu * crowded * (replicas - 1.0).max(0.0)
        }
        Owner::Dependency(dependency) => {
            let slow = state
                .severity(MeshFault::SlowQueries, at)
                .filter(|(wound, _)| wound.dependency == Some(dependency))
                .map_or(0.0, |(_, severity)| 2.6 * severity);
            slow + if cache_is_down_for(state, dependency, at) { 1.4 } else { 0.0 }
        }
        Owner::Batch => batch_cores(state, &found.node, at),
    }
}

fn batch_cores(state: &State, node: &str, at: Timestamp) -> f64 {
    let pressing = state
        .severity(MeshFault::NodePressure, at)
        .filter(|(wound, _)| wound.node.as_deref() == Some(node))
        .map_or(0.0, |(_, severity)| 6.0 * severity);
    pressing + if is_neighbour(state, node, at) { 2.2 } else { 0.0 }
}

/// Whether the harmless batch job runs on `node` just now.
pub(super) fn is_neighbour(state: &State, node: &str, at: Timestamp) -> bool {
    state.neighbour.as_ref().is_some_and(|(name, from, to)| name == node && *from <= at && at < *to)
}
