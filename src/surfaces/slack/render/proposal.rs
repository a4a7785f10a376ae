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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::super::message::broken_limits;
    use super::super::{Links, answer, tests::sample};
    use super::*;
    use crate::remediate::{Course, ProposalState, RestsOn};
    use groundcrew_telemetry::Timestamp;

    fn proposal(text: &str) -> Proposal {
        let text = || text.to_owned();
        Proposal {
            id: format!("ap_{}", "0".repeat(32)),
            action: text(),
            title: text(),
            does: text(),
            blast_radius: text(),
            callers: vec![text(); 8],
            undo: text(),
            runbook: text(),
            arguments: [(text(), text())].into(),
            actuator: text(),
            check: None,
            plan: text(),
            hash: "a".repeat(64),
            dry_run: Vec::new(),
            rests_on: RestsOn::default(),
            proposed_by: text(),
            at: Timestamp::default(),
            expires_at: Timestamp::default(),
            state: ProposalState::Open,
            course: Course::default(),
        }
    }

    fn told(proposal: &Proposal) -> (Message, Value) {
        let links = Links { base: Some("https://gc.example".to_owned()) };
        let read = serde_json::from_value(sample()).unwrap();
        let message = with_proposal(answer(&read, &links), proposal);
        let is_ours = |block: &&Value| block.to_string().contains("\"approve\"");
        let block = message.blocks.iter().find(is_ours).unwrap().clone();
        (message, block)
    }

    #[test]
    fn approving_asks_once_more_and_says_what_hits_whom_and_how_to_undo_it() {
        let (message, block) = told(&Proposal {
            title: "Roll back checkout".to_owned(),
            does: "Goes back one version".to_owned(),
            blast_radius: "pods one by one".to_owned(),
            undo: "deploy it again".to_owned(),
            callers: vec!["shop".to_owned()],
            ..proposal("x")
        });
        assert_eq!(broken_limits(&message), Vec::<String>::new());
        let approve = &block["elements"][0];
        assert_eq!(approve["text"]["text"], "Approve: Roll back checkout");
        let question = approve["confirm"]["text"]["text"].as_str().unwrap();
        for part in
            ["Goes back one version", "pods one by one", "Called by shop", "deploy it again"]
        {
            assert!(question.contains(part), "{question}");
        }
        assert_eq!(block["elements"][1]["action_id"], "decline");
        let last = message.blocks.last().unwrap();
        assert_eq!(last["type"], "context", "the footer stays last");
    }

    #[test]
    fn no_text_is_too_long_or_does_anything() {
        for text in ["<!channel> @here <https://evil.example|x> *a*", &"long words ".repeat(60)] {
            let (message, block) = told(&proposal(text));
            assert_eq!(broken_limits(&message), Vec::<String>::new());
            let confirm = &block["elements"][0]["confirm"];
            assert_eq!(confirm["text"]["type"], "plain_text");
            assert!(confirm["text"]["text"].as_str().unwrap().encode_utf16().count() <= TEXT_MAX);
            assert!(confirm["title"]["text"].as_str().unwrap().encode_utf16().count() <= TITLE_MAX);
            assert!(!block.to_string().contains("<!channel>"), "{block}");
        }
    }
}
