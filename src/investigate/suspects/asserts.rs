//! What a finding asserts, to be measured again.
//!
//! Figures that the analysis corrects before it compares them (per request, without what callees cause) are asserted as a
//! direction: a second, plainer measurement must see the same thing move the same way.

use groundcrew_analysis::{Finding, FindingKind};

use super::super::assertion::{Figure, Measure};

/// What was measured; `None` for what only exists while it is analysed.
pub(super) fn measure_of(finding: &Finding) -> Option<Measure> {
    let service = finding.service.clone();
    let pod = finding.pod.clone();
    Some(match &finding.kind {
        FindingKind::ServiceErrors { .. }
        | FindingKind::ServiceLatency { .. }
        | FindingKind::LoadChanged { .. } => Measure::Requests { service, pod },
        FindingKind::EdgeLatency { callee, .. }
        | FindingKind::EdgeErrors { callee, .. }
        | FindingKind::CallsChanged { callee, .. }
        | FindingKind::Retries { callee, .. } => {
            Measure::Calls { caller: service, callee: callee.clone() }
        }
        FindingKind::TemplateNew { template, .. }
        | FindingKind::TemplateSpiking { template, .. }
        | FindingKind::TemplateGone { template, .. }
        | FindingKind::PathLeft { template, .. } => {
            Measure::Template { service, template: template.to_string() }
        }
        FindingKind::MetricShift { metric, .. } | FindingKind::Saturated { metric, .. } => {
            Measure::Series { service, pod, metric: metric.clone() }
        }
        FindingKind::ObjectUnhealthy { object, .. } => Measure::Object { object: object.clone() },
        FindingKind::PathGrew { example: Some(trace), .. }
        | FindingKind::Cohort { example: Some(trace), .. } => {
            Measure::Trace { trace: trace.to_string() }
        }
        _ => return None,
    })
}

/// What the finding says of it.
pub(super) fn says(finding: &Finding) -> Vec<(Figure, String)> {
    let way = |before: f64, after: f64| if after > before { "rises" } else { "falls" }.to_owned();
    match &finding.kind {
        FindingKind::ServiceErrors { before, after, .. }
        | FindingKind::EdgeErrors { before, after, .. } => {
            vec![(Figure::Errors, way(*before, *after))]
        }
        FindingKind::ServiceLatency { before_ms, after_ms, .. }
        | FindingKind::EdgeLatency { before_ms, after_ms, .. } => {
            vec![(Figure::Duration, way(*before_ms, *after_ms))]
        }
        FindingKind::CallsChanged { before_per_min, after_per_min, .. }
        | FindingKind::LoadChanged { before_per_min, after_per_min } => {
            vec![(Figure::Rate, way(*before_per_min, *after_per_min))]
        }
        FindingKind::TemplateNew { count, .. } => {
            let since = finding.since.map(|since| (Figure::FirstSeen, since.to_string()));
            [(Figure::Count, count.to_string())].into_iter().chain(since).collect()
        }
        FindingKind::TemplateSpiking { count, .. } => vec![(Figure::Count, count.to_string())],
        FindingKind::MetricShift { before, after, .. } => {
            vec![(Figure::Level, way(*before, *after))]
        }
        FindingKind::ObjectUnhealthy { status, .. } => vec![(Figure::Status, status.clone())],
        // Whether a line vanished is told per request, which a count of lines cannot see; the rest only exists while
        // it is analysed.
        _ => Vec::new(),
    }
}
