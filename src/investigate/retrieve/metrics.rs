//! Metric series around the incident: for the analysis, and each one's figures in a line for the bundle.

use groundcrew_store::{MetricQuery, Store};
use groundcrew_telemetry::{SeriesRow, TimeRange, Timestamp};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, EvidenceKind, Gap, Own};
use super::super::format::{quantity, time};
use super::super::material::Gathered;
use super::super::question::{Plan, Question};

/// Series that become candidates; the analysis sees all of them.
const CANDIDATES_MAX: usize = 400;
/// Values drawn for a series.
const DRAWN_MAX: usize = 60;
/// How far back a series is still shown when the examined time holds none.
const LOOKBACK_SECS: i64 = 30 * 86_400;

pub(super) fn gather(store: &Store, question: &Question, plan: &Plan, gathered: &mut Gathered) {
    let read = |range: TimeRange| {
        let series_max = question.budget.series_max;
        store.metrics(&MetricQuery { range, services: Vec::new(), name: None, series_max })
    };
    let series = match read(plan.whole()) {
        Ok(series) => series,
        Err(error) => {
            let what = format!("metrics could not be read: {error}");
            gathered.gaps.push(Gap::new(what, "groundcrew doctor"));
            return;
        }
    };
    gathered.receipt.series = series.len() as u64;
    if series.len() >= question.budget.series_max {
        gathered.gaps.push(Gap::new(
            format!("only the first {} metric series were read", question.budget.series_max),
            "name a service with --service to narrow the question",
        ));
    }
    let shown = series.iter().take(CANDIDATES_MAX).filter_map(candidate);
    gathered.candidates.extend(shown);
    if series.is_empty() {
        let end = plan.window.end;
        let older = read(TimeRange::new(end.plus_secs(-LOOKBACK_SECS), end)).unwrap_or_default();
        gathered.candidates.extend(older.iter().take(CANDIDATES_MAX).filter_map(candidate));
    }
    gathered.observations.series = series;
    for season in &plan.seasons {
        gathered.observations.series_seasons.extend(read(*season).unwrap_or_default());
    }
}

/// A series in a line: its last value and its range, and when it was highest.
pub(super) fn candidate(row: &SeriesRow) -> Option<Candidate> {
    let series = &row.series;
    let (first, last) = (series.points.first()?, series.points.last()?);
    let highest = series.points.iter().max_by(|a, b| a.value.total_cmp(&b.value))?;
    let lowest = series.points.iter().min_by(|a, b| a.value.total_cmp(&b.value))?;
    let figure = |value: f64| quantity(value, &series.unit);
    let at = |when: Timestamp| time(when);
    let attributes: Vec<String> =
        series.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let labels =
        if attributes.is_empty() { String::new() } else { format!("{{{}}}", attributes.join(",")) };
    let service = row.resource.service();
    let place = row.resource.pod().map(|pod| format!(" pod {pod}")).unwrap_or_default();
    let mut text = format!(
        "{service}{place} {}\n  first {} at {}, last {} at {}, lowest {} at {}, highest {} at {}, {} points",
        series.name,
        figure(first.value),
        at(first.time),
        figure(last.value),
        at(last.time),
        figure(lowest.value),
        at(lowest.time),
        figure(highest.value),
        at(highest.time),
        series.points.len()
    );
    let own = text.len();
    if !labels.is_empty() {
        text.push_str(&format!("\n  {}{labels}", series.name));
    }
    let fold = series.points.len().div_ceil(DRAWN_MAX).max(1);
    let drawn = series
        .points
        .chunks(fold)
        .map(|part| part.iter().map(|point| point.value).sum::<f64>() / part.len().max(1) as f64);
    let moved = (highest.value - lowest.value).abs() > 0.0;
    Some(Candidate {
        kind: EvidenceKind::Metric,
        title: format!("{} of {service}{place}", series.name),
        service: Some(service.to_owned()).filter(|service| !service.is_empty()),
        range: Some(TimeRange::new(first.time, last.time.plus_nanos(1))),
        query: Some(format!("metrics service:{service} name:{}", series.name)),
        text,
        score: if moved { 0.16 } else { 0.08 },
        own: Own::Bytes(own),
        measure: Some(Measure::Series {
            service: service.to_owned(),
            pod: row.resource.pod().map(str::to_owned),
            metric: series.name.clone(),
        }),
        series: Some(drawn.collect()),
        drawn: Some(TimeRange::new(first.time, last.time.plus_nanos(1))),
        key: format!("series:{service}:{place}:{}{labels}", series.name),
    })
}
