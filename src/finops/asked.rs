//! What costs are asked for.

use groundcrew_store::StoreError;
use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::Deserialize;
use thiserror::Error;

use super::matching::By;

/// Days looked at when no start is given.
const USUAL_DAYS: i64 = 30;
/// Longest time that is looked at.
const DAYS_MAX: i64 = 400;
const DAY_SECS: i64 = 86_400;

/// Why there are no costs to show.
#[derive(Debug, Error)]
pub enum CostError {
    /// What was asked for cannot be read.
    #[error("{0}")]
    Bad(String),
    /// There is no such incident.
    #[error("there is no such incident")]
    NoIncident,
    /// The stores could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What costs are asked for; empty parameters ask for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CostAsked {
    /// A service: one that charges are tagged with, or a product of the provider.
    pub service: String,
    /// A tag, as `key=value`, or its key alone.
    pub tag: String,
    /// Part of a resource's name or id.
    pub resource: String,
    /// Start of the time, RFC 3339.
    pub from: String,
    /// Its end.
    pub to: String,
    /// What to group by: service, category, account, region, resource, charge or `tag:KEY`.
    pub by: String,
    /// Code of an incident: what it cost.
    pub incident: String,
}

impl CostAsked {
    /// What to group by.
    ///
    /// # Errors
    /// When there is no such grouping.
    pub(super) fn group(&self) -> Result<By, CostError> {
        By::parse(self.by.trim()).ok_or_else(|| {
            CostError::Bad(format!(
                "`{}` is nothing to group by; there are service, category, account, region, resource, charge and tag:KEY",
                self.by
            ))
        })
    }

    /// The time; what is not given is `usual`, or the thirty days before the end.
    ///
    /// # Errors
    /// When a time cannot be read, ends before it begins or is too long.
    pub(super) fn range(&self, usual: TimeRange, has_start: bool) -> Result<TimeRange, CostError> {
        let end = time("to", &self.to)?.unwrap_or(usual.end);
        let start = match time("from", &self.from)? {
            Some(start) => start,
            None if has_start && self.to.trim().is_empty() => usual.start,
            None => end.plus_secs(-USUAL_DAYS * DAY_SECS),
        };
        if start >= end {
            return Err(CostError::Bad("`from` must lie before `to`".to_owned()));
        }
        if end.secs_since(start) > (DAYS_MAX * DAY_SECS) as f64 {
            return Err(CostError::Bad(format!(
                "more than {DAYS_MAX} days; ask for a shorter time"
            )));
        }
        Ok(TimeRange::new(start, end))
    }
}

fn time(name: &str, text: &str) -> Result<Option<Timestamp>, CostError> {
    match text.trim() {
        "" => Ok(None),
        text => Timestamp::parse(text).map(Some).ok_or_else(|| {
            CostError::Bad(format!("`{name}` is not a time such as 2026-11-22T00:00:00Z"))
        }),
    }
}
