//! Vectors on a Qdrant server: against a server of ours that speaks the real protocol, and against a real one where
//! `QDRANT_URL` names it.

use std::path::Path;

use groundcrew_masking::{Masked, Masker};
use groundcrew_telemetry::{Attributes, TimeRange, Timestamp};

use super::server::TestServer;
use super::{QdrantSettings, QdrantVectors};
use crate::documents::{
    ChunkVectors, DocumentChunk, DocumentFilter, DocumentHit, DocumentIndex, DocumentKind,
    DocumentQuery, VectorHome,
};
use crate::{Access, StoreError};

const DIMENSIONS: usize = 16;

fn settings(url: &str) -> QdrantSettings {
    QdrantSettings { url: url.to_owned(), collection: "runbooks".to_owned(), api_key: None }
}

fn index(root: &Path, settings: Option<&QdrantSettings>) -> DocumentIndex {
    let index = DocumentIndex::open(root, Access::ReadWrite).unwrap();
    if let Some(settings) = settings {
        index.use_qdrant(QdrantVectors::new(settings).unwrap());
    }
    index
}

/// A chunk of one of every third document, with labels that differ.
fn chunk(number: usize) -> Masked<DocumentChunk> {
    let document = number / 3;
    let kinds = [DocumentKind::Runbook, DocumentKind::Incident, DocumentKind::Doc];
    let mut front_matter = Attributes::default();
    front_matter.set("team", ["Payments", "search"][document % 2]);
    if document.is_multiple_of(3) {
        front_matter.set("severity", "SEV-1");
    }
    let chunk = DocumentChunk {
        document: format!("{document}.md"),
        kind: kinds[document % 3],
        title: format!("Page {document}"),
        heading_path: Vec::new(),
        text: format!("zebra number{number}"),
        line_start: 1,
        line_end: 2,
        path: String::new(),
        services: vec![format!("service-{}", document % 4), "Shop".to_owned()],
        alerts: Vec::new(),
        date: (!document.is_multiple_of(5)).then(|| Timestamp::from_secs(document as i64 * 1000)),
        front_matter,
    };
    Masker::new().mask(chunk, |_, _| {}).unwrap()
}

fn vector(seed: usize) -> Vec<f32> {
    (0..DIMENSIONS).map(|at| ((seed * 31 + at * at * 17 + seed * at) % 101) as f32 - 50.0).collect()
}

/// `count` chunks and their vectors; every seventh has none.
fn corpus(count: usize) -> (Vec<Masked<DocumentChunk>>, ChunkVectors) {
    let vectors = (0..count)
        .map(|number| if number % 7 == 6 { vec![0.0; DIMENSIONS] } else { vector(number) })
        .collect();
    ((0..count).map(chunk).collect(), ChunkVectors { model: "model".to_owned(), vectors })
}

fn fill(index: &DocumentIndex, count: usize) -> Result<(), StoreError> {
    let (chunks, vectors) = corpus(count);
    index.replace_source("corpus", chunks, Some(vectors)).map(|_| ())
}

fn query(seed: usize, filter: DocumentFilter) -> DocumentQuery {
    let text = format!("zebra number{seed}");
    DocumentQuery { text, vector: Some(vector(seed * 13 + 5)), filter, limit: 40 }
}

fn filters() -> Vec<DocumentFilter> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let none = DocumentFilter::default;
    let dates = TimeRange::new(Timestamp::from_secs(9_000), Timestamp::from_secs(40_000));
    vec![
        none(),
        DocumentFilter { kinds: vec![DocumentKind::Runbook, DocumentKind::Doc], ..none() },
        DocumentFilter { services: names(&["SERVICE-1", "service-2"]), ..none() },
        DocumentFilter { teams: names(&["payments"]), ..none() },
        DocumentFilter { severities: names(&["sev-1"]), ..none() },
        DocumentFilter { dates: Some(dates), ..none() },
        DocumentFilter { teams: names(&["search"]), dates: Some(dates), ..none() },
        DocumentFilter { services: names(&["nobody"]), ..none() },
    ]
}

fn assert_same(found: &[DocumentHit], expected: &[DocumentHit], what: &str) {
    let ids = |hits: &[DocumentHit]| -> Vec<String> {
        hits.iter().map(|hit| hit.chunk.text.clone()).collect()
    };
    assert_eq!(ids(found), ids(expected), "{what}");
    for (one, other) in found.iter().zip(expected) {
        assert_eq!(one.lexical, other.lexical, "{what}");
        let cosines = one.cosine.zip(other.cosine);
        assert_eq!(one.cosine.is_some(), other.cosine.is_some(), "{what}");
        assert!(cosines.is_none_or(|(one, other)| (one - other).abs() < 1e-4), "{what}");
    }
}

/// The same answers from `settings` as from the embedded store, there and back again.
fn answers_agree(settings: &QdrantSettings) {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let embedded = index(here.path(), None);
    let served = index(there.path(), Some(settings));
    fill(&embedded, 700).unwrap();
    fill(&served, 700).unwrap();
    assert_eq!(embedded.vector_home().unwrap(), VectorHome::Embedded);
    assert_eq!(served.vector_home().unwrap(), VectorHome::Qdrant);
    let compare = |what: &str| {
        for filter in filters() {
            for seed in 0..6 {
                let asked = query(seed, filter.clone());
                let expected = embedded.search(&asked).unwrap();
                assert_same(
                    &served.search(&asked).unwrap(),
                    &expected,
                    &format!("{what}: {asked:?}"),
                );
            }
        }
    };
    compare("indexed");
    assert_eq!(served.move_vectors(VectorHome::Embedded).unwrap(), 600);
    assert_eq!(served.vector_home().unwrap(), VectorHome::Embedded);
    compare("moved here");
    assert_eq!(served.move_vectors(VectorHome::Qdrant).unwrap(), 600);
    compare("moved there");
    served.move_vectors(VectorHome::Embedded).unwrap();
}

#[test]
fn answers_are_those_of_the_embedded_store() {
    let server = TestServer::start();
    answers_agree(&settings(&server.url));
    assert_eq!(server.collections(), []);
    assert_eq!(server.alias("runbooks"), None);
}

#[test]
fn answers_of_a_real_server_are_those_of_the_embedded_store() {
    let Some(url) = option_env!("QDRANT_URL") else {
        println!(
            "skipped: no real Qdrant server, set QDRANT_URL=http://localhost:6334 when building the tests"
        );
        return;
    };
    let collection = format!("groundcrew-test-{}", std::process::id());
    let api_key = option_env!("QDRANT_API_KEY").map(str::to_owned);
    answers_agree(&QdrantSettings { url: url.to_owned(), collection, api_key });
}

#[test]
fn each_generation_has_a_collection_and_the_alias_follows() {
    let server = TestServer::start();
    let dir = tempfile::tempdir().unwrap();
    let served = index(dir.path(), Some(&settings(&server.url)));
    fill(&served, 30).unwrap();
    let first = server.collections();
    assert_eq!(first.len(), 1);
    assert!(first[0].0.contains("-1-") && first[0].1 == 26, "{first:?}");
    assert_eq!(server.alias("runbooks").as_ref(), Some(&first[0].0));
    fill(&served, 600).unwrap();
    let second = server.collections();
    assert_eq!(second.len(), 1);
    assert!(second[0].0.contains("-2-") && second[0].1 == 515, "{second:?}");
    assert_eq!(server.alias("runbooks").as_ref(), Some(&second[0].0));

    // Another data directory on the same server is left alone.
    let other_dir = tempfile::tempdir().unwrap();
    let other = index(other_dir.path(), Some(&settings(&server.url)));
    fill(&other, 30).unwrap();
    fill(&served, 60).unwrap();
    assert_eq!(server.collections().len(), 2);
    assert!(other.search(&query(1, DocumentFilter::default())).is_ok());
    assert_eq!(server.fields(), ["chunk", "date", "kind", "service", "severity", "team"]);
}

#[test]
fn a_server_that_goes_away_half_way_leaves_the_old_generation_serving() {
    let server = TestServer::start();
    let dir = tempfile::tempdir().unwrap();
    let served = index(dir.path(), Some(&settings(&server.url)));
    fill(&served, 30).unwrap();
    let alias = server.alias("runbooks");
    let asked = query(2, DocumentFilter::default());
    let before = served.search(&asked).unwrap();
    server.fail_after_upserts(Some(1));
    let error = fill(&served, 900).unwrap_err().to_string();
    assert!(error.contains("store vectors: going away") && error.contains("unchanged"), "{error}");
    assert_eq!(server.alias("runbooks"), alias);
    assert_same(&served.search(&asked).unwrap(), &before, "after the failure");

    // The next attempt cleans up what the failed one left.
    server.fail_after_upserts(None);
    fill(&served, 900).unwrap();
    assert_eq!(server.collections().len(), 1);
    assert_eq!(served.counts().unwrap().chunks, 900);
    assert_ne!(served.search(&asked).unwrap(), before);
}

#[test]
fn a_server_that_is_away_is_an_error_and_words_still_find() {
    let mut server = TestServer::start();
    let dir = tempfile::tempdir().unwrap();
    let served = index(dir.path(), Some(&settings(&server.url)));
    fill(&served, 30).unwrap();
    server.stop();
    let asked = query(2, DocumentFilter::default());
    let error = served.search(&asked).unwrap_err();
    assert!(error.is_vector_server(), "{error}");
    assert!(error.to_string().contains("documents.qdrant.url"), "{error}");
    let by_words = served.search(&DocumentQuery { vector: None, ..asked.clone() }).unwrap();
    assert!(!by_words.is_empty());
    assert!(fill(&served, 60).unwrap_err().is_vector_server());
    assert_eq!(served.counts().unwrap().chunks, 30);

    // Without the server there is a way back, but what is left on it cannot be removed now.
    let error = served.move_vectors(VectorHome::Embedded).unwrap_err();
    assert!(error.is_vector_server(), "{error}");
    assert_eq!(served.vector_home().unwrap(), VectorHome::Embedded);
    assert!(served.search(&asked).unwrap().iter().any(|hit| hit.cosine.is_some()));
    let unset = index(dir.path(), None);
    assert!(unset.move_vectors(VectorHome::Qdrant).unwrap_err().is_vector_server());
    assert!(unset.search(&asked).is_ok());
}

#[test]
fn a_moment_of_absence_is_waited_out() {
    let server = TestServer::start();
    let dir = tempfile::tempdir().unwrap();
    let served = index(dir.path(), Some(&settings(&server.url)));
    fill(&served, 30).unwrap();
    server.stumble(2);
    assert!(served.search(&query(2, DocumentFilter::default())).is_ok());
}

#[test]
fn points_that_get_lost_are_noticed() {
    let server = TestServer::start();
    let dir = tempfile::tempdir().unwrap();
    let served = index(dir.path(), Some(&settings(&server.url)));
    server.forget_points();
    let error = fill(&served, 30).unwrap_err().to_string();
    assert!(error.contains("it has 0 of 26"), "{error}");
    assert_eq!(served.counts().unwrap().chunks, 0);
}

#[test]
fn the_key_is_sent_and_never_told() {
    let server = TestServer::start();
    server.ask_for_key("secret-key");
    let dir = tempfile::tempdir().unwrap();
    let wrong = QdrantSettings { api_key: Some("wrong-key".to_owned()), ..settings(&server.url) };
    let error = fill(&index(dir.path(), Some(&wrong)), 30).unwrap_err();
    let told = format!("{error} {error:?} {wrong:?}");
    assert!(told.contains("API key") && !told.contains("wrong-key"), "{told}");
    let right = QdrantSettings { api_key: Some("secret-key".to_owned()), ..settings(&server.url) };
    fill(&index(dir.path(), Some(&right)), 30).unwrap();
    for (url, collection) in [("not an address", "runbooks"), (server.url.as_str(), "a/b")] {
        let bad = QdrantSettings { collection: collection.to_owned(), ..settings(url) };
        assert!(QdrantVectors::new(&bad).is_err());
    }
}
