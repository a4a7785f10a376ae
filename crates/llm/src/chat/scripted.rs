//! A language model that says what it is told, for tests and scenarios.

use super::model::{ChatRequest, Completion, LanguageModel};
use crate::{LlmError, count_tokens};
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// Characters of a piece of streamed text: small enough that words and JSON are torn apart.
const PIECE_CHARACTERS: usize = 7;

/// What a [`Scripted`] model does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Streams the text and completes.
    Text(String),
    /// Fails before the first piece.
    Fail(LlmError),
    /// Streams the text, then fails: a cut stream, or a timeout in the middle.
    CutAfter(String, LlmError),
    /// Streams the text, which may be empty, then says nothing more until it is cancelled.
    HangAfter(String),
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<LlmError> for Reply {
    fn from(error: LlmError) -> Self {
        Self::Fail(error)
    }
}

type Answering = Box<dyn Fn(&ChatRequest) -> Reply + Send + Sync>;

/// A language model that follows a script and remembers what it was asked.
pub struct Scripted {
    script: Script,
    asked: Mutex<Vec<ChatRequest>>,
}

enum Script {
    List(Mutex<VecDeque<Reply>>),
    Answering(Answering),
}

impl Scripted {
    /// A model that gives each of `replies` once, in order, and is unavailable after the last.
    pub fn new<R: Into<Reply>>(replies: impl IntoIterator<Item = R>) -> Self {
        Self::following(Script::List(Mutex::new(replies.into_iter().map(Into::into).collect())))
    }

    /// A model that makes its reply from the request.
    pub fn answering(answer: impl Fn(&ChatRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::following(Script::Answering(Box::new(answer)))
    }

    /// What it was asked so far, oldest first.
    pub fn asked(&self) -> Vec<ChatRequest> {
        locked(&self.asked).clone()
    }

    fn following(script: Script) -> Self {
        Self { script, asked: Mutex::new(Vec::new()) }
    }

    fn reply(&self, request: &ChatRequest) -> Reply {
        locked(&self.asked).push(request.clone());
        match &self.script {
            Script::Answering(answer) => answer(request),
            Script::List(replies) => locked(replies).pop_front().unwrap_or_else(|| {
                let detail = "the script has no reply left".to_owned();
                Reply::Fail(LlmError::Unavailable { detail })
            }),
        }
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Scripted")
    }
}

impl LanguageModel for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        cancel: &'a CancellationToken,
        on_delta: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Completion, LlmError>> {
        Box::pin(async move {
            let (text, ending) = match self.reply(request) {
                Reply::Text(text) => (text, None),
                Reply::Fail(error) => return Err(error),
                Reply::CutAfter(text, error) => (text, Some(Some(error))),
                Reply::HangAfter(text) => (text, Some(None)),
            };
            for piece in pieces(&text) {
                if cancel.is_cancelled() {
                    return Err(LlmError::Cancelled);
                }
                on_delta(piece);
                tokio::task::yield_now().await;
            }
            match ending {
                Some(Some(error)) => Err(error),
                Some(None) => {
                    cancel.cancelled().await;
                    Err(LlmError::Cancelled)
                }
                None => Ok(completion(request, text)),
            }
        })
    }
}

fn completion(request: &ChatRequest, text: String) -> Completion {
    Completion {
        model: "scripted".to_owned(),
        input_tokens: u32::try_from(request.input_tokens()).ok(),
        output_tokens: u32::try_from(count_tokens(&text)).ok(),
        truncated: false,
        text,
    }
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(PIECE_CHARACTERS).map_or(rest.len(), |(at, _)| at);
        let (piece, remainder) = rest.split_at(end);
        rest = remainder;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A panic of another test thread leaves the list as it was: nothing is half done under these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Reply, Scripted, pieces};
    use crate::{ChatRequest, Completion, LanguageModel, LlmError};
    use tokio_util::sync::CancellationToken;

    async fn ask(model: &Scripted, user: &str) -> (Result<Completion, LlmError>, String) {
        let request = ChatRequest { user: user.to_owned(), ..ChatRequest::default() };
        let mut heard = String::new();
        let cancel = CancellationToken::new();
        let completion =
            model.complete(&request, &cancel, &mut |piece| heard.push_str(piece)).await;
        (completion, heard)
    }

    #[tokio::test]
    async fn it_says_what_it_is_told_in_pieces_and_in_order() {
        let model = Scripted::new(["first answer, longer than a piece", "zweite Antwort: Größe"]);
        for expected in ["first answer, longer than a piece", "zweite Antwort: Größe"] {
            let (completion, heard) = ask(&model, "q").await;
            assert_eq!((completion.unwrap().text.as_str(), heard.as_str()), (expected, expected));
        }
        assert_eq!(ask(&model, "q").await.0.unwrap_err().kind(), "unavailable");
        assert_eq!(model.asked().len(), 3);
        assert!(pieces("first answer").count() > 1);
    }

    #[tokio::test]
    async fn it_fails_as_it_is_told() {
        let cut = LlmError::Unavailable { detail: "cut".to_owned() };
        let model = Scripted::new([
            Reply::Fail(LlmError::Refused { status: 401 }),
            Reply::CutAfter("half an ans".to_owned(), cut.clone()),
        ]);
        assert_eq!(ask(&model, "q").await, (Err(LlmError::Refused { status: 401 }), String::new()));
        assert_eq!(ask(&model, "q").await, (Err(cut), "half an ans".to_owned()));
    }

    #[tokio::test]
    async fn a_hanging_model_ends_when_it_is_cancelled() {
        let model = Scripted::new([Reply::HangAfter("so far".to_owned())]);
        let request = ChatRequest::default();
        let cancel = CancellationToken::new();
        let mut heard = String::new();
        let mut note = |piece: &str| {
            heard.push_str(piece);
            cancel.cancel();
        };
        assert_eq!(model.complete(&request, &cancel, &mut note).await, Err(LlmError::Cancelled));
        assert_eq!(heard, "so far");
    }

    #[tokio::test]
    async fn a_closure_can_answer() {
        let model = Scripted::answering(|request| format!("you said {}", request.user).into());
        assert_eq!(ask(&model, "hi").await.0.unwrap().text, "you said hi");
    }
}
