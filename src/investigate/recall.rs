//! Compares what was found with what is remembered: which past incidents are alike, what matches, what differs this time.
//!
//! Memory is asked after telemetry has spoken. It may decide a near tie between suspects and fill in a kind of fault
//! (`groundcrew_analysis::precedent`); apart from that it is shown beside the answer, with its own evidence.

use groundcrew_analysis::fingerprint::{
    Fingerprint, Likeness, Nearness, Rarity, Sign, SignKind, compare, sign_of,
};
use groundcrew_analysis::{FaultKind, Verdict, precedent};
use groundcrew_telemetry::Timestamp;

use super::evidence::{Candidate, EvidenceKind, Own, clip, shorten};
use super::format::{duration, time};
use super::material::{
    Diagnosis, Gathered, Passage, Remembered, RememberedSource, SimilarIncident, ToldSign,
};
use super::question::Intent;
use super::remembered::{Imprint, IncidentRecord, Opinion};
use super::signs;

/// Likeness from which on an incident that people vouched for is worth a reader's time. Measured on simulated shops and
/// generated systems: see `tests/it/memory.rs`.
pub const RECORD_SIMILAR_MIN: f64 = 0.45;
/// However well the words fit of a report on it, its signs must be this much alike.
const RECORD_SIGNS_MIN: f64 = 0.35;
/// Likeness from which on a report is, whose text counts as well.
pub const REPORT_SIMILAR_MIN: f64 = 0.5;
/// A report must share this much of its symptoms, however well its words fit.
const REPORT_SIGNS_MIN: f64 = 0.18;
/// The range of the confidence of a text search in which a text goes from meaning nothing to meaning all it can.
const TEXT_RANGE: (f64, f64) = (0.25, 0.75);
/// What the best text is worth beside signs.
const TEXT_WORTH: f64 = 0.6;
/// Incidents shown.
const SHOWN_MAX: usize = 2;
/// Sentences on what matches, on what was there only then, and on what is there only now.
const SENTENCES_MAX: usize = 3;
/// Signs lighter than this are not worth a sentence.
const TELLING_MIN: f64 = 0.3;
/// Longest item, in bytes.
const ITEM_BYTES_MAX: usize = 3_600;

/// Fills in what the diagnosis leaves for the memory, what past incidents do to it, and those that are alike.
pub fn recall(diagnosis: &mut Diagnosis, gathered: &Gathered, intent: Intent) {
    let mut print = Fingerprint::of(&diagnosis.analysis);
    for alert in gathered.alerts.iter().filter(|_| !print.is_empty()).cloned().collect::<Vec<_>>() {
        print.add(alert_sign(alert));
    }
    let compared = compare_all(&print, &gathered.memory, intent);
    let precedents: Vec<_> = compared
        .iter()
        .filter(|one| one.likeness.score >= RECORD_SIMILAR_MIN)
        .filter_map(|one| match &one.remembered.source {
            RememberedSource::Record(record) => Some(record.precedents(one.likeness.score)),
            RememberedSource::Document { .. } => None,
        })
        .flatten()
        .collect();
    diagnosis.influence = precedent::apply(&mut diagnosis.analysis, &precedents);
    let now = Now { print: &print, diagnosis };
    let similar: Vec<SimilarIncident> = compared
        .iter()
        .filter(|one| one.is_worth_showing(intent))
        .take(SHOWN_MAX)
        .map(|one| now.tell(one))
        .collect();
    let changes = &diagnosis.analysis.changes;
    let change =
        changes.first().filter(|best| best.verdict == Verdict::Likely && best.change.is_some());
    let change = change.map(|best| clip(best.title.trim(), 200).to_owned());
    diagnosis.similar = similar;
    // Only now: the comparisons above hold positions among its signs.
    if let Some(leading) = diagnosis.analysis.suspects.first().filter(|one| !one.reasons.is_empty())
    {
        print.set_fault(leading.subject.service(), leading.fault_kind);
    }
    diagnosis.imprint = Imprint::of(&diagnosis.analysis, print, change);
}

fn alert_sign(name: String) -> Sign {
    Sign {
        kind: SignKind::Alert,
        detail: clip(&name, 120).to_owned(),
        class: String::new(),
        service: String::new(),
        role: Default::default(),
        weight: 0.4,
        text: String::new(),
    }
}

/// A past incident beside the present one.
struct Compared<'a> {
    remembered: &'a Remembered,
    likeness: Likeness,
    similarity: f64,
}

impl Compared<'_> {
    fn is_worth_showing(&self, intent: Intent) -> bool {
        match self.remembered.source {
            RememberedSource::Record(_) => {
                self.likeness.score >= RECORD_SIGNS_MIN && self.similarity >= RECORD_SIMILAR_MIN
            }
            RememberedSource::Document { .. } => {
                // A question for facts is about what is written; one for the cause about what is seen.
                let seen = intent == Intent::Lookup || self.likeness.score >= REPORT_SIGNS_MIN;
                seen && self.similarity >= REPORT_SIMILAR_MIN
            }
        }
    }
}

/// All remembered incidents, the most alike first.
fn compare_all<'a>(
    print: &Fingerprint,
    memory: &'a [Remembered],
    intent: Intent,
) -> Vec<Compared<'a>> {
    let rarity = Rarity::of(memory.iter().map(|one| &one.fingerprint));
    let mut compared: Vec<Compared<'_>> = memory
        .iter()
        .map(|remembered| {
            let likeness = compare(print, &remembered.fingerprint, &rarity);
            let worth = if intent == Intent::Lookup { 1.0 } else { TEXT_WORTH };
            let text = worth * text_evidence(remembered.text);
            let similarity = 1.0 - (1.0 - likeness.score) * (1.0 - text);
            Compared { remembered, likeness, similarity }
        })
        .collect();
    compared.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    compared
}

/// What the confidence of a text search says, 0 to 1.
fn text_evidence(confidence: f64) -> f64 {
    let (nothing, all) = TEXT_RANGE;
    ((confidence - nothing) / (all - nothing)).clamp(0.0, 1.0)
}

/// What is seen now, for telling it beside what was seen then.
struct Now<'a> {
    print: &'a Fingerprint,
    diagnosis: &'a Diagnosis,
}

impl Now<'_> {
    fn tell(&self, compared: &Compared<'_>) -> SimilarIncident {
        let then = &compared.remembered.fingerprint;
        let mut similar = match &compared.remembered.source {
            RememberedSource::Record(record) => from_record(record),
            RememberedSource::Document { passage, item } => from_document(passage, item),
        };
        similar.similarity = compared.similarity;
        let seen = self.write_signs(&mut similar.item, then, &compared.likeness);
        similar.item.text = clip(&similar.item.text, ITEM_BYTES_MAX).to_owned();
        similar.matches = seen.matches;
        similar.differs = seen.differs;
        similar
    }

    /// Sentences on what is the same and what differs; the signs of then are written into the incident's item, where
    /// the sentences are looked up.
    fn write_signs(&self, item: &mut Candidate, then: &Fingerprint, likeness: &Likeness) -> Seen {
        let mut seen = Seen::default();
        let mut lines = Vec::new();
        for found in &likeness.matching {
            let pair = self.print.signs.get(found.now).zip(then.signs.get(found.then));
            let Some((now, before)) = pair else { continue };
            let Some(words) = signs::words(before) else { continue };
            let keys: Vec<String> =
                [Some(item.key.clone()), self.key_of(now)].into_iter().flatten().collect();
            let elsewhere = now.service != before.service && !before.service.is_empty();
            let telling = now.weight.min(before.weight) >= TELLING_MIN;
            if elsewhere && found.nearness != Nearness::Same && !now.service.is_empty() {
                let sentence = format!("then: {words}; now it is {}", now.service);
                if telling && keys.len() > 1 && seen.differs.is_empty() {
                    seen.differs.push(ToldSign { sentence, keys });
                }
            } else if telling
                && seen.matches.len() < SENTENCES_MAX
                && !seen.matches.iter().any(|told| told.sentence.ends_with(&words))
            {
                seen.matches.push(ToldSign { sentence: format!("as then, {words}"), keys });
            }
            lines.push(words);
        }
        let only_then: Vec<&Sign> = signs_at(then, &likeness.only_then);
        for (sign, words) in only_then.iter().filter_map(|sign| Some((sign, signs::words(sign)?))) {
            // A name in a report may be anything: that of a setting, of a metric that nobody sends any more.
            let open = sign.kind == SignKind::MetricNamed
                || sign.kind == SignKind::Fault && self.is_kind_open(&sign.detail);
            if !open && sign.weight >= TELLING_MIN && seen.differs.len() < SENTENCES_MAX {
                let sentence = format!("then and not now: {words}");
                seen.differs.push(ToldSign { sentence, keys: vec![item.key.clone()] });
            }
            lines.push(words);
        }
        let only_now = signs_at(self.print, &likeness.only_now);
        // What a report does not tell may have been there.
        let only_now = only_now.into_iter().filter(|sign| !then.told && sign.weight >= TELLING_MIN);
        for told in only_now.filter_map(|sign| self.finding_of(sign)).take(SENTENCES_MAX) {
            let sentence = format!("now and not then: {}", told.sentence);
            seen.differs.push(ToldSign { sentence, keys: vec![told.item.key.clone()] });
        }
        if !lines.is_empty() {
            item.text.push_str("\nseen then:");
            lines.dedup();
            lines.iter().for_each(|line| item.text.push_str(&format!("\n  {line}")));
        }
        seen
    }

    /// Whether nothing is known now that differs from a fault of this kind.
    fn is_kind_open(&self, kind: &str) -> bool {
        let leading = self.diagnosis.analysis.suspects.first();
        leading
            .is_none_or(|one| one.fault_kind == FaultKind::Unknown || one.fault_kind.name() == kind)
    }

    fn finding_of(&self, sign: &Sign) -> Option<&super::material::ToldFinding> {
        let analysis = &self.diagnosis.analysis;
        let position = analysis.findings.iter().position(|finding| {
            sign_of(finding, &analysis.graph).is_some_and(|other| {
                (other.kind, &other.service, &other.detail)
                    == (sign.kind, &sign.service, &sign.detail)
            })
        })?;
        self.diagnosis.findings.get(position)
    }

    fn key_of(&self, sign: &Sign) -> Option<String> {
        self.finding_of(sign).map(|told| told.item.key.clone())
    }
}

#[derive(Default)]
struct Seen {
    matches: Vec<ToldSign>,
    differs: Vec<ToldSign>,
}

fn signs_at<'a>(print: &'a Fingerprint, positions: &[usize]) -> Vec<&'a Sign> {
    positions.iter().filter_map(|position| print.signs.get(*position)).collect()
}

/// One line of a text that somebody wrote.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shorten(&line, 300)
}

fn from_record(record: &IncidentRecord) -> SimilarIncident {
    let at = record.since.unwrap_or(record.recorded_at);
    let cause = match (&record.cause, &record.cause_words) {
        (Some(cause), Some(words)) => Some(format!("{}: {}", cause.words(), one_line(words))),
        (Some(cause), None) => Some(cause.words()),
        (None, Some(words)) => Some(one_line(words)),
        (None, None) => None,
    };
    let fixed_by = record.fix.as_deref().map(one_line);
    let took = record.duration_secs.map(duration);
    let mut text = format!("incident {} of {}: {}", record.code, time(at), one_line(&record.title));
    for (label, value) in [("cause", &cause), ("fixed by", &fixed_by), ("took", &took)] {
        if let Some(value) = value {
            text.push_str(&format!("\n  {label}: {value}"));
        }
    }
    text.push_str(&opinions(record));
    for ruled_out in record.ruled_out.iter().take(3) {
        text.push_str(&format!("\n  ruled out then: {}", one_line(ruled_out)));
    }
    let item = Candidate {
        kind: EvidenceKind::Incident,
        title: format!("incident {}: {}", record.code, one_line(&record.title)),
        service: record.cause.as_ref().map(|cause| cause.service.clone()),
        range: None,
        query: Some(format!("incident {}", record.code)),
        text,
        score: 0.5,
        own: Own::Nothing,
        measure: None,
        series: None,
        drawn: None,
        key: format!("incident:{}", record.code),
    };
    SimilarIncident {
        incident: Some(record.code.clone()),
        ..told_of(one_line(&record.title), Some(at), [cause, fixed_by, took], item)
    }
}

/// An incident with what is known of it: its cause, what fixed it, how long it took.
fn told_of(
    title: String,
    at: Option<Timestamp>,
    [cause, fixed_by, took]: [Option<String>; 3],
    item: Candidate,
) -> SimilarIncident {
    SimilarIncident {
        title,
        incident: None,
        document: None,
        at,
        similarity: 0.0,
        cause,
        fixed_by,
        took,
        matches: Vec::new(),
        differs: Vec::new(),
        item,
    }
}

/// What people said about the record, counted.
fn opinions(record: &IncidentRecord) -> String {
    let mut text = String::new();
    for opinion in [Opinion::Right, Opinion::Wrong, Opinion::OtherCause] {
        let said = record.feedback.iter().filter(|said| said.opinion == opinion);
        let mut causes: Vec<String> = said.map(|said| said.cause.words()).collect();
        causes.dedup();
        for cause in causes {
            let verb = match opinion {
                Opinion::Right => "confirmed as the cause",
                Opinion::Wrong => "said not to be the cause",
                Opinion::OtherCause => "said to be the cause instead",
            };
            text.push_str(&format!("\n  {verb}: {cause}"));
        }
    }
    text
}

fn from_document(passage: &Passage, item: &Candidate) -> SimilarIncident {
    let chunk = &passage.chunk;
    let told = |keys: &[&str]| {
        let value = keys.iter().find_map(|key| chunk.front_matter.get(key))?;
        Some(one_line(&value.text())).filter(|text| !text.is_empty())
    };
    let cause = told(&["root_cause", "cause"]);
    let fixed_by = told(&["fix", "resolution"]);
    let took = told(&["duration"]);
    let mut item = item.clone();
    let mut head = chunk.title.clone();
    if let Some(date) = chunk.date {
        head.push_str(&format!(", {}", time(date)));
    }
    for (label, value) in [("cause", &cause), ("fixed by", &fixed_by), ("took", &took)] {
        if let Some(value) = value {
            head.push_str(&format!("\n  {label}: {value}"));
        }
    }
    item.text = format!("{head}\n{}", clip(&item.text, ITEM_BYTES_MAX / 2));
    SimilarIncident {
        document: Some(chunk.document.clone()),
        ..told_of(chunk.title.clone(), chunk.date, [cause, fixed_by, took], item)
    }
}
