//! What can go wrong with a model, in the words a person on call can act on.
//!
//! Every variant is cheap to clone and free of secrets: texts that come from a server are shortened, stripped of
//! control characters and of the key before they are kept.

use std::time::Duration;

/// Why a language model, the embedder or a prompt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The server did not accept the key (401 or 403).
    #[error(
        "the model server refused the key (HTTP {status}); check llm.api_key and that the key may use this model"
    )]
    Refused {
        /// HTTP status of the refusal.
        status: u16,
    },
    /// The server did not accept the request (any other 4xx): a wrong model name, a prompt that is too long.
    #[error(
        "the model server rejected the request (HTTP {status}): {detail}; check llm.model and llm.base_url"
    )]
    Rejected {
        /// HTTP status of the rejection.
        status: u16,
        /// The server's own words, shortened.
        detail: String,
    },
    /// The server asked to be left alone for a while (429).
    #[error("the model server is rate limiting this key{}", after(.retry_after))]
    RateLimited {
        /// How long the server asked to wait, where it said so.
        retry_after: Option<Duration>,
    },
    /// The server could not be reached, failed (5xx) or cut the connection.
    #[error(
        "the model server is unavailable: {detail}; check llm.base_url and that the server runs"
    )]
    Unavailable {
        /// What happened, shortened.
        detail: String,
    },
    /// The server took longer than it was given.
    #[error("the model gave no {stage} in time; a smaller model or a longer llm timeout may help")]
    Timeout {
        /// What was waited for.
        stage: Stage,
    },
    /// The caller cancelled the request.
    #[error("the request to the model was cancelled")]
    Cancelled,
    /// The server answered with something that is not a chat completion.
    #[error(
        "the model server sent a bad reply: {detail}; check that llm.base_url speaks the OpenAI API"
    )]
    BadResponse {
        /// What was wrong, shortened.
        detail: String,
    },
    /// The server went on far beyond the output limit that it was given, and was cut off.
    #[error(
        "the model did not stop at its limit of {tokens_max} tokens and was cut off after {bytes_max} bytes; check that the model server keeps to max_tokens"
    )]
    Overlong {
        /// Output limit that the server was told, in tokens.
        tokens_max: u32,
        /// Bytes of text after which nothing more was read.
        bytes_max: usize,
    },
    /// The settings cannot be used.
    #[error("bad model setting {setting}: {detail}")]
    Settings {
        /// Name of the setting, as in the configuration file.
        setting: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The embedding model's files are missing, damaged or not the pinned ones.
    #[error(
        "cannot use the embedding model at {path}: {detail}; run `make model` to fetch it (lexical search works without it)"
    )]
    Weights {
        /// File or directory that was looked at.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The embedding model failed on a text.
    #[error("failed to embed text: {detail}")]
    Embedding {
        /// What went wrong.
        detail: String,
    },
    /// The embedding server failed or sent something else than embeddings.
    #[error(
        "the embedding server failed: {detail}; check embedding.base_url, embedding.model and embedding.api_key"
    )]
    EmbeddingServer {
        /// What happened, shortened.
        detail: String,
    },
    /// Embeddings are not as long as the settings say, or not all of one length.
    #[error(
        "the embedding server sent vectors of {found} dimensions where {expected} are wanted; set embedding.dimensions to what the model gives, or 0 for its own, and index the documents again"
    )]
    EmbeddingDimensions {
        /// Dimensions of a vector that came.
        found: usize,
        /// Dimensions wanted.
        expected: usize,
    },
    /// A prompt file or the slots given to it are wrong.
    #[error("bad prompt {name}: {detail}")]
    Prompt {
        /// Name of the prompt, or of its file where the name is not known yet.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// What was being waited for when the time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The first piece of text.
    FirstToken,
    /// The whole answer.
    Total,
}

impl LlmError {
    /// One word for receipts, metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Rejected { .. } => "rejected",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Timeout { .. } => "timeout",
            Self::Cancelled => "cancelled",
            Self::BadResponse { .. } => "bad_response",
            Self::Overlong { .. } => "overlong",
            Self::Settings { .. } => "settings",
            Self::Weights { .. } => "weights",
            Self::Embedding { .. } => "embedding",
            Self::EmbeddingServer { .. } => "embedding_server",
            Self::EmbeddingDimensions { .. } => "embedding_dimensions",
            Self::Prompt { .. } => "prompt",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::FirstToken => "first token",
            Self::Total => "complete answer",
        })
    }
}

fn after(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(
        || "; try again later".to_owned(),
        |wait| format!("; try again in {} s", wait.as_secs().max(1)),
    )
}

#[cfg(test)]
mod tests {
    use super::{LlmError, Stage};
    use std::time::Duration;

    #[test]
    fn messages_say_what_to_do() {
        let limited = LlmError::RateLimited { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(
            limited.to_string(),
            "the model server is rate limiting this key; try again in 7 s"
        );
        let slow = LlmError::Timeout { stage: Stage::FirstToken };
        assert!(slow.to_string().starts_with("the model gave no first token in time"));
        let weights = LlmError::Weights { path: "model".to_owned(), detail: "absent".to_owned() };
        assert!(weights.to_string().contains("run `make model`"));
    }
}
