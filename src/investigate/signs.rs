//! Signs of a fingerprint in words, without figures: a sign of a past incident has none.

use groundcrew_analysis::fingerprint::{Sign, SignKind};

use super::evidence::clip;

/// Longest quoted text of a sign, in bytes.
const QUOTE_BYTES_MAX: usize = 140;

/// What the sign says, as a clause. `None` for what is no symptom by itself.
#[must_use]
pub fn words(sign: &Sign) -> Option<String> {
    let Sign { detail, service, class, .. } = sign;
    let text = clip(&sign.text, QUOTE_BYTES_MAX).trim();
    let of = if service.is_empty() { String::new() } else { format!(" of {service}") };
    let someone = if service.is_empty() { "somebody" } else { service };
    Some(match sign.kind {
        SignKind::LineNew if service.is_empty() => format!("there is the line “{text}”"),
        SignKind::LineNew => format!("{someone} writes “{text}”"),
        SignKind::LineMore => format!("{someone} writes “{text}” more often"),
        SignKind::LineGone => format!("{someone} no longer writes “{text}”"),
        SignKind::ServiceFails => format!("requests{of} fail"),
        SignKind::ServiceSlow => format!("{someone} itself is slow"),
        SignKind::EdgeFails => format!("calls from {someone} to {detail} fail"),
        SignKind::EdgeSlow => format!("the way from {someone} to {detail} is slow"),
        SignKind::Retries => format!("{someone} repeats calls to {detail}"),
        SignKind::Saturated => format!("{detail}{of} reaches its limit"),
        SignKind::CallsMore => format!("{someone} calls {detail} more often"),
        SignKind::CallsFewer => format!("{someone} calls {detail} less often"),
        SignKind::LoadMore => format!("{someone} gets more requests"),
        SignKind::LoadLess => format!("{someone} gets fewer requests"),
        SignKind::MetricUp => format!("{detail}{of} goes up"),
        SignKind::MetricDown => format!("{detail}{of} goes down"),
        SignKind::MetricNamed => format!("{detail} is named"),
        SignKind::Cohort => format!("bad requests{of} have {detail} in common"),
        SignKind::ObjectState => format!("a {class}{of} is {detail}"),
        SignKind::ClusterWarning => format!("the cluster warns about a {class}{of}: {detail}"),
        SignKind::Change => format!("a change{of} triggered it: “{text}”"),
        SignKind::Alert => format!("the alert {detail} went off"),
        SignKind::Fault => format!("the fault{of} is one of {detail}"),
        SignKind::ServiceNamed => return None,
    })
}
