//! Damage anywhere is left out and said; it never panics, lies or keeps the store from opening.

use std::path::Path;

use groundcrew_telemetry::{Batch, ClusterSnapshot, TemplateId, TimeRange};

use super::fixtures::{
    TINY, any_logs, any_metrics, any_spans, any_templates, copy_dir, files_below, log_batch,
    masked, metric_batch, rich_record, series, span, span_batch, writer,
};
use crate::{Access, Durability, Store, StoreError, StoreOptions};

/// More than are read without the index.
const LOGS: u64 = 5200;
const SPANS: u64 = 1100;

fn filled(dir: &Path) {
    let store = writer(dir);
    store.put_templates(&[(TemplateId(1), "request <*>".to_owned())]).unwrap();
    let batches = vec![
        log_batch("cart", (0..LOGS).map(rich_record).collect()),
        span_batch("cart", (0..SPANS).map(span).collect()),
        metric_batch(
            "cart",
            (0..200).map(|n| series("memory", &n.to_string(), &[(1, 1.0), (2, 2.0)])).collect(),
        ),
        masked(Batch::Cluster(vec![ClusterSnapshot {
            text: "state".repeat(50),
            ..ClusterSnapshot::default()
        }])),
    ];
    let claim =
        store.claim(crate::ResendKey::of("", "test", b"1"), super::fixtures::at(0)).unwrap();
    store.append_claimed(batches, Durability::Synced, claim).unwrap();
    store.flush().unwrap();
}

/// Asks for everything; what comes back must be true, and be complete or be said to be incomplete.
fn check(store: &Store) {
    let logs = store.search_logs(&any_logs()).unwrap();
    for row in &logs {
        let number = (row.record.time.secs_f64() - 1_700_000_000.0).round() as u64;
        assert_eq!(row.record, rich_record(number));
    }
    let needle = crate::LogQuery { text: crate::Expression::words(["2500"]), ..any_logs() };
    let needles = store.search_logs(&needle).unwrap().len();
    let spans = store.spans(&any_spans()).unwrap();
    for row in &spans.rows {
        let number = (row.span.start.secs_f64() - 1_700_000_000.0).round() as u64;
        assert_eq!(row.span, span(number));
    }
    let metrics = store.metrics(&any_metrics()).unwrap();
    assert!(metrics.iter().all(|row| row.series.points.len() == 2));
    let counted: u64 =
        store.log_templates(&any_templates()).unwrap().iter().map(|row| row.count).sum();
    let snapshots = store.cluster(TimeRange::ALL).unwrap().len();
    let is_complete = (logs.len(), needles, spans.rows.len(), metrics.len())
        == (LOGS as usize, 1, SPANS as usize, 200)
        && (counted, snapshots) == (LOGS, 1)
        && store.coverage().unwrap().templates == 1;
    assert!(is_complete || !store.warnings().is_empty(), "something is missing without a word");
}

fn open(dir: &Path, access: Access) -> Result<Store, StoreError> {
    Store::open(StoreOptions { dir: dir.to_owned(), access, memory_bytes_max: TINY })
}

fn is_ours(path: &Path) -> bool {
    let text = path.to_string_lossy();
    !text.contains("/documents") && !text.contains("state.db") && !text.ends_with("/lock")
}

#[test]
fn a_changed_byte_in_any_file_is_never_taken_for_content() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    for path in files_below(dir.path()).into_iter().filter(|path| is_ours(path)) {
        let whole = std::fs::read(&path).unwrap();
        let step = (whole.len() / 12).max(1);
        for at in (0..whole.len()).step_by(step).chain(whole.len().saturating_sub(6)..whole.len()) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x5a;
            std::fs::write(&path, &bytes).unwrap();
            match open(dir.path(), Access::ReadOnly) {
                Ok(store) => check(&store),
                Err(StoreError::NewerFormat { .. }) => assert!((4..8).contains(&at)),
                Err(error) => panic!("{} byte {at}: {error}", path.display()),
            }
        }
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_file_cut_anywhere_or_gone_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    for path in files_below(dir.path()).into_iter().filter(|path| is_ours(path)) {
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, 7, 8, whole.len() / 2, whole.len().saturating_sub(1)] {
            std::fs::write(&path, &whole[..length.min(whole.len())]).unwrap();
            let copy = tempfile::tempdir().unwrap();
            copy_dir(dir.path(), copy.path());
            let store = open(copy.path(), Access::ReadWrite).unwrap();
            check(&store);
            // It goes on to work.
            store.append(vec![log_batch("new", vec![])], Durability::Synced).unwrap();
            store.flush().unwrap();
        }
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_lost_manifest_is_made_again_from_the_splits() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    std::fs::write(dir.path().join("manifest.bin"), "rubbish").unwrap();
    let store = open(dir.path(), Access::ReadWrite).unwrap();
    assert_eq!(store.search_logs(&any_logs()).unwrap().len(), LOGS as usize);
    assert!(store.warnings()[0].contains("made again"));
    store.append(vec![log_batch("cart", vec![rich_record(LOGS)])], Durability::Synced).unwrap();
    store.flush().unwrap();
    drop(store);
    let store = open(dir.path(), Access::ReadWrite).unwrap();
    assert_eq!(store.search_logs(&any_logs()).unwrap().len(), LOGS as usize + 1);
    assert_eq!(store.warnings(), Vec::<String>::new());
}

#[test]
fn another_format_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let manifest = dir.path().join("manifest.bin");
    for (format, is_newer) in [(99, true), (1, false)] {
        let mut bytes = std::fs::read(&manifest).unwrap();
        bytes[4] = format;
        std::fs::write(&manifest, &bytes).unwrap();
        let files = files_below(dir.path());
        match open(dir.path(), Access::ReadWrite).unwrap_err() {
            StoreError::NewerFormat { found: 99, .. } => assert!(is_newer),
            StoreError::OlderFormat { found: 1, .. } => assert!(!is_newer),
            error => panic!("{error}"),
        }
        assert_eq!(files_below(dir.path()), files);
        assert_eq!(std::fs::read(&manifest).unwrap(), bytes);
    }
}

#[test]
fn a_state_that_cannot_be_opened_is_set_aside_and_telemetry_is_served() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let path = dir.path().join("state.db");
    std::fs::write(&path, "this is no database, however long one looks at it".repeat(100)).unwrap();
    let reader = open(dir.path(), Access::ReadOnly).unwrap();
    assert!(reader.warnings()[0].contains("is left out"), "{:?}", reader.warnings());
    let store = open(dir.path(), Access::ReadWrite).unwrap();
    assert_eq!(store.search_logs(&any_logs()).unwrap().len(), LOGS as usize);
    assert!(store.warnings()[0].contains("begun anew"), "{:?}", store.warnings());
    store.state().put_answer("a", "c", super::fixtures::at(0), "{}").unwrap();
    drop(store);
    let store = open(dir.path(), Access::ReadWrite).unwrap();
    assert_eq!(store.state().answer("a").unwrap().as_deref(), Some("{}"));
    assert_eq!(store.warnings(), Vec::<String>::new());
    let aside = files_below(&dir.path().join("quarantine"));
    assert!(aside[0].to_string_lossy().ends_with("state.db"));
}

/// A place to harm and how, out of all files, from a seed.
fn harmed(dir: &Path, dice: &mut crate::disk::simulated::Dice) -> Option<std::path::PathBuf> {
    let files: Vec<_> = files_below(dir).into_iter().filter(|path| is_ours(path)).collect();
    let path = files[dice.below(files.len())].clone();
    let mut bytes = std::fs::read(&path).unwrap();
    // The first eight say what a file is and of which format; those have tests of their own.
    let at = 8 + dice.below(bytes.len().checked_sub(8).filter(|length| *length > 0)?);
    if dice.thousandths(500) {
        bytes[at] ^= 1 << dice.below(8);
    } else {
        bytes.truncate(at);
    }
    std::fs::write(&path, bytes).unwrap();
    Some(path)
}

#[test]
fn harm_at_random_places_is_survived_and_said() {
    let count = std::env::var_os("GROUNDCREW_DAMAGE_PLACES")
        .map_or(25, |count| count.to_str().unwrap().parse().expect("a number of places"));
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    for seed in 0..count {
        let mut dice = crate::disk::simulated::Dice::new(seed);
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let Some(path) = harmed(copy.path(), &mut dice) else { continue };
        let store = open(copy.path(), Access::ReadWrite)
            .unwrap_or_else(|error| panic!("seed {seed}, {}: {error}", path.display()));
        check(&store);
        store.flush().unwrap();
        check(&store);
    }
}
