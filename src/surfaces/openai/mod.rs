//! The door for programs that speak the OpenAI API: `GET /v1/models` and `POST /v1/chat/completions`.
//!
//! The user's last turn is the question, the turns before make it a follow-up. The text of an answer is its Markdown with
//! footnotes; a field `groundcrew` holds the evidence. In this API a client says stop by hanging up, so that cancels.

mod chats;
mod chores;
mod refusal;
mod reply;
mod request;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};

use self::chats::{Chats, Listening};
use self::refusal::Refusal;
use self::reply::{Completion, Said};
use self::request::{Chat, MODELS};
use crate::session::Sessions;

/// The largest body that is read: clients send the whole chat every time.
const BODY_BYTES_MAX: usize = 8 << 20;
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The routes.
pub fn router<S: Clone + Send + Sync + 'static>(sessions: Sessions) -> Router<S> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{model}", get(model))
        .route("/v1/chat/completions", post(complete))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(Chats::new(sessions)))
}

async fn models() -> Response {
    Json(json!({"object": "list", "data": MODELS.map(described)})).into_response()
}

async fn model(Path(name): Path<String>) -> Response {
    if MODELS.contains(&name.as_str()) {
        return Json(described(&name)).into_response();
    }
    Refusal::no_such_model(&name).into_response()
}

fn described(name: &str) -> Value {
    // Models are older than their clients; a fixed time keeps the list the same from call to call.
    json!({"id": name, "object": "model", "created": 1_764_547_200, "owned_by": "groundcrew"})
}

async fn complete(
    State(chats): State<Arc<Chats>>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match taken(&chats, body) {
        Ok((chat, Reply::AtOnce(said))) => {
            let completion = Completion::new(&chat.model, chats.now());
            if chat.stream {
                let pieces = completion.pieces(&said, chat.include_usage);
                return streamed(stream::iter(
                    std::iter::once(completion.beginning()).chain(pieces).map(data),
                ));
            }
            Json(completion.whole(&said)).into_response()
        }
        Ok((chat, Reply::Run(listening))) if chat.stream => {
            let completion = Completion::new(&chat.model, chats.now());
            streamed(told(chats, chat, completion, listening))
        }
        Ok((chat, Reply::Run(mut listening))) => {
            let completion = Completion::new(&chat.model, chats.now());
            match listening.answer(|_| {}).await {
                Ok(answer) => {
                    let said = Said::answer(&answer);
                    chats.remember(&chat, &said.text, listening.conversation());
                    Json(completion.whole(&said)).into_response()
                }
                Err(refusal) => refusal.into_response(),
            }
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// What comes of a request.
enum Reply {
    /// A chore, done.
    AtOnce(Said),
    /// An investigation that runs.
    Run(Listening),
}

fn taken(chats: &Chats, body: Result<Bytes, BytesRejection>) -> Result<(Chat, Reply), Refusal> {
    let body =
        body.map_err(|rejection| Refusal::too_large(rejection.status(), rejection.body_text()))?;
    let chat = Chat::read(&body)?;
    let earlier = chat.earlier.iter().find(|turn| turn.by_user).map(|turn| turn.text.as_str());
    if let Some(text) = chores::reply(&chat.instructions, &chat.asked, earlier) {
        return Ok((chat, Reply::AtOnce(Said::at_once(text))));
    }
    let listening = chats.ask(&chat)?;
    Ok((chat, Reply::Run(listening)))
}

/// The pieces of an answer that is still looked for: who speaks, then a comment for every step, then the text.
fn told(
    chats: Arc<Chats>,
    chat: Chat,
    completion: Completion,
    mut listening: Listening,
) -> impl Stream<Item = Event> {
    let beginning = stream::iter([data(completion.beginning())]);
    let (steps, told_steps) = tokio::sync::mpsc::unbounded_channel();
    let answered = async move {
        let answer = listening
            .answer(|step| {
                // A reader that is gone hears nothing.
                drop(steps.send(Event::default().comment(step)));
            })
            .await;
        drop(steps);
        let pieces = match answer {
            Ok(answer) => {
                let said = Said::answer(&answer);
                chats.remember(&chat, &said.text, listening.conversation());
                completion.pieces(&said, chat.include_usage)
            }
            Err(refusal) => vec![refusal.body()],
        };
        stream::iter(pieces.into_iter().map(data))
    };
    let steps =
        stream::unfold(told_steps, |mut told| async { told.recv().await.map(|e| (e, told)) });
    let text = stream::once(answered).flatten();
    beginning.chain(stream::select(steps, text))
}

fn data(piece: Value) -> Event {
    Event::default().data(piece.to_string())
}

fn streamed(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let end = stream::iter([Event::default().data("[DONE]")]);
    let events = events.chain(end).map(Ok::<Event, Infallible>);
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("working"))
        .into_response()
}
