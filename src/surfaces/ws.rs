//! The chat WebSocket: `GET /v1/ws`, subprotocol `groundcrew.v1+json`.
//!
//! Runs belong to the server: closing the socket cancels nothing, and a client that comes back with `resume` gets what
//! it missed. A reader that is too slow loses nothing either, since each conversation's log is read at the reader's
//! pace; only a socket that takes no frame for a long time is closed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::feedback::{self, Feedback};
use super::wire::{self, Ask, Envelope, Hello};
use crate::session::{AskError, Conversation, Sessions};

/// Largest frame that is taken.
const FRAME_IN_BYTES_MAX: usize = 256 * 1024;
/// Ping interval; proxies cut idle connections at 60 s.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// A client from which nothing came for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// A socket that takes no frame for so long is too slow.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Conversations followed on one socket.
const CONVERSATIONS_MAX: usize = 16;
/// Frames a client may send in a second.
const FRAMES_PER_SECOND_MAX: u32 = 20;

/// What the WebSocket needs.
#[derive(Clone)]
pub struct Chat {
    /// The conversations.
    pub sessions: Sessions,
    /// Who may come in.
    pub access: Access,
    /// Cancelled when the server goes down.
    pub shutdown: CancellationToken,
}

/// A one-time ticket in place of a header, for browsers.
#[derive(Deserialize)]
pub struct Ticket {
    ticket: Option<String>,
}

/// Upgrades a request to the chat, if it may.
pub async fn upgrade(
    State(chat): State<Chat>,
    Query(Ticket { ticket }): Query<Ticket>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let authorized = chat.access.is_authorized(&headers)
        || ticket.is_some_and(|ticket| chat.access.redeem_ticket(&ticket));
    if !authorized {
        let hint = "send the token, or get a ticket from POST /v1/ws-ticket";
        return wire::refusal(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the token or ticket is missing or wrong",
            hint,
        );
    }
    configured(upgrade, FRAME_IN_BYTES_MAX)
        .protocols([wire::SUBPROTOCOL])
        .on_upgrade(move |socket| Socket::new(socket, chat).run())
}

/// How every socket here is set up: what is buffered stays small, and a message may have so many bytes.
pub fn configured(upgrade: WebSocketUpgrade, bytes_max: usize) -> WebSocketUpgrade {
    upgrade
        .max_message_size(bytes_max)
        .max_frame_size(bytes_max)
        .read_buffer_size(4 * 1024)
        .write_buffer_size(8 * 1024)
}

/// Sends a message; `Err` is why the socket has to end. A socket that takes nothing for too long is too slow.
pub async fn deliver(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err((1001, "gone")),
        Err(_) => Err((1013, "slow")),
    }
}

/// Says why a socket ends and reads on until the other side has closed too, which is what makes a close clean.
pub async fn close(mut socket: WebSocket, (code, reason): End) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let closing = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    if timeout(Duration::from_secs(2), closing).await.is_err() {
        tracing::debug!("a client did not answer the close of its socket");
    }
}

struct Socket {
    socket: WebSocket,
    chat: Chat,
    followed: BTreeMap<String, Followed>,
    news: mpsc::Receiver<String>,
    tell_news: mpsc::Sender<String>,
    closed: CancellationToken,
    heard: Instant,
    second: (Instant, u32),
}

struct Followed {
    conversation: Arc<Conversation>,
    seq: u64,
}

/// Why a socket ends, as a close code and a reason.
pub type End = (u16, &'static str);

impl Socket {
    fn new(socket: WebSocket, chat: Chat) -> Self {
        // One slot per conversation: news only says that there is something to read.
        let (tell_news, news) = mpsc::channel(2 * CONVERSATIONS_MAX);
        let now = Instant::now();
        let closed = CancellationToken::new();
        Self {
            socket,
            chat,
            followed: BTreeMap::new(),
            news,
            tell_news,
            closed,
            heard: now,
            second: (now, 0),
        }
    }

    async fn run(mut self) {
        let shutdown = self.chat.shutdown.clone();
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            let step = tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.take(message).await,
                    Some(Err(_)) | None => break None,
                },
                Some(sid) = self.news.recv() => self.tell(&sid).await,
                _ = heartbeat.tick() => self.beat().await,
                () = shutdown.cancelled() => {
                    let goaway = Envelope::unlogged("goaway", json!({"reason": "shutdown", "reconnect_after_ms": 1000}));
                    match self.send(&goaway).await {
                        Ok(()) => Err((1001, "shutdown")),
                        Err(end) => Err(end),
                    }
                }
            };
            if let Err(end) = step {
                break Some(end);
            }
        };
        self.closed.cancel();
        if let Some(end) = end {
            close(self.socket, end).await;
        }
    }

    async fn beat(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > SILENCE_MAX {
            return Err((1001, "silent"));
        }
        self.send_message(Message::Ping(axum::body::Bytes::new())).await
    }

    async fn take(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err((1003, "text frames only")),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        if !self.within_rate() {
            return self
                .send(&Envelope::error(
                    "rate_limited",
                    "too many frames",
                    Some(Duration::from_secs(1)),
                ))
                .await;
        }
        match serde_json::from_str::<Envelope>(&text) {
            Ok(envelope) => self.dispatch(envelope).await,
            Err(error) => {
                self.send(&Envelope::error("bad_frame", &format!("not an envelope: {error}"), None))
                    .await
            }
        }
    }

    fn within_rate(&mut self) -> bool {
        if self.second.0.elapsed() >= Duration::from_secs(1) {
            self.second = (Instant::now(), 0);
        }
        self.second.1 += 1;
        self.second.1 <= FRAMES_PER_SECOND_MAX
    }

    async fn dispatch(&mut self, envelope: Envelope) -> Result<(), End> {
        match envelope.t.as_str() {
            "hello" => self.hello(&envelope).await,
            "open" => self.open(&envelope).await,
            "ask" => self.ask(&envelope).await,
            "cancel" => self.cancel(&envelope).await,
            "feedback" => self.feedback(&envelope).await,
            // Unknown types are for newer servers, `ack` for those that keep a window; both are fine to ignore.
            _ => Ok(()),
        }
    }

    async fn hello(&mut self, envelope: &Envelope) -> Result<(), End> {
        let hello: Hello = serde_json::from_value(envelope.d.clone()).unwrap_or_default();
        let mut resumed = Vec::new();
        for resume in hello.resume.iter().take(CONVERSATIONS_MAX) {
            match self.chat.sessions.get(&resume.sid) {
                Some(conversation) => {
                    self.follow(conversation, resume.last_seq);
                    resumed.push((resume.sid.clone(), true));
                }
                None => resumed.push((resume.sid.clone(), false)),
            }
        }
        let model = self.chat.sessions.investigator().model.as_ref().map(|model| model.name());
        let welcome = wire::welcome(model, HEARTBEAT, &resumed);
        self.send(&Envelope { id: envelope.id.clone(), ..welcome }).await?;
        let sids: Vec<String> = self.followed.keys().cloned().collect();
        for sid in sids {
            self.tell(&sid).await?;
        }
        Ok(())
    }

    async fn open(&mut self, envelope: &Envelope) -> Result<(), End> {
        match self.conversation(envelope.sid.as_deref()) {
            Ok(conversation) => {
                let seq = conversation.seq();
                let opened = Envelope::unlogged("opened", json!({"seq": seq}));
                let opened = Envelope {
                    sid: Some(conversation.id.clone()),
                    id: envelope.id.clone(),
                    ..opened
                };
                self.send(&opened).await
            }
            Err(error) => self.refuse(envelope, None, &error).await,
        }
    }

    async fn ask(&mut self, envelope: &Envelope) -> Result<(), End> {
        let named = envelope.d.get("ask_id").and_then(Value::as_str);
        let understood = serde_json::from_value::<Ask>(envelope.d.clone())
            .map_err(|error| format!("not a question: {error}"))
            .and_then(|ask| Ok((ask.question(self.chat.sessions.now())?, ask)));
        let (question, ask) = match understood {
            Ok(understood) => understood,
            Err(message) => {
                let refusal = Envelope::error("bad_question", &message, None);
                return self.send(&about(refusal, envelope, named)).await;
            }
        };
        let ask_id =
            ask.ask_id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
        let asked = self.conversation(envelope.sid.as_deref().or(ask.sid.as_deref())).and_then(
            |conversation| {
                let ids = self.chat.sessions.ask(&conversation, &ask_id, question)?;
                Ok((conversation, ids))
            },
        );
        match asked {
            Ok((conversation, ids)) => {
                let accepted =
                    json!({"run_id": ids.run_id, "answer_id": ids.answer_id, "ask_id": ask_id});
                let accepted = Envelope::unlogged("accepted", accepted);
                let accepted = Envelope {
                    sid: Some(conversation.id.clone()),
                    id: envelope.id.clone(),
                    ..accepted
                };
                self.send(&accepted).await
            }
            Err(error) => self.refuse(envelope, Some(&ask_id), &error).await,
        }
    }

    async fn cancel(&mut self, envelope: &Envelope) -> Result<(), End> {
        let name = ["run_id", "ask_id"]
            .iter()
            .find_map(|key| envelope.d.get(*key).and_then(Value::as_str));
        let conversation = envelope.sid.as_deref().and_then(|sid| self.chat.sessions.get(sid));
        let cancelled = match (conversation, name) {
            (Some(conversation), Some(name)) => conversation.cancel(name),
            _ => false,
        };
        if cancelled {
            return Ok(());
        }
        self.send(&Envelope::error("not_running", "there is no such run to cancel", None)).await
    }

    async fn feedback(&mut self, envelope: &Envelope) -> Result<(), End> {
        let reply = match serde_json::from_value::<Feedback>(envelope.d.clone()) {
            Ok(said) => match feedback::take(&self.chat.sessions, said).await {
                Ok(taken) => Envelope::unlogged("feedback.taken", taken),
                Err((_, code, message)) => Envelope::error(code, &message, None),
            },
            Err(error) => {
                Envelope::error("bad_feedback", &format!("not a feedback: {error}"), None)
            }
        };
        self.send(&Envelope { id: envelope.id.clone(), ..reply }).await
    }

    async fn refuse(
        &mut self,
        envelope: &Envelope,
        ask_id: Option<&str>,
        error: &AskError,
    ) -> Result<(), End> {
        let (code, retry) = match error {
            AskError::Busy(_) => ("busy", Some(Duration::from_secs(5))),
            AskError::ShuttingDown => ("shutting_down", Some(Duration::from_secs(5))),
            AskError::BadId(_) => ("bad_id", None),
        };
        let refusal = Envelope::error(code, &error.to_string(), retry);
        self.send(&about(refusal, envelope, ask_id)).await
    }

    /// Opens a conversation and follows it from now on.
    fn conversation(&mut self, sid: Option<&str>) -> Result<Arc<Conversation>, AskError> {
        let conversation = self.chat.sessions.open(sid)?;
        let seq = conversation.seq();
        self.follow(Arc::clone(&conversation), seq);
        Ok(conversation)
    }

    fn follow(&mut self, conversation: Arc<Conversation>, seq: u64) {
        if self.followed.contains_key(&conversation.id) {
            return;
        }
        if self.followed.len() >= CONVERSATIONS_MAX {
            self.followed.pop_first();
        }
        let mut newest = conversation.watch();
        let (sid, tell_news, closed) =
            (conversation.id.clone(), self.tell_news.clone(), self.closed.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = newest.changed() => if changed.is_err() { break },
                    () = closed.cancelled() => break,
                }
                if tell_news.send(sid.clone()).await.is_err() {
                    break;
                }
            }
        });
        self.followed.insert(conversation.id.clone(), Followed { conversation, seq });
    }

    /// Sends what is new in a conversation.
    async fn tell(&mut self, sid: &str) -> Result<(), End> {
        let Some(followed) = self.followed.get_mut(sid) else { return Ok(()) };
        let tail = followed.conversation.tail(followed.seq);
        let (frames, next) = wire::frames(sid, &tail, followed.seq);
        followed.seq = next;
        for frame in &frames {
            self.send(frame).await?;
        }
        Ok(())
    }

    async fn send(&mut self, envelope: &Envelope) -> Result<(), End> {
        let Ok(text) = serde_json::to_string(envelope) else { return Err((1011, "bug")) };
        self.send_message(Message::Text(text.into())).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        deliver(&mut self.socket, message).await
    }
}

/// The refusal of a request, with the names by which its sender knows it.
fn about(mut refusal: Envelope, request: &Envelope, ask_id: Option<&str>) -> Envelope {
    refusal.id.clone_from(&request.id);
    if let (Value::Object(fields), Some(ask_id)) = (&mut refusal.d, ask_id) {
        fields.insert("ask_id".to_owned(), Value::String(ask_id.to_owned()));
    }
    refusal
}
