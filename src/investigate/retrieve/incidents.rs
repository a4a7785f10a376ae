//! Past incidents: those that people vouched for, and those that documents tell.

use groundcrew_indexer::docs::symptoms_of;
use groundcrew_store::{DocumentFilter, DocumentHit, DocumentKind, DocumentQuery, Store};

use super::super::evidence::Gap;
use super::super::material::{Gathered, Passage, Remembered, RememberedSource};
use super::super::question::Plan;
use super::super::remembered::IncidentRecord;
use super::documents;

/// Records that are compared, the newest.
const RECORDS_MAX: usize = 2_000;
/// Documents that are compared, those whose text fits best.
const DOCUMENTS_MAX: usize = 10;

/// Reads what is remembered. `query` finds the documents. Nothing counts that the plan does not know of.
pub(super) fn gather(
    store: &Store,
    query: Option<DocumentQuery>,
    plan: &Plan,
    gathered: &mut Gathered,
) {
    match store.state().incidents(RECORDS_MAX) {
        Ok(stored) => gathered.memory.extend(
            stored
                .iter()
                .filter_map(|json| IncidentRecord::read(json))
                .filter(|record| record.struck.is_none())
                .filter(|record| plan.knows(Some(record.recorded_at)))
                .map(|record| Remembered {
                    fingerprint: record.fingerprint.clone(),
                    source: RememberedSource::Record(Box::new(record)),
                    text: 0.0,
                }),
        ),
        Err(error) => gathered.gaps.push(Gap::new(
            format!("past incidents could not be read: {error}"),
            "groundcrew doctor",
        )),
    }
    let Some(query) = query else { return };
    let filter = DocumentFilter { kinds: vec![DocumentKind::Incident], ..query.filter };
    let query = DocumentQuery { filter, limit: DOCUMENTS_MAX, ..query };
    // That documents cannot be searched was said when they were searched for runbooks.
    let Ok(hits) = store.documents().search(&query) else { return };
    for (hit, passage) in hits.clone().into_iter().zip(documents::ranked(hits)) {
        if plan.knows(passage.chunk.date) {
            take_document(&hit, passage, &mut gathered.memory);
        }
    }
}

/// A document joins the record that it tells of, if there is one, and stands for itself otherwise.
fn take_document(hit: &DocumentHit, passage: Passage, memory: &mut Vec<Remembered>) {
    let text = f64::from(hit.confidence());
    let told_of = passage.chunk.front_matter.str("incident").map(str::to_uppercase);
    let record = memory.iter_mut().find(|known| match &known.source {
        RememberedSource::Record(record) => told_of.as_deref() == Some(record.code.as_str()),
        RememberedSource::Document { .. } => false,
    });
    if let Some(record) = record {
        record.text = record.text.max(text);
        return;
    }
    let item = Box::new(documents::candidate(&passage));
    memory.push(Remembered {
        fingerprint: symptoms_of(&passage.chunk).unwrap_or_default(),
        source: RememberedSource::Document { passage: Box::new(passage), item },
        text,
    });
}
