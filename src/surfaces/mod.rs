//! Wire to (question, event) and back, and nothing else. Surfaces never name each other; what they share is `wire` (the
//! JSON shapes), `feedback` (what people say about answers), `proposals` (what may be done),
//! `views` (how views are made), `access` (who may come in), `signature` (what is signed) and
//! `listen` (how connections are served).

pub mod access;
pub mod cost;
pub mod explore;
pub mod feedback;
pub mod hooks;
pub mod http;
pub mod listen;
pub mod mcp;
pub mod openai;
pub mod openapi;
pub mod panel;
mod prompt_stream;
pub mod proposals;
pub mod signature;
pub mod slack;
pub mod views;
pub mod wire;
#[cfg(test)]
mod wire_types;
pub mod ws;
