//! Slack: what people say to the app there, and what it says to them.

pub mod escape;
pub mod manifest;
pub mod message;
pub mod render;
