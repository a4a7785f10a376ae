//! Which incident an alert belongs to.
//!
//! Together belong alerts that their sender groups, alerts on the same service, and alerts on services that the
//! investigation of an incident found to suffer from it or to be suspected. Nearness in time alone joins nothing: two
//! things can break in the same minute, and one that hides behind the other is found late.

use groundcrew_store::{OpenedAlert, OpenedIncident};
use groundcrew_telemetry::{Alert, AlertStatus, Timestamp};

/// How long after its end an incident is still the one that comes back.
const COMES_BACK_SECS: i64 = 900;
/// Words for alerts that wake nobody.
const QUIET: [&str; 7] = ["info", "informational", "information", "none", "ok", "debug", "notice"];
/// Words for messages of a moment that are an incident all the same.
const LOUD: [&str; 12] = [
    "critical",
    "page",
    "high",
    "error",
    "fatal",
    "emergency",
    "p1",
    "p2",
    "sev1",
    "sev2",
    "sev-1",
    "sev-2",
];

fn is_among(words: &[&str], severity: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(severity.trim()))
}

/// Whether an alert is reason enough to open an incident. A severity that nobody knows is.
pub(super) fn opens(alert: &Alert) -> bool {
    match alert.status {
        AlertStatus::Firing => !is_among(&QUIET, &alert.severity),
        // What has ended opens nothing, but a message of a moment can do no more than say that it was bad.
        AlertStatus::Resolved => {
            alert.ends_at == Some(alert.starts_at) && is_among(&LOUD, &alert.severity)
        }
    }
}

/// Whether an alert belongs to an incident.
pub(super) fn belongs(
    incident: &OpenedIncident,
    alert: &Alert,
    group: Option<&str>,
    now: Timestamp,
) -> bool {
    // The end of an alert belongs to wherever its beginning went.
    if incident.alerts.iter().any(|known| known.fingerprint == alert.fingerprint) {
        return is_current(incident, now) || alert.status == AlertStatus::Resolved;
    }
    if alert.status == AlertStatus::Resolved || !is_current(incident, now) {
        return false;
    }
    let same_group = group.is_some_and(|group| !group.is_empty() && group == incident.group);
    let service = alert.service.as_deref().unwrap_or_default();
    let same_service = incident.services.iter().any(|known| known == service);
    let same_name =
        service.is_empty() && incident.alerts.iter().any(|known| known.name == alert.name);
    same_group || same_service || same_name
}

/// Whether an incident goes on, or ended so lately that it may come back.
fn is_current(incident: &OpenedIncident, now: Timestamp) -> bool {
    incident.over_at.is_none() || now < incident.heard_at.plus_secs(COMES_BACK_SECS)
}

/// Adds an alert to an incident, or how it stands now.
pub(super) fn fold(
    incident: &mut OpenedIncident,
    alert: &Alert,
    now: Timestamp,
    alerts_max: usize,
) {
    let until = match alert.status {
        AlertStatus::Firing => None,
        AlertStatus::Resolved => Some(alert.ends_at.unwrap_or(now)),
    };
    let told = OpenedAlert {
        fingerprint: alert.fingerprint.clone(),
        name: alert.name.clone(),
        service: alert.service.clone().unwrap_or_default(),
        severity: alert.severity.clone(),
        since: alert.starts_at,
        until,
    };
    if let Some(known) =
        incident.alerts.iter_mut().find(|known| known.fingerprint == told.fingerprint)
    {
        *known = told;
    } else if incident.alerts.len() < alerts_max {
        incident.alerts.push(told);
    }
    let service = alert.service.as_ref().filter(|service| !service.is_empty());
    if let Some(service) = service.filter(|service| !incident.services.contains(service)) {
        incident.services.push(service.clone());
    }
    incident.heard_at = now;
    settle(incident);
}

/// Since when, and until when, its alerts hold.
fn settle(incident: &mut OpenedIncident) {
    let since = incident.alerts.iter().map(|alert| alert.since).min();
    incident.since = since.unwrap_or(incident.since);
    let is_over = incident.alerts.iter().all(|alert| alert.until.is_some());
    incident.over_at =
        incident.alerts.iter().filter_map(|alert| alert.until).max().filter(|_| is_over);
}

/// Whether what `small` is about was found to belong to `incident`, which was investigated.
pub(super) fn explains(incident: &OpenedIncident, small: &OpenedIncident, now: Timestamp) -> bool {
    let meets = small.services.iter().any(|service| incident.services.contains(service));
    incident.code != small.code && meets && is_current(incident, now)
}

/// Moves the alerts of one incident into another.
pub(super) fn absorb(incident: &mut OpenedIncident, small: OpenedIncident) {
    for alert in small.alerts {
        if !incident.alerts.iter().any(|known| known.fingerprint == alert.fingerprint) {
            incident.alerts.push(alert);
        }
    }
    for service in small.services {
        if !incident.services.contains(&service) {
            incident.services.push(service);
        }
    }
    incident.heard_at = incident.heard_at.max(small.heard_at);
    settle(incident);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(name: &str, service: &str) -> Alert {
        Alert {
            name: name.to_owned(),
            fingerprint: format!("{name}/{service}"),
            service: Some(service.to_owned()).filter(|service| !service.is_empty()),
            severity: "critical".to_owned(),
            starts_at: Timestamp::from_secs(100),
            ..Alert::default()
        }
    }

    fn ended(alert: &Alert, at: i64) -> Alert {
        let ends_at = Some(Timestamp::from_secs(at));
        Alert { status: AlertStatus::Resolved, ends_at, ..alert.clone() }
    }

    fn incident(alerts: &[Alert]) -> OpenedIncident {
        let mut incident = OpenedIncident { code: "7Q2".to_owned(), ..OpenedIncident::default() };
        for alert in alerts {
            fold(&mut incident, alert, Timestamp::from_secs(110), 10);
        }
        incident
    }

    #[test]
    fn what_shares_a_service_or_a_group_belongs_together() {
        let now = Timestamp::from_secs(200);
        let mut open = incident(&[alert("slow", "checkout")]);
        open.group = "g1".to_owned();
        assert!(belongs(&open, &alert("errors", "checkout"), None, now));
        assert!(belongs(&open, &alert("errors", "cart"), Some("g1"), now));
        assert!(!belongs(&open, &alert("errors", "cart"), Some("g2"), now));
        assert!(!belongs(&open, &alert("slow", "cart"), None, now), "a rule of many services");
        assert!(!belongs(&open, &alert("slow", "cart"), Some(""), now), "no group is no group");
        open.services.push("cart".to_owned());
        assert!(belongs(&open, &alert("errors", "cart"), None, now), "found to suffer from it");
    }

    #[test]
    fn an_incident_is_over_with_its_last_alert_and_comes_back_for_a_while() {
        let (slow, errors) = (alert("slow", "checkout"), alert("errors", "checkout"));
        let mut open = incident(&[slow.clone(), errors.clone(), ended(&slow, 150)]);
        assert_eq!((open.firing(), open.over_at), (1, None));
        fold(&mut open, &ended(&errors, 170), Timestamp::from_secs(180), 10);
        assert_eq!(open.over_at, Some(Timestamp::from_secs(170)));
        assert_eq!(open.since, Timestamp::from_secs(100));
        let again = Timestamp::from_secs(180 + COMES_BACK_SECS - 1);
        assert!(belongs(&open, &errors, None, again));
        let later = Timestamp::from_secs(180 + COMES_BACK_SECS);
        assert!(!belongs(&open, &errors, None, later), "then it is another incident");
        assert!(belongs(&open, &ended(&errors, 170), None, later), "its end is not");
    }

    #[test]
    fn what_wakes_nobody_opens_nothing() {
        let mut quiet = alert("Watchdog", "");
        assert!(opens(&quiet));
        quiet.severity = "none".to_owned();
        assert!(!opens(&quiet));
        quiet.severity = "a word of their own".to_owned();
        assert!(opens(&quiet));
        let past = ended(&alert("slow", "checkout"), 150);
        assert!(!opens(&past));
        assert!(opens(&ended(&alert("the nightly job failed", ""), 100)), "a message of a moment");
    }

    #[test]
    fn an_incident_that_another_explains_joins_it() {
        let now = Timestamp::from_secs(200);
        let mut big = incident(&[alert("slow", "payments")]);
        let mut small = incident(&[alert("errors", "checkout")]);
        small.code = "ABC".to_owned();
        assert!(!explains(&big, &small, now), "nothing says so yet");
        big.services.push("checkout".to_owned());
        small.services.push("cart".to_owned());
        assert!(explains(&big, &small, now));
        assert!(!explains(&big, &big, now), "not itself");
        absorb(&mut big, small);
        assert_eq!((big.alerts.len(), big.firing()), (2, 2));
        assert!(belongs(&big, &alert("slow", "cart"), None, now), "its services came along");
    }
}
