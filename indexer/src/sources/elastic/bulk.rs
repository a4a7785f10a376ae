//! A bulk request line by line: an action, and for most actions the document it is about.

use groundcrew_telemetry::{Resource, Timestamp, Value};
use serde::Deserialize;

use crate::sources::files::entries::LogEntries;
use crate::sources::files::origin::stem;
use crate::sources::files::plain_json::PlainJson;
use crate::sources::http_body::{HttpRefusal, Room};
use crate::sources::pieces::{ENTRY_BYTES_MAX, text_of};
use crate::stages::decode::Decoded;

/// Items of one request. The answer has an entry for each.
const ITEMS_MAX: usize = 100_000;
/// What a record takes in memory beside its texts, with its entry in the answer.
const ITEM_BYTES: usize = 512;
/// A document, as a tree and as the text it came in, against its length on the wire.
const DOCUMENT_FACTOR: usize = 4;
/// Documents that are collected before they go into batches.
const DOCUMENTS_PER_BATCH: usize = 2_000;

/// A bulk request after decoding.
pub struct Bulk {
    /// What can be stored.
    pub decoded: Decoded,
    /// What the answer is about, in order.
    pub items: Vec<BulkItem>,
}

/// One item of a bulk request.
pub struct BulkItem {
    /// `create`, `index`, `update` or `delete`.
    pub action: &'static str,
    /// The index it names, else the one of the request; may be empty.
    pub index: String,
    /// The id it names.
    pub id: Option<String>,
    /// Why it is not stored.
    pub problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ActionLine {
    Create(Target),
    Index(Target),
    Update(Target),
    Delete(Target),
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "_index")]
    index: Option<String>,
    #[serde(rename = "_id")]
    id: Option<PlainJson>,
}

/// Turns an expanded bulk request into batches; `index` is the one its path names, `now` the time of receipt.
///
/// # Errors
/// When an action cannot be read or lacks its document, for then nothing that follows can be told apart; or when there
/// is no room.
pub fn decode(
    body: &[u8],
    index: &str,
    now: Timestamp,
    room: &mut Room,
) -> Result<Bulk, HttpRefusal> {
    let mut lines = text_of(body)?.split('\n').zip(1_u64..);
    let mut bulk = Bulk { decoded: Decoded::default(), items: Vec::new() };
    let mut documents = Documents::of(index, now);
    while let Some((line, number)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        if bulk.items.len() >= ITEMS_MAX {
            return Err(HttpRefusal::Malformed(format!("more than {ITEMS_MAX} items")));
        }
        let mut item = action_of(line, index).map_err(|reason| {
            HttpRefusal::Malformed(format!("line {number} is no action: {reason}"))
        })?;
        room.take(ITEM_BYTES + line.len())?;
        match item.action {
            "delete" => item.problem = Some(ONLY_NEW.to_owned()),
            action => {
                let document = lines.next().map(|(line, _)| line.trim()).unwrap_or_default();
                if document.is_empty() {
                    let reason = format!("the action on line {number} has no document after it");
                    return Err(HttpRefusal::Malformed(reason));
                }
                room.take(document.len() * DOCUMENT_FACTOR)?;
                item.problem = match action {
                    "update" => Some(ONLY_NEW.to_owned()),
                    _ => documents.take(document, &item.index, &mut bulk.decoded).err(),
                };
            }
        }
        bulk.items.push(item);
    }
    if bulk.items.is_empty() {
        return Err(HttpRefusal::Malformed("the request holds no items".to_owned()));
    }
    documents.flush(&mut bulk.decoded);
    Ok(bulk)
}

const ONLY_NEW: &str = "only new documents are taken; send create or index";

fn action_of(line: &str, index: &str) -> Result<BulkItem, serde_json::Error> {
    let (action, target) = match serde_json::from_str(line)? {
        ActionLine::Create(target) => ("create", target),
        ActionLine::Index(target) => ("index", target),
        ActionLine::Update(target) => ("update", target),
        ActionLine::Delete(target) => ("delete", target),
    };
    let id = target.id.and_then(|id| id.0).map(|id| id.text().into_owned());
    let index = target.index.unwrap_or_else(|| index.to_owned());
    Ok(BulkItem { action, index, id, problem: None })
}

/// Documents on their way into batches, those of one index after the other.
struct Documents {
    index: String,
    entries: LogEntries,
    now: Timestamp,
}

impl Documents {
    fn of(index: &str, now: Timestamp) -> Self {
        let mut resource = Resource::default();
        // For want of a service in the document.
        let service = service_of(index);
        if !service.is_empty() {
            resource.attributes.set("service.name", service);
        }
        Self { index: index.to_owned(), entries: LogEntries::new(resource, false), now }
    }

    /// Takes one document; an error says why it is none.
    fn take(&mut self, text: &str, index: &str, into: &mut Decoded) -> Result<(), String> {
        if text.len() > ENTRY_BYTES_MAX {
            return Err(format!("the document is longer than {ENTRY_BYTES_MAX} bytes"));
        }
        let object = match serde_json::from_str(text) {
            Ok(PlainJson(Some(Value::Map(object)))) => object,
            Ok(_) => return Err("the document is not an object".to_owned()),
            Err(error) => return Err(format!("the document is not JSON: {error}")),
        };
        if index != self.index || self.entries.open >= DOCUMENTS_PER_BATCH {
            self.flush(into);
            *self = Self::of(index, self.now);
        }
        self.entries.object(text, object, self.now, false);
        Ok(())
    }

    fn flush(&mut self, into: &mut Decoded) {
        into.notes.add(self.entries.notes);
        into.batches.extend(self.entries.take());
    }
}

/// The name that an index leaves of itself without what is appended for a day or a version: `logs-nginx-2026.11.29` is
/// `logs-nginx`; of a data stream (`logs-nginx.access-prod`), what it is of.
fn service_of(index: &str) -> &str {
    let data_stream = index.strip_prefix("logs-").and_then(|rest| rest.rsplit_once('-'));
    match data_stream {
        Some((dataset, namespace)) if !namespace.contains(|c: char| c.is_ascii_digit()) => dataset,
        _ => stem(index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_names_what_it_is_of() {
        let cases = [
            ("filebeat-8.8.0", "filebeat"),
            ("logs-nginx.access-prod", "nginx.access"),
            ("logs-nginx-2026.11.29", "logs-nginx"),
            ("checkout", "checkout"),
            ("", ""),
        ];
        for (index, service) in cases {
            assert_eq!(service_of(index), service, "{index}");
        }
    }
}
