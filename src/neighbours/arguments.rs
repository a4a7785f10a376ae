//! Checks what a tool is given against what it says it takes.

use serde_json::{Map, Value};

use crate::investigate::evidence::shorten;

/// Longest complaint, in bytes.
const COMPLAINT_BYTES_MAX: usize = 300;

/// Whether the arguments fit the schema.
///
/// # Errors
/// In words, what does not fit, or that the schema cannot be used.
pub(super) fn check(schema: &Value, arguments: &Map<String, Value>) -> Result<(), String> {
    // References that lead elsewhere are not followed: this is built without a resolver.
    let validator = jsonschema::validator_for(schema)
        .map_err(|_| "the tool's schema cannot be used, so it is not asked".to_owned())?;
    let given = Value::Object(arguments.clone());
    match validator.iter_errors(&given).next() {
        None => Ok(()),
        Some(error) => {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "the arguments".to_owned() } else { place };
            Err(shorten(
                &format!("{place} do not fit the tool's schema: {error}"),
                COMPLAINT_BYTES_MAX,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fits(schema: Value, given: Value) -> Result<(), String> {
        check(&schema, given.as_object().unwrap())
    }

    #[test]
    fn what_does_not_fit_is_not_asked() {
        let schema = json!({"type": "object", "properties": {"q": {"type": "string"}, "limit": {"type": "integer", "maximum": 10}},
            "required": ["q"], "additionalProperties": false});
        assert!(fits(schema.clone(), json!({"q": "pool", "limit": 3})).is_ok());
        for wrong in [
            json!({}),
            json!({"q": 7}),
            json!({"q": "x", "limit": 11}),
            json!({"q": "x", "more": 1}),
        ] {
            assert!(fits(schema.clone(), wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_schema_that_cannot_be_used_or_leads_elsewhere_is_refused() {
        for schema in [json!({"type": 7}), json!({"$ref": "https://example.com/schema.json"})] {
            assert!(fits(schema.clone(), json!({})).is_err(), "{schema}");
        }
    }
}
