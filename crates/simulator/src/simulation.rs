//! Lets the shop run, ten seconds at a time.

use std::collections::VecDeque;
use std::time::Duration;

use groundcrew_telemetry::{
    Alert, AlertStatus, Attributes, ChangeEvent, ClusterSnapshot, Timestamp, Value,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use crate::changes::{self, Planned};
use crate::cluster;
use crate::fault::{Fault, Truth};
use crate::metrics;
use crate::otlp;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::request::{self, Level};
use crate::shop::{PAGES, Page, Service};
use crate::wording;
use crate::world::World;

/// Virtual time that one step covers.
pub const STEP_SECONDS: i64 = 10;
/// Customers' requests a second, unless told otherwise.
const REQUESTS_PER_SECOND: f64 = 6.0;
/// Bound on the rate, so that a step stays small.
const REQUESTS_PER_SECOND_MAX: f64 = 10_000.0;
/// Harmless lines of one service a second.
const BACKGROUND_PER_SECOND: f64 = 0.04;
/// Harmless warnings of the whole shop a second, at the usual rate.
const WARNINGS_PER_SECOND: f64 = 0.02;
/// Steps between two looks at the cluster.
const STEPS_PER_LOOK: u64 = 6;

/// What to simulate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SimulationOptions {
    /// The same seed gives the same run.
    pub seed: u64,
    /// When the run begins.
    pub start: Timestamp,
    /// How long the shop is well.
    pub normal: Duration,
    /// How long it is broken after that.
    pub broken: Duration,
    /// What breaks; `None` for a shop that stays well.
    pub fault: Option<Fault>,
}

/// What was sent in ten seconds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Step {
    /// When it was sent: everything in it is older.
    pub time: Timestamp,
    /// Lines, grouped by pod.
    pub logs: Vec<ExportLogsServiceRequest>,
    /// Spans that ended, grouped by pod.
    pub traces: Vec<ExportTraceServiceRequest>,
    /// Measurements, grouped by pod.
    pub metrics: Vec<ExportMetricsServiceRequest>,
    /// Changes that took effect.
    pub changes: Vec<ChangeEvent>,
    /// Saved output of `kubectl`: text alone, for the reader of such output to take apart.
    pub cluster: Vec<ClusterSnapshot>,
    /// The page, when it goes out.
    pub alert: Option<Alert>,
}

/// The shop, running. Iterate over it for its steps.
#[derive(Clone, Debug)]
pub struct Simulation {
    options: SimulationOptions,
    broken_at: Timestamp,
    end: Timestamp,
    now: Timestamp,
    steps: u64,
    requests_per_second: f64,
    world: World,
    outbox: Outbox,
    traffic: Random,
    noise: Random,
    planned: VecDeque<Planned>,
    culprit: Option<String>,
    alerted: bool,
}

impl Simulation {
    /// Sets the shop up; nothing happens before the first step is asked for.
    #[must_use]
    pub fn new(options: SimulationOptions) -> Self {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let broken_at = options.start.plus_secs(seconds(options.normal));
        let mut planned = changes::plan(options.seed, options.start, broken_at, options.fault);
        let culprit = changes::take_culprit(&mut planned);
        Self {
            options,
            broken_at,
            end: broken_at.plus_secs(seconds(options.broken)),
            now: options.start,
            steps: 0,
            requests_per_second: REQUESTS_PER_SECOND,
            world: World::new(options.seed, options.start, options.fault, broken_at),
            outbox: Outbox::default(),
            traffic: Random::new(options.seed, 3),
            noise: Random::new(options.seed, 4),
            planned: planned.into(),
            culprit,
            alerted: false,
        }
    }

    /// Sets how many requests customers make a second; six is the default.
    #[must_use]
    pub fn with_requests_per_second(mut self, rate: f64) -> Self {
        self.requests_per_second =
            if rate.is_finite() { rate.clamp(0.0, REQUESTS_PER_SECOND_MAX) } else { 0.0 };
        self
    }

    /// What truly happens in this run; `None` when nothing breaks.
    #[must_use]
    pub fn truth(&self) -> Option<Truth> {
        let fault = self.options.fault?;
        let accepted: Vec<String> =
            fault.culprits().iter().map(|name| (*name).to_owned()).collect();
        Some(Truth {
            service: accepted.first().cloned().unwrap_or_default(),
            accepted,
            pod: None,
            fault,
            since: self.broken_at,
            change: self.culprit.clone(),
            question: fault.question(),
        })
    }

    fn customers_come(&mut self, to: Timestamp) {
        let seconds = to.secs_since(self.now);
        let expected = self.requests_per_second * seconds * self.world.load(to);
        let count = self.traffic.poisson(expected);
        let mut moments: Vec<f64> =
            (0..count).map(|_| self.traffic.between(0.0, seconds)).collect();
        moments.sort_by(f64::total_cmp);
        for moment in moments {
            let start = self.now.plus_nanos((moment * 1e9) as i64);
            let Some(page) = choose_page(&mut self.traffic) else { continue };
            request::follow(&self.world, &mut self.traffic, &mut self.outbox, (page.edge, start));
        }
    }

    /// Lines that have nothing to do with any request.
    fn chatter(&mut self, to: Timestamp) {
        let seconds = to.secs_since(self.now);
        for (service, line) in wording::BACKGROUND {
            let count = self.noise.poisson(BACKGROUND_PER_SECOND * seconds);
            self.write(service, Level::Info, *line, count);
        }
        let rate = WARNINGS_PER_SECOND * (self.requests_per_second / REQUESTS_PER_SECOND);
        for _ in 0..self.noise.poisson(rate * seconds) {
            if let Some((service, line)) = self.noise.pick(wording::BENIGN_WARNINGS) {
                self.write(service, Level::Warn, *line, 1);
            }
        }
    }

    fn write(&mut self, service: &str, level: Level, line: wording::Line, count: u32) {
        let found = Service::ALL.into_iter().find(|known| known.name() == service);
        for _ in 0..count {
            let Some(pod) = found.and_then(|service| self.world.pick(service, &mut self.noise))
            else {
                return;
            };
            let offset = self.noise.below((STEP_SECONDS as u64) * 1_000_000_000);
            let at = u64::try_from(self.now.nanos()).unwrap_or(0).saturating_add(offset);
            let text = line(&mut self.noise);
            self.outbox.add_record(pod, request::record(at, level, text));
        }
    }

    fn changes_until(&mut self, to: Timestamp) -> Vec<ChangeEvent> {
        let mut events = Vec::new();
        while let Some(change) = self.planned.pop_front_if(|change| change.at < to) {
            let from = change.rolls_out.map(|service| self.world.version(service));
            if let Some(service) = change.rolls_out {
                self.world.roll_out(service, change.at, change.never_ready);
            }
            events.push(change.event(&self.world, from));
        }
        events
    }

    fn alert_at(&mut self, to: Timestamp) -> Option<Alert> {
        let fault = self.options.fault.filter(|_| !self.alerted)?;
        let starts_at = self.broken_at.plus_secs(fault.seconds_to_alert());
        if to < starts_at {
            return None;
        }
        self.alerted = true;
        let (name, text) = fault.symptom();
        let labels = Attributes(vec![("severity".to_owned(), Value::from("critical"))]);
        Some(Alert {
            source: "simulator".to_owned(),
            fingerprint: format!("{name}-{}", self.options.seed),
            status: AlertStatus::Firing,
            name: name.to_owned(),
            severity: "critical".to_owned(),
            service: Some(Service::Gateway.name().to_owned()),
            labels,
            annotations: Attributes::default(),
            starts_at,
            ends_at: None,
            text: text.to_owned(),
            runbook_url: None,
        })
    }
}

impl Iterator for Simulation {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let to = self.now.plus_secs(STEP_SECONDS);
        if to > self.end {
            return None;
        }
        let changes = self.changes_until(to);
        self.customers_come(to);
        self.chatter(to);
        self.world.advance(self.now, to);
        let before = u64::try_from(to.nanos()).unwrap_or(0);
        let (spans, records) = self.outbox.take_before(before);
        let looks = self.steps % STEPS_PER_LOOK == STEPS_PER_LOOK - 1;
        let resource_of = |pod| otlp::resource_of(&self.world, pod);
        let step = Step {
            time: to,
            logs: otlp::logs_request(resource_of, records).into_iter().collect(),
            traces: otlp::trace_request(resource_of, spans).into_iter().collect(),
            metrics: vec![metrics::measure(&self.world, &self.outbox, &mut self.noise, to)],
            changes,
            cluster: if looks { cluster::look(&self.world, to) } else { Vec::new() },
            alert: self.alert_at(to),
        };
        self.now = to;
        self.steps += 1;
        Some(step)
    }
}

fn choose_page(random: &mut Random) -> Option<&'static Page> {
    let mut left = random.unit();
    PAGES.iter().find(|page| {
        left -= page.share;
        left < 0.0
    })
}
