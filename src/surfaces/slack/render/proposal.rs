//! The buttons of a proposal. What it does, whom it hits and how to undo it stand in the question that approving asks, so
//! that nobody approves what they have not seen.

use serde_json::{Value, json};

use super::super::escape::plain;
use super::super::message::Message;
use super::lines::shortened;
use crate::remediate::Proposal;

/// What Slack takes of a button, and of the question that it asks.
const BUTTON_MAX: usize = 75;
const TITLE_MAX: usize = 100;
const TEXT_MAX: usize = 300;
/// Room of each part of the question, so that the last is not cut away by the first.
const PART_MAX: usize = 58;
const NAMES_MAX: usize = 28;

/// The message with the proposal's buttons, before its thumbs and its last line.
#[must_use]
pub fn with_proposal(mut message: Message, proposal: &Proposal) -> Message {
    let is_last = |block: &Value| {
        matches!(block.get("type").and_then(Value::as_str), Some("context" | "context_actions"))
    };
    let end = message.blocks.iter().position(is_last).unwrap_or(message.blocks.len());
    message.blocks.insert(end, buttons(proposal));
    message
}

fn buttons(proposal: &Proposal) -> Value {
    let words = |text: String| json!({"type": "plain_text", "text": text});
    let short = |text: &str, most| shortened(&plain(text), most).unwrap_or_default();
    let value = format!("{}:{}", proposal.id, proposal.hash);
    let arguments: Vec<String> =
        proposal.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let callers = match proposal.callers.as_slice() {
        [] => String::new(),
        some => format!(" Called by {}.", short(&some.join(", "), NAMES_MAX)),
    };
    let question = format!(
        "{} ({}; {}). Hits: {}.{callers} Undo: {}.",
        short(&proposal.does, PART_MAX),
        short(&arguments.join(", "), NAMES_MAX),
        short(&proposal.actuator, NAMES_MAX),
        short(&proposal.blast_radius, PART_MAX),
        short(&proposal.undo, PART_MAX),
    );
    json!({"type": "actions", "elements": [
        {
            "type": "button", "action_id": "approve", "style": "primary", "value": value,
            "text": words(short(&format!("Approve: {}", proposal.title), BUTTON_MAX)),
            "confirm": {
                "title": words(short(&format!("{}?", proposal.title), TITLE_MAX)),
                "text": words(short(&question, TEXT_MAX)),
                "confirm": words("Approve".to_owned()), "deny": words("Not now".to_owned()),
            },
        },
        {
            "type": "button", "action_id": "decline", "value": value,
            "text": words("Decline".to_owned()),
        },
    ]})
}
