//! The document index against real files.

use std::path::Path;

use groundcrew_masking::{Masked, Masker};
use groundcrew_telemetry::Attributes;
use proptest::prelude::{ProptestConfig, any, proptest};

use super::generation::{CHUNKS_FILE, LEXICON_DIR};
use super::{
    ChunkVectors, DocumentChunk, DocumentFilter, DocumentIndex, DocumentKind, DocumentQuery,
};
use crate::{Access, StoreError};

fn chunk(document: &str, kind: DocumentKind, title: &str, text: &str) -> Masked<DocumentChunk> {
    let chunk = DocumentChunk {
        document: document.to_owned(),
        kind,
        title: title.to_owned(),
        heading_path: vec!["Symptoms".to_owned()],
        text: text.to_owned(),
        line_start: 3,
        line_end: 9,
        path: format!("/runbooks/{document}"),
        services: vec!["checkout".to_owned()],
        alerts: Vec::new(),
        date: None,
        front_matter: Attributes::default(),
    };
    Masker::new().mask(chunk, |_, _| {}).unwrap()
}

fn made(vectors: Vec<Vec<f32>>) -> ChunkVectors {
    ChunkVectors { model: "model".to_owned(), vectors }
}

fn runbook(document: &str, title: &str, text: &str) -> Masked<DocumentChunk> {
    chunk(document, DocumentKind::Runbook, title, text)
}

fn three_pages() -> Vec<Masked<DocumentChunk>> {
    vec![
        runbook(
            "pool.md",
            "No database connections left",
            "HikariPool-1 - Connection is not available",
        ),
        runbook("pool.md", "No database connections left", "Roll back the deploy"),
        runbook("memory.md", "CartPodsOOMKilled", "Memory grows until the pod is killed"),
        chunk(
            "2026-03.md",
            DocumentKind::Incident,
            "Orders failed",
            "The pool of connections was empty",
        ),
    ]
}

fn query(text: &str) -> DocumentQuery {
    DocumentQuery { text: text.to_owned(), limit: 10, ..DocumentQuery::default() }
}

fn found(index: &DocumentIndex, query: &DocumentQuery) -> Vec<String> {
    index.search(query).unwrap().into_iter().map(|hit| hit.chunk.document).collect()
}

fn writable(root: &Path) -> DocumentIndex {
    DocumentIndex::open(root, Access::ReadWrite).unwrap()
}

fn generations(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("gen-")).collect();
    names.sort();
    names
}

#[test]
fn words_find_documents_and_show_their_best_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    index.replace_source("a", three_pages(), None).unwrap();
    let hits = index.search(&query("connection is not available, no connections left")).unwrap();
    assert_eq!(hits[0].chunk.document, "pool.md");
    assert_eq!(hits[0].chunk.text, "HikariPool-1 - Connection is not available");
    assert_eq!(hits[0].chunk, *three_pages()[0]);
    assert_eq!(hits.iter().filter(|hit| hit.chunk.document == "pool.md").count(), 1);
    assert!(hits[0].lexical.unwrap() > hits[1].lexical.unwrap());
    assert_eq!(hits[0].cosine, None);
    assert_eq!(found(&index, &query("cart pods oom killed"))[0], "memory.md");
    assert_eq!(found(&index, &query("volcano eruption")), Vec::<String>::new());
}

#[test]
fn kinds_and_limit_count_documents() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    index.replace_source("a", three_pages(), None).unwrap();
    let incidents = DocumentQuery {
        filter: DocumentFilter { kinds: vec![DocumentKind::Incident], ..DocumentFilter::default() },
        ..query("connections pool")
    };
    assert_eq!(found(&index, &incidents), ["2026-03.md"]);
    let one = DocumentQuery { limit: 1, ..query("connections pool") };
    assert_eq!(found(&index, &one).len(), 1);
    let none = DocumentQuery { limit: 0, ..query("connections pool") };
    assert!(found(&index, &none).is_empty());
    let counts = index.counts().unwrap();
    assert_eq!((counts.documents, counts.runbooks, counts.incidents), (3, 2, 1));
    assert_eq!((counts.chunks, counts.vectors), (4, 0));
}

#[test]
fn vectors_find_what_words_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    let vectors = vec![vec![1.0, 0.0], vec![0.9, 0.1], vec![0.0, 1.0], vec![0.7, 0.7]];
    index.replace_source("a", three_pages(), Some(made(vectors))).unwrap();
    assert_eq!(index.counts().unwrap().vectors, 4);
    let hits =
        index.search(&DocumentQuery { vector: Some(vec![0.0, 2.0]), ..query("volcano") }).unwrap();
    assert_eq!(hits[0].chunk.document, "memory.md");
    assert!((hits[0].cosine.unwrap() - 1.0).abs() < 0.01 && hits[0].lexical.is_none());
    assert_eq!(hits.len(), 3);
    let refused = index.search(&DocumentQuery { vector: Some(vec![1.0; 3]), ..query("pool") });
    assert!(matches!(refused, Err(StoreError::VectorDimensions { found: 3, expected: 2 })));
}

#[test]
fn vectors_must_fit_the_chunks_and_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    let too_few = index.replace_source("a", three_pages(), Some(made(vec![vec![1.0]])));
    assert!(matches!(too_few, Err(StoreError::VectorCount { vectors: 1, chunks: 4 })));
    let uneven = vec![vec![1.0], vec![1.0, 2.0], vec![1.0], vec![1.0]];
    let uneven = index.replace_source("a", three_pages(), Some(made(uneven)));
    assert!(matches!(uneven, Err(StoreError::VectorDimensions { .. })));
    assert_eq!(index.counts().unwrap().documents, 0);
}

#[test]
fn one_source_is_replaced_and_the_others_kept() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    let many: Vec<_> = (0..40)
        .map(|n| runbook(&format!("{n}.md"), "Zebra", &format!("zebra number{n}")))
        .collect();
    let vectors = (0..40).map(|n| vec![1.0, n as f32]).collect();
    index.replace_source("zoo", many, Some(made(vectors))).unwrap();
    let second = index.replace_source("a", three_pages(), None).unwrap();
    assert_eq!((second.chunks, second.kept, second.vectors_dropped), (4, 40, 0));
    let third =
        index.replace_source("a", vec![runbook("new.md", "Fresh", "giraffe")], None).unwrap();
    assert_eq!((third.generation, third.chunks, third.kept), (3, 1, 40));

    assert_eq!(found(&index, &query("giraffe")), ["new.md"]);
    assert!(found(&index, &query("connection")).is_empty());
    assert_eq!(found(&index, &query("number33"))[0], "33.md");
    assert_eq!(index.counts().unwrap().vectors, 40);
    let hits =
        index.search(&DocumentQuery { vector: Some(vec![1.0, 0.0]), ..query("nothing") }).unwrap();
    assert_eq!(hits[0].chunk.document, "0.md");

    // Another model: the vectors of the other source cannot be compared any more.
    let vectors = Some(ChunkVectors { model: "another".to_owned(), ..made(vec![vec![1.0, 2.0]]) });
    assert_eq!(index.vector_model().unwrap().as_deref(), Some("model"));
    let fourth = index.replace_source("a", vec![runbook("x.md", "X", "x")], vectors).unwrap();
    assert_eq!((fourth.kept, fourth.vectors_dropped), (40, 40));
    assert_eq!(index.vector_model().unwrap().as_deref(), Some("another"));
    index.replace_source("zoo", Vec::new(), None).unwrap();
    index.replace_source("a", Vec::new(), None).unwrap();
    assert_eq!(index.counts().unwrap().chunks, 0);
    assert!(found(&index, &query("zebra")).is_empty());
    assert_eq!(generations(dir.path()), ["gen-6"]);
}

#[test]
fn the_same_id_in_two_sources_is_two_documents() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    index.replace_source("a", vec![runbook("readme.md", "One", "zebra")], None).unwrap();
    index.replace_source("b", vec![runbook("readme.md", "Two", "zebra")], None).unwrap();
    assert_eq!(found(&index, &query("zebra")), ["readme.md", "readme.md"]);
}

#[test]
fn chunks_of_one_document_may_come_apart() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    let mixed =
        vec![runbook("a", "A", "zebra"), runbook("b", "B", "lion"), runbook("a", "A", "giraffe")];
    let vectors = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 1.0]];
    index.replace_source("s", mixed, Some(made(vectors))).unwrap();
    assert_eq!(index.counts().unwrap().documents, 2);
    let hits =
        index.search(&DocumentQuery { vector: Some(vec![0.0, 1.0]), ..query("nothing") }).unwrap();
    assert_eq!(hits[0].chunk.text, "lion");
    assert_eq!(hits[1].chunk.text, "giraffe");
}

#[test]
fn it_survives_reopening_and_readers_follow_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let reader = DocumentIndex::open(dir.path(), Access::ReadOnly).unwrap();
    assert!(found(&reader, &query("zebra")).is_empty());
    writable(dir.path()).replace_source("a", vec![runbook("1", "One", "zebra")], None).unwrap();
    assert_eq!(found(&reader, &query("zebra")), ["1"]);
    writable(dir.path()).replace_source("a", vec![runbook("2", "Two", "zebra")], None).unwrap();
    assert_eq!(found(&reader, &query("zebra")), ["2"]);
    assert_eq!(found(&writable(dir.path()), &query("zebra")), ["2"]);
    assert!(matches!(reader.replace_source("a", Vec::new(), None), Err(StoreError::ReadOnly)));
}

#[test]
fn a_reader_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("documents");
    let reader = DocumentIndex::open(&root, Access::ReadOnly).unwrap();
    assert_eq!(reader.counts().unwrap().documents, 0);
    assert!(!root.exists());
}

#[test]
fn a_crash_before_the_swap_leaves_the_old_generation() {
    let dir = tempfile::tempdir().unwrap();
    writable(dir.path()).replace_source("a", three_pages(), None).unwrap();
    // What a writer leaves that was killed at any point before it replaced `CURRENT`.
    let half = dir.path().join("gen-2");
    std::fs::create_dir_all(half.join(LEXICON_DIR)).unwrap();
    std::fs::write(half.join(CHUNKS_FILE), b"GCd2 half of a fi").unwrap();
    std::fs::write(dir.path().join("CURRENT.unfinished"), b"2").unwrap();

    let reader = DocumentIndex::open(dir.path(), Access::ReadOnly).unwrap();
    assert_eq!(found(&reader, &query("killed")), ["memory.md"]);
    assert_eq!(generations(dir.path()), ["gen-1", "gen-2"]);
    let index = writable(dir.path());
    assert_eq!(generations(dir.path()), ["gen-1"]);
    assert_eq!(found(&index, &query("killed")), ["memory.md"]);
    index.replace_source("a", vec![runbook("2", "Two", "zebra")], None).unwrap();
    assert_eq!(found(&index, &query("zebra")), ["2"]);
}

#[test]
fn a_failed_write_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    index.replace_source("a", three_pages(), None).unwrap();
    // `CURRENT` cannot be replaced while a directory is in the way.
    let obstacle = dir.path().join("CURRENT.unfinished");
    std::fs::create_dir(&obstacle).unwrap();
    let failed = index.replace_source("a", vec![runbook("2", "Two", "zebra")], None);
    assert!(matches!(failed, Err(StoreError::Io { .. })));
    assert_eq!(found(&index, &query("killed")), ["memory.md"]);
    if obstacle.exists() {
        std::fs::remove_dir(&obstacle).unwrap();
    }
    index.replace_source("a", vec![runbook("2", "Two", "zebra")], None).unwrap();
    assert_eq!(found(&index, &query("zebra")), ["2"]);
    assert_eq!(generations(dir.path()).len(), 1);
}

#[test]
fn damage_is_an_error_and_never_a_wrong_answer() {
    let dir = tempfile::tempdir().unwrap();
    writable(dir.path()).replace_source("a", three_pages(), None).unwrap();
    let path = dir.path().join("gen-1").join(CHUNKS_FILE);
    let whole = std::fs::read(&path).unwrap();
    let asked = query("killed connection");
    let expected = writable(dir.path()).search(&asked).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        let index = DocumentIndex::open(dir.path(), Access::ReadOnly).unwrap();
        if let Ok(hits) = index.search(&asked) {
            assert_eq!(hits, expected, "byte {at}");
        }
        std::fs::write(&path, &whole[..at]).unwrap();
        let index = DocumentIndex::open(dir.path(), Access::ReadOnly).unwrap();
        assert!(index.search(&asked).is_err(), "length {at}");
    }
    std::fs::write(&path, &whole).unwrap();
    std::fs::write(dir.path().join("CURRENT"), b"none").unwrap();
    let index = writable(dir.path());
    assert!(matches!(index.search(&asked), Err(StoreError::Damaged { .. })));
    assert_eq!(generations(dir.path()), ["gen-1"]);
}

#[test]
fn what_cannot_be_read_is_replaced_by_indexing_again() {
    let dir = tempfile::tempdir().unwrap();
    writable(dir.path()).replace_source("a", three_pages(), None).unwrap();
    let path = dir.path().join("gen-1").join(CHUNKS_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..4].copy_from_slice(b"GCd1");
    std::fs::write(&path, &bytes).unwrap();
    let index = writable(dir.path());
    let asked = query("killed connection");
    assert!(matches!(index.search(&asked), Err(StoreError::Damaged { .. })));
    assert_eq!(index.source_record("a").unwrap(), super::SourceRecord::default());
    index.replace_source("a", three_pages(), None).unwrap();
    assert!(!index.search(&asked).unwrap().is_empty());
}

#[test]
fn hostile_questions_are_words_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    index.replace_source("a", three_pages(), None).unwrap();
    let nested = "(".repeat(100_000) + "killed" + &")".repeat(100_000);
    let distinct: String = (0..200_000).map(|n| format!("word{n} ")).collect();
    for hostile in [
        nested.as_str(),
        &distinct,
        &format!("killed {distinct}"),
        "title:* OR text:[a TO z] AND -killed~2^9",
        "\"\\\"' ; DROP TABLE --",
        "\u{0}\u{202e}\u{feff}",
        "",
    ] {
        index.search(&query(hostile)).unwrap();
    }
    assert_eq!(found(&index, &query(&format!("killed {distinct}"))), ["memory.md"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_indexed_and_any_question_answered(
        texts in proptest::collection::vec(any::<String>(), 1..6),
        asked in any::<String>(),
        vector in proptest::collection::vec(any::<f32>(), 2),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let index = writable(dir.path());
        let chunks = texts.iter().enumerate().map(|(n, text)| runbook(&n.to_string(), text, text)).collect();
        let vectors = texts.iter().map(|_| vector.clone()).collect();
        index.replace_source("a", chunks, Some(made(vectors))).unwrap();
        for hit in index.search(&DocumentQuery { vector: Some(vector.clone()), ..query(&asked) }).unwrap() {
            assert!(hit.score.is_finite());
            assert!(hit.lexical.is_none_or(|coverage| (0.0..=1.0).contains(&coverage)));
        }
    }
}

#[test]
fn a_document_is_read_whole_by_its_id_and_runbooks_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let index = writable(dir.path());
    assert!(index.document("pool.md").unwrap().is_empty());
    assert!(index.runbooks(9).unwrap().is_empty());
    // More than a block, so that a document's pieces lie in two.
    let mut pages = three_pages();
    pages.extend((0..20).map(|number| runbook("long.md", "Long", &format!("step {number}"))));
    pages.push(runbook("last.md", "Last", "zebra"));
    index.replace_source("a", pages, None).unwrap();
    let steps: Vec<String> =
        index.document("long.md").unwrap().into_iter().map(|chunk| chunk.text).collect();
    assert_eq!(steps.len(), 20);
    assert_eq!((steps[0].as_str(), steps[19].as_str()), ("step 0", "step 19"));
    assert_eq!(index.document("last.md").unwrap()[0].text, "zebra");
    assert!(index.document("nothing.md").unwrap().is_empty());
    let names: Vec<String> = index.runbooks(3).unwrap().into_iter().map(|one| one.0).collect();
    assert_eq!(names, ["pool.md", "memory.md", "long.md"], "an incident is no runbook");
}
