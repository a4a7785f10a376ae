//! Log lines that always came together and no longer do.
//!
//! Where two lines of a service came exactly equally often all through the baseline, they are steps of one path; when the
//! window has one without the other, the path is left between them. This needs no clock and no model of the traffic.

use super::evidence::{Channel, Evidence};
use super::logs::{EDGE_SLACK, Line, TOGETHER_COUNT_MIN, come_together, finding_gone};
use super::names::Names;
use super::stats::{saturate, share_score};

/// Share of paths left from which on it is a finding.
const LEFT_MIN: f64 = 0.05;

/// Finds broken pairs; one per service, the clearest.
pub(super) fn find(lines: &[Line<'_>], services: &Names, evidence: &mut Evidence) {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    let key = |number: &usize| lines.get(*number).map(|line| (line.service, line.before as u64));
    order.sort_by_key(|number| (key(number), *number));
    let mut clearest: Option<(u32, f64, f64, usize)> = None;
    for group in order.chunk_by(|a, b| key(a) == key(b)) {
        let together: Vec<(usize, &Line<'_>)> = group
            .iter()
            .filter_map(|number| lines.get(*number).map(|line| (*number, line)))
            .collect();
        let Some((_, first)) = together.first() else { continue };
        if clearest.is_some_and(|(service, ..)| service != first.service) {
            keep(clearest.take(), lines, services, evidence);
        }
        if first.before < TOGETHER_COUNT_MIN || together.len() < 2 {
            continue;
        }
        let Some(most) = together.iter().max_by(|a, b| a.1.after.total_cmp(&b.1.after)).copied()
        else {
            continue;
        };
        let minutes = |line: &Line<'_>| line.baseline.map_or(Vec::new(), |row| row.minutes.clone());
        let (most_minutes, most) = (minutes(most.1), most.1.after);
        for (number, line) in together {
            let missing = most - line.after - EDGE_SLACK;
            if missing <= 0.0 || missing < LEFT_MIN * most {
                continue;
            }
            let score = share_score((0, line.before as u64), (missing as u64, most as u64));
            if score > 2.5
                && come_together(&minutes(line), &most_minutes)
                && clearest.is_none_or(|(_, known, ..)| score > known)
            {
                clearest = Some((line.service, score, most, number));
            }
        }
    }
    keep(clearest, lines, services, evidence);
}

fn keep(
    broken: Option<(u32, f64, f64, usize)>,
    lines: &[Line<'_>],
    services: &Names,
    evidence: &mut Evidence,
) {
    let Some((service, score, expected, number)) = broken else { return };
    let Some(finding) =
        lines.get(number).and_then(|line| finding_gone(line, score, expected, services))
    else {
        return;
    };
    evidence.add(finding, service, Channel::Logs, 0.85 * saturate(score, 1.5, 2.0));
}
