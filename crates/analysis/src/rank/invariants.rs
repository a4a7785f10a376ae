//! Log lines that always came together and no longer do.
//!
//! Where two lines of a service came exactly equally often all through the baseline, they are steps of one path; when the
//! window has one without the other, the path is left between them. This needs no clock and no model of the traffic.
//! Lines that read the same but are written at several places in the code are a step for each place.

use std::collections::BTreeMap;

use groundcrew_telemetry::{SiteRow, TemplateId};

use super::evidence::{Channel, Evidence};
use super::logs::{EDGE_SLACK, Line, TOGETHER_COUNT_MIN, come_together};
use super::names::Names;
use super::stats::{saturate, share_score};
use crate::{Finding, FindingKind};

/// Share of paths left from which on it is a finding.
const LEFT_MIN: f64 = 0.05;
/// Noise units from which on it is one.
const SCORE_MIN: f64 = 2.5;

/// What is written at one place, or one line wherever it is written.
#[derive(Clone, Copy)]
struct Step<'a> {
    line: &'a Line<'a>,
    before: u64,
    after: f64,
    /// What was written in the window at places that are new: a release moves lines, so this may be them.
    moved: f64,
    /// Of the baseline.
    minutes: &'a [(i64, u32)],
    exemplar: &'a str,
}

/// A path that is left before `step`.
struct Left<'a> {
    step: Step<'a>,
    /// How often the step should have come.
    due: f64,
    missed: f64,
    score: f64,
}

/// Finds broken pairs; one per service, the clearest.
pub(super) fn find(lines: &[Line<'_>], services: &Names, evidence: &mut Evidence) {
    let mut steps: Vec<Step<'_>> = lines.iter().flat_map(steps_of).collect();
    let key = |step: &Step<'_>| (step.line.service, step.before);
    steps.sort_by_key(key);
    let mut clearest: BTreeMap<u32, Left<'_>> = BTreeMap::new();
    for together in steps.chunk_by(|a, b| key(a) == key(b)) {
        let Some(left) = left_among(together) else { continue };
        let service = left.step.line.service;
        if clearest.get(&service).is_none_or(|known| left.score > known.score) {
            clearest.insert(service, left);
        }
    }
    for (service, left) in clearest {
        let finding = finding(&left, services);
        evidence.add(finding, service, Channel::Logs, 0.85 * saturate(left.score, 1.5, 2.0));
    }
}

/// The steps that a line stands for.
fn steps_of<'a>(line: &'a Line<'a>) -> Vec<Step<'a>> {
    let Some(baseline) = line.baseline else { return Vec::new() };
    let whole = Step {
        line,
        before: line.before as u64,
        after: line.after,
        moved: 0.0,
        minutes: &baseline.minutes,
        exemplar: baseline.exemplars.first().map_or("", String::as_str),
    };
    if baseline.sites.len() < 2 {
        return vec![whole];
    }
    let counts = |sites: &[SiteRow]| -> BTreeMap<_, u64> {
        sites.iter().map(|site| (site.site, site.count)).collect()
    };
    let window = line.window.map(|row| counts(&row.sites)).unwrap_or_default();
    let known = counts(&baseline.sites);
    let moved: u64 =
        window.iter().filter(|(site, _)| !known.contains_key(site)).map(|(_, count)| count).sum();
    let at = |site: &'a SiteRow| Step {
        line,
        before: site.count,
        after: window.get(&site.site).copied().unwrap_or_default() as f64,
        moved: moved as f64,
        minutes: &site.minutes,
        exemplar: &site.exemplar,
    };
    baseline.sites.iter().map(at).collect()
}

/// The clearest step that is missed among steps that came equally often.
fn left_among<'a>(together: &[Step<'a>]) -> Option<Left<'a>> {
    let most = together.iter().max_by(|a, b| a.after.total_cmp(&b.after))?;
    if (most.before as f64) < TOGETHER_COUNT_MIN || together.len() < 2 {
        return None;
    }
    let mut clearest: Option<Left<'_>> = None;
    for step in together {
        let missed = most.after - step.after - step.moved - EDGE_SLACK;
        if missed <= 0.0 || missed < LEFT_MIN * most.after {
            continue;
        }
        let score = share_score((0, step.before), (missed as u64, most.after as u64));
        if score > SCORE_MIN
            && come_together(step.minutes, most.minutes)
            && clearest.as_ref().is_none_or(|known| score > known.score)
        {
            let missed = most.after - step.after;
            clearest = Some(Left { step: *step, due: most.after, missed, score });
        }
    }
    clearest
}

fn finding(left: &Left<'_>, services: &Names) -> Finding {
    let Line { service, text, baseline, .. } = left.step.line;
    Finding {
        kind: FindingKind::PathLeft {
            template: baseline.map_or(TemplateId(0), |row| row.template),
            text: (*text).to_owned(),
            severity: left.step.line.severity(),
            exemplar: left.step.exemplar.to_owned(),
            missed: left.missed as u64,
            due: left.due as u64,
        },
        service: services.name(*service).to_owned(),
        pod: None,
        since: None,
        strength: left.score,
    }
}
