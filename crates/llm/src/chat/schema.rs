//! The JSON schema of a reply, in the part of JSON Schema that servers enforce.
//!
//! Servers that hold a model to a schema hold it only to closed objects whose every property is required; anything else
//! they refuse or, worse, take and ignore. A schema that is not like that is refused here, where its author sees it.

use crate::LlmError;
use serde_json::Value;

/// Longest name that servers take, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Parts of a schema that hold one schema below each key.
const NAMED_PARTS: [&str; 2] = ["properties", "$defs"];

/// A JSON schema with the name that the server is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplySchema {
    name: String,
    schema: Value,
}

impl ReplySchema {
    /// Checks a schema.
    ///
    /// The name is made of at most 64 ASCII letters, digits, `_` and `-`. The schema is an object, and every object in
    /// it lists all its properties under `required` and says `additionalProperties: false`.
    ///
    /// # Errors
    /// [`LlmError::Prompt`] that says which part is not so.
    pub fn new(name: &str, schema: Value) -> Result<Self, LlmError> {
        let wrong = |detail: String| LlmError::Prompt { name: name.to_owned(), detail };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_name) {
            return Err(wrong("its name cannot be the name of a schema".to_owned()));
        }
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(wrong("its schema is not that of an object".to_owned()));
        }
        check(&schema, "the reply").map_err(wrong)?;
        Ok(Self { name: name.to_owned(), schema })
    }

    /// What the server is told that the schema is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema itself.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }
}

/// Looks at a schema and everything below it; `place` says where it stands.
fn check(schema: &Value, place: &str) -> Result<(), String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    if schema.get("type").and_then(Value::as_str) == Some("object") {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(format!("{place} does not say additionalProperties: false"));
        }
        let required = schema.get("required").and_then(Value::as_array);
        let names = properties.into_iter().flat_map(|properties| properties.keys());
        for name in names {
            let listed = required.is_some_and(|list| list.iter().any(|listed| listed == name));
            if !listed {
                return Err(format!("{place} does not require {name}"));
            }
        }
    }
    for part in NAMED_PARTS {
        let below = schema.get(part).and_then(Value::as_object);
        for (name, inner) in below.into_iter().flatten() {
            check(inner, name)?;
        }
    }
    if let Some(items) = schema.get("items") {
        check(items, &format!("an item of {place}"))?;
    }
    let choices = schema.get("anyOf").and_then(Value::as_array);
    for choice in choices.into_iter().flatten() {
        check(choice, place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ReplySchema;
    use serde_json::{Value, json};

    fn object(properties: Value, required: Value) -> Value {
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    #[test]
    fn a_closed_schema_is_taken_as_it_is() {
        let claim = object(json!({"text": {"type": "string"}}), json!(["text"]));
        let whole = object(json!({"claims": {"type": "array", "items": claim}}), json!(["claims"]));
        let schema = ReplySchema::new("explain-2", whole.clone()).unwrap();
        assert_eq!((schema.name(), schema.schema()), ("explain-2", &whole));
    }

    #[test]
    fn what_a_server_would_refuse_or_ignore_is_told_at_once() {
        let text = json!({"type": "string"});
        let open = json!({"type": "object", "properties": {}});
        let lax = object(json!({"text": text}), json!([]));
        for (name, schema, told) in [
            ("a b", object(json!({}), json!([])), "its name cannot be the name of a schema"),
            ("", object(json!({}), json!([])), "its name cannot be the name of a schema"),
            ("n", text.clone(), "its schema is not that of an object"),
            ("n", json!(null), "its schema is not that of an object"),
            ("n", open.clone(), "the reply does not say additionalProperties: false"),
            ("n", lax.clone(), "the reply does not require text"),
            (
                "n",
                object(json!({"all": {"type": "array", "items": lax}}), json!(["all"])),
                "an item of all does not require text",
            ),
            (
                "n",
                object(json!({"one": {"anyOf": [text, open]}}), json!(["one"])),
                "one does not say additionalProperties: false",
            ),
        ] {
            let error = ReplySchema::new(name, schema).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
