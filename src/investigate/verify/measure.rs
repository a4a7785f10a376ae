//! Measures assertions again, in the stores and not in what was gathered: what a sentence says must hold for whoever
//! asks the same question a second time. Only a replay, which has no stores, measures in what was gathered then; what is
//! not in there is unclear, not false.
//!
//! The measuring is coarser than the analysis on purpose. It has its own arithmetic, so that a mistake there does not
//! vouch for itself here, and it says [`Outcome::Unclear`] where a figure is too near to call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use groundcrew_store::{DocumentFilter, DocumentQuery, MetricQuery, SpanQuery, TemplateQuery};
use groundcrew_telemetry::{SpanRow, TemplateId, TemplateRow, TimeRange, Timestamp, TraceId};

use super::super::assertion::{Assertion, Check, Figure, Measure, Outcome};
use super::super::evidence::Evidence;
use super::super::format::{count, milliseconds, moment, percent, quantity, rate};
use super::super::question::Plan;
use super::super::source::Source;
use super::support::normalise;
use super::traffic::{Side, Traffic};

/// Spans read for each of window and baseline, in whole traces.
const SPANS_MAX: usize = 6_000;
/// Series read for one metric.
const SERIES_MAX: usize = 500;
/// Documents looked through for a quotation.
const DOCUMENTS_MAX: usize = 20;
/// Rollups count in tens of seconds.
const SLOT_SECS: f64 = 10.0;
/// A count that is off by no more than this is the same count: records that came meanwhile.
const COUNT_SLACK: f64 = 0.02;
/// A figure must move by this share to be said to move.
const MOVES: f64 = 0.10;

/// Measures for one plan. What was read once is kept for the next assertion.
pub struct Measurer<'a> {
    source: &'a Source,
    plan: &'a Plan,
    templates: Mutex<BTreeMap<String, Arc<Lines>>>,
    traffic: OnceLock<Option<(Traffic, Traffic)>>,
}

/// The templates of one service, in the window and before it.
struct Lines {
    window: Vec<TemplateRow>,
    before: Vec<TemplateRow>,
}

/// What a measurement came to.
struct Found {
    outcome: Outcome,
    measured: String,
}

impl Found {
    fn unclear(why: impl Into<String>) -> Self {
        Self { outcome: Outcome::Unclear, measured: why.into() }
    }

    fn is(held: bool, measured: impl Into<String>) -> Self {
        let outcome = if held { Outcome::Held } else { Outcome::Failed };
        Self { outcome, measured: measured.into() }
    }
}

impl<'a> Measurer<'a> {
    /// Measures in `source` what `plan` looked at.
    #[must_use]
    pub fn new(source: &'a Source, plan: &'a Plan) -> Self {
        Self { source, plan, templates: Mutex::default(), traffic: OnceLock::new() }
    }

    /// Measures an assertion about one of `evidence` again.
    #[must_use]
    pub fn check(&self, assertion: &Assertion, evidence: &[Evidence]) -> Check {
        let item = evidence.iter().find(|item| item.id == assertion.of);
        let found = match item.map(|item| item.measure.as_ref()) {
            None => Found::is(false, format!("{} does not exist", assertion.of)),
            Some(None) => Found::unclear("the item holds nothing that is measured again"),
            Some(Some(measure)) => self.measure(measure, assertion.figure, &assertion.is),
        };
        Check { assertion: assertion.clone(), outcome: found.outcome, measured: found.measured }
    }

    fn measure(&self, measure: &Measure, figure: Figure, is: &str) -> Found {
        match (measure, figure) {
            (Measure::Template { service, template }, _) => {
                self.lines_of(service, template, figure, is)
            }
            (Measure::Requests { service, pod }, _) => {
                self.trend(figure, is, &|side| side.requests(service, pod.as_deref()))
            }
            (Measure::Calls { caller, callee }, _) => {
                self.trend(figure, is, &|side| side.calls(caller, callee))
            }
            (Measure::Series { service, pod, metric }, Figure::Level) => {
                self.level(service, pod.as_deref(), metric, is)
            }
            (Measure::Trace { trace }, Figure::Parent) => self.parent(trace, is),
            (Measure::Document { document, line }, Figure::Quotes) => {
                self.quotes(document, *line, is)
            }
            (Measure::Change { id }, Figure::TookEffect) => self.took_effect(id, is),
            (Measure::Object { object }, Figure::Status) => self.status(object, is),
            _ => Found::unclear("that figure is not measured of such an item"),
        }
    }

    fn lines_of(&self, service: &str, template: &str, figure: Figure, is: &str) -> Found {
        let lines = self.lines(service);
        let template = TemplateId::from_text(template);
        let of = |rows: &[TemplateRow]| {
            let own = || rows.iter().filter(|row| Some(row.template) == template);
            (own().map(|row| row.count).sum::<u64>(), own().map(|row| row.first).min())
        };
        let ((now, first_now), (before, first_before)) = (of(&lines.window), of(&lines.before));
        let minutes_before = covered_minutes(&lines.before, &self.plan.baseline);
        let minutes_now = (self.plan.window.secs() / 60.0).max(SLOT_SECS / 60.0);
        let (rate_now, rate_before) =
            (now as f64 / minutes_now, before as f64 / minutes_before.max(SLOT_SECS / 60.0));
        match figure {
            Figure::Count => match number(is) {
                Some(said) => Found::is(
                    (said - now as f64).abs() <= (COUNT_SLACK * now as f64).max(0.5),
                    format!("{} lines in the window", count(now)),
                ),
                None => Found::unclear(format!("`{is}` is no number")),
            },
            Figure::Ratio => match number(is) {
                Some(said) if before > 0 => {
                    let times = rate_now / rate_before;
                    let told = format!("{} times as many a minute as before", rate(times));
                    Found::is(said > 0.0 && (said / times).ln().abs() < 0.3, told)
                }
                _ => Found::unclear("there is nothing before to compare with"),
            },
            Figure::FirstSeen => {
                match (moment(is, self.plan.window.end), first_before.or(first_now)) {
                    (Some(said), Some(first)) => Found::is(
                        first.secs_since(said) >= -SLOT_SECS,
                        format!("first seen {}", first.clock_time()),
                    ),
                    (None, _) => Found::unclear(format!("`{is}` is no time")),
                    (_, None) => Found::is(false, "it was not seen at all"),
                }
            }
            Figure::Rate => moved(is, Some((rate_before, rate_now)), &|value| {
                format!("{} lines a minute", rate(value))
            }),
            _ => Found::unclear("that figure is not measured of log lines"),
        }
    }

    fn lines(&self, service: &str) -> Arc<Lines> {
        let mut known = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = known.get(service) {
            return Arc::clone(lines);
        }
        let read = |range: TimeRange| {
            let query = TemplateQuery { range, services: vec![service.to_owned()] };
            self.source.log_templates(&query).unwrap_or_default()
        };
        let lines = Arc::new(Lines {
            window: read(self.plan.window),
            before: self.plan.baseline.iter().flat_map(|range| read(*range)).collect(),
        });
        known.insert(service.to_owned(), Arc::clone(&lines));
        lines
    }

    /// Requests or calls, in the window and before.
    fn trend(&self, figure: Figure, is: &str, side: &dyn Fn(&Traffic) -> Option<Side>) -> Found {
        let traffic = self.traffic.get_or_init(|| {
            let before = self.plan.baseline.iter().copied();
            Some((self.read_spans(before)?, self.read_spans([self.plan.window].into_iter())?))
        });
        let Some((before, now)) = traffic else { return Found::unclear("spans cannot be read") };
        let (before, now) = (side(before), side(now));
        let pair = |figure: &dyn Fn(&Side) -> f64| {
            Some((before.as_ref().map(figure)?, now.as_ref().map(figure)?))
        };
        match figure {
            Figure::Errors => moved(is, pair(&|side| side.errors), &|value| percent(value)),
            // A fault seldom moves everything: the middle, the mean or the slow end is enough.
            Figure::Duration => {
                let figures: [&dyn Fn(&Side) -> f64; 3] =
                    [&|side| side.median_ms, &|side| side.mean_ms, &|side| side.slow_ms];
                let told = |value: f64| milliseconds(value);
                let mut found: Vec<Found> =
                    figures.iter().map(|figure| moved(is, pair(figure), &told)).collect();
                found.sort_by_key(|found| found.outcome != Outcome::Held);
                let all_failed = found.iter().all(|found| found.outcome == Outcome::Failed);
                match found.into_iter().next() {
                    Some(first) if first.outcome == Outcome::Held || all_failed => first,
                    Some(first) => Found::unclear(first.measured),
                    None => Found::unclear("no spans"),
                }
            }
            Figure::Rate => {
                moved(is, pair(&|side| side.per_unit), &|value| format!("{} each", rate(value)))
            }
            _ => Found::unclear("that figure is not measured of requests"),
        }
    }

    fn read_spans(&self, ranges: impl Iterator<Item = TimeRange>) -> Option<Traffic> {
        let mut traffic = Traffic::default();
        for range in ranges {
            let query = SpanQuery { range, services: Vec::new(), trace_id: None, limit: SPANS_MAX };
            traffic.add(self.source.spans(&query).ok()?, range);
        }
        Some(traffic)
    }

    fn level(&self, service: &str, pod: Option<&str>, metric: &str, is: &str) -> Found {
        let query = MetricQuery {
            range: self.plan.whole(),
            services: Vec::new(),
            name: Some(metric.to_owned()),
            series_max: SERIES_MAX,
        };
        let rows = self.source.metrics(&query).unwrap_or_default();
        let (mut before, mut now, mut unit) = (Vec::new(), Vec::new(), String::new());
        for row in rows.iter().filter(|row| {
            row.resource.service() == service
                && pod.is_none_or(|pod| row.resource.pod() == Some(pod))
        }) {
            unit.clone_from(&row.series.unit);
            for point in &row.series.points {
                if self.plan.window.contains(point.time) {
                    now.push(point.value);
                } else if self.plan.baseline.iter().any(|range| range.contains(point.time)) {
                    before.push(point.value);
                }
            }
        }
        let figures = [0.5, 0.9, 0.1].map(|share| {
            let pair = Some((quantile(&mut before, share)?, quantile(&mut now, share)?));
            Some(moved(is, pair, &|value| quantity(value, &unit)))
        });
        let mut found: Vec<Found> = figures.into_iter().flatten().collect();
        found.sort_by_key(|found| found.outcome != Outcome::Held);
        match found.into_iter().next() {
            Some(found) if found.outcome == Outcome::Held => found,
            // Sums that only grow are told by their rate, which is not compared here.
            Some(found) => Found::unclear(found.measured),
            None => Found::unclear("no such series on both sides"),
        }
    }

    fn parent(&self, trace: &str, is: &str) -> Found {
        let (Some(trace_id), Some((above, below))) = (TraceId::from_hex(trace), is.split_once('>'))
        else {
            return Found::unclear("a parent is said as `caller > callee`, of a trace");
        };
        let range = TimeRange::new(Timestamp::MIN, self.plan.window.end);
        let query =
            SpanQuery { range, services: Vec::new(), trace_id: Some(trace_id), limit: SPANS_MAX };
        let rows = self.source.spans(&query).map(|found| found.rows).unwrap_or_default();
        if rows.is_empty() {
            return self.missing("the trace does not exist");
        }
        let named = |row: &SpanRow, name: &str| {
            row.resource.service() == name.trim() || row.span.name == name.trim()
        };
        let held = rows.iter().filter(|row| named(row, below)).any(|row| {
            row.span.parent_span_id.is_some_and(|parent| {
                rows.iter().any(|other| other.span.span_id == parent && named(other, above))
            })
        });
        Found::is(held, format!("{} spans of the trace read", rows.len()))
    }

    /// Finds the quotation by its own words, as anybody would who wants to read it in its place.
    fn quotes(&self, document: &str, line: u32, is: &str) -> Found {
        let query = DocumentQuery {
            text: is.to_owned(),
            vector: None,
            filter: DocumentFilter::default(),
            limit: DOCUMENTS_MAX,
        };
        let chunks = match self.source.documents(&query) {
            Ok(chunks) => chunks,
            Err(why) => return Found::unclear(why),
        };
        let chunk = chunks.iter().find(|chunk| {
            chunk.document == document && (chunk.line_start..=chunk.line_end).contains(&line)
        });
        match chunk {
            Some(chunk) => Found::is(
                normalise(&chunk.text).contains(normalise(is).trim()),
                format!("lines {} to {} of {document}", chunk.line_start, chunk.line_end),
            ),
            None => Found::unclear(format!("{document} was not found by these words")),
        }
    }

    fn took_effect(&self, id: &str, is: &str) -> Found {
        let until = TimeRange::new(Timestamp::MIN, self.plan.window.end);
        let changes = self.source.changes(until).unwrap_or_default();
        let change = changes.iter().rfind(|change| change.name() == id);
        match (change, moment(is, self.plan.window.end)) {
            (Some(change), Some(said)) => Found::is(
                change.time.secs_since(said).abs() < 1.5,
                format!("it took effect at {}", change.time.clock_time()),
            ),
            (None, _) => self.missing("there is no such change"),
            (_, None) => Found::unclear(format!("`{is}` is no time")),
        }
    }

    fn status(&self, object: &str, is: &str) -> Found {
        let snapshots = self.source.cluster(self.plan.window.end).unwrap_or_default();
        let named = snapshots.iter().flat_map(|snapshot| &snapshot.objects).filter(|known| {
            let parts = [known.kind.as_str(), known.namespace.as_str(), known.name.as_str()];
            let whole: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            whole.join("/") == object
        });
        // Two views of one moment may name two states of it; both are true.
        let states: Vec<&str> = named.map(|known| known.status.as_str()).collect();
        match states.last() {
            // What a selector finds is worked out when it is asked for, and stands in no snapshot.
            Some(last) if states.contains(&is) => Found::is(true, format!("last seen {last}")),
            Some(last) => Found::unclear(format!("last seen {last}")),
            None => self.missing("there is no such object"),
        }
    }

    /// What cannot be found is false where everything is read, and open where only a part was kept.
    fn missing(&self, what: &str) -> Found {
        if self.source.is_whole() {
            Found::is(false, what)
        } else {
            Found::unclear(format!("{what} in the capsule"))
        }
    }
}

/// Minutes of the baseline that have any lines: what was not recorded then must not count as silence.
fn covered_minutes(rows: &[TemplateRow], baseline: &[TimeRange]) -> f64 {
    let first = rows.iter().map(|row| row.first).min();
    let secs: f64 = baseline
        .iter()
        .map(|range| {
            let start = first.map_or(range.start, |first| first.max(range.start));
            range.end.secs_since(start).clamp(0.0, range.secs())
        })
        .sum();
    secs / 60.0
}

/// Whether a figure moved as `is` says: `rises` or `falls`.
fn moved(is: &str, pair: Option<(f64, f64)>, told: &dyn Fn(f64) -> String) -> Found {
    let Some((before, now)) = pair else { return Found::unclear("nothing to compare with") };
    let measured = format!("{}, before {}", told(now), told(before));
    let up = now > before * (1.0 + MOVES);
    let down = now < before * (1.0 - MOVES);
    match (is.trim(), up, down) {
        ("rises", true, _) | ("falls", _, true) => Found::is(true, measured),
        ("rises", _, true) | ("falls", true, _) => Found::is(false, measured),
        _ => Found::unclear(measured),
    }
}

/// The first number in a text, thousands separators ignored.
fn number(text: &str) -> Option<f64> {
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '.'))
        .filter(|c| *c != ',')
        .collect();
    digits.trim_end_matches('.').parse().ok()
}

pub(super) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(((values.len().checked_sub(1)?) as f64 * share).round() as usize).copied()
}
