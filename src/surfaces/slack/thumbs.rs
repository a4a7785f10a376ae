//! What people say about answers: thumbs under them, thumbs as reactions, and the modal that asks what went wrong.

use serde_json::{Value, json};

use super::inbound::{Place, Wrong};
use super::{Slack, escape, render};
use crate::surfaces::feedback::{self, CauseGiven, Feedback};

/// Why an answer is wrong, as the panel asks it.
const REASONS: [&str; 5] = ["wrong_cause", "wrong_evidence", "too_long", "missing", "other"];

/// Where a thumb was pressed.
pub(super) struct Under {
    pub(super) place: Place,
    pub(super) user: String,
    pub(super) answer_id: String,
}

/// A thumb under an answer: up is taken, down asks what went wrong.
pub(super) async fn pressed(slack: &Slack, under: Under, is_up: bool, trigger: &str) {
    let Under { place, user, answer_id } = under;
    if is_up {
        let said = take(slack, Feedback { answer_id, score: 1, ..Feedback::default() }).await;
        whisper(slack, &place, &user, &said).await;
        return;
    }
    let metadata =
        json!({"answer_id": answer_id, "channel": place.channel, "thread": place.thread});
    let view = render::wrong_view(&answer_id, &metadata.to_string());
    let body = json!({"trigger_id": trigger, "view": view});
    if let Err(error) = slack.api().call("views.open", &body).await {
        tracing::info!(%error, "the question what went wrong could not be shown");
        let feedback = Feedback {
            answer_id,
            score: -1,
            reason: Some("other".to_owned()),
            ..Feedback::default()
        };
        take(slack, feedback).await;
        let text = "Noted. Slack did not let me ask what went wrong; say it in this thread.";
        whisper(slack, &place, &user, text).await;
    }
}

/// The modal, filled in.
pub(super) async fn explained(slack: &Slack, wrong: Wrong) {
    let metadata: Value = serde_json::from_str(&wrong.metadata).unwrap_or_default();
    let given = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let place = Place { channel: given("channel"), thread: given("thread"), ..Place::default() };
    // What we gave along is replaced by the answer's id where it is too long for Slack.
    let answer_id = match given("answer_id") {
        empty if empty.is_empty() => wrong.metadata.clone(),
        answer_id => answer_id,
    };
    let feedback = Feedback { answer_id, ..feedback_of(&wrong) };
    let said = take(slack, feedback).await;
    whisper(slack, &place, &wrong.user, &said).await;
}

/// What the modal's values say. They are known by what they are called and by what they hold.
fn feedback_of(wrong: &Wrong) -> Feedback {
    let mut feedback = Feedback { score: -1, ..Feedback::default() };
    let mut cause = CauseGiven::default();
    let mut words: Vec<&str> = Vec::new();
    for (name, value) in &wrong.values {
        let called = |part: &str| name.contains(part);
        if REASONS.contains(&value.as_str()) {
            feedback.reason = Some(value.clone());
        } else if called("service") {
            cause.service = Some(value.clone());
        } else if called("cause") {
            cause.words = Some(value.clone());
        } else if called("fix") {
            feedback.fix = Some(value.clone());
        } else {
            words.push(value);
        }
    }
    feedback.text = (!words.is_empty()).then(|| words.join("\n"));
    if cause != CauseGiven::default() {
        feedback.cause = Some(cause);
    } else if feedback.reason.is_none() {
        // Words alone say that something is wrong, not what it was instead.
        feedback.reason = Some("other".to_owned());
    }
    feedback
}

/// A thumb as a reaction to one of our answers.
pub(super) async fn reacted(slack: &Slack, (channel, ts): &(String, String), is_up: bool) {
    let Some(answer_id) = slack.marks().told_by(channel, ts).await else {
        tracing::debug!("a reaction to something else than an answer");
        return;
    };
    let reason = (!is_up).then(|| "other".to_owned());
    let score = if is_up { 1 } else { -1 };
    take(slack, Feedback { answer_id, score, reason, ..Feedback::default() }).await;
}

/// Writes it down as the panel does; returns what to say to the person.
async fn take(slack: &Slack, feedback: Feedback) -> String {
    match feedback::take(slack.sessions(), feedback).await {
        Ok(taken) => match taken.get("incident").and_then(Value::as_str) {
            Some(code) => format!("Thank you. Remembered as incident {}.", escape::escaped(code)),
            None => "Thank you. Noted.".to_owned(),
        },
        Err((_, code, message)) => {
            tracing::info!(code, message, "a feedback from Slack was not taken");
            format!("That could not be noted: {}", escape::escaped(&message))
        }
    }
}

/// Says something that only one person sees.
async fn whisper(slack: &Slack, place: &Place, user: &str, text: &str) {
    if place.channel.is_empty() || user.is_empty() {
        return;
    }
    let mut body = json!({"channel": place.channel, "user": user, "text": text});
    if let (Value::Object(fields), false) = (&mut body, place.thread.is_empty()) {
        fields.insert("thread_ts".to_owned(), place.thread.clone().into());
    }
    slack.quietly("chat.postEphemeral", &body).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(values: &[(&str, &str)]) -> Feedback {
        let values =
            values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        feedback_of(&Wrong { values, ..Wrong::default() })
    }

    #[test]
    fn the_modal_says_what_the_panel_would() {
        let chosen = said(&[("reason.reason", "too_long"), ("text.text", "half of it is enough")]);
        assert_eq!(chosen.reason.as_deref(), Some("too_long"));
        assert_eq!(chosen.text.as_deref(), Some("half of it is enough"));
        let cause = said(&[("reason.reason", "wrong_cause"), ("service.service", "orders-db")]);
        assert_eq!(cause.cause.unwrap().service.as_deref(), Some("orders-db"));
        let words = said(&[("b1.a1", "nonsense")]);
        assert_eq!((words.score, words.reason.as_deref()), (-1, Some("other")));
    }
}
