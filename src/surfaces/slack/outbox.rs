//! Posts one message and edits it later, within Slack's limits, until it is there or cannot be.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::api::{Api, ApiError, Meaning};
use super::governor::{Call, Governor, How};
use super::inbound::Place;
use super::message::Message;

/// How long a message is tried for that must arrive.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// First and longest wait between attempts.
const RETRY_WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Attempts to end a stream before its message is edited instead.
const STOP_ATTEMPTS: u32 = 3;

/// What a message is about, for those who read it by program, and so that sending it again does not double it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tag {
    /// What the message is for, the same whenever it is sent again: a run, an incident.
    pub key: String,
    /// The run, if it answers a question.
    pub run_id: String,
    /// The incident's code.
    pub incident: String,
}

impl Tag {
    fn metadata(&self) -> Value {
        json!({"event_type": "groundcrew_answer", "event_payload": {"run_id": self.run_id, "incident": self.incident}})
    }

    /// Slack takes two messages of the same id for one.
    fn message_id(&self) -> String {
        let mut bytes = [0; 16];
        let hash = blake3::hash(self.key.as_bytes());
        bytes.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

/// A call that did not happen now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Held {
    /// It may after this time.
    Wait(Duration),
    /// Slack refused it.
    Refused(ApiError),
}

/// The sender of one app. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    api: Api,
    began: Instant,
    governors: Mutex<BTreeMap<String, Governor>>,
    /// Slack does not offer streams to this app.
    no_streams: AtomicBool,
    shutdown: CancellationToken,
}

impl Outbox {
    /// A sender through `api`; waiting ends with `shutdown`.
    #[must_use]
    pub fn new(api: Api, shutdown: CancellationToken) -> Self {
        let inner = Inner {
            api,
            began: Instant::now(),
            governors: Mutex::default(),
            no_streams: AtomicBool::new(false),
            shutdown,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The clock of the limits.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.inner.began.elapsed()
    }

    fn governors(&self) -> MutexGuard<'_, BTreeMap<String, Governor>> {
        self.inner.governors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How an answer that begins now is best told in this workspace.
    #[must_use]
    pub fn how(&self, team: &str) -> How {
        let best = self.governors().entry(team.to_owned()).or_default().begin(self.now());
        if best == How::Stream && self.inner.no_streams.load(Ordering::Relaxed) {
            return How::Edit;
        }
        best
    }

    /// Slack does not offer streams to this app: they are not tried again.
    pub fn give_up_streams(&self) {
        self.inner.no_streams.store(true, Ordering::Relaxed);
    }

    /// Makes a call if it may be made now.
    ///
    /// # Errors
    /// How long to wait, or why Slack refused.
    pub async fn attempt(&self, call: Call, place: &Place, body: &Value) -> Result<Value, Held> {
        let method = match call {
            Call::Start => "chat.startStream",
            Call::Append => "chat.appendStream",
            Call::Stop => "chat.stopStream",
            Call::Update => "chat.update",
            Call::Post => "chat.postMessage",
        };
        let now = self.now();
        let leave =
            self.governors().entry(place.team.clone()).or_default().take(call, &place.channel, now);
        leave.map_err(Held::Wait)?;
        self.inner.api.call(method, body).await.map_err(|error| {
            if let Meaning::Wait(wait) = error.meaning {
                let now = self.now();
                self.governors().entry(place.team.clone()).or_default().refused(call, wait, now);
                return Held::Wait(wait);
            }
            Held::Refused(error)
        })
    }

    /// Makes a call, waiting and trying again for as long as that may help.
    async fn insist(
        &self,
        call: Call,
        place: &Place,
        body: &Value,
        attempts_max: u32,
    ) -> Result<Value, ApiError> {
        let began = Instant::now();
        let (mut wait, longest) = RETRY_WAIT;
        let mut attempts = 0;
        loop {
            let (pause, error) = match self.attempt(call, place, body).await {
                Ok(reply) => return Ok(reply),
                Err(Held::Wait(wait)) => (wait, None),
                Err(Held::Refused(error)) if error.meaning == Meaning::Later => {
                    wait = (wait * 2).min(longest);
                    attempts += 1;
                    (wait, Some(error))
                }
                Err(Held::Refused(error)) => return Err(error),
            };
            let is_over = began.elapsed() + pause > PATIENCE || attempts >= attempts_max;
            let ended = is_over || self.inner.shutdown.is_cancelled();
            if ended {
                return Err(error.unwrap_or_else(|| held_too_long(call)));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // What can be sent at once still is; waiting is for a later life of this server.
                () = self.inner.shutdown.cancelled() => {}
            }
        }
    }

    /// Posts a message into a thread, or into the channel when the place has no thread. Returns its time stamp.
    ///
    /// # Errors
    /// When it cannot be posted, however often it is tried.
    pub async fn post(
        &self,
        place: &Place,
        message: &Message,
        tag: &Tag,
    ) -> Result<String, ApiError> {
        let mut body = content(place, message, tag);
        put(&mut body, "client_msg_id", json!(tag.message_id()));
        put(&mut body, "unfurl_links", json!(false));
        put(&mut body, "unfurl_media", json!(false));
        if !place.thread.is_empty() {
            put(&mut body, "thread_ts", json!(place.thread));
        }
        let reply = self.insist_smaller(Call::Post, place, body).await?;
        Ok(reply.get("ts").and_then(Value::as_str).unwrap_or("").to_owned())
    }

    /// Replaces what a message says. One that can no longer be edited is posted anew; the time stamp says which it is.
    ///
    /// # Errors
    /// When neither can be done, however often it is tried.
    pub async fn edit(
        &self,
        (place, ts): (&Place, &str),
        message: &Message,
        tag: &Tag,
    ) -> Result<String, ApiError> {
        let mut body = content(place, message, tag);
        put(&mut body, "ts", json!(ts));
        match self.insist_smaller(Call::Update, place, body).await {
            Ok(_) => Ok(ts.to_owned()),
            Err(error)
                if matches!(
                    error.meaning,
                    Meaning::NotEditable | Meaning::Refused | Meaning::StreamOver
                ) =>
            {
                tracing::debug!(%error, "a message can no longer be edited; it is posted anew");
                let anew = Tag { key: format!("{} anew", tag.key), ..tag.clone() };
                self.post(place, message, &anew).await
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a stream with the whole message, or edits the message it left.
    ///
    /// # Errors
    /// When neither can be done, however often it is tried.
    pub async fn end_stream(
        &self,
        (place, ts): (&Place, &str),
        (message, chunks): (&Message, &[Value]),
        tag: &Tag,
    ) -> Result<String, ApiError> {
        let body = json!({"channel": place.channel, "ts": ts, "chunks": chunks, "blocks": message.blocks,
            "metadata": tag.metadata()});
        match self.insist(Call::Stop, place, &body, STOP_ATTEMPTS).await {
            Ok(_) => Ok(ts.to_owned()),
            Err(error) if matches!(error.meaning, Meaning::Credentials | Meaning::Closed) => {
                Err(error)
            }
            Err(error) => {
                tracing::debug!(%error, "a stream could not be ended; its message is edited");
                self.edit((place, ts), message, tag).await
            }
        }
    }

    /// The same call without blocks, where the blocks are more than Slack takes: words that arrive are worth more.
    async fn insist_smaller(
        &self,
        call: Call,
        place: &Place,
        mut body: Value,
    ) -> Result<Value, ApiError> {
        match self.insist(call, place, &body, u32::MAX).await {
            Err(error) if error.meaning == Meaning::TooMuch => {
                tracing::warn!(%error, "a message was too much for Slack; it goes as plain text");
                put(&mut body, "blocks", json!([]));
                self.insist(call, place, &body, u32::MAX).await
            }
            result => result,
        }
    }

    /// A message as it is posted while there is still more to say; one attempt.
    ///
    /// # Errors
    /// How long to wait, or why Slack refused.
    pub async fn sketch(
        &self,
        (place, ts): (&Place, Option<&str>),
        message: &Message,
        tag: &Tag,
    ) -> Result<String, Held> {
        let mut body = content(place, message, tag);
        let call = match ts {
            Some(ts) => {
                put(&mut body, "ts", json!(ts));
                Call::Update
            }
            None => {
                put(&mut body, "thread_ts", json!(place.thread));
                put(&mut body, "client_msg_id", json!(tag.message_id()));
                Call::Post
            }
        };
        let reply = self.attempt(call, place, &body).await?;
        Ok(reply.get("ts").and_then(Value::as_str).unwrap_or("").to_owned())
    }
}

fn content(place: &Place, message: &Message, tag: &Tag) -> Value {
    json!({"channel": place.channel, "text": message.text, "blocks": message.blocks,
        "metadata": tag.metadata(), "parse": "none"})
}

fn put(body: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = body {
        fields.insert(name.to_owned(), value);
    }
}

fn held_too_long(call: Call) -> ApiError {
    ApiError {
        method: format!("{call:?}").to_lowercase(),
        code: "held back for too long".to_owned(),
        meaning: Meaning::Later,
    }
}
