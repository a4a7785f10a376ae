//! Evidence to suspects: runs the analysis and turns each of its findings into a sentence and an evidence item.

mod asserts;

use std::collections::BTreeMap;

use groundcrew_analysis::{
    ChangeVerdict, Course, Finding, FindingKind, Observations, Verdict, rank,
};
use groundcrew_telemetry::{TimeRange, Timestamp, TraceId};

use super::assertion::{Figure, Measure};
use super::evidence::{Candidate, EvidenceKind, Own, clip, shorten};
use super::format::{count, milliseconds, percent, quantity, rate, time};
use super::material::{Diagnosis, ToldFinding};
use super::words::speaks_of_failure;
use crate::text::inert;

/// Longest quoted log line in a sentence, in bytes.
const QUOTE_BYTES_MAX: usize = 160;
/// Longest title of an item, in bytes.
const TITLE_BYTES_MAX: usize = 140;
/// Longest diff in an item, in bytes.
const DIFF_BYTES_MAX: usize = 1_500;

/// Ranks what may have caused the trouble. CPU-bound; call it off the async runtime.
#[must_use]
pub fn diagnose(observations: &Observations) -> Diagnosis {
    let analysis = rank(observations);
    let mut findings: Vec<ToldFinding> =
        analysis.findings.iter().map(|finding| tell(finding, observations)).collect();
    tell_apart(&mut findings);
    let changes =
        analysis.changes.iter().map(|verdict| tell_change(verdict, observations)).collect();
    let moved = analysis.moved.iter().map(|finding| tell(finding, observations)).collect();
    Diagnosis { analysis, findings, moved, changes, ..Diagnosis::default() }
}

/// Two findings of one thing that say different things are two items: a sentence must not cite the other one's figures.
fn tell_apart(findings: &mut [ToldFinding]) {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for told in findings {
        let first = known.entry(told.item.key.clone()).or_insert_with(|| told.sentence.clone());
        if *first != told.sentence {
            told.item.key = format!("{}:{}", told.item.key, told.sentence);
        }
    }
}

/// A tested change: the change itself and what each test said.
fn tell_change(verdict: &ChangeVerdict, observations: &Observations) -> ToldFinding {
    let change = verdict.change.and_then(|position| observations.changes.get(position));
    let on = verdict.service.as_deref().map(|service| format!(" on {service}")).unwrap_or_default();
    let title = clip(first_line(&verdict.title), QUOTE_BYTES_MAX);
    let stands = match verdict.verdict {
        Verdict::Likely => "is the likely trigger",
        Verdict::Possible => "may be the trigger",
        Verdict::Unlikely => "is unlikely to be the trigger",
        Verdict::RuledOut => "cannot be the trigger",
    };
    let sentence = match change {
        Some(change) => format!(
            "{} {}{on} of {} (“{title}”) {stands}",
            change.kind.name(),
            clip(&verdict.id, 40),
            change.time.clock_time(),
        ),
        None => format!("that no change caused it is {}: {title}", verdict.verdict.name()),
    };
    let mut text = sentence.clone();
    for test in &verdict.tests {
        text.push_str(&format!(
            "\n  {} {}",
            if test.weight >= 0.0 { "for:" } else { "against:" },
            test.text
        ));
    }
    let own = text.len();
    if let Some(change) = change {
        text.push_str(&format!(
            "\n  files: {}\n{}",
            change.files.join(", "),
            clip(&change.diff, DIFF_BYTES_MAX)
        ));
    }
    let item = Candidate {
        kind: EvidenceKind::Change,
        title: shorten(&sentence, TITLE_BYTES_MAX),
        service: verdict.service.clone(),
        range: change.map(|change| TimeRange::new(change.time, change.time.plus_nanos(1))),
        query: Some(format!("changes id:{}", verdict.id)),
        text,
        score: 0.4 + 0.5 * verdict.score.clamp(0.0, 1.0),
        own: Own::Bytes(own),
        measure: change.map(|change| Measure::Change { id: change.name().to_owned() }),
        series: None,
        drawn: None,
        key: format!("change:{}", verdict.id),
    };
    let took_effect = change.map(|change| (Figure::TookEffect, change.time.to_string()));
    ToldFinding { sentence, item, says: took_effect.into_iter().collect() }
}

fn tell(finding: &Finding, observations: &Observations) -> ToldFinding {
    let window = observations.window;
    let since = finding.since.unwrap_or(window.start);
    let range = Some(TimeRange::new(since.min(window.end), window.end));
    let (kind, sentence, details, key) = describe(finding);
    let sentence = inert(&sentence);
    let mut text = format!(
        "{sentence}\n  since {}, compared with {}",
        time(since),
        baseline_words(observations)
    );
    let own = text.len();
    for detail in &details {
        text.push_str("\n  ");
        text.push_str(detail);
    }
    let title = shorten(&sentence, TITLE_BYTES_MAX);
    let (series, drawn) = series(finding, observations).unzip();
    let item = Candidate {
        kind,
        title,
        service: Some(finding.service.clone()).filter(|service| !service.is_empty()),
        range,
        query: Some(query(finding, kind)),
        text,
        // Noise units grow without bound; what matters is whether it is far outside, so they are bent into 0 to 1.
        score: 0.5 + 0.4 * (finding.strength / (finding.strength + 8.0)).clamp(0.0, 1.0),
        own: Own::Bytes(own),
        measure: asserts::measure_of(finding),
        series,
        drawn,
        key,
    };
    ToldFinding { sentence, item, says: asserts::says(finding) }
}

fn baseline_words(observations: &Observations) -> String {
    match (observations.baseline.first(), observations.baseline.last()) {
        (Some(first), Some(last)) => format!("{} to {}", time(first.start), time(last.end)),
        _ => "nothing older".to_owned(),
    }
}

fn query(finding: &Finding, kind: EvidenceKind) -> String {
    let pod = finding.pod.as_deref().map(|pod| format!(" pod:{pod}")).unwrap_or_default();
    format!("{} service:{}{pod}", kind.signal(), finding.service)
}

type Told = (EvidenceKind, String, Vec<String>, String);

/// Kind of item, sentence, further lines, and the key under which it is one item.
fn describe(finding: &Finding) -> Told {
    let who = who(finding);
    match &finding.kind {
        FindingKind::ServiceErrors { .. }
        | FindingKind::ServiceLatency { .. }
        | FindingKind::EdgeLatency { .. }
        | FindingKind::EdgeErrors { .. }
        | FindingKind::CallsChanged { .. }
        | FindingKind::Retries { .. }
        | FindingKind::LoadChanged { .. } => describe_calls(finding, &who),
        FindingKind::TemplateNew { .. }
        | FindingKind::TemplateSpiking { .. }
        | FindingKind::TemplateGone { .. }
        | FindingKind::PathLeft { .. } => describe_template(finding, &who),
        FindingKind::Cohort { .. } => describe_cohort(finding),
        FindingKind::Course { .. } => describe_course(finding),
        FindingKind::PathGrew { entry, operation, longer_ms, part_ms, slow, example } => {
            let sentence = format!(
                "of the {} that “{operation}” of {entry} takes longer in {} slow requests, {} are spent in {}",
                milliseconds(*longer_ms),
                count(*slow),
                milliseconds(*part_ms),
                finding.service
            );
            let key = format!("path:{entry}:{operation}:{}", finding.service);
            (EvidenceKind::Trace, sentence, example_line(example.as_ref()), key)
        }
        FindingKind::MetricShift { .. } | FindingKind::Saturated { .. } => {
            describe_metric(finding, &who)
        }
        FindingKind::ObjectUnhealthy { object, status, lines } => {
            let state = match status.as_str() {
                "" => "is not as it should be".to_owned(),
                "Running" => "is Running and not healthy".to_owned(),
                status => format!("is {status}"),
            };
            let sentence = match telling_line(object, lines, status) {
                Some(line) => format!("{object} {state}: “{}”", shorten(line, QUOTE_BYTES_MAX)),
                None => format!("{object} {state}"),
            };
            (EvidenceKind::ClusterState, sentence, lines.clone(), format!("object:{object}"))
        }
        FindingKind::ClusterWarning { object, reason, message, count: times } => {
            let sentence = format!(
                "the cluster warned {} times about {object}: {reason}, “{}”",
                count(u64::from(*times)),
                shorten(message, QUOTE_BYTES_MAX)
            );
            let key = format!("event:{object}:{reason}:{}", clip(message, 120));
            (EvidenceKind::K8sEvent, sentence, vec![message.clone()], key)
        }
        FindingKind::ChangeNear { change, seconds_before } => {
            let sentence = if *seconds_before >= 0.0 {
                format!(
                    "change {change} took effect {seconds_before:.0} s before the trouble began"
                )
            } else {
                format!(
                    "change {change} took effect {:.0} s after the trouble began",
                    -seconds_before
                )
            };
            (EvidenceKind::Change, sentence, Vec::new(), format!("change:{change}"))
        }
    }
}

fn describe_metric(finding: &Finding, who: &str) -> Told {
    match &finding.kind {
        FindingKind::MetricShift { metric, unit, before, after, node } => {
            let place = node.as_deref().map(|node| format!(" on node {node}")).unwrap_or_default();
            let sentence = format!(
                "{metric} of {who}{place} went from {} to {}",
                quantity(*before, unit),
                quantity(*after, unit)
            );
            let key = format!(
                "metric:{}:{}:{metric}{place}",
                finding.service,
                finding.pod.as_deref().unwrap_or("")
            );
            (EvidenceKind::Metric, sentence, Vec::new(), key)
        }
        FindingKind::Saturated { metric, limit, before, after, of, unit, node } => {
            let place = node.as_deref().map(|node| format!(" on node {node}")).unwrap_or_default();
            let sentence = format!(
                "{metric} of {who}{place} takes {} of {limit} ({}), before {}",
                percent(*after),
                quantity(*of, unit),
                percent(*before)
            );
            let pod = finding.pod.as_deref().unwrap_or("");
            let key = format!("saturated:{}:{pod}:{metric}{place}", finding.service);
            (EvidenceKind::Metric, sentence, Vec::new(), key)
        }
        // As for calls: only metric findings are sent here.
        _ => {
            (EvidenceKind::Metric, who.to_owned(), Vec::new(), format!("other:{}", finding.service))
        }
    }
}

fn who(finding: &Finding) -> String {
    match &finding.pod {
        Some(pod) => format!("{} (pod {pod})", finding.service),
        None => finding.service.clone(),
    }
}

fn example_line(example: Option<&TraceId>) -> Vec<String> {
    example.map(|trace| format!("for example trace {trace}")).into_iter().collect()
}

fn describe_calls(finding: &Finding, who: &str) -> Told {
    let service = &finding.service;
    let place = finding.pod.as_deref().unwrap_or("");
    let share = |ratio: &f64, part: &u64, of: &u64| {
        (percent(*ratio), format!("({} of {})", count(*part), count(*of)))
    };
    let slower = |before: &f64, after: &f64| (milliseconds(*before), milliseconds(*after));
    let (sentence, example, key) = match &finding.kind {
        FindingKind::ServiceErrors { before, after, failed, total, example } => {
            let ((after, counts), before) = (share(after, failed, total), percent(*before));
            let sentence = format!("{who} fails {after} of its requests {counts}, before {before}");
            (sentence, example.as_ref(), format!("errors:{service}:{place}"))
        }
        FindingKind::ServiceLatency { operation, before_ms, after_ms, example } => {
            let (before, after) = slower(before_ms, after_ms);
            let operation =
                operation.as_deref().map(|name| format!(" in “{name}”")).unwrap_or_default();
            let sentence = format!("{who} itself takes {after}{operation}, before {before}");
            (sentence, example.as_ref(), format!("latency:{service}:{place}:{operation}"))
        }
        FindingKind::EdgeLatency { callee, before_ms, after_ms, example } => {
            let (before, after) = slower(before_ms, after_ms);
            let sentence = format!("the way from {who} to {callee} takes {after}, before {before}");
            (sentence, example.as_ref(), format!("edge-latency:{service}:{place}:{callee}"))
        }
        FindingKind::EdgeErrors { callee, before, after, failed, total, example } => {
            let ((after, counts), before) = (share(after, failed, total), percent(*before));
            let sentence = format!(
                "{after} of the calls from {who} to {callee} fail {counts}, before {before}"
            );
            (sentence, example.as_ref(), format!("edge-errors:{service}:{place}:{callee}"))
        }
        FindingKind::CallsChanged { callee, before_per_min, after_per_min } => {
            let (before, after) = (rate(*before_per_min), rate(*after_per_min));
            let sentence = format!("{who} calls {callee} {after} times a minute, before {before}");
            (sentence, None, format!("calls:{service}:{place}:{callee}"))
        }
        FindingKind::Retries { callee, before, after, repeated, tries_max, example } => {
            let share = |ratio: f64| format!("{:.1}", 1.0 + ratio);
            let sentence = format!(
                "{who} calls {callee} again after failures, {} times: {} tries a call and up to {tries_max}, before {}",
                count(*repeated),
                share(*after),
                share(*before)
            );
            (sentence, example.as_ref(), format!("retries:{service}:{place}:{callee}"))
        }
        FindingKind::LoadChanged { before_per_min, after_per_min } => {
            let (before, after) = (rate(*before_per_min), rate(*after_per_min));
            let sentence = format!("{who} gets {after} requests a minute, before {before}");
            (sentence, None, format!("load:{service}:{place}"))
        }
        // Only call findings are sent here; anything else is told without words rather than wrongly.
        _ => (who.to_owned(), None, format!("other:{service}:{place}")),
    };
    (EvidenceKind::Span, sentence, example_line(example), key)
}

fn describe_course(finding: &Finding) -> Told {
    let FindingKind::Course { course, bad, all, first_share, peak_share } = &finding.kind else {
        return (EvidenceKind::Span, String::new(), Vec::new(), "course".to_owned());
    };
    let since = finding.since.map(Timestamp::clock_time).unwrap_or_default();
    let now = format!(
        "since {since} {} of users' requests fail or are slow ({} of {})",
        percent(*bad as f64 / (*all).max(1) as f64),
        count(*bad),
        count(*all)
    );
    let sentence = match course {
        Course::Transient => {
            format!("it is over: {now}, at its worst it was {}", percent(*peak_share))
        }
        Course::Failing => format!("it goes on: {now}"),
        Course::Degrading => {
            format!("it gets worse: {now}, at first it was {}", percent(*first_share))
        }
    };
    (EvidenceKind::Span, sentence, Vec::new(), "course".to_owned())
}

fn describe_cohort(finding: &Finding) -> Told {
    let service = &finding.service;
    let FindingKind::Cohort {
        attribute,
        value,
        is_slow,
        bad_inside,
        inside,
        bad_outside,
        outside,
        example,
    } = &finding.kind
    else {
        return (EvidenceKind::Span, service.clone(), Vec::new(), format!("other:{service}"));
    };
    let share = |bad: &u64, all: &u64| percent(*bad as f64 / (*all).max(1) as f64);
    let verb = if *is_slow { "are slow" } else { "fail" };
    let sentence = format!(
        "requests of {service} with {attribute} “{value}” {verb} in {} of cases ({} of {}), all others in {} ({} of {})",
        share(bad_inside, inside),
        count(*bad_inside),
        count(*inside),
        share(bad_outside, outside),
        count(*bad_outside),
        count(*outside)
    );
    let key = format!("cohort:{service}:{attribute}:{value}");
    (EvidenceKind::Span, sentence, example_line(example.as_ref()), key)
}

fn describe_template(finding: &Finding, who: &str) -> Told {
    // Of all pods it is the item that stands for the lines anyway; of one pod it is another.
    let pod = finding.pod.as_deref().map(|pod| format!(":{pod}")).unwrap_or_default();
    let key = |template: u64| format!("template:{}:{template:016x}{pod}", finding.service);
    let quoted = |line: &str| shorten(first_line(line), QUOTE_BYTES_MAX);
    let often = |exemplar: &str, only: &str, before: f64, after: f64| {
        let (line, before, after) = (quoted(exemplar), rate(before), rate(after));
        format!("{who} writes “{line}” {only}{after} times a minute, before {before}")
    };
    let mut shown_by = None;
    let (sentence, template, severity, exemplar) = match &finding.kind {
        FindingKind::TemplateNew {
            template, severity, count: lines, exemplar, example, ..
        } => {
            shown_by = example.as_ref();
            let (lines, line) = (count(*lines), quoted(exemplar));
            let sentence =
                format!("{who} writes a line it did not write before, {lines} times: “{line}”");
            (sentence, template, severity, exemplar)
        }
        FindingKind::TemplateSpiking {
            template,
            severity,
            exemplar,
            example,
            before_per_min,
            after_per_min,
            ..
        } => {
            shown_by = example.as_ref();
            (often(exemplar, "", *before_per_min, *after_per_min), template, severity, exemplar)
        }
        FindingKind::TemplateGone {
            template,
            severity,
            exemplar,
            before_per_min,
            after_per_min,
            ..
        } => (
            often(exemplar, "only ", *before_per_min, *after_per_min),
            template,
            severity,
            exemplar,
        ),
        FindingKind::PathLeft { template, severity, exemplar, missed, due, .. } => {
            let (missed, due, line) = (count(*missed), count(*due), quoted(exemplar));
            let sentence = format!("{who} stops before “{line}” in {missed} of {due} passes");
            (sentence, template, severity, exemplar)
        }
        // As above: only template findings are sent here.
        _ => {
            let other = format!("other:{}", finding.service);
            return (EvidenceKind::LogTemplate, who.to_owned(), Vec::new(), other);
        }
    };
    let mut details = vec![format!("severity {severity}"), exemplar.clone()];
    details.extend(example_line(shown_by));
    (EvidenceKind::LogTemplate, sentence, details, key(template.0))
}

/// The line that says best why an object is as it is.
fn telling_line<'a>(object: &str, lines: &'a [String], status: &str) -> Option<&'a str> {
    let name = object.rsplit('/').next().unwrap_or(object);
    let rank = |line: &str| -> Option<u8> {
        let (key, value) = line.split_once(':').unwrap_or(("", line));
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        let says_nothing = value.is_empty() || value.eq_ignore_ascii_case(status);
        let is_heading = matches!(
            key.as_str(),
            "status" | "state" | "phase" | "node" | "ready" | "name" | "namespace" | "last state"
        );
        let words = value.split_whitespace().count();
        match key.as_str() {
            _ if says_nothing => None,
            "message" if words > 2 => Some(0),
            _ if words > 3 && speaks_of_failure(value) && !is_heading => Some(1),
            "reason" if !matches!(value, "Error" | "Completed") => Some(2),
            "exit code" | "exitcode" if value != "0" => Some(3),
            _ if is_heading => Some(6),
            // A row of a table begins with the object's own name.
            "" if value.starts_with(name) => Some(5),
            _ => Some(4),
        }
    };
    let ranked = lines.iter().filter_map(|line| Some((rank(line.trim())?, line.trim())));
    ranked.min_by_key(|(rank, _)| *rank).filter(|(rank, _)| *rank < 6).map(|(_, line)| line)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("").trim()
}

/// Points to draw for the finding, at most 60, and the time they cover.
fn series(finding: &Finding, observations: &Observations) -> Option<(Vec<f64>, TimeRange)> {
    let (FindingKind::MetricShift { metric, .. } | FindingKind::Saturated { metric, .. }) =
        &finding.kind
    else {
        return None;
    };
    let row = observations.series.iter().find(|row| {
        row.series.name == *metric
            && row.resource.service() == finding.service
            && finding.pod.as_deref().is_none_or(|pod| row.resource.pod() == Some(pod))
    })?;
    let values: Vec<f64> = row.series.points.iter().map(|point| point.value).collect();
    let fold = values.len().div_ceil(60).max(1);
    let (first, last) = (row.series.points.first()?, row.series.points.last()?);
    let drawn = values.chunks(fold).map(|part| part.iter().sum::<f64>() / part.len() as f64);
    Some((drawn.collect(), TimeRange::new(first.time, last.time.plus_nanos(1))))
}
