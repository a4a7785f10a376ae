//! The graph of a generated system: layers of services, what each operation calls, and what they all share.

use super::build;

/// How a service is built, for the sayings of its runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Runtime {
    Java,
    Go,
    Node,
    Python,
}

impl Runtime {
    pub(super) const ALL: [Self; 4] = [Self::Java, Self::Go, Self::Node, Self::Python];

    pub(super) const fn language(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Go => "go",
            Self::Node => "nodejs",
            Self::Python => "python",
        }
    }
}

/// Something that runs in pods and sends spans.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) runtime: Runtime,
    /// 0 for entries; workers lie below everything.
    pub(super) layer: usize,
    pub(super) replicas: usize,
    /// Cores that one pod uses at the usual load.
    pub(super) cpu: f64,
    pub(super) cpu_limit: f64,
    pub(super) memory_mib: f64,
    pub(super) memory_limit_mib: f64,
    pub(super) port: u16,
    /// Whether it has a pool of database connections.
    pub(super) has_pool: bool,
    /// What it is about, for its routes and lines.
    pub(super) noun: &'static str,
}

/// What others call and what sends no spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DependencyKind {
    Database,
    Cache,
    Queue,
    Provider,
}

/// A database, cache, queue or provider.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) kind: DependencyKind,
    pub(super) system: &'static str,
    pub(super) port: u16,
    /// It runs in the cluster and its resources are measured.
    pub(super) observed: bool,
    /// Its callers name it in `peer.service`, as some instrumentations do.
    pub(super) named: bool,
}

/// One kind of request that a service answers.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Operation {
    pub(super) service: usize,
    pub(super) method: &'static str,
    pub(super) route: String,
    /// Its own work, without waiting for anybody.
    pub(super) self_ms: f64,
    pub(super) actions: Vec<Action>,
    /// How often it writes a line when all went well.
    pub(super) line_chance: f64,
}

/// One thing that an operation waits for.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Action {
    /// Asks another service in that share of requests.
    Call { operation: usize, chance: f64 },
    /// Sends a statement to a database.
    Query { database: usize, writes: bool, ms: f64 },
    /// Reads a cache, and the database when the cache does not have it.
    Lookup { cache: usize, database: usize, ms: f64 },
    /// Asks an outside provider.
    Provider { provider: usize, ms: f64 },
    /// Hands work to a worker and waits for its result.
    Enqueue { queue: usize, operation: usize },
}

/// A whole system.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Graph {
    pub(super) services: Vec<Service>,
    pub(super) dependencies: Vec<Dependency>,
    /// Callers come before those whom they call.
    pub(super) operations: Vec<Operation>,
    pub(super) nodes: Vec<String>,
    /// Operations that customers reach, with their share of all requests.
    pub(super) entries: Vec<(usize, f64)>,
}

impl Graph {
    /// A system of `size` services.
    pub(super) fn new(seed: u64, size: usize) -> Self {
        build::graph(seed, size)
    }

    pub(super) fn service(&self, service: usize) -> Option<&Service> {
        self.services.get(service)
    }

    pub(super) fn name(&self, service: usize) -> &str {
        self.services.get(service).map_or("", |service| service.name.as_str())
    }

    pub(super) fn dependency_name(&self, dependency: usize) -> &str {
        self.dependencies.get(dependency).map_or("", |dependency| dependency.name.as_str())
    }

    pub(super) fn service_of(&self, operation: usize) -> usize {
        self.operations.get(operation).map_or(usize::MAX, |operation| operation.service)
    }

    /// How often a request of the given entries reaches each operation.
    pub(super) fn reach(&self, entries: &[(usize, f64)]) -> Vec<f64> {
        let mut reach = vec![0.0; self.operations.len()];
        for (operation, share) in entries {
            reach.get_mut(*operation).into_iter().for_each(|reached| *reached += share);
        }
        for (number, operation) in self.operations.iter().enumerate() {
            let here: f64 = reach.get(number).copied().unwrap_or(0.0);
            for action in &operation.actions {
                let (below, chance) = match action {
                    Action::Call { operation, chance } => (*operation, *chance),
                    Action::Enqueue { operation, .. } => (*operation, 1.0),
                    _ => continue,
                };
                reach.get_mut(below).into_iter().for_each(|reached| *reached += here * chance);
            }
        }
        reach
    }

    /// Services that customers reach first.
    pub(super) fn entry_services(&self) -> Vec<usize> {
        let mut services: Vec<usize> =
            self.entries.iter().map(|(operation, _)| self.service_of(*operation)).collect();
        services.sort_unstable();
        services.dedup();
        services
    }

    /// How often a request to `entry` reaches each operation.
    pub(super) fn reach_from(&self, entry: usize) -> Vec<f64> {
        let mut entries: Vec<(usize, f64)> = self
            .entries
            .iter()
            .filter(|(operation, _)| self.service_of(*operation) == entry)
            .copied()
            .collect();
        let whole: f64 = entries.iter().map(|(_, share)| share).sum();
        entries.iter_mut().for_each(|(_, share)| *share /= whole.max(1e-9));
        self.reach(&entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn graphs_have_their_size_unique_names_and_reach_everything() {
        for size in [8, 50, 300] {
            let graph = Graph::new(11, size);
            assert_eq!(graph.services.len(), size);
            let names: BTreeSet<&str> = graph
                .services
                .iter()
                .map(|service| service.name.as_str())
                .chain(graph.dependencies.iter().map(|dependency| dependency.name.as_str()))
                .chain(graph.nodes.iter().map(String::as_str))
                .collect();
            assert_eq!(names.len(), size + graph.dependencies.len() + graph.nodes.len());
            let reach = graph.reach(&graph.entries);
            let reached: BTreeSet<usize> = reach
                .iter()
                .enumerate()
                .filter(|(_, share)| **share > 0.0)
                .map(|(operation, _)| graph.service_of(operation))
                .collect();
            assert_eq!(reached.len(), size, "every service is called");
            let whole: f64 = reach.iter().sum();
            assert!((2.0..60.0).contains(&whole), "{size}: {whole} operations a request");
        }
        assert_eq!(Graph::new(3, 50), Graph::new(3, 50));
        assert_ne!(Graph::new(3, 50), Graph::new(4, 50));
    }
}
