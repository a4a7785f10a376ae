//! The proposal under an answer: two buttons, of which one asks once more, and what became of it in the thread.

use serde_json::json;

use super::inbound::Place;
use super::message::Message;
use super::outbox::Tag;
use super::{Slack, escape, render};
use crate::investigate::answer::{Answer, Verdict};
use crate::remediate::{Principal, Proposal, ProposalState, Refused};

/// Somebody's word on a proposal.
pub(super) struct Word {
    pub(super) place: Place,
    pub(super) user: String,
    pub(super) proposal: String,
    /// The hash of the plan that they were shown.
    pub(super) hash: String,
    pub(super) is_approved: bool,
}

/// The message with what is proposed under its answer, if anything is and it waits for somebody.
pub(super) async fn with_proposal(slack: &Slack, message: Message, answer: &Answer) -> Message {
    if answer.verdict != Verdict::LikelyCause {
        return message;
    }
    match slack.actions().of_answer(&answer.answer_id).await {
        Ok(Some(proposal)) if proposal.state == ProposalState::Open => {
            render::with_proposal(message, &proposal)
        }
        Ok(_) => message,
        Err(error) => {
            tracing::warn!(%error, "what could be done is not shown under an answer");
            message
        }
    }
}

/// Takes a person's word: everybody in the thread reads what came of it.
pub(super) async fn decided(slack: &Slack, word: Word) {
    let actions = slack.actions();
    let decided = match Principal::named(Principal::Slack, &word.user) {
        Ok(by) if word.is_approved => actions.approve(&word.proposal, &word.hash, by).await,
        Ok(by) => actions.decline(&word.proposal, by).await,
        Err(error) => Err(error),
    };
    let proposal = match decided {
        Ok(proposal) => proposal,
        Err(error) => return refused(slack, &word, &error).await,
    };
    say(slack, &word, &proposal, "decided").await;
    if proposal.is_settled() {
        return;
    }
    let settled = tokio::select! {
        settled = actions.settled(&proposal.id) => settled,
        () = slack.shutdown().cancelled() => return,
    };
    match settled {
        Ok(proposal) => say(slack, &word, &proposal, "settled").await,
        Err(error) => tracing::warn!(%error, "whether an action helped could not be told in Slack"),
    }
}

/// Says in the thread how a proposal stands.
async fn say(slack: &Slack, word: &Word, proposal: &Proposal, when: &str) {
    let person = format!("<@{}>", escape::escaped(&word.user));
    let standing = escape::escaped(&proposal.standing());
    let name = escape::escaped(&format!("{} (Slack)", word.user));
    let title = escape::escaped(&proposal.title);
    let message = Message {
        text: format!("{title}: {}", standing.replacen(&name, &person, 1)),
        blocks: Vec::new(),
    };
    let tag = Tag { key: format!("{when} {}", proposal.id), ..Tag::default() };
    if let Err(error) = slack.outbox().post(&word.place, &message, &tag).await {
        tracing::warn!(%error, proposal = proposal.id, "what became of a proposal could not be told in Slack");
    }
}

/// Tells the one who pressed why nothing was done.
async fn refused(slack: &Slack, word: &Word, error: &Refused) {
    tracing::info!(%error, proposal = word.proposal, "a word on a proposal was not taken");
    if word.place.channel.is_empty() || word.user.is_empty() {
        return;
    }
    let (why, _) = error.parts();
    let text = format!("Nothing was done: {}", escape::escaped(&why));
    let body = json!({"channel": word.place.channel, "user": word.user, "text": text,
        "thread_ts": word.place.thread});
    slack.quietly("chat.postEphemeral", &body).await;
}
