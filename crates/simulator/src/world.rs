//! The state of the shop as time goes by: pods, versions, memory, disk, and how badly it is broken.

use groundcrew_telemetry::Timestamp;

use crate::fault::Fault;
use crate::random::Random;
use crate::shop::Service;

/// Seconds from the break to its full force.
const RAMP_SECONDS: f64 = 60.0;
/// Seconds that a killed container takes to come back.
const RESTART_SECONDS: i64 = 30;
/// Times the usual visitors in a spike.
const SPIKE_FACTOR: f64 = 4.0;
const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];

/// One pod, alive or gone.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Pod {
    pub(crate) service: Service,
    pub(crate) name: String,
    pub(crate) node: &'static str,
    pub(crate) address: String,
    pub(crate) version: String,
    pub(crate) created: Timestamp,
    pub(crate) gone: bool,
    /// Its readiness probe cannot pass.
    pub(crate) never_ready: bool,
    pub(crate) memory_mib: f64,
    pub(crate) restarts: u32,
    pub(crate) last_restart: Option<Timestamp>,
    /// Killed at that time and not back yet.
    pub(crate) killed_at: Option<Timestamp>,
}

impl Pod {
    /// Whether it takes requests, as Kubernetes sees it.
    pub(crate) fn is_ready(&self) -> bool {
        !self.gone && !self.never_ready && self.killed_at.is_none()
    }
}

/// The whole shop at one time.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// All pods that ever were; an index into it names a pod for good.
    pub(crate) pods: Vec<Pod>,
    pub(crate) fault: Option<Fault>,
    pub(crate) broken_at: Timestamp,
    /// Share of the orders database's disk in use.
    pub(crate) disk_used: f64,
    random: Random,
    versions: Vec<(Service, (u32, u32, u32))>,
    /// Pods that requests are sent to, by service.
    serving: Vec<Vec<usize>>,
}

impl World {
    /// The shop in good health at `start`.
    pub(crate) fn new(
        seed: u64,
        start: Timestamp,
        fault: Option<Fault>,
        broken_at: Timestamp,
    ) -> Self {
        let mut world = Self {
            pods: Vec::new(),
            fault,
            broken_at,
            disk_used: 0.61,
            random: Random::new(seed, 1),
            versions: Service::ALL.map(|service| (service, service.traits().version)).to_vec(),
            serving: Vec::new(),
        };
        for service in Service::ALL {
            let days = 2 + world.random.below(30);
            let created =
                start.plus_secs(-(days as i64) * 86_400 - world.random.below(80_000) as i64);
            world.add_pods(service, service.traits().replicas, created);
        }
        world.refresh();
        world
    }

    /// 0 while the shop is well, 1 when a fault has its full force.
    pub(crate) fn severity(&self, fault: Fault, at: Timestamp) -> f64 {
        if self.fault != Some(fault) {
            return 0.0;
        }
        (at.secs_since(self.broken_at) / RAMP_SECONDS).clamp(0.0, 1.0)
    }

    /// Visitors as a multiple of the usual.
    pub(crate) fn load(&self, at: Timestamp) -> f64 {
        1.0 + (SPIKE_FACTOR - 1.0) * self.severity(Fault::TrafficSpike, at)
    }

    /// A pod for the next request; `None` when no pod is there.
    pub(crate) fn pick(&self, service: Service, random: &mut Random) -> Option<usize> {
        let serving = self.serving.get(service as usize)?;
        random.pick(serving).copied()
    }

    /// The pods of a service that exist.
    pub(crate) fn pods_of(&self, service: Service) -> impl Iterator<Item = (usize, &Pod)> {
        self.pods.iter().enumerate().filter(move |(_, pod)| pod.service == service && !pod.gone)
    }

    /// The version that a service runs, as text.
    pub(crate) fn version(&self, service: Service) -> String {
        let found = self.versions.iter().find(|(known, _)| *known == service);
        let (major, minor, patch) = found.map_or((0, 0, 0), |(_, version)| *version);
        format!("{major}.{minor}.{patch}")
    }

    /// Replaces the pods of `service` with pods of its next version. A version whose probe cannot pass leaves one old pod
    /// in service, as a rolling update does.
    pub(crate) fn roll_out(&mut self, service: Service, at: Timestamp, never_ready: bool) {
        if let Some((_, version)) = self.versions.iter_mut().find(|(known, _)| *known == service) {
            version.1 += 1;
            version.2 = 0;
        }
        let mut keep = usize::from(never_ready);
        for pod in self.pods.iter_mut().filter(|pod| pod.service == service && !pod.gone) {
            pod.gone = keep == 0;
            keep = keep.saturating_sub(1);
        }
        let first_new = self.pods.len();
        self.add_pods(service, service.traits().replicas, at);
        for pod in self.pods.iter_mut().skip(first_new) {
            pod.never_ready = never_ready;
        }
        self.refresh();
    }

    /// Lets the time from `from` to `to` pass.
    pub(crate) fn advance(&mut self, from: Timestamp, to: Timestamp) {
        let seconds = to.secs_since(from);
        let leaking = self.fault == Some(Fault::CartMemoryLeak) && to > self.broken_at;
        for (position, pod) in self.pods.iter_mut().filter(|pod| !pod.gone).enumerate() {
            if let Some(killed_at) = pod.killed_at
                && to >= killed_at.plus_secs(RESTART_SECONDS)
            {
                pod.killed_at = None;
                pod.last_restart = Some(killed_at.plus_secs(RESTART_SECONDS));
                pod.restarts += 1;
            }
            let leaks = leaking && pod.service == Service::Cart && pod.killed_at.is_none();
            if leaks {
                // No two pods fill up at the same time.
                let speed_mib = if position % 2 == 0 { 1.15 } else { 0.8 };
                pod.memory_mib += speed_mib * seconds;
            }
            if leaks && pod.memory_mib >= pod.service.traits().memory_limit_mib {
                pod.killed_at = Some(to);
                pod.memory_mib = pod.service.traits().memory_mib;
            }
        }
        self.disk_used = (self.disk_used + 0.000_002 * seconds).min(0.8);
        if self.fault == Some(Fault::OrdersDbDiskFull) && to > self.broken_at {
            let filled = 0.61 + 0.39 * (to.secs_since(self.broken_at) / 110.0);
            self.disk_used = filled.clamp(0.61, 1.0);
        }
        self.refresh_at(Some(to));
    }

    fn add_pods(&mut self, service: Service, count: usize, created: Timestamp) {
        let template = short_name(&mut self.random, 10);
        let version = self.version(service);
        let is_store = matches!(service, Service::OrdersDb | Service::SessionCache);
        for replica in 0..count {
            let suffix = short_name(&mut self.random, 5);
            let name = if is_store {
                format!("{}-{replica}", service.name())
            } else {
                format!("{}-{template}-{suffix}", service.name())
            };
            let node = NODES.get((service as usize + replica) % NODES.len()).copied().unwrap_or("");
            let host = 10 + self.pods.len() % 240;
            self.pods.push(Pod {
                service,
                name,
                node,
                address: format!("10.244.{}.{host}", 1 + replica),
                version: version.clone(),
                created,
                gone: false,
                never_ready: false,
                memory_mib: service.traits().memory_mib * self.random.between(0.96, 1.04),
                restarts: 0,
                last_restart: None,
                killed_at: None,
            });
        }
    }

    fn refresh(&mut self) {
        self.refresh_at(None);
    }

    /// A pod killed just now is still sent requests: nobody has noticed.
    fn refresh_at(&mut self, now: Option<Timestamp>) {
        let mut serving = vec![Vec::new(); Service::ALL.len()];
        for (index, pod) in self.pods.iter().enumerate() {
            let killed_now = now.is_some() && pod.killed_at == now && !pod.gone;
            let list =
                serving.get_mut(pod.service as usize).filter(|_| pod.is_ready() || killed_now);
            list.into_iter().for_each(|list| list.push(index));
        }
        self.serving = serving;
    }
}

/// Letters and digits as Kubernetes gives them to pods.
fn short_name(random: &mut Random, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..length).filter_map(|_| random.pick(LETTERS).map(|letter| char::from(*letter))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(fault: Option<Fault>) -> World {
        World::new(3, Timestamp::from_secs(0), fault, Timestamp::from_secs(100))
    }

    #[test]
    fn a_rollout_renames_pods_and_raises_the_version() {
        let mut world = world(None);
        let names = |world: &World| -> Vec<String> {
            world.pods_of(Service::Cart).map(|(_, pod)| pod.name.clone()).collect()
        };
        let before = names(&world);
        world.roll_out(Service::Cart, Timestamp::from_secs(50), false);
        let after = names(&world);
        assert_eq!((before.len(), after.len()), (2, 2));
        assert!(after.iter().all(|name| !before.contains(name)));
        assert_eq!(world.version(Service::Cart), "3.4.0");
    }

    #[test]
    fn a_version_that_never_gets_ready_leaves_one_old_pod_in_service() {
        let mut world = world(Some(Fault::StorefrontProbe));
        world.roll_out(Service::Storefront, Timestamp::from_secs(50), true);
        let ready: Vec<bool> =
            world.pods_of(Service::Storefront).map(|(_, pod)| pod.is_ready()).collect();
        assert_eq!(ready, [true, false, false]);
    }

    #[test]
    fn leaking_pods_are_killed_and_come_back() {
        let mut world = world(Some(Fault::CartMemoryLeak));
        for step in 0..120 {
            world.advance(Timestamp::from_secs(step * 10), Timestamp::from_secs(step * 10 + 10));
        }
        let restarts: Vec<u32> =
            world.pods_of(Service::Cart).map(|(_, pod)| pod.restarts).collect();
        assert!(restarts.iter().all(|restarts| *restarts >= 1), "{restarts:?}");
        assert!(world.pods_of(Service::Checkout).all(|(_, pod)| pod.restarts == 0));
    }

    #[test]
    fn the_disk_fills_only_when_broken() {
        let mut broken = world(Some(Fault::OrdersDbDiskFull));
        let mut well = world(None);
        for world in [&mut broken, &mut well] {
            world.advance(Timestamp::from_secs(0), Timestamp::from_secs(400));
        }
        assert!(broken.disk_used > 0.99 && well.disk_used < 0.65);
    }
}
