//! One customer's request, followed through the shop: spans, and the lines written on the way.

use groundcrew_telemetry::Timestamp;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::{Span, span};

use crate::effects::{self, Failure};
use crate::otlp;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::shop::{Action, CARD_PROVIDER, Handler, Query, Service};
use crate::wording;
use crate::world::World;

const NANOS_PER_MS: f64 = 1e6;

/// The request under way.
struct Request<'a> {
    world: &'a World,
    random: &'a mut Random,
    outbox: &'a mut Outbox,
    trace_id: [u8; 16],
}

/// Where something happens: in which pod, below which span.
#[derive(Clone, Copy, Debug)]
struct Place {
    service: Service,
    pod: usize,
    span_id: [u8; 8],
}

/// How something ended, and when.
#[derive(Clone, PartialEq, Debug)]
struct Ended {
    at: u64,
    failure: Option<Failure>,
}

/// Follows one request that reaches `edge` at `start`.
pub(crate) fn follow(
    world: &World,
    random: &mut Random,
    outbox: &mut Outbox,
    (edge, start): (&Handler, Timestamp),
) {
    let high = random.bits();
    let low = random.bits() | 1;
    let mut trace_id = [0; 16];
    let halves = high.to_be_bytes().into_iter().chain(low.to_be_bytes());
    trace_id.iter_mut().zip(halves).for_each(|(to, from)| *to = from);
    let mut request = Request { world, random, outbox, trace_id };
    if let Some(pod) = world.pick(edge.service, request.random) {
        request.serve(edge, pod, u64::try_from(start.nanos()).unwrap_or(0), None);
    }
}

impl Request<'_> {
    /// Answers a request in `pod`.
    fn serve(
        &mut self,
        handler: &Handler,
        pod: usize,
        start: u64,
        parent: Option<[u8; 8]>,
    ) -> Ended {
        let place = Place { service: handler.service, pod, span_id: self.span_id() };
        let extra = effects::extra_work_ms(
            self.world,
            handler.service,
            pod,
            (time(start), handler.self_ms),
            self.random,
        );
        let work_ms = handler.self_ms * self.random.spread(0.28) + extra;
        let mut at = after(start, 0.6 * work_ms);
        let mut failure = effects::thrown(self.world, handler.service, time(at), self.random);
        for action in handler.actions {
            if failure.is_some() {
                break;
            }
            let (ended, callee) = self.act(action, place, at);
            at = ended.at;
            // A statement fails in the service that sends it; a call fails where it was answered.
            failure = ended.failure.map(|below| {
                if callee.is_empty() { below } else { below.passed_on_by(handler.service, callee) }
            });
        }
        let end = after(at, 0.4 * work_ms);
        self.tell(handler, place, (start, end), failure.as_ref());
        self.add_server_span(handler, (place, parent), (start, end), failure.as_ref());
        Ended { at: end, failure }
    }

    /// Does one thing that a handler waits for; also gives the name of who was asked, or `""` for a store, whose errors
    /// are the service's own.
    fn act(&mut self, action: &Action, place: Place, at: u64) -> (Ended, &'static str) {
        match action {
            Action::Call(handler) => (self.call(handler, place, at), handler.service.name()),
            Action::Sometimes(share, handler) => {
                if self.random.chance(*share) {
                    (self.call(handler, place, at), handler.service.name())
                } else {
                    (Ended { at, failure: None }, "")
                }
            }
            Action::Query(query) => (self.query(query, place, at), ""),
            Action::Charge => (self.charge(place, at), ""),
        }
    }

    /// Asks another service over the wire.
    fn call(&mut self, handler: &Handler, caller: Place, start: u64) -> Ended {
        let span_id = self.span_id();
        let pod = self.world.pick(handler.service, self.random);
        let refusal = match pod {
            Some(pod) => {
                effects::refused(self.world, handler.service, pod, time(start), self.random)
            }
            None => Some(Failure::new(
                503,
                "ConnectError",
                format!("no endpoints for {}", handler.service.name()),
            )),
        };
        let ended = match (pod, refusal) {
            (Some(pod), None) => {
                let there = self.wire_ms(caller.service, handler.service, start);
                let served = self.serve(handler, pod, after(start, there), Some(span_id));
                let back = self.wire_ms(caller.service, handler.service, served.at);
                Ended { at: after(served.at, back), failure: served.failure }
            }
            (_, failure) => Ended { at: after(start, self.random.between(0.4, 2.0)), failure },
        };
        let path = wording::path(handler.route, self.random);
        let attributes = vec![
            otlp::text("http.request.method", handler.method),
            otlp::text("server.address", handler.service.name()),
            otlp::integer("server.port", i64::from(handler.service.traits().port)),
            otlp::text("url.path", path),
            otlp::integer("http.response.status_code", status_of(handler, ended.failure.as_ref())),
        ];
        let span = Span {
            span_id: span_id.to_vec(),
            parent_span_id: caller.span_id.to_vec(),
            name: format!("{} {}", handler.method, handler.route),
            kind: span::SpanKind::Client as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: ended.at,
            attributes,
            ..Span::default()
        };
        self.add_span(caller.pod, span, ended.failure.as_ref());
        ended
    }

    fn wire_ms(&mut self, caller: Service, callee: Service, at: u64) -> f64 {
        let usual = 0.45 * self.random.spread(0.35);
        usual + effects::extra_wire_ms(self.world, caller, callee, time(at), self.random)
    }

    /// Sends a statement to a store, once there is a connection for it.
    fn query(&mut self, query: &Query, caller: Place, start: u64) -> Ended {
        let effect = effects::at_store(self.world, caller.service, query, time(start), self.random);
        let sent = after(start, effect.pool_wait_ms);
        if effect.pool_wait_ms > 500.0 && effect.pool_failure.is_none() {
            let waited = effect.pool_wait_ms as u64;
            let line =
                format!("waited {waited} ms for a database connection (total=2, active=2, idle=0)");
            self.add_line(caller, (sent, Level::Warn), line, Vec::new());
        }
        if let Some(failure) = effect.pool_failure {
            return Ended { at: sent, failure: Some(failure) };
        }
        let end = after(sent, query.ms * self.random.spread(0.35) + effect.extra_ms);
        let system = if query.store == Service::OrdersDb { "postgresql" } else { "redis" };
        let attributes = vec![
            otlp::text("db.system", system),
            otlp::text("db.system.name", system),
            otlp::text("db.operation.name", query.operation),
            otlp::text("db.collection.name", query.table),
            otlp::text("db.query.text", query.text),
            otlp::text("server.address", query.store.name()),
            otlp::integer("server.port", i64::from(query.store.traits().port)),
        ];
        let span = Span {
            span_id: self.span_id().to_vec(),
            parent_span_id: caller.span_id.to_vec(),
            name: format!("{} {}", query.operation, query.table),
            kind: span::SpanKind::Client as i32,
            start_time_unix_nano: sent,
            end_time_unix_nano: end,
            attributes,
            ..Span::default()
        };
        self.add_span(caller.pod, span, effect.failure.as_ref());
        if effect.failure.is_some() {
            self.add_store_error(query, end, effect.failure.as_ref());
        }
        Ended { at: end, failure: effect.failure }
    }

    /// The database writes a line of its own when a statement fails.
    fn add_store_error(&mut self, query: &Query, at: u64, failure: Option<&Failure>) {
        let Some(pod) = self.world.pick(query.store, self.random) else { return };
        let message = failure.map_or("", |failure| failure.message.as_str());
        let place = Place { service: query.store, pod, span_id: [0; 8] };
        let line = format!("{message}\nHINT:  Check free disk space.\nSTATEMENT:  {}", query.text);
        self.add_line(place, (at, Level::Error), line, Vec::new());
    }

    /// Asks the card provider, outside of the cluster.
    fn charge(&mut self, caller: Place, start: u64) -> Ended {
        let (took_ms, failure) = effects::at_card_provider(self.world, time(start), self.random);
        let end = after(start, took_ms);
        let mut attributes = vec![
            otlp::text("http.request.method", "POST"),
            otlp::text("server.address", CARD_PROVIDER),
            otlp::integer("server.port", 443),
            otlp::text("url.full", "https://card-provider/v1/charges"),
        ];
        let answered = failure.as_ref().is_none_or(|failure| !failure.is_error());
        if answered {
            let status = failure.as_ref().map_or(201, |failure| i64::from(failure.status));
            attributes.push(otlp::integer("http.response.status_code", status));
        }
        let span = Span {
            span_id: self.span_id().to_vec(),
            parent_span_id: caller.span_id.to_vec(),
            name: "POST /v1/charges".to_owned(),
            kind: span::SpanKind::Client as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            ..Span::default()
        };
        self.add_span(caller.pod, span, failure.as_ref());
        if took_ms > 1_000.0 && answered {
            let line = format!("slow charge: card-provider took {} ms", took_ms as u64);
            self.add_line(caller, (end, Level::Warn), line, Vec::new());
        }
        Ended { at: end, failure }
    }

    fn add_server_span(
        &mut self,
        handler: &Handler,
        (place, parent): (Place, Option<[u8; 8]>),
        (start, end): (u64, u64),
        failure: Option<&Failure>,
    ) {
        let status = status_of(handler, failure);
        let attributes = vec![
            otlp::text("http.request.method", handler.method),
            otlp::text("http.route", handler.route),
            otlp::integer("http.response.status_code", status),
            otlp::text("url.scheme", "http"),
        ];
        let span = Span {
            span_id: place.span_id.to_vec(),
            parent_span_id: parent.map(Vec::from).unwrap_or_default(),
            name: format!("{} {}", handler.method, handler.route),
            kind: span::SpanKind::Server as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            ..Span::default()
        };
        self.outbox.count(
            place.pod,
            u16::try_from(status).unwrap_or(500),
            end.saturating_sub(start) as f64 / 1e9,
        );
        self.add_span(place.pod, span, failure);
    }

    /// Adds trace id, status and exception, and puts the span into the outbox.
    fn add_span(&mut self, pod: usize, mut span: Span, failure: Option<&Failure>) {
        span.trace_id = self.trace_id.to_vec();
        if let Some(failure) = failure.filter(|failure| failure.is_error()) {
            let stack = failure.is_origin.then_some(failure.stack.as_str());
            otlp::fail(&mut span, failure.kind, &failure.message, stack);
        }
        self.outbox.add_span(pod, span);
    }

    /// Writes the lines that belong to a finished request.
    fn tell(
        &mut self,
        handler: &Handler,
        place: Place,
        (start, end): (u64, u64),
        failure: Option<&Failure>,
    ) {
        let took_ms = end.saturating_sub(start) / 1_000_000;
        if handler.service == Service::Gateway {
            let path = wording::path(handler.route, self.random);
            let status = status_of(handler, failure);
            let level = if status >= 500 { Level::Error } else { Level::Info };
            let line =
                format!("{} {path} {status} {took_ms}ms upstream=storefront", handler.method);
            self.add_line(place, (end, level), line, Vec::new());
            return;
        }
        match failure {
            None => {
                if self.random.chance(handler.line_chance) {
                    let line = (handler.line)(self.random);
                    self.add_line(place, (end, Level::Info), line, Vec::new());
                }
                let is_slow_search = handler.service == Service::Catalog && took_ms > 400;
                if is_slow_search {
                    let candidates = 38_000 + self.random.below(12_000);
                    let line = format!(
                        "slow ranking: {took_ms} ms for {candidates} candidates (ranker=pairwise)"
                    );
                    self.add_line(place, (end, Level::Warn), line, Vec::new());
                }
            }
            Some(failure) if !failure.is_error() => {
                let line =
                    format!("{} {} refused: {}", handler.method, handler.route, failure.message);
                self.add_line(place, (end, Level::Warn), line, Vec::new());
            }
            Some(failure) => {
                let mut line = format!(
                    "{} {} failed after {took_ms} ms: {}",
                    handler.method, handler.route, failure.message
                );
                if !failure.stack.is_empty() {
                    line =
                        format!("{line}\n{}: {}\n{}", failure.kind, failure.message, failure.stack);
                }
                let attributes = if failure.is_origin {
                    otlp::exception(failure.kind, &failure.message, &failure.stack)
                } else {
                    Vec::new()
                };
                self.add_line(place, (end, Level::Error), line, attributes);
            }
        }
    }

    fn add_line(
        &mut self,
        place: Place,
        (at, level): (u64, Level),
        line: String,
        attributes: Vec<KeyValue>,
    ) {
        let in_span = place.span_id != [0; 8];
        let mut record = record(at, level, line);
        record.attributes = attributes;
        if in_span {
            record.trace_id = self.trace_id.to_vec();
            record.span_id = place.span_id.to_vec();
        }
        self.outbox.add_record(place.pod, record);
    }

    fn span_id(&mut self) -> [u8; 8] {
        (self.random.bits() | 1).to_be_bytes()
    }
}

/// Severity of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

/// A line without context.
pub(crate) fn record(at_nanos: u64, level: Level, line: String) -> LogRecord {
    let (severity_number, severity_text) = match level {
        Level::Info => (9, "INFO"),
        Level::Warn => (13, "WARN"),
        Level::Error => (17, "ERROR"),
    };
    LogRecord {
        time_unix_nano: at_nanos,
        observed_time_unix_nano: at_nanos,
        severity_number,
        severity_text: severity_text.to_owned(),
        body: otlp::body(line),
        ..LogRecord::default()
    }
}

fn status_of(handler: &Handler, failure: Option<&Failure>) -> i64 {
    let usual = if handler.method == "POST" { 201 } else { 200 };
    failure.map_or(usual, |failure| i64::from(failure.status))
}

pub(crate) fn after(at: u64, milliseconds: f64) -> u64 {
    at.saturating_add((milliseconds.max(0.0) * NANOS_PER_MS) as u64)
}

pub(crate) fn time(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
