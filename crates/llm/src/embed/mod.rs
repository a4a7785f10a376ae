//! Text to vectors.
//!
//! [`Embedder`] is what every embedder can do. [`LocalEmbedder`] does it on this machine: `weights` reads the model's
//! files, `network` is the model, made of the products in `matrix` and of what is between them in `elementwise`, and
//! `parallel` uses all cores. [`OpenAiEmbedder`] has it done by a server.

mod elementwise;
mod embedder;
mod local;
mod matrix;
mod network;
mod openai;
mod parallel;
mod weights;

#[cfg(test)]
mod openai_tests;
#[cfg(test)]
mod tests;

pub use embedder::Embedder;
pub use local::LocalEmbedder;
pub use openai::{EmbeddingSettings, OpenAiEmbedder};
pub use weights::{MODEL_SHA256, TOKENIZER_SHA256};
