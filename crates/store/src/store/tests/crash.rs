//! Whatever was acknowledged is there exactly once after a crash at any point.

use std::path::Path;

use groundcrew_telemetry::TemplateId;

use super::fixtures::{
    TINY, all_bodies, any_templates, copy_dir, files_below, log_batch, open, reader, record, writer,
};
use crate::{Access, Durability, Store, Upkeep};

fn append_line(store: &Store, number: i64) {
    let line = record(number, &format!("line {number} {}", "x".repeat(300)));
    store.append(vec![log_batch("cart", vec![line])], Durability::Synced).unwrap();
}

fn check_lines(store: &Store, count: i64) {
    let numbers: Vec<i64> = all_bodies(store)
        .iter()
        .map(|body| body.split(' ').nth(1).unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    let counted: u64 =
        store.log_templates(&any_templates()).unwrap().iter().map(|row| row.count).sum();
    assert_eq!(counted, count as u64);
}

#[test]
fn a_copy_after_any_append_has_every_acknowledged_record_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    for number in 0..400 {
        append_line(&store, number);
        if number % 23 == 0 || number > 390 {
            let copy = tempfile::tempdir().unwrap();
            copy_dir(dir.path(), copy.path());
            check_lines(&reader(copy.path()), number + 1);
            let reopened = writer(copy.path());
            check_lines(&reopened, number + 1);
            append_line(&reopened, number + 1);
            reopened.flush().unwrap();
            drop(reopened);
            check_lines(&writer(copy.path()), number + 2);
        }
    }
    assert!(
        dir.path().join("logs").read_dir().unwrap().count() > 1,
        "the memory was sealed meanwhile"
    );
}

#[test]
fn a_crash_between_the_steps_of_a_seal_shows_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let before = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..50).for_each(|number| append_line(&store, number));
    copy_dir(dir.path(), before.path());
    store.flush().unwrap();

    // The splits are written, the manifest is not.
    let orphaned = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), orphaned.path());
    copy_dir(&before.path().join("wal"), &orphaned.path().join("wal"));
    let manifest_before = before.path().join("manifest.bin");
    std::fs::copy(manifest_before, orphaned.path().join("manifest.bin")).unwrap();
    check_lines(&reader(orphaned.path()), 50);
    check_lines(&writer(orphaned.path()), 50);

    // The manifest is written, the log is not yet removed.
    let leftover = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), leftover.path());
    copy_dir(&before.path().join("wal"), &leftover.path().join("wal"));
    check_lines(&reader(leftover.path()), 50);
    let reopened = writer(leftover.path());
    check_lines(&reopened, 50);
    append_line(&reopened, 50);
    reopened.flush().unwrap();
    check_lines(&reopened, 51);
}

#[test]
fn strangers_of_a_crash_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    append_line(&store, 0);
    store.flush().unwrap();
    drop(store);
    let files = files_below(dir.path());
    std::fs::create_dir(dir.path().join("logs/1970-x.unfinished")).unwrap();
    std::fs::write(dir.path().join("logs/1970-x.unfinished/rows.bin"), "partial").unwrap();
    std::fs::write(dir.path().join("manifest.bin.unfinished"), "partial").unwrap();
    check_lines(&writer(dir.path()), 1);
    assert_eq!(files_below(dir.path()), files);
}

fn only_segment(dir: &Path) -> std::path::PathBuf {
    let mut segments = files_below(&dir.join("wal"));
    assert_eq!(segments.len(), 1);
    segments.remove(0)
}

#[test]
fn a_log_cut_anywhere_in_its_last_record_keeps_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..3).for_each(|number| append_line(&store, number));
    let segment = only_segment(dir.path());
    let length_before = std::fs::metadata(&segment).unwrap().len() as usize;
    append_line(&store, 3);
    drop(store);
    let whole = std::fs::read(&segment).unwrap();
    for length in length_before..=whole.len() {
        std::fs::write(&segment, &whole[..length]).unwrap();
        let store = reader(dir.path());
        check_lines(&store, if length == whole.len() { 4 } else { 3 });
        assert_eq!(
            store.warnings(),
            Vec::<String>::new(),
            "an append that was cut short is no damage"
        );
    }
}

#[test]
fn a_changed_byte_in_the_log_costs_one_record_and_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..4).for_each(|number| append_line(&store, number));
    drop(store);
    let segment = only_segment(dir.path());
    let whole = std::fs::read(&segment).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&segment, &bytes).unwrap();
        let opened = Store::open(crate::StoreOptions {
            dir: dir.path().to_owned(),
            access: Access::ReadOnly,
            memory_bytes_max: TINY,
        });
        // A changed format number is a newer format for all one can tell.
        let Ok(store) = opened else {
            assert!((4..8).contains(&at), "byte {at}");
            continue;
        };
        let kept = all_bodies(&store).len();
        assert!(kept >= 3, "byte {at}: {kept} records");
        assert!(kept == 4 || !store.warnings().is_empty(), "byte {at}");
    }
}

#[test]
fn a_damaged_log_is_set_aside_when_it_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..4).for_each(|number| append_line(&store, number));
    drop(store);
    let segment = only_segment(dir.path());
    let mut bytes = std::fs::read(&segment).unwrap();
    let in_the_second = bytes.len() * 3 / 8;
    bytes[in_the_second] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let store = writer(dir.path());
    assert_eq!(all_bodies(&store).len(), 3);
    assert!(store.coverage().unwrap().warnings[0].contains("is damaged from byte"));
    store.flush().unwrap();
    assert_eq!(
        std::fs::read(dir.path().join("quarantine").join(segment.file_name().unwrap())).unwrap(),
        bytes
    );
    assert!(!segment.exists());
}

#[test]
fn template_texts_are_durable_with_the_append_that_follows() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let text_of = |store: &Store| store.log_templates(&any_templates()).unwrap()[0].text.clone();
    store.put_templates(&[(TemplateId(7), "line <*>".to_owned())]).unwrap();
    append_line(&store, 0);
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    assert_eq!(text_of(&reader(copy.path())), "line <*>");
    let reopened = writer(copy.path());
    reopened.flush().unwrap();
    reopened.put_templates(&[(TemplateId(7), "another".to_owned())]).unwrap();
    drop(reopened);
    assert_eq!(text_of(&writer(copy.path())), "line <*>");
}

/// Flushes while the manifest cannot be written: a directory stands where its next version would.
fn flush_without_a_manifest(store: &Store, dir: &Path) {
    let obstacle = dir.join("manifest.bin.unfinished");
    std::fs::create_dir(&obstacle).unwrap();
    store.flush().unwrap_err();
}

fn splits(dir: &Path) -> usize {
    dir.join("logs").read_dir().unwrap().count()
}

/// A copy whose manifest is lost has all lines once, for whoever reads and for who goes on writing.
fn check_without_manifest(dir: &Path, lines: i64) {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    std::fs::write(copy.path().join("manifest.bin"), "rubbish").unwrap();
    check_lines(&reader(copy.path()), lines);
    let store = writer(copy.path());
    check_lines(&store, lines);
    append_line(&store, lines);
    store.flush().unwrap();
    drop(store);
    check_lines(&writer(copy.path()), lines + 1);
}

#[test]
fn a_seal_that_was_tried_again_is_not_taken_twice_when_the_manifest_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    (0..5).for_each(|number| append_line(&store, number));
    flush_without_a_manifest(&store, dir.path());
    flush_without_a_manifest(&store, dir.path());
    assert_eq!(splits(dir.path()), 2, "both attempts are there");
    check_without_manifest(dir.path(), 5);
    store.flush().unwrap();
    assert_eq!(splits(dir.path()), 1, "what failed is gone once it is known to be of no use");
    check_without_manifest(dir.path(), 5);
}

#[test]
fn a_split_that_is_read_while_its_rows_are_merged_twice_is_not_taken_again_when_the_manifest_is_lost()
 {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let line_and_flush = |number: i64| {
        append_line(&store, number);
        store.flush().unwrap();
    };
    let merge = || store.tend(&Upkeep::default(), &|| false).unwrap().merged;
    (0..17).for_each(line_and_flush);
    let read_meanwhile = store.live().splits.logs.clone();
    assert_eq!(merge(), 17);
    (17..33).for_each(line_and_flush);
    assert_eq!(merge(), 17);
    assert_eq!(splits(dir.path()), 1 + read_meanwhile.len());
    check_without_manifest(dir.path(), 33);
    drop(read_meanwhile);
    assert_eq!(splits(dir.path()), 1);
}

#[test]
fn a_merge_that_failed_is_not_taken_beside_another_when_the_manifest_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let line_and_flush = |number: i64| {
        append_line(&store, number);
        store.flush().unwrap();
    };
    (0..17).for_each(line_and_flush);
    std::fs::create_dir(dir.path().join("manifest.bin.unfinished")).unwrap();
    store.tend(&Upkeep::default(), &|| false).unwrap_err();
    assert_eq!(splits(dir.path()), 18, "the merged split is there beside what it was merged from");
    check_without_manifest(dir.path(), 17);
    line_and_flush(17);
    check_without_manifest(dir.path(), 18);
    assert_eq!(store.tend(&Upkeep::default(), &|| false).unwrap().merged, 18);
    assert_eq!(splits(dir.path()), 1);
    check_without_manifest(dir.path(), 18);
}

#[test]
fn the_first_append_after_a_crash_does_not_wait_for_a_seal() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    let mut lines = 0;
    while store.live().active.bytes() < TINY {
        append_line(&store, lines);
        lines += 1;
    }
    drop(store);
    assert!(!dir.path().join("logs").exists(), "all of it is in the log alone");
    let store = open(dir.path(), Access::ReadWrite, TINY);
    append_line(&store, lines);
    assert!(!dir.path().join("logs").exists(), "nothing was sealed");
    check_lines(&store, lines + 1);
    store.flush().unwrap();
    assert_eq!(splits(dir.path()), 2);
    check_lines(&store, lines + 1);
    drop(store);
    check_lines(&writer(dir.path()), lines + 1);
}
