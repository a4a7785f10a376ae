//! The state of a generated system as time goes by: pods, versions, memory, disk and load.

use groundcrew_telemetry::Timestamp;

use super::fault::MeshFault;
use super::graph::{DependencyKind, Graph};
use super::names::suffix;
use super::wound::{Blip, Wound};
use crate::random::Random;

/// Seconds that a killed container takes to come back.
const RESTART_SECONDS: i64 = 25;
/// Times the usual requests in a spike.
pub(super) const SPIKE_FACTOR: f64 = 4.0;

/// What runs in a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Service(usize),
    Dependency(usize),
    /// A batch job that shares a node with others.
    Batch,
}

/// Why a pod does not take requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stuck {
    /// Its container ends right after its start.
    Crashing,
    /// Its image cannot be pulled.
    NoImage,
}

/// One pod, alive or gone.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Pod {
    pub(super) owner: Owner,
    pub(super) name: String,
    /// What `service.name` says.
    pub(super) app: String,
    pub(super) node: String,
    pub(super) address: String,
    pub(super) version: String,
    pub(super) created: Timestamp,
    pub(super) gone: bool,
    pub(super) stuck: Option<Stuck>,
    pub(super) memory_mib: f64,
    pub(super) restarts: u32,
    pub(super) last_restart: Option<Timestamp>,
    /// Killed at that time and not back yet.
    pub(super) killed_at: Option<Timestamp>,
}

impl Pod {
    pub(super) fn service(&self) -> Option<usize> {
        match self.owner {
            Owner::Service(service) => Some(service),
            _ => None,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.gone && self.stuck.is_none() && self.killed_at.is_none()
    }

    /// Not ready, or restarted within the last half hour.
    pub(super) fn is_troubled(&self, at: Timestamp) -> bool {
        !self.gone
            && (!self.is_ready()
                || self.last_restart.is_some_and(|time| at.secs_since(time) < 1_800.0))
    }
}

/// A whole system at one time.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) graph: Graph,
    /// All pods that ever were; an index into it names a pod for good.
    pub(super) pods: Vec<Pod>,
    pub(super) wounds: Vec<Wound>,
    pub(super) blips: Vec<Blip>,
    /// A node whose spare processors a batch job takes without harm, and from when to when.
    pub(super) neighbour: Option<(String, Timestamp, Timestamp)>,
    pub(super) start: Timestamp,
    random: Random,
    versions: Vec<(u32, u32)>,
    serving: Vec<Vec<usize>>,
    /// Requests of each service as a multiple of the usual, in a spike.
    spiked: Vec<f64>,
    wobble: f64,
    phase: f64,
}

impl State {
    pub(super) fn new(seed: u64, graph: Graph, start: Timestamp) -> Self {
        let mut random = Random::new(seed, 22);
        let versions =
            graph.services.iter().map(|_| (1 + random.below(6) as u32, random.below(30) as u32));
        let versions: Vec<(u32, u32)> = versions.collect();
        let phase = random.between(0.0, std::f64::consts::TAU);
        let mut state = Self {
            spiked: vec![1.0; graph.services.len()],
            graph,
            pods: Vec::new(),
            wounds: Vec::new(),
            blips: Vec::new(),
            neighbour: None,
            start,
            random,
            versions,
            serving: Vec::new(),
            wobble: 0.0,
            phase,
        };
        for service in 0..state.graph.services.len() {
            let days = 2 + state.random.below(30) as i64;
            state.add_pods(service, start.plus_secs(-days * 86_400));
        }
        for dependency in 0..state.graph.dependencies.len() {
            state.add_store(dependency, start.plus_secs(-40 * 86_400));
        }
        state.refresh(None);
        state
    }

    /// Adds the pod of the batch job that takes a node.
    pub(super) fn add_batch(&mut self, node: &str, app: &str, created: Timestamp) {
        let name = format!("{app}-{}", suffix(&mut self.random, 5));
        let memory_mib = self.random.between(300.0, 700.0);
        self.push_pod((Owner::Batch, name, app.to_owned()), node.to_owned(), (created, memory_mib));
    }

    fn add_store(&mut self, dependency: usize, created: Timestamp) {
        let Some(found) = self.graph.dependencies.get(dependency).filter(|found| found.observed)
        else {
            return;
        };
        let app = found.name.clone();
        let memory_mib = if found.kind == DependencyKind::Database { 1_400.0 } else { 420.0 };
        let node = self.any_node();
        self.push_pod(
            (Owner::Dependency(dependency), format!("{app}-0"), app),
            node,
            (created, memory_mib),
        );
    }

    fn add_pods(&mut self, service: usize, created: Timestamp) {
        let Some(found) = self.graph.service(service).cloned() else { return };
        let template = suffix(&mut self.random, 10);
        for _ in 0..found.replicas {
            let name = format!("{}-{template}-{}", found.name, suffix(&mut self.random, 5));
            let node = self.any_node();
            let memory_mib = found.memory_mib * self.random.between(0.96, 1.04);
            self.push_pod(
                (Owner::Service(service), name, found.name.clone()),
                node,
                (created, memory_mib),
            );
        }
    }

    fn push_pod(
        &mut self,
        (owner, name, app): (Owner, String, String),
        node: String,
        (created, memory_mib): (Timestamp, f64),
    ) {
        let number = self.pods.len();
        let version = match owner {
            Owner::Service(service) => self.version(service),
            _ => String::new(),
        };
        self.pods.push(Pod {
            owner,
            name,
            app,
            node,
            address: format!(
                "10.{}.{}.{}",
                64 + number / 48_400,
                number / 220 % 220,
                10 + number % 220
            ),
            version,
            created,
            gone: false,
            stuck: None,
            memory_mib,
            restarts: 0,
            last_restart: None,
            killed_at: None,
        });
    }

    fn any_node(&mut self) -> String {
        self.random.pick(&self.graph.nodes).cloned().unwrap_or_default()
    }

    pub(super) fn version(&self, service: usize) -> String {
        let (minor, patch) = self.versions.get(service).copied().unwrap_or_default();
        format!("1.{minor}.{patch}")
    }

    /// The wounds that `fault` made, with their force at `at`.
    pub(super) fn severity(&self, fault: MeshFault, at: Timestamp) -> Option<(&Wound, f64)> {
        self.wounds
            .iter()
            .find(|wound| wound.fault == fault)
            .map(|wound| (wound, wound.severity(at)))
            .filter(|(_, severity)| *severity > 0.0)
    }

    /// The force of `fault` at `service`.
    pub(super) fn force(&self, fault: MeshFault, service: usize, at: Timestamp) -> f64 {
        self.severity(fault, at)
            .filter(|(wound, _)| wound.service == service)
            .map_or(0.0, |(_, severity)| severity)
    }

    /// Whether a blip troubles the service just now.
    pub(super) fn has_blip(&self, service: usize, at: Timestamp) -> bool {
        self.blips.iter().any(|blip| blip.service == service && blip.from <= at && at < blip.to)
    }

    /// Requests as a multiple of the usual: the time of day, and a wobble.
    pub(super) fn load(&self, at: Timestamp) -> f64 {
        let minutes = at.secs_since(self.start) / 60.0;
        (1.0 + 0.1 * (minutes / 90.0 * std::f64::consts::TAU + self.phase).sin() + self.wobble)
            .max(0.3)
    }

    /// Requests of one service as a multiple of the usual.
    pub(super) fn load_of(&self, service: usize, at: Timestamp) -> f64 {
        let spike =
            self.severity(MeshFault::TrafficSpike, at).map_or(0.0, |(_, severity)| severity);
        let spiked = self.spiked.get(service).copied().unwrap_or(1.0);
        let storm = self
            .severity(MeshFault::RetryStorm, at)
            .filter(|(wound, _)| wound.callee == Some(service))
            .map_or(1.0, |(_, severity)| 1.0 + 2.0 * severity);
        self.load(at) * (1.0 + (spiked - 1.0) * spike) * storm
    }

    /// Notes how much of each service's work comes from the entry of a spike.
    pub(super) fn prepare_spike(&mut self, entry: usize) {
        let from_entry: Vec<(usize, f64)> = self
            .graph
            .entries
            .iter()
            .filter(|(operation, _)| self.graph.service_of(*operation) == entry)
            .copied()
            .collect();
        let whole = self.graph.reach(&self.graph.entries);
        let part = self.graph.reach(&from_entry);
        let mut sums = vec![(0.0, 0.0); self.graph.services.len()];
        for (number, operation) in self.graph.operations.iter().enumerate() {
            if let Some(sum) = sums.get_mut(operation.service) {
                sum.0 += whole.get(number).copied().unwrap_or(0.0);
                sum.1 += part.get(number).copied().unwrap_or(0.0);
            }
        }
        self.spiked = sums
            .into_iter()
            .map(|(whole, part): (f64, f64)| 1.0 + (SPIKE_FACTOR - 1.0) * part / whole.max(1e-9))
            .collect();
    }

    /// A pod for the next request; `None` when no pod is there.
    pub(super) fn pick(&self, service: usize, random: &mut Random) -> Option<usize> {
        random.pick(self.serving.get(service)?).copied()
    }

    /// The pod of a database or cache that is observed.
    pub(super) fn store_pod(&self, dependency: usize) -> Option<usize> {
        self.pods.iter().position(|pod| pod.owner == Owner::Dependency(dependency))
    }

    /// Replaces the pods of `service` by pods of its next version; pods that are stuck leave one old pod in service.
    pub(super) fn roll_out(&mut self, service: usize, at: Timestamp, stuck: Option<Stuck>) {
        if let Some(version) = self.versions.get_mut(service) {
            *version = (version.0 + 1, 0);
        }
        let mut keep = usize::from(stuck.is_some());
        for pod in self.pods.iter_mut().filter(|pod| pod.service() == Some(service) && !pod.gone) {
            pod.gone = keep == 0;
            keep = keep.saturating_sub(1);
        }
        let first_new = self.pods.len();
        self.add_pods(service, at);
        self.pods.iter_mut().skip(first_new).for_each(|pod| pod.stuck = stuck);
        self.refresh(None);
    }

    /// Lets the time from `from` to `to` pass.
    pub(super) fn advance(&mut self, from: Timestamp, to: Timestamp) {
        let seconds = to.secs_since(from);
        self.wobble = 0.9 * self.wobble + self.random.between(-0.02, 0.02);
        let leak = self.severity(MeshFault::MemoryLeak, to).map(|(wound, _)| wound.service);
        let mut changed = false;
        for (position, pod) in self.pods.iter_mut().enumerate().filter(|(_, pod)| !pod.gone) {
            if let Some(killed_at) =
                pod.killed_at.filter(|killed| to >= killed.plus_secs(RESTART_SECONDS))
            {
                pod.killed_at = None;
                pod.last_restart = Some(killed_at.plus_secs(RESTART_SECONDS));
                pod.restarts += 1;
                changed = true;
            }
            if pod.stuck == Some(Stuck::Crashing)
                && position % 3 == (to.secs_since(pod.created) / 10.0) as usize % 3
            {
                pod.restarts = (to.secs_since(pod.created) / 45.0).min(7.0) as u32;
                pod.last_restart = Some(to.plus_secs(-8));
            }
            let service = leak.filter(|leak| pod.service() == Some(*leak));
            let Some(found) = service.and_then(|service| self.graph.services.get(service)) else {
                continue;
            };
            // No two pods fill up at the same time.
            let fill_seconds = 110.0 + 45.0 * (position % 3) as f64;
            pod.memory_mib += (found.memory_limit_mib - found.memory_mib) / fill_seconds * seconds;
            if pod.killed_at.is_none() && pod.memory_mib >= found.memory_limit_mib {
                pod.killed_at = Some(to);
                pod.memory_mib = found.memory_mib;
                changed = true;
            }
        }
        if changed || self.serving.is_empty() {
            self.refresh(Some(to));
        } else if self.pods.iter().any(|pod| pod.killed_at.is_some()) {
            self.refresh(None);
        }
    }

    /// A pod killed just now is still sent requests: nobody has noticed.
    fn refresh(&mut self, now: Option<Timestamp>) {
        let mut serving = vec![Vec::new(); self.graph.services.len()];
        for (index, pod) in self.pods.iter().enumerate() {
            let killed_now = now.is_some() && pod.killed_at == now && !pod.gone;
            let Some(service) = pod.service().filter(|_| pod.is_ready() || killed_now) else {
                continue;
            };
            serving.get_mut(service).into_iter().for_each(|list| list.push(index));
        }
        self.serving = serving;
    }
}
