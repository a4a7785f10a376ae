//! What a request looks like on the wire, and what of it a server does not take.
//!
//! Servers that call themselves compatible differ. Everything that helps is sent at first; what a server refuses by name
//! is left out, for that question and all further ones.

use super::model::{ChatRequest, ReplyForm};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

/// Words with which servers refuse a form of the reply; not all name the field.
const FORM_WORDS: [&str; 8] = [
    "response_format",
    "response format",
    "json_schema",
    "json schema",
    "json_object",
    "json mode",
    "structured output",
    "grammar",
];

/// Which optional parts of a request a server takes. Learned from its refusals.
#[derive(Debug)]
pub(super) struct Dialect {
    streaming: AtomicBool,
    usage_in_stream: AtomicBool,
    // One does not follow from the other: there are servers that take a schema and refuse a mere object.
    schema_form: AtomicBool,
    object_form: AtomicBool,
    newer_output_limit: AtomicBool,
}

/// A part of a request that can be left out or said differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Streaming,
    UsageInStream,
    SchemaForm,
    ObjectForm,
    OutputLimit,
}

impl Dialect {
    /// Everything is sent at first; the newer name of the output limit only to the service that demands it.
    pub(super) fn new(newer_output_limit: bool) -> Self {
        Self {
            streaming: AtomicBool::new(true),
            usage_in_stream: AtomicBool::new(true),
            schema_form: AtomicBool::new(true),
            object_form: AtomicBool::new(true),
            newer_output_limit: AtomicBool::new(newer_output_limit),
        }
    }

    /// The body of a request in this dialect.
    pub(super) fn body(&self, model: &str, request: &ChatRequest) -> Value {
        let messages: Vec<Value> = request
            .messages()
            .map(|(role, content)| json!({"role": role.as_str(), "content": content}))
            .collect();
        let streaming = takes(&self.streaming);
        let mut body = json!({"model": model, "stream": streaming, "messages": messages});
        let Some(fields) = body.as_object_mut() else { return body };
        fields.insert(self.output_limit().to_owned(), request.output_tokens_max.into());
        if streaming && takes(&self.usage_in_stream) {
            fields.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        if let Some(form) = self.response_format(&request.reply) {
            fields.insert("response_format".to_owned(), form);
        }
        body
    }

    /// Adapts to a refusal that names an optional part of `sent`, and says which one; none where asking again would
    /// not differ.
    ///
    /// `sent` is the body that was refused: another request may have changed the dialect in the meantime.
    pub(super) fn adapt(&self, sent: &Value, refusal: &str) -> Option<Part> {
        let refusal = refusal.to_lowercase();
        let names = |word: &str| refusal.contains(word);
        let form = sent.pointer("/response_format/type").and_then(Value::as_str);
        if sent.get("stream_options").is_some()
            && (names("stream_options") || names("include_usage"))
        {
            self.usage_in_stream.store(false, Ordering::Relaxed);
            return Some(Part::UsageInStream);
        }
        if let Some(form) = form.filter(|_| FORM_WORDS.into_iter().any(names)) {
            return Some(self.without_form(form));
        }
        if streams(sent) && has_word(&refusal, &["stream", "streaming"]) {
            self.streaming.store(false, Ordering::Relaxed);
            return Some(Part::Streaming);
        }
        // Each name of the limit is refused by naming the other or itself, so either way the other one is tried.
        if names("max_tokens") || names("max_completion_tokens") {
            self.newer_output_limit.store(sent.get("max_tokens").is_some(), Ordering::Relaxed);
            return Some(Part::OutputLimit);
        }
        None
    }

    fn without_form(&self, form: &str) -> Part {
        if form == "json_schema" {
            self.schema_form.store(false, Ordering::Relaxed);
            return Part::SchemaForm;
        }
        self.object_form.store(false, Ordering::Relaxed);
        Part::ObjectForm
    }

    /// The strictest form that the server takes; the prompt says in words what it looks like in any case.
    fn response_format(&self, reply: &ReplyForm) -> Option<Value> {
        match reply {
            ReplyForm::Schema(schema) if takes(&self.schema_form) => Some(json!({
                "type": "json_schema",
                "json_schema": {"name": schema.name(), "strict": true, "schema": schema.schema()},
            })),
            ReplyForm::Schema(_) | ReplyForm::Json => {
                takes(&self.object_form).then(|| json!({"type": "json_object"}))
            }
            ReplyForm::Text => None,
        }
    }

    fn output_limit(&self) -> &'static str {
        if takes(&self.newer_output_limit) { "max_completion_tokens" } else { "max_tokens" }
    }
}

/// Whether a body asks for the answer in pieces.
pub(super) fn streams(body: &Value) -> bool {
    body.get("stream").and_then(Value::as_bool) == Some(true)
}

fn takes(part: &AtomicBool) -> bool {
    part.load(Ordering::Relaxed)
}

/// Whether one of `words` stands in the text as a word of its own: an "upstream error" is not about streaming.
fn has_word(text: &str, words: &[&str]) -> bool {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .any(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Part};
    use crate::{ChatRequest, ReplyForm, ReplySchema};
    use serde_json::{Value, json};

    fn asked(reply: ReplyForm) -> ChatRequest {
        ChatRequest { output_tokens_max: 9, reply, ..ChatRequest::default() }
    }

    fn schema() -> ReplyForm {
        let empty = json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
        ReplyForm::Schema(ReplySchema::new("empty", empty).unwrap())
    }

    fn form(body: &Value) -> Option<&str> {
        body.pointer("/response_format/type").map(|form| form.as_str().unwrap())
    }

    #[test]
    fn a_refused_field_is_left_out_and_only_that() {
        let dialect = Dialect::new(false);
        let first = dialect.body("m", &asked(ReplyForm::Json));
        assert_eq!(first["max_tokens"], 9);
        assert_eq!(first["stream_options"]["include_usage"], true);
        let refusal = "Unexpected keys in the request: {'stream_options'}";
        assert_eq!(dialect.adapt(&first, refusal), Some(Part::UsageInStream));
        let second = dialect.body("m", &asked(ReplyForm::Json));
        assert!(second.get("stream_options").is_none());
        assert_eq!(form(&second), Some("json_object"));
        assert_eq!(dialect.adapt(&second, "stream_options is unknown"), None);
        assert_eq!(
            dialect.adapt(&second, "response_format is not supported"),
            Some(Part::ObjectForm)
        );
        assert_eq!(form(&dialect.body("m", &asked(ReplyForm::Json))), None);
        assert_eq!(dialect.adapt(&second, "the prompt is too long"), None);
    }

    #[test]
    fn a_schema_falls_back_to_an_object_and_then_to_words() {
        // As servers say it: OpenAI, Groq, Azure, LM Studio, llama.cpp.
        for refusal in [
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with model version `m`.",
            "This model does not support response format `json_schema`.",
            "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later",
            "'response_format.type' must be 'text'",
            "Failed to parse grammar",
        ] {
            let dialect = Dialect::new(false);
            let strict = dialect.body("m", &asked(schema()));
            assert_eq!(form(&strict), Some("json_schema"));
            let told = &strict["response_format"]["json_schema"];
            assert_eq!((&told["name"], &told["strict"]), (&json!("empty"), &json!(true)));
            assert_eq!(told["schema"]["type"], "object");
            assert_eq!(dialect.adapt(&strict, refusal), Some(Part::SchemaForm));
            let loose = dialect.body("m", &asked(schema()));
            assert_eq!(form(&loose), Some("json_object"));
            assert_eq!(dialect.adapt(&loose, refusal), Some(Part::ObjectForm));
            let free = dialect.body("m", &asked(schema()));
            assert_eq!((form(&free), dialect.adapt(&free, refusal)), (None, None));
        }
    }

    #[test]
    fn a_server_that_takes_only_schemas_keeps_getting_them() {
        let dialect = Dialect::new(false);
        let loose = dialect.body("m", &asked(ReplyForm::Json));
        let refusal = "'response_format.type' must be 'json_schema' or 'text'";
        assert_eq!(dialect.adapt(&loose, refusal), Some(Part::ObjectForm));
        assert_eq!(form(&dialect.body("m", &asked(ReplyForm::Json))), None);
        assert_eq!(form(&dialect.body("m", &asked(schema()))), Some("json_schema"));
    }

    #[test]
    fn a_server_that_does_not_stream_is_asked_for_the_whole() {
        for refusal in [
            "Unsupported value: 'stream' does not support true with this model.",
            "Streaming completion is not support yet, please remove 'stream' key value",
            "`stream` is not supported for this model",
        ] {
            let dialect = Dialect::new(false);
            let pieces = dialect.body("m", &asked(ReplyForm::Text));
            assert_eq!(dialect.adapt(&pieces, "an upstream error"), None);
            assert_eq!(dialect.adapt(&pieces, refusal), Some(Part::Streaming));
            let whole = dialect.body("m", &asked(ReplyForm::Text));
            assert_eq!(
                (&whole["stream"], whole.get("stream_options")),
                (&json!(false), None),
                "{refusal}"
            );
            assert_eq!(dialect.adapt(&whole, refusal), None);
        }
    }

    #[test]
    fn the_limits_other_name_is_tried() {
        let dialect = Dialect::new(false);
        let older = dialect.body("m", &asked(ReplyForm::Text));
        let refusal = "'max_tokens' is not supported, use 'max_completion_tokens'";
        assert_eq!(dialect.adapt(&older, refusal), Some(Part::OutputLimit));
        let newer = dialect.body("m", &asked(ReplyForm::Text));
        assert_eq!((newer.get("max_tokens"), &newer["max_completion_tokens"]), (None, &json!(9)));
        assert_eq!(
            dialect.adapt(&newer, "unknown field max_completion_tokens"),
            Some(Part::OutputLimit)
        );
        assert_eq!(dialect.body("m", &asked(ReplyForm::Text))["max_tokens"], 9);
    }

    #[test]
    fn further_turns_come_after_what_was_said() {
        let dialect = Dialect::new(false);
        let first = ChatRequest {
            system: "rules".to_owned(),
            user: "question".to_owned(),
            ..ChatRequest::default()
        };
        let second = first.clone().and_then("look at E1", "E1 says so");
        let messages = dialect.body("m", &second)["messages"].clone();
        assert_eq!(
            messages,
            json!([
                {"role": "system", "content": "rules"},
                {"role": "user", "content": "question"},
                {"role": "assistant", "content": "look at E1"},
                {"role": "user", "content": "E1 says so"},
            ])
        );
        let before = dialect.body("m", &first)["messages"].clone();
        assert!(messages.as_array().unwrap().starts_with(before.as_array().unwrap()));
    }
}
