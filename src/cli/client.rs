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

use crate::app::Addresses;
use crate::config::Settings;
use crate::investigate::answer::Answer;
use crate::surfaces::wire::{Envelope, SUBPROTOCOL};

/// Longest wait for a server to take the connection: a dead one must not delay the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(800);

/// A connection to a running server.
pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
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
            Ok(Ok((socket, _))) => Some(Self { socket }),
            Ok(Err(error)) => {
                tracing::info!(%error, "the server of this data directory does not answer");
                None
            }
            Err(_) => None,
        }
    }

    /// Asks; `on_event` gets every event of the run. Returns the last answer.
    ///
    /// # Errors
    /// When the server refuses the question or the connection breaks.
    pub(super) async fn ask(
        &mut self,
        ask: Value,
        mut on_event: impl FnMut(&Envelope),
    ) -> Result<Answer> {
        self.send("hello", json!({"client": {"name": "groundcrew", "version": env!("CARGO_PKG_VERSION"), "surface": "cli"}})).await?;
        self.send("ask", ask).await?;
        let mut latest: Option<Answer> = None;
        while let Some(message) = self.socket.next().await {
            let Message::Text(text) = message.context("the connection to the server broke")? else {
                continue;
            };
            let envelope: Envelope =
                serde_json::from_str(&text).context("the server sent something unreadable")?;
            on_event(&envelope);
            match envelope.t.as_str() {
                "answer" => {
                    let answer = envelope.d.get("answer").cloned().unwrap_or_default();
                    latest = Some(
                        serde_json::from_value(answer)
                            .context("the server sent an unreadable answer")?,
                    );
                }
                "error" => bail!("{}", message_of(&envelope.d)),
                "run.finished" => {
                    let failed =
                        envelope.d.get("error").filter(|error| !error.is_null()).map(message_of);
                    return latest.with_context(|| {
                        failed.unwrap_or_else(|| "the run ended without an answer".to_owned())
                    });
                }
                _ => {}
            }
        }
        bail!("the server closed the connection before it had answered")
    }

    async fn send(&mut self, t: &str, d: Value) -> Result<()> {
        let text = serde_json::to_string(&Envelope::unlogged(t, d))?;
        self.socket.send(Message::text(text)).await.context("the connection to the server broke")
    }
}

fn message_of(d: &Value) -> String {
    d.get("message")
        .and_then(Value::as_str)
        .unwrap_or("the server refused without saying why")
        .to_owned()
}
