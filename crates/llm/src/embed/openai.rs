//! An embedder behind an OpenAI-compatible HTTP API.
//!
//! Texts go in batches, a few batches at a time. A server that asks for patience (429) or fails (5xx) is asked again, as
//! long as its deadline allows; what it sends is bounded and checked. Every text is masked once more before it leaves,
//! whoever gave it.

use super::Embedder;
use super::elementwise::normalise;
use crate::LlmError;
use crate::chat::{
    ServerConfig, SettingNames, bad_setting, chain, detail, http_client, refusal, refusal_detail,
};
use async_openai::config::Config as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use groundcrew_masking::Masker;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::{Instant, timeout_at};

/// Texts in one request.
const BATCH_TEXTS_MAX: usize = 64;

/// Bytes of text in one request, unless a single text has more. Servers take some hundred thousand tokens.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// Bytes of one text that are sent. Models look at no more than 8,192 tokens.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Requests under way at the same time.
const REQUESTS_MAX: usize = 4;

/// Times a request is sent at most.
const ATTEMPTS_MAX: u32 = 5;

/// Wait before the second attempt when the server does not say how long; doubled for each further one.
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// Bytes of a reply that are read: 64 vectors of 8,192 numbers take about 12 MB as text.
const REPLY_BYTES_MAX: usize = 32 * 1024 * 1024;

const NAMES: SettingNames =
    SettingNames { base_url: "embedding.base_url", api_key: "embedding.api_key" };

/// Where embeddings come from.
#[derive(Clone)]
pub struct EmbeddingSettings {
    /// Base URL of an OpenAI-compatible server, up to and with `/v1`; none means the service of that name itself.
    pub base_url: Option<String>,
    /// The key; none for servers that need none.
    pub api_key: Option<String>,
    /// Name of the model.
    pub model: String,
    /// Length of the vectors to ask for; none for the model's own.
    pub dimensions: Option<usize>,
    /// Longest wait for the embeddings of one batch, retries included.
    pub timeout: Duration,
}

/// A server that speaks the OpenAI embeddings protocol.
pub struct OpenAiEmbedder {
    http: reqwest::Client,
    config: ServerConfig,
    model: String,
    dimensions: Option<usize>,
    timeout: Duration,
    identity: String,
    masker: Masker,
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
}

#[derive(Serialize)]
struct Request<'r> {
    model: &'r str,
    input: &'r [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

/// A failed attempt and what may be done about it.
struct Failure {
    error: LlmError,
    next: Next,
}

enum Next {
    GiveUp,
    /// The same request after a while: as long as the server asked for, where it did.
    Wait(Option<Duration>),
}

impl std::fmt::Debug for OpenAiEmbedder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "OpenAiEmbedder({})", self.identity)
    }
}

impl OpenAiEmbedder {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// When a setting is unusable.
    pub fn new(settings: &EmbeddingSettings) -> Result<Self, LlmError> {
        let model = settings.model.trim().to_owned();
        if model.is_empty() {
            return Err(bad_setting("embedding.model", "it is empty"));
        }
        let config =
            ServerConfig::at(settings.base_url.as_deref(), settings.api_key.as_deref(), &NAMES)?;
        let http = http_client(settings.timeout, None)
            .map_err(|error| bad_setting(NAMES.base_url, &chain(&error.without_url())))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("embeddings")
            .enable_all()
            .build()
            .map_err(|error| failed(&format!("cannot start a thread: {error}")))?;
        let identity = match settings.dimensions {
            Some(dimensions) => format!("{model}, {dimensions} dimensions, by API"),
            None => format!("{model}, by API"),
        };
        Ok(Self {
            http,
            config,
            model,
            dimensions: settings.dimensions,
            timeout: settings.timeout,
            identity,
            masker: Masker::new(),
            runtime: Some(runtime),
        })
    }

    /// What may leave of a text.
    fn masked(&self, text: &str) -> Result<String, LlmError> {
        let text = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text);
        let withheld = |_| LlmError::Embedding {
            detail: "a text could not be masked and was not sent".into(),
        };
        let masked = self.masker.mask_text(text).map_err(withheld)?.into_inner();
        // The protocol has no embedding of nothing.
        Ok(if masked.trim().is_empty() { "-".to_owned() } else { masked })
    }

    async fn embed_all(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, LlmError> {
        let batches = batches(&texts);
        let made: Vec<Vec<Vec<f32>>> =
            stream::iter(batches.into_iter().map(|batch| self.embed_batch(batch)))
                .buffered(REQUESTS_MAX)
                .try_collect()
                .await?;
        let mut vectors: Vec<Vec<f32>> = made.into_iter().flatten().collect();
        let expected = self.dimensions.or(vectors.first().map(Vec::len)).unwrap_or_default();
        if let Some(other) = vectors.iter().find(|vector| vector.len() != expected) {
            return Err(LlmError::EmbeddingDimensions { found: other.len(), expected });
        }
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }

    async fn embed_batch(&self, batch: &[String]) -> Result<Vec<Vec<f32>>, LlmError> {
        let deadline = Instant::now() + self.timeout;
        let mut wait = RETRY_WAIT;
        for attempt in 1.. {
            let slow = |_| {
                let seconds = self.timeout.as_secs_f32();
                failed(&format!("no answer within {seconds} s (embedding.timeout_secs)"))
            };
            let outcome = timeout_at(deadline, self.attempt(batch)).await.map_err(slow)?;
            let failure = match outcome {
                Ok(vectors) => return Ok(vectors),
                Err(failure) => failure,
            };
            let Next::Wait(asked) = failure.next else { return Err(failure.error) };
            let pause = asked.unwrap_or(wait);
            if attempt >= ATTEMPTS_MAX || Instant::now() + pause >= deadline {
                return Err(failure.error);
            }
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
        Err(failed("no attempt was made"))
    }

    async fn attempt(&self, batch: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
        let body = Request {
            model: &self.model,
            input: batch,
            encoding_format: "float",
            dimensions: self.dimensions,
        };
        let request = self
            .http
            .post(self.config.url("/embeddings"))
            .headers(self.config.headers())
            .json(&body);
        let unreachable = |error: reqwest::Error| Failure {
            error: failed(&chain(&error.without_url())),
            next: Next::Wait(None),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            let refusal = refusal(response).await;
            return Err(self.refused(&refusal));
        }
        let mut reply = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            reply.extend_from_slice(&piece.map_err(unreachable)?);
            if reply.len() > REPLY_BYTES_MAX {
                return Err(give_up("the reply is larger than any real one"));
            }
        }
        let reply: Reply = serde_json::from_slice(&reply).map_err(|error| {
            let told = detail(&self.config, &error.to_string());
            give_up(&format!("the reply is not a list of embeddings: {told}"))
        })?;
        in_order(reply, batch.len()).map_err(|wrong| give_up(&wrong))
    }

    fn refused(&self, refusal: &crate::chat::Refusal) -> Failure {
        let status = refusal.status;
        // What the server says to a wrong key is left out: it may repeat a part of it.
        let told = match status {
            401 | 403 => "it does not accept the key".to_owned(),
            _ => refusal_detail(&self.config, refusal),
        };
        let retry = matches!(status, 429 | 500..=599);
        Failure {
            error: failed(&format!("HTTP {status}: {told}")),
            next: if retry { Next::Wait(refusal.retry_after) } else { Next::GiveUp },
        }
    }
}

impl Embedder for OpenAiEmbedder {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        let Some(runtime) = &self.runtime else { return Ok(Vec::new()) };
        let masked = texts.iter().map(|text| self.masked(text)).collect::<Result<_, _>>()?;
        // On a thread of its own, because waiting is forbidden on one that drives an async runtime.
        let joined = std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(self.embed_all(masked))).join()
        });
        joined.unwrap_or_else(|_| Err(failed("a thread died, which is a bug")))
    }
}

impl Drop for OpenAiEmbedder {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits for nothing, so that it may be dropped anywhere.
            runtime.shutdown_background();
        }
    }
}

/// Texts next to each other, as many as go into one request.
fn batches(texts: &[String]) -> Vec<&[String]> {
    let mut batches = Vec::new();
    let mut rest = texts;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |text: &&String| {
            bytes += text.len();
            bytes <= BATCH_BYTES_MAX
        };
        let count = rest.iter().take(BATCH_TEXTS_MAX).take_while(fits).count().max(1);
        let (batch, after) = rest.split_at(count);
        batches.push(batch);
        rest = after;
    }
    batches
}

/// The vectors of a reply in the order of the texts; or what is wrong with it.
fn in_order(reply: Reply, count: usize) -> Result<Vec<Vec<f32>>, String> {
    if reply.data.len() != count {
        return Err(format!("{} embeddings came for {count} texts", reply.data.len()));
    }
    let mut vectors = vec![Vec::new(); count];
    for item in reply.data {
        let place = vectors.get_mut(item.index).filter(|place| place.is_empty());
        let place = place.ok_or("the embeddings are not numbered as the texts are")?;
        let usable = item.embedding.iter().all(|number| number.is_finite());
        if item.embedding.is_empty() || !usable {
            return Err("an embedding is empty or not made of numbers".to_owned());
        }
        *place = item.embedding;
    }
    Ok(vectors)
}

fn give_up(told: &str) -> Failure {
    Failure { error: failed(told), next: Next::GiveUp }
}

fn failed(told: &str) -> LlmError {
    LlmError::EmbeddingServer { detail: told.to_owned() }
}
