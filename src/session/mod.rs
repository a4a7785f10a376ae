//! Conversations: runs belong to the server, not to a socket. A reader may leave and resume by sequence number.

mod conversation;
mod sessions;

pub use conversation::{Conversation, Logged, RunEvent, RunStatus, Tail};
pub use sessions::{AskError, Sessions, SessionsOptions};
