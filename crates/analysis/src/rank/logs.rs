//! Log templates that are new, gone, or come much more or less often than the requests explain.
//!
//! A template's count is compared with what each operation of its service would let expect; the best explanation wins.
//! So a template that follows the traffic of one operation is quiet, however much that traffic changed.

use std::collections::BTreeMap;

use groundcrew_telemetry::{Severity, TemplateRow, Timestamp, TraceId};

use super::ends::AtCallers;
use super::evidence::{Channel, Evidence};
use super::family::{alternatives, families};
use super::harm::Harm;
use super::names::Names;
use super::operations::{Operation, Operations};
use super::season::UsualCounts;
use super::stats::{CHANCE_FINDINGS_MAX, chance_of_counts, count_score, saturate, share_score};
use crate::{Finding, FindingKind};

/// Noise units from which on a change is a finding.
const SCORE_MIN: f64 = 1.2;
/// Lines of the baseline from which on "always together" is no chance.
pub(super) const TOGETHER_COUNT_MIN: f64 = 15.0;
/// Lines that the edges of window and baseline may cut off.
pub(super) const EDGE_SLACK: f64 = 2.0;
/// Spans of the baseline that a service needs for its operations to say what to expect: a few samples do not.
const TRACED_SPANS_MIN: u64 = 20;
/// How likely it is the caller's end when it says that a name does not resolve.
const UNRESOLVED_HERE: f64 = 0.9;
/// What is left of a warning whose requests go as well as all others.
const HARMLESS: f64 = 0.35;
/// Findings of one service that are kept.
const FINDINGS_MAX: usize = 12;

/// One template of one service, both sides.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) service: u32,
    template: u64,
    pub(super) text: &'a str,
    pub(super) before: f64,
    pub(super) after: f64,
    pub(super) window: Option<&'a TemplateRow>,
    pub(super) baseline: Option<&'a TemplateRow>,
}

impl Line<'_> {
    /// Whether it tells of trouble by its severity.
    pub(super) fn is_trouble(&self) -> bool {
        self.severity() >= Severity::WARN
    }

    /// When its present run began: trouble may be older than the window, then the baseline's end has it too.
    fn since(&self) -> Option<Timestamp> {
        const PAUSE_MINUTES: i64 = 2;
        let first = self.window?.first;
        let Some(baseline) = self.baseline else { return Some(first) };
        let mut begins = first.minute();
        for (minute, _) in baseline.minutes.iter().rev() {
            if begins - minute > PAUSE_MINUTES {
                break;
            }
            begins = *minute;
        }
        match baseline.minutes.first() {
            // It was there all along: what is new is how often it comes, and that began with the window.
            Some((earliest, _)) if begins == *earliest && self.before > self.after => Some(first),
            Some((earliest, _)) if begins == *earliest => Some(baseline.first),
            _ if begins < first.minute() => Some(Timestamp::from_secs(begins * 60)),
            _ => Some(first),
        }
    }

    pub(super) fn severity(&self) -> Severity {
        let of = |row: Option<&TemplateRow>| row.map_or(Severity::UNSPECIFIED, |row| row.severity);
        of(self.window).max(of(self.baseline))
    }
}

/// Seconds that the logs of window and baseline cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Covered {
    pub(super) baseline: f64,
    pub(super) window: f64,
}

/// Pairs the templates of window and baseline.
pub(super) fn lines<'a>(
    window: &'a [TemplateRow],
    baseline: &'a [TemplateRow],
    services: &mut Names,
) -> Vec<Line<'a>> {
    let mut lines: BTreeMap<(u32, u64), Line<'a>> = BTreeMap::new();
    for (row, is_window) in
        baseline.iter().map(|row| (row, false)).chain(window.iter().map(|row| (row, true)))
    {
        let service = services.number(&row.service);
        let line = lines.entry((service, row.template.0)).or_insert_with(|| Line {
            service,
            template: row.template.0,
            text: &row.text,
            before: 0.0,
            after: 0.0,
            window: None,
            baseline: None,
        });
        if is_window {
            line.after += row.count as f64;
            line.window = Some(row);
        } else {
            line.before += row.count as f64;
            line.baseline = Some(row);
        }
    }
    lines.into_values().collect()
}

/// Finds changed templates and says whom they speak for.
pub(super) fn find(
    lines: &[Line<'_>],
    operations: &Operations,
    (covered, usual, ends, harm): (Covered, &UsualCounts, &AtCallers, &Harm),
    services: &Names,
    evidence: &mut Evidence,
) {
    let pace = Pace::new(lines, operations, covered);
    let pooled = [families(lines), alternatives(lines)];
    let mut changed: Vec<(usize, f64, f64)> = Vec::new();
    // With no past at all everything is new; then only what calls itself trouble is.
    let has_past = lines.iter().any(|line| line.before > 0.0);
    let [ordinary, trouble] = [false, true]
        .map(|trouble| lines.iter().filter(|line| line.is_trouble() == trouble).count() as f64);
    for (position, line) in lines.iter().enumerate() {
        if !has_past && !line.is_trouble() {
            continue;
        }
        let (score, expected) = pace.score(line.service, line.before, line.after);
        // Values that take turns in one sentence, and steps that take turns, are a mix that drifts.
        let score = pooled
            .iter()
            .filter_map(|pooled| pooled.get(position).copied().flatten())
            .map(|(before, after)| pace.score(line.service, before, after).0.abs())
            .fold(score, |score, pooled| score.signum() * score.abs().min(pooled));
        let (score, expected) = match pace.broken_promise(line) {
            Some((broken, promised)) if broken.abs() > score.abs() => (broken, promised),
            _ => {
                // Of many lines some come less or more often by chance alone.
                let compared = if line.is_trouble() { trouble } else { ordinary };
                let scale = pace.scale(line, expected);
                let chance = chance_of_counts(line.before, line.after, scale);
                if has_past && compared * chance > CHANCE_FINDINGS_MAX {
                    continue;
                }
                (score, expected)
            }
        };
        let (score, expected) = match usual.of(services.name(line.service), line.template) {
            seasonal if score > 0.0 && seasonal > expected => {
                (score.min(count_score(line.after, seasonal, 1.0)), seasonal)
            }
            _ => (score, expected),
        };
        if score.abs() >= SCORE_MIN {
            changed.push((position, score, expected));
        }
    }
    changed.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    let mut kept: BTreeMap<u32, usize> = BTreeMap::new();
    for (position, score, expected) in changed {
        let Some(line) = lines.get(position) else { continue };
        let count = kept.entry(line.service).or_default();
        *count += 1;
        if *count > FINDINGS_MAX {
            continue;
        }
        let name = services.name(line.service);
        let is_warning = line.is_trouble() && !line.severity().is_error();
        let is_harmless = score > 0.0 && is_warning && harm.is_harmless(name, line.template);
        let likelihood =
            likelihood(line, score, expected) * if is_harmless { HARMLESS } else { 1.0 };
        let example = harm.of(name, line.template).and_then(|requests| requests.example);
        let Some(finding) = finding(line, (score, expected), covered, services, example) else {
            continue;
        };
        let index = evidence.findings.len();
        evidence.findings.push(finding);
        speak(line, (likelihood, index), ends, services, evidence);
    }
}

/// Says whom a line speaks for.
fn speak(
    line: &Line<'_>,
    (likelihood, index): (f64, usize),
    ends: &AtCallers,
    services: &Names,
    evidence: &mut Evidence,
) {
    let mentioned = mentioned(line, services);
    // A line about another service speaks for that one, unless its calls fail at this end.
    let at_this_end = |service: &u32| {
        // Who is not called from here is spoken of by hearsay: of those who do call it.
        let of_edge = ends.get(&(line.service, *service)).copied().unwrap_or_else(|| {
            let callers = ends.iter().filter(|((_, callee), _)| callee == service);
            callers.map(|(_, at_caller)| *at_caller).reduce(f64::min).unwrap_or(0.0)
        });
        if says_unresolved(line) { of_edge.max(UNRESOLVED_HERE) } else { of_edge }
    };
    let here = mentioned.iter().map(&at_this_end).fold(0.0, f64::max);
    let own = if mentioned.is_empty() { 1.0 } else { 0.5 + 0.5 * here };
    evidence.clue(line.service, Channel::Logs, own * likelihood, index);
    for service in mentioned {
        let there = 0.6 * (1.0 - at_this_end(&service));
        evidence.clue(service, Channel::Logs, there * likelihood, index);
    }
}

/// Whether a line says that a name does not resolve: that happens before the one who is called hears of it.
fn says_unresolved(line: &Line<'_>) -> bool {
    const WORDS: [&str; 7] = [
        "no such host",
        "name resolution",
        "nxdomain",
        "unknownhost",
        "getaddrinfo",
        "server misbehaving",
        "name or service not known",
    ];
    let exemplars = line.window.map_or(&[][..], |row| &row.exemplars);
    exemplars.iter().any(|text| {
        let lower = text.to_lowercase();
        WORDS.iter().any(|word| lower.contains(word))
    })
}

/// What counts of requests and time let expect.
struct Pace<'a> {
    /// Per service, (baseline, window) counts of each operation.
    operations: BTreeMap<u32, Vec<(f64, f64)>>,
    /// Per service, operations with their minutes.
    paths: BTreeMap<u32, Vec<&'a Operation>>,
    covered: Covered,
}

impl<'a> Pace<'a> {
    fn new(lines: &[Line<'_>], operations: &'a Operations, covered: Covered) -> Self {
        let mut table: BTreeMap<u32, Vec<(f64, f64)>> = BTreeMap::new();
        let mut traced: BTreeMap<u32, u64> = BTreeMap::new();
        for operation in &operations.operations {
            let [before, _] = operation.count;
            *traced.entry(operation.service).or_default() += before;
        }
        for operation in &operations.operations {
            let [before, after] = operation.count;
            let well_traced =
                traced.get(&operation.service).is_some_and(|spans| *spans >= TRACED_SPANS_MIN);
            if well_traced && before + after >= 3 {
                table.entry(operation.service).or_default().push((before as f64, after as f64));
            }
        }
        for line in lines {
            table.entry(line.service).or_default();
        }
        let mut paths: BTreeMap<u32, Vec<&Operation>> = BTreeMap::new();
        for operation in &operations.operations {
            paths.entry(operation.service).or_default().push(operation);
        }
        Self { operations: table, paths, covered }
    }

    /// The score nearest to zero over all explanations, and the count that one expects.
    fn score(&self, service: u32, before: f64, after: f64) -> (f64, f64) {
        let mut best: Option<(f64, f64)> = None;
        let mut offer = |score: f64, expected: f64| {
            if best.is_none_or(|(known, _)| score.abs() < known.abs()) {
                best = Some((score, expected));
            }
        };
        for (base, window) in self.operations.get(&service).into_iter().flatten() {
            if *base < 1.0 && before > 0.0 {
                continue;
            }
            let scale = (window + 0.5) / (base + 0.5);
            offer(count_score(after, before * scale, scale), before * scale);
        }
        best.unwrap_or_else(|| {
            let scale = self.covered.window / self.covered.baseline.max(1.0);
            (count_score(after, before * scale, scale), before * scale)
        })
    }

    /// The window's share of events as a multiple of the baseline's, as the explanation of `expected` has it.
    fn scale(&self, line: &Line<'_>, expected: f64) -> f64 {
        if line.before >= 1.0 && expected > 0.0 {
            return expected / line.before;
        }
        self.covered.window / self.covered.baseline.max(1.0)
    }

    /// The score of a line that used to come once for every request of an operation, and no longer does.
    fn broken_promise(&self, line: &Line<'_>) -> Option<(f64, f64)> {
        let (before, after) = (line.before, line.after);
        let minutes = line.baseline.map_or(&[][..], |row| &row.minutes);
        let promised = self.paths.get(&line.service).into_iter().flatten().filter(|operation| {
            let [base, _] = operation.count;
            before >= TOGETHER_COUNT_MIN
                && (base as f64 - before).abs() <= EDGE_SLACK.max(0.02 * before)
                && come_together(minutes, &operation.minutes)
        });
        // Of several operations that it came with, the one that lets it off most lightly.
        let [base, window] =
            promised.map(|operation| operation.count).min_by_key(|[_, window]| *window)?;
        let missing = window as f64 - after - EDGE_SLACK;
        (missing > 0.05 * window as f64).then(|| {
            let missed_before = (base as f64 - before).max(0.0) as u64;
            (-share_score((missed_before, base), (missing as u64, window)), window as f64)
        })
    }
}

/// Whether two counts per minute rise and fall together: what starts in one minute may end in the next.
pub(super) fn come_together(a: &[(i64, u32)], b: &[(i64, u32)]) -> bool {
    let mut difference: BTreeMap<i64, i64> = BTreeMap::new();
    let mut total = 0;
    for (minute, count) in a {
        *difference.entry(*minute).or_default() += i64::from(*count);
        total += i64::from(*count);
    }
    for (minute, count) in b {
        *difference.entry(*minute).or_default() -= i64::from(*count);
    }
    let apart: i64 = difference.values().map(|difference| difference.abs()).sum();
    apart as f64 <= (2.0 * EDGE_SLACK).max(0.1 * total as f64)
}

/// How convincing a changed line is: errors that are new most, sentences that stopped next, frequencies least.
fn likelihood(line: &Line<'_>, score: f64, expected: f64) -> f64 {
    let severity = line.severity();
    let gone = line.after == 0.0 || line.after < 0.1 * expected;
    let new = line.before == 0.0;
    let cap = match (score > 0.0, new, severity) {
        (true, true, severity) if severity.is_error() => 0.95,
        (true, true, severity) if severity >= Severity::WARN => 0.85,
        (true, false, severity) if severity.is_error() => 0.8,
        (true, false, severity) if severity >= Severity::WARN => 0.7,
        (true, true, _) => 0.5,
        (true, false, _) => 0.35,
        // Errors that stopped are good news.
        (false, _, severity) if severity >= Severity::WARN => 0.05,
        (false, ..) if gone => 0.9,
        (false, ..) if score < -4.0 => 0.8,
        (false, ..) => 0.45,
    };
    cap * saturate(score.abs(), 1.0, 1.2)
}

/// Other services that an error line names.
fn mentioned(line: &Line<'_>, services: &Names) -> Vec<u32> {
    const NAME_BYTES_MIN: usize = 5;
    if line.severity() < Severity::WARN || line.after == 0.0 {
        return Vec::new();
    }
    let own = services.name(line.service);
    let is_inner =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (0..services.len() as u32)
        .filter(|service| {
            let name = services.name(*service);
            if name.len() < NAME_BYTES_MIN || *service == line.service || own.contains(name) {
                return false;
            }
            let Some(start) = line.text.find(name) else { return false };
            let bytes = line.text.as_bytes();
            let before = start.checked_sub(1).and_then(|at| bytes.get(at).copied());
            !is_inner(before) && !is_inner(bytes.get(start + name.len()).copied())
        })
        .collect()
}

fn finding(
    line: &Line<'_>,
    (score, expected): (f64, f64),
    covered: Covered,
    services: &Names,
    example: Option<TraceId>,
) -> Option<Finding> {
    let row = line.window.or(line.baseline)?;
    let minutes = (covered.window / 60.0).max(1.0 / 60.0);
    let exemplar = row.exemplars.first().cloned().unwrap_or_default();
    let (template, text, severity) = (row.template, row.text.clone(), line.severity());
    let (before_per_min, after_per_min) = (expected / minutes, line.after / minutes);
    let kind = if score < 0.0 {
        FindingKind::TemplateGone {
            template,
            text,
            severity,
            exemplar,
            before_per_min,
            after_per_min,
        }
    } else if line.before == 0.0 {
        let count = line.after as u64;
        FindingKind::TemplateNew { template, text, severity, count, exemplar, example }
    } else {
        let count = line.after as u64;
        FindingKind::TemplateSpiking {
            template,
            text,
            severity,
            count,
            exemplar,
            example,
            before_per_min,
            after_per_min,
        }
    };
    let since = if score < 0.0 { None } else { line.since() };
    Some(Finding {
        kind,
        service: services.name(line.service).to_owned(),
        pod: None,
        since,
        strength: score.abs(),
    })
}
