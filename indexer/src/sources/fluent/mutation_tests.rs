//! The four modes of the protocol, as its specification writes them, and the same broken in every way.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use groundcrew_telemetry::{Batch, Severity, Timestamp, Value};

use super::decode_forward;
use super::msgpack::Extent;
use crate::test_mutations::mutations;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
/// 2026-09-21T14:13:20.000000005Z as an extension, and a record with a message and a level.
const ENTRY: &[u8] =
    b"\x92\xd7\x00\x6a\xb1\x3b\x80\0\0\0\x05\x82\xa3msg\xa7no disk\xa5level\xa5error";

fn packed(option: &[u8], entries: &[u8]) -> Vec<u8> {
    let length = u8::try_from(entries.len()).unwrap();
    [b"\x93\xa4cart\xc4".as_slice(), &[length], entries, option].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Name of the mode, message, records in it.
fn messages() -> Vec<(&'static str, Vec<u8>, usize)> {
    let option = b"\x82\xa5chunk\xa2c1\xa4size\x02";
    let compressed = b"\x82\xa5chunk\xa2c1\xaacompressed\xa4gzip";
    let two = [ENTRY, ENTRY].concat();
    let message = [b"\x94\xa4cart".as_slice(), &ENTRY[1..], option].concat();
    let forward = [b"\x93\xa4cart\x92".as_slice(), two.as_slice(), option].concat();
    // Fluent Bit: the time stands in a list, beside what is known of the record.
    let newer =
        [b"\x93\xa4cart\x91\x92\x92".as_slice(), &ENTRY[1..11], b"\x80", &ENTRY[11..], option]
            .concat();
    vec![
        ("message", message, 1),
        ("forward", forward, 2),
        ("forward with metadata", newer, 1),
        ("packed", packed(option, &two), 2),
        ("compressed", packed(compressed, &gzip(&two)), 2),
    ]
}

#[test]
fn every_mode_says_the_same() {
    for (mode, message, count) in messages() {
        let forwarded = decode_forward(&message, NOW).unwrap();
        assert_eq!(forwarded.rejected.count, 0, "{mode}: {:?}", forwarded.rejected);
        assert_eq!(forwarded.chunk.as_deref(), Some(b"c1".as_slice()), "{mode}");
        let [Batch::Logs(logs)] = forwarded.batches.as_slice() else { panic!("{mode}") };
        assert_eq!((logs.resource.service(), logs.records.len()), ("cart", count), "{mode}");
        let record = &logs.records[0];
        assert_eq!((record.body.as_str(), record.severity), ("no disk", Severity::ERROR), "{mode}");
        let time = Timestamp::from_secs(0x6ab1_3b80).plus_nanos(5);
        assert_eq!(record.time, time, "{mode}");
    }
}

#[test]
fn pods_are_known_by_what_was_found_out_or_by_the_tag() {
    let tag = b"kube.var.log.containers.cart-7d9_prod_server-0a1b2c.log";
    let length = [0xd9, u8::try_from(tag.len()).unwrap()];
    let inner = br#"{"level":"warn","msg":"slow","n":3}"#;
    let entry = [b"\x01\x81\xa3log\xd9".as_slice(), &[u8::try_from(inner.len()).unwrap()], inner];
    let message = [b"\x93".as_slice(), &length, tag, &entry.concat()].concat();
    let forwarded = decode_forward(&message, NOW).unwrap();
    let [Batch::Logs(logs)] = forwarded.batches.as_slice() else { panic!("{forwarded:?}") };
    assert_eq!((logs.resource.service(), logs.resource.pod()), ("server", Some("cart-7d9")));
    let record = &logs.records[0];
    assert_eq!((record.body.as_str(), record.severity), ("slow", Severity::WARN));
    assert_eq!(record.attributes.get("n"), Some(&Value::Int(3)));
}

#[test]
fn one_bad_entry_costs_itself() {
    let mut message = b"\x93\xa4cart\x93\x05".to_vec();
    message.extend([ENTRY, b"\x92\x01\x02", b"\x80"].concat());
    let forwarded = decode_forward(&message, NOW).unwrap();
    assert_eq!(forwarded.rejected.count, 2);
    assert_eq!(forwarded.batches.iter().map(Batch::record_count).sum::<usize>(), 1);
    assert!(decode_forward(b"\xa3abc", NOW).is_err());
    assert!(decode_forward(b"\x91\xa1x", NOW).is_err());
}

#[test]
fn no_message_makes_it_panic() {
    for (_, message, _) in messages() {
        for mutated in mutations(&message, 40_000) {
            let decoded = decode_forward(&mutated, NOW);
            let extent = Extent::default().find(&mutated, 1 << 20);
            // What reads as a message ends where it was said to.
            if decoded.is_ok() {
                assert!(extent.is_ok_and(|length| length.is_some()), "{mutated:x?}");
            }
        }
    }
}
