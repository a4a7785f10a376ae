//! A made-up shop: `front` calls `orders`, which calls `stock` and then `mail`; ten requests a minute.

use std::sync::Arc;

use groundcrew_telemetry::{
    Attributes, CallSite, MetricKind, MetricSeries, Point, Resource, SeriesRow, Severity, SiteRow,
    Span, SpanId, SpanKind, SpanRow, SpanStatus, StatusCode, TemplateRow, TimeRange, Timestamp,
    TraceId, Value,
};

use crate::templates::template_of;
use crate::{Analysis, Observations, Subject, rank};

/// Minutes of the baseline; the window is the five after.
pub(super) const BASELINE_MINUTES: i64 = 20;
const WINDOW_MINUTES: i64 = 5;
/// When the baseline begins.
const START_SECS: i64 = 1_800_000_000;

/// What one request does, in milliseconds; changed by the tests for the window's requests.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) front_ms: f64,
    pub(super) orders_ms: f64,
    pub(super) stock_ms: f64,
    pub(super) mail_ms: f64,
    /// Time on the wire between `orders` and `stock`.
    pub(super) wire_ms: f64,
    /// How often `stock` is asked.
    pub(super) stock_calls: usize,
    /// Whether the request goes on to `mail`.
    pub(super) reaches_mail: bool,
    pub(super) stock_fails: bool,
    pub(super) stock_pod: Option<&'static str>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            front_ms: 4.0,
            orders_ms: 6.0,
            stock_ms: 5.0,
            mail_ms: 3.0,
            wire_ms: 1.0,
            stock_calls: 1,
            reaches_mail: true,
            stock_fails: false,
            stock_pod: None,
        }
    }
}

/// Builds observations request by request.
pub(super) struct Scene {
    pub(super) observations: Observations,
    next: u64,
}

/// Where the next span goes.
#[derive(Clone, Copy)]
struct Place {
    trace: u64,
    parent: Option<SpanId>,
    start: f64,
}

impl Scene {
    /// Twenty minutes of normal requests, and `plan(number)` for the requests of the five minutes after.
    pub(super) fn new(plan: impl Fn(usize) -> Plan) -> Self {
        let start = Timestamp::from_secs(START_SECS);
        let onset = start.plus_secs(60 * BASELINE_MINUTES);
        let window = TimeRange::new(onset, onset.plus_secs(60 * WINDOW_MINUTES));
        let baseline = vec![TimeRange::new(start, onset)];
        let mut scene = Self {
            observations: Observations { window, baseline, ..Observations::default() },
            next: 1,
        };
        for number in 0..(BASELINE_MINUTES * 10) as usize {
            scene.request(start.plus_secs(6 * number as i64), &Plan::default());
        }
        for number in 0..(WINDOW_MINUTES * 10) as usize {
            scene.request(onset.plus_secs(6 * number as i64), &plan(number));
        }
        scene
    }

    /// The same system all along.
    pub(super) fn healthy() -> Self {
        Self::new(|_| Plan::default())
    }

    pub(super) fn rank(&self) -> Analysis {
        rank(&self.observations)
    }

    /// One request through the shop. Durations jitter by a tenth, always in the same way.
    pub(super) fn request(&mut self, at: Timestamp, plan: &Plan) {
        let trace = self.next;
        let jitter = 1.0 + 0.1 * ((trace * 7_919 % 13) as f64 / 6.0 - 1.0);
        let mut cursor = plan.orders_ms * jitter * 0.5;
        let stock = (plan.stock_ms + 2.0 * plan.wire_ms) * jitter;
        let orders = plan.orders_ms * jitter
            + stock * plan.stock_calls as f64
            + (plan.mail_ms + 2.0) * jitter;
        let front = plan.front_ms * jitter + orders + 2.0;
        let root = Place { trace, parent: None, start: at.nanos() as f64 / 1e6 };
        let front_id = self.span("front", ("GET /cart", SpanKind::Server), root, front);
        let call = self.span(
            "front",
            ("orders", SpanKind::Client),
            below(root, front_id, 1.0),
            orders + 1.0,
        );
        let server = below(root, call, 1.5);
        let orders_id = self.span("orders", ("Place", SpanKind::Server), server, orders);
        for _ in 0..plan.stock_calls {
            let client = below(server, orders_id, cursor);
            let call = self.span("orders", ("stock", SpanKind::Client), client, stock);
            let inner = below(client, call, plan.wire_ms * jitter);
            self.span("stock", ("Reserve", SpanKind::Server), inner, plan.stock_ms * jitter);
            if let Some(row) = self.observations.spans.last_mut() {
                if plan.stock_fails {
                    row.span.status =
                        SpanStatus { code: StatusCode::Error, message: "no rows".to_owned() };
                }
                if let Some(pod) = plan.stock_pod {
                    row.resource = resource("stock", Some(pod), None);
                }
            }
            cursor += stock;
        }
        if plan.reaches_mail {
            let client = below(server, orders_id, cursor);
            let call = self.span(
                "orders",
                ("mail", SpanKind::Client),
                client,
                (plan.mail_ms + 1.0) * jitter,
            );
            self.span(
                "mail",
                ("Send", SpanKind::Server),
                below(client, call, 0.5),
                plan.mail_ms * jitter,
            );
        }
    }

    fn span(
        &mut self,
        service: &str,
        (name, kind): (&str, SpanKind),
        place: Place,
        millis: f64,
    ) -> SpanId {
        let span_id = SpanId(self.next.to_be_bytes());
        self.next += 1;
        let mut trace_id = [0; 16];
        trace_id.get_mut(..8).unwrap().copy_from_slice(&place.trace.to_be_bytes());
        let start = Timestamp::from_nanos((place.start * 1e6) as i64);
        let span = Span {
            trace_id: TraceId(trace_id),
            span_id,
            parent_span_id: place.parent,
            name: name.to_owned(),
            kind,
            start,
            end: start.plus_nanos((millis * 1e6) as i64),
            status: SpanStatus::default(),
            attributes: Attributes::default(),
            events: Vec::new(),
        };
        self.observations.spans.push(SpanRow { resource: resource(service, None, None), span });
        span_id
    }

    /// A log line that came `before` times in the baseline and `after` times in the window, spread evenly.
    pub(super) fn log(
        &mut self,
        service: &str,
        severity: Severity,
        message: &str,
        (before, after): (u32, u32),
    ) {
        let window = self.observations.window;
        let baseline = self.observations.baseline.first().copied().unwrap();
        for (range, count, is_window) in [(baseline, before, false), (window, after, true)] {
            if count == 0 {
                continue;
            }
            let minutes = (range.secs() / 60.0) as u32;
            let first = range.start.minute();
            let share = |minute: u32| count * (minute + 1) / minutes - count * minute / minutes;
            let row = TemplateRow {
                template: template_of(message).id,
                text: template_of(message).text,
                service: service.to_owned(),
                severity,
                count: u64::from(count),
                first: range.start,
                last: range.end.plus_secs(-1),
                minutes: (0..minutes)
                    .map(|minute| (first + i64::from(minute), share(minute)))
                    .filter(|(_, count)| *count > 0)
                    .collect(),
                exemplars: vec![message.to_owned()],
                sites: Vec::new(),
                levels: Vec::new(),
            };
            let rows = if is_window {
                &mut self.observations.templates_window
            } else {
                &mut self.observations.templates_baseline
            };
            rows.push(row);
        }
    }

    /// A log line written at several places in the code: how often at each, in the baseline and in the window.
    pub(super) fn log_at_places(
        &mut self,
        service: &str,
        message: &str,
        places: &[(u8, u32, u32)],
    ) {
        let sum = |count: fn(&(u8, u32, u32)) -> u32| places.iter().map(count).sum();
        let (before, after) = (sum(|place| place.1), sum(|place| place.2));
        self.log(service, Severity::INFO, message, (before, after));
        for (rows, is_window) in [
            (&mut self.observations.templates_window, true),
            (&mut self.observations.templates_baseline, false),
        ] {
            let Some(row) = rows.last_mut() else { continue };
            let minutes = row.minutes.len().max(1) as u32;
            let first = row.first.minute();
            for (site, before, after) in places {
                let count = if is_window { *after } else { *before };
                let share = |minute| count * (minute + 1) / minutes - count * minute / minutes;
                row.sites.extend(CallSite::from_code(*site).filter(|_| count > 0).map(|site| {
                    SiteRow {
                        site,
                        count: u64::from(count),
                        minutes: (0..minutes)
                            .map(|minute| (first + i64::from(minute), share(minute)))
                            .collect(),
                        exemplar: format!("{message} at {}", site.code()),
                    }
                }));
            }
        }
    }

    /// A gauge with a point a minute: `before` in the baseline and `after` in the window, jittering by a fiftieth.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        resource: Arc<Resource>,
        (before, after): (f64, f64),
    ) {
        let point = |minute: i64| {
            let level = if minute < BASELINE_MINUTES { before } else { after };
            let jitter = 1.0 + 0.02 * ((minute * 37 % 7) as f64 / 3.0 - 1.0);
            Point { time: Timestamp::from_secs(START_SECS + 60 * minute), value: level * jitter }
        };
        let points = (0..BASELINE_MINUTES + WINDOW_MINUTES).map(point).collect();
        let unit = if name.contains("utilization") { "1" } else { "" };
        let series = MetricSeries {
            name: name.to_owned(),
            unit: unit.to_owned(),
            kind: MetricKind::Gauge,
            points,
            ..MetricSeries::default()
        };
        self.observations.series.push(SeriesRow { resource, series });
    }
}

fn below(place: Place, parent: SpanId, millis: f64) -> Place {
    Place { trace: place.trace, parent: Some(parent), start: place.start + millis }
}

/// A resource that names a service, perhaps its pod and its node.
pub(super) fn resource(service: &str, pod: Option<&str>, node: Option<&str>) -> Arc<Resource> {
    let mut resource = Resource::service_named(service);
    for (key, value) in [("k8s.pod.name", pod), ("k8s.node.name", node)] {
        if let Some(value) = value {
            resource.attributes.set(key, Value::from(value));
        }
    }
    Arc::new(resource)
}

/// The first suspect's name.
pub(super) fn first(analysis: &Analysis) -> &str {
    analysis.suspects.first().map_or("", |suspect| suspect.subject.service())
}

/// The score of a service.
pub(super) fn score(analysis: &Analysis, service: &str) -> f64 {
    let found = analysis.suspects.iter().find(|suspect| {
        !matches!(suspect.subject, Subject::Node(_)) && suspect.subject.service() == service
    });
    found.map_or(0.0, |suspect| suspect.score)
}
