//! What changed and what fired in a time: the first thing anybody asks.

use groundcrew_store::Store;
use groundcrew_telemetry::{TimeRange, Timestamp};

use super::metrics::markers;
use super::overview::folded_alerts;
use super::view::{AlertRow, Marker};
use super::when::{Asked, ExploreError, given};

/// How far back one looks when no start is given.
const USUAL_SECS: i64 = 6 * 3_600;

/// What happened in a time.
#[derive(Clone, PartialEq, Debug)]
pub struct Happened {
    /// The time.
    pub range: TimeRange,
    /// Changes, newest first; at most fifty.
    pub changes: Vec<Marker>,
    /// Alerts of the time, those of one name and service folded: firing ones first, then the newest.
    pub alerts: Vec<AlertRow>,
}

/// Changes and alerts, of one service and of what names none when a service is asked for.
///
/// # Errors
/// When the question or the store cannot be read.
pub fn changes(store: &Store, asked: &Asked, now: Timestamp) -> Result<Happened, ExploreError> {
    let range = asked.range_or(USUAL_SECS, store, now)?;
    let service = given(&asked.service);
    let mut alerts = folded_alerts(store, range)?;
    let is_about = |alert: &AlertRow| {
        let on = alert.service.as_deref();
        service.is_none_or(|service| on.is_none_or(|on| on == service))
    };
    alerts.retain(is_about);
    Ok(Happened { range, changes: markers(store, range, service)?, alerts })
}
