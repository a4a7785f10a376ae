//! The HTTP twin of the chat: `POST /v1/ask` as JSON or server-sent events, evidence behind permalinks, and health.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use tower_http::compression::{CompressionLayer, CompressionLevel};

use super::access::{self, Access};
use super::hooks::HooksOptions;
use super::panel::{self, PanelOptions};
use super::slack::Slack;
use super::wire::{self, Ask, Envelope};
use super::{cost, explore, feedback, hooks, mcp, openai, openapi, proposals, ws};
use crate::config::DurabilitySetting;
use crate::investigate::answer::{Answer, AnswerEvent};
use crate::remediate::Remediation;
use crate::session::{AskError, Conversation, Logged, RunEvent, RunStatus, Sessions, Tail};
use crate::text::visible;

/// Largest body that is taken.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Longest refusal of axum's that is repeated.
const BARE_BYTES_MAX: usize = 4 * 1024;
/// How often a silent stream says that it lives: proxies close what is silent for a minute.
const SSE_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the HTTP surface needs. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The chat.
    pub chat: ws::Chat,
    /// Whether new work is taken; false once the server drains.
    pub ready: Arc<AtomicBool>,
    /// How sure what is acknowledged is.
    pub durability: DurabilitySetting,
    /// How the panel is shown.
    pub panel: Arc<PanelOptions>,
    /// Slack, where it is set up.
    pub slack: Option<Slack>,
    /// What may be done about an outage.
    pub actions: Remediation,
    /// The tools of other programs' models.
    pub mcp: mcp::Mcp,
}

/// All routes of the main listener.
pub fn router(api: Api, hooks: HooksOptions) -> Router {
    let access: Access = api.chat.access.clone();
    let chat = Router::new().route("/v1/ws", get(ws::upgrade)).with_state(api.chat.clone());
    let memory = Router::new()
        .route("/v1/answers/{answer}/feedback", post(feedback::post_feedback))
        .route("/v1/incidents", get(feedback::list))
        .route("/v1/incidents/{code}", get(feedback::show))
        .route("/v1/incidents/{code}/strike", post(feedback::strike))
        .with_state(Arc::new(api.chat.sessions.clone()));
    let panel = panel::router(Arc::clone(&api.panel));
    let hooks = hooks::router(hooks);
    let views = explore::router(api.chat.sessions.clone());
    let costs = cost::router(api.chat.sessions.clone());
    let slack = api.slack.as_ref().map(Slack::router).unwrap_or_default();
    let actions = proposals::router(api.actions.clone());
    let mcp = api.mcp.clone().over_http(api.chat.shutdown.child_token());
    let chats = openai::router(api.chat.sessions.clone());
    Router::new()
        .route("/v1/ask", post(ask))
        .route("/v1/conversations/{sid}/events", get(events))
        .route("/v1/runs/{run}/cancel", post(cancel))
        .route("/v1/answers/{answer}", get(answer))
        .route("/v1/evidence/{answer}/{evidence}", get(evidence))
        .route("/v1/ws-ticket", post(ticket))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/healthz", get(ready))
        .with_state(api)
        .merge(chat)
        .merge(memory)
        .merge(views)
        .merge(costs)
        .merge(actions)
        .merge(panel)
        .merge(openapi::router())
        .layer(middleware::from_fn(in_our_shape))
        .route_service("/mcp", mcp)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .merge(chats.layer(middleware::from_fn(in_our_shape)))
        .layer(middleware::from_fn_with_state(access, access::guard))
        // These see for themselves who may come in: some sign instead of carrying a token.
        .merge(hooks.layer(middleware::from_fn(in_our_shape)))
        // Behind its own door: Slack comes from outside, without our token, and signs what it sends.
        .merge(slack)
}

/// Gives the bare words with which axum refuses a request the shape of all our refusals.
async fn in_our_shape(request: Request, next: Next) -> Response {
    let is_asked_by_programs = access::is_for_programs(request.uri().path());
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !is_asked_by_programs || !status.is_client_error() || !is_bare {
        return response;
    }
    let (parts, body) = response.into_parts();
    let said = axum::body::to_bytes(body, BARE_BYTES_MAX).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let message = match said.trim() {
        "" => status.canonical_reason().unwrap_or("refused"),
        said => said,
    };
    let hint = "GET /v1/openapi.json describes what is understood";
    let mut refusal = wire::refusal(status, "bad_request", message, hint);
    if let Some(allowed) = parts.headers.get(header::ALLOW) {
        refusal.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    refusal
}

/// Whether new work is taken, how sure what is acknowledged is, and, for whom it concerns, what is wrong with the store.
async fn ready(State(api): State<Api>, headers: HeaderMap) -> Response {
    if api.ready.load(Ordering::Relaxed) {
        let mut report = format!("ok\ndurability: {}\n", api.durability.name());
        // They name files, which is nobody's business who may not ask.
        if api.chat.access.is_authorized(&headers) {
            for warning in api.chat.sessions.investigator().store.warnings() {
                report.push_str(&format!("warning: {}\n", visible(&warning)));
            }
        }
        return (StatusCode::OK, report).into_response();
    }
    wire::refusal(
        StatusCode::SERVICE_UNAVAILABLE,
        "draining",
        "the server is shutting down",
        "ask another replica, or again in a few seconds",
    )
}

async fn ticket(State(api): State<Api>) -> Response {
    match api.chat.access.issue_ticket() {
        Some(ticket) => Json(json!({"ticket": ticket, "expires_in_s": 30})).into_response(),
        None => wire::refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "too many tickets are open",
            "retry in half a minute",
        ),
    }
}

async fn ask(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Json<Ask>, JsonRejection>,
) -> Response {
    let ask = match body {
        Ok(Json(ask)) => ask,
        Err(rejection) => {
            let hint = r#"send {"text": "why is checkout slow?"} as application/json"#;
            return wire::refusal(rejection.status(), "bad_question", &rejection.body_text(), hint);
        }
    };
    let sessions = &api.chat.sessions;
    let question = match ask.question(sessions.now()) {
        Ok(question) => question,
        Err(message) => {
            return wire::refusal(
                StatusCode::BAD_REQUEST,
                "bad_question",
                &message,
                "correct the scope",
            );
        }
    };
    let ask_id = ask.ask_id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    let conversation = match sessions.open(ask.sid.as_deref()) {
        Ok(conversation) => conversation,
        Err(error) => return refused(&error),
    };
    let known = conversation.knows(&ask_id);
    let seq = if known { 0 } else { conversation.seq() };
    let ids = match sessions.ask(&conversation, &ask_id, question) {
        Ok(ids) => ids,
        Err(error) => return refused(&error),
    };
    let reader = Reader { conversation, run_id: Some(ids.run_id), seq };
    let wants_events = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if wants_events {
        let seq = last_event_id(&headers).unwrap_or(reader.seq);
        return streamed(Reader { seq, ..reader }.events());
    }
    reader.answer().await
}

fn refused(error: &AskError) -> Response {
    let (status, code) = match error {
        AskError::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "busy"),
        AskError::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
        AskError::BadId(_) => (StatusCode::BAD_REQUEST, "bad_id"),
    };
    wire::refusal(
        status,
        code,
        &error.to_string(),
        "retry after the time in Retry-After, or correct the id",
    )
}

/// All that happens in a conversation, for readers whose proxies let no WebSocket through: a welcome, then its frames from
/// `Last-Event-ID` on, for as long as the reader listens.
async fn events(State(api): State<Api>, headers: HeaderMap, Path(sid): Path<String>) -> Response {
    let sessions = &api.chat.sessions;
    let known = sessions.get(&sid).is_some();
    let conversation = match sessions.open(Some(&sid)) {
        Ok(conversation) => conversation,
        Err(error) => return refused(&error),
    };
    let model = sessions.investigator().model.as_ref().map(|model| model.name());
    let welcome = event(&wire::welcome(model, SSE_KEEP_ALIVE, &[(sid, known)]));
    let last = last_event_id(&headers).filter(|_| known);
    let reader = Reader { conversation, run_id: None, seq: last.unwrap_or(0) };
    let first = stream::iter(welcome.map(Ok));
    let shutdown = api.chat.shutdown.clone();
    streamed(first.chain(reader.events()).take_until(shutdown.cancelled_owned()))
}

fn streamed(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(events).keep_alive(KeepAlive::new().interval(SSE_KEEP_ALIVE)).into_response()
}

fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// A frame as an event; its number, if it has one, is the event's id.
fn event(frame: &Envelope) -> Option<Event> {
    let event = Event::default().event(&frame.t);
    let event = match frame.seq {
        Some(seq) => event.id(seq.to_string()),
        None => event,
    };
    event.json_data(frame).ok()
}

/// Reads events out of a conversation: those of one run until it ends, or all.
struct Reader {
    conversation: Arc<Conversation>,
    run_id: Option<String>,
    seq: u64,
}

impl Reader {
    /// Frames of the conversation as server-sent events, until the run has ended.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let state = (self, Vec::new().into_iter(), false);
        stream::unfold(state, |(mut reader, mut pending, mut ended)| async move {
            loop {
                if let Some(event) = pending.next() {
                    return Some((Ok(event), (reader, pending, ended)));
                }
                if ended {
                    return None;
                }
                let tail = reader.conversation.after(reader.seq).await?;
                ended = reader.is_end(&tail);
                let (frames, next) = wire::frames(&reader.conversation.id, &tail, reader.seq);
                reader.seq = next;
                let events: Vec<Event> = frames.iter().filter_map(event).collect();
                pending = events.into_iter();
            }
        })
    }

    fn is_of(&self, run_id: &str) -> bool {
        self.run_id.as_deref().is_none_or(|wanted| wanted == run_id)
    }

    fn is_end(&self, tail: &Tail) -> bool {
        let Some(wanted) = &self.run_id else { return false };
        match tail {
            Tail::Events(events) => events
                .iter()
                .any(|logged| matches!(&logged.event, RunEvent::Finished { run_id, .. } if run_id == wanted)),
            Tail::Snapshot { .. } => true,
        }
    }

    /// The last answer of the run as JSON, once it has ended.
    async fn answer(mut self) -> Response {
        let mut latest: Option<Answer> = None;
        while let Some(tail) = self.conversation.after(self.seq).await {
            match tail {
                Tail::Snapshot { seq, answers } => {
                    self.seq = seq;
                    latest =
                        answers.into_iter().find(|answer| self.is_of(&answer.run_id)).or(latest);
                }
                Tail::Events(events) => {
                    self.seq = events.last().map_or(self.seq, |logged| logged.seq);
                    if let Some((status, error)) = self.read(events, &mut latest) {
                        return finished(latest, status, error);
                    }
                }
            }
        }
        finished(latest, RunStatus::Failed, None)
    }

    /// Keeps the run's newest answer; says how it ended if it did.
    fn read(
        &self,
        events: Vec<Logged>,
        latest: &mut Option<Answer>,
    ) -> Option<(RunStatus, Option<(String, String)>)> {
        for logged in events {
            match logged.event {
                RunEvent::Finished { run_id, status, error } if self.is_of(&run_id) => {
                    return Some((status, error));
                }
                RunEvent::Progress { run_id, event, .. } if self.is_of(&run_id) => {
                    if let AnswerEvent::Answer(answer) = *event {
                        *latest = Some(*answer);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn finished(
    answer: Option<Answer>,
    status: RunStatus,
    error: Option<(String, String)>,
) -> Response {
    match (answer, error) {
        (Some(answer), _) => Json(answer).into_response(),
        (None, Some((code, message))) if code == "bad_question" => wire::refusal(
            StatusCode::BAD_REQUEST,
            &code,
            &message,
            "ask something shorter and plainer",
        ),
        (None, Some((code, message))) => wire::refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            &code,
            &message,
            "see the server's log",
        ),
        (None, None) => {
            let message = format!("the run was {} before it had an answer", status.name());
            wire::refusal(StatusCode::CONFLICT, status.name(), &message, "ask again")
        }
    }
}

async fn cancel(
    State(api): State<Api>,
    Path(run): Path<String>,
    body: Option<Json<Cancel>>,
) -> Response {
    let conversation = body.and_then(|Json(cancel)| api.chat.sessions.get(&cancel.sid));
    if conversation.is_some_and(|conversation| conversation.cancel(&run)) {
        return StatusCode::ACCEPTED.into_response();
    }
    wire::refusal(
        StatusCode::NOT_FOUND,
        "not_running",
        "there is no such run to cancel",
        r#"send {"sid": "the conversation"}"#,
    )
}

#[derive(serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Cancel {
    /// The conversation.
    sid: String,
}

async fn answer(State(api): State<Api>, Path(answer): Path<String>) -> Response {
    match stored_answer(&api.chat.sessions, &answer).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal,
    }
}

async fn evidence(
    State(api): State<Api>,
    headers: HeaderMap,
    Path((answer, id)): Path<(String, String)>,
) -> Response {
    let stored = match stored_answer(&api.chat.sessions, &answer).await {
        Ok(answer) => answer,
        Err(refusal) => return refusal,
    };
    let Some(item) = stored.evidence(&id) else {
        return wire::refusal(
            StatusCode::NOT_FOUND,
            "no_such_evidence",
            "this answer has no such evidence",
            "see GET /v1/answers/{answer}",
        );
    };
    // Evidence is immutable, so its content hash is its validator.
    let tag = format!("\"{}\"", item.hash);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let mut response = Json(item).into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

async fn stored_answer(sessions: &Sessions, answer_id: &str) -> Result<Answer, Response> {
    let (store, id) = (Arc::clone(&sessions.investigator().store), answer_id.to_owned());
    let read = tokio::task::spawn_blocking(move || store.state().answer(&id)).await;
    let gone = || {
        wire::refusal(
            StatusCode::NOT_FOUND,
            "no_such_answer",
            "there is no such answer",
            "it may have been removed; ask again",
        )
    };
    match read {
        Ok(Ok(Some(json))) => serde_json::from_str(&json).map_err(|error| {
            tracing::error!(%error, answer_id, "a stored answer could not be read");
            wire::refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "bug",
                "the stored answer could not be read",
                "see the server's log",
            )
        }),
        Ok(Ok(None)) => Err(gone()),
        Ok(Err(error)) => Err(wire::refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "store",
            &error.to_string(),
            "groundcrew doctor",
        )),
        Err(_) => Err(gone()),
    }
}
