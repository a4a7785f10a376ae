//! Metrics of requests that moved and that no finding tells of, because another stands for them.

use std::collections::BTreeSet;

use super::meaning::Meaning;
use super::series::Movement;
use crate::{Finding, FindingKind};

/// Noise units from which on a metric moved.
const SCORE_MIN: f64 = 2.0;

/// Metrics that moved for the worse beside `findings`, one per service and name, the farthest first.
pub(super) fn beside(movements: &[Movement<'_>], findings: &[Finding]) -> Vec<Finding> {
    let mut told: BTreeSet<(&str, &str)> = findings
        .iter()
        .filter_map(|finding| match &finding.kind {
            FindingKind::MetricShift { metric, .. } | FindingKind::Saturated { metric, .. } => {
                Some((finding.service.as_str(), metric.as_str()))
            }
            _ => None,
        })
        .collect();
    let mut moved: Vec<(&Movement<'_>, f64)> = movements
        .iter()
        .filter(|movement| {
            matches!(movement.meaning, Meaning::Latency | Meaning::Errors | Meaning::Availability)
        })
        .map(|movement| (movement, f64::from(movement.meaning.bad_direction()) * movement.score))
        .filter(|(_, score)| *score >= SCORE_MIN)
        .collect();
    moved.sort_by(|a, b| b.1.total_cmp(&a.1));
    moved
        .into_iter()
        .filter(|(movement, _)| {
            told.insert((movement.row.resource.service(), movement.row.series.name.as_str()))
        })
        .map(|(movement, score)| movement.finding(movement.row.resource.service(), None, score))
        .collect()
}
