//! A local Slack: the Web API over real HTTP and Socket Mode over a real WebSocket. It checks tokens, keeps messages and
//! streams as Slack does, records every call, and does on request what Slack does on its worse days.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::PATIENCE;

pub(crate) const BOT_TOKEN: &str = "xoxb-local";
pub(crate) const APP_TOKEN: &str = "xapp-local";
pub(crate) const SECRET: &str = "local-signing-secret";
/// Our own user there.
pub(crate) const BOT: &str = "U0BOT";
const SCOPES: &str = "app_mentions:read,assistant:write,channels:history,groups:history,im:history,chat:write,commands,reactions:read,reactions:write,links:read,links:write,users:read";
/// Slack sends an envelope again that was not acknowledged for so long.
const ACK_WAIT: Duration = Duration::from_millis(700);

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) body: Value,
    /// What was replied: `ok`, or Slack's word for the error.
    pub(crate) outcome: String,
    at: Instant,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Posted {
    pub(crate) channel: String,
    pub(crate) ts: String,
    pub(crate) thread_ts: String,
    pub(crate) text: String,
    pub(crate) blocks: Value,
    pub(crate) metadata: Value,
    pub(crate) is_streaming: bool,
    pub(crate) chunks: Vec<Value>,
    client_msg_id: String,
}

impl Posted {
    pub(crate) fn says(&self) -> String {
        format!("{} {} {}", self.text, self.blocks, json!(self.chunks))
    }
}

/// What Slack does instead, so many times.
struct Whim {
    method: String,
    times: usize,
    does: Instead,
}

#[derive(Clone)]
pub(crate) enum Instead {
    /// `{"ok": false, "error": ...}`
    Error(&'static str),
    /// 429 with this `Retry-After`.
    Limit(u64),
    /// A status with a page.
    Status(u16),
    /// Does it, and loses the reply.
    LoseReply,
}

#[derive(Default)]
struct Inner {
    calls: Mutex<Vec<Call>>,
    messages: Mutex<Vec<Posted>>,
    whims: Mutex<Vec<Whim>>,
    reactions: Mutex<BTreeSet<(String, String, String)>>,
    sockets: Mutex<BTreeMap<usize, mpsc::UnboundedSender<Message>>>,
    acks: Mutex<Vec<String>>,
    opened: AtomicUsize,
    most_open: AtomicUsize,
    acks_to_lose: AtomicUsize,
    preferred: AtomicUsize,
    has_tiers: AtomicUsize,
    clock: AtomicU64,
}

#[derive(Clone)]
pub(crate) struct SlackServer {
    inner: Arc<Inner>,
    port: u16,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl SlackServer {
    /// Starts it on a thread of its own, for the tests block theirs.
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = Self { inner: Arc::default(), port: listener.local_addr().unwrap().port() };
        let router = Router::new()
            .route("/api/{method}", post(method))
            .route("/link", any(link))
            .route("/respond", post(respond))
            .with_state(server.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        server
    }

    /// The settings of a program that uses it over Socket Mode.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GROUNDCREW__SLACK__BOT_TOKEN", BOT_TOKEN.to_owned()),
            ("GROUNDCREW__SLACK__APP_TOKEN", APP_TOKEN.to_owned()),
            ("GROUNDCREW__SLACK__API_URL", self.url("/api")),
            ("GROUNDCREW__SERVER__PUBLIC_URL", "https://gc.example".to_owned()),
        ]
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn instead(&self, method: &str, times: usize, does: Instead) {
        locked(&self.inner.whims).push(Whim { method: method.to_owned(), times, does });
    }

    pub(crate) fn enforce_tiers(&self) {
        self.inner.has_tiers.store(1, Ordering::SeqCst);
    }

    pub(crate) fn lose_acks(&self, times: usize) {
        self.inner.acks_to_lose.store(times, Ordering::SeqCst);
    }

    pub(crate) fn prefer(&self, number: usize) {
        self.inner.preferred.store(number, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self, method: &str) -> Vec<Call> {
        locked(&self.inner.calls).iter().filter(|call| call.method == method).cloned().collect()
    }

    pub(crate) fn messages(&self) -> Vec<Posted> {
        locked(&self.inner.messages).clone()
    }

    pub(crate) fn in_thread(&self, channel: &str, thread: &str) -> Vec<Posted> {
        let messages = self.messages().into_iter();
        messages.filter(|posted| posted.channel == channel && posted.thread_ts == thread).collect()
    }

    /// Ends a stream as Slack does after five minutes.
    pub(crate) fn end_streams(&self) {
        locked(&self.inner.messages).iter_mut().for_each(|posted| posted.is_streaming = false);
    }

    pub(crate) fn sockets(&self) -> usize {
        locked(&self.inner.sockets).len()
    }

    /// Sockets opened so far, and the most that were open at a time.
    pub(crate) fn socket_counts(&self) -> (usize, usize) {
        (self.inner.opened.load(Ordering::SeqCst), self.inner.most_open.load(Ordering::SeqCst))
    }

    pub(crate) fn warn(&self, reason: &str) {
        let sockets = locked(&self.inner.sockets);
        let frame =
            json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}});
        sockets.values().next().unwrap().send(Message::text(frame.to_string())).unwrap();
    }

    pub(crate) fn cut(&self) {
        let mut sockets = locked(&self.inner.sockets);
        let oldest = *sockets.keys().next().unwrap();
        sockets.remove(&oldest);
    }

    pub(crate) async fn until<T>(&self, what: &str, holds: impl Fn(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(value) = holds(self) {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        panic!("{what}: it never came; calls: {:#?}", locked(&self.inner.calls));
    }

    /// Waits until a message of the thread says something and is whole.
    pub(crate) async fn told(&self, channel: &str, thread: &str, words: &str) -> Posted {
        let what = format!("`{words}` in {channel} {thread}");
        let is_told = |posted: &Posted| !posted.is_streaming && posted.says().contains(words);
        self.until(&what, |slack| slack.in_thread(channel, thread).into_iter().rfind(is_told)).await
    }

    pub(crate) async fn connected(&self) {
        self.until("a socket", |slack| (slack.sockets() > 0).then_some(())).await;
    }

    /// Sends an envelope to one of the sockets, again and again until it is acknowledged, as Slack does.
    pub(crate) async fn deliver(&self, kind: &str, payload: Value) {
        let id = format!("env-{}", self.inner.clock.fetch_add(1, Ordering::SeqCst));
        for attempt in 0..40 {
            self.connected().await;
            let envelope = json!({"type": kind, "envelope_id": id, "payload": payload,
                "accepts_response_payload": kind != "events_api", "retry_attempt": attempt,
                "retry_reason": if attempt == 0 { "" } else { "timeout" }});
            {
                let sockets = locked(&self.inner.sockets);
                let first = self.inner.preferred.load(Ordering::SeqCst);
                let number = (first + attempt) % sockets.len().max(1);
                if let Some(socket) = sockets.values().nth(number) {
                    drop(socket.send(Message::text(envelope.to_string())));
                }
            }
            let sent = Instant::now();
            while sent.elapsed() < ACK_WAIT {
                if locked(&self.inner.acks).contains(&id) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        panic!("an envelope was never acknowledged");
    }

    pub(crate) async fn event(&self, event: Value) {
        self.deliver("events_api", crate::slack::callback(event)).await;
    }
}

async fn respond(State(slack): State<SlackServer>, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    record(&slack, "response_url", body, "ok");
    StatusCode::OK
}

fn record(slack: &SlackServer, method: &str, body: Value, outcome: &str) {
    let call =
        Call { method: method.to_owned(), body, outcome: outcome.to_owned(), at: Instant::now() };
    locked(&slack.inner.calls).push(call);
}

async fn method(
    State(slack): State<SlackServer>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // Methods that only read take forms.
    let pairs = || form_urlencoded::parse(&body);
    let form = || pairs().map(|(name, value)| (name.into_owned(), json!(value))).collect();
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| form());
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("");
    let wanted = if method == "apps.connections.open" { APP_TOKEN } else { BOT_TOKEN };
    if token != format!("Bearer {wanted}") {
        record(&slack, &method, body, "invalid_auth");
        return Json(json!({"ok": false, "error": "invalid_auth"})).into_response();
    }
    let whim = {
        let mut whims = locked(&slack.inner.whims);
        let whim = whims.iter_mut().find(|whim| whim.method == method && whim.times > 0);
        whim.map(|whim| {
            whim.times -= 1;
            whim.does.clone()
        })
    };
    let over =
        slack.inner.has_tiers.load(Ordering::SeqCst) > 0 && is_over_tier(&slack, &method, &body);
    let limited = |seconds: u64| {
        record(&slack, &method, body.clone(), "ratelimited");
        let headers = [("retry-after", seconds.to_string())];
        (StatusCode::TOO_MANY_REQUESTS, headers, "slow down").into_response()
    };
    match whim {
        Some(Instead::Limit(seconds)) => return limited(seconds),
        _ if over => return limited(2),
        Some(Instead::Error(error)) => {
            record(&slack, &method, body, error);
            return Json(json!({"ok": false, "error": error})).into_response();
        }
        Some(Instead::Status(status)) => {
            record(&slack, &method, body, "broken");
            return (StatusCode::from_u16(status).unwrap(), "<html>sorry</html>").into_response();
        }
        _ => {}
    }
    let reply = match carry_out(&slack, &method, &body) {
        Ok(mut reply) => {
            reply["ok"] = json!(true);
            reply
        }
        Err(error) => json!({"ok": false, "error": error}),
    };
    record(&slack, &method, body, reply["error"].as_str().unwrap_or("ok"));
    if matches!(whim, Some(Instead::LoseReply)) {
        return (StatusCode::BAD_GATEWAY, "the reply got lost").into_response();
    }
    ([("x-oauth-scopes", SCOPES)], Json(reply)).into_response()
}

/// Slack's tiers: calls a minute and app, and messages a second and channel, with a little grace for the latter.
fn is_over_tier(slack: &SlackServer, method: &str, body: &Value) -> bool {
    let (limit, window, per_channel) = match method {
        "chat.startStream" | "chat.stopStream" => (20, 60.0, false),
        "chat.appendStream" => (100, 60.0, false),
        "chat.update" => (50, 60.0, false),
        "chat.postMessage" => (1, 0.9, true),
        _ => return false,
    };
    let recent = slack.calls(method).into_iter().filter(|call| {
        call.outcome == "ok"
            && call.at.elapsed().as_secs_f64() < window
            && (!per_channel || call.body["channel"] == body["channel"])
    });
    recent.count() >= limit
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or("").to_owned()
}

fn carry_out(slack: &SlackServer, method: &str, body: &Value) -> Result<Value, &'static str> {
    let (channel, ts) = (text(body, "channel"), text(body, "ts"));
    match method {
        "apps.connections.open" => {
            Ok(json!({"url": format!("ws://127.0.0.1:{}/link?ticket=1", slack.port)}))
        }
        "auth.test" => {
            Ok(json!({"url": "https://local.slack.com/", "team": "Local", "user": "groundcrew",
            "team_id": "T1", "user_id": BOT, "bot_id": "B1", "is_enterprise_install": false}))
        }
        "chat.postMessage" | "chat.startStream" => say(slack, method, body),
        "chat.update" => change(slack, (&channel, &ts), |posted| {
            if posted.is_streaming {
                return Err("streaming_state_conflict");
            }
            take_in(posted, body)
        }),
        "chat.appendStream" | "chat.stopStream" => change(slack, (&channel, &ts), |posted| {
            if !posted.is_streaming {
                return Err("message_not_in_streaming_state");
            }
            posted.chunks.extend(body["chunks"].as_array().cloned().unwrap_or_default());
            posted.is_streaming = method == "chat.appendStream";
            if method == "chat.stopStream" { take_in(posted, body) } else { Ok(()) }
        }),
        "reactions.add" | "reactions.remove" => {
            let sign = (channel, text(body, "timestamp"), text(body, "name"));
            let mut reactions = locked(&slack.inner.reactions);
            match method == "reactions.add" {
                true if !reactions.insert(sign.clone()) => Err("already_reacted"),
                false if !reactions.remove(&sign) => Err("no_reaction"),
                _ => Ok(json!({})),
            }
        }
        "views.open" if text(body, "trigger_id").is_empty() => Err("invalid_trigger_id"),
        "agents.sessions.setStatus" if text(body, "channel_id").is_empty() => {
            Err("channel_not_found")
        }
        "views.open"
        | "agents.sessions.setStatus"
        | "assistant.threads.setStatus"
        | "chat.unfurl"
        | "assistant.threads.setSuggestedPrompts" => Ok(json!({})),
        "chat.postEphemeral" => Ok(json!({"message_ts": "1.1"})),
        "conversations.replies" => {
            let ours = |posted: Posted| json!({"user": BOT, "ts": posted.ts, "thread_ts": posted.thread_ts});
            let told = slack.in_thread(&channel, &ts).into_iter().map(ours);
            Ok(json!({"messages": told.collect::<Vec<_>>(), "has_more": false}))
        }
        "conversations.info" => {
            let is_member = !channel.starts_with("C0CLOSED");
            Ok(json!({"channel": {"is_member": is_member, "is_archived": false}}))
        }
        _ => Err("unknown_method"),
    }
}

fn take_in(posted: &mut Posted, body: &Value) -> Result<(), &'static str> {
    if body["blocks"].as_array().is_some_and(|blocks| blocks.len() > 50) {
        return Err("invalid_blocks");
    }
    posted.text = text(body, "text");
    posted.blocks = body["blocks"].clone();
    posted.metadata = body["metadata"].clone();
    Ok(())
}

fn say(slack: &SlackServer, method: &str, body: &Value) -> Result<Value, &'static str> {
    let is_stream = method == "chat.startStream";
    let (channel, id) = (text(body, "channel"), text(body, "client_msg_id"));
    if channel.starts_with("C0CLOSED") {
        return Err("not_in_channel");
    }
    if is_stream
        && (text(body, "thread_ts").is_empty() || text(body, "recipient_user_id").is_empty())
    {
        return Err("invalid_arguments");
    }
    let mut messages = locked(&slack.inner.messages);
    if let Some(known) = messages.iter().find(|known| !id.is_empty() && known.client_msg_id == id) {
        return Ok(json!({"channel": channel, "ts": known.ts}));
    }
    let number = slack.inner.clock.fetch_add(1, Ordering::SeqCst);
    let mut posted = Posted {
        channel: channel.clone(),
        ts: format!("1790000500.{number:06}"),
        thread_ts: text(body, "thread_ts"),
        is_streaming: is_stream,
        chunks: body["chunks"].as_array().cloned().unwrap_or_default(),
        client_msg_id: id,
        ..Posted::default()
    };
    take_in(&mut posted, body)?;
    let reply = json!({"channel": channel, "ts": posted.ts});
    messages.push(posted);
    Ok(reply)
}

fn change(
    slack: &SlackServer,
    (channel, ts): (&str, &str),
    work: impl FnOnce(&mut Posted) -> Result<(), &'static str>,
) -> Result<Value, &'static str> {
    let mut messages = locked(&slack.inner.messages);
    let posted = messages
        .iter_mut()
        .find(|posted| posted.channel == channel && posted.ts == ts)
        .ok_or("message_not_found")?;
    work(posted)?;
    Ok(json!({"channel": channel, "ts": ts}))
}

async fn link(State(slack): State<SlackServer>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve_socket(slack, socket))
}

async fn serve_socket(slack: SlackServer, mut socket: WebSocket) {
    let number = slack.inner.opened.fetch_add(1, Ordering::SeqCst);
    let hello = json!({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"},
        "debug_info": {"approximate_connection_time": 18060}});
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    let (sender, mut frames) = mpsc::unbounded_channel();
    {
        let mut sockets = locked(&slack.inner.sockets);
        sockets.insert(number, sender);
        slack.inner.most_open.fetch_max(sockets.len(), Ordering::SeqCst);
    }
    let mut ping = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            // The sender is gone when the socket is cut.
            frame = frames.recv() => match frame {
                Some(frame) => if socket.send(frame).await.is_err() { break },
                None => break,
            },
            _ = ping.tick() => if socket.send(Message::Ping(Bytes::from_static(b"num 1"))).await.is_err() { break },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => acknowledged(&slack, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    locked(&slack.inner.sockets).remove(&number);
}

fn acknowledged(slack: &SlackServer, text: &str) {
    let frame: Value = serde_json::from_str(text).unwrap();
    let lose = |left: usize| left.checked_sub(1);
    if slack.inner.acks_to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok() {
        return;
    }
    locked(&slack.inner.acks).push(frame["envelope_id"].as_str().unwrap().to_owned());
}
