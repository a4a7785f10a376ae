//! Whole runs: the same every time, well-formed, and broken in the way that each fault says.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use groundcrew_telemetry::{ChangeKind, Timestamp};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use proptest::prelude::*;

use crate::{Fault, Simulation, SimulationOptions, Step};

const NORMAL_SECONDS: u64 = 300;

fn options(seed: u64, fault: Option<Fault>) -> SimulationOptions {
    SimulationOptions {
        seed,
        start: Timestamp::parse("2026-11-25T09:00:00Z").unwrap(),
        normal: Duration::from_secs(NORMAL_SECONDS),
        broken: Duration::from_secs(600),
        fault,
    }
}

fn run(fault: Option<Fault>) -> Vec<Step> {
    Simulation::new(options(7, fault)).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// Every span with its service, oldest first.
fn spans(steps: &[Step]) -> Vec<(String, &Span)> {
    let mut all = Vec::new();
    for group in
        steps.iter().flat_map(|step| &step.traces).flat_map(|request| &request.resource_spans)
    {
        let service = text(&group.resource.as_ref().unwrap().attributes, "service.name");
        let spans = group.scope_spans.iter().flat_map(|scope| &scope.spans);
        all.extend(spans.map(|span| (service.clone(), span)));
    }
    all
}

/// Every line with its service and severity.
fn lines(steps: &[Step]) -> Vec<(String, i32, String)> {
    let mut all = Vec::new();
    for group in steps.iter().flat_map(|step| &step.logs).flat_map(|request| &request.resource_logs)
    {
        let service = text(&group.resource.as_ref().unwrap().attributes, "service.name");
        for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            let body = match record.body.as_ref().and_then(|body| body.value.as_ref()) {
                Some(any_value::Value::StringValue(text)) => text.clone(),
                other => panic!("{other:?}"),
            };
            all.push((service.clone(), record.severity_number, body));
        }
    }
    all
}

/// The values of one gauge of one service, step by step, the highest of its pods and points.
fn gauge(steps: &[Step], service: &str, name: &str) -> Vec<f64> {
    let of_step = |step: &Step| {
        let groups = step.metrics.iter().flat_map(|request| &request.resource_metrics);
        groups
            .filter(|group| {
                text(&group.resource.as_ref().unwrap().attributes, "service.name") == service
            })
            .flat_map(|group| group.scope_metrics.iter().flat_map(|scope| &scope.metrics))
            .filter(|metric| metric.name == name)
            .filter_map(|metric| match metric.data.as_ref() {
                Some(metric::Data::Gauge(gauge)) => Some(&gauge.data_points),
                _ => None,
            })
            .flatten()
            .filter_map(|point| match point.value {
                Some(number_data_point::Value::AsDouble(value)) => Some(value),
                _ => None,
            })
            .fold(0.0, f64::max)
    };
    steps.iter().map(of_step).collect()
}

/// Steps well before the break, and steps when it has its full force.
fn before_and_after(steps: &[Step]) -> (Vec<Step>, Vec<Step>) {
    let start = steps[0].time;
    let since = |step: &Step| step.time.secs_since(start);
    let broken = NORMAL_SECONDS as f64;
    let before = steps.iter().filter(|step| since(step) < broken - 60.0).cloned().collect();
    let after = steps.iter().filter(|step| since(step) > broken + 130.0).cloned().collect();
    (before, after)
}

fn milliseconds(span: &Span) -> f64 {
    (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e6
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Share of failed spans and mean milliseconds of the server spans of a route.
fn answered(steps: &[Step], service: &str, route: &str) -> (f64, f64) {
    let found: Vec<&Span> = spans(steps)
        .into_iter()
        .filter(|(name, span)| {
            name == service
                && span.kind == SpanKind::Server as i32
                && text(&span.attributes, "http.route") == route
        })
        .map(|(_, span)| span)
        .collect();
    assert!(found.len() > 5, "{service} {route}: {}", found.len());
    let failed: Vec<f64> = found
        .iter()
        .map(|span| {
            f64::from(u8::from(span.status.as_ref().is_some_and(|status| status.code == 2)))
        })
        .collect();
    let took: Vec<f64> = found.iter().map(|span| milliseconds(span)).collect();
    (mean(&failed), mean(&took))
}

fn count_lines(steps: &[Step], service: &str, part: &str) -> usize {
    lines(steps).iter().filter(|(name, _, line)| name == service && line.contains(part)).count()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let first = run(Some(Fault::PoolExhaustion));
    assert_eq!(first, run(Some(Fault::PoolExhaustion)));
    let other: Vec<Step> = Simulation::new(options(8, Some(Fault::PoolExhaustion))).collect();
    assert_ne!(first, other);
    assert_eq!(first.len(), 90);
}

#[test]
fn steps_send_what_is_over_and_never_go_back() {
    let steps = run(Some(Fault::CatalogCpu));
    let mut last_step = 0;
    for step in &steps {
        let time = u64::try_from(step.time.nanos()).unwrap();
        assert!(time > last_step);
        for (_, span) in spans(std::slice::from_ref(step)) {
            assert!(span.end_time_unix_nano < time && span.end_time_unix_nano >= last_step);
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        }
        for group in step.logs.iter().flat_map(|request| &request.resource_logs) {
            let times: Vec<u64> = group
                .scope_logs
                .iter()
                .flat_map(|scope| &scope.log_records)
                .map(|record| record.time_unix_nano)
                .collect();
            assert!(times.is_sorted() && times.iter().all(|at| *at < time));
        }
        last_step = time;
    }
}

#[test]
fn traces_are_trees_whose_parents_contain_their_children() {
    for fault in [None, Some(Fault::NetworkDelay), Some(Fault::CartMemoryLeak)] {
        let steps = run(fault);
        let spans = spans(&steps);
        let by_id: HashMap<&[u8], &Span> =
            spans.iter().map(|(_, span)| (span.span_id.as_slice(), *span)).collect();
        assert_eq!(by_id.len(), spans.len(), "span ids are unique");
        let mut roots = HashSet::new();
        for (service, span) in &spans {
            assert!(span.trace_id.len() == 16 && span.span_id.len() == 8);
            if span.parent_span_id.is_empty() {
                assert_eq!(service, "gateway");
                assert!(roots.insert(span.trace_id.clone()), "trace ids are unique");
                continue;
            }
            // A parent that ends after the run was never sent.
            let Some(parent) = by_id.get(span.parent_span_id.as_slice()) else { continue };
            assert_eq!(parent.trace_id, span.trace_id);
            assert!(parent.start_time_unix_nano <= span.start_time_unix_nano);
            assert!(parent.end_time_unix_nano >= span.end_time_unix_nano);
        }
        assert!(roots.len() > 4_000, "{}", roots.len());
    }
}

#[test]
fn lines_belong_to_spans_of_their_traces() {
    let steps = run(None);
    let known: HashSet<(Vec<u8>, Vec<u8>)> = spans(&steps)
        .into_iter()
        .map(|(_, span)| (span.trace_id.clone(), span.span_id.clone()))
        .collect();
    let records: Vec<_> = steps
        .iter()
        .flat_map(|step| &step.logs)
        .flat_map(|request| &request.resource_logs)
        .flat_map(|group| group.scope_logs.iter().flat_map(|scope| &scope.log_records))
        .collect();
    let in_traces: Vec<_> = records.iter().filter(|record| !record.trace_id.is_empty()).collect();
    assert!(in_traces.len() * 10 > records.len() * 8);
    let missing = in_traces
        .iter()
        .filter(|record| !known.contains(&(record.trace_id.clone(), record.span_id.clone())))
        .count();
    assert!(missing * 1_000 < in_traces.len(), "{missing} of {}", in_traces.len());
}

#[test]
fn a_shop_that_is_well_stays_well() {
    let steps = run(None);
    assert!(steps.iter().all(|step| step.alert.is_none()));
    assert_eq!(Simulation::new(options(7, None)).truth(), None);
    let (failed, took) = answered(&steps, "gateway", "/products");
    assert!(failed < 0.005 && took < 100.0, "{failed} {took}");
    let lines = lines(&steps);
    let errors = lines.iter().filter(|(_, severity, _)| *severity >= 17).count();
    assert!(errors * 500 < lines.len(), "{errors} of {}", lines.len());
    let warnings = lines.iter().filter(|(_, severity, _)| *severity == 13).count();
    assert!(warnings > 3, "a healthy shop warns now and then");
    let deploys: Vec<_> = steps.iter().flat_map(|step| &step.changes).collect();
    assert!(deploys.len() >= 4, "{deploys:#?}");
}

#[test]
fn every_fault_pages_with_a_truth_and_decoys() {
    for fault in Fault::ALL {
        let simulation = Simulation::new(options(11, Some(fault)));
        let truth = simulation.truth().unwrap();
        let steps: Vec<Step> = simulation.collect();
        let alerts: Vec<_> = steps.iter().filter_map(|step| step.alert.as_ref()).collect();
        let [alert] = alerts.as_slice() else { panic!("{fault:?}: {alerts:?}") };
        assert!(alert.starts_at > truth.since);
        let changes: Vec<_> = steps.iter().flat_map(|step| &step.changes).collect();
        let harmless =
            changes.iter().filter(|change| Some(&change.id) != truth.change.as_ref()).count();
        assert!(harmless >= 3, "{fault:?}");
        if let Some(id) = &truth.change {
            let change = changes.iter().find(|change| change.id == *id).unwrap();
            assert_eq!(change.service.as_deref(), Some(truth.service.as_str()));
            let lead = truth.since.secs_since(change.time);
            assert!((0.0..=60.0).contains(&lead), "{lead}");
            assert!(
                changes
                    .iter()
                    .any(|other| other.time > change.time && other.kind == ChangeKind::Deploy)
            );
        }
        assert!(changes.is_sorted_by_key(|change| change.time));
    }
}

#[test]
fn pool_exhaustion() {
    let steps = run(Some(Fault::PoolExhaustion));
    let (before, after) = before_and_after(&steps);
    assert!(answered(&before, "gateway", "/checkout").0 < 0.03);
    assert!(answered(&after, "gateway", "/checkout").0 > 0.3);
    assert!(answered(&after, "gateway", "/products").0 < 0.02, "other pages are well");
    assert!(count_lines(&after, "checkout", "Connection is not available") > 10);
    assert_eq!(count_lines(&before, "checkout", "Connection is not available"), 0);
    let waiting = "db.client.connection.pending_requests";
    assert!(
        mean(&gauge(&after, "checkout", waiting)) > 3.0
            && mean(&gauge(&before, "checkout", waiting)) < 0.1
    );
    assert!(mean(&gauge(&after, "inventory", waiting)) < 0.1);
}

#[test]
fn payment_provider_timeout() {
    let (before, after) = before_and_after(&run(Some(Fault::PaymentProviderTimeout)));
    assert!(answered(&before, "payments", "/charges").1 < 200.0);
    let (failed, took) = answered(&after, "payments", "/charges");
    assert!(failed > 0.3 && took > 2_000.0, "{failed} {took}");
    assert!(answered(&after, "gateway", "/checkout").1 > 2_000.0);
    let at_provider = spans(&after).into_iter().filter(|(service, span)| {
        service == "payments" && text(&span.attributes, "server.address") == "card-provider"
    });
    assert!(at_provider.filter(|(_, span)| milliseconds(span) > 4_900.0).count() > 10);
}

#[test]
fn cart_memory_leak() {
    let steps = run(Some(Fault::CartMemoryLeak));
    let memory = gauge(&steps, "cart", "k8s.pod.memory_limit_utilization");
    assert!(memory[20] < 0.4 && memory.iter().copied().fold(0.0, f64::max) > 0.95);
    assert!(
        gauge(&steps, "cart", "k8s.container.restarts")
            .last()
            .is_some_and(|restarts| *restarts >= 1.0)
    );
    assert!(count_lines(&steps, "storefront", "ECONNREFUSED") > 0);
    let described = steps
        .iter()
        .flat_map(|step| &step.cluster)
        .filter(|snapshot| snapshot.text.contains("OOMKilled"));
    assert!(described.count() > 0);
}

#[test]
fn catalog_cpu() {
    let (before, after) = before_and_after(&run(Some(Fault::CatalogCpu)));
    assert!(
        answered(&after, "catalog", "/catalog/search").1
            > 10.0 * answered(&before, "catalog", "/catalog/search").1
    );
    let utilization = "k8s.pod.cpu_limit_utilization";
    assert!(
        mean(&gauge(&after, "catalog", utilization)) > 0.8
            && mean(&gauge(&before, "catalog", utilization)) < 0.4
    );
    assert!(count_lines(&after, "catalog", "slow ranking") > 50);
    assert!(answered(&after, "inventory", "/stock/{sku}").1 < 20.0);
}

#[test]
fn network_delay() {
    let (before, after) = before_and_after(&run(Some(Fault::NetworkDelay)));
    // The time is lost between the caller's client span and the callee's server span.
    let on_the_wire = |steps: &[Step]| {
        let spans = spans(steps);
        let calls: HashMap<Vec<u8>, f64> = spans
            .iter()
            .filter(|(service, span)| {
                service == "checkout" && text(&span.attributes, "server.address") == "inventory"
            })
            .map(|(_, span)| (span.span_id.clone(), milliseconds(span)))
            .collect();
        let lost: Vec<f64> = spans
            .iter()
            .filter_map(|(_, span)| Some(calls.get(&span.parent_span_id)? - milliseconds(span)))
            .collect();
        mean(&lost)
    };
    assert!(on_the_wire(&before) < 5.0 && on_the_wire(&after) > 600.0);
    assert!(answered(&after, "inventory", "/reservations").1 < 50.0);
    assert!(answered(&after, "gateway", "/checkout").1 > 600.0);
}

#[test]
fn shipping_flag() {
    let steps = run(Some(Fault::ShippingFlag));
    let (before, after) = before_and_after(&steps);
    assert!(
        answered(&before, "shipping", "/quotes").0 < 0.02
            && answered(&after, "shipping", "/quotes").0 > 0.5
    );
    assert!(count_lines(&after, "shipping", "\tat shop.shipping.zones.ZonePricing") > 10);
    assert!(spans(&after).iter().any(|(service, span)| {
        service == "shipping" && span.events.iter().any(|event| event.name == "exception")
    }));
    assert!(steps.iter().flat_map(|step| &step.changes).any(|change| {
        change.kind == ChangeKind::Flag && change.service.as_deref() == Some("shipping")
    }));
}

#[test]
fn orders_db_disk_full() {
    let (before, after) = before_and_after(&run(Some(Fault::OrdersDbDiskFull)));
    let disk = "system.filesystem.utilization";
    assert!(
        mean(&gauge(&before, "orders-db", disk)) < 0.65
            && mean(&gauge(&after, "orders-db", disk)) > 0.99
    );
    assert!(count_lines(&after, "orders-db", "No space left on device") > 10);
    assert!(answered(&after, "inventory", "/reservations").0 > 0.6);
    assert!(answered(&after, "inventory", "/stock/{sku}").0 < 0.02, "reads still work");
}

#[test]
fn storefront_probe() {
    let steps = run(Some(Fault::StorefrontProbe));
    let (before, after) = before_and_after(&steps);
    assert!(
        answered(&before, "gateway", "/products").0 < 0.02
            && answered(&after, "gateway", "/products").0 > 0.25
    );
    let last = steps.iter().rev().find_map(|step| step.cluster.first()).unwrap();
    assert_eq!(last.text.matches("0/1     Running").count(), 2, "{}", last.text);
}

#[test]
fn traffic_spike() {
    let (before, after) = before_and_after(&run(Some(Fault::TrafficSpike)));
    let rate = |steps: &[Step]| spans(steps).len() as f64 / steps.len() as f64;
    assert!(rate(&after) > 2.5 * rate(&before));
    assert!(answered(&after, "gateway", "/cart").1 > 3.0 * answered(&before, "gateway", "/cart").1);
    assert!(count_lines(&after, "storefront", "request shed") > 10);
}

#[test]
fn volume_follows_the_rate() {
    let run = |rate: f64| -> usize {
        let simulation = Simulation::new(options(7, None)).with_requests_per_second(rate);
        simulation.take(12).map(|step| spans(&[step]).len()).sum()
    };
    let usual = run(6.0);
    assert!(run(0.0) == 0 && run(f64::NAN) == 0);
    assert!((run(18.0) as f64 / usual as f64 - 3.0).abs() < 0.5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_options_run(seed: u64, start: i64, normal in 0_u64..90, broken in 0_u64..90, fault in 0_usize..10) {
        let options = SimulationOptions {
            seed,
            start: Timestamp::from_nanos(start),
            normal: Duration::from_secs(normal),
            broken: Duration::from_secs(broken),
            fault: Fault::ALL.get(fault).copied(),
        };
        let steps = Simulation::new(options).with_requests_per_second(1.0).take(20).count() as u64;
        prop_assert!(steps <= (normal + broken) / 10);
    }
}
