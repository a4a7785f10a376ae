//! One HTTP attempt, bounded.
//!
//! The client library's own transport repeats failed requests and reads bodies of any size. This one sends a request
//! once, turns every status but success into a [`Refusal`] with what is needed to decide about another try, and hands
//! a successful body on only as long as it stays within limits.

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt as _};
use reqwest::header::RETRY_AFTER;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes of a body that are read whatever the output limit is.
const BODY_BYTES_MIN: usize = 1024 * 1024;

/// Bytes of a body that are read for each token of the output limit. An event with one token takes 200 to 400; what a
/// model thinks to itself comes on top, at many servers outside the limit.
const BODY_BYTES_PER_TOKEN: usize = 4 * 1024;

/// Bytes without a line break: the event parser's work grows with the square of an event's size.
const LINE_BYTES_MAX: usize = 512 * 1024;

/// Bytes of a refusal that are read.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;

/// The server said no.
#[derive(Debug, thiserror::Error)]
#[error("the server refused with status {status}")]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: String,
}

/// Sends one request once.
#[derive(Clone)]
pub(super) struct OneAttempt {
    client: reqwest::Client,
    body_bytes_max: usize,
    overrun: Overrun,
}

/// Whether a body got too large. The client library makes a text without causes of every error of a body, so this is
/// told beside it.
#[derive(Clone, Default)]
pub(super) struct Overrun(Arc<AtomicBool>);

impl Overrun {
    pub(super) fn happened(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl OneAttempt {
    /// A transport for one request with this output limit, in tokens.
    pub(super) fn new(client: reqwest::Client, output_tokens_max: u32, overrun: Overrun) -> Self {
        let body_bytes_max = usize::try_from(output_tokens_max)
            .unwrap_or(usize::MAX)
            .saturating_mul(BODY_BYTES_PER_TOKEN)
            .saturating_add(BODY_BYTES_MIN);
        Self { client, body_bytes_max, overrun }
    }
}

impl tower::Service<HttpRequestFactory> for OneAttempt {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        let Self { client, body_bytes_max, overrun } = self.clone();
        Box::pin(async move {
            let request = factory.build().await?;
            let response = client.execute(request).await.map_err(OpenAIError::Reqwest)?;
            if response.status().is_success() {
                return Ok(bounded(response, body_bytes_max, overrun));
            }
            Err(OpenAIError::Boxed(Box::new(refusal(response).await)))
        })
    }
}

/// What a response that is not a success says.
pub(crate) async fn refusal(response: reqwest::Response) -> Refusal {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().parse::<f64>().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        body.extend_from_slice(&piece);
        if body.len() >= REFUSAL_BYTES_MAX {
            body.truncate(REFUSAL_BYTES_MAX);
            break;
        }
    }
    Refusal { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() }
}

/// The same response with a body that ends in an error where it gets too large.
///
/// A server that does not stream sends one JSON document; it is made into one event, so that there is only one way to
/// read an answer. What it calls itself is not looked at: there are servers that call a stream a document.
fn bounded(
    response: reqwest::Response,
    body_bytes_max: usize,
    overrun: Overrun,
) -> reqwest::Response {
    let pieces = response
        .bytes_stream()
        .map(|piece| piece.map(Vec::from))
        .map(|piece| piece.map_err(|error| std::io::Error::other(error.without_url())));
    let events = stream::once(as_events(limited(pieces, body_bytes_max, overrun))).flatten();
    http::Response::new(reqwest::Body::wrap_stream(events)).into()
}

/// A stream of events as it is, and a JSON document as one event. The first character tells: no event begins with `{`.
async fn as_events<S>(
    pieces: S,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static + use<S>
where
    S: Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static,
{
    let is_blank = |piece: &std::io::Result<Vec<u8>>| {
        std::future::ready(piece.as_ref().is_ok_and(|piece| piece.trim_ascii().is_empty()))
    };
    let mut pieces = Box::pin(pieces.skip_while(is_blank));
    let first = pieces.next().await;
    let is_document = first
        .as_ref()
        .and_then(|piece| piece.as_ref().ok())
        .is_some_and(|piece| piece.trim_ascii_start().starts_with(b"{"));
    let body = stream::iter(first).chain(pieces);
    if is_document {
        let line = body.map(|piece| piece.map(without_line_breaks));
        let before = stream::iter([Ok(b"data: ".to_vec())]);
        let after = stream::iter([Ok(b"\n\n".to_vec())]);
        before.chain(line).chain(after).boxed()
    } else {
        body.boxed()
    }
}

/// White space between the parts of a JSON document may be any; inside its strings there are no line breaks.
fn without_line_breaks(mut piece: Vec<u8>) -> Vec<u8> {
    for byte in &mut piece {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    piece
}

fn limited(
    pieces: impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static,
    body_bytes_max: usize,
    overrun: Overrun,
) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
    let mut body_bytes = 0_usize;
    let mut line_bytes = 0_usize;
    pieces.map(move |piece| {
        let piece = piece?;
        body_bytes = body_bytes.saturating_add(piece.len());
        line_bytes = match piece.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => piece.len() - last,
            None => line_bytes.saturating_add(piece.len()),
        };
        if body_bytes > body_bytes_max || line_bytes > LINE_BYTES_MAX {
            overrun.0.store(true, Ordering::Release);
            return Err(std::io::Error::other("the body is too large"));
        }
        Ok(piece)
    })
}
