//! Whether it helped: the figure that the runbook declared, measured by us over our own store.

use groundcrew_store::Store;
use groundcrew_telemetry::Timestamp;

use super::declared::CheckMeasure;
use super::plan::PlannedCheck;
use super::view::Helped;
use crate::explore::{self, Asked};
use crate::investigate::format::{count, milliseconds, percent};

/// What was measured.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Measured {
    /// The figure, and the requests it is of.
    Figure { measure: CheckMeasure, figure: f64, requests: u64 },
    /// Why there is none.
    Nothing(String),
}

impl Measured {
    /// `error ratio 4.2 % of 1,200 requests`.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Figure { measure: CheckMeasure::ErrorRatio, figure, requests } => {
                format!("error ratio {} of {} requests", percent(*figure), count(*requests))
            }
            Self::Figure { measure: CheckMeasure::LatencyP95Ms, figure, requests } => {
                format!("p95 {} of {} requests", milliseconds(*figure), count(*requests))
            }
            Self::Nothing(why) => why.clone(),
        }
    }

    /// Whether it is where it should be.
    pub(super) fn helped(&self, check: &PlannedCheck) -> Helped {
        match self {
            Self::Figure { figure, .. } if *figure < check.below => Helped::Better,
            Self::Figure { .. } => Helped::Not,
            Self::Nothing(_) => Helped::Unknown,
        }
    }
}

/// Measures what a check says, over its stretch up to `end`. Blocks on the store.
pub(super) fn measured(store: &Store, check: &PlannedCheck, end: Timestamp) -> Measured {
    let over = i64::try_from(check.over_secs).unwrap_or(i64::MAX);
    let asked =
        Asked { from: end.plus_secs(-over).to_string(), to: end.to_string(), ..Asked::default() };
    let view = match explore::services(store, &asked, end) {
        Ok(view) => view,
        Err(error) => return Measured::Nothing(format!("it could not be measured: {error}")),
    };
    let served = view.services.iter().find(|row| row.name == check.service).map(|row| row.now);
    let Some(served) = served.filter(|served| served.requests > 0) else {
        return Measured::Nothing(format!("no request of {} was seen", check.service));
    };
    let figure = match check.measure {
        CheckMeasure::ErrorRatio => Some(served.failed as f64 / served.requests as f64),
        CheckMeasure::LatencyP95Ms => served.p95_ms,
    };
    match figure {
        Some(figure) => {
            Measured::Figure { measure: check.measure, figure, requests: served.requests }
        }
        None => Measured::Nothing(format!("{} has no such figure", check.service)),
    }
}
