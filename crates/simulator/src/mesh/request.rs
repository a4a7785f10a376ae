//! One customer's request, followed through a generated system: spans, and the lines written on the way.

use groundcrew_telemetry::Timestamp;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::effects::{self, Failure};
use super::fault::MeshFault;
use super::graph::{Action, Operation};
use super::state::State;
use super::wording;
use crate::otlp;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::request::{Level, after, record, time};

/// Usual milliseconds on the wire, one way.
const WIRE_MS: f64 = 0.5;
/// Milliseconds after which a caller no longer waits for a worker.
const WORK_TIMEOUT_MS: f64 = 4_000.0;
/// Times that a storming caller repeats a failed call.
const STORM_TRIES: usize = 5;

/// How a request ended, and when.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Ended {
    pub(super) at: u64,
    pub(super) failure: Option<Failure>,
    /// It answered, but with a value that its caller cannot use.
    is_wrong: bool,
}

impl Ended {
    fn well(at: u64) -> Self {
        Self { at, failure: None, is_wrong: false }
    }

    fn failed(at: u64, failure: Failure) -> Self {
        Self { at, failure: Some(failure), is_wrong: false }
    }
}

/// Where something happens: in which pod, below which span.
#[derive(Clone, Copy, Debug)]
struct Place {
    service: usize,
    pod: usize,
    span_id: [u8; 8],
}

struct Request<'a> {
    state: &'a State,
    random: &'a mut Random,
    outbox: &'a mut Outbox,
    trace_id: [u8; 16],
    cohort: &'static str,
}

/// Follows one request of a customer that reaches the operation `entry` at `start`.
pub(super) fn follow(
    state: &State,
    random: &mut Random,
    outbox: &mut Outbox,
    (entry, start): (usize, Timestamp),
) -> Option<Ended> {
    let (high, low) = (random.bits(), random.bits() | 1);
    let mut trace_id = [0; 16];
    let halves = high.to_be_bytes().into_iter().chain(low.to_be_bytes());
    trace_id.iter_mut().zip(halves).for_each(|(to, from)| *to = from);
    let cohort = wording::cohort(random);
    let pod = state.pick(state.graph.service_of(entry), random)?;
    let mut request = Request { state, random, outbox, trace_id, cohort };
    let start = u64::try_from(start.nanos()).unwrap_or(0);
    Some(request.serve(entry, pod, (start, SpanKind::Server), None))
}

impl Request<'_> {
    /// Answers a request in `pod`.
    fn serve(
        &mut self,
        number: usize,
        pod: usize,
        (start, kind): (u64, SpanKind),
        parent: Option<[u8; 8]>,
    ) -> Ended {
        let state = self.state;
        let Some(operation) = state.graph.operations.get(number) else {
            return Ended::well(start);
        };
        let service = operation.service;
        let place = Place { service, pod, span_id: self.span_id() };
        let extra = effects::extra_work_ms(
            state,
            (service, pod),
            (time(start), operation.self_ms),
            self.random,
        );
        let work_ms = operation.self_ms * self.random.spread(0.3) + extra;
        let mut at = after(start, 0.6 * work_ms);
        let mut failure =
            effects::thrown(state, (service, pod), self.cohort, time(at), self.random);
        let is_wrong = effects::is_wrong(state, service, time(at), self.random);
        for action in &operation.actions {
            if failure.is_some() || is_wrong {
                break;
            }
            let ended = self.act(action, place, at);
            at = ended.at;
            failure = ended.failure;
        }
        let end = after(at, 0.4 * work_ms);
        self.tell(operation, place, (start, end), failure.as_ref());
        self.add_server_span(operation, (place, parent), (start, end, kind), failure.as_ref());
        Ended { at: end, failure, is_wrong }
    }

    /// Does one thing that an operation waits for; failures of others come back as the service passes them on.
    fn act(&mut self, action: &Action, place: Place, at: u64) -> Ended {
        match action {
            Action::Call { operation, chance } if self.random.chance(*chance) => {
                self.call(*operation, place, at)
            }
            Action::Call { .. } => Ended::well(at),
            Action::Query { database, writes, ms } => {
                self.ask((*database, *writes, *ms), place, at)
            }
            Action::Lookup { cache, database, ms } => {
                let read = self.ask((*cache, false, 0.6), place, at);
                let misses = read.failure.is_some() || self.random.chance(0.15);
                if let Some(failure) = &read.failure {
                    let line =
                        format!("cache read failed, falling back to database: {}", failure.message);
                    self.add_line(place, (read.at, Level::Warn), line, Vec::new());
                }
                if misses { self.ask((*database, false, *ms), place, read.at) } else { read }
            }
            Action::Provider { provider, ms } => self.ask((*provider, false, *ms), place, at),
            Action::Enqueue { queue, operation } => self.enqueue((*queue, *operation), place, at),
        }
    }

    /// Asks another service over the wire, more than once where the caller storms.
    fn call(&mut self, number: usize, caller: Place, start: u64) -> Ended {
        let callee = self.state.graph.service_of(number);
        let storms =
            self.state.severity(MeshFault::RetryStorm, time(start)).is_some_and(|(wound, _)| {
                wound.service == caller.service && wound.callee == Some(callee)
            });
        let mut at = start;
        let tries = if storms { STORM_TRIES } else { 1 };
        let mut last = Ended::well(at);
        for attempt in 0..tries {
            last = self.call_once(number, caller, at);
            at = last.at;
            // The storm's own deadline is shorter than what a drowned callee takes.
            let too_slow = storms && last.at.saturating_sub(start) > 60_000_000 && attempt < 2;
            if last.failure.is_none() && !too_slow {
                break;
            }
        }
        let name = self.state.graph.name(callee);
        if last.is_wrong && last.failure.is_none() {
            let noun = self.state.graph.service(callee).map_or("items", |service| service.noun);
            return Ended::failed(at, wording::unusable(name, noun));
        }
        let failure = last.failure.map(|failure| match failure.kind.as_str() {
            // The caller's own end of the wire fails.
            "NameResolutionError" | "CallTimeout" | "ReadTimeout" | "ConnectError" => failure,
            _ => failure.passed_on(name),
        });
        Ended { at, failure, is_wrong: false }
    }

    fn call_once(&mut self, number: usize, caller: Place, start: u64) -> Ended {
        let state = self.state;
        let Some(operation) = state.graph.operations.get(number) else {
            return Ended::well(start);
        };
        let callee = operation.service;
        let span_id = self.span_id();
        let pod = state.pick(callee, self.random);
        let name = state.graph.name(callee);
        let refusal = effects::unresolved(state, (caller.service, name), time(start), self.random)
            .or_else(|| match pod {
                Some(pod) => effects::refused(state, (callee, pod), time(start), self.random),
                None => Some(Failure::new(503, "ConnectError", format!("no endpoints for {name}"))),
            });
        let mut ended = match (pod, refusal) {
            (Some(pod), None) => self.over_the_wire((number, pod), caller, (start, span_id)),
            (_, failure) => {
                let at = after(start, self.random.between(0.4, 4.0));
                Ended { at, failure, is_wrong: false }
            }
        };
        let limit = effects::timeout_ms(state, caller.service, time(start));
        if let Some(limit) = limit.filter(|limit| after(start, *limit) < ended.at) {
            let message = format!("{name}: no answer within {limit} ms");
            ended = Ended::failed(after(start, limit), Failure::new(504, "CallTimeout", message));
        }
        let status = ended.failure.as_ref().map_or(200, |failure| failure.status);
        let port = state.graph.service(callee).map_or(0, |service| i64::from(service.port));
        let attributes = vec![
            otlp::text("http.request.method", operation.method),
            otlp::text("server.address", name),
            otlp::integer("server.port", port),
            otlp::integer("http.response.status_code", i64::from(status)),
        ];
        let title = format!("{} {}", operation.method, operation.route);
        let span = client_span((span_id, caller), title, (start, ended.at), attributes);
        self.add_span(caller.pod, span, ended.failure.as_ref());
        ended
    }

    fn over_the_wire(
        &mut self,
        (number, pod): (usize, usize),
        caller: Place,
        (start, span_id): (u64, [u8; 8]),
    ) -> Ended {
        let callee = self.state.graph.service_of(number);
        let edge = (caller.service, callee);
        let (late_ms, lost) = effects::wire(self.state, edge, time(start), self.random);
        if let Some(failure) = lost {
            return Ended::failed(after(start, late_ms), failure);
        }
        let there = after(start, WIRE_MS * self.random.spread(0.35) + late_ms);
        let served = self.serve(number, pod, (there, SpanKind::Server), Some(span_id));
        let back = WIRE_MS * self.random.spread(0.35);
        Ended { at: after(served.at, back), ..served }
    }

    /// Asks something that sends no spans.
    fn ask(
        &mut self,
        (dependency, writes, ms): (usize, bool, f64),
        caller: Place,
        start: u64,
    ) -> Ended {
        let state = self.state;
        let Some(found) = state.graph.dependencies.get(dependency) else {
            return Ended::well(start);
        };
        let unresolved =
            effects::unresolved(state, (caller.service, &found.name), time(start), self.random);
        if let Some(failure) = unresolved {
            return Ended::failed(after(start, self.random.between(1.0, 9.0)), failure);
        }
        let between = (caller.service, dependency);
        let met = effects::at_dependency(state, between, writes, time(start), self.random);
        let sent = after(start, met.wait_ms);
        if let Some(failure) = met.refusal {
            return Ended::failed(sent, failure);
        }
        if met.wait_ms > 300.0 {
            let line = format!(
                "waited {} ms for a database connection (total=2, active=2, idle=0)",
                met.wait_ms as u64
            );
            self.add_line(caller, (sent, Level::Warn), line, Vec::new());
        }
        let end = after(sent, met.took_ms.unwrap_or_else(|| ms * self.random.spread(0.35)));
        let noun = state.graph.service(caller.service).map_or("items", |service| service.noun);
        let (title, mut attributes) = asked(found.system, (writes, noun));
        attributes.push(otlp::text("server.address", found.name.as_str()));
        attributes.push(otlp::integer("server.port", i64::from(found.port)));
        if found.named {
            attributes.push(otlp::text("peer.service", found.name.as_str()));
        }
        let span_id = self.span_id();
        let span = client_span((span_id, caller), title, (sent, end), attributes);
        self.add_span(caller.pod, span, met.failure.as_ref());
        let complains = met.failure.as_ref().filter(|_| writes);
        if let Some((failure, pod)) = complains.zip(state.store_pod(dependency)) {
            let at = end.saturating_sub(1_000);
            self.outbox.add_record(pod, record(at, Level::Error, failure.message.clone()));
        }
        Ended { at: end, failure: met.failure, is_wrong: false }
    }

    /// Hands work to a worker and waits for its result, for a while.
    fn enqueue(&mut self, (queue, number): (usize, usize), caller: Place, start: u64) -> Ended {
        let state = self.state;
        let worker = state.graph.service_of(number);
        let Some(pod) = state.pick(worker, self.random) else { return Ended::well(start) };
        let span_id = self.span_id();
        let name = state.graph.dependency_name(queue);
        let wait = effects::queue_wait_ms(state, worker, time(start), self.random);
        let begun = after(start, wait);
        let done = self.serve(number, pod, (begun, SpanKind::Consumer), Some(span_id));
        let deadline = after(start, WORK_TIMEOUT_MS);
        let ended = if done.at > deadline {
            let message = format!("no result from {name} within {WORK_TIMEOUT_MS} ms");
            Ended::failed(deadline, Failure::new(504, "WorkTimeout", message))
        } else {
            Ended {
                at: done.at,
                failure: done.failure.map(|failure| failure.passed_on(name)),
                is_wrong: false,
            }
        };
        let attributes = vec![
            otlp::text("messaging.system", "rabbitmq"),
            otlp::text("messaging.destination.name", name),
            otlp::text("messaging.operation.type", "send"),
            otlp::text("server.address", name),
        ];
        let title = format!("send {name}");
        let mut span = client_span((span_id, caller), title, (start, ended.at), attributes);
        span.kind = SpanKind::Producer as i32;
        self.add_span(caller.pod, span, ended.failure.as_ref());
        ended
    }

    fn add_server_span(
        &mut self,
        operation: &Operation,
        (place, parent): (Place, Option<[u8; 8]>),
        (start, end, kind): (u64, u64, SpanKind),
        failure: Option<&Failure>,
    ) {
        let status = failure.map_or(200, |failure| failure.status);
        let mut attributes = vec![
            otlp::text("http.request.method", operation.method),
            otlp::text("http.route", operation.route.as_str()),
            otlp::integer("http.response.status_code", i64::from(status)),
        ];
        if parent.is_none() || self.random.chance(0.5) {
            attributes.push(otlp::text("app.customer.plan", self.cohort));
        }
        let span = Span {
            span_id: place.span_id.to_vec(),
            parent_span_id: parent.map(Vec::from).unwrap_or_default(),
            name: format!("{} {}", operation.method, operation.route),
            kind: kind as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            ..Span::default()
        };
        self.add_span(place.pod, span, failure);
    }

    /// Adds trace id, status and exception, and puts the span into the outbox.
    fn add_span(&mut self, pod: usize, mut span: Span, failure: Option<&Failure>) {
        span.trace_id = self.trace_id.to_vec();
        if let Some(failure) = failure {
            let stack =
                (failure.is_origin && !failure.stack.is_empty()).then_some(failure.stack.as_str());
            otlp::fail(&mut span, &failure.kind, &failure.message, stack);
        }
        self.outbox.add_span(pod, span);
    }

    /// Writes the lines that belong to a finished request.
    fn tell(
        &mut self,
        operation: &Operation,
        place: Place,
        (start, end): (u64, u64),
        failure: Option<&Failure>,
    ) {
        let Some(service) = self.state.graph.service(place.service) else { return };
        let took_ms = end.saturating_sub(start) / 1_000_000;
        let Some(failure) = failure else {
            if self.random.chance(operation.line_chance) {
                let line = wording::done(service, operation.method, took_ms, self.random);
                self.add_line(place, (end, Level::Info), line, Vec::new());
            }
            return;
        };
        let mut line = format!(
            "{} {} failed after {took_ms} ms: {}",
            operation.method, operation.route, failure.message
        );
        if !failure.stack.is_empty() {
            line = format!("{line}\n{}: {}\n{}", failure.kind, failure.message, failure.stack);
        }
        let attributes = if failure.is_origin {
            otlp::exception(&failure.kind, &failure.message, &failure.stack)
        } else {
            Vec::new()
        };
        self.add_line(place, (end, Level::Error), line, attributes);
    }

    fn add_line(
        &mut self,
        place: Place,
        (at, level): (u64, Level),
        line: String,
        attributes: Vec<KeyValue>,
    ) {
        let mut written = record(at, level, line);
        written.attributes = attributes;
        written.trace_id = self.trace_id.to_vec();
        written.span_id = place.span_id.to_vec();
        self.outbox.add_record(place.pod, written);
    }

    fn span_id(&mut self) -> [u8; 8] {
        (self.random.bits() | 1).to_be_bytes()
    }
}

fn client_span(
    (span_id, caller): ([u8; 8], Place),
    name: String,
    (start, end): (u64, u64),
    attributes: Vec<KeyValue>,
) -> Span {
    Span {
        span_id: span_id.to_vec(),
        parent_span_id: caller.span_id.to_vec(),
        name,
        kind: SpanKind::Client as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        ..Span::default()
    }
}

/// Name and attributes of a call to something without spans.
fn asked(system: &'static str, (writes, noun): (bool, &str)) -> (String, Vec<KeyValue>) {
    let operation = match (system, writes) {
        ("redis", _) => "GET",
        ("", _) => "POST",
        (_, true) => "INSERT",
        (_, false) => "SELECT",
    };
    if system.is_empty() {
        let attributes = vec![otlp::text("http.request.method", operation)];
        return ("POST /v1/submit".to_owned(), attributes);
    }
    let attributes = vec![
        otlp::text("db.system.name", system),
        otlp::text("db.operation.name", operation),
        otlp::text("db.collection.name", noun),
    ];
    (format!("{operation} {noun}"), attributes)
}
