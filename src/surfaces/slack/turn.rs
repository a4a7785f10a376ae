//! One question of a thread: heard at once, asked in the thread's conversation, told in one message, and owed until then.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{ApiError, Meaning};
use super::inbound::{Place, conversation_id};
use super::message::Message;
use super::outbox::Tag;
use super::progress::Progress;
use super::voice::{Listener, Voice};
use super::{Slack, proposals, render};
use crate::investigate::RunIds;
use crate::investigate::question::Question;
use crate::session::{AskError, Conversation, RunStatus};

/// How often a question is put again while others are being answered, and how long between.
const BUSY_ATTEMPTS: u32 = 30;
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// How often a run looks whether another server was told to stop it.
const STOP_EVERY: Duration = Duration::from_secs(1);
/// Longest title of a question in a message, in bytes.
const TITLE_BYTES_MAX: usize = 150;

/// A question that came from Slack.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The thread. Without a time stamp there is none, and the answer goes to `response_url`.
    pub(super) place: Place,
    /// What tells this question from others of the thread: the message's time stamp.
    pub(super) name: String,
    /// Who asked.
    pub(super) user: String,
    /// The message to put a sign on; the first of a thread only.
    pub(super) sign_on: Option<String>,
    /// The question.
    pub(super) question: Question,
    /// What stands above the answer while it is found.
    pub(super) title: String,
    /// Where a reply may go that only the asker sees, when the channel is closed to us.
    pub(super) response_url: String,
}

impl Asked {
    /// The conversation it belongs to: its thread's, or one of its own.
    fn conversation(&self) -> String {
        if self.place.thread.is_empty() {
            return conversation_id(&Place { thread: self.name.clone(), ..self.place.clone() });
        }
        conversation_id(&self.place)
    }

    /// Whether the answer can only go to its asker alone: it is never posted beside a thread.
    fn is_private(&self) -> bool {
        self.place.thread.is_empty()
    }
}

/// What is written down while an answer is owed, so that a later life of this server can give it.
#[derive(Serialize, Deserialize, Debug, Default)]
#[serde(default)]
struct Debt {
    team: String,
    channel: String,
    thread: String,
    ts: Option<String>,
    sign_on: Option<String>,
    answer_id: String,
}

/// Answers a question, from the sign that it was heard to the last retry.
pub(super) async fn answer(slack: &Slack, asked: Asked) {
    slack.marks().join(&asked.conversation()).await;
    tokio::join!(hear(slack, &asked), ask_and_tell(slack, &asked));
    unhear(slack, &asked.place, asked.sign_on.as_deref()).await;
}

async fn ask_and_tell(slack: &Slack, asked: &Asked) {
    let error = match begin(slack, asked).await {
        Ok((conversation, seq, ids)) => {
            return tell(slack, asked, (&conversation, seq), &ids).await;
        }
        Err(error) => error,
    };
    let tag = Tag { key: format!("refused {}", asked.name), ..Tag::default() };
    let message = render::failed(&error.to_string(), "Ask again in a few seconds.");
    if let Err(error) = give(slack, asked, &message, &tag).await {
        tracing::warn!(%error, "a question was not taken, and its asker could not be told");
    }
}

/// Puts the question, again and again while others are being answered.
async fn begin(slack: &Slack, asked: &Asked) -> Result<(Arc<Conversation>, u64, RunIds), AskError> {
    let sessions = slack.sessions();
    let name: String = asked
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let mut attempts = 0;
    loop {
        let begun = sessions.open_private(Some(&asked.conversation())).and_then(|conversation| {
            let seq = conversation.seq();
            let ids = sessions.ask(&conversation, &name, asked.question.clone())?;
            Ok((conversation, seq, ids))
        });
        match begun {
            Err(AskError::Busy(_)) if attempts < BUSY_ATTEMPTS => {
                attempts += 1;
                tokio::time::sleep(BUSY_WAIT).await;
            }
            begun => return begun,
        }
    }
}

/// Shows at once that the question was heard. None of it is worth a retry.
async fn hear(slack: &Slack, asked: &Asked) {
    let reaction = async {
        if let Some(ts) = &asked.sign_on {
            let body = json!({"channel": asked.place.channel, "timestamp": ts, "name": "eyes"});
            slack.quietly("reactions.add", &body).await;
        }
    };
    tokio::join!(reaction, status(slack, &asked.place, true));
}

async fn unhear(slack: &Slack, place: &Place, sign_on: Option<&str>) {
    let reaction = async {
        if let Some(ts) = sign_on {
            let body = json!({"channel": place.channel, "timestamp": ts, "name": "eyes"});
            if let Err(error) = slack.patiently("reactions.remove", &body).await {
                tracing::debug!(%error, "a sign could not be taken away");
            }
        }
    };
    // What replaced this question may still run.
    let running = slack.sessions().get_private(&conversation_id(place));
    let is_working = running.is_some_and(|conversation| conversation.is_running());
    let status = async {
        if !is_working {
            status(slack, place, false).await;
        }
    };
    tokio::join!(reaction, status);
}

/// Says whether work goes on in a thread: as an agent's session, or as apps did before there were sessions.
pub(super) async fn status(slack: &Slack, place: &Place, is_working: bool) {
    if place.thread.is_empty() {
        return;
    }
    let status = if is_working { "processing" } else { "active" };
    let body = json!({"channel_id": place.channel, "thread_ts": place.thread, "status": status});
    if slack.has_sessions() {
        match slack.patiently("agents.sessions.setStatus", &body).await {
            Err(error) if error.meaning == Meaning::NotOffered => slack.give_up_sessions(),
            _ => return,
        }
    }
    let status = if is_working { "is looking into it" } else { "" };
    let body = json!({"channel_id": place.channel, "thread_ts": place.thread, "status": status});
    slack.quietly("assistant.threads.setStatus", &body).await;
}

/// Tells a run from its beginning to its end.
async fn tell(
    slack: &Slack,
    asked: &Asked,
    (conversation, from): (&Arc<Conversation>, u64),
    ids: &RunIds,
) {
    let incident = crate::investigate::remembered::incident_code(&ids.answer_id);
    let incident = incident.chars().take(crate::investigate::remembered::CODE_CHARS).collect();
    let tag = Tag { key: ids.run_id.clone(), run_id: ids.run_id.clone(), incident };
    let mut debt = Debt {
        team: asked.place.team.clone(),
        channel: asked.place.channel.clone(),
        thread: asked.place.thread.clone(),
        ts: None,
        sign_on: asked.sign_on.clone(),
        answer_id: ids.answer_id.clone(),
    };
    if !asked.is_private() {
        owe(slack, &ids.run_id, &debt).await;
    }
    let listener = Listener {
        place: &asked.place,
        user: &asked.user,
        question: &asked.title,
        after: &asked.name,
    };
    let mut voice = Voice::begin(slack, listener, tag.clone()).await;
    if let Some(ts) = voice.ts() {
        debt.ts = Some(ts.to_owned());
        owe(slack, &ids.run_id, &debt).await;
    }
    let progress = follow(slack, (conversation, from), &ids.run_id, &mut voice).await;
    let message = end_message(slack, &progress);
    let message = match (progress.answer(), progress.end()) {
        (Some(answer), Some((RunStatus::Done, _))) => {
            proposals::with_proposal(slack, message, answer).await
        }
        _ => message,
    };
    let finished = match asked.is_private() {
        true => privately(slack, asked, &message).await,
        false => voice.finish(&message, &progress).await,
    };
    let given = match finished {
        Err(error) if error.meaning == Meaning::Closed && !asked.response_url.is_empty() => {
            privately(slack, asked, &message).await
        }
        given => given,
    };
    match given {
        Ok(ts) => {
            if progress.answer().is_some() && !ts.is_empty() {
                slack.marks().tells(&asked.place.channel, &ts, &ids.answer_id).await;
            }
            slack.marks().settle(&ids.run_id).await;
        }
        Err(error) => undelivered(slack, asked, &error, (&ids.run_id, &tag.incident)).await,
    }
}

async fn owe(slack: &Slack, run_id: &str, debt: &Debt) {
    slack.marks().owe(run_id, json!(debt).to_string()).await;
}

/// Reads a run to its end, and lets the voice speak whenever it is due.
async fn follow(
    slack: &Slack,
    (conversation, from): (&Arc<Conversation>, u64),
    run_id: &str,
    voice: &mut Voice,
) -> Progress {
    let began = slack.sessions().now();
    let mut progress = Progress::of(run_id);
    let (mut newest, mut seq) = (conversation.watch(), from);
    let mut look_for_stop = tokio::time::interval(STOP_EVERY);
    loop {
        newest.borrow_and_update();
        let (news, next) = progress.read(conversation.tail(seq), seq);
        seq = next;
        if progress.end().is_some() {
            progress.close();
            return progress;
        }
        voice.more(news.step_changed, news.chars);
        let due = voice.due_in().unwrap_or(Duration::MAX);
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return progress },
            () = tokio::time::sleep(due) => voice.speak(&progress).await,
            _ = look_for_stop.tick() => {
                // Slack tells one of several servers, and it may not be this one.
                if slack.marks().is_stopped(&conversation.id, began).await && conversation.cancel(run_id) {
                    tracing::debug!(run_id, "stopped through another server");
                }
            }
        }
    }
}

fn end_message(slack: &Slack, progress: &Progress) -> Message {
    let links = slack.links();
    match (progress.end(), progress.answer()) {
        (Some((RunStatus::Done, _)), Some(answer)) => render::answer(answer, links),
        (Some((RunStatus::Cancelled, _)), answer) => render::stopped(answer, links),
        (Some((RunStatus::Superseded, _)), _) => {
            let text = "Replaced by the next question in this thread.";
            let block = json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text}]});
            Message { text: text.to_owned(), blocks: vec![block] }
        }
        (Some((_, Some(error))), _) => render::failed(error, "Ask something shorter and plainer."),
        (_, Some(answer)) => render::answer(answer, links),
        (_, None) => render::failed(
            "The investigation ended without an answer.",
            "Ask again; the server's log says more.",
        ),
    }
}

/// Gives a message where the question was asked, or to its asker alone when the channel is closed to us.
async fn give(
    slack: &Slack,
    asked: &Asked,
    message: &Message,
    tag: &Tag,
) -> Result<String, ApiError> {
    if asked.is_private() {
        return privately(slack, asked, message).await;
    }
    match slack.outbox().post(&asked.place, message, tag).await {
        Err(error) if error.meaning == Meaning::Closed && !asked.response_url.is_empty() => {
            privately(slack, asked, message).await
        }
        given => given,
    }
}

/// Replies so that only the asker sees it.
async fn privately(slack: &Slack, asked: &Asked, message: &Message) -> Result<String, ApiError> {
    let body = json!({"response_type": "ephemeral", "replace_original": false,
        "text": message.text, "blocks": message.blocks});
    slack.api().respond(&asked.response_url, &body).await?;
    Ok(String::new())
}

/// The answer could not be given where it was asked for: its asker is told where it is, without what it says.
async fn undelivered(
    slack: &Slack,
    asked: &Asked,
    error: &ApiError,
    (run_id, incident): (&str, &str),
) {
    let reads = match &slack.links().base {
        Some(base) => format!("It can be read at {base}/i/{incident}."),
        None => format!("It can be read in the panel, as incident {incident}."),
    };
    tracing::warn!(%error, channel = asked.place.channel, incident, "an answer could not be posted");
    if error.meaning == Meaning::Later || error.meaning == Meaning::Credentials {
        // It stays owed: the next start of this server gives it, if it is not too old by then.
        return;
    }
    slack.marks().settle(run_id).await;
    let channel = super::escape::escaped(&asked.place.channel);
    let text = format!(
        "Your question is answered, but Slack does not let me post in <#{channel}> ({}). {reads}",
        super::escape::escaped(&error.code)
    );
    let body = json!({"channel": asked.user, "text": text, "unfurl_links": false});
    slack.quietly("chat.postMessage", &body).await;
}

/// Gives what an earlier life of this server owed.
pub(super) async fn settle_debts(slack: &Slack) {
    for (run_id, debt) in slack.marks().owed().await {
        let Ok(debt) = serde_json::from_str::<Debt>(&debt) else {
            slack.marks().settle(&run_id).await;
            continue;
        };
        let place = Place {
            team: debt.team.clone(),
            channel: debt.channel.clone(),
            thread: debt.thread.clone(),
        };
        let answer = slack.stored_answer(&debt.answer_id).await;
        let message = match &answer {
            Some(answer) => {
                let message = render::answer(answer, slack.links());
                proposals::with_proposal(slack, message, answer).await
            }
            None => render::failed(
                "The server was restarted while it looked.",
                "Ask again in this thread.",
            ),
        };
        let tag = Tag { key: run_id.clone(), run_id: run_id.clone(), ..Tag::default() };
        let given = match &debt.ts {
            Some(ts) => slack.outbox().edit((&place, ts), &message, &tag).await,
            None => slack.outbox().post(&place, &message, &tag).await,
        };
        match given {
            Ok(ts) if answer.is_some() => {
                slack.marks().tells(&place.channel, &ts, &debt.answer_id).await;
            }
            Ok(_) => {}
            Err(error) if error.meaning == Meaning::Later => continue,
            Err(error) => tracing::warn!(%error, run_id, "an answer owed could not be given"),
        }
        slack.marks().settle(&run_id).await;
        unhear(slack, &place, debt.sign_on.as_deref()).await;
    }
}

/// A question's words as a title: one line, not too long.
pub(super) fn title(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    crate::investigate::evidence::shorten(&line.join(" "), TITLE_BYTES_MAX)
}
