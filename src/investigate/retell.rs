//! Judges once more what a model said before: by the present check, on the items that it saw then.

use groundcrew_llm::ChatRequest;

use super::evidence::Evidence;
use super::explain::{self, Reply};
use super::question::Question;
use super::record::{Exchange, Record, Struck};
use super::source::Source;
use super::tell::{Shown, judge};
use super::verify::Measurer;
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
    let Reply::Told(told) = explain::read_reply(&exchange.reply) else {
        return Err(Vec::new());
    };
    let system = exchange.sent.first().cloned().unwrap_or_default();
    let request = ChatRequest { system, ..ChatRequest::default() };
    let repeats = told.claims.iter().any(|claim| request.is_instruction(&claim.text));
    if exchange.error.is_some() || repeats {
        return Err(Vec::new());
    }
    let measurer = Measurer::new(source, &facts.plan);
    let shown = Shown { question, items: shown, measurer: &measurer };
    let (answer, struck) = judge(told, facts, &card.answer, &shown)?;
    let struck = card.record.struck.iter().cloned().chain(struck).collect();
    let record = Record { struck, exchanges: Vec::new() };
    Ok(Investigated { answer, record, asked: card.asked.clone() })
}
