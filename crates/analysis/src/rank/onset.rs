//! When trouble began, from findings that each have a beginning of their own.

use groundcrew_telemetry::Timestamp;

use crate::Finding;

/// Beginnings that lie this near each other are one.
const TOGETHER_SECS: f64 = 90.0;
/// The share of all evidence that must begin together: one early finding alone is as likely noise.
const SHARE_MIN: f64 = 0.3;
/// Noise units that count half.
const HALF_STRENGTH: f64 = 8.0;

/// The earliest time at which enough of the evidence begins together; findings without noise units count little.
pub(super) fn onset<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<Timestamp> {
    let mut begins: Vec<(Timestamp, f64)> = findings
        .filter_map(|finding| {
            let strength = finding.strength.abs();
            let weight = 0.1 + strength / (strength + HALF_STRENGTH);
            Some((finding.since?, if weight.is_finite() { weight } else { 1.1 }))
        })
        .collect();
    begins.sort_by_key(|(since, _)| *since);
    let total: f64 = begins.iter().map(|(_, weight)| weight).sum();
    begins.iter().enumerate().find_map(|(position, (since, _))| {
        let together = begins
            .iter()
            .skip(position)
            .take_while(|(other, _)| other.secs_since(*since) <= TOGETHER_SECS);
        let weight: f64 = together.map(|(_, weight)| weight).sum();
        (weight >= SHARE_MIN * total).then_some(*since)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FindingKind;

    fn finding(secs: i64, strength: f64) -> Finding {
        Finding {
            kind: FindingKind::LoadChanged { before_per_min: 1.0, after_per_min: 2.0 },
            service: "any".to_owned(),
            pod: None,
            since: Some(Timestamp::from_secs(secs)),
            strength,
        }
    }

    #[test]
    fn one_early_finding_does_not_move_the_onset() {
        let findings =
            [finding(100, 4.0), finding(400, 30.0), finding(410, 12.0), finding(460, 9.0)];
        assert_eq!(onset(findings.iter()), Some(Timestamp::from_secs(400)));
        assert_eq!(onset(findings.iter().take(1)), Some(Timestamp::from_secs(100)));
        assert_eq!(onset([].iter()), None);
    }

    #[test]
    fn of_two_waves_the_first_counts_when_it_is_strong() {
        let findings = [finding(100, 30.0), finding(110, 20.0), finding(400, 30.0)];
        assert_eq!(onset(findings.iter()), Some(Timestamp::from_secs(100)));
    }
}
