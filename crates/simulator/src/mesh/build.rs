//! Draws a system: layers, operations, who calls whom, and what is shared.

use super::graph::{Action, Dependency, DependencyKind, Graph, Operation, Runtime, Service};
use super::names::Names;
use crate::random::Random;

/// Fewest services of a system.
const SERVICES_MIN: usize = 6;
/// Most services of a system.
const SERVICES_MAX: usize = 1_000;
/// What services may be about.
const NOUNS: &[&str] = &[
    "invoices", "tickets", "profiles", "reports", "quotes", "parcels", "policies", "badges",
    "ledgers", "vouchers", "bookings", "devices", "meters", "leases", "claims", "samples",
    "photos", "tariffs", "rosters", "permits", "grants", "sensors", "courses", "menus",
];

/// A system of `size` services.
pub(super) fn graph(seed: u64, size: usize) -> Graph {
    let size = size.clamp(SERVICES_MIN, SERVICES_MAX);
    let mut builder = Builder {
        names: Names::new(seed),
        random: Random::new(seed, 21),
        graph: Graph {
            services: Vec::new(),
            dependencies: Vec::new(),
            operations: Vec::new(),
            nodes: Vec::new(),
            entries: Vec::new(),
        },
    };
    let layers = builder.layers(size);
    builder.connect(&layers);
    builder.share(size);
    builder.hire_workers(size);
    builder.place(size);
    builder.graph
}

struct Builder {
    names: Names,
    random: Random,
    graph: Graph,
}

fn workers(size: usize) -> usize {
    (size / 12).max(1)
}

impl Builder {
    /// Services and their operations, layer by layer; gives the operations of each layer.
    fn layers(&mut self, size: usize) -> Vec<Vec<usize>> {
        let entries = ((size as f64).sqrt() / 2.0).round().max(2.0) as usize;
        let depth: usize = match size {
            0..=12 => 2,
            13..=100 => 4,
            _ => 5,
        };
        let inner = size - entries - workers(size);
        let mut layers = Vec::new();
        for layer in 0..=depth {
            let first = inner * layer.saturating_sub(1) / depth;
            let count = if layer == 0 { entries } else { inner * layer / depth - first };
            let mut operations = Vec::new();
            for _ in 0..count {
                let service = self.add_service(layer, "");
                let kinds = if layer == 0 { 3 } else { 1 + self.random.below(3) };
                for kind in 0..kinds {
                    operations.push(self.add_operation(service, kind as usize));
                }
            }
            layers.push(operations);
        }
        layers
    }

    fn add_service(&mut self, layer: usize, ending: &str) -> usize {
        let runtime = self.random.pick(&Runtime::ALL).copied().unwrap_or(Runtime::Go);
        let name = match layer {
            0 => format!("{}-edge", self.names.word()),
            _ => format!("{}{ending}", self.names.word()),
        };
        let replicas = match self.random.below(10) {
            0..=1 => 1,
            2..=6 => 2,
            7..=8 => 3,
            _ => 4,
        };
        let cpu = self.random.between(0.04, 0.3);
        let memory_mib = self.random.between(80.0, 600.0);
        self.graph.services.push(Service {
            name,
            runtime,
            layer,
            replicas: if layer == 0 { 2 } else { replicas },
            cpu,
            cpu_limit: (cpu * self.random.between(2.5, 5.0) * 10.0).ceil() / 10.0,
            memory_mib,
            memory_limit_mib: (memory_mib * self.random.between(1.8, 3.0) / 64.0).ceil() * 64.0,
            port: 8_000 + self.random.below(900) as u16,
            has_pool: false,
            noun: self.random.pick(NOUNS).copied().unwrap_or("items"),
        });
        self.graph.services.len() - 1
    }

    fn add_operation(&mut self, service: usize, kind: usize) -> usize {
        let noun = self.graph.service(service).map_or("items", |service| service.noun);
        let (method, route) = match kind {
            0 => ("GET", format!("/{noun}/{{id}}")),
            1 => ("GET", format!("/{noun}")),
            _ => ("POST", format!("/{noun}")),
        };
        self.graph.operations.push(Operation {
            service,
            method,
            route,
            self_ms: self.random.between(2.0, 12.0),
            actions: Vec::new(),
            line_chance: self.random.between(0.05, 0.3),
        });
        self.graph.operations.len() - 1
    }

    /// Every operation gets a caller in the layer above, and some get more callers further up.
    fn connect(&mut self, layers: &[Vec<usize>]) {
        for (layer, operations) in layers.iter().enumerate().skip(1) {
            let above = layers.get(layer - 1).map_or(&[][..], Vec::as_slice);
            for operation in operations {
                let chance =
                    if self.random.chance(0.6) { 1.0 } else { self.random.between(0.35, 0.9) };
                let caller = self.quieter_of_two(above);
                self.add_call(caller, *operation, chance);
                if self.random.chance(0.3) {
                    let further = self.random.below(layer as u64) as usize;
                    let others = layers.get(further).map_or(&[][..], Vec::as_slice);
                    let caller = self.random.pick(others).copied();
                    let chance = self.random.between(0.1, 0.5);
                    self.add_call(caller, *operation, chance);
                }
            }
        }
        let entries = layers.first().map_or(&[][..], Vec::as_slice).to_vec();
        let weights: Vec<f64> = entries.iter().map(|_| self.random.between(0.4, 1.6)).collect();
        let whole: f64 = weights.iter().sum();
        self.graph.entries = entries
            .into_iter()
            .zip(weights)
            .map(|(entry, weight)| (entry, weight / whole))
            .collect();
    }

    fn quieter_of_two(&mut self, above: &[usize]) -> Option<usize> {
        let calls = |graph: &Graph, operation: usize| {
            graph.operations.get(operation).map_or(0, |operation| operation.actions.len())
        };
        let one = self.random.pick(above).copied()?;
        let other = self.random.pick(above).copied()?;
        Some(if calls(&self.graph, one) <= calls(&self.graph, other) { one } else { other })
    }

    fn add_call(&mut self, caller: Option<usize>, callee: usize, chance: f64) {
        let same = caller
            .is_some_and(|caller| self.graph.service_of(caller) == self.graph.service_of(callee));
        let Some(caller) = caller.filter(|_| !same) else { return };
        if let Some(operation) = self.graph.operations.get_mut(caller) {
            operation.actions.push(Action::Call { operation: callee, chance });
        }
    }

    /// Databases, caches and providers, each used by operations that requests reach often enough.
    fn share(&mut self, size: usize) {
        let databases: Vec<usize> = (0..(size / 10).max(2))
            .map(|_| self.add_dependency(DependencyKind::Database))
            .collect();
        let caches: Vec<usize> =
            (0..(size / 20).max(1)).map(|_| self.add_dependency(DependencyKind::Cache)).collect();
        let providers: Vec<usize> = (0..(size / 20).max(1))
            .map(|_| self.add_dependency(DependencyKind::Provider))
            .collect();
        let mut homes = Vec::new();
        for number in 0..self.graph.services.len() {
            let home = databases.get(number % databases.len().max(1)).copied();
            let stateful = self.random.chance(0.6);
            homes.push(home.filter(|_| stateful));
        }
        for number in 0..self.graph.operations.len() {
            let service = self.graph.service_of(number);
            let layer = self.graph.service(service).map_or(0, |service| service.layer);
            let Some(database) = homes.get(service).copied().flatten().filter(|_| layer > 0) else {
                continue;
            };
            let ms = self.random.between(1.0, 6.0);
            let cached = self.random.chance(0.3);
            let cache = self.random.pick(&caches).copied().filter(|_| cached);
            let Some(operation) = self.graph.operations.get_mut(number) else { continue };
            let writes = operation.method == "POST";
            operation.actions.push(match cache {
                Some(cache) if !writes => Action::Lookup { cache, database, ms },
                _ => Action::Query { database, writes, ms },
            });
            if let Some(service) = self.graph.services.get_mut(service) {
                service.has_pool = true;
            }
        }
        let busy = self.busy_operations();
        self.write_somewhere(&busy, databases.first().copied());
        for (round, dependency) in caches.iter().chain(&providers).enumerate() {
            for turn in 0..2 {
                let at = (round * 2 + turn) * 7 % busy.len().max(1);
                let database = databases.get(round % databases.len().max(1)).copied().unwrap_or(0);
                let ms = self.random.between(30.0, 90.0);
                let Some(operation) =
                    busy.get(at).and_then(|number| self.graph.operations.get_mut(*number))
                else {
                    continue;
                };
                operation.actions.push(if caches.contains(dependency) {
                    Action::Lookup { cache: *dependency, database, ms: ms / 20.0 }
                } else {
                    Action::Provider { provider: *dependency, ms }
                });
            }
        }
    }

    /// Every system writes to a database where requests often come by.
    fn write_somewhere(&mut self, busy: &[usize], database: Option<usize>) {
        let found = busy.first().and_then(|number| self.graph.operations.get_mut(*number));
        let Some((operation, database)) = found.zip(database) else { return };
        operation.actions.push(Action::Query { database, writes: true, ms: 3.0 });
        let service = operation.service;
        if let Some(service) = self.graph.services.get_mut(service) {
            service.has_pool = true;
        }
    }

    /// Operations below the entries that are reached most from any one entry, most first.
    fn busy_operations(&self) -> Vec<usize> {
        let mut best = vec![0.0_f64; self.graph.operations.len()];
        for entry in self.graph.entry_services() {
            for (best, reach) in best.iter_mut().zip(self.graph.reach_from(entry)) {
                *best = best.max(reach);
            }
        }
        let mut busy: Vec<(usize, f64)> = best
            .into_iter()
            .enumerate()
            .filter(|(number, _)| {
                let service = self.graph.service(self.graph.service_of(*number));
                service.is_some_and(|service| service.layer > 0)
            })
            .collect();
        busy.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        busy.truncate((busy.len() / 2).max(1));
        busy.into_iter().map(|(number, _)| number).collect()
    }

    fn add_dependency(&mut self, kind: DependencyKind) -> usize {
        let word = self.names.word();
        let (name, system, port) = match kind {
            DependencyKind::Database if self.random.chance(0.6) => {
                (format!("{word}-db"), "postgresql", 5_432)
            }
            DependencyKind::Database => (format!("{word}-db"), "mysql", 3_306),
            DependencyKind::Cache => (format!("{word}-cache"), "redis", 6_379),
            DependencyKind::Queue => (format!("{word}-jobs"), "rabbitmq", 5_672),
            DependencyKind::Provider => (format!("api.{word}.example"), "", 443),
        };
        let observed = match kind {
            DependencyKind::Provider | DependencyKind::Queue => false,
            _ => self.random.chance(0.7),
        };
        let named = self.random.chance(0.5);
        self.graph.dependencies.push(Dependency { name, kind, system, port, observed, named });
        self.graph.dependencies.len() - 1
    }

    /// Workers come last: nobody below them, and operations with calls of their own hand them work.
    fn hire_workers(&mut self, size: usize) {
        let busy = self.busy_operations();
        for worker in 0..workers(size) {
            let service = self.add_service(9, "-worker");
            let operation = self.add_operation(service, 2);
            let queue = self.add_dependency(DependencyKind::Queue);
            if let Some(operation) = self.graph.operations.get_mut(operation) {
                operation.method = "PROCESS";
                operation.actions.clear();
            }
            let at = (worker * 5 + 1) % busy.len().max(1);
            if let Some(caller) =
                busy.get(at).and_then(|number| self.graph.operations.get_mut(*number))
            {
                caller.actions.push(Action::Enqueue { queue, operation });
            }
        }
    }

    fn place(&mut self, size: usize) {
        let count = (size / 9).max(3);
        self.graph.nodes = (0..count).map(|number| format!("node-{:03}", 101 + number)).collect();
    }
}
