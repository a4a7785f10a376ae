//! Asks a running server over its chat WebSocket.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use super::asking::OnFrame;
use crate::app::Addresses;
use crate::config::Settings;
use crate::investigate::answer::Answer;
use crate::surfaces::wire::{Envelope, SUBPROTOCOL};

/// Longest wait for a server to take the connection: a dead one must not delay the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(800);

/// A connection to a running server.
pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    address: String,
}

impl Client {
    /// Connects to the server of this data directory; `None` when none answers.
    pub(super) async fn connect(settings: &Settings) -> Option<Self> {
        let addresses = Addresses::of_directory(&settings.data.dir)?;
        let mut request = format!("ws://{}/v1/ws", addresses.http).into_client_request().ok()?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        if !settings.server.token.is_empty() {
            let bearer = format!("Bearer {}", settings.server.token.expose());
            headers.insert("authorization", HeaderValue::from_str(&bearer).ok()?);
        }
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connect_async(request)).await;
        match connected {
            Ok(Ok((socket, _))) => {
                let mut client = Self { socket, address: format!("http://{}", addresses.http) };
                client.greet().await.ok()?;
                Some(client)
            }
            Ok(Err(error)) => {
                tracing::info!(%error, "the server of this data directory does not answer");
                None
            }
            Err(_) => None,
        }
    }

    async fn greet(&mut self) -> Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        let client = json!({"name": "groundcrew", "version": version, "surface": "cli"});
        self.send("hello", json!({"client": client})).await
    }

    /// Where the server's pages are: `http://127.0.0.1:7717`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Asks; `on_frame` hears every event of the run. Returns the last answer, `None` when `stop` came before there was
    /// one.
    ///
    /// # Errors
    /// When the server refuses the question or the connection breaks.
    pub(super) async fn ask(
        &mut self,
        mut ask: Value,
        stop: &CancellationToken,
        on_frame: OnFrame,
    ) -> Result<Option<Answer>> {
        let ask_id = json!(uuid::Uuid::new_v4().simple().to_string());
        if let Value::Object(fields) = &mut ask {
            fields.insert("ask_id".to_owned(), ask_id.clone());
        }
        self.send("ask", ask).await?;
        let (mut latest, mut is_told) = (None, false);
        // Where it runs and as what, once it is accepted.
        let (mut conversation, mut run_id) = (None, Value::Null);
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                () = stop.cancelled(), if !is_told && conversation.is_some() => {
                    is_told = true;
                    let cancel = Envelope::unlogged("cancel", json!({"ask_id": ask_id}));
                    self.send_frame(&Envelope { sid: conversation.clone(), ..cancel }).await?;
                    continue;
                }
            };
            let Some(message) = message else {
                bail!("the server closed the connection before it had answered");
            };
            let Message::Text(text) = message.context("the connection to the server broke")? else {
                continue;
            };
            let envelope: Envelope =
                serde_json::from_str(&text).context("the server sent something unreadable")?;
            on_frame(&envelope);
            let is_ours = envelope.d.get("run_id") == Some(&run_id);
            match envelope.t.as_str() {
                "accepted" if envelope.d.get("ask_id") == Some(&ask_id) => {
                    run_id = envelope.d.get("run_id").cloned().unwrap_or_default();
                    conversation = envelope.sid;
                }
                "answer" if is_ours => {
                    let answer = envelope.d.get("answer").cloned().unwrap_or_default();
                    latest = Some(
                        serde_json::from_value(answer)
                            .context("the server sent an unreadable answer")?,
                    );
                }
                // It had ended before it could be cancelled.
                "error" if is_told => {}
                "error" => bail!("{}", message_of(&envelope.d)),
                "run.finished" if is_ours && is_told => return Ok(latest),
                "run.finished" if is_ours => {
                    let failed =
                        envelope.d.get("error").filter(|error| !error.is_null()).map(message_of);
                    let nothing =
                        || failed.unwrap_or_else(|| "the run ended without an answer".to_owned());
                    return latest.with_context(nothing).map(Some);
                }
                _ => {}
            }
        }
    }

    async fn send(&mut self, t: &str, d: Value) -> Result<()> {
        self.send_frame(&Envelope::unlogged(t, d)).await
    }

    async fn send_frame(&mut self, frame: &Envelope) -> Result<()> {
        let text = serde_json::to_string(frame)?;
        self.socket.send(Message::text(text)).await.context("the connection to the server broke")
    }
}

fn message_of(d: &Value) -> String {
    d.get("message")
        .and_then(Value::as_str)
        .unwrap_or("the server refused without saying why")
        .to_owned()
}
