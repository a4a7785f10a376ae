//! Entries of the journal as journalctl prints them, cut anywhere, and broken.

use groundcrew_telemetry::{Batch, LogRecord, Resource, Severity, Timestamp, Value};

use super::{Entries, decode_journal, looks_like_journal, read_object};
use crate::sources::files::plain_json::PlainJson;
use crate::test_mutations::mutations;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
const EXPORT: &[u8] = b"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1789999000000005\n_HOSTNAME=web-1\nPRIORITY=3\n\
_SYSTEMD_UNIT=nginx.service\nSYSLOG_IDENTIFIER=nginx\n_PID=77\nREQUEST_ID=r1\nMESSAGE\n\x0e\0\0\0\0\0\0\0two\nlines\n\n\xff=x\n\n\
__CURSOR=s=1;i=3\n__REALTIME_TIMESTAMP=1789999001000000\n_TRANSPORT=stdout\nPRIORITY=6\nSYSLOG_IDENTIFIER=cart\nMESSAGE=ERROR no stock\n\n\
__CURSOR=s=1;i=4\n__REALTIME_TIMESTAMP=1789999002000000\n_PID=1\nUNIT=cart.service\n_SYSTEMD_UNIT=init.scope\nPRIORITY=4\nMESSAGE=cart.service: Main process exited\n";

fn records(batches: Vec<Batch>) -> Vec<(Resource, LogRecord)> {
    let mut records = Vec::new();
    for batch in batches {
        let Batch::Logs(logs) = batch else { panic!("{batch:?}") };
        records.extend(logs.records.into_iter().map(|record| (logs.resource.clone(), record)));
    }
    records.sort_by_key(|(_, record)| record.time);
    records
}

#[test]
fn entries_of_the_export_format_become_records() {
    assert!(looks_like_journal(EXPORT));
    let decoded = decode_journal(EXPORT, NOW);
    assert_eq!(decoded.rejected.count, 0, "{:?}", decoded.rejected);
    let records = records(decoded.batches);
    let [(nginx, first), (cart, second), (told, third)] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!((nginx.service(), nginx.node()), ("nginx", Some("web-1")));
    assert_eq!(first.body, "two\nlines\n\n\u{fffd}=x");
    assert_eq!(first.time, Timestamp::from_nanos(1_789_999_000_000_005_000));
    assert_eq!(first.severity, Severity::ERROR);
    assert_eq!(first.attributes.get("process.pid"), Some(&Value::Int(77)));
    assert_eq!(first.attributes.str("request_id"), Some("r1"));
    assert_eq!((cart.service(), second.severity), ("cart", Severity::ERROR));
    assert_eq!((told.service(), third.severity), ("cart", Severity::WARN));
}

#[test]
fn entries_are_the_same_however_they_trickle_in() {
    for step in [1, 2, 5, 13] {
        let mut entries = Entries::default();
        let mut count = 0;
        let mut fields = 0;
        for chunk in EXPORT.chunks(step) {
            entries.push(chunk);
            while let Some(entry) = entries.next() {
                count += 1;
                fields += entry.len();
            }
        }
        let last = entries.last().unwrap().unwrap();
        assert_eq!((count, fields, last.len()), (2, 15, 7), "in steps of {step}");
    }
}

#[test]
fn entries_as_json_say_the_same() {
    let json = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1789999000000005","_SYSTEMD_UNIT":"nginx.service",
        "PRIORITY":"3","_PID":"77","MESSAGE":[99,97,102,195,169],"TAG":["a","b"],"BIG":null}"#;
    let Ok(PlainJson(Some(Value::Map(object)))) = serde_json::from_str(json) else { panic!() };
    let log = read_object(object, NOW).unwrap();
    assert_eq!((log.resource.service(), log.record.body.as_str()), ("nginx", "café"));
    assert_eq!(log.record.severity, Severity::ERROR);
    assert_eq!(log.record.time, Timestamp::from_nanos(1_789_999_000_000_005_000));
    assert_eq!(log.record.attributes.str("tag"), Some("a"));
}

#[test]
fn what_is_cut_off_or_says_nothing_is_rejected() {
    let cut = decode_journal(&EXPORT[..180], NOW);
    assert_eq!((cut.rejected.count, cut.batches.len()), (1, 0));
    let silent = decode_journal(b"__CURSOR=1\nPRIORITY=3\n\n__CURSOR=2\nMESSAGE=x\n\n", NOW);
    assert_eq!((silent.rejected.count, silent.record_count()), (1, 1));
}

#[test]
fn no_bytes_make_it_panic_or_hold_more_than_they_are() {
    for mutated in mutations(EXPORT, 100_000) {
        let decoded = decode_journal(&mutated, NOW);
        assert!(decoded.record_count() <= mutated.len());
    }
}
