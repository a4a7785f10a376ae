//! The model narrator: the same facts told by a language model, as claims bound to evidence ids.
//!
//! The model sees the rendered bundle and the plain narrator's findings, and must answer with one JSON object. Each
//! claim is handed on as soon as it is complete, so that a reader need not wait for the last one; checking it is the
//! caller's business.

use std::fmt;

use groundcrew_llm::{ChatRequest, Completion, LanguageModel, LlmError, Prompt, Slot};
use groundcrew_masking::Masker;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::super::answer::{NextStep, ToldBy, Unknown};
use super::super::draft::{Draft, Sentence};
use super::{Bundle, render};

/// Most claims taken from a model.
const CLAIMS_MAX: usize = 8;
/// Longest sentence taken from a model, in bytes.
const SENTENCE_BYTES_MAX: usize = 600;

/// Why a model's account could not be used.
#[derive(Debug)]
pub enum ModelFailure {
    /// It could not be reached, was too slow, or refused.
    Model(LlmError),
    /// It answered with something other than claims.
    Unreadable,
    /// What would have been sent could not be masked.
    Withheld,
}

impl fmt::Display for ModelFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(error) => write!(f, "{error}"),
            Self::Withheld => f.write_str("the prompt could not be masked, so nothing was sent"),
            Self::Unreadable => {
                f.write_str("the model did not answer in the form it was asked for")
            }
        }
    }
}

#[derive(Deserialize, Debug, Default)]
struct Reply {
    #[serde(default)]
    headline: String,
    #[serde(default)]
    claims: Vec<ReplyClaim>,
    #[serde(default)]
    next: Vec<String>,
    #[serde(default)]
    unknowns: Vec<String>,
}

#[derive(Deserialize, Debug)]
struct ReplyClaim {
    text: String,
    #[serde(default)]
    cites: Vec<String>,
}

/// Asks the model to tell `facts`; `on_claim` gets each claim when it is complete.
///
/// # Errors
/// When the model cannot be had or does not answer with claims; the caller then keeps `facts`.
pub async fn tell_with_model(
    model: &dyn LanguageModel,
    request: &ChatRequest,
    facts: &Draft,
    cancel: &CancellationToken,
    on_claim: &mut (dyn FnMut(&Sentence) + Send),
) -> Result<Draft, ModelFailure> {
    let mut seen = String::new();
    let mut told = 0;
    let mut on_delta = |delta: &str| {
        seen.push_str(delta);
        let complete = complete_claims(&seen);
        for claim in complete.iter().skip(told).take(CLAIMS_MAX) {
            on_claim(claim);
        }
        told = told.max(complete.len());
    };
    let completion =
        model.complete(request, cancel, &mut on_delta).await.map_err(ModelFailure::Model)?;
    draft_from(&completion, facts).ok_or(ModelFailure::Unreadable)
}

/// Builds the prompt for a model from the prompt file, the question, the facts and the bundle.
///
/// All of it was masked when it was stored; it is masked once more on its way out, which fails closed.
///
/// # Errors
/// When the prompt file lacks a slot that is filled here or has one that is not, or when masking fails.
pub fn request(
    prompt: &Prompt,
    masker: &Masker,
    question: &str,
    facts: &Draft,
    bundle: &Bundle,
) -> Result<ChatRequest, ModelFailure> {
    let cited = |text: &str, cites: &[String]| format!("- {text} [{}]\n", cites.join(", "));
    let mut suspects: String = facts
        .hypotheses
        .iter()
        .map(|suspect| {
            cited(
                &format!("{} {:.2}: {}", suspect.title, suspect.score, suspect.why),
                &suspect.supporting,
            )
        })
        .collect();
    for sentence in facts.claims.iter().chain(&facts.ruled_out) {
        suspects.push_str(&cited(&sentence.text, &sentence.cites));
    }
    let evidence: String = bundle.items.iter().map(render).collect();
    let gaps: String =
        facts.unknowns.iter().map(|unknown| format!("- {}\n", unknown.what)).collect();
    let masked = |text: &str| masker.mask_text(text).map_err(|_| ModelFailure::Withheld);
    let (question, suspects, evidence, gaps) =
        (masked(question)?, masked(&suspects)?, masked(&evidence)?, masked(&gaps)?);
    let slots = [
        ("question", Slot::Untrusted(&question)),
        ("suspects", Slot::Untrusted(&suspects)),
        ("evidence", Slot::Untrusted(&evidence)),
        ("gaps", Slot::Untrusted(&gaps)),
    ];
    prompt.request(&slots).map_err(ModelFailure::Model)
}

fn draft_from(completion: &Completion, facts: &Draft) -> Option<Draft> {
    let reply = parse(&completion.text)?;
    let claims: Vec<Sentence> =
        reply.claims.into_iter().filter_map(sentence).take(CLAIMS_MAX).collect();
    if claims.is_empty() {
        return None;
    }
    let mut draft = facts.clone();
    let headline = clean(&reply.headline);
    if !headline.is_empty() {
        let cites: Vec<String> =
            claims.iter().flat_map(|claim| claim.cites.iter().cloned()).collect();
        draft.headline = Sentence::new(headline, dedup(cites));
    }
    draft.claims = claims;
    let asks =
        reply.next.iter().map(|label| clean(label)).filter(|label| !label.is_empty()).take(3);
    // A model's suggestion is words to a person, never a command.
    draft.next.extend(asks.map(|label| NextStep {
        label,
        kind: "ask".to_owned(),
        cmd: None,
        cites: Vec::new(),
    }));
    let unknowns =
        reply.unknowns.iter().map(|what| clean(what)).filter(|what| !what.is_empty()).take(3);
    draft.unknowns.extend(unknowns.map(|what| Unknown { what, fix: None }));
    draft.told_by = ToldBy::Model;
    draft.usage.model = Some(completion.model.clone());
    draft.usage.input_tokens = completion.input_tokens;
    draft.usage.output_tokens = completion.output_tokens;
    Some(draft)
}

/// The first JSON object in the text that reads as a reply; models like to wrap it in prose or a code fence.
fn parse(text: &str) -> Option<Reply> {
    text.match_indices('{').take(20).find_map(|(start, _)| {
        let rest = text.get(start..)?;
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Reply>();
        stream.next()?.ok().filter(|reply| !reply.claims.is_empty())
    })
}

/// Claims that stand complete in an unfinished reply.
fn complete_claims(partial: &str) -> Vec<Sentence> {
    let Some((_, list)) =
        partial.split_once("\"claims\"").and_then(|(_, rest)| rest.split_once('['))
    else {
        return Vec::new();
    };
    let mut claims = Vec::new();
    let mut rest = list;
    while let Some(start) = rest.find('{') {
        if rest.get(..start).is_some_and(|between| between.contains(']')) {
            break;
        }
        let Some(object) = rest.get(start..) else { break };
        let mut stream = serde_json::Deserializer::from_str(object).into_iter::<ReplyClaim>();
        let Some(Ok(claim)) = stream.next() else { break };
        let Some(after) = object.get(stream.byte_offset()..) else { break };
        rest = after;
        claims.extend(sentence(claim));
    }
    claims
}

fn sentence(claim: ReplyClaim) -> Option<Sentence> {
    let text = clean(&claim.text);
    let cites = claim.cites.iter().map(|id| id.trim_matches(['[', ']', ' ']).to_owned()).collect();
    (!text.is_empty()).then(|| Sentence::new(text, dedup(cites)))
}

/// One line of plain characters: a model can repeat what telemetry made it see.
fn clean(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !crate::text::is_unsafe(*c))
        .collect();
    super::super::evidence::clip(line.trim(), SENTENCE_BYTES_MAX).to_owned()
}

fn dedup(mut ids: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"Sure! ```json
{"headline": "Pool exhausted", "claims": [{"text": "The {pool} timed out", "cites": ["E1", "[E2]", "E1"]},
 {"text": "It began at 03:07", "cites": ["E2"]}], "next": ["check the pool"], "unknowns": []}
```"#;

    #[test]
    fn a_reply_is_found_inside_prose() {
        let reply = parse(WHOLE).unwrap();
        assert_eq!(reply.claims.len(), 2);
        assert_eq!(sentence(parse(WHOLE).unwrap().claims.remove(0)).unwrap().cites, ["E1", "E2"]);
        for nonsense in ["", "{", "{}", "{\"claims\": 7}", "no idea", "{\"claims\": []}"] {
            assert!(parse(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn claims_come_out_as_soon_as_they_are_complete() {
        let mut counts = Vec::new();
        for end in 0..=WHOLE.len() {
            counts.push(complete_claims(WHOLE.get(..end).unwrap()).len());
        }
        assert!(counts.is_sorted(), "a claim once told stays told");
        assert_eq!(counts.last(), Some(&2));
    }

    #[test]
    fn control_and_direction_characters_are_dropped() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\nd"), "a[31mbc d");
    }
}
