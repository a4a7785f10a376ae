//! Documents by words and meaning, and which alerts a runbook covers.

use groundcrew_indexer::docs::embed_query;
use groundcrew_store::{DocumentFilter, DocumentHit, DocumentKind, DocumentQuery, Store};
use groundcrew_telemetry::{TimeRange, Timestamp};

use super::overview::folded_alerts;
use super::view::{CoverageRow, DocumentRow, DocumentsView, Time};
use super::when::{Asked, ExploreError, given};
use crate::investigate::Investigator;

/// Documents listed.
const DOCUMENTS_MAX: usize = 30;
/// Alerts whose runbook is looked for.
const ALERTS_MAX: usize = 40;
/// How far back alerts are covered.
const COVERED_SECS: i64 = 7 * 86_400;
/// Longest query, in bytes.
const QUERY_BYTES_MAX: usize = 2_000;

/// Documents.
///
/// # Errors
/// When the query is too long or the store cannot be read.
pub fn documents(
    investigator: &Investigator,
    asked: &Asked,
    now: Timestamp,
) -> Result<DocumentsView, ExploreError> {
    if asked.q.len() > QUERY_BYTES_MAX {
        return Err(ExploreError::Bad(format!("a query has at most {QUERY_BYTES_MAX} bytes")));
    }
    let store = &investigator.store;
    let counts = store.documents().counts()?;
    let hits = match given(&asked.q) {
        Some(words) if counts.documents > 0 => find(investigator, words, Vec::new())?,
        _ => Vec::new(),
    };
    Ok(DocumentsView {
        query: asked.q.trim().to_owned(),
        documents: hits.into_iter().map(row).collect(),
        indexed: counts.documents,
        runbooks: counts.runbooks,
        incidents: counts.incidents,
        coverage: coverage(store, now)?,
    })
}

/// Documents of these kinds that answer the words, best first; of every kind when none is given.
///
/// # Errors
/// When the query is too long or the store cannot be read.
pub fn passages(
    investigator: &Investigator,
    words: &str,
    kinds: Vec<DocumentKind>,
) -> Result<Vec<DocumentRow>, ExploreError> {
    if words.len() > QUERY_BYTES_MAX {
        return Err(ExploreError::Bad(format!("a query has at most {QUERY_BYTES_MAX} bytes")));
    }
    Ok(find(investigator, words, kinds)?.into_iter().map(row).collect())
}

fn find(
    investigator: &Investigator,
    words: &str,
    kinds: Vec<DocumentKind>,
) -> Result<Vec<DocumentHit>, ExploreError> {
    let documents = investigator.store.documents();
    // Without weights, or with vectors of another model, words alone find.
    let vector = investigator
        .embedder
        .get()
        .ok()
        .and_then(|embedder| embed_query(documents, embedder, words).ok().flatten());
    let filter = DocumentFilter { kinds, ..DocumentFilter::default() };
    let query = DocumentQuery { text: words.to_owned(), vector, filter, limit: DOCUMENTS_MAX };
    Ok(documents.search(&query)?)
}

fn row(hit: DocumentHit) -> DocumentRow {
    let confidence = hit.confidence();
    let chunk = hit.chunk;
    DocumentRow {
        document: chunk.document,
        kind: chunk.kind.name().to_owned(),
        title: chunk.title,
        heading: chunk.heading_path,
        text: chunk.text,
        line_start: chunk.line_start,
        line_end: chunk.line_end,
        services: chunk.services,
        alerts: chunk.alerts,
        date: chunk.date.map(Time),
        confidence,
    }
}

/// Alerts of the last week, those without a runbook first.
fn coverage(store: &Store, now: Timestamp) -> Result<Vec<CoverageRow>, ExploreError> {
    let week = TimeRange::new(now.plus_secs(-COVERED_SECS), now.plus_secs(1));
    let mut alerts = folded_alerts(store, week)?;
    alerts.truncate(ALERTS_MAX);
    let mut rows = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let filter =
            DocumentFilter { kinds: vec![DocumentKind::Runbook], ..DocumentFilter::default() };
        let text = format!("{} {}", alert.name, alert.text);
        let query = DocumentQuery { text, vector: None, filter, limit: 5 };
        let hits = store.documents().search(&query)?;
        let names = |hit: &&DocumentHit| hit.chunk.alerts.contains(&alert.name);
        let covers = hits
            .iter()
            .find(names)
            .or_else(|| hits.first().filter(|hit| hit.confidence() >= DocumentHit::CONFIDENCE_MIN));
        rows.push(CoverageRow {
            runbook: covers.map(|hit| hit.chunk.title.clone()),
            document: covers.map(|hit| hit.chunk.document.clone()),
            alert: alert.name,
            service: alert.service,
            count: alert.count,
        });
    }
    rows.sort_by(|a, b| {
        (a.runbook.is_some(), b.count, &a.alert).cmp(&(b.runbook.is_some(), a.count, &b.alert))
    });
    Ok(rows)
}
