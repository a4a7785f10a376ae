//! The one message in which an answer is told: a stream, a message that is edited, or the end alone.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::{ApiError, Meaning};
use super::governor::{Call, How, Pace};
use super::inbound::Place;
use super::message::Message;
use super::outbox::{Held, Outbox, Tag};
use super::progress::Progress;
use super::{Slack, render};

/// One message, from its beginning to its end.
pub(super) struct Voice {
    outbox: Outbox,
    place: Place,
    tag: Tag,
    question: String,
    links: render::Links,
    pace: Pace,
    ts: Option<String>,
    is_streaming: bool,
    /// A post got no reply: the message may be there all the same.
    is_unsure: bool,
}

/// For whom and where a message is.
pub(super) struct Listener<'a> {
    pub(super) place: &'a Place,
    pub(super) user: &'a str,
    pub(super) question: &'a str,
    /// The time stamp of the message that asks, if one does: what we say stands after it.
    pub(super) after: &'a str,
}

impl Voice {
    /// Begins the message, as well as may be at the moment.
    pub(super) async fn begin(slack: &Slack, listener: Listener<'_>, tag: Tag) -> Self {
        let outbox = slack.outbox();
        let how = outbox.how(&listener.place.team);
        let mut voice = Self {
            outbox: outbox.clone(),
            place: listener.place.clone(),
            tag,
            question: listener.question.to_owned(),
            links: slack.links().clone(),
            pace: Pace::new(how, outbox.now()),
            ts: None,
            is_streaming: false,
            is_unsure: false,
        };
        if voice.place.thread.is_empty() {
            voice.pace.degrade(How::Final);
        }
        if voice.pace.how() == How::Stream && !voice.stream(slack, &listener).await {
            voice.pace.degrade(How::Edit);
        }
        if voice.pace.how() == How::Edit {
            voice.sketch(&render::working(&voice.question, &[])).await;
        }
        voice
    }

    /// The message, once there is one.
    pub(super) fn ts(&self) -> Option<&str> {
        self.ts.as_deref()
    }

    async fn stream(&mut self, slack: &Slack, listener: &Listener<'_>) -> bool {
        let body = json!({"channel": self.place.channel, "thread_ts": self.place.thread,
            "recipient_team_id": self.place.team, "recipient_user_id": listener.user, "task_display_mode": "plan",
            "chunks": render::plan(&self.question, &[])});
        match self.outbox.attempt(Call::Start, &self.place, &body).await {
            Ok(reply) => {
                self.ts = reply.get("ts").and_then(Value::as_str).map(str::to_owned);
                self.is_streaming = self.ts.is_some();
                self.is_streaming
            }
            Err(Held::Refused(error)) if error.meaning == Meaning::Later => {
                // It may have begun all the same; then it is the message to go on with.
                self.ts = begun_after(slack, &self.place, listener.after).await;
                self.is_streaming = self.ts.is_some();
                self.is_streaming
            }
            Err(Held::Refused(error)) => {
                if error.meaning == Meaning::NotOffered {
                    tracing::info!(%error, "Slack offers this app no streams; messages are edited");
                    self.outbox.give_up_streams();
                }
                false
            }
            Err(Held::Wait(_)) => false,
        }
    }

    /// Posts or edits the message while it is not whole yet; what does not get through is said later.
    async fn sketch(&mut self, message: &Message) {
        let at = (&self.place, self.ts.as_deref());
        match self.outbox.sketch(at, message, &self.tag).await {
            Ok(ts) => {
                self.ts.get_or_insert(ts);
            }
            Err(Held::Wait(wait)) => self.pace.put_off(self.outbox.now() + wait),
            Err(Held::Refused(error)) => {
                tracing::debug!(%error, "a message on the way was refused; the end is tried all the same");
                self.is_unsure |= error.meaning == Meaning::Later && self.ts.is_none();
                self.pace.degrade(How::Final);
            }
        }
    }

    /// More was found.
    pub(super) const fn more(&mut self, step_changed: bool, chars: usize) {
        self.pace.more(step_changed, chars);
    }

    /// How long until it is due to speak; `None` while it has nothing to say.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.pace.next().map(|due| due.saturating_sub(self.outbox.now()))
    }

    /// Says what is new, if it is due.
    pub(super) async fn speak(&mut self, progress: &Progress) {
        let now = self.outbox.now();
        if self.pace.next().is_none_or(|due| due > now) {
            return;
        }
        if self.is_streaming && self.pace.is_old(now) {
            self.close_stream(progress).await;
            return;
        }
        if self.is_streaming {
            self.append(progress).await;
        } else {
            self.sketch(&self.so_far(progress)).await;
        }
        self.pace.said(self.outbox.now());
    }

    async fn append(&mut self, progress: &Progress) {
        let body = json!({"channel": self.place.channel, "ts": self.ts, "chunks": render::plan(&self.question, &progress.steps())});
        match self.outbox.attempt(Call::Append, &self.place, &body).await {
            Ok(_) => {}
            Err(Held::Wait(wait)) => self.pace.put_off(self.outbox.now() + wait),
            Err(Held::Refused(error)) if error.meaning == Meaning::Later => {}
            Err(Held::Refused(error)) => {
                tracing::debug!(%error, "a stream ended early; its message is edited from now on");
                self.is_streaming = false;
                self.pace.degrade(How::Edit);
                self.pace.more(true, 0);
            }
        }
    }

    /// Ends a stream before Slack does; the message it leaves is edited from then on.
    async fn close_stream(&mut self, progress: &Progress) {
        let body = json!({"channel": self.place.channel, "ts": self.ts, "chunks": render::plan(&self.question, &progress.steps())});
        if let Err(held) = self.outbox.attempt(Call::Stop, &self.place, &body).await {
            tracing::debug!(?held, "a stream could not be closed");
        }
        self.is_streaming = false;
        self.pace.degrade(How::Edit);
        self.pace.said(self.outbox.now());
    }

    fn so_far(&self, progress: &Progress) -> Message {
        match progress.answer() {
            Some(answer) => {
                let mut message = render::answer(answer, &self.links);
                message.blocks.push(json!({"type": "context", "elements": [
                    {"type": "mrkdwn", "text": "The facts so far. They are being put into words."}]}));
                message
            }
            None => render::working(&self.question, &progress.steps()),
        }
    }

    /// Says the end, and goes on trying until it is there. Returns the message's time stamp.
    pub(super) async fn finish(
        &mut self,
        message: &Message,
        progress: &Progress,
    ) -> Result<String, ApiError> {
        match &self.ts {
            Some(ts) if self.is_streaming => {
                let chunks = render::plan(&self.question, &progress.steps());
                let at = (&self.place, ts.as_str());
                self.outbox.end_stream(at, (message, &chunks), &self.tag).await
            }
            Some(ts) => self.outbox.edit((&self.place, ts), message, &self.tag).await,
            None => {
                let ts = self.outbox.post(&self.place, message, &self.tag).await?;
                if self.is_unsure {
                    // Slack may have given back the message that said less.
                    return self.outbox.edit((&self.place, &ts), message, &self.tag).await;
                }
                Ok(ts)
            }
        }
    }
}

/// The newest message of ours in a thread, if it is younger than the message that asks.
async fn begun_after(slack: &Slack, place: &Place, asked: &str) -> Option<String> {
    let asked = moment(asked)?;
    let fields =
        [("channel", place.channel.as_str()), ("ts", place.thread.as_str()), ("limit", "200")];
    let replies = slack.api().ask("conversations.replies", &fields).await.ok()?;
    let me = slack.me().user;
    let ours = replies.get("messages")?.as_array()?.iter().filter(|message| {
        !me.is_empty() && message.get("user").and_then(Value::as_str) == Some(me.as_str())
    });
    let stamps = ours.filter_map(|message| message.get("ts")?.as_str());
    let newest = stamps.max_by_key(|ts| moment(ts))?;
    (moment(newest)? > asked).then(|| newest.to_owned())
}

/// A time stamp of Slack as a moment: seconds, and what tells messages of the same second apart.
fn moment(ts: &str) -> Option<(u64, u64)> {
    let (seconds, number) = ts.split_once('.')?;
    Some((seconds.parse().ok()?, number.parse().ok()?))
}
