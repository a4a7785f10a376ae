//! What a bulk request came to, as Elasticsearch tells it.

use std::time::Duration;

use serde_json::{Value, json};

use super::bulk::BulkItem;

/// The answer to a bulk request. `mark` makes ids where the sender gave none; `withheld` is how many records could not be
/// masked and so were not stored.
pub(super) fn bulk(items: &[BulkItem], mark: &[u8], withheld: u64, took: Duration) -> Vec<u8> {
    let mark: String = mark.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let errors = items.iter().any(|item| item.problem.is_some());
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let mut written = format!("{{\"took\":{took},\"errors\":{errors},").into_bytes();
    if withheld > 0 {
        written.extend_from_slice(format!("\"withheld\":{withheld},").as_bytes());
    }
    written.extend_from_slice(b"\"items\":[");
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            written.push(b',');
        }
        written.extend_from_slice(item_of(item, &mark, position).to_string().as_bytes());
    }
    written.extend_from_slice(b"]}");
    written
}

fn item_of(item: &BulkItem, mark: &str, position: usize) -> Value {
    let index = if item.index.is_empty() { "groundcrew" } else { item.index.as_str() };
    let id = item.id.clone().unwrap_or_else(|| format!("{mark}-{position}"));
    let told = match &item.problem {
        None => json!({
            "_index": index, "_id": id, "_version": 1, "result": "created",
            "_shards": { "total": 1, "successful": 1, "failed": 0 },
            "_seq_no": 0, "_primary_term": 1, "status": 201,
        }),
        Some(reason) => json!({
            "_index": index, "_id": id, "status": 400,
            "error": { "type": "document_parsing_exception", "reason": reason },
        }),
    };
    json!({ item.action: told })
}
