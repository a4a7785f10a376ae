//! Past incidents as they are remembered: what an incident looked like, what caused and fixed it, and what people say.
//!
//! Nothing of the question path writes one of these. A record comes to be when a person says how an investigation came
//! out, by the command line or an authorised call (`crate::memory`); telemetry, documents and models cannot.

use groundcrew_analysis::fingerprint::Fingerprint;
use groundcrew_analysis::precedent::Precedent;
use groundcrew_analysis::{Analysis, FaultKind, Subject};
use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{optional_time, time};
use super::evidence::EvidenceKind;

/// The form in which records are written. A reader takes older ones and leaves newer ones alone.
pub const RECORD_VERSION: u32 = 1;
/// Characters of incident codes: none that is mistaken for another on a phone or by eye.
const CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters of a code as it is shown; a longer beginning of the same code names an incident that shares them.
pub const CODE_CHARS: usize = 3;
/// Characters of a code in full.
pub const CODE_CHARS_MAX: usize = 12;

/// The code of the incident that an answer is about, in full. Its first [`CODE_CHARS`] characters are what people say.
#[must_use]
pub fn incident_code(answer_id: &str) -> String {
    let hash = blake3::hash(answer_id.as_bytes());
    hash.as_bytes()
        .iter()
        .take(CODE_CHARS_MAX)
        .filter_map(|byte| CODE_ALPHABET.get(usize::from(byte % 32)))
        .map(|character| char::from(*character))
        .collect()
}

/// Who or what was at fault, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cause {
    /// The service, node or dependency.
    pub service: String,
    /// Which part of it: the pod, the way to another service; `""` for all of it.
    #[serde(default)]
    pub subject: String,
    /// The kind of fault, a word of [`FaultKind`]; `""` when it is not known.
    #[serde(default)]
    pub fault_kind: String,
}

impl Cause {
    /// `checkout (config)`.
    #[must_use]
    pub fn words(&self) -> String {
        let who = if self.subject.is_empty() { &self.service } else { &self.subject };
        match self.fault_kind.as_str() {
            "" | "unknown" => who.clone(),
            kind => format!("{who} ({kind})"),
        }
    }

    /// The kind of fault, when it is known.
    #[must_use]
    pub fn kind(&self) -> Option<FaultKind> {
        FaultKind::from_name(&self.fault_kind).filter(|kind| *kind != FaultKind::Unknown)
    }
}

/// What an answer leaves behind for the memory, beside its sentences.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Imprint {
    /// What the trouble looks like.
    pub fingerprint: Fingerprint,
    /// The leading suspects, best first.
    #[serde(default)]
    pub suspects: Vec<Cause>,
    /// The change that likely triggered it: its title.
    #[serde(default)]
    pub change: Option<String>,
}

impl Imprint {
    /// Whether there is nothing to remember.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fingerprint.is_empty() && self.suspects.is_empty()
    }

    /// What an analysis leaves behind.
    #[must_use]
    pub fn of(analysis: &Analysis, fingerprint: Fingerprint, change: Option<String>) -> Self {
        let suspects = analysis
            .suspects
            .iter()
            .filter(|suspect| !suspect.reasons.is_empty())
            .take(3)
            .map(|suspect| Cause {
                service: suspect.subject.service().to_owned(),
                subject: match &suspect.subject {
                    Subject::Pod { pod, .. } => pod.clone(),
                    Subject::Edge { caller, callee } => format!("{caller} → {callee}"),
                    Subject::Service(_)
                    | Subject::Node(_)
                    | Subject::Change { .. }
                    | Subject::Dependency(_) => String::new(),
                },
                fault_kind: suspect.fault_kind.name().to_owned(),
            })
            .collect();
        Self { fingerprint, suspects, change }
    }
}

/// What a person says about an answer's cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Opinion {
    /// It was that.
    Right,
    /// It was not that; what it was is not said.
    Wrong,
    /// It was something else, which is said.
    OtherCause,
}

impl Opinion {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::OtherCause => "other cause",
        }
    }
}

/// One person's word on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "FeedbackGiven"))]
pub struct Feedback {
    /// When it was said.
    #[serde(with = "time")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub at: Timestamp,
    /// What.
    pub opinion: Opinion,
    /// The cause it speaks of: the suspected one, or for [`Opinion::OtherCause`] the true one.
    pub cause: Cause,
    /// In their own words. Untrusted, masked.
    #[serde(default)]
    pub text: String,
}

/// An item of the stored answer, so that it can be checked whether it is still the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EvidenceLink {
    /// Its id in the answer.
    pub id: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// What it shows.
    pub title: String,
    /// Its content hash.
    pub hash: String,
    /// Where it opens.
    pub permalink: String,
}

/// Why a memory is no longer used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Struck {
    /// When it was struck.
    #[serde(with = "time")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub at: Timestamp,
    /// Why, in a person's words. Untrusted, masked.
    #[serde(default)]
    pub why: String,
}

/// One past incident.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IncidentRecord {
    /// The form it is written in.
    pub version: u32,
    /// Its code, unique among records.
    pub code: String,
    /// The answer's headline.
    pub title: String,
    /// When the trouble began, as far as telemetry showed.
    #[serde(with = "optional_time")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub since: Option<Timestamp>,
    /// When it was written down.
    #[serde(with = "time")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub recorded_at: Timestamp,
    /// What it looked like.
    #[cfg_attr(test, schemars(with = "serde_json::Value"))]
    pub fingerprint: Fingerprint,
    /// Services that showed it.
    #[serde(default)]
    pub services: Vec<String>,
    /// What the answer suspected first.
    #[serde(default)]
    pub suspected: Option<Cause>,
    /// What it was, once a person said so.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// The cause in a person's words. Untrusted, masked.
    #[serde(default)]
    pub cause_words: Option<String>,
    /// The change that triggered it.
    #[serde(default)]
    pub change: Option<String>,
    /// What fixed it, in a person's words. Untrusted, masked.
    #[serde(default)]
    pub fix: Option<String>,
    /// What was checked and excluded.
    #[serde(default)]
    pub ruled_out: Vec<String>,
    /// How long it took from the beginning to the end.
    #[serde(default)]
    pub duration_secs: Option<u64>,
    /// What people said, oldest first.
    #[serde(default)]
    pub feedback: Vec<Feedback>,
    /// The answer it rests on.
    pub answer_id: String,
    /// The items that the answer cited.
    #[serde(default)]
    pub evidence: Vec<EvidenceLink>,
    /// Set once it is struck: kept, and no longer used.
    #[serde(default)]
    pub struck: Option<Struck>,
}

impl IncidentRecord {
    /// Reads a stored record; `None` for one that a newer program wrote or that is damaged.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        let record: Self = serde_json::from_str(json).ok()?;
        (record.version <= RECORD_VERSION).then_some(record)
    }

    /// Calls `visit` with every text that came from outside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("", &mut self.title);
        let optional = [&mut self.cause_words, &mut self.change, &mut self.fix];
        optional.into_iter().flatten().for_each(|text| visit("", text));
        self.ruled_out.iter_mut().for_each(|text| visit("", text));
        self.feedback.iter_mut().for_each(|said| visit("", &mut said.text));
        if let Some(struck) = &mut self.struck {
            visit("", &mut struck.why);
        }
        for cause in [&mut self.suspected, &mut self.cause].into_iter().flatten() {
            visit("", &mut cause.service);
            visit("", &mut cause.subject);
        }
        for said in &mut self.feedback {
            visit("", &mut said.cause.service);
            visit("", &mut said.cause.subject);
        }
    }

    /// What it says about the ranking of an incident that is as alike as `similarity`.
    ///
    /// People's words are weighed per service: as many for as against it cancel out.
    #[must_use]
    pub fn precedents(&self, similarity: f64) -> Vec<Precedent> {
        let mut said: Vec<(String, Option<FaultKind>, f64, f64)> = Vec::new();
        let mut say = |cause: &Cause, kind: Option<FaultKind>, value: f64| match said
            .iter_mut()
            .find(|(service, ..)| *service == cause.service)
        {
            Some((_, known, sum, count)) => {
                *known = kind.or(*known);
                *sum += value;
                *count += 1.0;
            }
            None => said.push((cause.service.clone(), kind, value, 1.0)),
        };
        for feedback in &self.feedback {
            match (feedback.opinion, &self.suspected) {
                (Opinion::Right, _) => say(&feedback.cause, feedback.cause.kind(), 1.0),
                (Opinion::Wrong, _) => say(&feedback.cause, None, -1.0),
                (Opinion::OtherCause, suspected) => {
                    say(&feedback.cause, feedback.cause.kind(), 1.0);
                    // The same service with another kind of fault was not suspected wrongly as a service.
                    if let Some(wrong) =
                        suspected.as_ref().filter(|one| one.service != feedback.cause.service)
                    {
                        say(wrong, None, -1.0);
                    }
                }
            }
        }
        said.into_iter()
            .filter(|(service, ..)| !service.is_empty())
            .map(|(service, fault_kind, sum, count)| Precedent {
                similarity,
                service,
                fault_kind,
                trust: sum / f64::max(count, 1.0),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(service: &str, kind: &str) -> Cause {
        Cause { service: service.to_owned(), subject: String::new(), fault_kind: kind.to_owned() }
    }

    fn record(feedback: &[(Opinion, Cause)]) -> IncidentRecord {
        let feedback = feedback.iter().map(|(opinion, cause)| Feedback {
            at: Timestamp::default(),
            opinion: *opinion,
            cause: cause.clone(),
            text: String::new(),
        });
        IncidentRecord {
            version: RECORD_VERSION,
            code: "7Q2".to_owned(),
            title: "checkout fails".to_owned(),
            since: None,
            recorded_at: Timestamp::default(),
            fingerprint: Fingerprint::default(),
            services: Vec::new(),
            suspected: Some(cause("checkout", "latency")),
            cause: None,
            cause_words: None,
            change: None,
            fix: None,
            ruled_out: Vec::new(),
            duration_secs: None,
            feedback: feedback.collect(),
            answer_id: "ans_1".to_owned(),
            evidence: Vec::new(),
            struck: None,
        }
    }

    fn trusts(record: &IncidentRecord) -> Vec<(String, f64)> {
        record.precedents(0.8).into_iter().map(|one| (one.service, one.trust)).collect()
    }

    #[test]
    fn codes_can_be_said_on_a_phone() {
        let code = incident_code("ans_0123456789abcdef");
        assert_eq!(code.len(), CODE_CHARS_MAX);
        assert!(code.bytes().all(|byte| CODE_ALPHABET.contains(&byte)), "{code}");
        assert_eq!(code, incident_code("ans_0123456789abcdef"));
        assert_ne!(code, incident_code("ans_0123456789abcdee"));
        assert!(!CODE_ALPHABET.iter().any(|byte| b"01IOilo".contains(byte)));
    }

    #[test]
    fn right_raises_wrong_lowers_and_other_does_both() {
        let right = record(&[(Opinion::Right, cause("checkout", "config"))]);
        assert_eq!(trusts(&right), [("checkout".to_owned(), 1.0)]);
        assert_eq!(right.precedents(0.8)[0].fault_kind, Some(FaultKind::Config));
        let wrong = record(&[(Opinion::Wrong, cause("checkout", "latency"))]);
        assert_eq!(trusts(&wrong), [("checkout".to_owned(), -1.0)]);
        let other = record(&[(Opinion::OtherCause, cause("orders-db", "disk"))]);
        assert_eq!(trusts(&other), [("orders-db".to_owned(), 1.0), ("checkout".to_owned(), -1.0)]);
        let kind_only = record(&[(Opinion::OtherCause, cause("checkout", "config"))]);
        assert_eq!(trusts(&kind_only), [("checkout".to_owned(), 1.0)]);
        let split = record(&[
            (Opinion::Right, cause("checkout", "config")),
            (Opinion::Wrong, cause("checkout", "config")),
        ]);
        assert_eq!(trusts(&split), [("checkout".to_owned(), 0.0)]);
        assert!(trusts(&record(&[])).is_empty(), "what nobody spoke about moves nothing");
    }

    #[test]
    fn records_of_a_newer_program_are_left_alone() {
        let mut newer = record(&[]);
        let json = serde_json::to_string(&newer).unwrap();
        assert_eq!(IncidentRecord::read(&json), Some(newer.clone()));
        newer.version = RECORD_VERSION + 1;
        assert_eq!(IncidentRecord::read(&serde_json::to_string(&newer).unwrap()), None);
        assert_eq!(IncidentRecord::read("{"), None);
    }
}
