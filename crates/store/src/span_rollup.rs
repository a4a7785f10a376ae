//! What spans counted: calls per slot of time, service, operation and outcome, and between services, with how long they
//! took. Added up when splits are merged.

use std::sync::Arc;

use groundcrew_telemetry::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::latency::LatencySketch;

/// Operations of one service that are counted apart in one split.
const OPERATIONS_MAX: u32 = 500;
/// Names of what is called that are counted apart in one split.
const PEERS_MAX: usize = 2_000;
/// Pods that are noted in one split.
const PODS_MAX: usize = 20_000;
/// What stands for those beyond.
const OVERFLOW: &str = "_overflow";

/// What is counted apart of a service's spans; names by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct CellKey {
    pub(crate) slot: i64,
    pub(crate) service: u32,
    pub(crate) operation: u32,
    pub(crate) kind: u8,
    /// Whether it came from outside the service.
    pub(crate) is_request: bool,
    pub(crate) is_failed: bool,
}

/// What is counted apart of calls; names by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct EdgeKey {
    pub(crate) slot: i64,
    pub(crate) caller: u32,
    /// The service whose span answered; `None` when none did.
    pub(crate) callee: Option<u32>,
    /// What the caller says it called.
    pub(crate) peer: Option<u32>,
    pub(crate) is_failed: bool,
}

/// A pod of a service, and when it was heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PodSeen {
    pub(crate) service: u32,
    pub(crate) pod: Arc<str>,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// The counts of one split or memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpanRollup {
    /// Services, operations and peers.
    pub(crate) names: Vec<Arc<str>>,
    /// By key.
    pub(crate) cells: Vec<(CellKey, LatencySketch)>,
    /// By key.
    pub(crate) edges: Vec<(EdgeKey, LatencySketch)>,
    /// By service and name.
    pub(crate) pods: Vec<PodSeen>,
}

/// Adds counts up.
#[derive(Debug, Default)]
pub(crate) struct SpanRollupBuilder {
    names: Vec<Arc<str>>,
    numbers: FxHashMap<Arc<str>, u32>,
    /// Operations per service that have a place, and how many.
    operations: FxHashSet<(u32, u32)>,
    operation_counts: FxHashMap<u32, u32>,
    peers: FxHashSet<u32>,
    cells: FxHashMap<CellKey, LatencySketch>,
    edges: FxHashMap<EdgeKey, LatencySketch>,
    pods: FxHashMap<(u32, Arc<str>), (Timestamp, Timestamp)>,
}

impl SpanRollupBuilder {
    pub(crate) fn name(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = Arc::from(name);
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// The number of a service's operation, or of what stands for those that are too many.
    pub(crate) fn operation(&mut self, service: u32, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name)
            && self.operations.contains(&(service, *number))
        {
            return *number;
        }
        let count = self.operation_counts.entry(service).or_default();
        if *count >= OPERATIONS_MAX {
            return self.name(OVERFLOW);
        }
        *count += 1;
        let number = self.name(name);
        self.operations.insert((service, number));
        number
    }

    /// As [`Self::operation`], of what is called.
    pub(crate) fn peer(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name)
            && self.peers.contains(number)
        {
            return *number;
        }
        if self.peers.len() >= PEERS_MAX {
            return self.name(OVERFLOW);
        }
        let number = self.name(name);
        self.peers.insert(number);
        number
    }

    pub(crate) fn cell(&mut self, key: CellKey) -> &mut LatencySketch {
        self.cells.entry(key).or_default()
    }

    pub(crate) fn edge(&mut self, key: EdgeKey) -> &mut LatencySketch {
        self.edges.entry(key).or_default()
    }

    pub(crate) fn pod(&mut self, service: u32, pod: &Arc<str>, first: Timestamp, last: Timestamp) {
        let is_room = self.pods.len() < PODS_MAX;
        let key = (service, Arc::clone(pod));
        if let Some(seen) = self.pods.get_mut(&key) {
            *seen = (seen.0.min(first), seen.1.max(last));
        } else if is_room {
            self.pods.insert(key, (first, last));
        }
    }

    /// Adds all of another's counts, each slot by itself.
    pub(crate) fn add(&mut self, other: &SpanRollup) {
        self.add_where(other, &|_| true, &|_| true, &|slot| Some(slot));
    }

    /// Adds the counts of the slots that `slot_as` gives a number, of services that `admits` admits and of calls from
    /// or to them; `sees` says the same of when pods were heard.
    pub(crate) fn add_where(
        &mut self,
        other: &SpanRollup,
        admits: &dyn Fn(&str) -> bool,
        sees: &dyn Fn(&PodSeen) -> bool,
        slot_as: &dyn Fn(i64) -> Option<i64>,
    ) {
        let admitted: Vec<bool> = other.names.iter().map(|name| admits(name)).collect();
        let wanted = |number: u32| admitted.get(number as usize).copied().unwrap_or_default();
        let name = |number: u32| other.names.get(number as usize).map_or("", |name| name);
        for (key, times) in &other.cells {
            let Some(slot) = slot_as(key.slot).filter(|_| wanted(key.service)) else { continue };
            let service = self.name(name(key.service));
            let operation = self.operation(service, name(key.operation));
            self.cell(CellKey { slot, service, operation, ..*key }).merge(times);
        }
        for (key, times) in &other.edges {
            let Some(slot) = slot_as(key.slot) else { continue };
            let called = [key.callee, key.peer].into_iter().flatten();
            if !wanted(key.caller) && !called.into_iter().any(wanted) {
                continue;
            }
            let caller = self.name(name(key.caller));
            let callee = key.callee.map(|callee| self.name(name(callee)));
            let peer = key.peer.map(|peer| self.peer(name(peer)));
            self.edge(EdgeKey { slot, caller, callee, peer, ..*key }).merge(times);
        }
        for seen in other.pods.iter().filter(|seen| wanted(seen.service) && sees(seen)) {
            let service = self.name(name(seen.service));
            self.pod(service, &seen.pod, seen.first, seen.last);
        }
    }

    pub(crate) fn finish(self) -> SpanRollup {
        let mut cells: Vec<(CellKey, LatencySketch)> = self.cells.into_iter().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        let mut edges: Vec<(EdgeKey, LatencySketch)> = self.edges.into_iter().collect();
        edges.sort_unstable_by_key(|(key, _)| *key);
        let pods = self.pods.into_iter();
        let mut pods: Vec<PodSeen> = pods
            .map(|((service, pod), (first, last))| PodSeen { service, pod, first, last })
            .collect();
        pods.sort_unstable_by(|one, other| {
            (one.service, &one.pod).cmp(&(other.service, &other.pod))
        });
        SpanRollup { names: self.names, cells, edges, pods }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_without_end_are_counted_under_one_name() {
        let mut builder = SpanRollupBuilder::default();
        let service = builder.name("shop");
        for number in 0..2_000 {
            let operation = builder.operation(service, &format!("GET /{number}"));
            let key = CellKey {
                slot: 0,
                service,
                operation,
                kind: 2,
                is_request: true,
                is_failed: false,
            };
            builder.cell(key).add(5_000);
        }
        let known = builder.operation(service, "GET /7");
        let rollup = builder.finish();
        assert_eq!(&*rollup.names[known as usize], "GET /7");
        assert_eq!(rollup.cells.len(), OPERATIONS_MAX as usize + 1);
        let total: u64 = rollup.cells.iter().map(|(_, times)| times.count()).sum();
        assert_eq!(total, 2_000);
        // Adding it to another keeps every count.
        let mut sum = SpanRollupBuilder::default();
        (0..2).for_each(|_| sum.add(&rollup));
        let sum = sum.finish();
        assert_eq!(sum.cells.len(), OPERATIONS_MAX as usize + 1);
        assert_eq!(sum.cells.iter().map(|(_, times)| times.count()).sum::<u64>(), 4_000);
    }
}
