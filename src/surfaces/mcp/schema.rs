//! JSON schemas of what tools take and give, derived from the types that are read and written.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema of a type, in one piece and closed: no references, no fields beside those that are named.
pub(super) fn of<T: JsonSchema>() -> Arc<JsonObject> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    close(&mut schema);
    let Value::Object(mut schema) = schema else { return Arc::default() };
    // What a tool is, its description says.
    for noise in ["title", "description", "$schema"] {
        schema.remove(noise);
    }
    Arc::new(schema)
}

/// Closes every object, and leaves out the names of Rust's integers, which validators do not know as formats.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("format").is_some_and(Value::is_string) {
                fields.remove("format");
            }
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
