//! From real files into a real index.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use groundcrew_llm::{Embedder, LlmError};
use groundcrew_masking::Masker;
use groundcrew_store::{Access, DocumentIndex, DocumentKind, DocumentQuery};

use super::{
    CorpusText, DocsError, DocumentSource, IndexProgress, IndexSummary, VectorCounts, index_corpus,
};

/// Indexes a folder without vectors.
fn index_directory(
    path: &Path,
    index: &DocumentIndex,
    progress: &dyn Fn(IndexProgress),
) -> Result<IndexSummary, DocsError> {
    super::index_directory(DocumentSource::at(path), index, &Masker::new(), None, progress)
}

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
    let summary = index_directory(&pages, &index, &progress).unwrap();
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
    index_directory(&pages, &index, &|_| {}).unwrap();
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
    index_directory(&page, &index, &|_| {}).unwrap();
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
    let error = index_directory(&missing, &documents(root.path()), &|_| {});
    let error = error.unwrap_err();
    assert!(matches!(error, DocsError::Read { .. }));
    assert!(error.to_string().ends_with("missing"));
}

#[test]
fn the_shipped_runbooks_are_in_order() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
    let root = tempfile::tempdir().unwrap();
    let index = documents(root.path());
    let summary = index_directory(&shipped, &index, &|_| {}).unwrap();
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

fn put(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn every_format_becomes_pages() {
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join("pages");
    put(
        &pages,
        "runbooks/a.rst",
        ":services: checkout\n\nPool\n====\n\nzebra\n\nFix\n---\n\ngiraffe\n",
    );
    put(&pages, "runbooks/b.adoc", "= Disk\n:alerts: DiskFull\n\n== Fix\n\nelephant\n");
    put(&pages, "runbooks/c.html", "<h1>Cart</h1>\n<p>penguin</p>");
    put(&pages, "notes/d.txt", "Night shift\n\nleopard\n");
    put(
        &pages,
        "catalog-info.yaml",
        "kind: Component\nmetadata: {name: checkout}\nspec: {owner: team-pay, dependsOn: [resource:orders-db]}\n",
    );
    put(
        &pages,
        "issues.json",
        r#"[{"number": 7, "title": "Outage", "state": "closed", "labels": [], "body": "ostrich"}]"#,
    );
    put(&pages, "package.json", r#"{"name": "x"}"#);
    let index = documents(root.path());
    let summary = index_directory(&pages, &index, &|_| {}).unwrap();
    assert_eq!(
        (summary.documents, summary.skipped.len(), summary.warnings.len()),
        (6, 0, 0),
        "{summary:?}"
    );
    for (word, document, title, lines) in [
        ("zebra", "runbooks/a.rst", "Pool", (1, 11)),
        ("elephant", "runbooks/b.adoc", "Disk", (1, 6)),
        ("penguin", "runbooks/c.html", "Cart", (1, 2)),
        ("leopard", "notes/d.txt", "Night shift", (1, 3)),
        ("ostrich", "issues.json#7", "Outage", (1, 1)),
        ("team pay", "catalog-info.yaml#component:checkout", "checkout (component)", (1, 3)),
    ] {
        let chunk = find(&index, word).swap_remove(0).chunk;
        assert_eq!((chunk.document.as_str(), chunk.title.as_str()), (document, title));
        assert_eq!((chunk.line_start, chunk.line_end), lines, "{document}");
    }
    let zebra = find(&index, "zebra").swap_remove(0).chunk;
    assert_eq!(
        (zebra.services.as_slice(), zebra.kind),
        (&["checkout".to_owned()][..], DocumentKind::Runbook)
    );
    assert_eq!(find(&index, "elephant")[0].chunk.alerts, ["DiskFull"]);
    assert_eq!(find(&index, "ostrich")[0].chunk.kind, DocumentKind::Incident);
    let entities = index.entities().unwrap();
    assert_eq!((entities[0].owner.as_str(), entities.len()), ("team-pay", 1));
    assert_eq!(entities[0].dependencies().collect::<Vec<_>>(), ["orders-db"]);
}

#[test]
fn only_what_changed_is_read_again() {
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join("pages");
    for name in ["a", "b", "c"] {
        put(&pages, &format!("{name}.md"), format!("# Page {name}\n\ntext of {name}\n"));
    }
    put(&pages, "broken.md", "---\ntitle: [x\n---\nbody\n");
    let index = documents(root.path());
    let changes = |summary: &IndexSummary| -> Vec<String> {
        summary
            .changes
            .iter()
            .map(|change| format!("{} {}", change.kind.name(), change.id))
            .collect()
    };
    let first = index_directory(&pages, &index, &|_| {}).unwrap();
    assert_eq!(changes(&first), ["added a.md", "added b.md", "added broken.md", "added c.md"]);
    assert_eq!((first.chunks, first.chunks_new), (4, 4));

    put(&pages, "b.md", "# Page b\n\nzebra\n");
    put(&pages, "d.md", "# Page d\n\nnew\n");
    fs::remove_file(pages.join("c.md")).unwrap();
    let second = index_directory(&pages, &index, &|_| {}).unwrap();
    assert_eq!(changes(&second), ["changed b.md", "removed c.md", "added d.md"]);
    // The page with a mistake is read again, so that the mistake is told again.
    assert_eq!((second.documents, second.chunks, second.chunks_new), (4, 4, 3));
    assert_eq!(second.warnings.len(), 1);
    assert_eq!(find(&index, "zebra")[0].chunk.document, "b.md");
    assert_eq!(find(&index, "text of a")[0].chunk.document, "a.md");
    assert!(find(&index, "text of c").iter().all(|hit| hit.chunk.document != "c.md"));

    // The same pages indexed in one go give the same answers.
    let other = DocumentIndex::open(&root.path().join("other"), Access::ReadWrite).unwrap();
    index_directory(&pages, &other, &|_| {}).unwrap();
    for question in ["zebra", "text of a", "page", "body new"] {
        assert_eq!(find(&index, question), find(&other, question), "{question}");
    }
}

#[test]
fn nothing_new_writes_nothing_and_a_failure_leaves_the_old() {
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join("pages");
    put(&pages, "a.md", "# A\n\nzebra\n");
    let index = documents(root.path());
    index_directory(&pages, &index, &|_| {}).unwrap();
    let current = || fs::read_to_string(root.path().join("documents/CURRENT")).unwrap();
    let before = current();
    let again = index_directory(&pages, &index, &|_| {}).unwrap();
    assert_eq!((again.documents, again.chunks, again.chunks_new), (1, 1, 0));
    assert_eq!(current(), before);
    // A directory that goes away is an error, not an empty source.
    fs::rename(&pages, root.path().join("away")).unwrap();
    assert!(index_directory(&pages, &index, &|_| {}).is_err());
    assert_eq!(find(&index, "zebra").len(), 1);
}

#[test]
fn bad_files_cost_themselves_and_no_other() {
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join("pages");
    put(&pages, "good.md", "# Good\n\nzebra\n");
    put(&pages, "other.md", "---\nid: RB1\n---\n# One\n");
    put(&pages, "same.md", "---\nid: RB1\n---\n# Two\n");
    put(&pages, "wide.txt", b"\xff\xfea\x00");
    put(&pages, "named.md", b"%PDF-1.7 text");
    put(&pages, "paper.pdf", b"%PDF-1.7 text");
    put(&pages, "circle.adoc", "= Circle\n\ninclude::circle.adoc[]\n");
    put(&pages, "circle.rst", "Circle\n======\n\n.. include:: circle.rst\n");
    fs::File::create(pages.join("huge.md")).unwrap().set_len(200 << 20).unwrap();
    fs::File::create(pages.join("huge.json")).unwrap().set_len(200 << 20).unwrap();
    let index = documents(root.path());
    for _ in 0..2 {
        let summary = index_directory(&pages, &index, &|_| {}).unwrap();
        assert_eq!(summary.documents, 5, "{summary:?}");
        let mut skipped: Vec<_> =
            summary.skipped.iter().map(|(_, reason)| reason.as_str()).collect();
        skipped.sort_unstable();
        assert_eq!(
            skipped,
            [
                "is UTF-16; save it as UTF-8",
                "is a PDF by its content; name it so",
                "is a PDF, and these are not read here",
                "is larger than 64 MiB",
                "is larger than 8 MiB",
            ]
        );
        assert_eq!(summary.warnings.len(), 1);
        assert_eq!(summary.warnings[0].reason, "has the id `RB1` that other.md has too");
    }
    assert_eq!(find(&index, "zebra").len(), 1);
    assert!(find(&index, "include circle").iter().all(|hit| hit.chunk.text.contains("include")));
}

#[test]
fn links_come_only_from_where_a_file_lies() {
    let root = tempfile::tempdir().unwrap();
    let pages = root.path().join("pages");
    let text = "---\ngroundcrew.permalink: https://evil.test\n---\n# A\n\nzebra\n";
    put(&pages, "run/a.md", text);
    put(&pages, ".git/HEAD", "0123456789abcdef0123456789abcdef01234567\n");
    put(&pages, ".git/config", "[remote \"origin\"]\n\turl = git@git.shop.test:ops/docs.git\n");
    let index = documents(root.path());
    let link = || {
        let chunk = find(&index, "zebra").swap_remove(0).chunk;
        chunk.front_matter.str("groundcrew.permalink").map(str::to_owned)
    };
    index_directory(&pages, &index, &|_| {}).unwrap();
    assert_eq!(link(), None);
    let hosts = ["git.shop.test".to_owned()];
    let source = DocumentSource { permalink_hosts: &hosts, ..DocumentSource::at(&pages) };
    super::index_directory(source, &index, &Masker::new(), None, &|_| {}).unwrap();
    let expected = "https://git.shop.test/ops/docs/blob/0123456789abcdef0123456789abcdef01234567/run/a.md?plain=1#L4-L6";
    assert_eq!(link().as_deref(), Some(expected));
}
