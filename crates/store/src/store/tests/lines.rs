//! Lines of several templates are those that a search finds for each.

use groundcrew_telemetry::{LogRecord, TemplateId, TimeRange, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy as _, any, prop_oneof, proptest};

use super::fixtures::{TINY, any_logs, at, log_batch, open, reader, record, writer};
use super::rollups::any_record;
use crate::{Access, Durability, Line, LinesQuery, LogQuery, Store};

/// What a search finds of one service and template, by time.
fn searched(store: &Store, query: &LinesQuery, place: usize) -> Vec<(Timestamp, String)> {
    let (service, template) = query.of[place].clone();
    let logs = LogQuery {
        range: query.range,
        services: vec![service],
        template: Some(template),
        ..any_logs()
    };
    let rows = store.search_logs(&logs).unwrap();
    rows.into_iter().map(|row| (row.record.time, row.record.body)).collect()
}

fn sorted(lines: &[Line]) -> Vec<(Timestamp, String)> {
    let mut lines: Vec<_> = lines.iter().map(|line| (line.time, line.body.clone())).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn lines_are_those_that_a_search_finds(
        portions in vec((prop_oneof![Just("a".to_owned()), Just("b".to_owned())], vec(any_record(300, 3), 0..60), any::<bool>()), 1..8),
        of in vec((prop_oneof![Just("a".to_owned()), Just("b".to_owned()), Just("absent".to_owned())], (0_u64..5).prop_map(TemplateId)), 0..5),
        (start, length, newest_first, limit) in (-50_i64..300, 0_i64..400, any::<bool>(), 0_usize..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Access::ReadWrite, TINY);
        for (service, records, flush) in portions {
            store.append(vec![log_batch(&service, records)], Durability::Written).unwrap();
            if flush {
                store.flush().unwrap();
            }
        }
        let mut of: Vec<(String, TemplateId)> = of;
        of.sort();
        of.dedup();
        let range = TimeRange::new(at(start), at(start + length));
        let query = LinesQuery { range, of, newest_first, limit, blocks_max: usize::MAX };
        for store in [&store, &reader(dir.path())] {
            let found = store.lines_of(&query).unwrap();
            let all = store.lines_of(&LinesQuery { limit: usize::MAX, ..query.clone() }).unwrap();
            assert_eq!((found.len(), all.len()), (query.of.len(), query.of.len()));
            for (place, (found, all)) in found.iter().zip(&all).enumerate() {
                let mut expected = searched(store, &query, place);
                expected.sort();
                assert_eq!(sorted(all), expected);
                assert_eq!(found.len(), limit.min(expected.len()));
                assert!(found.iter().all(|line| all.contains(line)));
            }
        }
    }
}

#[test]
fn of_a_full_template_the_oldest_or_the_newest_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for split in 0..6 {
        // The second template is rare: the first is full long before.
        let lines = (0..100).map(|line| {
            let is_rare = split == 3 && line == 50;
            let template = Some(TemplateId(if is_rare { 2 } else { 1 }));
            let time = split * 100 + line;
            LogRecord { template, ..record(time, &time.to_string()) }
        });
        store.append(vec![log_batch("a", lines.collect())], Durability::Synced).unwrap();
        store.flush().unwrap();
    }
    for (newest_first, expected) in [(false, (0..30)), (true, (570..600))] {
        let of = [1, 2].map(|template| ("a".to_owned(), TemplateId(template))).to_vec();
        let (range, limit, blocks_max) = (TimeRange::ALL, 30, 6);
        let query = LinesQuery { range, of, newest_first, limit, blocks_max };
        let found = store.lines_of(&query).unwrap();
        let times: Vec<Timestamp> = sorted(&found[0]).into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, expected.map(at).collect::<Vec<_>>());
        assert_eq!(found[1], [Line { time: at(350), body: "350".to_owned() }]);
        let few = store.lines_of(&LinesQuery { blocks_max: 2, ..query }).unwrap();
        assert_eq!(few, [found[0].clone(), Vec::new()]);
    }
}
