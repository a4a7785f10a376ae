//! Socket Mode: Slack's events over a WebSocket that is opened from here. One socket, and a second one while it takes
//! over: Slack says when it is about to close one, and the next is open before that.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Slack;
use super::api::Meaning;
use super::inbound::{self, Event};

/// Time for the connection to stand and Slack to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(15);
/// How often we ask a silent socket whether it lives, and when it is taken for dead.
const PING_EVERY: Duration = Duration::from_secs(15);
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// How long a socket that was replaced is still read.
const RETIRE_TIMEOUT: Duration = Duration::from_secs(12);
/// Time for an acknowledgement to be sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Waits before connecting again: drawn from nothing up to this, doubled each time, but not above the second.
const RECONNECT_WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Wait where only somebody's hand helps.
const HOPELESS_WAIT: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Keeps a socket open until the shutdown.
pub(super) async fn keep_connected(slack: &Slack) {
    let shutdown = slack.shutdown();
    let mut attempt = 0;
    // The socket that the next one replaces.
    let mut old: Option<CancellationToken> = None;
    while !shutdown.is_cancelled() {
        let opened = tokio::select! {
            opened = open(slack) => opened,
            () = shutdown.cancelled() => break,
        };
        let socket = match opened {
            Ok(socket) => socket,
            Err(wait) => {
                attempt += 1;
                let wait = wait.unwrap_or_else(|| jittered(attempt));
                tokio::select! {
                    () = tokio::time::sleep(wait) => continue,
                    () = shutdown.cancelled() => break,
                }
            }
        };
        if let Some(old) = old.take() {
            old.cancel();
        }
        let leaving = CancellationToken::new();
        let retire = CancellationToken::new();
        let reading = Reading {
            slack: slack.clone(),
            socket,
            retire: retire.clone(),
            tell_leaving: Some(leaving.clone().drop_guard()),
        };
        let began = Instant::now();
        slack.inner.tasks.spawn(reading.read());
        tokio::select! {
            () = leaving.cancelled() => {}
            () = shutdown.cancelled() => {}
        }
        // A socket that dies young must not be replaced in a hurry.
        attempt = if began.elapsed() > SILENCE_MAX { 0 } else { attempt + 1 };
        old = Some(retire);
        if attempt > 1 {
            tokio::select! {
                () = tokio::time::sleep(jittered(attempt - 1)) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }
    if let Some(old) = old {
        old.cancel();
    }
}

/// Somewhere between nothing and a limit that doubles, so that many who lost their socket do not come back at once.
fn jittered(attempt: u32) -> Duration {
    let (first, longest) = RECONNECT_WAIT;
    let limit = (first * 2_u32.saturating_pow(attempt.min(10))).min(longest);
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    limit.mul_f64((random % 1_000) as f64 / 1_000.0)
}

/// Opens a socket and waits for Slack's hello; else says how long to wait, if that is known.
async fn open(slack: &Slack) -> Result<Socket, Option<Duration>> {
    let url = slack.api().open_connection().await.map_err(|error| match error.meaning {
        Meaning::Credentials | Meaning::NotOffered | Meaning::Refused => {
            tracing::error!(%error, "Slack does not let Socket Mode connect; check slack.app_token with `groundcrew slack doctor`");
            Some(HOPELESS_WAIT)
        }
        Meaning::Wait(wait) => Some(wait),
        _ => {
            tracing::warn!(%error, "Slack cannot be reached for Socket Mode");
            None
        }
    })?;
    let opened = timeout(HELLO_TIMEOUT, async {
        let (mut socket, _) =
            connect_async(url.as_str()).await.map_err(|error| error.to_string())?;
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message.map_err(|error| error.to_string())? {
                let frame: Value = serde_json::from_str(&text).unwrap_or_default();
                match kind(&frame) {
                    "hello" => return Ok(socket),
                    "disconnect" => return Err("Slack turned it away".to_owned()),
                    _ => {}
                }
            }
        }
        Err("it closed before the hello".to_owned())
    });
    match opened.await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(why)) => {
            // The address holds a ticket, so the error is told without it.
            tracing::warn!(why, "a socket to Slack could not be opened");
            Err(None)
        }
        Err(_) => {
            tracing::warn!("a socket to Slack took too long to open");
            Err(None)
        }
    }
}

fn kind(frame: &Value) -> &str {
    frame.get("type").and_then(Value::as_str).unwrap_or("")
}

/// One socket that is being read.
struct Reading {
    slack: Slack,
    socket: Socket,
    retire: CancellationToken,
    /// Dropped when the socket is about to go or is gone.
    tell_leaving: Option<DropGuard>,
}

impl Reading {
    /// Reads until the socket ends, or until it was replaced and has had its time.
    async fn read(mut self) {
        let mut heard = Instant::now();
        let mut ping = tokio::time::interval(PING_EVERY);
        let retired = {
            let (retire, shutdown) = (self.retire.clone(), self.slack.shutdown().clone());
            async move {
                retire.cancelled().await;
                // At the end of the server nothing new is taken, so there is nothing to wait for.
                let ending = tokio::time::sleep(RETIRE_TIMEOUT);
                tokio::select! {
                    () = ending => {}
                    () = shutdown.cancelled() => {}
                }
            }
        };
        tokio::pin!(retired);
        loop {
            tokio::select! {
                message = self.socket.next() => {
                    heard = Instant::now();
                    let Some(Ok(message)) = message else { break };
                    if self.hear(message).await.is_err() {
                        break;
                    }
                }
                _ = ping.tick() => {
                    let is_dead = heard.elapsed() > SILENCE_MAX;
                    if is_dead || self.send(Message::Ping(Bytes::new())).await.is_err() {
                        tracing::info!("a socket to Slack is dead");
                        break;
                    }
                }
                () = &mut retired => break,
            }
        }
        if let Err(error) = timeout(SEND_TIMEOUT, self.socket.close(None)).await {
            tracing::debug!(%error, "a socket to Slack did not close in time");
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), ()> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(()),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), ()> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(()),
            _ => return Ok(()),
        };
        // Anything that is not an envelope is talk about the connection.
        let Ok(frame) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        if kind(&frame) == "disconnect" {
            let reason = frame.get("reason").and_then(Value::as_str).unwrap_or("");
            tracing::info!(reason, "Slack is about to close a socket");
            if reason == "link_disabled" {
                tracing::error!(
                    "Socket Mode is switched off in the app's settings at api.slack.com"
                );
            }
            drop(self.tell_leaving.take());
            return Ok(());
        }
        let Some(envelope_id) = frame.get("envelope_id").and_then(Value::as_str) else {
            return Ok(());
        };
        let event = self.event(&frame);
        if !self.slack.take(event) {
            // Not acknowledged: Slack sends it again, to a socket that has time.
            tracing::warn!("too many events at a time; one is left to Slack to send again");
            return Ok(());
        }
        self.send(Message::text(json!({"envelope_id": envelope_id}).to_string())).await
    }

    fn event(&self, frame: &Value) -> Event {
        let payload = frame.get("payload").unwrap_or(&Value::Null);
        match kind(frame) {
            "events_api" => inbound::event(payload, &self.slack.me().user),
            "interactive" => inbound::interactive(payload),
            "slash_commands" => inbound::command(payload),
            _ => inbound::event(&Value::Null, ""),
        }
    }
}
