//! One rollup in place of those of many splits counts the same.

use std::path::Path;

use groundcrew_telemetry::{CallSite, LogRecord, TemplateId, TemplateRow, TimeRange};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, prop_oneof, proptest};

use super::aging::{Aging, DAY};
use super::fixtures::{TINY, any_templates, at, files_below, log_batch, open, reader, record};
use super::rollups::{any_ranges, any_record, check_counts};
use crate::pace::Pace;
use crate::store::join::Joining;
use crate::{Access, Durability, Retention, Store, TemplateQuery, Upkeep};

fn join(store: &Store, splits: usize) -> usize {
    let joining = Joining { splits, ..store.joining() };
    store.join_rollups(joining, &mut Pace::new(None, &|| false))
}

/// Fills a split, behind which nothing is merged any more.
fn fill(store: &Store, from: i64) -> Vec<(String, LogRecord)> {
    let records: Vec<LogRecord> =
        (0..200).map(|number| record(from, &number.to_string())).collect();
    store.append(vec![log_batch("full", records.clone())], Durability::OnFlush).unwrap();
    store.flush().unwrap();
    records.into_iter().map(|one| ("full".to_owned(), one)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn joint_rollups_equal_a_plain_count(
        splits in vec((prop_oneof![Just("a".to_owned()), Just("b".to_owned())], vec(any_record(20, 1), 40..80)), 4..8),
        length in 3_usize..5,
        ranges in any_ranges(30),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Access::ReadWrite, TINY);
        let mut all = Vec::new();
        for (service, records) in splits {
            all.extend(records.iter().map(|one| (service.clone(), one.clone())));
            store.append(vec![log_batch(&service, records)], Durability::OnFlush).unwrap();
            store.flush().unwrap();
        }
        all.extend(fill(&store, 10));
        join(&store, length);
        check_counts(&store, &all, ranges);
    }
}

/// Twelve splits within twelve seconds, of which each writes the same lines, and a full one.
fn twelve(dir: &Path) -> Store {
    let store = open(dir, Access::ReadWrite, TINY);
    for split in 0..12 {
        let lines = (0..120_u64).map(|line| {
            let mut one = record(split, &format!("line of {line} in {split}"));
            one.template = Some(TemplateId(1 + line % 20));
            one.site = CallSite::from_code((line % 3) as u8);
            one
        });
        store.append(vec![log_batch("cart", lines.collect())], Durability::Synced).unwrap();
        store.flush().unwrap();
    }
    fill(&store, 13);
    store
}

fn rows(store: &Store) -> Vec<TemplateRow> {
    store.log_templates(&any_templates()).unwrap()
}

fn joints(dir: &Path) -> usize {
    dir.join("rollups").read_dir().map_or(0, Iterator::count)
}

#[test]
fn one_rollup_takes_the_place_of_many_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = twelve(dir.path());
    let part = TemplateQuery { range: TimeRange::new(at(10), at(12)), ..any_templates() };
    let of_part = |store: &Store| store.log_templates(&part).unwrap();
    let (whole, in_part) = (rows(&store), of_part(&store));
    assert_eq!(join(&store, 4), 12);
    assert_eq!((join(&store, 4), joints(dir.path())), (0, 3));
    // A joint rollup knows fewer rows from the middle.
    let ends = |rows: Vec<TemplateRow>| -> Vec<TemplateRow> {
        rows.into_iter().map(|row| TemplateRow { exemplars: Vec::new(), ..row }).collect()
    };
    for store in [&store, &reader(dir.path())] {
        assert_eq!(ends(rows(store)), ends(whole.clone()));
        assert_eq!(ends(of_part(store)), ends(in_part.clone()));
        for (row, before) in rows(store).iter().zip(&whole) {
            let (first, last) = (row.exemplars.first(), row.exemplars.last());
            assert_eq!((first, last), (before.exemplars.first(), before.exemplars.last()));
        }
        assert_eq!(store.warnings(), Vec::<String>::new());
    }
    drop(store);
    // The splits' own rollups are not read any more.
    let rollups = files_below(&dir.path().join("logs")).into_iter();
    let rollups = rollups.filter(|path| path.ends_with("rollup.bin"));
    rollups.take(12).for_each(|path| std::fs::remove_file(path).unwrap());
    let store = open(dir.path(), Access::ReadWrite, TINY);
    assert_eq!(ends(rows(&store)).len(), whole.len());
    let counts = |rows: &[TemplateRow]| rows.iter().map(|row| row.count).sum::<u64>();
    assert_eq!(counts(&rows(&store)), counts(&whole));
}

#[test]
fn splits_that_come_fast_are_joined_as_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    for split in 0..70 {
        fill(&store, split / 20);
        let joined = store.join(&|| false).unwrap();
        assert_eq!(joined, if [31, 63].contains(&split) { 32 } else { 0 }, "{split}");
    }
    assert_eq!(joints(dir.path()), 2);
    let counted: u64 = rows(&store).iter().map(|row| row.count).sum();
    assert_eq!(counted, 70 * 200);
    assert!(reader(dir.path()).join(&|| false).is_err(), "a reader writes nothing");
}

#[test]
fn a_damaged_one_costs_nothing_but_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = twelve(dir.path());
    let whole = rows(&store);
    let counts = store.log_counts(&any_templates(), None).unwrap();
    join(&store, 4);
    drop(store);
    for (number, joint) in std::fs::read_dir(dir.path().join("rollups")).unwrap().enumerate() {
        let path = joint.unwrap().path();
        match number {
            0 => std::fs::remove_file(path.join("of.bin")).unwrap(),
            1 => std::fs::remove_file(path.join("rollup.bin")).unwrap(),
            _ => {
                let file = path.join("rollup.bin");
                let mut bytes = std::fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle..].iter_mut().for_each(|byte| *byte ^= 0x55);
                std::fs::write(&file, bytes).unwrap();
            }
        }
    }
    let store = open(dir.path(), Access::ReadWrite, TINY);
    assert_eq!(rows(&store), whole);
    assert_eq!(store.log_counts(&any_templates(), None).unwrap(), counts);
    let warnings = store.warnings();
    assert!(warnings.iter().all(|warning| warning.contains("one by one")), "{warnings:?}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn what_has_little_in_common_is_left_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Access::ReadWrite, TINY);
    for split in 0..8 {
        fill(&store, split * 60);
    }
    assert_eq!((join(&store, 4), joints(dir.path())), (0, 0));
}

#[test]
fn it_goes_with_the_first_of_its_splits() {
    let dir = tempfile::tempdir().unwrap();
    let aging = Aging::within(dir.path(), 0, TINY);
    for split in 0..8 {
        aging.set(DAY * (split / 6));
        let lines = (0..200).map(|line| record(split, &format!("line {line}")));
        aging.store.append(vec![log_batch("cart", lines.collect())], Durability::Synced).unwrap();
        aging.store.flush().unwrap();
    }
    assert_eq!(join(&aging.store, 4), 4, "the fifth to the eighth came on two days");
    aging.receive_every_day(2..=5);
    let counted = aging.counted();
    let days = |days: u64| Some(std::time::Duration::from_secs(days * DAY as u64));
    // Without rows the counts stay, and stay joint.
    aging.tend(Retention { logs: days(1), ..Retention::default() });
    assert_eq!((aging.counted(), joints(dir.path())), (counted, 1));
    aging.tend(Retention { logs: days(1), rollups: days(1), ..Retention::default() });
    assert!(aging.counted() <= 4, "the lines of the days since");
    assert_eq!(joints(dir.path()), 0);
    assert_eq!(aging.store.tend(&Upkeep::default(), &|| false).unwrap().joined, 0);
}
