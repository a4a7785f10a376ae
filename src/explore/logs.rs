//! Log records with a histogram, and log templates beside the time before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use groundcrew_store::{LogQuery, Store, TemplateQuery};
use groundcrew_telemetry::{LogRow, Severity, TemplateRow, TimeRange, Timestamp};

use super::view::{LogBucket, LogLine, LogsView, Pattern, PatternsView, Time, level, texts};
use super::when::{Asked, ExploreError, before, given};

/// Bars of a histogram, about.
const BARS: i64 = 60;
/// Longest search for one view. What was found by then is shown, and that it is not all.
pub(super) const SEARCH_TIME_MAX: Duration = Duration::from_secs(2);
/// Patterns listed.
const PATTERNS_MAX: usize = 500;
const SECOND: i64 = 1_000_000_000;
/// Widths of a bar, in seconds.
const WIDTHS: [i64; 16] =
    [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800];

/// Log records.
///
/// # Errors
/// When the question or the store cannot be read.
pub fn logs(store: &Store, asked: &Asked, now: Timestamp) -> Result<LogsView, ExploreError> {
    let range = asked.range(store, now)?;
    let limit = asked.limit();
    let query = query_of(asked, range, limit + 1)?;
    let until = Instant::now() + SEARCH_TIME_MAX;
    let mut may_go_on = || Instant::now() < until;
    let mut bars = Bars::of(&query);
    let found = if bars.count_each {
        store.search_and_count_logs(&query, &mut may_go_on, &mut |at, severity| {
            bars.add(at, severity, 1);
        })?
    } else {
        bars.count(store, &query)?;
        store.search_logs_while(&query, &mut may_go_on)?
    };
    let complete = !bars.count_each || found.searched_to.is_none();
    let mut rows = found.rows;
    let more = rows.len() > limit;
    rows.truncate(limit);
    // Others of the same moment may follow, so the next page begins with it again.
    let last = rows.last().filter(|_| more).map(|row| row.record.time);
    let next = last.or(found.searched_to).map(|time| Time(time.plus_nanos(1)));
    Ok(LogsView {
        from: Time(range.start),
        to: Time(range.end),
        query: words(&query),
        bucket_ms: u64::try_from(bars.width / 1_000_000).unwrap_or_default(),
        buckets: bars.bars,
        complete,
        lines: rows.iter().map(line).collect(),
        next,
    })
}

pub(super) fn query_of(
    asked: &Asked,
    range: TimeRange,
    limit: usize,
) -> Result<LogQuery, ExploreError> {
    Ok(LogQuery {
        range,
        services: asked.services(),
        severity_min: asked.severity()?,
        text: asked.text()?,
        trace_id: asked.trace_id()?,
        template: asked.template_id()?,
        newest_first: true,
        limit,
    })
}

/// The query as it is written.
pub(super) fn words(query: &LogQuery) -> String {
    let mut words = vec!["logs".to_owned()];
    words.extend(query.services.iter().map(|service| format!("service:{service}")));
    words.extend(query.severity_min.map(|least| format!("severity:{}+", least.name())));
    words.extend(query.trace_id.map(|trace| format!("trace:{trace}")));
    words.extend(query.template.map(|template| format!("template:{template}")));
    words.extend(Some(query.text.text().to_owned()).filter(|text| !text.is_empty()));
    words.join(" ")
}

/// A histogram.
struct Bars {
    /// Whether matches are counted one by one as they are found; else the rollups know.
    count_each: bool,
    start: i64,
    /// In nanoseconds.
    width: i64,
    bars: Vec<LogBucket>,
}

impl Bars {
    fn of(query: &LogQuery) -> Self {
        let range = query.range;
        let least = range.end.nanos_since(range.start) / SECOND / BARS;
        let count_each = !query.text.is_empty() || query.trace_id.is_some();
        // Rollups count by the minute.
        let least = if count_each { least } else { least.max(60) };
        let secs = WIDTHS.into_iter().find(|width| *width >= least).unwrap_or(least);
        let width = secs.max(1).saturating_mul(SECOND);
        let start = range.start.nanos().div_euclid(width).saturating_mul(width);
        let count = range.end.nanos().saturating_sub(start).div_euclid(width) + 1;
        let bars = (0..count.clamp(0, 10 * BARS))
            .map(|number| LogBucket {
                at: Time(Timestamp::from_nanos(start.saturating_add(number.saturating_mul(width)))),
                counts: Default::default(),
            })
            .filter(|bar| bar.at.0 < range.end);
        Self { count_each, start, width, bars: bars.collect() }
    }

    /// Counts what the rollups know.
    fn count(&mut self, store: &Store, query: &LogQuery) -> Result<(), ExploreError> {
        let range = query.range;
        let asked = TemplateQuery { range, services: query.services.clone() };
        for (minute, severity, count) in store.log_counts(&asked, query.template)? {
            if query.severity_min.is_none_or(|least| severity >= least) {
                self.add(Timestamp::from_secs(minute * 60).max(range.start), severity, count);
            }
        }
        Ok(())
    }

    fn add(&mut self, at: Timestamp, severity: Severity, count: u64) {
        let number = at.nanos().saturating_sub(self.start).div_euclid(self.width.max(1));
        let bar = usize::try_from(number).ok().and_then(|number| self.bars.get_mut(number));
        if let Some(counted) = bar.and_then(|bar| bar.counts.get_mut(level(severity))) {
            *counted += count;
        }
    }
}

/// A record as it is shown.
pub(super) fn line(row: &LogRow) -> LogLine {
    let record = &row.record;
    LogLine {
        time: Time(record.time),
        level: record.severity.name().to_owned(),
        service: row.resource.service().to_owned(),
        pod: row.resource.pod().map(str::to_owned),
        body: record.body.clone(),
        trace_id: record.trace_id.map(|id| id.to_string()),
        span_id: record.span_id.map(|id| id.to_string()),
        template: record.template.map(|id| id.to_string()),
        attributes: texts(&record.attributes),
    }
}

/// Log templates, with how often they came in the time before.
///
/// # Errors
/// When the question or the store cannot be read.
pub fn patterns(
    store: &Store,
    asked: &Asked,
    now: Timestamp,
) -> Result<PatternsView, ExploreError> {
    let range = asked.range(store, now)?;
    let earlier = before(range);
    let read = |range: TimeRange| {
        store.log_templates(&TemplateQuery { range, services: asked.services() })
    };
    let known: BTreeMap<(String, u64), u64> =
        read(earlier)?.into_iter().map(|row| ((row.service, row.template.0), row.count)).collect();
    let least = asked.severity()?;
    let minutes = (range.end.minute() - range.start.minute()).max(0) + 1;
    let width = (minutes + BARS - 1) / BARS;
    let mut patterns: Vec<(Severity, Pattern)> = read(range)?
        .into_iter()
        .filter(|row| least.is_none_or(|least| row.severity >= least))
        .filter(|row| given(&asked.q).is_none_or(|words| row.text.contains(words)))
        .map(|row| {
            let count = known.get(&(row.service.clone(), row.template.0)).copied();
            (row.severity, pattern(row, count, !known.is_empty(), (range.start, width, minutes)))
        })
        .collect();
    let growth = |pattern: &Pattern| {
        (pattern.count as f64 + 1.0) / (pattern.before.unwrap_or(pattern.count as f64) + 1.0)
    };
    patterns.sort_by(|(a_severity, a), (b_severity, b)| {
        let new_trouble =
            |severity: &Severity, one: &Pattern| one.is_new && *severity >= Severity::WARN;
        (new_trouble(b_severity, b).cmp(&new_trouble(a_severity, a)))
            .then(growth(b).total_cmp(&growth(a)))
            .then_with(|| b.count.cmp(&a.count))
            .then_with(|| (&a.service, &a.id).cmp(&(&b.service, &b.id)))
    });
    let left_out = patterns.len().saturating_sub(PATTERNS_MAX) as u64;
    patterns.truncate(PATTERNS_MAX);
    Ok(PatternsView {
        from: Time(range.start),
        to: Time(range.end),
        before_from: Time(earlier.start),
        bucket_ms: u64::try_from(width.saturating_mul(60_000)).unwrap_or_default(),
        patterns: patterns.into_iter().map(|(_, pattern)| pattern).collect(),
        left_out,
    })
}

fn pattern(
    row: TemplateRow,
    before: Option<u64>,
    is_past_known: bool,
    (start, width, minutes): (Timestamp, i64, i64),
) -> Pattern {
    let mut counts = vec![0; usize::try_from((minutes + width - 1) / width).unwrap_or_default()];
    for (minute, count) in &row.minutes {
        let number = (minute - start.minute()).div_euclid(width);
        let slot = usize::try_from(number).ok().and_then(|number| counts.get_mut(number));
        if let Some(slot) = slot {
            *slot += u64::from(*count);
        }
    }
    Pattern {
        id: row.template.to_string(),
        text: row.text,
        service: row.service,
        level: row.severity.name().to_owned(),
        count: row.count,
        before: is_past_known.then(|| before.unwrap_or_default() as f64),
        is_new: is_past_known && before.is_none(),
        first: Time(row.first),
        last: Time(row.last),
        counts,
        exemplar: row.exemplars.into_iter().next().unwrap_or_default(),
    }
}
