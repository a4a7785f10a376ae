//! Draft to answer: each sentence must cite evidence that exists, what it names and counts must stand in there, and
//! what it asserts must hold when it is measured again. What does not hold is struck, whoever wrote it.

mod causal;
mod measure;
mod support;
mod traffic;
mod wording;

pub use measure::Measurer;
pub use support::{Support, support};
pub use wording::Wording;

use super::answer::{
    Answer, Claim, ClaimStatus, Confidence, RuledOut, SeenBefore, SeenSign, ToldBy, Verdict,
};
use super::assertion::{Check, Outcome};
use super::draft::{Draft, Sentence};
use super::evidence::Evidence;
use super::record::Struck;

/// What sentences are checked against.
pub struct Grounds<'a> {
    /// What can be cited.
    pub evidence: &'a [Evidence],
    /// Service names that count as names although they look like words.
    pub known: &'a [String],
    /// Measures again.
    pub measurer: &'a Measurer<'a>,
    /// Whose words are whose, for what a model says; the plain narrator quotes what it does not say itself.
    pub wording: Option<&'a Wording>,
}

/// A sentence after it was checked.
pub struct Judged {
    /// The sentence, softened where it says more than it can show.
    pub sentence: Sentence,
    /// What was measured again.
    pub checks: Vec<Check>,
    /// How it stands.
    pub support: Support,
}

impl Grounds<'_> {
    /// Checks one sentence: its words first, then its assertions.
    #[must_use]
    pub fn judge(&self, mut sentence: Sentence) -> Judged {
        let mut support = self.support(&mut sentence);
        let mut checks = Vec::new();
        if !matches!(support, Support::Refuted(_)) {
            checks = sentence
                .asserts
                .iter()
                .map(|assertion| self.measurer.check(assertion, self.evidence))
                .collect();
            if let Some(check) = checks.iter().find(|check| check.outcome == Outcome::Failed) {
                support = Support::Refuted(format!("measured again: {}", check.measured));
            } else if checks.iter().any(|check| check.outcome == Outcome::Held) {
                support = Support::Verified;
            }
        }
        sentence.text = causal::soften(&sentence.text, &sentence.cites, self.evidence);
        Judged { sentence, checks, support }
    }

    /// What the words of a sentence are worth. What a model repeats of recorded text becomes a quotation.
    fn support(&self, sentence: &mut Sentence) -> Support {
        let Some(wording) = self.wording else {
            return support(sentence, self.evidence, self.known);
        };
        let worded = wording.look_up(&sentence.text);
        if !worded.invented.is_empty() {
            let words = worded.invented.join("`, `");
            return Support::Refuted(format!("`{words}` stands nowhere in the evidence"));
        }
        sentence.text = worded.text;
        match support(sentence, self.evidence, self.known) {
            // That somebody wrote something is not that it is so.
            Support::Verified if worded.quotes => {
                let said = Sentence::new(support::unquoted(&sentence.text), sentence.cites.clone());
                match support(&said, self.evidence, self.known) {
                    Support::Refuted(_) => Support::Unverifiable,
                    of_own_words => of_own_words,
                }
            }
            other => other,
        }
    }

    /// Whether a sentence without assertions holds.
    fn holds(&self, text: &str, cites: &[String]) -> bool {
        let sentence = Sentence::new(text, cites.to_vec());
        !matches!(support(&sentence, self.evidence, self.known), Support::Refuted(_))
    }
}

/// Keeps what holds and makes the answer's parts of it. Returns what was struck.
pub fn verify(draft: Draft, grounds: &Grounds<'_>, answer: &mut Answer) -> Vec<Struck> {
    let mut struck = Vec::new();
    answer.claims = draft
        .claims
        .into_iter()
        .filter_map(|sentence| {
            let judged = grounds.judge(sentence);
            match judged.support {
                Support::Verified => Some((judged, ClaimStatus::Verified)),
                Support::Unverifiable => Some((judged, ClaimStatus::Unverifiable)),
                Support::Refuted(why) => {
                    let Sentence { text, cites, .. } = judged.sentence;
                    struck.push(Struck { text, cites, why });
                    None
                }
            }
        })
        .enumerate()
        .map(|(number, (judged, status))| Claim {
            id: format!("c{}", number + 1),
            text: judged.sentence.text,
            cites: judged.sentence.cites,
            status,
            checks: judged.checks,
        })
        .collect();
    answer.ruled_out = draft
        .ruled_out
        .into_iter()
        .filter(|sentence| {
            sentence.cites.is_empty() || grounds.holds(&sentence.text, &sentence.cites)
        })
        .map(|sentence| RuledOut { text: sentence.text, cites: sentence.cites })
        .collect();
    answer.hypotheses = draft.hypotheses;
    answer.next = draft.next;
    answer.seen_before =
        draft.seen_before.into_iter().filter_map(|seen| seen_that_holds(seen, grounds)).collect();
    answer.unknowns = draft.unknowns;
    answer.impact = draft.impact;
    answer.told_by = draft.told_by;
    answer.notice = draft.notice;
    answer.verdict = draft.verdict;
    answer.confidence = draft.confidence;
    answer.headline = causal::soften(&draft.headline.text, &draft.headline.cites, grounds.evidence);
    answer.headline_cites = draft.headline.cites;
    // A cause is named only while something of what it cites stands.
    let cites_what_stands = answer.headline_cites.iter().any(|id| {
        answer.claims.iter().any(|claim| claim.cites.contains(id))
            && grounds.evidence.iter().any(|item| item.id == *id)
    });
    let names_cause = answer.verdict == Verdict::LikelyCause;
    if answer.verdict != Verdict::NotEnoughEvidence && answer.claims.is_empty()
        || names_cause && !cites_what_stands
    {
        withdraw(answer);
    }
    if answer.told_by == ToldBy::Model && !struck.is_empty() {
        answer.confidence = answer.confidence.map(|confidence| confidence.min(Confidence::Medium));
    }
    struck
}

/// A conclusion whose sentences all fell is none.
fn withdraw(answer: &mut Answer) {
    answer.verdict = Verdict::NotEnoughEvidence;
    answer.confidence = None;
    answer
        .hypotheses
        .iter_mut()
        .for_each(|hypothesis| hypothesis.score = hypothesis.score.min(0.2));
    "Not enough evidence: no statement about the cause held when it was checked"
        .clone_into(&mut answer.headline);
    answer.headline_cites.clear();
}

/// A past incident with what holds of it; `None` when it is not the one that it cites.
fn seen_that_holds(mut seen: SeenBefore, grounds: &Grounds<'_>) -> Option<SeenBefore> {
    let name = format!("{} {}", seen.incident.as_deref().unwrap_or(""), seen.title);
    if !grounds.holds(&name, &seen.cites) {
        return None;
    }
    let cites = seen.cites.clone();
    for part in [&mut seen.cause, &mut seen.fixed_by, &mut seen.took] {
        *part = part.take().filter(|text| grounds.holds(text, &cites));
    }
    let sign_holds = |sign: &SeenSign| grounds.holds(&sign.text, &sign.cites);
    seen.matches.retain(sign_holds);
    seen.differs.retain(sign_holds);
    Some(seen)
}
