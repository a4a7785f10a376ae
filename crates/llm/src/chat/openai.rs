//! A language model behind an OpenAI-compatible HTTP API.
//!
//! Every wait has an end: the first piece of text, the whole answer, and the size of what is read. A request is sent
//! again at most once, and only where the server asked for patience (429, 503) and the deadline allows it. Apart from
//! that, a server that refuses an optional field is asked again without the field, and not given it any more.

use super::config::{LlmSettings, ServerConfig, bad_setting};
use super::model::{ChatRequest, Completion, LanguageModel};
use super::transport::{OneAttempt, Overrun, Refusal};
use super::wire::{Chunk, Dialect, error_text};
use crate::{LlmError, Stage};
use async_openai::Client;
use async_openai::error::OpenAIError;
use futures_util::future::BoxFuture;
use futures_util::stream::StreamExt as _;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Bytes of text that are read for each token of the output limit; a token of prose has about four.
const TEXT_BYTES_PER_TOKEN: usize = 8;

/// Longest wait before the second try when the server does not say how long.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Fields of a request that a server may refuse.
const OPTIONAL_FIELDS: usize = 3;

/// Characters of a server's own words that are kept.
const DETAIL_CHARACTERS_MAX: usize = 200;

/// Passes on pieces of text.
type OnDelta<'a> = &'a mut (dyn FnMut(&str) + Send);

/// A model server that speaks the OpenAI chat completion protocol.
pub struct OpenAiCompatible {
    http: reqwest::Client,
    config: ServerConfig,
    model: String,
    first_token_timeout: Duration,
    total_timeout: Duration,
    dialect: Dialect,
}

impl std::fmt::Debug for OpenAiCompatible {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OpenAiCompatible")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A failed attempt and what may be done about it.
struct Failure {
    error: LlmError,
    next: Next,
}

enum Next {
    GiveUp,
    /// The same request after a while.
    Wait(Duration),
    /// Another dialect at once.
    Rephrase,
}

impl OpenAiCompatible {
    /// Prepares a client; nothing is sent yet.
    ///
    /// The connection goes straight to the server: proxies named in the environment are not used, see
    /// [`OpenAiCompatible::through_proxy`].
    pub fn new(settings: LlmSettings) -> Result<Self, LlmError> {
        Self::build(settings, None)
    }

    /// Prepares a client that reaches the server through the proxy at `proxy_url`.
    pub fn through_proxy(settings: LlmSettings, proxy_url: &str) -> Result<Self, LlmError> {
        let proxy = reqwest::Proxy::all(proxy_url)
            .map_err(|error| bad_setting("llm.proxy", &error.without_url().to_string()))?;
        Self::build(settings, Some(proxy))
    }

    fn build(settings: LlmSettings, proxy: Option<reqwest::Proxy>) -> Result<Self, LlmError> {
        let config = ServerConfig::new(&settings)?;
        let dialect = Dialect::new(config.is_first_party());
        let http = http_client(settings.first_token_timeout, proxy)
            .map_err(|error| bad_setting("llm.base_url", &chain(&error.without_url())))?;
        Ok(Self {
            http,
            config,
            model: settings.model.trim().to_owned(),
            first_token_timeout: settings.first_token_timeout,
            total_timeout: settings.total_timeout,
            dialect,
        })
    }

    async fn attempts(
        &self,
        request: &ChatRequest,
        deadline: Instant,
        on_delta: OnDelta<'_>,
    ) -> Result<Completion, LlmError> {
        let mut rephrased = 0;
        let mut waited = false;
        loop {
            let failure = match self.attempt(request, on_delta).await {
                Ok(completion) => return Ok(completion),
                Err(failure) => failure,
            };
            match failure.next {
                Next::Rephrase if rephrased < OPTIONAL_FIELDS => rephrased += 1,
                Next::Wait(wait) if !waited && Instant::now() + wait < deadline => {
                    waited = true;
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(failure.error),
            }
        }
    }

    async fn attempt(
        &self,
        request: &ChatRequest,
        on_delta: OnDelta<'_>,
    ) -> Result<Completion, Failure> {
        let body = self.dialect.body(&self.model, request);
        let first_by = Instant::now() + self.first_token_timeout;
        let slow = |_| give_up(LlmError::Timeout { stage: Stage::FirstToken });
        let overrun = Overrun::default();
        let client = Client::build(self.http.clone(), self.config.clone())
            .with_http_service(OneAttempt::new(self.http.clone(), overrun.clone()));
        let chat = client.chat();
        let opening = chat.create_stream_byot::<_, Value>(&body);
        let opened = timeout_at(first_by, opening).await.map_err(slow)?;
        let mut events = opened.map_err(|error| self.failure(error, &body))?;

        let text_bytes_max = usize::try_from(request.output_tokens_max)
            .unwrap_or(usize::MAX)
            .saturating_mul(TEXT_BYTES_PER_TOKEN);
        let mut answer = Answer::new(text_bytes_max);
        let mut alive = false;
        loop {
            let event = if alive {
                events.next().await
            } else {
                timeout_at(first_by, events.next()).await.map_err(slow)?
            };
            let Some(event) = event else { break };
            let value = event.map_err(|error| {
                if overrun.happened() {
                    return give_up(bad_response("it is larger than any real one"));
                }
                self.failure(error, &body)
            })?;
            let chunk = Chunk::read(&value)
                .ok_or_else(|| give_up(bad_response("an event is not a completion chunk")))?;
            if let Some(error) = chunk.error {
                return Err(give_up(LlmError::Unavailable { detail: self.detail(&error) }));
            }
            alive |= chunk.reasoning || !chunk.text.is_empty() || chunk.finish.is_some();
            if answer.take(chunk, on_delta) {
                break;
            }
        }
        answer.finish(&self.model).map_err(give_up)
    }

    /// What a failed request means and whether to try again.
    fn failure(&self, error: OpenAIError, sent: &Value) -> Failure {
        match error {
            OpenAIError::Boxed(inner) => match inner.downcast::<Refusal>() {
                Ok(refusal) => self.refused(&refusal, sent),
                Err(other) => give_up(unavailable(&other.to_string())),
            },
            OpenAIError::Reqwest(error) => give_up(unavailable(&chain(&error.without_url()))),
            OpenAIError::StreamError(error) => {
                let told = self.detail(&error.to_string());
                give_up(unavailable(&format!("the answer was cut: {told}")))
            }
            OpenAIError::JSONDeserialize(error, _) => {
                give_up(bad_response(&format!("it is not JSON: {error}")))
            }
            other => give_up(bad_response(&self.detail(&other.to_string()))),
        }
    }

    fn refused(&self, refusal: &Refusal, sent: &Value) -> Failure {
        let status = refusal.status;
        let wait = refusal.retry_after.unwrap_or(RETRY_WAIT);
        match status {
            // What the server says is left out here: it may repeat a part of the key.
            401 | 403 => give_up(LlmError::Refused { status }),
            429 => Failure {
                error: LlmError::RateLimited { retry_after: refusal.retry_after },
                next: Next::Wait(wait),
            },
            400..=499 => {
                let error = LlmError::Rejected { status, detail: self.refusal_detail(refusal) };
                let rephrase =
                    matches!(status, 400 | 422) && self.dialect.adapt(sent, &refusal.body);
                Failure { error, next: if rephrase { Next::Rephrase } else { Next::GiveUp } }
            }
            _ => {
                let detail = format!("HTTP {status}: {}", self.refusal_detail(refusal));
                let next = if status == 503 { Next::Wait(wait) } else { Next::GiveUp };
                Failure { error: LlmError::Unavailable { detail }, next }
            }
        }
    }

    fn refusal_detail(&self, refusal: &Refusal) -> String {
        refusal_detail(&self.config, refusal)
    }

    fn detail(&self, told: &str) -> String {
        detail(&self.config, told)
    }
}

impl LanguageModel for OpenAiCompatible {
    fn name(&self) -> &str {
        &self.model
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        cancel: &'a CancellationToken,
        on_delta: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Completion, LlmError>> {
        Box::pin(async move {
            let deadline = Instant::now() + self.total_timeout;
            // Whichever branch wins, the other future is dropped, and the connection with it.
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(LlmError::Cancelled),
                answer = timeout(self.total_timeout, self.attempts(request, deadline, on_delta)) => {
                    answer.unwrap_or(Err(LlmError::Timeout { stage: Stage::Total }))
                }
            }
        })
    }
}

/// An answer that is being put together.
struct Answer {
    completion: Completion,
    finish: Option<String>,
    text_bytes_max: usize,
}

impl Answer {
    fn new(text_bytes_max: usize) -> Self {
        Self { completion: Completion::default(), finish: None, text_bytes_max }
    }

    /// Adds a chunk; says whether there is no room for more.
    fn take(&mut self, chunk: Chunk, on_delta: OnDelta<'_>) -> bool {
        let room = self.text_bytes_max.saturating_sub(self.completion.text.len());
        let text = chunk.text.get(..chunk.text.floor_char_boundary(room)).unwrap_or_default();
        if !text.is_empty() {
            self.completion.text.push_str(text);
            on_delta(text);
        }
        self.completion.truncated |= text.len() < chunk.text.len();
        if let Some(model) = chunk.model {
            self.completion.model = model;
        }
        self.finish = chunk.finish.or(self.finish.take());
        self.completion.input_tokens = chunk.input_tokens.or(self.completion.input_tokens);
        self.completion.output_tokens = chunk.output_tokens.or(self.completion.output_tokens);
        self.completion.truncated
    }

    fn finish(mut self, model: &str) -> Result<Completion, LlmError> {
        if self.finish.is_none() && !self.completion.truncated {
            // A server that dies closes the connection as one that is done does, but without saying why it ended.
            let bytes = self.completion.text.len();
            return Err(unavailable(&format!("the answer was cut after {bytes} bytes")));
        }
        if self.completion.text.trim().is_empty() {
            return Err(bad_response("the answer has no text"));
        }
        self.completion.truncated |= self.finish.as_deref() == Some("length");
        if self.completion.model.is_empty() {
            self.completion.model = model.to_owned();
        }
        Ok(self.completion)
    }
}

/// A server's words, fit for a message: short, on one line and without the key.
pub(crate) fn detail(config: &ServerConfig, told: &str) -> String {
    let told = config.without_key(told);
    let line: String = told
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(DETAIL_CHARACTERS_MAX)
        .collect();
    match line.trim() {
        "" => "no explanation".to_owned(),
        line => line.to_owned(),
    }
}

/// Why a server refused, in its own words.
pub(crate) fn refusal_detail(config: &ServerConfig, refusal: &Refusal) -> String {
    let told = serde_json::from_str::<Value>(&refusal.body)
        .map_or_else(|_| refusal.body.clone(), |value| error_text(&value));
    detail(config, &told)
}

/// A client that connects within `connect_timeout` and goes nowhere but where it is told.
pub(crate) fn http_client(
    connect_timeout: Duration,
    proxy: Option<reqwest::Proxy>,
) -> reqwest::Result<reqwest::Client> {
    install_crypto();
    // A redirect would carry what is sent to a server that nobody named.
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    builder.build()
}

/// Chooses the process's TLS implementation, unless it has one.
fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may be faster; then its choice holds, which is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let next = inner.to_string();
        // Many wrappers repeat what they wrap.
        if !told.contains(&next) {
            told = format!("{told}: {next}");
        }
        cause = inner.source();
    }
    told
}

fn give_up(error: LlmError) -> Failure {
    Failure { error, next: Next::GiveUp }
}

fn unavailable(detail: &str) -> LlmError {
    LlmError::Unavailable { detail: detail.to_owned() }
}

fn bad_response(detail: &str) -> LlmError {
    LlmError::BadResponse { detail: detail.to_owned() }
}
