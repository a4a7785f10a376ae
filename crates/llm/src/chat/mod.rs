//! Chat with a language model: what is asked, what comes back, and who answers.

mod config;
mod dialect;
mod model;
mod openai;
mod schema;
mod scripted;
mod transport;
mod wire;

#[cfg(test)]
mod openai_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
pub(crate) mod server;

pub(crate) use config::{ServerConfig, SettingNames, bad_setting};
pub(crate) use openai::{chain, detail, http_client, refusal_detail};
pub(crate) use transport::{Refusal, refusal};

pub use config::LlmSettings;
pub use model::{ChatRequest, Completion, LanguageModel, ReplyForm, Role, Turn};
pub use openai::OpenAiCompatible;
pub use schema::ReplySchema;
pub use scripted::{Reply, Scripted};
