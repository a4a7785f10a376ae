//! Which time and what of it is asked for.

use std::time::Duration;

use groundcrew_store::{Expression, Store, StoreError};
use groundcrew_telemetry::{Severity, TemplateId, TimeRange, Timestamp, TraceId};
use serde::Deserialize;
use thiserror::Error;

/// The time looked at when none is given.
const USUAL_SECS: i64 = 15 * 60;
/// Rows given when no limit is.
const LINES_USUAL: usize = 500;
/// Rows given at most.
const LINES_MAX: usize = 5_000;

/// Why there is nothing to show.
#[derive(Debug, Error)]
pub enum ExploreError {
    /// What was asked for cannot be read.
    #[error("{0}")]
    Bad(String),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The stores could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a view is asked for, as the address says it; empty parameters ask for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Asked {
    /// Start of the time, RFC 3339.
    pub from: String,
    /// Its end.
    pub to: String,
    /// One service.
    pub service: String,
    /// The least severity, by name.
    pub level: String,
    /// What the records must hold: words, `"a phrase"`, `begin*`, `/expression/`, `field:value`, with AND, OR, NOT.
    pub q: String,
    /// An attribute of log records, `service` or `level`.
    pub field: String,
    /// A trace.
    pub trace: String,
    /// A log template.
    pub template: String,
    /// A metric.
    pub name: String,
    /// A document.
    pub doc: String,
    /// `failed` for failed traces only.
    pub only: String,
    /// Rows.
    pub limit: Option<usize>,
}

impl Asked {
    /// The time; without one the last quarter of an hour that telemetry is known of.
    ///
    /// # Errors
    /// When a time cannot be read, or ends before it begins.
    pub fn range(&self, store: &Store, now: Timestamp) -> Result<TimeRange, ExploreError> {
        self.range_or(USUAL_SECS, store, now)
    }

    /// The same, with so many seconds when no start is given.
    ///
    /// # Errors
    /// As [`Asked::range`].
    pub fn range_or(
        &self,
        usual_secs: i64,
        store: &Store,
        now: Timestamp,
    ) -> Result<TimeRange, ExploreError> {
        let end = match time("to", &self.to)? {
            Some(end) => end,
            // Whole seconds read better in an address.
            None => newest(store)?.map_or(now, |newest| newest.min(now)).plus_secs(1).whole_secs(),
        };
        let start = time("from", &self.from)?.unwrap_or_else(|| end.plus_secs(-usual_secs));
        if start >= end {
            return Err(ExploreError::Bad("`from` must lie before `to`".to_owned()));
        }
        Ok(TimeRange::new(start, end))
    }

    /// The same about a stretch of that length, up to `to`, or up to the newest telemetry where that is empty.
    ///
    /// # Errors
    /// When a time cannot be read, or the stores cannot.
    pub fn back(
        self,
        store: &Store,
        now: Timestamp,
        length: Duration,
    ) -> Result<Self, ExploreError> {
        let end = Self { from: String::new(), ..self.clone() }.range(store, now)?.end;
        let start = end.plus_nanos(-i64::try_from(length.as_nanos()).unwrap_or(i64::MAX));
        Ok(Self { from: start.to_string(), to: end.to_string(), ..self })
    }

    /// The service as a list, empty for all.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        given(&self.service).map(str::to_owned).into_iter().collect()
    }

    /// What is asked of texts and fields.
    ///
    /// # Errors
    /// When it cannot be read; what is said then has the place and a hint.
    pub fn text(&self) -> Result<Expression, ExploreError> {
        Expression::parse(&self.q).map_err(|error| ExploreError::Bad(error.to_string()))
    }

    /// The least severity.
    ///
    /// # Errors
    /// When it is no severity.
    pub fn severity(&self) -> Result<Option<Severity>, ExploreError> {
        let read = |text: &str| {
            Severity::from_text(text).ok_or_else(|| {
                ExploreError::Bad(format!(
                    "level `{}` is not trace, debug, info, warn, error or fatal",
                    self.level
                ))
            })
        };
        given(&self.level).map(read).transpose()
    }

    /// The trace.
    ///
    /// # Errors
    /// When it is no id.
    pub fn trace_id(&self) -> Result<Option<TraceId>, ExploreError> {
        given(&self.trace).map(trace_id).transpose()
    }

    /// The template.
    ///
    /// # Errors
    /// When it is no id.
    pub fn template_id(&self) -> Result<Option<TemplateId>, ExploreError> {
        let read = |text: &str| {
            TemplateId::from_text(text)
                .ok_or_else(|| ExploreError::Bad("a template's id is t and 16 digits".to_owned()))
        };
        given(&self.template).map(read).transpose()
    }

    /// How many rows.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(LINES_USUAL).clamp(1, LINES_MAX)
    }
}

/// A parameter that says something.
pub(super) fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Reads a trace's id.
pub(super) fn trace_id(text: &str) -> Result<TraceId, ExploreError> {
    TraceId::from_hex(text.trim())
        .ok_or_else(|| ExploreError::Bad("a trace's id has 32 hexadecimal digits".to_owned()))
}

/// Just after the newest telemetry; `None` when there is none.
pub(super) fn newest(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    let coverage = store.coverage()?;
    let ends = [coverage.counts, coverage.spans, coverage.points].map(|signal| signal.range);
    Ok(ends.into_iter().flatten().map(|range| range.end).max())
}

/// The time before, of the same length.
pub(super) fn before(range: TimeRange) -> TimeRange {
    let nanos = range.end.nanos_since(range.start);
    TimeRange::new(range.start.plus_nanos(-nanos), range.start)
}

fn time(name: &str, text: &str) -> Result<Option<Timestamp>, ExploreError> {
    let read = |text: &str| {
        Timestamp::parse(text).ok_or_else(|| {
            ExploreError::Bad(format!("`{name}` is not a time such as 2026-11-22T03:12:00Z"))
        })
    };
    given(text).map(read).transpose()
}
