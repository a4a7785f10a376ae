//! Services: how each stands beside the time before, and who calls whom.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_analysis::peer_name;
use groundcrew_store::{SpanQuery, Store, TemplateQuery};
use groundcrew_telemetry::{SpanId, SpanKind, SpanRow, TimeRange, Timestamp, TraceId};

use super::view::{Served, ServiceEdge, ServiceRow, ServiceState, ServicesView, Time};
use super::when::{Asked, ExploreError, before};

/// Spans read of the time and the time before together.
const SPANS_MAX: usize = 120_000;
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
    millis: Vec<f64>,
    logs: u64,
    errors: u64,
    spans: u64,
}

impl Side {
    fn served(&mut self) -> Served {
        self.millis.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let last = self.millis.len().checked_sub(1)?;
            self.millis.get((last as f64 * share).round() as usize).copied()
        };
        Served {
            requests: self.millis.len() as u64,
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
    let whole = TimeRange::new(earlier.start, range.end);
    let query = SpanQuery { range: whole, services: Vec::new(), trace_id: None, limit: SPANS_MAX };
    let found = store.spans(&query)?;
    let mut known: BTreeMap<String, Service> = BTreeMap::new();
    let edges = count_spans(&found.rows, range, &mut known);
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
        edges,
        sampled: (found.rows.len() as u64) < found.matched,
    })
}

fn count_spans(
    rows: &[SpanRow],
    range: TimeRange,
    known: &mut BTreeMap<String, Service>,
) -> Vec<ServiceEdge> {
    let by_id: BTreeMap<(TraceId, SpanId), usize> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| ((row.span.trace_id, row.span.span_id), number))
        .collect();
    let parent = |row: &SpanRow| {
        let parent = row.span.parent_span_id?;
        rows.get(*by_id.get(&(row.span.trace_id, parent))?)
    };
    let mut answered: BTreeSet<(TraceId, SpanId)> = BTreeSet::new();
    let mut edges: BTreeMap<(String, String), ServiceEdge> = BTreeMap::new();
    let mut called = |caller: &str, callee: &str, failed: bool| {
        let key = (caller.to_owned(), callee.to_owned());
        let edge = edges.entry(key).or_insert_with(|| ServiceEdge {
            caller: caller.to_owned(),
            callee: callee.to_owned(),
            calls: 0,
            failed: 0,
        });
        edge.calls += 1;
        edge.failed += u64::from(failed);
    };
    for row in rows {
        let is_now = range.contains(row.span.start);
        let caller = parent(row);
        let name = row.resource.service();
        let is_entry = caller.is_none_or(|caller| caller.resource.service() != name);
        let service = known.entry(name.to_owned()).or_default();
        service.pods.extend(row.resource.pod().map(str::to_owned));
        let side = if is_now { &mut service.now } else { &mut service.before };
        side.spans += 1;
        // A call that nobody answered with a span is no request to the one who made it.
        if is_entry && !matches!(row.span.kind, SpanKind::Client | SpanKind::Producer) {
            side.failed += u64::from(row.span.is_error());
            side.millis.push(row.span.duration_nanos() as f64 / 1e6);
        }
        if let Some(caller) = caller.filter(|_| is_entry) {
            answered.insert((caller.span.trace_id, caller.span.span_id));
            if is_now {
                called(caller.resource.service(), name, row.span.is_error());
            }
        }
    }
    for row in rows.iter().filter(|row| range.contains(row.span.start)) {
        let is_call = matches!(row.span.kind, SpanKind::Client | SpanKind::Producer);
        if !is_call || answered.contains(&(row.span.trace_id, row.span.span_id)) {
            continue;
        }
        let callee = peer_name(&row.span.attributes);
        if let Some(callee) = callee.filter(|callee| *callee != row.resource.service()) {
            called(row.resource.service(), callee, row.span.is_error());
            known
                .entry(callee.to_owned())
                .or_insert_with(|| Service { dependency: true, ..Service::default() });
        }
    }
    edges.into_values().collect()
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

fn row(name: String, mut service: Service, owners: &BTreeMap<String, String>) -> ServiceRow {
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
