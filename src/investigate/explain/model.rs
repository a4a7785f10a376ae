//! The model narrator: the same facts told by a language model, as claims bound to evidence ids.
//!
//! The model sees the plain narrator's findings and as much of the bundle as its window holds, and answers with claims or
//! with queries. Checking what it says is the caller's business.

use std::collections::BTreeSet;

use groundcrew_llm::{
    ChatRequest, LlmError, Prompt, ReplyForm, Slot, count_tokens, truncate_to_tokens,
};
use groundcrew_masking::{Masked, Masker};

use super::super::answer::{NextStep, ToldBy, Unknown};
use super::super::draft::{Draft, Sentence};
use super::super::evidence::Evidence;
use super::reply::{Told, schema};
use super::{Bundle, render};

/// Share of the prompt that the question may take.
const QUESTION_SHARE: usize = 8;
/// Share of the prompt that the plain account may take.
const SUSPECTS_SHARE: usize = 4;

/// Why a request could not be made.
#[derive(Debug)]
pub enum RequestError {
    /// The prompt and what is filled in do not fit together, or the window is too small for the instructions alone.
    Prompt(LlmError),
    /// What would have been sent could not be masked.
    Withheld,
    /// The window holds the instructions and nothing else.
    NoRoom(usize),
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prompt(error) => write!(f, "{error}"),
            Self::Withheld => f.write_str("the prompt could not be masked, so nothing was sent"),
            Self::NoRoom(tokens) => write!(
                f,
                "{tokens} tokens do not hold the instructions and any evidence; raise llm.context_tokens"
            ),
        }
    }
}

/// A request and what of the bundle is in it.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The request.
    pub request: ChatRequest,
    /// Items in the prompt.
    pub items: usize,
}

/// Builds the first prompt for a model, of at most `tokens_max` tokens by exact count.
///
/// What the plain account cites comes first, then the rest of the bundle in order. All of it was masked when it was
/// stored; it is masked once more on its way out, which fails closed.
///
/// # Errors
/// When the prompt file lacks a slot that is filled here or has one that is not, when masking fails, or when not even
/// one item fits.
pub fn request(
    prompt: &Prompt,
    masker: &Masker,
    question: &str,
    (facts, bundle): (&Draft, &Bundle),
    tokens_max: usize,
) -> Result<Packed, RequestError> {
    let masked = |text: &str| masker.mask_text(text).map_err(|_| RequestError::Withheld);
    let question = masked(truncate_to_tokens(question, tokens_max / QUESTION_SHARE))?;
    let suspects = masked(truncate_to_tokens(&account(facts), tokens_max / SUSPECTS_SHARE))?;
    let gaps: String =
        facts.unknowns.iter().map(|unknown| format!("- {}\n", unknown.what)).collect();
    let gaps = masked(truncate_to_tokens(&gaps, tokens_max / QUESTION_SHARE))?;
    let filled = |evidence: &Masked<String>| {
        let slots = [
            ("question", Slot::Untrusted(&question)),
            ("suspects", Slot::Untrusted(&suspects)),
            ("evidence", Slot::Untrusted(evidence)),
            ("gaps", Slot::Untrusted(&gaps)),
        ];
        let mut request = prompt.request(&slots).map_err(RequestError::Prompt)?;
        request.reply = ReplyForm::Schema(schema(false).map_err(RequestError::Prompt)?);
        Ok::<ChatRequest, RequestError>(request)
    };
    let bare = filled(&masked("")?)?.input_tokens();
    let mut chosen = choose(facts, bundle, tokens_max.saturating_sub(bare));
    loop {
        let evidence: String = bundle
            .items
            .iter()
            .filter(|item| chosen.contains(&item.id.as_str()))
            .map(render)
            .collect();
        let request = filled(&masked(&evidence)?)?;
        if request.input_tokens() <= tokens_max && !chosen.is_empty() {
            return Ok(Packed { request, items: chosen.len() });
        }
        // Texts joined can count a few tokens more than apart, and masking once more may lengthen one.
        if chosen.pop().is_none() {
            return Err(RequestError::NoRoom(tokens_max));
        }
    }
}

/// The plain account, a line a finding.
fn account(facts: &Draft) -> String {
    let cited = |text: &str, cites: &[String]| format!("- {text} [{}]\n", cites.join(", "));
    let mut text = String::new();
    for suspect in &facts.hypotheses {
        let line = format!("{} {:.2}: {}", suspect.title, suspect.score, suspect.why);
        text.push_str(&cited(&line, &suspect.supporting));
    }
    for sentence in facts.claims.iter().chain(&facts.ruled_out) {
        text.push_str(&cited(&sentence.text, &sentence.cites));
    }
    text
}

/// Ids of the items for `room` tokens: what the plain account cites, then what was chosen first.
fn choose<'a>(facts: &Draft, bundle: &'a Bundle, room: usize) -> Vec<&'a str> {
    let cited: BTreeSet<&String> = facts
        .claims
        .iter()
        .chain(&facts.ruled_out)
        .chain([&facts.headline])
        .flat_map(|sentence| &sentence.cites)
        .chain(facts.hypotheses.iter().flat_map(|suspect| suspect.supporting.iter().take(2)))
        .chain(facts.next.iter().flat_map(|step| &step.cites))
        .collect();
    let mut order: Vec<&Evidence> = bundle.items.iter().collect();
    order.sort_by_key(|item| !cited.contains(&item.id));
    let mut left = room;
    let mut chosen = Vec::new();
    for item in order {
        let tokens = count_tokens(&render(item));
        if tokens <= left {
            left -= tokens;
            chosen.push(item.id.as_str());
        }
    }
    chosen
}

/// The plain account with the model's sentences in place of its own.
#[must_use]
pub fn draft_of(told: Told, facts: &Draft) -> Draft {
    let mut draft = facts.clone();
    if !told.headline.is_empty() {
        let mut cites: Vec<String> = Vec::new();
        for id in told.claims.iter().flat_map(|claim| &claim.cites) {
            if !cites.contains(id) {
                cites.push(id.clone());
            }
        }
        draft.headline = Sentence::new(told.headline, cites);
    }
    draft.claims = told.claims;
    // A model's suggestion is words to a person, never a command.
    draft.next.extend(told.next.into_iter().map(|label| NextStep {
        label,
        kind: "ask".to_owned(),
        cmd: None,
        cites: Vec::new(),
    }));
    draft.unknowns.extend(told.unknowns.into_iter().map(|what| Unknown { what, fix: None }));
    draft.told_by = ToldBy::Model;
    draft
}
