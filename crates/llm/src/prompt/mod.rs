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
//! A reply that is `json` may have a `schema`, which servers that can are given to hold the model to; the system part
//! says in words what the reply looks like, for those that cannot.
//!
//! Every slot is declared and used, and every declared slot must be filled, by nothing else. Substitution is a single
//! pass: what a slot is filled with is never looked at for further slots. An untrusted slot takes masked text only,
//! stands in the user part only, and arrives between `<untrusted>` tags that its content cannot close.

mod render;
mod source;

#[cfg(test)]
mod tests;

pub use render::{Rendered, Slot, fenced};
pub use source::{Budget, Prompt, ReplyShape, Trust};
