//! Logs through their templates: what was written in the window, what before it, and one verbatim line of each.

use std::collections::BTreeMap;

use groundcrew_analysis::LogLink;
use groundcrew_store::{Expression, LogQuery, Store, TemplateQuery};
use groundcrew_telemetry::{LogRow, Severity, TemplateRow, TimeRange, Timestamp};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, EvidenceKind, Gap, Own, clip};
use super::super::format::time;
use super::super::material::Gathered;
use super::super::question::Plan;
use super::super::words::speaks_of_failure;
use super::values::{Text, Texts};

/// Templates that become candidates; the rest only count.
const CANDIDATES_MAX: usize = 1_500;
/// Lines found by the question's own words.
const MATCHED_LINES_MAX: usize = 12;
/// Templates of trouble whose requests are looked up.
const LINKED_TEMPLATES_MAX: usize = 12;
/// Lines of each.
const LINKED_LINES_MAX: usize = 24;
/// Growth from which on they are.
const LINKED_GROWTH_MIN: f64 = 1.3;
/// Longest verbatim line in a candidate, in bytes.
const LINE_BYTES_MAX: usize = 1_200;
/// Longest verbatim line among many, in bytes.
const LOOKED_LINE_BYTES_MAX: usize = 300;
/// How far back a template may lie and still be shown: older ones explain nothing of today.
const LOOKBACK_DAYS: i64 = 30;
/// And in how many splits: of a busy system they are a few hours, and a question must not read a month of it.
const LOOKBACK_SPLITS_MAX: usize = 200;

/// Adds templates and lines. Returns the templates' texts.
pub(super) fn gather(store: &Store, plan: &Plan, gathered: &mut Gathered) -> Texts {
    let end = plan.window.end;
    let back = store.newest_logs_since(end, LOOKBACK_SPLITS_MAX).min(plan.whole().start);
    let everything = TimeRange::new(back.max(end.plus_secs(-LOOKBACK_DAYS * 86_400)), end);
    let ranges = [everything, plan.window].into_iter().chain(plan.baseline.iter().copied());
    let queries: Vec<TemplateQuery> = ranges
        .chain(plan.seasons.iter().copied())
        .map(|range| TemplateQuery { range, services: Vec::new() })
        .collect();
    let mut read = match store.log_templates_of(&queries) {
        Ok(read) => read.into_iter(),
        Err(error) => {
            gathered
                .gaps
                .push(Gap::new(format!("logs could not be read: {error}"), "groundcrew doctor"));
            return Texts::new();
        }
    };
    let all = read.next().unwrap_or_default();
    gathered.observations.templates_window = read.next().unwrap_or_default();
    let baseline = read.by_ref().take(plan.baseline.len());
    gathered.observations.templates_baseline = merged(baseline);
    gathered.observations.templates_seasons = read.collect();
    gathered.observations.log_links = links(
        store,
        plan,
        &gathered.observations.templates_window,
        &gathered.observations.templates_baseline,
    );
    gathered.receipt.log_records = all.iter().map(|row| row.count).sum();
    gathered.receipt.templates = all.len() as u64;
    gathered.candidates.extend(template_candidates(&all, plan));
    gathered.candidates.extend(matched_lines(store, plan, everything));
    all.into_iter()
        .map(|row| {
            let text = Text { text: row.text, exemplars: row.exemplars, count: row.count };
            ((row.service, row.template), text)
        })
        .collect()
}

/// The templates of several ranges added up per service and template.
fn merged(ranges: impl Iterator<Item = Vec<TemplateRow>>) -> Vec<TemplateRow> {
    let mut merged: BTreeMap<(String, u64), TemplateRow> = BTreeMap::new();
    for row in ranges.flatten() {
        match merged.get_mut(&(row.service.clone(), row.template.0)) {
            Some(known) => add_row(known, row),
            None => {
                merged.insert((row.service.clone(), row.template.0), row);
            }
        }
    }
    merged.into_values().collect()
}

/// The requests in which lines of trouble were written that come more often than they did.
fn links(
    store: &Store,
    plan: &Plan,
    window: &[TemplateRow],
    baseline: &[TemplateRow],
) -> Vec<LogLink> {
    let before: BTreeMap<(&str, u64), u64> =
        baseline.iter().map(|row| ((row.service.as_str(), row.template.0), row.count)).collect();
    let seconds: f64 = plan.baseline.iter().map(TimeRange::secs).sum();
    let scale = plan.window.secs() / seconds.max(1.0);
    let growth = |row: &&TemplateRow| {
        let known = before.get(&(row.service.as_str(), row.template.0)).copied().unwrap_or(0);
        (row.count as f64 + 0.5) / (known as f64 * scale + 0.5)
    };
    let mut grew: Vec<(f64, &TemplateRow)> = window
        .iter()
        .filter(|row| row.severity >= Severity::WARN)
        .map(|row| (growth(&row), row))
        .filter(|(growth, _)| *growth >= LINKED_GROWTH_MIN)
        .collect();
    grew.sort_by(|a, b| {
        let order = b.1.severity.cmp(&a.1.severity).then(b.0.total_cmp(&a.0));
        order.then_with(|| (&a.1.service, a.1.template.0).cmp(&(&b.1.service, b.1.template.0)))
    });
    let mut links = Vec::new();
    for (_, row) in grew.into_iter().take(LINKED_TEMPLATES_MAX) {
        let query = LogQuery {
            services: vec![row.service.clone()],
            template: Some(row.template),
            limit: LINKED_LINES_MAX,
            ..LogQuery::within(plan.window)
        };
        // Links only sharpen what counts say already.
        let lines = store.search_logs(&query).unwrap_or_default();
        links.extend(lines.iter().filter_map(|line| {
            let (service, template) = (row.service.clone(), row.template);
            Some(LogLink { service, template, trace_id: line.record.trace_id? })
        }));
    }
    links
}

/// Adds `row` to `known`; minutes that both ranges touch are counted by each for its own part.
fn add_row(known: &mut TemplateRow, row: TemplateRow) {
    known.count += row.count;
    known.severity = known.severity.max(row.severity);
    known.first = known.first.min(row.first);
    known.last = known.last.max(row.last);
    known.minutes.extend(row.minutes);
    known.minutes.sort_unstable();
    for site in row.sites {
        match known.sites.iter_mut().find(|known| known.site == site.site) {
            Some(known) => {
                known.count += site.count;
                known.minutes.extend(site.minutes);
                known.minutes.sort_unstable();
            }
            None => known.sites.push(site),
        }
    }
    // Ranges are added up for what the analysis reads, which is not by severity.
    known.levels.clear();
}

pub(super) fn template_candidates(rows: &[TemplateRow], plan: &Plan) -> Vec<Candidate> {
    let total: u64 = rows.iter().map(|row| row.count).sum();
    let mut candidates: Vec<Candidate> =
        rows.iter().map(|row| template_candidate(row, plan, total)).collect();
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
    candidates.truncate(CANDIDATES_MAX);
    candidates
}

fn template_candidate(row: &TemplateRow, plan: &Plan, total: u64) -> Candidate {
    let exemplar = row.exemplars.first().map_or(row.text.as_str(), String::as_str);
    Candidate {
        kind: EvidenceKind::LogTemplate,
        title: format!(
            "{} × {} from {}",
            row.count,
            row.severity,
            service_or_unknown(&row.service)
        ),
        service: Some(row.service.clone()).filter(|service| !service.is_empty()),
        range: Some(TimeRange::new(row.first, row.last.plus_nanos(1))),
        query: Some(format!("logs service:{} template:{}", row.service, row.template)),
        text: template_text(row),
        score: prior(row, exemplar, plan, total),
        own: Own::FirstLine,
        measure: Some(Measure::Template {
            service: row.service.clone(),
            template: row.template.to_string(),
        }),
        series: Some(per_minute(row, plan.whole().start)),
        drawn: drawn(row, plan.whole().start),
        key: template_key(&row.service, row.template.0),
    }
}

/// The key under which a template of a service is one item, wherever it was found.
pub(super) fn template_key(service: &str, template: u64) -> String {
    format!("template:{service}:{template:016x}")
}

fn service_or_unknown(service: &str) -> &str {
    if service.is_empty() { "an unnamed service" } else { service }
}

/// What a reader or model gets: counts, times, and the verbatim lines that differ.
fn template_text(row: &TemplateRow) -> String {
    let service = service_or_unknown(&row.service);
    let mut text = if row.count == 1 {
        format!("{} {service} {}", time(row.first), row.severity)
    } else {
        format!(
            "{service} {} ×{} {} – {}",
            row.severity,
            row.count,
            time(row.first),
            time(row.last)
        )
    };
    // Where the lines are gone, the pattern says what they said.
    let pattern = row.exemplars.is_empty().then_some(&row.text).filter(|text| !text.is_empty());
    for line in row.exemplars.iter().chain(pattern) {
        text.push_str("\n  ");
        text.push_str(clip(line, LINE_BYTES_MAX).trim_end());
    }
    text
}

/// What a line is worth before the question is read: how bad it is, whether it is new, how rare it is.
fn prior(row: &TemplateRow, exemplar: &str, plan: &Plan, total: u64) -> f64 {
    let level: f64 = match row.severity {
        severity if severity >= Severity::ERROR => 0.42,
        severity if severity >= Severity::WARN => 0.34,
        Severity::UNSPECIFIED => 0.16,
        severity if severity >= Severity::INFO => 0.14,
        _ => 0.06,
    };
    let failure = if speaks_of_failure(exemplar) { 0.12 } else { 0.0 };
    let fresh =
        if plan.window.contains(row.first) && row.first > plan.whole().start { 0.10 } else { 0.0 };
    let recent = if row.last >= plan.window.start { 0.06 } else { 0.0 };
    let share = (row.count as f64).ln_1p() / (total as f64).ln_1p().max(1.0);
    level + failure + fresh + recent + 0.10 * (1.0 - share.clamp(0.0, 1.0))
}

/// Counts per minute from `start` to the last minute, at most 60 values; longer spans are folded.
fn per_minute(row: &TemplateRow, start: Timestamp) -> Vec<f64> {
    let (Some((first, _)), Some((last, _))) = (row.minutes.first(), row.minutes.last()) else {
        return Vec::new();
    };
    let from = (*first).max(start.minute());
    let length = (last - from + 1).max(1);
    let fold = (length + 59) / 60;
    let mut values = vec![0.0; usize::try_from((length + fold - 1) / fold).unwrap_or(1)];
    for (minute, count) in &row.minutes {
        let slot =
            usize::try_from((minute - from) / fold).ok().and_then(|slot| values.get_mut(slot));
        if let Some(slot) = slot.filter(|_| *minute >= from) {
            *slot += f64::from(*count);
        }
    }
    values
}

/// The whole minutes that [`per_minute`] counts in.
fn drawn(row: &TemplateRow, start: Timestamp) -> Option<TimeRange> {
    let (first, last) = (row.minutes.first()?.0.max(start.minute()), row.minutes.last()?.0);
    let at = |minute: i64| Timestamp::from_secs(minute.saturating_mul(60));
    Some(TimeRange::new(at(first), at(last.max(first) + 1)))
}

/// Single lines that hold the question's most telling identifiers, newest first.
fn matched_lines(store: &Store, plan: &Plan, range: TimeRange) -> Vec<Candidate> {
    let identifiers = plan.terms.iter().filter(|term| {
        let has_digit = term.chars().any(|c| c.is_ascii_digit());
        has_digit
            && term.len() >= 4
            && !plan.services.iter().any(|service| service.to_lowercase() == **term)
    });
    let mut lines = Vec::new();
    for term in identifiers.take(3) {
        let query = LogQuery {
            text: Expression::words([term]),
            newest_first: true,
            limit: MATCHED_LINES_MAX,
            ..LogQuery::within(range)
        };
        let rows = store.search_logs(&query).unwrap_or_default();
        lines.extend(rows.iter().map(|row| line_candidate(row, term)));
    }
    lines
}

/// A line with its time, service and severity.
pub(super) fn line(row: &LogRow) -> String {
    let record = &row.record;
    let (time, service) = (record.time, row.resource.service());
    let body = clip(record.body.trim_end(), LOOKED_LINE_BYTES_MAX);
    format!("{time} {service} {} {body}", record.severity)
}

fn line_candidate(row: &LogRow, term: &str) -> Candidate {
    let service = row.resource.service();
    let record = &row.record;
    Candidate {
        kind: EvidenceKind::Log,
        title: format!("{} line of {} with `{term}`", record.severity, service_or_unknown(service)),
        service: Some(service.to_owned()).filter(|service| !service.is_empty()),
        range: Some(TimeRange::new(record.time, record.time.plus_nanos(1))),
        query: Some(format!("logs terms:{term}")),
        text: format!(
            "{} {service} {}\n  {}",
            record.time,
            record.severity,
            clip(&record.body, LINE_BYTES_MAX)
        ),
        score: 0.30,
        own: Own::FirstLine,
        measure: None,
        series: None,
        drawn: None,
        key: format!("line:{service}:{}:{}", record.time.nanos(), clip(&record.body, 80)),
    }
}
