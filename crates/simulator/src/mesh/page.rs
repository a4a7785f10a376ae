//! The rule that pages: what customers of each entry notice, in their words and never why.

use std::collections::BTreeMap;

use groundcrew_telemetry::{Alert, AlertStatus, Attributes, Timestamp, Value};

use super::graph::Graph;

/// Seconds that the rule looks back.
const LOOKBACK_SECONDS: f64 = 300.0;
/// Share of failed requests that pages.
const FAILED_SHARE_MIN: f64 = 0.025;
/// Share of requests slower than nearly all of the past that pages.
const SLOW_SHARE_MIN: f64 = 0.06;
/// Requests that must be bad before anybody is woken up.
const BAD_MIN: usize = 8;

/// How one request of a customer ended.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Outcome {
    at: Timestamp,
    entry: usize,
    failed: bool,
    slow: bool,
}

/// What is known about the requests so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Watch {
    /// Milliseconds by operation, in good times.
    usual: BTreeMap<usize, Vec<f64>>,
    limits: BTreeMap<usize, f64>,
    recent: Vec<Outcome>,
}

/// How an entry fares.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Fares {
    total: usize,
    failed: usize,
    slow: usize,
}

impl Fares {
    fn share(self, count: usize) -> f64 {
        count as f64 / self.total.max(1) as f64
    }

    /// How far above what pages; 1 and more pages.
    fn badness(self) -> f64 {
        let failed = if self.failed >= BAD_MIN { self.share(self.failed) } else { 0.0 };
        let slow = if self.slow >= BAD_MIN { self.share(self.slow) } else { 0.0 };
        (failed / FAILED_SHARE_MIN).max(slow / SLOW_SHARE_MIN)
    }
}

impl Watch {
    /// Counts a request that ended in good times.
    pub(super) fn learn(&mut self, operation: usize, took_ms: f64) {
        self.usual.entry(operation).or_default().push(took_ms);
    }

    /// Counts a request that ended in times that are watched.
    pub(super) fn see(
        &mut self,
        (operation, entry): (usize, usize),
        (at, took_ms): (Timestamp, f64),
        failed: bool,
    ) {
        if let Some(mut usual) = self.usual.remove(&operation) {
            usual.sort_by(f64::total_cmp);
            let place = (usual.len() as f64 * 0.985) as usize;
            let limit = usual.get(place.min(usual.len().saturating_sub(1))).copied();
            self.limits.insert(operation, limit.unwrap_or(f64::MAX));
        }
        let slow = self.limits.get(&operation).is_some_and(|limit| took_ms > *limit);
        self.recent.push(Outcome { at, entry, failed, slow });
    }

    /// The worst entry at `now`, and how bad it is.
    fn worst(&self, now: Timestamp) -> Option<(usize, Fares)> {
        let mut entries: BTreeMap<usize, Fares> = BTreeMap::new();
        for outcome in self
            .recent
            .iter()
            .filter(|outcome| outcome.at <= now && now.secs_since(outcome.at) <= LOOKBACK_SECONDS)
        {
            let fares = entries.entry(outcome.entry).or_default();
            fares.total += 1;
            fares.failed += usize::from(outcome.failed);
            fares.slow += usize::from(outcome.slow);
        }
        entries.into_iter().max_by(|a, b| a.1.badness().total_cmp(&b.1.badness()))
    }

    /// Whether customers notice enough for a page.
    pub(super) fn is_bad(&self, now: Timestamp) -> bool {
        self.worst(now).is_some_and(|(_, fares)| fares.badness() >= 1.0)
    }

    /// The page about the worst entry.
    pub(super) fn page(&self, graph: &Graph, now: Timestamp) -> Alert {
        let (entry, fares) = self.worst(now).unwrap_or_default();
        let service = graph.name(entry);
        let errors = fares.failed >= BAD_MIN
            && fares.share(fares.failed) / FAILED_SHARE_MIN
                >= fares.share(fares.slow) / SLOW_SHARE_MIN / 2.0;
        let (name, text) = if errors {
            let percent = 100.0 * fares.share(fares.failed);
            (
                "RequestErrors",
                format!(
                    "{percent:.1} % of requests to {service} ended in an error in the last 5 minutes."
                ),
            )
        } else {
            let percent = 100.0 * fares.share(fares.slow);
            (
                "RequestLatency",
                format!(
                    "{percent:.1} % of requests to {service} took longer than usual in the last 5 minutes."
                ),
            )
        };
        let labels = Attributes(vec![("severity".to_owned(), Value::from("critical"))]);
        Alert {
            source: "simulator".to_owned(),
            fingerprint: format!("{name}-{service}"),
            status: AlertStatus::Firing,
            name: name.to_owned(),
            severity: "critical".to_owned(),
            service: Some(service.to_owned()),
            labels,
            annotations: Attributes::default(),
            starts_at: now,
            ends_at: None,
            text,
            runbook_url: None,
        }
    }
}
