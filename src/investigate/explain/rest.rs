//! What else is different beside the sentences that are told: counted by how it lies to the leading suspect, with an item
//! that lists it. A reader sees what a cause would leave unexplained, and that nothing was left out to make it fit.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_analysis::{Around, Finding, FindingKind, Place, Suspect};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, EvidenceKind, PREVIEW_BYTES_MAX, shorten};
use super::super::format::count;
use super::super::material::{Diagnosis, ToldFinding};
use super::narrator::REASONS_MAX;

/// What says less than this by itself, and was not measured, is noise.
const LIKELIHOOD_MIN: f64 = 0.1;
/// Noise units from which on what was measured is listed, whoever is to blame for it.
const STRENGTH_MIN: f64 = 3.0;
/// Names told for one place.
const NAMES_MAX: usize = 3;
/// Longest line of the list, in bytes.
const LINE_BYTES_MAX: usize = 120;
/// What the list may take of an item, in bytes: the first line stands before it.
const LIST_BYTES_MAX: usize = PREVIEW_BYTES_MAX - 600;
/// The key of the item.
const KEY: &str = "signs:rest";

/// One sign of the list.
struct Sign<'a> {
    place: Place,
    weight: f64,
    finding: &'a Finding,
    told: &'a ToldFinding,
}

/// The sentence with its item, and what that lists.
#[derive(PartialEq, Debug)]
pub(super) struct Rest {
    pub(super) told: ToldFinding,
    /// The keys of the items of what is listed.
    listed: BTreeSet<String>,
}

impl Rest {
    /// The item's key, if it lists what the item of `key` shows.
    pub(super) fn lists(&self, key: &str) -> Option<&str> {
        self.listed.contains(key).then_some(self.told.item.key.as_str())
    }
}

/// The sentence and its item; `None` where everything that differs is told already.
pub(super) fn of(suspect: &Suspect, diagnosis: &Diagnosis) -> Option<Rest> {
    let signs = signs(suspect, diagnosis);
    if signs.is_empty() {
        return None;
    }
    let sentence = sentence(&signs);
    let List { text, each, listed } = list(&signs, diagnosis);
    let item = Candidate {
        measure: Some(Measure::Several { each }),
        score: 0.5,
        ..Candidate::new(EvidenceKind::Signs, sentence.clone(), KEY)
    }
    .saying(&format!("{sentence}{text}"));
    Some(Rest { told: ToldFinding { sentence, item, says: Vec::new() }, listed })
}

/// What is not told by sentences of its own, nearest to the suspect first and there the most telling first.
fn signs<'a>(suspect: &Suspect, diagnosis: &'a Diagnosis) -> Vec<Sign<'a>> {
    let analysis = &diagnosis.analysis;
    let around = Around::new(&analysis.graph, &suspect.subject);
    let cited: BTreeSet<usize> =
        suspect.reasons.iter().take(REASONS_MAX).copied().chain(analysis.course).collect();
    let mut signs: Vec<Sign<'_>> = analysis
        .findings
        .iter()
        .zip(&analysis.likelihoods)
        .zip(&diagnosis.findings)
        .enumerate()
        .filter(|(position, _)| !cited.contains(position))
        .filter(|(_, ((finding, says), _))| {
            **says >= LIKELIHOOD_MIN
                || is_measured(&finding.kind) && finding.strength >= STRENGTH_MIN
        })
        .map(|(_, ((finding, says), told))| {
            let first = if is_measured(&finding.kind) { 1.0 } else { 0.0 };
            Sign { place: around.place(finding), weight: first + says, finding, told }
        })
        .collect();
    // A service of which nothing is listed yet is shown by what moved of it the farthest.
    let mut listed: BTreeSet<&str> =
        signs.iter().map(|sign| sign.finding.service.as_str()).collect();
    for (finding, told) in analysis.moved.iter().zip(&diagnosis.moved) {
        if finding.strength >= STRENGTH_MIN && listed.insert(&finding.service) {
            signs.push(Sign { place: around.place(finding), weight: 0.0, finding, told });
        }
    }
    signs.sort_by(|a, b| a.place.cmp(&b.place).then_with(|| b.weight.total_cmp(&a.weight)));
    signs
}

/// Whether it is a level of requests, calls or a metric; lines come and go.
fn is_measured(kind: &FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::ServiceErrors { .. }
            | FindingKind::ServiceLatency { .. }
            | FindingKind::EdgeErrors { .. }
            | FindingKind::EdgeLatency { .. }
            | FindingKind::MetricShift { .. }
    )
}

/// How many there are and where; by name where trouble went, and where it would be unexplained.
fn sentence(signs: &[Sign<'_>]) -> String {
    let at = |place: Place| -> Vec<&Sign<'_>> {
        signs.iter().filter(|sign| sign.place == place).collect()
    };
    let part = |place: Place, words: &str, is_named: bool| {
        let there = at(place);
        let whose = if is_named { names(&there) } else { String::new() };
        (!there.is_empty()).then(|| (there.len(), format!("{words}{whose}")))
    };
    let parts: Vec<(usize, String)> = [
        part(Place::Itself, "on it or its node", false),
        part(Place::Callers, "on its callers", true),
        part(Place::Callees, "on what it calls", false),
        part(Place::Elsewhere, "elsewhere", true),
    ]
    .into_iter()
    .flatten()
    .collect();
    let noun = if signs.len() == 1 { "sign" } else { "signs" };
    let all = format!("{} more {noun}", count(signs.len() as u64));
    match parts.as_slice() {
        [(_, words)] => format!("{all} {words}"),
        parts => {
            let parts =
                parts.iter().map(|(number, words)| format!("{} {words}", count(*number as u64)));
            format!("{all}: {}", parts.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whom they are about, in brackets.
fn names(signs: &[&Sign<'_>]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in signs.iter().filter_map(|sign| sign.told.item.service.as_deref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = match names.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMES_MAX);
    if names.is_empty() { String::new() } else { format!(" ({}{more})", names.join(", ")) }
}

/// The lines of a list, what they were measured on, and the keys of their items.
#[derive(Default)]
struct List {
    text: String,
    each: Vec<Measure>,
    listed: BTreeSet<String>,
}

/// The lines of the list with a heading for each place, as many as there is room for. Objects of one workload that are in
/// one state share a line. What moved beside a service's own line stands below it by name.
fn list(signs: &[Sign<'_>], diagnosis: &Diagnosis) -> List {
    let mut list = List::default();
    let mut heading = None;
    let mut services: BTreeSet<&str> = BTreeSet::new();
    let mut left = signs.len();
    for alike in grouped(signs) {
        let Some(Sign { place, finding, told, .. }) = alike.first().copied() else { continue };
        if list.text.len() > LIST_BYTES_MAX {
            list.text.push_str(&format!("\n  and {} that are not listed", count(left as u64)));
            break;
        }
        left -= alike.len();
        if heading.replace(*place) != Some(*place) {
            list.text.push_str(match place {
                Place::Itself => "\n  on it or its node",
                Place::Callers => "\n  on its callers",
                Place::Callees => "\n  on what it calls",
                Place::Elsewhere => "\n  elsewhere: no call between them is known",
            });
        }
        list.text.push_str("\n    ");
        list.text.push_str(&line(finding, told));
        if alike.len() > 1 {
            let more = count(alike.len() as u64 - 1);
            list.text.push_str(&format!("\n      and {more} more like it"));
        }
        for sign in &alike {
            list.each.extend(sign.told.item.measure.clone());
            list.listed.insert(sign.told.item.key.clone());
        }
        if services.insert(&finding.service) {
            moved_too(finding, diagnosis, &mut list);
        }
    }
    list
}

/// The signs in their order, those that share a line with the first of them.
fn grouped<'s, 'a>(signs: &'s [Sign<'a>]) -> Vec<Vec<&'s Sign<'a>>> {
    let mut groups: Vec<Vec<&Sign<'_>>> = Vec::new();
    let mut places: BTreeMap<(Place, &str, &str), usize> = BTreeMap::new();
    for sign in signs {
        let key = state(&sign.finding.kind)
            .map(|state| (sign.place, sign.finding.service.as_str(), state));
        let known = key.and_then(|key| groups.get_mut(*places.get(&key)?));
        match known {
            Some(group) => group.push(sign),
            None => {
                if let Some(key) = key {
                    places.insert(key, groups.len());
                }
                groups.push(vec![sign]);
            }
        }
    }
    groups
}

/// What is said alike of all objects of a workload: a state, or the reason of a warning.
fn state(kind: &FindingKind) -> Option<&str> {
    match kind {
        FindingKind::ObjectUnhealthy { status, .. } => Some(status),
        FindingKind::ClusterWarning { reason, .. } => Some(reason),
        _ => None,
    }
}

/// The sentence without the pod: the item of its own has it.
fn line(finding: &Finding, told: &ToldFinding) -> String {
    let pod = finding.pod.as_ref().map(|pod| format!(" (pod {pod})"));
    let whole = &told.sentence;
    let short = pod.map_or_else(|| whole.clone(), |pod| whole.replacen(&pod, "", 1));
    let mut line = shorten(&short, LINE_BYTES_MAX);
    // A quotation that is cut ends with its line.
    if line.matches('“').count() > line.matches('”').count() {
        line.push('”');
    }
    line
}

/// The metrics of the finding's service that moved as well, by name.
fn moved_too(above: &Finding, diagnosis: &Diagnosis, list: &mut List) {
    let moved = diagnosis.analysis.moved.iter().zip(&diagnosis.moved);
    let mut names: Vec<&str> = Vec::new();
    for (finding, told) in moved.filter(|(one, _)| one.service == above.service && *one != above) {
        if let FindingKind::MetricShift { metric, .. } = &finding.kind {
            names.push(metric);
            list.each.extend(told.item.measure.clone());
        }
    }
    if !names.is_empty() {
        list.text.push_str("\n      as well: ");
        list.text.push_str(&shorten(&names.join(", "), LINE_BYTES_MAX));
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_analysis::{Analysis, FaultKind, GraphEdge, ServiceGraph, Subject};

    use super::*;

    fn metric(service: &str, name: &str, strength: f64) -> Finding {
        Finding {
            kind: FindingKind::MetricShift {
                metric: name.to_owned(),
                unit: String::new(),
                before: 1.0,
                after: 9.0,
                node: None,
            },
            service: service.to_owned(),
            pod: Some(format!("{service}-1")),
            since: None,
            strength,
        }
    }

    fn told(finding: &Finding) -> ToldFinding {
        let FindingKind::MetricShift { metric, .. } = &finding.kind else { panic!("a metric") };
        let (service, pod) = (finding.service.clone(), finding.pod.clone());
        let sentence = format!("{metric} of {service} (pod {service}-1) went from 1 to 9");
        let measure = Measure::Series { service: service.clone(), pod, metric: metric.clone() };
        let item = Candidate {
            service: Some(service),
            measure: Some(measure),
            ..Candidate::new(EvidenceKind::Metric, sentence.clone(), sentence.clone())
        };
        ToldFinding { sentence, item, says: Vec::new() }
    }

    /// web calls shop, which is suspected; mail has nothing to do with either.
    fn diagnosis(findings: Vec<(Finding, f64)>, moved: Vec<Finding>) -> (Suspect, Diagnosis) {
        let (findings, likelihoods): (Vec<Finding>, Vec<f64>) = findings.into_iter().unzip();
        let suspect = Suspect {
            subject: Subject::Service("shop".to_owned()),
            fault_kind: FaultKind::Unknown,
            score: 0.9,
            reasons: vec![0],
            against: Vec::new(),
            onset: None,
        };
        let edge = GraphEdge {
            caller: "web".to_owned(),
            callee: "shop".to_owned(),
            ..GraphEdge::default()
        };
        let diagnosis = Diagnosis {
            findings: findings.iter().map(told).collect(),
            moved: moved.iter().map(told).collect(),
            analysis: Analysis {
                findings,
                likelihoods,
                moved,
                graph: ServiceGraph { services: Vec::new(), edges: vec![edge] },
                ..Analysis::default()
            },
            ..Diagnosis::default()
        };
        (suspect, diagnosis)
    }

    #[test]
    fn what_differs_is_counted_by_place_and_listed_once() {
        let (suspect, diagnosis) = diagnosis(
            vec![
                (metric("shop", "told", 20.0), 0.9),
                (metric("mail", "latency.avg", 5.0), 0.0),
                (metric("web", "latency.avg", 9.0), 0.0),
                (metric("mail", "noise", 1.0), 0.05),
            ],
            vec![
                metric("web", "latency.p99", 8.0),
                metric("shop", "latency.p50", 7.0),
                metric("far", "latency.p50", 2.5),
            ],
        );
        let rest = of(&suspect, &diagnosis).unwrap();
        assert!(rest.lists("latency.avg of web (pod web-1) went from 1 to 9").is_some());
        assert!(rest.lists("noise of mail (pod mail-1) went from 1 to 9").is_none());
        let rest = rest.told;
        assert_eq!(
            rest.sentence,
            "3 more signs: 1 on it or its node, 1 on its callers (web), 1 elsewhere (mail)"
        );
        let lines: Vec<&str> = rest.item.text.lines().skip(1).map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "on it or its node",
                "latency.p50 of shop went from 1 to 9",
                "on its callers",
                "latency.avg of web went from 1 to 9",
                "as well: latency.p99",
                "elsewhere: no call between them is known",
                "latency.avg of mail went from 1 to 9",
            ]
        );
        let Some(Measure::Several { each }) = rest.item.measure else { panic!("several") };
        assert_eq!(each.len(), 4, "what stands below a line is measured, too: {each:?}");
    }

    #[test]
    fn when_all_is_told_there_is_no_more() {
        let (suspect, diagnosis) = diagnosis(vec![(metric("shop", "told", 20.0), 0.9)], Vec::new());
        assert_eq!(of(&suspect, &diagnosis), None);
    }

    #[test]
    fn the_list_ends_where_an_item_does_and_says_so() {
        let all = (0..400).map(|n| (metric(&format!("s{n:03}"), "latency.avg", 9.0), 0.5));
        let (suspect, diagnosis) = diagnosis(all.collect(), Vec::new());
        let rest = of(&suspect, &diagnosis).unwrap().told;
        assert!(rest.item.text.len() <= PREVIEW_BYTES_MAX, "{}", rest.item.text.len());
        assert_eq!(rest.sentence, "399 more signs elsewhere (s001, s002, s003 and 396 more)");
        let Some(Measure::Several { each }) = &rest.item.measure else { panic!("several") };
        let left = format!("and {} that are not listed", 399 - each.len());
        assert!(rest.item.text.ends_with(&left), "{}", rest.item.text);
    }

    #[test]
    fn objects_of_a_workload_in_one_state_share_a_line() {
        let pod = |service: &str, number: usize, status: &str| Finding {
            kind: FindingKind::ObjectUnhealthy {
                object: format!("Pod/default/{service}-{number}"),
                status: status.to_owned(),
                lines: Vec::new(),
            },
            ..metric(service, "", 9.0)
        };
        let pods = (0..300).flat_map(|number| {
            let status = if number % 100 == 7 { "Failed" } else { "Pending" };
            [(pod("batch", number, status), 0.5)]
        });
        let all = [(metric("shop", "told", 20.0), 0.9), (pod("mail", 0, "Pending"), 0.5)];
        let (findings, says): (Vec<Finding>, Vec<f64>) = all.into_iter().chain(pods).unzip();
        let (suspect, plain) = diagnosis(vec![(metric("shop", "told", 20.0), 0.9)], Vec::new());
        let told = |finding: &Finding| match &finding.kind {
            FindingKind::ObjectUnhealthy { object, status, .. } => {
                let sentence = format!("{object} is {status}");
                let item = Candidate {
                    measure: Some(Measure::Object { object: object.clone() }),
                    ..Candidate::new(EvidenceKind::ClusterState, sentence.clone(), object.clone())
                };
                ToldFinding { sentence, item, says: Vec::new() }
            }
            _ => told(finding),
        };
        let diagnosis = Diagnosis {
            findings: findings.iter().map(told).collect(),
            analysis: Analysis { findings, likelihoods: says, ..plain.analysis },
            ..Diagnosis::default()
        };
        let rest = of(&suspect, &diagnosis).unwrap();
        assert!(rest.lists("Pod/default/batch-299").is_some());
        let lines: Vec<&str> = rest.told.item.text.lines().skip(2).map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "Pod/default/mail-0 is Pending",
                "Pod/default/batch-0 is Pending",
                "and 296 more like it",
                "Pod/default/batch-7 is Failed",
                "and 2 more like it",
            ]
        );
        let Some(Measure::Several { each }) = rest.told.item.measure else { panic!("several") };
        assert_eq!(each.len(), 301);
    }

    #[test]
    fn a_quotation_that_is_cut_ends_with_its_line() {
        let finding = metric("shop", "latency", 5.0);
        let mut told = told(&finding);
        told.sentence =
            format!("shop writes a line it did not write before: “{}”", "x ".repeat(90));
        let line = line(&finding, &told);
        assert!(line.ends_with("…”") && line.len() <= LINE_BYTES_MAX + '”'.len_utf8(), "{line}");
        let is_open = |one| matches!(one, crate::text::Stretch::Open(_));
        assert!(!crate::text::stretches(&line).any(is_open), "{line}");
    }
}
