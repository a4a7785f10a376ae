//! Recalling past incidents beside made-up diagnoses.

use groundcrew_analysis::templates::template_of;
use groundcrew_analysis::{Analysis, Finding, FindingKind, Subject, Suspect};
use groundcrew_telemetry::{Severity, Timestamp};

use super::draft::Sentence;
use super::evidence::Evidence;
use super::evidence::{Candidate, EvidenceKind, Own};
use super::material::ToldFinding;
use super::material::{Diagnosis, Gathered, Remembered, RememberedSource};
use super::question::Intent;
use super::recall::recall;
use super::remembered::{Cause, Feedback, RECORD_VERSION};
use super::remembered::{IncidentRecord, Opinion};
use super::verify::{Support, support};
use groundcrew_analysis::fingerprint::Fingerprint;

const POOL: &str = "could not get a connection within 3000 ms: pool exhausted";
const HEAP: &str = "fatal: out of heap while serving a basket";

fn line(service: &str, text: &str) -> Line {
    (service.to_owned(), text.to_owned())
}

type Line = (String, String);

/// A diagnosis of new lines: two services about as suspect as each other.
fn diagnosis(lines: &[Line], scores: [f64; 2]) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    for (service, text) in lines {
        let template = template_of(text);
        let kind = FindingKind::TemplateNew {
            template: template.id,
            text: template.text,
            severity: Severity::ERROR,
            count: 9,
            exemplar: text.clone(),
            example: None,
        };
        diagnosis.analysis.findings.push(Finding {
            kind,
            service: service.clone(),
            pod: None,
            since: None,
            strength: 9.0,
        });
        let sentence =
            format!("{service} writes a line it did not write before, 9 times: “{text}”");
        let item = Candidate {
            kind: EvidenceKind::LogTemplate,
            title: sentence.clone(),
            service: Some(service.clone()),
            range: None,
            query: None,
            text: sentence.clone(),
            score: 0.9,
            own: Own::Nothing,
            measure: None,
            series: None,
            drawn: None,
            key: format!("line:{service}:{text}"),
        };
        diagnosis.findings.push(ToldFinding { sentence, item, says: Vec::new() });
    }
    let suspect = |name: &str, score| Suspect {
        subject: Subject::Service(name.to_owned()),
        fault_kind: groundcrew_analysis::FaultKind::Exception,
        score,
        reasons: (0..lines.len()).collect(),
        against: Vec::new(),
        onset: None,
    };
    diagnosis.analysis.suspects = vec![suspect("orders", scores[0]), suspect("stock", scores[1])];
    diagnosis
}

fn cause(service: &str) -> Cause {
    let fault_kind = "config".to_owned();
    Cause { service: service.to_owned(), subject: String::new(), fault_kind }
}

fn remembered(analysis: &Analysis, opinion: Opinion, service: &str) -> Remembered {
    let fingerprint = Fingerprint::of(analysis);
    let said =
        Feedback { at: Timestamp::default(), opinion, cause: cause(service), text: String::new() };
    let record = IncidentRecord {
        version: RECORD_VERSION,
        code: "7Q2".to_owned(),
        title: "orders (exception) since 03:07:10".to_owned(),
        since: Some(Timestamp::from_secs(1_790_000_000)),
        recorded_at: Timestamp::from_secs(1_790_003_600),
        fingerprint: fingerprint.clone(),
        services: Vec::new(),
        suspected: Some(cause("orders")),
        cause: Some(cause(service)),
        cause_words: None,
        change: None,
        fix: Some("rolled back to 2.10.6".to_owned()),
        ruled_out: Vec::new(),
        duration_secs: Some(1_380),
        feedback: vec![said],
        answer_id: "ans_1".to_owned(),
        evidence: Vec::new(),
        struck: None,
    };
    Remembered { fingerprint, source: RememberedSource::Record(Box::new(record)), text: 0.0 }
}

fn recalled(mut now: Diagnosis, memory: Vec<Remembered>) -> Diagnosis {
    let gathered = Gathered { memory, ..Gathered::default() };
    recall(&mut now, &gathered, Intent::Cause);
    now
}

#[test]
fn every_sentence_about_a_past_incident_holds_when_it_is_checked() {
    let then = diagnosis(
        &[line("orders", POOL), line("orders", "the cache of prices was dropped")],
        [0.8, 0.2],
    );
    let now = diagnosis(&[line("orders", POOL), line("stock", HEAP)], [0.8, 0.2]);
    let now = recalled(now, vec![remembered(&then.analysis, Opinion::Right, "orders")]);
    let [similar] = now.similar.as_slice() else { panic!("{:#?}", now.similar) };
    assert_eq!(similar.took.as_deref(), Some("23 min"));
    let told: Vec<&str> =
        similar.matches.iter().chain(&similar.differs).map(|told| told.sentence.as_str()).collect();
    assert!(
        told.iter().any(|one| one.starts_with("as then") && one.contains("pool exhausted")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|one| one.starts_with("then and not now") && one.contains("prices")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|one| one.starts_with("now and not then") && one.contains("heap")),
        "{told:?}"
    );
    let items: Vec<(String, Evidence)> = now
        .findings
        .iter()
        .map(|told| &told.item)
        .chain([&similar.item])
        .enumerate()
        .map(|(number, item)| (item.key.clone(), item.clone().into_evidence("ans", number + 1)))
        .collect();
    let evidence: Vec<Evidence> = items.iter().map(|(_, item)| item.clone()).collect();
    let known = ["orders".to_owned(), "stock".to_owned()];
    for told in similar.matches.iter().chain(&similar.differs) {
        let cites = told.keys.iter().filter_map(|key| {
            items.iter().find(|(other, _)| other == key).map(|(_, item)| item.id.clone())
        });
        let sentence = Sentence::new(told.sentence.clone(), cites.collect());
        assert_eq!(support(&sentence, &evidence, &known), Support::Verified, "{}", told.sentence);
    }
}

#[test]
fn what_people_said_decides_a_near_tie_and_nothing_else() {
    let lines = [line("orders", POOL), line("stock", POOL)];
    let then = diagnosis(&lines, [0.72, 0.70]);
    let confirmed = || vec![remembered(&then.analysis, Opinion::Right, "stock")];
    let rejected = || vec![remembered(&then.analysis, Opinion::Wrong, "orders")];
    let leader =
        |diagnosis: &Diagnosis| diagnosis.analysis.suspects[0].subject.service().to_owned();
    for memory in [confirmed(), rejected()] {
        let now = recalled(diagnosis(&lines, [0.72, 0.70]), memory);
        assert_eq!(leader(&now), "stock");
        assert!(now.influence.reordered);
        assert_eq!(now.imprint.suspects[0].service, "stock");
    }
    for memory in [confirmed(), rejected(), Vec::new()] {
        let now = recalled(diagnosis(&lines, [0.9, 0.5]), memory);
        assert_eq!(leader(&now), "orders", "telemetry is clear");
    }
    let kinds = recalled(diagnosis(&lines, [0.72, 0.70]), confirmed());
    assert!(kinds.influence.kind_taken);
    assert_eq!(kinds.analysis.suspects[0].fault_kind.name(), "config");
}

#[test]
fn what_is_hardly_alike_is_neither_shown_nor_heard() {
    let then = diagnosis(&[line("baskets", HEAP)], [0.72, 0.70]);
    let lines = [line("orders", POOL), line("stock", POOL)];
    let memory = vec![remembered(&then.analysis, Opinion::Right, "stock")];
    let now = recalled(diagnosis(&lines, [0.72, 0.70]), memory);
    assert!(now.similar.is_empty(), "{:#?}", now.similar);
    assert!(!now.influence.reordered);
    let mut quiet = Diagnosis::default();
    let memory = vec![remembered(&then.analysis, Opinion::Right, "stock")];
    recall(&mut quiet, &Gathered { memory, ..Gathered::default() }, Intent::Cause);
    assert!(quiet.similar.is_empty() && quiet.analysis.suspects.is_empty());
}
