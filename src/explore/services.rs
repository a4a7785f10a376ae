//! Services: how each stands beside the time before, and who calls whom. From counts: every request is in them.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_store::{EdgeCount, LatencySketch, SpanCountQuery, Store, TemplateQuery};
use groundcrew_telemetry::{TimeRange, Timestamp};

use super::view::{Served, ServiceEdge, ServiceRow, ServiceState, ServicesView, Time};
use super::when::{Asked, ExploreError, before};

/// Failures beyond those expected from which on more fail: fewer are chance.
const FAILED_MORE_MIN: f64 = 5.0;
/// How many times slower is slower.
const SLOWER: f64 = 1.5;
/// Requests from which on times say something.
const TIMED_MIN: u64 = 20;
/// How many times more errors logged, and how many at least, are more.
const ERRORS_MORE: f64 = 3.0;
const ERRORS_MORE_MIN: u64 = 10;
/// Log records of the time before from which on none at all is silence.
const SILENT_MIN: u64 = 20;

/// What one service did in one time.
#[derive(Default)]
struct Side {
    failed: u64,
    times: LatencySketch,
    logs: u64,
    errors: u64,
    spans: u64,
}

impl Side {
    fn served(&self) -> Served {
        let at = |share: f64| self.times.quantile(share).map(|nanos| nanos / 1e6);
        Served {
            requests: self.times.count(),
            failed: self.failed,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
        }
    }

    fn is_heard(&self, least: u64) -> bool {
        self.spans + self.logs >= least
    }
}

#[derive(Default)]
struct Service {
    now: Side,
    before: Side,
    pods: BTreeSet<String>,
    dependency: bool,
}

/// Services and calls.
///
/// # Errors
/// When the question or the store cannot be read.
pub fn services(
    store: &Store,
    asked: &Asked,
    now: Timestamp,
) -> Result<ServicesView, ExploreError> {
    let range = asked.range(store, now)?;
    let earlier = before(range);
    let mut known: BTreeMap<String, Service> = BTreeMap::new();
    let calls = count_spans(store, range, &mut known, |service| &mut service.now)?;
    count_spans(store, earlier, &mut known, |service| &mut service.before)?;
    for call in calls.iter().filter(|call| call.answered == 0) {
        let callee = known.entry(call.callee.clone());
        callee.or_insert_with(|| Service { dependency: true, ..Service::default() });
    }
    count_logs(store, range, &mut known, |service| &mut service.now)?;
    count_logs(store, earlier, &mut known, |service| &mut service.before)?;
    let owners: BTreeMap<String, String> = store
        .documents()
        .entities()
        .unwrap_or_default()
        .into_iter()
        .filter(|entity| !entity.owner.is_empty())
        .map(|entity| (entity.name.to_lowercase(), entity.owner))
        .collect();
    let mut rows: Vec<ServiceRow> = known
        .into_iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, service)| row(name, service, &owners))
        .collect();
    rows.sort_by(|a, b| (a.state, &a.name).cmp(&(b.state, &b.name)));
    Ok(ServicesView {
        from: Time(range.start),
        to: Time(range.end),
        before_from: Time(earlier.start),
        services: rows,
        edges: calls.into_iter().map(edge).collect(),
    })
}

/// Adds what spans counted in a time; gives the calls.
fn count_spans(
    store: &Store,
    range: TimeRange,
    known: &mut BTreeMap<String, Service>,
    side: impl Fn(&mut Service) -> &mut Side,
) -> Result<Vec<EdgeCount>, ExploreError> {
    let counts = store.span_counts(&SpanCountQuery { range, services: Vec::new() })?;
    for operation in counts.operations {
        let side = side(known.entry(operation.service).or_default());
        side.spans += operation.spans;
        if operation.is_request {
            side.failed += operation.failed;
            side.times.merge(&operation.times);
        }
    }
    for (service, pods) in counts.pods {
        known.entry(service).or_default().pods.extend(pods);
    }
    Ok(counts.edges)
}

fn count_logs(
    store: &Store,
    range: TimeRange,
    known: &mut BTreeMap<String, Service>,
    side: impl Fn(&mut Service) -> &mut Side,
) -> Result<(), ExploreError> {
    for row in store.log_templates(&TemplateQuery { range, services: Vec::new() })? {
        let side = side(known.entry(row.service.clone()).or_default());
        side.logs += row.count;
        let errors = row.by_severity().filter(|level| level.0.is_error());
        side.errors += errors.map(|(_, count, _)| count).sum::<u64>();
    }
    Ok(())
}

fn row(name: String, service: Service, owners: &BTreeMap<String, String>) -> ServiceRow {
    let (now, before) = (service.now.served(), service.before.served());
    let (state, why) = judge(&service, &now, &before);
    ServiceRow {
        owner: owners.get(&name.to_lowercase()).cloned(),
        name,
        state,
        why,
        // One that sends telemetry of its own is a service, whoever calls it by address.
        dependency: service.dependency && !service.now.is_heard(1) && !service.before.is_heard(1),
        now,
        before,
        log_records: service.now.logs,
        errors_logged: service.now.errors,
        pods: service.pods.into_iter().collect(),
    }
}

fn edge(counted: EdgeCount) -> ServiceEdge {
    let EdgeCount { caller, callee, calls, failed, .. } = counted;
    ServiceEdge { caller, callee, calls, failed }
}

/// How it stands, and why. A glance and no diagnosis: an investigation weighs causes.
fn judge(service: &Service, now: &Served, before: &Served) -> (ServiceState, String) {
    let share = |served: &Served| served.failed as f64 / (served.requests as f64).max(1.0);
    let expected = share(before) * now.requests as f64;
    if now.failed as f64 - expected > FAILED_MORE_MIN.max(2.0 * expected.sqrt()) {
        let why = format!(
            "{:.1} % of requests fail, before {:.1} %",
            100.0 * share(now),
            100.0 * share(before)
        );
        return (ServiceState::Failing, why);
    }
    let (errors, errors_before) = (service.now.errors, service.before.errors);
    if errors >= ERRORS_MORE_MIN && errors as f64 > ERRORS_MORE * errors_before as f64 {
        return (ServiceState::Failing, format!("logs {errors} errors, before {errors_before}"));
    }
    if !service.now.is_heard(1) && service.before.is_heard(SILENT_MIN) {
        let spans_and_logs = service.before.spans + service.before.logs;
        return (ServiceState::Silent, format!("nothing heard, before {spans_and_logs} records"));
    }
    if let (Some(p95), Some(p95_before)) = (now.p95_ms, before.p95_ms)
        && now.requests.min(before.requests) >= TIMED_MIN
        && p95 > SLOWER * p95_before
    {
        let why = format!("one in twenty takes {p95:.0} ms or more, before {p95_before:.0} ms");
        return (ServiceState::Slower, why);
    }
    (ServiceState::Fine, String::new())
}
