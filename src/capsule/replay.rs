//! Runs a capsule again: concludes from what was read then, with the present code.

use std::sync::Arc;

use groundcrew_llm::LanguageModel;

use super::{Capsule, Outcome};
use crate::investigate::answer::ToldBy;
use crate::investigate::source::Source;
use crate::investigate::{
    Facts, Investigated, Tools, answer_from, conclude, retell::retell, tell_again,
};

/// What the investigation comes to now. Where a model told the answer, what it said then is judged by the present check.
/// Blocking and CPU-bound.
#[must_use]
pub fn replay(capsule: &Capsule) -> Outcome {
    let (source, facts, mut card) = facts_of(capsule);
    if capsule.expected().answer.told_by != ToldBy::Model {
        return card.into();
    }
    let shown = (&capsule.question, capsule.given.answer.evidence.as_slice());
    let mut fallen = None;
    // The last account is the one that was taken.
    for exchange in capsule.given.record.exchanges.iter().rev() {
        match retell(&source, &facts, &card, shown, exchange) {
            Ok(retold) => return retold.into(),
            Err(struck) => {
                fallen = fallen.filter(|known: &Vec<_>| !known.is_empty()).or(Some(struck))
            }
        }
    }
    card.record.struck.extend(fallen.unwrap_or_default());
    card.into()
}

/// What it comes to when `model` tells it now. What the model asks for is answered from the capsule.
pub async fn replay_told(
    capsule: &Capsule,
    model: &dyn LanguageModel,
    tools: Tools<'_>,
) -> Outcome {
    let (source, facts, mut card) = facts_of(capsule);
    tell_again(model, tools, &source, &capsule.question, (&facts, &mut card)).await;
    card.into()
}

fn facts_of(capsule: &Capsule) -> (Source, Facts, Investigated) {
    let (question, ids) = (&capsule.question, capsule.ids());
    let source = Source::Slices(Arc::clone(&capsule.gathered));
    let facts = conclude(&source, question, (&ids, capsule.seen()), &|_| {});
    let card = answer_from(&source, question, &ids, &facts);
    (source, facts, card)
}
