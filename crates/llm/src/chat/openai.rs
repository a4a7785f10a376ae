//! A language model behind an OpenAI-compatible HTTP API.
//!
//! Every wait has an end: the first piece of text, the whole answer, and the size of what is read. A request is sent
//! again at most once, and only where the server asked for patience (429, 503) and the deadline allows it. Apart from
//! that, a server that refuses an optional part of the request is asked again without it, and not given it any more.

use super::config::{LlmSettings, ServerConfig, bad_setting};
use super::dialect::{Dialect, Part, streams};
use super::model::{ChatRequest, Completion, LanguageModel};
use super::transport::{OneAttempt, Overrun, Refusal};
use super::wire::{Chunk, error_text};
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

/// Bytes of text that are read beyond that: indentation and long names have more bytes a token than prose.
const TEXT_BYTES_SLACK: usize = 4 * 1024;

/// Longest wait before the second try when the server does not say how long.
const RETRY_WAIT: Duration = Duration::from_secs(1);

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
    /// The request without this part, or with another one in its place, at once.
    Rephrase(Part),
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
        let mut rephrased = Vec::new();
        let mut waited = false;
        loop {
            let failure = match self.attempt(request, deadline, on_delta).await {
                Ok(completion) => return Ok(completion),
                Err(failure) => failure,
            };
            match failure.next {
                // A server that refuses a part in both of its forms means something else.
                Next::Rephrase(part) if !rephrased.contains(&part) => rephrased.push(part),
                Next::Wait(wait) if !waited && leaves_time(wait, deadline) => {
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
        deadline: Instant,
        on_delta: OnDelta<'_>,
    ) -> Result<Completion, Failure> {
        let body = self.dialect.body(&self.model, request);
        // A server that does not stream says nothing before it has said everything.
        let patience =
            if streams(&body) { Instant::now() + self.first_token_timeout } else { deadline };
        let first_by = patience.min(deadline);
        let slow = |_| give_up(LlmError::Timeout { stage: Stage::FirstToken });
        let overrun = Overrun::default();
        let transport =
            OneAttempt::new(self.http.clone(), request.output_tokens_max, overrun.clone());
        let client =
            Client::build(self.http.clone(), self.config.clone()).with_http_service(transport);
        let chat = client.chat();
        let opening = chat.create_stream_byot::<_, Value>(&body);
        let opened = timeout_at(first_by, opening).await.map_err(slow)?;
        let mut events = opened.map_err(|error| self.failure(error, &body))?;

        let mut answer = Answer::new(request.output_tokens_max);
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
                return Err(self.broken_off(&error, &answer, &body));
            }
            alive |= chunk.reasoning || !chunk.text.is_empty() || chunk.finish.is_some();
            answer.take(chunk, on_delta).map_err(give_up)?;
        }
        answer.finish(&self.model).map_err(give_up)
    }

    /// What an error in place of a chunk means.
    fn broken_off(&self, told: &str, answer: &Answer, sent: &Value) -> Failure {
        let error = LlmError::Unavailable { detail: self.detail(told) };
        // Some servers answer 200 before they look at the request. Nothing that was passed on is passed on twice.
        let part = answer.is_empty().then(|| self.dialect.adapt(sent, told)).flatten();
        Failure { error, next: part.map_or(Next::GiveUp, Next::Rephrase) }
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
            503 => Failure { error: self.refusal_error(refusal), next: Next::Wait(wait) },
            // Not only 400: servers also say 404, 422, 500 or 501 to what they do not know.
            _ => {
                let part = self.dialect.adapt(sent, &refusal.body);
                let next = part.map_or(Next::GiveUp, Next::Rephrase);
                Failure { error: self.refusal_error(refusal), next }
            }
        }
    }

    /// The request was wrong, or the server is.
    fn refusal_error(&self, refusal: &Refusal) -> LlmError {
        let status = refusal.status;
        let detail = refusal_detail(&self.config, refusal);
        if (400..=499).contains(&status) {
            return LlmError::Rejected { status, detail };
        }
        LlmError::Unavailable { detail: format!("HTTP {status}: {detail}") }
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
    tokens_max: u32,
}

impl Answer {
    fn new(tokens_max: u32) -> Self {
        Self { completion: Completion::default(), finish: None, tokens_max }
    }

    fn is_empty(&self) -> bool {
        self.completion.text.is_empty()
    }

    /// Adds a chunk. Fails when the text has become longer than a server that keeps to the limit could make it; what
    /// may be passed on is passed on before.
    fn take(&mut self, chunk: Chunk, on_delta: OnDelta<'_>) -> Result<(), LlmError> {
        let bytes_max = usize::try_from(self.tokens_max)
            .unwrap_or(usize::MAX)
            .saturating_mul(TEXT_BYTES_PER_TOKEN)
            .saturating_add(TEXT_BYTES_SLACK);
        let room = bytes_max.saturating_sub(self.completion.text.len());
        let text = chunk.text.get(..chunk.text.floor_char_boundary(room)).unwrap_or_default();
        if !text.is_empty() {
            self.completion.text.push_str(text);
            on_delta(text);
        }
        if text.len() < chunk.text.len() {
            return Err(LlmError::Overlong { tokens_max: self.tokens_max, bytes_max });
        }
        if let Some(model) = chunk.model {
            self.completion.model = model;
        }
        self.finish = chunk.finish.or(self.finish.take());
        self.completion.input_tokens = chunk.input_tokens.or(self.completion.input_tokens);
        self.completion.output_tokens = chunk.output_tokens.or(self.completion.output_tokens);
        Ok(())
    }

    fn finish(mut self, model: &str) -> Result<Completion, LlmError> {
        if self.finish.is_none() {
            // A server that dies closes the connection as one that is done does, but without saying why it ended.
            let bytes = self.completion.text.len();
            return Err(unavailable(&format!("the answer was cut after {bytes} bytes")));
        }
        if self.completion.text.trim().is_empty() {
            return Err(bad_response("the answer has no text"));
        }
        self.completion.truncated = self.finish.as_deref() == Some("length");
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

/// Whether a wait leaves at least as much time for the answer as it takes itself. One that does not would only turn
/// "rate limited" into "too slow".
fn leaves_time(wait: Duration, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    wait <= left / 2
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
