//! The service graph: who calls whom, from spans and from what is known from elsewhere.

/// Services and the calls between them, sorted by name so that equal inputs give equal graphs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ServiceGraph {
    /// Everyone who takes part, sorted by name.
    pub services: Vec<GraphService>,
    /// Who calls whom, sorted by caller, then callee.
    pub edges: Vec<GraphEdge>,
}

/// One service, or something called that sends no telemetry of its own.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GraphService {
    /// Its name.
    pub name: String,
    /// Whether it is known only from being called.
    pub dependency: bool,
    /// Requests it served in the window.
    pub requests_window: u64,
    /// Requests it served in the baseline.
    pub requests_baseline: u64,
    /// Its pods, sorted.
    pub pods: Vec<String>,
    /// The nodes those run on, sorted.
    pub nodes: Vec<String>,
}

/// Calls from one service to another.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GraphEdge {
    /// Who calls.
    pub caller: String,
    /// Who is called.
    pub callee: String,
    /// Calls in the window.
    pub calls_window: u64,
    /// Calls in the baseline.
    pub calls_baseline: u64,
}

impl ServiceGraph {
    /// The service of that name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&GraphService> {
        let position =
            self.services.binary_search_by(|service| service.name.as_str().cmp(name)).ok()?;
        self.services.get(position)
    }

    /// Those whom `service` calls.
    pub fn callees<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a str> {
        self.edges
            .iter()
            .filter(move |edge| edge.caller == service)
            .map(|edge| edge.callee.as_str())
    }

    /// Those who call `service`.
    pub fn callers<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a str> {
        self.edges
            .iter()
            .filter(move |edge| edge.callee == service)
            .map(|edge| edge.caller.as_str())
    }

    /// Everyone whom trouble of `service` can reach by being called: its callers, their callers and so on, sorted.
    #[must_use]
    pub fn blast_radius(&self, service: &str) -> Vec<String> {
        self.reached(service, |edge| (&edge.callee, &edge.caller))
    }

    /// Everyone whom `service` needs: those it calls, those whom they call and so on, sorted.
    #[must_use]
    pub fn dependencies(&self, service: &str) -> Vec<String> {
        self.reached(service, |edge| (&edge.caller, &edge.callee))
    }

    /// Everyone reached from `service` by edges walked from the first to the second that `way` names, sorted.
    fn reached(&self, service: &str, way: fn(&GraphEdge) -> (&String, &String)) -> Vec<String> {
        let mut reached: Vec<String> = Vec::new();
        let mut open = vec![service.to_owned()];
        while let Some(name) = open.pop() {
            for (from, to) in self.edges.iter().map(way) {
                if *from == name && to != service && !reached.contains(to) {
                    reached.push(to.clone());
                    open.push(to.clone());
                }
            }
        }
        reached.sort();
        reached
    }
}
