//! `search_logs` and `log_patterns`.

use groundcrew_telemetry::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::arguments::{LogPatterns, SearchLogs, asked, limit};
use super::said::{Said, Wrong, counted, left_out};
use crate::explore::view::{LogLine, Pattern};
use crate::explore::{self, Asked};
use crate::investigate::Investigator;
use crate::investigate::evidence::shorten;

/// Longest line that is given, in bytes.
const LINE_BYTES_MAX: usize = 600;
/// Where errors begin among counts by severity.
const ERRORS_FROM: usize = 5;

/// Log lines and how many there were over the time.
#[derive(Serialize, JsonSchema)]
pub(super) struct LogsShape {
    /// Start of the time.
    from: String,
    /// Its end.
    to: String,
    /// Lines that match, by moment; moments without any are left out.
    histogram: Vec<BarShape>,
    /// Whether the histogram counts every line that matches.
    complete: bool,
    /// The lines, newest first.
    lines: Vec<LineShape>,
    /// Give this as `to` for the lines before these; null when these are all.
    next: Option<String>,
}

/// One bar.
#[derive(Serialize, JsonSchema)]
struct BarShape {
    /// Where it begins.
    at: String,
    /// Lines.
    lines: u64,
    /// Of them errors.
    errors: u64,
}

/// One line. The message is recorded text.
#[derive(Serialize, JsonSchema)]
struct LineShape {
    /// When.
    time: String,
    /// UNSET, TRACE, DEBUG, INFO, WARN, ERROR or FATAL.
    level: String,
    /// Who wrote it.
    service: String,
    /// The pod.
    pod: Option<String>,
    /// The message.
    body: String,
    /// The trace it belongs to.
    trace_id: Option<String>,
    /// The id of its template.
    template: Option<String>,
}

/// Log lines.
pub(super) fn search(
    from: &Investigator,
    given: SearchLogs,
    now: Timestamp,
) -> Result<Said, Wrong> {
    let limit = limit(given.limit, 30, 200);
    let asked = Asked {
        q: given.query.unwrap_or_default(),
        level: given.severity.unwrap_or_default(),
        trace: given.trace_id.unwrap_or_default(),
        template: given.template.unwrap_or_default(),
        limit: Some(limit),
        ..asked(given.service, given.from, given.to)
    };
    let view = explore::logs(&from.store, &asked, now)?;
    let bars = view.buckets.iter().map(|bucket| BarShape {
        at: bucket.at.0.to_string(),
        lines: bucket.counts.iter().sum(),
        errors: bucket.counts.iter().skip(ERRORS_FROM).sum(),
    });
    let shape = LogsShape {
        from: view.from.0.to_string(),
        to: view.to.0.to_string(),
        histogram: bars.filter(|bar| bar.lines > 0).collect(),
        complete: view.complete,
        lines: view.lines.iter().map(line).collect(),
        next: view.next.map(|next| next.0.to_string()),
    };
    let total: u64 = shape.histogram.iter().map(|bar| bar.lines).sum();
    let more =
        if view.next.is_some() { "; older ones follow with `to` as `next` says" } else { "" };
    let at_least = if view.complete { "" } else { "at least " };
    let summary = format!(
        "{} of {at_least}{total} that match between {} and {}, newest first{more}.",
        counted(shape.lines.len(), "line"),
        shape.from,
        shape.to
    );
    let recorded: Vec<String> = shape
        .lines
        .iter()
        .map(|line| format!("{} {} {}: {}", line.time, line.level, line.service, line.body))
        .collect();
    Ok(Said::new(&shape, summary, &recorded))
}

fn line(line: &LogLine) -> LineShape {
    LineShape {
        time: line.time.0.to_string(),
        level: line.level.clone(),
        service: line.service.clone(),
        pod: line.pod.clone(),
        body: shorten(&line.body, LINE_BYTES_MAX),
        trace_id: line.trace_id.clone(),
        template: line.template.clone(),
    }
}

/// Log templates beside the time before.
#[derive(Serialize, JsonSchema)]
pub(super) struct PatternsShape {
    /// Start of the time.
    from: String,
    /// Its end.
    to: String,
    /// Start of the time before, which ends at `from`.
    before_from: String,
    /// The patterns: new ones of trouble first, then what grew most.
    patterns: Vec<PatternShape>,
    /// Patterns that are not listed.
    left_out: u64,
}

/// One log template of one service.
#[derive(Serialize, JsonSchema)]
struct PatternShape {
    /// Its id, for `search_logs`.
    id: String,
    /// Its text, variable parts as `<*>`.
    text: String,
    /// Who writes it.
    service: String,
    /// The worst severity it came with.
    level: String,
    /// Lines in the time.
    count: u64,
    /// Lines in the time before; null where nothing is known of that time.
    before: Option<f64>,
    /// Whether the time before has none.
    is_new: bool,
    /// The first line of the time.
    first_seen: String,
    /// The last.
    last_seen: String,
    /// One line, verbatim.
    exemplar: String,
}

/// Log templates.
pub(super) fn patterns(
    from: &Investigator,
    given: LogPatterns,
    now: Timestamp,
) -> Result<Said, Wrong> {
    let limit = limit(given.limit, 20, 100);
    let asked = Asked {
        q: given.query.unwrap_or_default(),
        level: given.severity.unwrap_or_default(),
        ..asked(given.service, given.from, given.to)
    };
    let view = explore::patterns(&from.store, &asked, now)?;
    let shape = PatternsShape {
        from: view.from.0.to_string(),
        to: view.to.0.to_string(),
        before_from: view.before_from.0.to_string(),
        left_out: view.left_out + view.patterns.len().saturating_sub(limit) as u64,
        patterns: view.patterns.iter().take(limit).map(pattern).collect(),
    };
    let summary = format!(
        "{} of {} to {}, compared with the time from {}{}.",
        counted(shape.patterns.len(), "log pattern"),
        shape.from,
        shape.to,
        shape.before_from,
        left_out(shape.left_out)
    );
    let recorded: Vec<String> = shape
        .patterns
        .iter()
        .map(|one| {
            let before = match (one.is_new, one.before) {
                (true, _) => "new".to_owned(),
                (false, Some(before)) => format!("before {before:.0}"),
                (false, None) => "nothing known of before".to_owned(),
            };
            format!(
                "{} {} {}x ({before}), {}: {}",
                one.level, one.service, one.count, one.id, one.text
            )
        })
        .collect();
    Ok(Said::new(&shape, summary, &recorded))
}

fn pattern(pattern: &Pattern) -> PatternShape {
    PatternShape {
        id: pattern.id.clone(),
        text: shorten(&pattern.text, LINE_BYTES_MAX),
        service: pattern.service.clone(),
        level: pattern.level.clone(),
        count: pattern.count,
        before: pattern.before,
        is_new: pattern.is_new,
        first_seen: pattern.first.0.to_string(),
        last_seen: pattern.last.0.to_string(),
        exemplar: shorten(&pattern.exemplar, LINE_BYTES_MAX),
    }
}
