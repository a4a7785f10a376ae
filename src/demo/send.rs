//! Sends simulated telemetry as any exporter would: OTLP over HTTP, protobuf, waiting for each acknowledgement.

use std::net::SocketAddr;
use std::time::Duration;

use groundcrew_simulator::Step;
use prost::Message;
use reqwest::{Client, StatusCode};

use super::DemoError;

/// Times a refused request is sent again.
const RETRIES_MAX: u32 = 8;

/// An exporter for one receiver.
pub(super) struct Exporter {
    client: Client,
    base: String,
    token: String,
}

impl Exporter {
    pub(super) fn new(receiver: SocketAddr, token: &str) -> Self {
        Self { client: Client::new(), base: format!("http://{receiver}"), token: token.to_owned() }
    }

    /// Sends everything of one step that travels as OTLP.
    pub(super) async fn send(&self, step: &Step) -> Result<(), DemoError> {
        for request in &step.logs {
            self.post("logs", request.encode_to_vec()).await?;
        }
        for request in &step.traces {
            self.post("traces", request.encode_to_vec()).await?;
        }
        for request in &step.metrics {
            self.post("metrics", request.encode_to_vec()).await?;
        }
        Ok(())
    }

    async fn post(&self, signal: &str, body: Vec<u8>) -> Result<(), DemoError> {
        let url = format!("{}/v1/{signal}", self.base);
        let mut wait = Duration::from_millis(50);
        for _ in 0..RETRIES_MAX {
            let mut request = self
                .client
                .post(&url)
                .header("content-type", "application/x-protobuf")
                .body(body.clone());
            if !self.token.is_empty() {
                request = request.bearer_auth(&self.token);
            }
            let response =
                request.send().await.map_err(|error| DemoError::Send(error.to_string()))?;
            match response.status() {
                status if status.is_success() => return Ok(()),
                // As the specification says: these two are worth trying again.
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    tokio::time::sleep(wait).await
                }
                status => return Err(DemoError::Send(format!("the receiver answered {status}"))),
            }
            wait = (wait * 2).min(Duration::from_secs(2));
        }
        Err(DemoError::Send("the receiver stayed busy".to_owned()))
    }
}
