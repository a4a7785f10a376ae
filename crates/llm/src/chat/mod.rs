//! Chat with a language model: what is asked, what comes back, and who answers.

mod config;
mod model;
mod openai;
mod scripted;
mod transport;
mod wire;

#[cfg(test)]
mod openai_tests;
#[cfg(test)]
mod server;

pub use config::LlmSettings;
pub use model::{ChatRequest, Completion, LanguageModel};
pub use openai::OpenAiCompatible;
pub use scripted::{Reply, Scripted};
