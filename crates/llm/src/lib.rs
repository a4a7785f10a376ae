//! Language model, embedder and token counting.
