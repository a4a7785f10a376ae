//! What a chunk of an answer says.
//!
//! Only the few fields that are needed are looked at, each of which may be missing, null or of an odd type.

use serde_json::Value;

/// One chunk of an answer, as far as it could be understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) text: String,
    /// Whether the model is at work although there is no text yet, as reasoning models are.
    pub(super) reasoning: bool,
    pub(super) model: Option<String>,
    pub(super) finish: Option<String>,
    pub(super) input_tokens: Option<u32>,
    pub(super) output_tokens: Option<u32>,
    /// Set where the chunk is an error object instead.
    pub(super) error: Option<String>,
}

impl Chunk {
    /// Reads a chunk, or a whole answer of a server that does not stream; none where it is neither.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        if let Some(error) = fields.get("error").filter(|error| !error.is_null()) {
            return Some(Self { error: Some(error_text(error)), ..Self::default() });
        }
        let choice = value.pointer("/choices/0");
        if choice.is_none() && !fields.contains_key("choices") && !fields.contains_key("usage") {
            return None;
        }
        let said = choice.and_then(|choice| {
            choice.get("delta").filter(|delta| delta.is_object()).or_else(|| choice.get("message"))
        });
        let thought = |name| said.and_then(|said| said.get(name)).and_then(Value::as_str);
        let usage = |name| {
            let count = value.get("usage")?.get(name)?.as_u64()?;
            u32::try_from(count).ok()
        };
        Some(Self {
            text: said.and_then(|said| said.get("content")).map(content_text).unwrap_or_default(),
            reasoning: ["reasoning_content", "reasoning"]
                .into_iter()
                .any(|name| thought(name).is_some_and(|thought| !thought.is_empty())),
            model: string_at(value.get("model")),
            finish: string_at(choice.and_then(|choice| choice.get("finish_reason"))),
            input_tokens: usage("prompt_tokens"),
            output_tokens: usage("completion_tokens"),
            error: None,
        })
    }
}

/// What an error object says, or an error body.
pub(super) fn error_text(error: &Value) -> String {
    let inner = error.get("error").unwrap_or(error);
    let told = [inner.get("message"), inner.get("detail"), Some(inner)];
    let told = told.into_iter().flatten().find_map(Value::as_str);
    told.map_or_else(|| inner.to_string(), str::to_owned)
}

/// Content is a string, or a list of parts some of which are text.
fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

fn string_at(value: Option<&Value>) -> Option<String> {
    value?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Chunk, error_text};
    use proptest::prelude::{any, proptest};
    use serde_json::{Value, json};

    #[test]
    fn chunks_of_many_servers_are_understood() {
        let text = |value: Value| Chunk::read(&value).map(|chunk| chunk.text);
        assert_eq!(text(json!({"choices": [{"delta": {"content": "a"}}]})).unwrap(), "a");
        assert_eq!(
            text(json!({"choices": [{"message": {"content": "b"}, "delta": null}]})).unwrap(),
            "b"
        );
        assert_eq!(
            text(json!({"choices": [{"delta": {"content": [{"type": "text", "text": "c"}]}}]}))
                .unwrap(),
            "c"
        );
        assert_eq!(
            text(json!({"choices": [{"delta": {"content": null, "role": "assistant"}}]})).unwrap(),
            ""
        );
        assert_eq!(text(json!({"choices": [], "usage": null})).unwrap(), "");
        assert_eq!(text(json!({"choices": "none"})).unwrap(), "");
        assert_eq!(text(json!({"hello": 1})), None);
        assert_eq!(text(json!([1])), None);
        let usage = Chunk::read(&json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": -1}, "model": "x"})).unwrap();
        assert_eq!(
            (usage.input_tokens, usage.output_tokens, usage.model.as_deref()),
            (Some(5), None, Some("x"))
        );
        let thinking =
            Chunk::read(&json!({"choices": [{"delta": {"reasoning_content": "hm"}}]})).unwrap();
        assert!(thinking.reasoning && thinking.text.is_empty());
    }

    #[test]
    fn errors_are_told_in_the_servers_words() {
        assert_eq!(error_text(&json!({"error": {"message": "no such model"}})), "no such model");
        assert_eq!(error_text(&json!({"error": "plain"})), "plain");
        assert_eq!(error_text(&json!({"detail": "nested"})), "nested");
        assert_eq!(error_text(&json!({"odd": 1})), "{\"odd\":1}");
        assert!(Chunk::read(&json!({"error": {"message": "overloaded"}})).unwrap().error.is_some());
    }

    proptest! {
        #[test]
        fn no_json_panics(text in any::<String>(), number in any::<i64>()) {
            for value in [json!(text), json!({"choices": [text]}), json!({"choices": [{"delta": text}], "usage": number}),
                json!({"choices": [{"delta": {"content": number}, "finish_reason": number}]})] {
                drop(Chunk::read(&value));
                drop(error_text(&value));
            }
        }
    }
}
