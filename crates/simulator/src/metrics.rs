//! What is measured every ten seconds: pods, requests, pools, disk and queues.

use groundcrew_telemetry::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::fault::Fault;
use crate::otlp;
use crate::outbox::{BOUNDS_SECONDS, Latencies, Outbox};
use crate::random::Random;
use crate::shop::Service;
use crate::world::{Pod, World};

const MIB: f64 = 1_048_576.0;

/// Measures every pod at `at`.
pub(crate) fn measure(
    world: &World,
    outbox: &Outbox,
    random: &mut Random,
    at: Timestamp,
) -> ExportMetricsServiceRequest {
    let mut resource_metrics = Vec::new();
    for (index, pod) in world.pods.iter().enumerate().filter(|(_, pod)| !pod.gone) {
        let mut measuring = Measuring::new(pod.created, at);
        pod_metrics(&mut measuring, world, pod, random, at);
        special_metrics(&mut measuring, world, pod, random, at);
        request_metrics(&mut measuring, outbox, index);
        resource_metrics.push(measuring.of(otlp::resource(pod)));
    }
    ExportMetricsServiceRequest { resource_metrics }
}

/// The metrics of one pod or node, as they come together.
pub(crate) struct Measuring {
    at: u64,
    start: u64,
    metrics: Vec<Metric>,
}

impl Measuring {
    /// Nothing measured yet of something that runs since `start`.
    pub(crate) fn new(start: Timestamp, at: Timestamp) -> Self {
        Self { at: nanos(at), start: nanos(start), metrics: Vec::new() }
    }

    /// What was measured, as `resource` sends it.
    pub(crate) fn of(self, resource: Option<Resource>) -> ResourceMetrics {
        ResourceMetrics {
            resource,
            scope_metrics: vec![ScopeMetrics {
                scope: otlp::scope("shop.metrics"),
                metrics: self.metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }
    }

    pub(crate) fn gauge(&mut self, name: &str, unit: &str, value: f64) {
        self.gauge_with(name, unit, vec![(Vec::new(), value)]);
    }

    pub(crate) fn gauge_with(&mut self, name: &str, unit: &str, values: Vec<(Vec<KeyValue>, f64)>) {
        let data_points =
            values.into_iter().map(|(attributes, value)| self.point(attributes, value)).collect();
        self.add(name, unit, metric::Data::Gauge(Gauge { data_points }));
    }

    pub(crate) fn counter(&mut self, name: &str, unit: &str, value: f64) {
        self.counter_with(name, unit, vec![(Vec::new(), value)]);
    }

    pub(crate) fn counter_with(
        &mut self,
        name: &str,
        unit: &str,
        values: Vec<(Vec<KeyValue>, f64)>,
    ) {
        let data_points =
            values.into_iter().map(|(attributes, value)| self.point(attributes, value)).collect();
        let sum = Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Cumulative as i32,
            is_monotonic: true,
        };
        self.add(name, unit, metric::Data::Sum(sum));
    }

    fn point(&self, attributes: Vec<KeyValue>, value: f64) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.at,
            value: Some(number_data_point::Value::AsDouble(value)),
            ..NumberDataPoint::default()
        }
    }

    fn add(&mut self, name: &str, unit: &str, data: metric::Data) {
        self.metrics.push(Metric {
            name: name.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        });
    }
}

fn pod_metrics(
    measuring: &mut Measuring,
    world: &World,
    pod: &Pod,
    random: &mut Random,
    at: Timestamp,
) {
    let traits = pod.service.traits();
    let is_up = pod.killed_at.is_none();
    let cpu = if is_up { cpu_cores(world, pod, random, at) } else { 0.0 };
    let memory = if is_up { pod.memory_mib * random.between(0.985, 1.015) } else { 0.0 };
    measuring.gauge("k8s.pod.cpu.usage", "{cpu}", cpu);
    measuring.gauge("k8s.pod.cpu_limit_utilization", "1", cpu / traits.cpu_limit);
    measuring.gauge("k8s.pod.memory.working_set", "By", memory * MIB);
    measuring.gauge("k8s.pod.memory_limit_utilization", "1", memory / traits.memory_limit_mib);
    measuring.gauge("k8s.container.restarts", "{restart}", f64::from(pod.restarts));
    measuring.gauge("k8s.container.ready", "", f64::from(u8::from(pod.is_ready())));
}

/// Cores in use: the share of the service's load that falls on the pod, with noise, within its limit.
fn cpu_cores(world: &World, pod: &Pod, random: &mut Random, at: Timestamp) -> f64 {
    let traits = pod.service.traits();
    let ready = world.pods_of(pod.service).filter(|(_, pod)| pod.is_ready()).count().max(1);
    let share = if pod.is_ready() { 1.0 / ready as f64 } else { 0.02 };
    let usual = traits.cpu * share * world.load(at) * random.spread(0.08);
    let ranking = if pod.service == Service::Catalog {
        0.94 * world.severity(Fault::CatalogCpu, at)
    } else {
        0.0
    };
    let collecting =
        if pod.service == Service::Cart && pod.memory_mib > 0.75 * traits.memory_limit_mib {
            0.18
        } else {
            0.0
        };
    (usual + ranking * random.between(0.92, 1.0) + collecting).min(traits.cpu_limit)
}

fn special_metrics(
    measuring: &mut Measuring,
    world: &World,
    pod: &Pod,
    random: &mut Random,
    at: Timestamp,
) {
    match pod.service {
        Service::Checkout | Service::Inventory => pool_metrics(measuring, world, pod, random, at),
        Service::Notifications => {
            let depth = random.below(4) as f64 * world.load(at);
            let destination = vec![otlp::text("messaging.destination.name", "order-mails")];
            measuring.gauge_with("messaging.queue.depth", "{message}", vec![(destination, depth)]);
        }
        Service::OrdersDb => {
            let mount =
                vec![otlp::text("system.filesystem.mountpoint", "/var/lib/postgresql/data")];
            measuring.gauge_with(
                "system.filesystem.utilization",
                "1",
                vec![(mount, world.disk_used)],
            );
            let backends = (24.0 + random.below(7) as f64) * world.load(at).sqrt();
            measuring.gauge("postgresql.backends", "1", backends.round());
        }
        Service::SessionCache => {
            measuring.gauge("redis.clients.connected", "{client}", 18.0 + random.below(5) as f64);
            measuring.gauge(
                "redis.memory.used",
                "By",
                pod.memory_mib * MIB * random.between(0.9, 0.93),
            );
        }
        _ => {}
    }
}

fn pool_metrics(
    measuring: &mut Measuring,
    world: &World,
    pod: &Pod,
    random: &mut Random,
    at: Timestamp,
) {
    let severity = if pod.service == Service::Checkout {
        world.severity(Fault::PoolExhaustion, at)
    } else {
        0.0
    };
    let is_small = pod.service == Service::Checkout
        && world.fault == Some(Fault::PoolExhaustion)
        && pod.created > world.broken_at.plus_secs(-3_600);
    let max = if is_small { 2.0 } else { 20.0 };
    let usual = (1.0 + random.below(4) as f64) * world.load(at).sqrt();
    let used = (usual + max * severity).min(max).round();
    let waiting = if severity > 0.0 { (severity * random.between(4.0, 14.0)).round() } else { 0.0 };
    let state = |state: &str| vec![otlp::text("db.client.connection.state", state), pool_name()];
    measuring.gauge_with(
        "db.client.connection.count",
        "{connection}",
        vec![(state("used"), used), (state("idle"), max - used)],
    );
    measuring.gauge_with(
        "db.client.connection.max",
        "{connection}",
        vec![(vec![pool_name()], max)],
    );
    measuring.gauge_with(
        "db.client.connection.pending_requests",
        "{request}",
        vec![(vec![pool_name()], waiting)],
    );
}

fn pool_name() -> KeyValue {
    otlp::text("db.client.connection.pool.name", "HikariPool-1")
}

fn request_metrics(measuring: &mut Measuring, outbox: &Outbox, pod: usize) {
    let of_pod = outbox.latencies.range((pod, 0)..=(pod, u16::MAX));
    let data_points: Vec<HistogramDataPoint> = of_pod
        .map(|((_, status), latencies)| latency_point(measuring, *status, latencies))
        .collect();
    if data_points.is_empty() {
        return;
    }
    let total: u64 = data_points.iter().map(|point| point.count).sum();
    let histogram = Histogram {
        data_points,
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
    };
    measuring.add("http.server.request.duration", "s", metric::Data::Histogram(histogram));
    measuring.counter("http.server.requests", "{request}", total as f64);
}

fn latency_point(measuring: &Measuring, status: u16, latencies: &Latencies) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: vec![otlp::integer("http.response.status_code", i64::from(status))],
        start_time_unix_nano: measuring.start,
        time_unix_nano: measuring.at,
        count: latencies.count,
        sum: Some(latencies.sum_seconds),
        bucket_counts: latencies.buckets.to_vec(),
        explicit_bounds: BOUNDS_SECONDS.to_vec(),
        ..HistogramDataPoint::default()
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or(0)
}
