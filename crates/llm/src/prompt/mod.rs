//! Prompt files: front matter, a system part and a user part with slots.
//!
//! ```text
//! ---
//! name: greet
//! version: 1
//! inputs:
//!   limit: { trust: ours, about: how many words }
//!   question: { trust: untrusted, about: what the person asked }
//! budget: { input_tokens: 1000, output_tokens: 100 }
//! reply: text
//! ---
//! # System
//! Answer in at most {{limit}} words.
//! # User
//! {{question}}
//! ```
//!
//! Every slot is declared and used, and every declared slot must be filled, by nothing else. Substitution is a single
//! pass: what a slot is filled with is never looked at for further slots. An untrusted slot takes masked text only,
//! stands in the user part only, and arrives between `<untrusted>` tags that its content cannot close.

mod render;
mod source;

#[cfg(test)]
mod tests;

pub use render::{Rendered, Slot};
pub use source::{Budget, Prompt, ReplyShape, Trust};
