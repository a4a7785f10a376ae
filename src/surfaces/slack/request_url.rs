//! HTTP mode: Slack posts to three addresses of this server. A request counts for what its signature says, not for where
//! it comes from, and is answered before anything is done with it.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value};

use super::inbound::{self, Event};
use super::{Slack, signature};

/// Largest body that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The routes.
pub(super) fn router<S: Clone + Send + Sync + 'static>(slack: Slack) -> Router<S> {
    Router::new()
        .route("/slack/events", post(events))
        .route("/slack/interactive", post(interactive))
        .route("/slack/commands", post(commands))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(slack)
}

async fn events(State(slack): State<Slack>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&slack, &headers, &body) {
        return unsigned();
    }
    let Ok(payload) = serde_json::from_slice::<Value>(&body) else { return unreadable() };
    if payload.get("type").and_then(Value::as_str) == Some("url_verification") {
        let challenge = payload.get("challenge").and_then(Value::as_str).unwrap_or("").to_owned();
        return ([(header::CONTENT_TYPE, "text/plain")], challenge).into_response();
    }
    let event = inbound::event(&payload, &slack.me().user);
    taken(&slack, event)
}

async fn interactive(State(slack): State<Slack>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&slack, &headers, &body) {
        return unsigned();
    }
    let form = form(&body);
    let payload = form.get("payload").and_then(Value::as_str).unwrap_or("");
    let Ok(payload) = serde_json::from_str::<Value>(payload) else { return unreadable() };
    taken(&slack, inbound::interactive(&payload))
}

async fn commands(State(slack): State<Slack>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&slack, &headers, &body) {
        return unsigned();
    }
    taken(&slack, inbound::command(&Value::Object(form(&body))))
}

fn form(body: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}

fn is_signed(slack: &Slack, headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let said = (header("x-slack-request-timestamp"), header("x-slack-signature"));
    let now = slack.sessions().now().nanos() / 1_000_000_000;
    signature::is_signed(&slack.settings().signing_secret, said, body, now)
}

/// The answer to a request that is as it should be. One that cannot be handled now is sent again by Slack.
fn taken(slack: &Slack, event: Event) -> Response {
    if slack.take(event) {
        return StatusCode::OK.into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "too much at a time; send it again\n").into_response()
}

fn unsigned() -> Response {
    tracing::warn!(
        "a request to Slack's address without a good signature; check slack.signing_secret and this machine's clock"
    );
    (StatusCode::UNAUTHORIZED, "not signed by Slack, or too long ago\n").into_response()
}

fn unreadable() -> Response {
    (StatusCode::BAD_REQUEST, "not a payload of Slack\n").into_response()
}
