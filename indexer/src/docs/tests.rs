//! From real files into a real index.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use groundcrew_llm::{Embedder, LlmError};
use groundcrew_masking::Masker;
use groundcrew_store::{Access, DocumentIndex, DocumentKind, DocumentQuery};

use super::{CorpusText, DocsError, IndexProgress, VectorCounts, index_corpus, index_directory};

fn documents(root: &Path) -> DocumentIndex {
    DocumentIndex::open(&root.join("documents"), Access::ReadWrite).unwrap()
}

fn find(index: &DocumentIndex, text: &str) -> Vec<groundcrew_store::DocumentHit> {
    let query = DocumentQuery { text: text.to_owned(), limit: 5, ..DocumentQuery::default() };
    index.search(&query).unwrap()
}

#[test]
fn a_directory_is_indexed_and_what_is_left_out_is_said() {
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join("pages");
    fs::create_dir_all(pages.join("runbooks")).unwrap();
    fs::write(pages.join("runbooks/pool.md"), "# Pool is empty\n\nNo connection is available.\n")
        .unwrap();
    fs::write(pages.join("bad.md"), "---\ntitle: [x\n---\nStill readable.\n").unwrap();
    fs::write(pages.join("binary.md"), b"PK\x03\x04\x00\x00").unwrap();
    fs::write(pages.join("latin.md"), b"fine\nGr\xf6\xdfe\n").unwrap();
    fs::write(pages.join("empty.md"), "").unwrap();
    fs::write(pages.join("private.md"), "---\nindex: false\n---\nnobody reads this").unwrap();

    let index = documents(root.path());
    let seen = RefCell::new(Vec::new());
    let progress = |step| seen.borrow_mut().push(step);
    let summary = index_directory(&pages, &index, &Masker::new(), None, &progress).unwrap();
    assert_eq!((summary.documents, summary.chunks, summary.vectors), (2, 2, None));
    let skipped: Vec<_> = summary.skipped.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(
        skipped,
        [
            "is a binary file",
            "has no text",
            "is not valid UTF-8 from line 2 on; save it as UTF-8",
            "its front matter says `index: false`"
        ]
    );
    assert_eq!(summary.warnings.len(), 1);
    assert!(summary.warnings[0].path.ends_with("bad.md"));
    assert!((2..=3).contains(&summary.warnings[0].line));
    assert_eq!(seen.borrow().first(), Some(&IndexProgress::Reading { done: 0, all: 6 }));
    assert_eq!(seen.borrow().last(), Some(&IndexProgress::Writing));

    let hits = find(&index, "no connection available");
    let chunk = &hits[0].chunk;
    assert_eq!((chunk.document.as_str(), chunk.kind), ("runbooks/pool.md", DocumentKind::Runbook));
    assert_eq!(chunk.path, pages.join("runbooks/pool.md").to_str().unwrap());
    assert!(find(&index, "nobody").is_empty());

    fs::remove_file(pages.join("runbooks/pool.md")).unwrap();
    index_directory(&pages, &index, &Masker::new(), None, &|_| {}).unwrap();
    assert!(find(&index, "no connection available").is_empty());
    assert_eq!(find(&index, "still readable").len(), 1);
}

#[test]
fn nothing_is_stored_unmasked() {
    let root = tempfile::tempdir().unwrap();
    let page = root.path().join("page.md");
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n",
        "MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0t\n".repeat(60)
    );
    let text = format!(
        "---\ntitle: Ask ann.example@shop.test\nowner: bob.example@shop.test\n---\n# Help\n\nWrite to carl.example@shop.test.\n\n{key}\n"
    );
    fs::write(&page, text).unwrap();
    let index = documents(root.path());
    index_directory(&page, &index, &Masker::new(), None, &|_| {}).unwrap();
    let hits = find(&index, "help write key");
    let everything = format!("{:?}", hits);
    for secret in ["ann.example@", "bob.example@", "carl.example@", "MIIEow"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
}

#[test]
fn a_corpus_goes_the_same_way() {
    let root = tempfile::tempdir().unwrap();
    let index = documents(root.path());
    let corpus = [
        CorpusText { id: "a/One", title: "One", text: "# One\n\nzebra" },
        CorpusText { id: "a/Two", title: "", text: "# Second\n\ngiraffe" },
        CorpusText { id: "a/Three", title: "Empty", text: "" },
    ];
    let summary = index_corpus(("corpus", &corpus), &index, &Masker::new(), None, &|_| {}).unwrap();
    assert_eq!((summary.documents, summary.skipped.len()), (2, 1));
    assert_eq!(find(&index, "giraffe")[0].chunk.title, "Second");
    assert_eq!(find(&index, "zebra")[0].chunk.document, "a/One");
}

/// Counts the texts it is given; says the same of a text every time, and gives up at a text with the word "poison".
#[derive(Debug, Default)]
struct CountingEmbedder {
    identity: &'static str,
    texts: AtomicUsize,
}

impl Embedder for CountingEmbedder {
    fn identity(&self) -> &str {
        self.identity
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        if texts.iter().any(|text| text.contains("poison")) {
            return Err(LlmError::Embedding { detail: "poison".to_owned() });
        }
        self.texts.fetch_add(texts.len(), Ordering::Relaxed);
        let vector = |text: &&str| text.bytes().take(4).map(f32::from).collect();
        Ok(texts.iter().map(vector).collect())
    }
}

/// Indexes `texts`; says how many were embedded, as the model and as the summary count, and how many were known.
fn index_texts(
    index: &DocumentIndex,
    texts: &[String],
    embedder: &CountingEmbedder,
) -> (usize, VectorCounts) {
    let ids: Vec<String> = (0..texts.len()).map(|number| format!("page-{number}")).collect();
    let corpus: Vec<CorpusText<'_>> =
        ids.iter().zip(texts).map(|(id, text)| CorpusText { id, title: "Title", text }).collect();
    let before = embedder.texts.load(Ordering::Relaxed);
    let indexed = index_corpus(("corpus", &corpus), index, &Masker::new(), Some(embedder), &|_| {});
    let counts = indexed.map(|summary| summary.vectors.unwrap()).unwrap_or_default();
    (embedder.texts.load(Ordering::Relaxed) - before, counts)
}

#[test]
fn what_was_embedded_once_is_not_embedded_again() {
    let root = tempfile::tempdir().unwrap();
    let index = documents(root.path());
    let embedder = CountingEmbedder { identity: "one", ..CountingEmbedder::default() };
    let mut texts: Vec<String> = (0..70).map(|number| format!("zebra {number}")).collect();
    texts.push("zebra 3".to_owned());
    let counts = |embedded, cached| VectorCounts { embedded, cached };
    assert_eq!(index_texts(&index, &texts, &embedder), (70, counts(70, 1)));
    assert_eq!(index_texts(&index, &texts, &embedder), (0, counts(0, 71)));
    let first = index.search(&vector_query()).unwrap();
    texts[5] = "a new page".to_owned();
    assert_eq!(index_texts(&documents(root.path()), &texts, &embedder), (1, counts(1, 70)));
    texts[5] = "zebra 5".to_owned();
    assert_eq!(index_texts(&index, &texts, &embedder), (0, counts(0, 71)));
    assert_eq!(index.search(&vector_query()).unwrap(), first);

    let other = CountingEmbedder { identity: "two", ..CountingEmbedder::default() };
    assert_eq!(index_texts(&index, &texts, &other), (70, counts(70, 1)));
}

fn vector_query() -> DocumentQuery {
    let vector = Some(b"Titl".iter().map(|byte| f32::from(*byte)).collect());
    DocumentQuery { text: "zebra".to_owned(), vector, limit: 5, ..DocumentQuery::default() }
}

#[test]
fn an_interrupted_run_goes_on_where_it_ended() {
    let root = tempfile::tempdir().unwrap();
    let index = documents(root.path());
    let embedder = CountingEmbedder::default();
    let mut texts: Vec<String> = (0..70).map(|number| format!("zebra {number}")).collect();
    texts.push(format!(
        "poison, and longer than the others, so that it comes last {}",
        "x ".repeat(99)
    ));
    let (embedded, _) = index_texts(&index, &texts, &embedder);
    assert!((1..71).contains(&embedded), "{embedded}");
    assert_eq!(index.counts().unwrap().chunks, 0);
    texts.pop();
    let (rest, counts) = index_texts(&index, &texts, &embedder);
    assert_eq!((rest, counts.embedded + counts.cached), (70 - embedded, 70));
}

#[test]
fn a_damaged_cache_is_made_again() {
    let root = tempfile::tempdir().unwrap();
    let index = documents(root.path());
    let embedder = CountingEmbedder::default();
    let texts = ["zebra".to_owned(), "giraffe".to_owned()];
    index_texts(&index, &texts, &embedder);
    for file in fs::read_dir(index.embedding_cache_dir()).unwrap() {
        fs::write(file.unwrap().path(), "nonsense").unwrap();
    }
    assert_eq!(index_texts(&index, &texts, &embedder).0, 2);
    assert_eq!(index_texts(&index, &texts, &embedder).0, 0);
}

#[test]
fn a_missing_directory_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("missing");
    let error = index_directory(&missing, &documents(root.path()), &Masker::new(), None, &|_| {});
    let error = error.unwrap_err();
    assert!(matches!(error, DocsError::Read { .. }));
    assert!(error.to_string().ends_with("missing"));
}

#[test]
fn the_shipped_runbooks_are_in_order() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
    let root = tempfile::tempdir().unwrap();
    let index = documents(root.path());
    let summary = index_directory(&shipped, &index, &Masker::new(), None, &|_| {}).unwrap();
    assert_eq!(summary.warnings, []);
    assert_eq!(summary.skipped.len(), 1, "{:?}", summary.skipped);
    let counts = index.counts().unwrap();
    assert!(counts.runbooks >= 10 && counts.incidents >= 5, "{counts:?}");
    assert_eq!(counts.documents, counts.runbooks + counts.incidents);
    for (symptom, document) in [
        (
            "HikariPool-1 - Connection is not available, request timed out after 3000ms",
            "checkout-connection-pool.md",
        ),
        (
            "POST https://card-provider/v1/charges: read timed out after 5000 ms",
            "payments-provider-timeout.md",
        ),
        ("cart OOMKilled exit code 137", "cart-out-of-memory.md"),
        ("catalog cpu near its limit, product pages slow", "catalog-high-cpu.md"),
        (
            "requests from checkout to inventory spend their time on the wire",
            "slow-network-between-services.md",
        ),
        (
            "NullPointerException at shop.shipping.zones.ZonePricing.surcharge",
            "shipping-quotes-fail.md",
        ),
        ("ERROR: could not extend file: No space left on device", "orders-db-disk-full.md"),
        (
            "Readiness probe failed: HTTP probe failed with statuscode: 404",
            "storefront-not-ready.md",
        ),
        ("four times the usual traffic, all pages slow", "traffic-spike.md"),
    ] {
        let found: Vec<String> =
            find(&index, symptom).into_iter().map(|hit| hit.chunk.document).collect();
        assert!(found.iter().take(2).any(|id| id == document), "{symptom}: {found:?}");
    }
}
