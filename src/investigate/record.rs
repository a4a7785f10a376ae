//! What is kept of a run beside its answer: everything that was said and did not hold, every word that went to a model
//! and came back. Nobody reads it in passing; it answers "why does it say that" months later, and goes into capsules.

use serde::{Deserialize, Serialize};

use super::question::{Plan, Question};

/// The record of one run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Sentences that did not hold.
    #[serde(default)]
    pub struck: Vec<Struck>,
    /// What was said to a model and what it said, in order.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
}

/// What an answer was asked with: enough to look at the same again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The question, masked.
    pub question: Question,
    /// Where it was looked, which depends on what the stores held then.
    pub plan: Plan,
}

/// A sentence that was cut before anybody read it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Struck {
    /// The sentence.
    pub text: String,
    /// What it cited.
    pub cites: Vec<String>,
    /// Why it does not hold.
    pub why: String,
}

/// One request to a model and its reply.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// The model.
    pub model: String,
    /// Name and version of the prompt: `explain v2`.
    pub prompt: String,
    /// BLAKE3 of the whole text that was sent, hexadecimal.
    pub prompt_hash: String,
    /// The text that was sent, masked, one entry a message.
    pub sent: Vec<String>,
    /// The reply; what came of it when it broke off.
    pub reply: String,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Milliseconds until the first piece of text, if one came.
    pub first_ms: Option<u64>,
    /// Milliseconds it took.
    pub ms: u64,
}
