//! Text to vectors, on this machine, without a server.

mod local;
mod weights;

#[cfg(test)]
mod tests;

pub use local::LocalEmbedder;
pub use weights::{MODEL_SHA256, TOKENIZER_SHA256};
