//! Language model, embedder and token counting.
//!
//! Read in this order: [`tokens`] counts what a prompt costs, [`prompt`] turns a prompt file and masked slots into a
//! [`ChatRequest`], [`chat`] sends it to a [`LanguageModel`], and [`embed`] turns text into vectors for document search.
//!
//! The crate is the only one that speaks to a model server and the only one that runs a neural network. It never
//! prints, exits or reads the environment, and it keeps no key in anything that can be printed. Everything that leaves
//! for a model server must have been masked before: prompts take their untrusted slots as
//! [`Masked`](groundcrew_masking::Masked) text.

pub mod chat;
pub mod embed;
mod error;
pub mod prompt;
pub mod tokens;

pub use chat::{
    ChatRequest, Completion, LanguageModel, LlmSettings, OpenAiCompatible, Reply, ReplyForm,
    ReplySchema, Role, Scripted, Turn,
};
pub use embed::{Embedder, EmbeddingSettings, LocalEmbedder, OpenAiEmbedder};
pub use error::{LlmError, Stage};
pub use prompt::{Prompt, Slot};
pub use tokens::{count_tokens, truncate_to_tokens};
