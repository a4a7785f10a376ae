//! Answers as messages for Slack: one quiet message each, short enough to be read by somebody who was just woken.

mod account;
mod chart;
mod lines;
mod links;
mod proposal;

use groundcrew_telemetry::Timestamp;
use serde_json::{Value, json};

use super::escape::{escaped, plain};
use super::message::{BLOCKS_MAX, FALLBACK_MAX, Message, TASK_TEXT_MAX, VISIBLE_MAX, length};
use crate::investigate::answer::{Answer, Step, StepStatus, Verdict};
use crate::investigate::format::duration;
use lines::{Line, Voice, block, fit, shortened};
pub use links::Links;
use links::Way;
pub use proposal::with_proposal;

/// Most characters of a question, a title or a message that is repeated.
const REPEATED_MAX: usize = 140;
/// Most characters of one step.
const STEP_MAX: usize = 80;
/// Most steps of one message.
const STEPS_MAX: usize = 8;
/// Longest metadata of a modal that Slack takes.
const METADATA_MAX: usize = 3000;

/// How an incident that alerts opened stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its code.
    pub code: &'a str,
    /// What it is called: the title of its first alert.
    pub title: &'a str,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if it is over.
    pub until: Option<Timestamp>,
    /// Alerts that fire.
    pub firing: usize,
    /// Alerts that have ended.
    pub ended: usize,
    /// What was found out about it.
    pub answer: Option<&'a Answer>,
}

/// The answer: what it came to, what that stands on, what changed, what to do next, what could not be seen, and the one
/// chart. At most [`VISIBLE_MAX`] characters, beside chart and buttons.
#[must_use]
pub fn answer(answer: &Answer, links: &Links) -> Message {
    let way = Way::new(answer, links);
    told(account::fallback(answer), account::lines(answer, way, account::CLAIMS_MAX), answer, way)
}

/// The same for an incident that alerts opened: red while it fires, green with its duration when it is over.
#[must_use]
pub fn incident(standing: &Standing<'_>, links: &Links) -> Message {
    let mut lines = standing_lines(standing);
    let state = if standing.until.is_some() { "Over" } else { "Firing" };
    let mut text = format!("{state}: {}", title(standing));
    let Some(answer) = standing.answer else {
        if standing.until.is_none() {
            lines.push(Line::new(1, REPEATED_MAX).say("Looking into it."));
        }
        return assembled(text, lines, Vec::new(), None);
    };
    let way = Way::new(answer, links);
    lines.extend(account::lines(answer, way, account::CLAIMS_MAX - 1));
    text.push_str(&format!(". {}", account::fallback(answer)));
    told(text, lines, answer, way)
}

/// While it works, where streams are not to be had: the question and how its steps stand, with a button that stops it.
#[must_use]
pub fn working(question: &str, steps: &[Step]) -> Message {
    let mut lines =
        vec![Line::new(0, REPEATED_MAX).say("Looking into: ").quote(question, Voice::Titles)];
    let shown = steps.len().saturating_sub(STEPS_MAX);
    for step in steps.iter().skip(shown) {
        let mark = match step.status {
            StepStatus::InProgress => "◐ ",
            StepStatus::Complete => "✓ ",
            StepStatus::Error => "✗ ",
        };
        let line = Line::new(1, STEP_MAX).say(mark).quote(&step.title, Voice::Titles);
        lines.push(match &step.detail {
            Some(detail) => line.say(": ").quote(detail, Voice::Titles),
            None => line,
        });
    }
    let stop = json!({"type": "actions", "elements": [{
        "type": "button", "action_id": "stop", "text": {"type": "plain_text", "text": "Stop"},
    }]});
    assembled(format!("Looking into: {question}"), lines, vec![stop], None)
}

/// Chunks for `chat.startStream` and `chat.appendStream`: the plan's title, then its steps.
#[must_use]
pub fn plan(title: &str, steps: &[Step]) -> Vec<Value> {
    let named = |text: &str, instead: &str| {
        let name = shortened(&plain(text), REPEATED_MAX).unwrap_or_default();
        if name.is_empty() { instead.to_owned() } else { name }
    };
    let mut chunks = vec![json!({"type": "plan_update", "title": named(title, "Looking into it")})];
    for step in steps.iter().take(BLOCKS_MAX) {
        let status = match step.status {
            StepStatus::InProgress => "in_progress",
            StepStatus::Complete => "complete",
            StepStatus::Error => "error",
        };
        let mut task = json!({
            "type": "task_update", "id": named(&step.id, "step"),
            "title": named(&step.title, "A step"), "status": status,
        });
        let detail = step.detail.as_deref().map(plain).filter(|detail| !detail.is_empty());
        if let (Some(detail), Some(fields)) = (detail, task.as_object_mut()) {
            // It is read as Markdown: cut first, so that no sign is cut in two.
            fields.insert("output".to_owned(), json!(escaped_within(&detail, TASK_TEXT_MAX)));
        }
        chunks.push(task);
    }
    chunks
}

/// When there is no answer: what went wrong and what to do about it.
#[must_use]
pub fn failed(message: &str, hint: &str) -> Message {
    let what = Line::new(0, VISIBLE_MAX / 3).say("✗ ").quote(message, Voice::Titles);
    let mut lines = vec![what];
    if !hint.trim().is_empty() {
        lines.push(Line::new(1, VISIBLE_MAX / 3).say("Try: ").quote(hint, Voice::Titles));
    }
    assembled(format!("No answer: {message}"), lines, Vec::new(), None)
}

/// Stopped by a person: what was proven so far.
#[must_use]
pub fn stopped(answer: Option<&Answer>, links: &Links) -> Message {
    let Some(answer) = answer else {
        let line = Line::new(0, REPEATED_MAX).say("■ Stopped, before anything was proven.");
        return assembled("Stopped.".to_owned(), vec![line], Vec::new(), None);
    };
    let way = Way::new(answer, links);
    let mut lines = vec![Line::new(0, REPEATED_MAX).say("■ Stopped. Proven so far:")];
    lines.extend(account::lines(answer, way, account::CLAIMS_MAX));
    told(format!("Stopped. {}", account::fallback(answer)), lines, answer, way)
}

/// The modal "What went wrong?" after a thumbs-down. Block ids and action ids are alike: `reason` (one of the reasons that
/// feedback knows), `cause` and `fix` (words, both may be left empty). `private_metadata` comes back with what is filled
/// in; where it is empty or longer than Slack takes, the answer's id does.
#[must_use]
pub fn wrong_view(answer_id: &str, private_metadata: &str) -> Value {
    let is_usable = (1..=METADATA_MAX).contains(&length(private_metadata));
    let metadata = if is_usable {
        private_metadata.to_owned()
    } else {
        shortened(answer_id, METADATA_MAX).unwrap_or_default()
    };
    let words = |text: &str| json!({"type": "plain_text", "text": text});
    let option = |(value, text): (&str, &str)| json!({"value": value, "text": words(text)});
    let reasons = [
        ("wrong_cause", "It was something else"),
        ("wrong_evidence", "The evidence does not bear it out"),
        ("missing", "Something important is missing"),
        ("too_long", "It is too long"),
        ("other", "Something else"),
    ]
    .map(option);
    let [first, ..] = &reasons;
    let ask = |id: &str, label: &str, hint: &str| {
        json!({
            "type": "input", "block_id": id, "optional": true, "label": words(label),
            "element": {"type": "plain_text_input", "action_id": id, "placeholder": words(hint)},
        })
    };
    json!({
        "type": "modal", "callback_id": "wrong", "private_metadata": metadata,
        "title": words("What went wrong?"), "submit": words("Send"), "close": words("Cancel"),
        "blocks": [
            {
                "type": "input", "block_id": "reason", "label": words("What was it?"),
                "element": {
                    "type": "static_select", "action_id": "reason", "options": reasons,
                    "initial_option": first,
                },
            },
            ask("cause", "What was the cause, if you know?", "orders-db: its disk was full"),
            ask("fix", "What fixed it?", "grew the volume"),
        ],
    })
}

/// The prompts to begin with, at most four: `{title, message}`.
#[must_use]
pub fn home_prompts() -> Vec<Value> {
    [
        ("What is wrong?", "What is wrong right now?"),
        ("What changed?", "What changed in the last hour?"),
        ("New errors?", "Which errors are new in the last 30 minutes?"),
        ("Seen before?", "Does what is wrong now look like a past incident?"),
    ]
    .map(|(title, message)| json!({"title": title, "message": message}))
    .to_vec()
}

fn title(standing: &Standing<'_>) -> String {
    let code = plain(standing.code);
    let title = plain(standing.title);
    let title = shortened(&title, REPEATED_MAX).unwrap_or_default();
    if code.is_empty() || code.len() > links::CODE_MAX { title } else { format!("{code} {title}") }
}

fn standing_lines(standing: &Standing<'_>) -> Vec<Line> {
    let alerts =
        |count: usize| if count == 1 { "1 alert".to_owned() } else { format!("{count} alerts") };
    let name = |mark: &str| Line::new(0, REPEATED_MAX + 10).say(mark).loudly(&title(standing));
    match standing.until {
        Some(until) => {
            let secs = until.secs_since(standing.since).max(0.0) as u64;
            let all = alerts(standing.firing + standing.ended);
            let lasted = format!("Over after {}, {all}.", duration(secs));
            vec![name("🟢 "), Line::new(0, STEP_MAX).say(&lasted)]
        }
        None => {
            let ended = match standing.ended {
                0 => String::new(),
                ended => format!(", {ended} ended"),
            };
            let count = format!(" · {} firing{ended}", alerts(standing.firing));
            let since = Line::new(0, STEP_MAX).since(standing.since, standing.since).say(&count);
            vec![name("🔴 "), since]
        }
    }
}

/// Lines of an answer with its chart, its buttons and what it took.
fn told(text: String, lines: Vec<Line>, answer: &Answer, way: Way<'_>) -> Message {
    let mut after: Vec<Value> = chart::chart(answer).into_iter().collect();
    after.extend(way.evidence_button());
    if answer.verdict != Verdict::Lookup {
        after.extend(way.feedback_buttons());
    }
    assembled(text, lines, after, Some(account::footer(answer)))
}

fn assembled(text: String, lines: Vec<Line>, after: Vec<Value>, footer: Option<String>) -> Message {
    let room = VISIBLE_MAX - footer.as_deref().map_or(0, length);
    let mut blocks: Vec<Value> = block(&fit(lines, room)).into_iter().collect();
    blocks.extend(after);
    if let Some(footer) = footer {
        let text = json!({"type": "plain_text", "text": footer, "emoji": false});
        blocks.push(json!({"type": "context", "elements": [text]}));
    }
    Message { text: escaped_within(&text, FALLBACK_MAX), blocks }
}

/// The text escaped, cut before that at the end of a word so that it fits after it.
fn escaped_within(text: &str, most: usize) -> String {
    let text = plain(text);
    let mut room = most;
    loop {
        let safe = escaped(&shortened(&text, room).unwrap_or_default());
        let over = length(&safe).saturating_sub(most);
        if over == 0 || room == 0 {
            return safe;
        }
        room -= over.div_ceil(5).min(room);
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
