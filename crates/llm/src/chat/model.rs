//! The seam between the narrator and whoever answers it: a server, or a script in tests.

use crate::LlmError;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// One question to a language model.
///
/// The texts leave the machine. Build them from masked text only; [`Prompt::request`](crate::Prompt::request) does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// Instructions, ours alone.
    pub system: String,
    /// The question and the evidence: masked, and data rather than instructions.
    pub user: String,
    /// Upper bound of the reply. The server is told, and reading stops shortly after it whatever the server does.
    pub output_tokens_max: u32,
    /// Whether the reply must be one JSON object. Servers that cannot promise it are asked without.
    pub json: bool,
}

/// A language model's whole reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Name of the model that answered, as the server tells it.
    pub model: String,
    /// Tokens of the prompt as the server counted them, where it told.
    pub input_tokens: Option<u32>,
    /// Tokens of the reply as the server counted them, where it told.
    pub output_tokens: Option<u32>,
    /// Whether the text stops at the output limit, so that its end is missing.
    pub truncated: bool,
}

/// Someone who answers a [`ChatRequest`].
pub trait LanguageModel: Send + Sync {
    /// Name of the model, for receipts.
    fn name(&self) -> &str;

    /// Answers `request`, passing each piece of text to `on_delta` as it arrives.
    ///
    /// Returns [`LlmError::Cancelled`] as soon as `cancel` is cancelled and lets go of the connection. Pieces that were
    /// passed on before an error belong to no completion: the caller decides what to do with them. No piece is ever
    /// passed on twice.
    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        cancel: &'a CancellationToken,
        on_delta: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Completion, LlmError>>;
}
