//! Chunks as points and questions as filters, in the server's own terms.

use std::collections::HashMap;

use groundcrew_telemetry::Timestamp;
use qdrant_client::qdrant::{Condition, Filter, PointId, PointStruct, Range, Value};

use super::super::catalog::{Catalog, ChunkEntry, DocumentEntry};
use super::super::vector_store::VectorQuery;
use super::super::vectors::Vectors;

/// Fields of a payload.
pub(super) const CHUNK: &str = "chunk";
pub(super) const KIND: &str = "kind";
pub(super) const SERVICE: &str = "service";
pub(super) const TEAM: &str = "team";
pub(super) const SEVERITY: &str = "severity";
/// Milliseconds since the epoch, which a double holds exactly.
pub(super) const DATE: &str = "date";

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The points of the chunks at `positions`; those without a vector have none.
pub(super) fn points_of(
    catalog: &Catalog,
    vectors: &Vectors,
    positions: std::ops::Range<usize>,
) -> Vec<PointStruct> {
    let point = |position: usize| {
        let (scale, codes) = vectors.get(position)?;
        let chunk = catalog.chunks.get(position)?;
        let document = catalog.documents.get(chunk.document as usize)?;
        let vector: Vec<f32> = codes.iter().map(|code| f32::from(*code) * scale).collect();
        let id = point_id(catalog, chunk, position, codes);
        Some(PointStruct::new(id, vector, payload(document, position)))
    };
    positions.filter_map(point).collect()
}

/// A UUID made of what the point is about: its source, its document's place there, its own place in it, its vector.
fn point_id(catalog: &Catalog, chunk: &ChunkEntry, position: usize, codes: &[i8]) -> PointId {
    let document = catalog.documents.get(chunk.document as usize);
    let source = document.and_then(|document| catalog.sources.get(document.source as usize));
    let within = document.map_or(0, |document| position - document.chunks.start as usize);
    let mut hasher = blake3::Hasher::new();
    hasher.update(source.map_or("", String::as_str).as_bytes());
    hasher.update(&[0]);
    hasher.update(&chunk.document.to_le_bytes());
    hasher.update(&(within as u64).to_le_bytes());
    hasher.update(&codes.iter().flat_map(|code| code.to_ne_bytes()).collect::<Vec<u8>>());
    PointId::from(uuid_of(hasher.finalize().as_bytes()))
}

/// A hash in the form of a UUID of version 8, which leaves the content to whoever makes it (RFC 9562).
fn uuid_of(hash: &[u8; 32]) -> String {
    let mut text = String::with_capacity(36);
    for (number, byte) in hash.iter().take(16).enumerate() {
        let byte = match number {
            6 => byte & 0x0f | 0x80,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        if matches!(number, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn payload(document: &DocumentEntry, position: usize) -> HashMap<String, Value> {
    let seen = &document.payload;
    let services: Vec<String> = seen.services.iter().map(|name| folded(name)).collect();
    let mut payload = HashMap::from([
        (CHUNK.to_owned(), Value::from(i64::try_from(position).unwrap_or(i64::MAX))),
        (KIND.to_owned(), Value::from(seen.kind.name())),
        (SERVICE.to_owned(), Value::from(services)),
    ]);
    let texts = [(TEAM, &seen.team), (SEVERITY, &seen.severity)];
    for (field, text) in texts {
        let folded = text.as_deref().map(folded);
        payload.extend(folded.map(|text| (field.to_owned(), Value::from(text))));
    }
    payload.extend(seen.date.map(|date| (DATE.to_owned(), Value::from(millis(date)))));
    payload
}

/// The question's conditions; `None` when it has none.
pub(super) fn filter_of(query: &VectorQuery<'_>) -> Option<Filter> {
    let filter = query.filter;
    let kinds: Vec<String> = filter.kinds.iter().map(|kind| kind.name().to_owned()).collect();
    let any = |field: &str, wanted: &[String]| {
        let wanted: Vec<String> = wanted.iter().map(|name| folded(name)).collect();
        (!wanted.is_empty()).then(|| Condition::matches(field, wanted))
    };
    let dated = filter.dates.map(|dates| Range {
        gte: Some(millis(dates.start) as f64),
        lt: Some(millis(dates.end) as f64),
        ..Range::default()
    });
    let conditions: Vec<Condition> = [
        any(KIND, &kinds),
        any(SERVICE, &filter.services),
        any(TEAM, &filter.teams),
        any(SEVERITY, &filter.severities),
        dated.map(|dates| Condition::range(DATE, dates)),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!conditions.is_empty()).then(|| Filter::must(conditions))
}

/// A name as it is compared: upper and lower case are one.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn millis(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_PER_MILLI)
}

#[cfg(test)]
mod tests {
    use super::uuid_of;

    #[test]
    fn ids_are_uuids_of_version_8() {
        assert_eq!(uuid_of(&[0xff; 32]), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!(uuid_of(&[0; 32]), "00000000-0000-8000-8000-000000000000");
    }
}
