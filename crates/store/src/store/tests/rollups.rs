//! Counts from rollups equal a plain count.

use std::collections::BTreeMap;

use groundcrew_telemetry::{
    CallSite, LogRecord, Severity, TemplateId, TemplateRow, TimeRange, Timestamp,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use super::fixtures::{TINY, any_templates, at, log_batch, open, record, writer};
use crate::slot::slot_of;
use crate::{Access, Durability, Store, TemplateQuery};

pub(super) fn any_record(seconds: i64, severities: u8) -> impl Strategy<Value = LogRecord> {
    (0..seconds, 0..severities, option::of(1_u64..4), 0_u8..20, 0_u8..3).prop_map(
        |(seconds, severity, template, word, site)| {
            let mut one = record(seconds, &format!("word {word}"));
            one.time = one.time.plus_nanos(i64::from(word));
            one.severity = Severity(severity);
            one.template = template.map(TemplateId);
            one.site = CallSite::from_code(site);
            one
        },
    )
}

#[derive(Debug, Default, PartialEq)]
struct Counted {
    count: u64,
    severity: Severity,
    first: Timestamp,
    last: Timestamp,
    minutes: BTreeMap<i64, u32>,
    bodies: Vec<String>,
    sites: BTreeMap<CallSite, BTreeMap<i64, u32>>,
    levels: BTreeMap<Severity, BTreeMap<i64, u32>>,
}

fn plain_count(
    records: &[(String, LogRecord)],
    query: &TemplateQuery,
) -> BTreeMap<(String, TemplateId), Counted> {
    let mut counted: BTreeMap<(String, TemplateId), Counted> = BTreeMap::new();
    for (service, one) in records {
        let minute = one.time.minute();
        let slot = slot_of(one.time);
        let first_slot = slot_of(query.range.start);
        let last_slot = slot_of(query.range.end.plus_nanos(-1));
        let is_inside = !query.range.is_empty() && slot >= first_slot && slot <= last_slot;
        if !is_inside || !(query.services.is_empty() || query.services.contains(service)) {
            continue;
        }
        let key = (service.clone(), one.template.unwrap_or(TemplateId(0)));
        let entry = counted.entry(key).or_insert_with(|| Counted {
            first: Timestamp::MAX,
            last: Timestamp::MIN,
            ..Counted::default()
        });
        entry.count += 1;
        entry.severity = entry.severity.max(one.severity);
        entry.first = entry.first.min(one.time);
        entry.last = entry.last.max(one.time);
        *entry.minutes.entry(minute).or_default() += 1;
        *entry.levels.entry(one.severity).or_default().entry(minute).or_default() += 1;
        if let Some(site) = one.site {
            *entry.sites.entry(site).or_default().entry(minute).or_default() += 1;
        }
        entry.bodies.push(one.body.clone());
    }
    counted
}

fn check_row(row: &TemplateRow, counted: &Counted, records: &[(String, LogRecord)]) {
    assert_eq!((row.count, row.severity), (counted.count, counted.severity));
    assert_eq!((row.first, row.last), (counted.first, counted.last));
    assert_eq!(row.minutes, counted.minutes.clone().into_iter().collect::<Vec<_>>());
    let sites: BTreeMap<_, _> =
        row.sites.iter().map(|row| (row.site, row.minutes.iter().copied().collect())).collect();
    assert_eq!(sites, counted.sites);
    for site in &row.sites {
        assert_eq!(
            site.count,
            site.minutes.iter().map(|(_, count)| u64::from(*count)).sum::<u64>()
        );
        assert!(counted.bodies.contains(&site.exemplar));
    }
    let levels: BTreeMap<_, _> = row
        .by_severity()
        .map(|(severity, _, minutes)| (severity, minutes.iter().copied().collect()))
        .collect();
    assert_eq!(levels, counted.levels);
    assert_eq!(row.by_severity().map(|(_, count, _)| count).sum::<u64>(), row.count);
    assert!((1..=3).contains(&row.exemplars.len()));
    assert!(row.exemplars.iter().all(|text| counted.bodies.contains(text)));
    let is_at = |text: &str, time: Timestamp| {
        records
            .iter()
            .any(|(service, one)| *service == row.service && one.time == time && one.body == text)
    };
    assert!(row.exemplars.iter().any(|text| is_at(text, row.first)), "the first is shown");
    assert!(row.exemplars.iter().any(|text| is_at(text, row.last)), "the last is shown");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn rollups_equal_a_plain_count(
        portions in vec((prop_oneof![Just("a".to_owned()), Just("b".to_owned())], vec(any_record(2_000, 25), 0..80), any::<bool>()), 1..8),
        ranges in any_ranges(2_000),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Access::ReadWrite, TINY);
        let mut all = Vec::new();
        for (service, records, flush) in portions {
            all.extend(records.iter().map(|one| (service.clone(), one.clone())));
            store.append(vec![log_batch(&service, records)], Durability::OnFlush).unwrap();
            if flush {
                store.flush().unwrap();
            }
        }
        check_counts(&store, &all, ranges);
    }
}

/// Begin, length, and whether one service is asked for.
pub(super) type AskedRange = (i64, i64, bool);

pub(super) fn any_ranges(seconds: i64) -> impl Strategy<Value = Vec<AskedRange>> {
    vec((-100..seconds, 0..2 * seconds, any::<bool>()), 1..6)
}

/// What a store that was given these records by service says of them.
pub(super) fn check_counts(store: &Store, all: &[(String, LogRecord)], ranges: Vec<AskedRange>) {
    let queries: Vec<TemplateQuery> = ranges
        .into_iter()
        .map(|(start, length, one_service)| TemplateQuery {
            range: TimeRange::new(at(start), at(start + length)),
            services: if one_service { vec!["b".to_owned()] } else { Vec::new() },
        })
        .collect();
    let together = store.log_templates_of(&queries).unwrap();
    assert_eq!(together.len(), queries.len());
    for (query, rows) in queries.iter().zip(&together) {
        assert_eq!(&store.log_templates(query).unwrap(), rows);
        let counted = plain_count(all, query);
        assert_eq!(rows.len(), counted.len());
        for row in rows {
            check_row(row, &counted[&(row.service.clone(), row.template)], all);
        }
        for template in [None, Some(TemplateId(0)), Some(TemplateId(2))] {
            let counts = store.log_counts(query, template).unwrap();
            assert_eq!(counts, minutes_of(&counted, template));
        }
    }
}

/// The plain count by minute and severity.
fn minutes_of(
    counted: &BTreeMap<(String, TemplateId), Counted>,
    template: Option<TemplateId>,
) -> Vec<(i64, Severity, u64)> {
    let mut minutes: BTreeMap<(i64, Severity), u64> = BTreeMap::new();
    let of_template = counted.iter().filter(|((_, id), _)| template.is_none_or(|one| one == *id));
    for (severity, of_minutes) in of_template.flat_map(|(_, counted)| &counted.levels) {
        for (minute, count) in of_minutes {
            *minutes.entry((*minute, *severity)).or_default() += u64::from(*count);
        }
    }
    minutes.into_iter().map(|((minute, severity), count)| (minute, severity, count)).collect()
}

#[test]
fn the_newest_splits_before_a_time_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for number in 0..5 {
        store
            .append(vec![log_batch("a", vec![record(number * 100, "x")])], Durability::OnFlush)
            .unwrap();
        store.flush().unwrap();
    }
    let just_after = |seconds: i64| at(seconds).plus_nanos(1);
    assert_eq!(store.newest_logs_since(at(1_000), 5), Timestamp::MIN);
    assert_eq!(store.newest_logs_since(at(1_000), 2), just_after(200));
    assert_eq!(store.newest_logs_since(at(250), 2), just_after(0));
    assert_eq!(store.newest_logs_since(at(250), 3), Timestamp::MIN);
}

#[test]
fn of_many_splits_the_first_and_the_last_rows_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for split in 0..70_i64 {
        // Each template is busiest in another split.
        let lines = (0..70_u64).flat_map(|template| {
            let times = if template as i64 == split { 2 } else { 1 };
            (0..times).map(move |_| {
                let mut one = record(split * 100, &format!("line of {template} in {split}"));
                one.template = Some(TemplateId(template));
                one
            })
        });
        store.append(vec![log_batch("a", lines.collect())], Durability::OnFlush).unwrap();
        store.flush().unwrap();
    }
    let shown = |splits: i64| -> Vec<String> {
        let range = TimeRange::new(at(0), at(splits * 100 - 1));
        let rows = store.log_templates(&TemplateQuery { range, ..any_templates() }).unwrap();
        let row = rows.iter().find(|row| row.template == TemplateId(35)).unwrap();
        assert_eq!(row.count, splits as u64 + 1);
        assert_eq!((row.first, row.last), (at(0), at(splits * 100 - 100)));
        row.exemplars.clone()
    };
    assert_eq!(shown(50), ["line of 35 in 0", "line of 35 in 35", "line of 35 in 49"]);
    assert_eq!(shown(70), ["line of 35 in 0", "line of 35 in 69"]);
}

#[test]
fn exemplars_are_cut_and_rows_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let long = "é".repeat(5_000);
    let mut frequent = record(2, "frequent");
    frequent.template = Some(TemplateId(99));
    store
        .append(
            vec![
                log_batch("b", vec![record(1, &long), frequent.clone(), frequent]),
                log_batch("a", vec![record(1, "x")]),
            ],
            Durability::OnFlush,
        )
        .unwrap();
    for _ in 0..2 {
        let rows = store.log_templates(&any_templates()).unwrap();
        let order: Vec<(&str, u64)> =
            rows.iter().map(|row| (row.service.as_str(), row.count)).collect();
        assert_eq!(order, [("a", 1), ("b", 2), ("b", 1)]);
        assert_eq!(rows[2].exemplars, ["é".repeat(1024)]);
        store.flush().unwrap();
    }
}

#[test]
fn what_is_shown_of_a_whole_split_needs_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    let records = (0..3_000).map(|number| {
        let mut one = record(number / 2, &format!("order {number} took {} ms", number % 7));
        one.template = Some(TemplateId(1 + number.unsigned_abs() % 40));
        one.site = CallSite::from_code(u8::try_from(number % 3).unwrap());
        one
    });
    store.append(vec![log_batch("cart", records.collect())], Durability::Synced).unwrap();
    store.flush().unwrap();
    let whole = store.log_templates(&any_templates()).unwrap();
    let part = TemplateQuery { range: TimeRange::new(at(500), at(900)), ..any_templates() };
    let of_part = store.log_templates(&part).unwrap();
    drop(store);
    assert!(whole.iter().chain(&of_part).all(|row| !row.exemplars.is_empty()));
    for split in std::fs::read_dir(dir.path().join("logs")).unwrap() {
        std::fs::remove_file(split.unwrap().path().join("rows.bin")).unwrap();
    }
    let store = writer(dir.path());
    assert_eq!(store.log_templates(&any_templates()).unwrap(), whole);
    assert_eq!(store.warnings(), Vec::<String>::new());
    // A part of it has first and last rows of its own.
    let without = store.log_templates(&part).unwrap();
    assert_eq!(without.len(), of_part.len());
    assert!(store.warnings().iter().any(|warning| warning.contains("rows.bin")));
}
