//! How what is different lies to a suspect in the service graph.

use std::collections::BTreeSet;

use crate::{Finding, FindingKind, ServiceGraph, Subject};

/// How a finding lies to a suspect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// On the suspect, on calls to it, or on a node that it runs on.
    Itself,
    /// On what calls the suspect, directly or not: trouble travels that way.
    Callers,
    /// On what the suspect calls, directly or not: it gets more or less to do.
    Callees,
    /// With no known way between the two.
    Elsewhere,
}

/// Who is how near to a suspect.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    itself: BTreeSet<&'a str>,
    nodes: BTreeSet<&'a str>,
    callers: BTreeSet<String>,
    callees: BTreeSet<String>,
}

impl<'a> Around<'a> {
    /// Those around `subject`.
    #[must_use]
    pub fn new(graph: &'a ServiceGraph, subject: &'a Subject) -> Self {
        let mut itself = BTreeSet::new();
        let mut nodes = BTreeSet::new();
        if let Subject::Node(node) = subject {
            nodes.insert(node.as_str());
            let runs_there = graph.services.iter().filter(|known| known.nodes.contains(node));
            itself.extend(runs_there.map(|known| known.name.as_str()));
        } else {
            itself.insert(subject.service());
            let places = graph.service(subject.service());
            nodes.extend(places.into_iter().flat_map(|known| &known.nodes).map(String::as_str));
        }
        let reached = |way: fn(&ServiceGraph, &str) -> Vec<String>| -> BTreeSet<String> {
            itself.iter().flat_map(|name| way(graph, name)).collect()
        };
        let callers = reached(ServiceGraph::blast_radius);
        let callees = reached(ServiceGraph::dependencies);
        Self { itself, nodes, callers, callees }
    }

    /// Where a finding lies.
    #[must_use]
    pub fn place(&self, finding: &Finding) -> Place {
        let (callee, node) = match &finding.kind {
            FindingKind::EdgeLatency { callee, .. }
            | FindingKind::EdgeErrors { callee, .. }
            | FindingKind::CallsChanged { callee, .. }
            | FindingKind::Retries { callee, .. } => (Some(callee.as_str()), None),
            FindingKind::MetricShift { node, .. } | FindingKind::Saturated { node, .. } => {
                (None, node.as_deref())
            }
            _ => (None, None),
        };
        let on = |is: &dyn Fn(&str) -> bool| is(&finding.service) || callee.is_some_and(is);
        if on(&|name| self.itself.contains(name)) || node.is_some_and(|n| self.nodes.contains(n)) {
            Place::Itself
        } else if self.callers.contains(&finding.service) {
            Place::Callers
        } else if on(&|name| self.callees.contains(name)) {
            Place::Callees
        } else {
            Place::Elsewhere
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GraphEdge, GraphService};

    fn finding(service: &str, callee: Option<&str>) -> Finding {
        let kind = match callee {
            Some(callee) => FindingKind::EdgeLatency {
                callee: callee.to_owned(),
                before_ms: 1.0,
                after_ms: 9.0,
                example: None,
            },
            None => FindingKind::LoadChanged { before_per_min: 1.0, after_per_min: 9.0 },
        };
        Finding { kind, service: service.to_owned(), pod: None, since: None, strength: 1.0 }
    }

    fn on_node(node: &str) -> Finding {
        let kind = FindingKind::MetricShift {
            metric: "cpu".to_owned(),
            unit: String::new(),
            before: 0.1,
            after: 0.9,
            node: Some(node.to_owned()),
        };
        Finding { kind, service: String::new(), pod: None, since: None, strength: 1.0 }
    }

    /// web → shop → stock → db, and mail beside them.
    fn graph() -> ServiceGraph {
        let edge = |caller: &str, callee: &str| GraphEdge {
            caller: caller.to_owned(),
            callee: callee.to_owned(),
            ..GraphEdge::default()
        };
        let service = |name: &str, node: &str| GraphService {
            name: name.to_owned(),
            nodes: vec![node.to_owned()],
            ..GraphService::default()
        };
        let services =
            [("db", "n2"), ("mail", "n3"), ("shop", "n1"), ("stock", "n1"), ("web", "n3")];
        ServiceGraph {
            services: services.map(|(name, node)| service(name, node)).into(),
            edges: vec![edge("shop", "stock"), edge("stock", "db"), edge("web", "shop")],
        }
    }

    #[test]
    fn findings_lie_on_a_suspect_above_it_below_it_or_apart() {
        let (graph, stock) = (graph(), Subject::Service("stock".to_owned()));
        let around = Around::new(&graph, &stock);
        for (finding, place) in [
            (finding("stock", None), Place::Itself),
            (finding("stock", Some("db")), Place::Itself),
            (finding("shop", Some("stock")), Place::Itself),
            (on_node("n1"), Place::Itself),
            (finding("shop", None), Place::Callers),
            (finding("web", Some("shop")), Place::Callers),
            (finding("db", None), Place::Callees),
            (finding("mail", None), Place::Elsewhere),
            (on_node("n3"), Place::Elsewhere),
        ] {
            assert_eq!(around.place(&finding), place, "{finding:?}");
        }
    }

    #[test]
    fn what_runs_on_a_suspected_node_is_the_node_itself() {
        let (graph, node) = (graph(), Subject::Node("n1".to_owned()));
        let around = Around::new(&graph, &node);
        assert_eq!(around.place(&finding("shop", None)), Place::Itself);
        assert_eq!(around.place(&finding("web", None)), Place::Callers);
        assert_eq!(around.place(&finding("mail", None)), Place::Elsewhere);
    }
}
