//! Lets a generated system run, ten seconds at a time, until it pages.

use std::collections::VecDeque;
use std::time::Duration;

use groundcrew_telemetry::{ChangeEvent, Timestamp};

use super::changes::{self, Planned};
use super::cluster;
use super::fault::{MeshFault, MeshPlan, MeshTruth};
use super::graph::Graph;
use super::metrics::{self, Totals};
use super::names::Names;
use super::page::Watch;
use super::request;
use super::state::{SPIKE_FACTOR, State, Stuck};
use super::wording;
use super::wound::{self, Blip};
use crate::otlp;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::request::{Level, record};
use crate::simulation::{STEP_SECONDS, Step};

/// Spans of a run of half an hour, about; the rate of requests follows from it.
const SPANS_WANTED: f64 = 190_000.0;
/// Bounds of the rate of requests.
const REQUESTS_PER_SECOND: (f64, f64) = (1.0, 8.0);
/// From the break to the earliest page, and to the one that goes out whatever customers notice.
const SECONDS_TO_PAGE: (i64, i64) = (120, 480);
/// Pods from which on the cluster is looked at, and everything is measured, less often.
const PODS_MANY: usize = 200;

/// What to simulate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MeshOptions {
    /// The same seed gives the same run.
    pub seed: u64,
    /// How many services.
    pub services: usize,
    /// When the run begins.
    pub start: Timestamp,
    /// How long the system is well.
    pub normal: Duration,
    /// What happens then.
    pub plan: MeshPlan,
}

/// A generated system, running. Iterate over it for its steps; it ends with its page.
#[derive(Clone, Debug)]
pub struct Mesh {
    plan: MeshPlan,
    broken_at: Timestamp,
    page_after: Timestamp,
    now: Timestamp,
    steps: u64,
    requests_per_second: f64,
    state: State,
    outbox: Outbox,
    watch: Watch,
    totals: Totals,
    traffic: Random,
    noise: Random,
    planned: VecDeque<Planned>,
    truths: Vec<MeshTruth>,
    ended: bool,
}

impl Mesh {
    /// Sets the system up; nothing happens before the first step is asked for.
    #[must_use]
    pub fn new(options: MeshOptions) -> Self {
        let normal = i64::try_from(options.normal.as_secs()).unwrap_or(i64::MAX);
        let broken_at = options.start.plus_secs(normal);
        let mut random = Random::new(options.seed, 23);
        let mut state =
            State::new(options.seed, Graph::new(options.seed, options.services), options.start);
        let mut taken = Vec::new();
        for fault in options.plan.faults() {
            let place = (fault, broken_at);
            let wound = wound::strike(&state.graph, &state.pods, place, &taken, &mut random);
            taken.extend([Some(wound.service), wound.callee].into_iter().flatten());
            state.wounds.push(wound);
        }
        prepare(&mut state, (options.seed, broken_at), &taken, &mut random);
        let planned =
            changes::plan(&state.graph, &state.wounds, (options.start, broken_at), &mut random);
        let truths = truths(&state, &planned);
        let page_seconds = match options.plan {
            MeshPlan::Healthy => SECONDS_TO_PAGE.0 + random.below(300) as i64,
            _ => SECONDS_TO_PAGE.0 + random.below(90) as i64,
        };
        let spans_a_request = 3.0 * state.graph.reach(&state.graph.entries).iter().sum::<f64>();
        let rate = SPANS_WANTED / 1_980.0 / spans_a_request.max(1.0);
        Self {
            plan: options.plan,
            broken_at,
            page_after: broken_at.plus_secs(page_seconds),
            now: options.start,
            steps: 0,
            requests_per_second: rate.clamp(REQUESTS_PER_SECOND.0, REQUESTS_PER_SECOND.1),
            state,
            outbox: Outbox::default(),
            watch: Watch::default(),
            totals: Totals::default(),
            traffic: Random::new(options.seed, 24),
            noise: Random::new(options.seed, 25),
            planned: planned.into(),
            truths,
            ended: false,
        }
    }

    /// What truly happens in this run, one for each fault; none when nothing breaks.
    #[must_use]
    pub fn truths(&self) -> &[MeshTruth] {
        &self.truths
    }

    /// Names of all services.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        self.state.graph.services.iter().map(|service| service.name.clone()).collect()
    }

    /// Whether customers notice more than jitter just now.
    #[must_use]
    pub fn is_noticed(&self) -> bool {
        self.watch.is_bad(self.now)
    }

    fn customers_come(&mut self, to: Timestamp) {
        let seconds = to.secs_since(self.now);
        let spike = self
            .state
            .severity(MeshFault::TrafficSpike, to)
            .map(|(wound, severity)| (wound.service, 1.0 + (SPIKE_FACTOR - 1.0) * severity));
        for number in 0..self.state.graph.entries.len() {
            let Some((entry, share)) = self.state.graph.entries.get(number).copied() else {
                continue;
            };
            let service = self.state.graph.service_of(entry);
            let factor =
                spike.filter(|(spiked, _)| *spiked == service).map_or(1.0, |(_, times)| times);
            let expected =
                self.requests_per_second * share * seconds * self.state.load(to) * factor;
            for _ in 0..self.traffic.poisson(expected) {
                let moment = self.traffic.between(0.0, seconds);
                self.customer((entry, service), self.now.plus_nanos((moment * 1e9) as i64));
            }
        }
    }

    fn customer(&mut self, (entry, service): (usize, usize), start: Timestamp) {
        let followed =
            request::follow(&self.state, &mut self.traffic, &mut self.outbox, (entry, start));
        let Some(ended) = followed else { return };
        let end = Timestamp::from_nanos(i64::try_from(ended.at).unwrap_or(i64::MAX));
        let took_ms = end.secs_since(start) * 1e3;
        if start < self.broken_at {
            self.watch.learn(entry, took_ms);
        } else {
            self.watch.see((entry, service), (end, took_ms), ended.failure.is_some());
        }
    }

    /// Lines that have nothing to do with any request.
    fn chatter(&mut self, to: Timestamp) {
        let seconds = to.secs_since(self.now);
        for number in 0..self.state.graph.services.len() {
            for kind in 0..3 {
                let count = self.noise.poisson(0.006 * seconds);
                (0..count).for_each(|_| self.write(number, Level::Info, number + 2 * kind));
            }
            let warnings = self.noise.poisson(0.001_5 * seconds);
            (0..warnings).for_each(|_| self.write(number, Level::Warn, number));
            let errors = self.noise.poisson(0.000_4 * seconds);
            (0..errors).for_each(|_| self.write(number, Level::Error, number));
        }
        let crashing: Vec<usize> = self
            .state
            .pods
            .iter()
            .enumerate()
            .filter(|(_, pod)| !pod.gone && pod.stuck == Some(Stuck::Crashing))
            .map(|(index, _)| index)
            .collect();
        let starts_anew = self.steps.is_multiple_of(2);
        for pod in crashing.into_iter().filter(|_| starts_anew) {
            let line = "fatal: open /etc/app/settings.yaml: no such file or directory".to_owned();
            self.write_line(pod, Level::Error, line);
        }
    }

    fn write(&mut self, service: usize, level: Level, number: usize) {
        let Some(pod) = self.state.pick(service, &mut self.noise) else { return };
        let Some(found) = self.state.graph.service(service) else { return };
        let line = match level {
            Level::Info => wording::background(found, number, &mut self.noise),
            Level::Warn => wording::warning(found, number, &mut self.noise),
            Level::Error => wording::harmless_error(found, number, &mut self.noise),
        };
        self.write_line(pod, level, line);
    }

    fn write_line(&mut self, pod: usize, level: Level, line: String) {
        let offset = self.noise.below(STEP_SECONDS as u64 * 1_000_000_000);
        let at = u64::try_from(self.now.nanos()).unwrap_or(0).saturating_add(offset);
        self.outbox.add_record(pod, record(at, level, line));
    }

    fn changes_until(&mut self, to: Timestamp) -> Vec<ChangeEvent> {
        let mut events = Vec::new();
        while let Some(change) = self.planned.pop_front_if(|change| change.at < to) {
            events.push(change.happen(&mut self.state));
        }
        events
    }

    /// Whether it is time for the page: customers notice, or time is up.
    fn is_time(&self, to: Timestamp) -> bool {
        let patience = self.broken_at.plus_secs(SECONDS_TO_PAGE.1);
        match self.plan {
            MeshPlan::Healthy => to >= self.page_after,
            _ => to >= self.page_after && (self.watch.is_bad(to) || to >= patience),
        }
    }

    fn is_step_of(&self, often: u64) -> bool {
        self.steps % often == often - 1
    }
}

impl Iterator for Mesh {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.ended {
            return None;
        }
        let to = self.now.plus_secs(STEP_SECONDS);
        let changes = self.changes_until(to);
        self.customers_come(to);
        self.chatter(to);
        self.state.advance(self.now, to);
        let (spans, records) = self.outbox.take_before(u64::try_from(to.nanos()).unwrap_or(0));
        self.ended = self.is_time(to);
        let is_large = self.state.pods.len() > PODS_MANY;
        let measures = self.is_step_of(if is_large { 3 } else { 1 });
        let is_troubled = self.state.pods.iter().any(|pod| pod.is_troubled(to));
        let looks = self.ended || self.is_step_of(if is_large && !is_troubled { 30 } else { 6 });
        let seconds = (STEP_SECONDS * if is_large { 3 } else { 1 }) as f64;
        let metrics = measures.then(|| {
            metrics::measure(&self.state, &mut self.totals, &mut self.noise, (to, seconds))
        });
        let resource_of = |pod| metrics::resource(&self.state, pod);
        let step = Step {
            time: to,
            logs: otlp::logs_request(resource_of, records).into_iter().collect(),
            traces: otlp::trace_request(resource_of, spans).into_iter().collect(),
            metrics: metrics.into_iter().collect(),
            changes,
            cluster: if looks { cluster::look(&self.state, to) } else { Vec::new() },
            alert: self.ended.then(|| self.watch.page(&self.state.graph, to)),
        };
        self.now = to;
        self.steps += 1;
        Some(step)
    }
}

/// Blips, a harmless neighbour, and what a fault needs beside its place.
fn prepare(
    state: &mut State,
    (seed, broken_at): (u64, Timestamp),
    taken: &[usize],
    random: &mut Random,
) {
    let mut names = Names::new(seed ^ 0x5EED);
    let start = state.start;
    let normal = broken_at.secs_since(start);
    let early = start.plus_secs((normal * random.between(0.2, 0.5)) as i64);
    // It is over before the last five minutes of even the earliest page begin.
    let late = broken_at.plus_secs(-270 - random.below(60) as i64);
    for from in [early, late] {
        let service = random.below(state.graph.services.len() as u64) as usize;
        let seconds = 30 + random.below(50) as i64;
        if !taken.contains(&service) {
            state.blips.push(Blip { service, from, to: from.plus_secs(seconds) });
        }
    }
    let pressed = state.wounds.iter().find_map(|wound| wound.node.clone());
    let batch = format!("{}-batch", names.word());
    if let Some(node) = &pressed {
        state.add_batch(node, &batch, start.plus_secs(-7_200));
    }
    let quiet =
        random.pick(&state.graph.nodes).cloned().filter(|node| Some(node) != pressed.as_ref());
    if let Some(node) = quiet {
        state.add_batch(&node, &format!("{}-batch", names.word()), start.plus_secs(-3_600));
        let from = broken_at.plus_secs(-200 + random.below(300) as i64);
        state.neighbour = Some((node, from, from.plus_secs(1_200)));
    }
    let spiked = state
        .wounds
        .iter()
        .find(|wound| wound.fault == MeshFault::TrafficSpike)
        .map(|wound| wound.service);
    if let Some(entry) = spiked {
        state.prepare_spike(entry);
    }
}

fn truths(state: &State, planned: &[Planned]) -> Vec<MeshTruth> {
    state
        .wounds
        .iter()
        .map(|wound| MeshTruth {
            fault: wound.fault,
            accepted: wound.accepted(&state.graph),
            pod: wound.pod.and_then(|pod| state.pods.get(pod)).map(|pod| pod.name.clone()),
            change: planned
                .iter()
                .find(|change| change.breaks() == Some(wound.fault))
                .map(|change| change.id.clone()),
            since: wound.at,
        })
        .collect()
}
