//! Judges once more what a model said before: by the present check, on the items that it saw then.

use groundcrew_llm::ChatRequest;

use super::answer::ClaimStatus;
use super::draft::Sentence;
use super::evidence::Evidence;
use super::explain::{self, Reply};
use super::question::Question;
use super::record::{Exchange, Record, Struck};
use super::source::Source;
use super::tell::wording;
use super::verify::{self, Grounds, Measurer, Support};
use super::{Facts, Investigated};

/// What an earlier exchange comes to now.
///
/// `shown` are the items that the model could cite; `card` is what code alone finds now.
///
/// # Errors
/// What was struck of it, when too little of it holds; nothing when it is no account at all.
pub fn retell(
    source: &Source,
    facts: &Facts,
    card: &Investigated,
    (question, shown): (&Question, &[Evidence]),
    exchange: &Exchange,
) -> Result<Investigated, Vec<Struck>> {
    let Reply::Told(mut told) = explain::read_reply(&exchange.reply) else {
        return Err(Vec::new());
    };
    let system = exchange.sent.first().cloned().unwrap_or_default();
    let request = ChatRequest { system, ..ChatRequest::default() };
    let is_ours = |sentence: &Sentence| request.is_instruction(&sentence.text);
    if exchange.error.is_some() || told.claims.iter().any(is_ours) {
        return Err(Vec::new());
    }
    let total = told.claims.len();
    let wording = wording(facts, shown, question);
    told.next.retain(|text| wording.is_clean(text));
    told.unknowns.retain(|text| wording.is_clean(text));
    let mut draft = explain::draft_of(told, &facts.draft);
    let measurer = Measurer::new(source, &facts.plan);
    let grounds = Grounds {
        evidence: shown,
        known: &facts.known,
        measurer: &measurer,
        wording: Some(&wording),
    };
    if matches!(grounds.judge(draft.headline.clone()).support, Support::Refuted(_))
        || !wording.is_clean(&draft.headline.text)
    {
        draft.headline = facts.draft.headline.clone();
    }
    let mut answer = card.answer.clone();
    answer.evidence = shown.to_vec();
    let struck = verify::verify(draft, &grounds, &mut answer);
    let any_holds = answer.claims.iter().any(|claim| claim.status == ClaimStatus::Verified);
    if !any_holds || 2 * struck.len() > total {
        return Err(struck);
    }
    let struck = card.record.struck.iter().cloned().chain(struck).collect();
    let record = Record { struck, exchanges: Vec::new() };
    Ok(Investigated { answer, record, asked: card.asked.clone() })
}
