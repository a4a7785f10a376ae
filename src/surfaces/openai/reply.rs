//! An answer as a completion: whole, or in pieces as server-sent events.

use groundcrew_telemetry::Timestamp;
use serde_json::{Value, json};

use crate::investigate::answer::Answer;
use crate::investigate::evidence::Evidence;
use crate::markdown::{Citing, cited, markdown};

/// What all pieces of one completion have in common.
#[derive(Clone, Debug)]
pub(super) struct Completion {
    /// Its id, `chatcmpl-` and a random part.
    pub id: String,
    /// Seconds since 1970.
    pub created: i64,
    /// The model as it was asked for.
    pub model: String,
}

/// What is said in reply.
pub(super) struct Said {
    /// Markdown.
    pub text: String,
    /// What it cost, in the shape of the API.
    pub usage: Value,
    /// What an answer has beside its text; null for a chore.
    pub evidence: Value,
}

impl Said {
    /// An answer.
    pub(super) fn answer(answer: &Answer) -> Self {
        let tokens = |count: Option<u32>| u64::from(count.unwrap_or(0));
        let (sent, received) =
            (tokens(answer.usage.input_tokens), tokens(answer.usage.output_tokens));
        let evidence: Vec<&Evidence> = cited(answer);
        Self {
            text: markdown(answer, Citing::Footnotes),
            usage: usage(sent, received),
            evidence: json!({
                "answer_id": answer.answer_id,
                "incident": answer.incident,
                "verdict": answer.verdict,
                "confidence": answer.confidence,
                "evidence": evidence,
            }),
        }
    }

    /// A text that no investigation stands behind.
    pub(super) fn at_once(text: String) -> Self {
        Self { text, usage: usage(0, 0), evidence: Value::Null }
    }
}

/// The tokens that a language model took, as its server counted them; none without one.
fn usage(sent: u64, received: u64) -> Value {
    json!({"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received})
}

impl Completion {
    /// A new one.
    pub(super) fn new(model: &str, now: Timestamp) -> Self {
        let id = format!("chatcmpl-{}", uuid::Uuid::new_v4().simple());
        Self { id, created: now.nanos() / 1_000_000_000, model: model.to_owned() }
    }

    /// All of it in one object.
    pub(super) fn whole(&self, said: &Said) -> Value {
        let message = json!({"role": "assistant", "content": said.text, "refusal": null});
        let choice =
            json!({"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"});
        let mut whole = self.object("chat.completion", json!([choice]));
        set(&mut whole, "usage", said.usage.clone());
        if !said.evidence.is_null() {
            set(&mut whole, "groundcrew", said.evidence.clone());
        }
        whole
    }

    /// The first piece, which says who speaks.
    pub(super) fn beginning(&self) -> Value {
        self.piece(json!({"role": "assistant", "content": ""}), Value::Null)
    }

    /// The pieces of a text and the end.
    pub(super) fn pieces(&self, said: &Said, include_usage: bool) -> Vec<Value> {
        let lines = said.text.split_inclusive('\n');
        let mut pieces: Vec<Value> =
            lines.map(|line| self.piece(json!({"content": line}), Value::Null)).collect();
        let mut last = self.piece(json!({}), json!("stop"));
        if !said.evidence.is_null() {
            set(&mut last, "groundcrew", said.evidence.clone());
        }
        pieces.push(last);
        if include_usage {
            pieces.iter_mut().for_each(|piece| set(piece, "usage", Value::Null));
            let mut used = self.object("chat.completion.chunk", json!([]));
            set(&mut used, "usage", said.usage.clone());
            pieces.push(used);
        }
        pieces
    }

    fn piece(&self, delta: Value, finish_reason: Value) -> Value {
        let choice =
            json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        self.object("chat.completion.chunk", json!([choice]))
    }

    fn object(&self, kind: &str, choices: Value) -> Value {
        json!({"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices})
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}
