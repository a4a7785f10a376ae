//! What fails, since when, and in whose words.

use std::collections::BTreeMap;

use groundcrew_telemetry::{Severity, TemplateRow, Timestamp, Value};

use super::super::outside;
use super::words::{identifiers, quoted, stems};
use crate::{Finding, FindingKind, Observations, ServiceGraph, Suspect};

/// A leading suspect with such a score is where the trouble comes from.
const CLEAR_MIN: f64 = 0.5;
/// Nats for a change that acts on the service that fails first of all, on another suspect, and on the one that merely
/// notices it.
const PLACE_FIRST: f64 = 1.2;
const PLACE_SUSPECTED: f64 = 0.9;
const PLACE_NOTICED: f64 = -0.2;
/// With no suspect above this nothing is known to be wrong.
const TROUBLE_MIN: f64 = 0.25;
/// Suspects whose findings are heard.
const SUSPECTS_MAX: usize = 3;

/// Words and times of the trouble.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failing {
    /// Stem to how much it says.
    pub(super) stems: BTreeMap<String, f64>,
    /// Identifiers and quoted names in error messages.
    pub(super) names: BTreeMap<String, f64>,
    /// The services that fail, most suspicious first.
    pub(super) services: Vec<String>,
    /// For each of them, how much it says for a change that it acts on it, in nats.
    pub(super) places: Vec<f64>,
    /// Whether anything is suspected at all: what is not wrong was not broken by a change.
    pub(super) is_trouble: bool,
    /// When it began.
    pub(super) onset: Option<Timestamp>,
    pub(super) scene: Scene,
}

/// What sort of trouble it is, and whether something outside of all code explains it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Things slower or called more.
    pub(super) slow: bool,
    /// Something is missing, unknown or refused.
    pub(super) missing: bool,
    /// Something ran out: time, attempts, connections, memory.
    pub(super) exhausted: bool,
    /// Processes die or do not start.
    pub(super) crashing: bool,
    /// Explanations outside of all changes, in words.
    pub(super) outside: Vec<String>,
}

impl Failing {
    /// Collects what the findings of the leading suspects and the symptom say.
    pub(crate) fn new(
        observations: &Observations,
        findings: &[Finding],
        suspects: &[Suspect],
        graph: &ServiceGraph,
    ) -> Self {
        let mut failing = Self::default();
        let symptom = &observations.symptom;
        failing.place(symptom.service.as_deref(), suspects);
        failing.is_trouble = suspects.first().is_some_and(|best| best.score >= TROUBLE_MIN);
        failing.say(&symptom.text, 1.0, true);
        for finding in findings.iter().filter(|finding| failing_enough(finding)) {
            let near = failing.services.contains(&finding.service);
            failing.hear(finding, if near { 1.0 } else { 0.5 });
        }
        failing.hear_spans(observations);
        failing.unsay_normal(observations);
        failing.onset = onset(observations, findings, &failing.services);
        failing.scene.outside = outside::explanations(observations, findings, graph, failing.onset);
        failing
    }

    /// The services that fail. Where nothing is clearly suspected it is the one that the page names; else the page tells
    /// where it is noticed, and the suspects where it comes from.
    fn place(&mut self, paged: Option<&str>, suspects: &[Suspect]) {
        let top = suspects.first().map_or(0.0, |suspect| suspect.score);
        let is_clear = top >= CLEAR_MIN;
        if let Some(paged) = paged.filter(|_| !is_clear) {
            self.services.push(paged.to_owned());
            self.places.push(PLACE_FIRST);
        }
        for suspect in suspects.iter().take(SUSPECTS_MAX).filter(|suspect| suspect.score > 0.1) {
            let name = suspect.subject.service();
            if self.services.iter().any(|known| known == name) {
                continue;
            }
            let weight = match (self.services.is_empty(), is_clear) {
                (true, _) => PLACE_FIRST,
                (false, true) => PLACE_FIRST * (suspect.score / top).sqrt(),
                (false, false) => PLACE_SUSPECTED,
            };
            self.services.push(name.to_owned());
            self.places.push(weight);
        }
        if let Some(paged) = paged.filter(|paged| !self.services.iter().any(|known| known == paged))
        {
            self.services.push(paged.to_owned());
            self.places.push(PLACE_NOTICED);
        }
    }

    fn say(&mut self, text: &str, weight: f64, is_message: bool) {
        let keep = |table: &mut BTreeMap<String, f64>, word: &str, weight: f64| {
            let known = table.entry(word.to_owned()).or_default();
            *known = known.max(weight);
        };
        stems(text, |stem| keep(&mut self.stems, stem, weight));
        if is_message {
            identifiers(text, |name| {
                if name.contains('_') {
                    keep(&mut self.names, name, 2.0 * weight);
                }
            });
            quoted(text, |name| keep(&mut self.names, name, 2.0 * weight));
        }
        let lower = text.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        self.scene.slow |= says(&["slow", "latency", "p99", "p95", "duration"]);
        self.scene.missing |= says(&[
            "missing",
            "not found",
            "does not exist",
            "unknown",
            "no mapping",
            "undefined",
            "unresolved",
            "no such",
        ]);
        self.scene.exhausted |= says(&[
            "timeout",
            "timed out",
            "exhausted",
            "budget",
            "too many",
            "limit",
            "deadline",
            "pool",
            "outofmemory",
            "oom",
        ]);
        self.scene.crashing |=
            says(&["panic", "crash", "restart", "failed to start", "startup", "init"]);
    }

    fn hear(&mut self, finding: &Finding, weight: f64) {
        match &finding.kind {
            FindingKind::TemplateNew { exemplar, severity, .. }
            | FindingKind::TemplateSpiking { exemplar, severity, .. }
                if *severity >= Severity::WARN =>
            {
                self.say(exemplar, weight, true);
            }
            FindingKind::MetricShift { metric, .. } | FindingKind::Saturated { metric, .. } => {
                self.say(metric, 0.7 * weight, false)
            }
            FindingKind::ServiceLatency { operation: Some(operation), .. } => {
                self.say(operation, 0.5 * weight, false);
            }
            FindingKind::CallsChanged { callee, .. }
            | FindingKind::Retries { callee, .. }
            | FindingKind::EdgeErrors { callee, .. }
            | FindingKind::EdgeLatency { callee, .. } => self.say(callee, 0.5 * weight, false),
            FindingKind::ObjectUnhealthy { lines, .. } => {
                lines.iter().take(8).for_each(|line| self.say(line, weight, true));
            }
            FindingKind::ClusterWarning { message, .. } => self.say(message, 0.7 * weight, true),
            _ => {}
        }
    }

    /// What failed spans of the window say about themselves.
    fn hear_spans(&mut self, observations: &Observations) {
        let failed = observations
            .spans
            .iter()
            .filter(|row| observations.window.contains(row.span.start) && row.span.is_error());
        for row in failed.take(200) {
            self.say(&row.span.name, 0.5, false);
            self.say(&row.span.status.message, 1.0, true);
            let events = row.span.events.iter().flat_map(|event| event.attributes.iter());
            for (_, value) in row.span.attributes.iter().chain(events) {
                if let Value::Str(text) = value {
                    self.say(text, 0.8, true);
                }
            }
        }
    }

    /// Words that normal logs use say little.
    fn unsay_normal(&mut self, observations: &Observations) {
        let onset = observations.window.start;
        let stems_of_failing = &mut self.stems;
        let mut unsay = |stem: &str| {
            if let Some(weight) = stems_of_failing.get_mut(stem) {
                *weight = weight.min(0.4);
            }
        };
        let quiet = |row: &&TemplateRow| row.severity < Severity::WARN && row.first < onset;
        for row in observations.templates_baseline.iter().filter(quiet) {
            stems(&row.text, &mut unsay);
        }
    }
}

fn failing_enough(finding: &Finding) -> bool {
    match finding.kind {
        FindingKind::MetricShift { .. } => finding.strength >= 3.0,
        _ => true,
    }
}

/// When the clear findings of the failing services begin; findings of others where those have none.
fn onset(
    observations: &Observations,
    findings: &[Finding],
    services: &[String],
) -> Option<Timestamp> {
    let begin = |near: bool| {
        let clear = findings
            .iter()
            .filter(|finding| {
                services.contains(&finding.service) == near && finding.strength >= 3.0
            })
            .filter(|finding| !matches!(finding.kind, FindingKind::ClusterWarning { .. }));
        super::super::onset::onset(clear)
    };
    begin(true).or_else(|| begin(false)).or(Some(observations.window.start))
}
