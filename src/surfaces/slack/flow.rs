//! What is done with each event: asked, stopped, remembered, shown.

use serde_json::json;

use super::inbound::{Event, Inbound, Place, Said, conversation_id};
use super::message::Message;
use super::outbox::Tag;
use super::turn::{self, Asked};
use super::{Slack, escape, proposals, render, thumbs, unfurl};
use crate::investigate::question::Question;
use groundcrew_telemetry::Timestamp;

/// What is said to one who says nothing.
const HELP: &str =
    "Ask me what is wrong, for example: why is checkout slow? Or: what changed since 03:00?";
/// A message is explained as of its time when it is older than this, in seconds.
const OLD_SECS: f64 = 15.0 * 60.0;
/// What an alert is about goes on for a while after it is posted.
const AFTER_ALERT_SECS: i64 = 5 * 60;
/// Longest message that becomes part of a question, in bytes.
const QUOTED_BYTES_MAX: usize = 2_000;

/// Handles one event, once.
pub(super) async fn handle(slack: Slack, event: Event) {
    let Event { names, mut what } = event;
    if let Some(place) = place_of(&mut what)
        && place.team.is_empty()
    {
        place.team = slack.me().team;
    }
    match &what {
        Inbound::Nothing(why) => {
            tracing::debug!(why, "an event of Slack that asks nothing");
            return;
        }
        Inbound::Said(said) if !said.is_for_us && !is_ours(&slack, &said.place).await => {
            tracing::debug!("a message of a thread in which we were not asked");
            return;
        }
        _ => {}
    }
    if !slack.marks().claim(&names).await {
        tracing::debug!(?names, "an event that was taken before");
        return;
    }
    match what {
        Inbound::Said(said) => said_something(&slack, said).await,
        Inbound::Explain { said, response_url } => explain(&slack, said, response_url).await,
        Inbound::Command { place, user, text, response_url } => {
            command(&slack, (place, user), text, response_url).await;
        }
        Inbound::Stop(place) => stop(&slack, &place).await,
        Inbound::Thumb { place, user, answer_id, is_up, trigger } => {
            let under = thumbs::Under { place, user, answer_id };
            thumbs::pressed(&slack, under, is_up, &trigger).await;
        }
        Inbound::Decision { place, user, proposal, hash, is_approved } => {
            let word = proposals::Word { place, user, proposal, hash, is_approved };
            proposals::decided(&slack, word).await;
        }
        Inbound::Wrong(wrong) => thumbs::explained(&slack, wrong).await,
        Inbound::Reaction { message, is_up } => thumbs::reacted(&slack, &message, is_up).await,
        Inbound::Opened { channel } => {
            // Never with a thread: an app with an agent's view would be refused without a word.
            let body = json!({"channel_id": channel, "prompts": render::home_prompts()});
            slack.quietly("assistant.threads.setSuggestedPrompts", &body).await;
        }
        Inbound::Links(links) => unfurl::unfold(&slack, &links).await,
        Inbound::Nothing(_) => {}
    }
}

fn place_of(what: &mut Inbound) -> Option<&mut Place> {
    match what {
        Inbound::Said(said) | Inbound::Explain { said, .. } => Some(&mut said.place),
        Inbound::Command { place, .. }
        | Inbound::Stop(place)
        | Inbound::Thumb { place, .. }
        | Inbound::Decision { place, .. } => Some(place),
        _ => None,
    }
}

/// Whether we were asked in this thread before.
async fn is_ours(slack: &Slack, place: &Place) -> bool {
    let conversation = conversation_id(place);
    slack.sessions().get_private(&conversation).is_some()
        || slack.marks().has_joined(&conversation).await
}

async fn said_something(slack: &Slack, said: Said) {
    let words = said.text.trim().trim_end_matches(['.', '!']).to_lowercase();
    if matches!(words.as_str(), "stop" | "cancel" | "/stop") {
        stop(slack, &said.place).await;
        return;
    }
    if said.text.trim().is_empty() {
        let tag = Tag { key: format!("help {} {}", said.place.channel, said.ts), ..Tag::default() };
        let message = Message { text: HELP.to_owned(), blocks: Vec::new() };
        if let Err(error) = slack.outbox().post(&said.place, &message, &tag).await {
            tracing::debug!(%error, "the help could not be posted");
        }
        return;
    }
    let mut question = Question::new(said.text.clone(), slack.sessions().now());
    // Only where something runs; otherwise it follows from what was asked before.
    question.steers = true;
    let is_first = !is_ours(slack, &said.place).await;
    let asked = Asked {
        title: turn::title(&said.text),
        sign_on: is_first.then(|| said.ts.clone()),
        place: said.place,
        name: said.ts,
        user: said.user,
        question,
        response_url: String::new(),
    };
    turn::answer(slack, asked).await;
}

/// The message shortcut: the message's words are part of the question, as something somebody else wrote.
async fn explain(slack: &Slack, said: Said, response_url: String) {
    let quoted = crate::investigate::evidence::shorten(&said.text, QUOTED_BYTES_MAX);
    let now = slack.sessions().now();
    let mut question = Question::new(format!("what caused this?\n{quoted}"), now);
    if let Some(written) = time_of(&said.ts)
        && now.secs_since(written) > OLD_SECS
    {
        question.at = written.plus_secs(AFTER_ALERT_SECS);
        question.at_given = true;
    }
    let is_first = said.place.thread == said.ts;
    let asked = Asked {
        title: turn::title(&said.text),
        sign_on: is_first.then(|| said.ts.clone()),
        name: format!("explain-{}-{}", said.ts, now.nanos()),
        place: said.place,
        user: said.user,
        question,
        response_url,
    };
    turn::answer(slack, asked).await;
}

/// Slack's time stamps are seconds and a number that tells messages of the same second apart.
fn time_of(ts: &str) -> Option<Timestamp> {
    let seconds: i64 = ts.split('.').next()?.parse().ok()?;
    (seconds > 0).then(|| Timestamp::from_secs(seconds))
}

/// The slash command: the question is posted, so that it has a thread to be answered in.
async fn command(
    slack: &Slack,
    (place, user): (Place, String),
    text: String,
    response_url: String,
) {
    if text.trim().is_empty() || text.trim().eq_ignore_ascii_case("help") {
        let body = json!({"response_type": "ephemeral", "text": format!("{HELP} In a channel, mention me, or use /groundcrew and a question.")});
        if let Err(error) = slack.api().respond(&response_url, &body).await {
            tracing::debug!(%error, "the help could not be sent");
        }
        return;
    }
    let now = slack.sessions().now();
    let name = format!("command-{}-{}", place.channel, now.nanos());
    let title = turn::title(&text);
    let root = Message {
        text: format!("<@{}> asks: {}", escape::escaped(&user), escape::escaped(&title)),
        blocks: Vec::new(),
    };
    let tag = Tag { key: name.clone(), ..Tag::default() };
    let thread = match slack.outbox().post(&place, &root, &tag).await {
        Ok(ts) => ts,
        Err(error) => {
            tracing::debug!(%error, "a command where nothing can be posted; its asker alone is answered");
            String::new()
        }
    };
    let asked = Asked {
        // Without a thread the conversation still needs a name of its own.
        place: Place { thread, ..place },
        name,
        user,
        sign_on: None,
        question: Question::new(text, now),
        title,
        response_url,
    };
    turn::answer(slack, asked).await;
}

/// Stops what runs in a thread. The run's own message says so.
async fn stop(slack: &Slack, place: &Place) {
    let running = slack.sessions().get_private(&conversation_id(place));
    if running.is_some_and(|conversation| conversation.stop()) {
        return;
    }
    // Nothing runs here. It may on another server, which says so itself; otherwise the thread must not look as if it did.
    slack.marks().stop(&conversation_id(place)).await;
    turn::status(slack, place, false).await;
}
