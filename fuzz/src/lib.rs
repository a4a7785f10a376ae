//! What the fuzz targets do, one for each decoder, named as the decoder is. Beside `cargo fuzz` an integration test runs them,
//! so that they go on working.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::LazyLock;

use groundcrew_analysis::templates::template_of;
use groundcrew_indexer::docs;
use groundcrew_indexer::sources::capped_reader::{CappedReader, Encoding};
use groundcrew_indexer::sources::cluster::read_snapshot;
use groundcrew_indexer::sources::datadog::Said;
use groundcrew_indexer::sources::fluent::decode_forward;
use groundcrew_indexer::sources::http_body::{HttpRefusal, Room};
use groundcrew_indexer::sources::journal::decode_journal;
use groundcrew_indexer::sources::messages::{Mappings, Posted, read_message};
use groundcrew_indexer::sources::syslog::decode_syslog;
use groundcrew_indexer::sources::{Zone, datadog, elastic, lines_http, loki, remote_write};
use groundcrew_indexer::stages::decode::{
    decode_jaeger, decode_json, decode_protobuf, decode_zipkin,
};
use groundcrew_masking::Masker;
use groundcrew_store::{Access, Expression, LogQuery, Store, StoreError, StoreOptions};
use groundcrew_telemetry::{Signal, TemplateId, TimeRange, Timestamp};

/// The time of receipt.
const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A target: it takes any bytes, and panics where something is wrong with how they are read.
pub type Target = fn(&[u8]);

/// All targets by name; each has a file in `fuzz_targets`.
pub const TARGETS: [(&str, Target); 21] = [
    ("cluster_snapshot", cluster_snapshot),
    ("datadog_logs", datadog_logs),
    ("elastic_bulk", elastic_bulk),
    ("expanded", expanded),
    ("expression", expression),
    ("fluent", fluent),
    ("front_matter", front_matter),
    ("journal", journal),
    ("lines", lines),
    ("log_segment", log_segment),
    ("loki_json", loki_json),
    ("loki_protobuf", loki_protobuf),
    ("masking", masking),
    ("messages", messages),
    ("otlp_json", otlp_json),
    ("otlp_protobuf", otlp_protobuf),
    ("remote_write_v1", remote_write_v1),
    ("remote_write_v2", remote_write_v2),
    ("syslog", syslog),
    ("templates", templates),
    ("traces", traces),
];

/// What the command-line tools of a cluster print.
pub fn cluster_snapshot(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for title in ["notes.txt", "kubectl get pods -A -o wide.txt", "deployments.yaml"] {
        drop(read_snapshot(title, text, NOW));
    }
}

/// Logs as Datadog takes them, as JSON and as text.
pub fn datadog_logs(data: &[u8]) {
    for is_text in [false, true] {
        let room = &mut Room::unasked();
        at_worst_the_senders_fault(datadog::decode(data, is_text, &Said::default(), NOW, room));
    }
}

/// A bulk request of Elasticsearch.
pub fn elastic_bulk(data: &[u8]) {
    at_worst_the_senders_fault(elastic::decode(data, "logs-app-prod", NOW, &mut Room::unasked()));
}

/// Compressed bytes in every encoding, under a cap.
pub fn expanded(data: &[u8]) {
    for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Snappy] {
        let reader = CappedReader::encoded(data, encoding, 1 << 20);
        let read = reader.and_then(|mut reader| std::io::copy(&mut reader, &mut std::io::sink()));
        assert!(read.is_err() || read.is_ok_and(|bytes| bytes <= 1 << 20));
    }
}

/// What somebody looks for in logs.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(Expression::parse(text));
    drop(Expression::words(text.split_whitespace()));
}

/// A message of the forward protocol.
pub fn fluent(data: &[u8]) {
    drop(decode_forward(data, NOW));
}

/// What stands before the text of a document.
pub fn front_matter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(docs::front_matter(text));
}

/// Entries of the journal in its export format.
pub fn journal(data: &[u8]) {
    drop(decode_journal(data, NOW));
}

/// Lines of text and JSON.
pub fn lines(data: &[u8]) {
    at_worst_the_senders_fault(lines_http::decode(data, "app", NOW, &mut Room::unasked()));
}

/// A segment of the write-ahead log, as it is and with the bytes as the payload of a whole frame.
pub fn log_segment(data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
    let checksum = crc32fast::hash(&[&length[..], data].concat()).to_le_bytes();
    let framed = [&[0xF7, b'g', b'c', 0x1A][..], &length, &checksum, data].concat();
    for content in [data, &framed] {
        let store = store_with_segment(content);
        store.search_logs(&LogQuery::within(TimeRange::ALL)).expect("a search that ends");
    }
}

/// A store whose log has one segment, with a good head and `content` behind it.
fn store_with_segment(content: &[u8]) -> Store {
    static HEAD: LazyLock<(OsString, Vec<u8>)> = LazyLock::new(head_of_a_segment);
    let dir = tempfile::tempdir().expect("a directory for a store");
    let wal = dir.path().join("wal");
    std::fs::create_dir(&wal).expect("a directory for its log");
    let (name, head) = &*HEAD;
    std::fs::write(wal.join(name), [head, content].concat()).expect("its only segment");
    open_store(dir.path(), Access::ReadOnly).expect("damage does not keep a store from opening")
}

/// The name of the first segment of a store, and what stands in it before its first record.
fn head_of_a_segment() -> (OsString, Vec<u8>) {
    const HEAD_BYTES: usize = 20;
    let dir = tempfile::tempdir().expect("a directory for a store");
    let store = open_store(dir.path(), Access::ReadWrite).expect("a new store");
    store.put_templates(&[(TemplateId(1), "made".to_owned())]).expect("room in its log");
    drop(store);
    let mut segments = std::fs::read_dir(dir.path().join("wal")).expect("its log");
    let segment = segments.next().expect("a segment").expect("its name");
    let mut head = std::fs::read(segment.path()).expect("what is in it");
    head.truncate(HEAD_BYTES);
    (segment.file_name(), head)
}

fn open_store(dir: &Path, access: Access) -> Result<Store, StoreError> {
    Store::open(StoreOptions { dir: dir.to_owned(), access, memory_bytes_max: 1 << 20 })
}

/// A push of Loki as JSON.
pub fn loki_json(data: &[u8]) {
    let room = &mut Room::unasked();
    at_worst_the_senders_fault(loki::decode(loki::PushFormat::Json, data, NOW, room));
}

/// A push of Loki as protobuf.
pub fn loki_protobuf(data: &[u8]) {
    let room = &mut Room::unasked();
    at_worst_the_senders_fault(loki::decode(loki::PushFormat::Protobuf, data, NOW, room));
}

/// A text that is masked: then nothing is left to mask, or it is withheld.
pub fn masking(data: &[u8]) {
    static MASKER: LazyLock<Masker> = LazyLock::new(Masker::new);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(masked) = MASKER.mask_text(text) else { return };
    assert!(MASKER.find(&masked).is_empty(), "{:?}", &*masked);
}

/// Alerts and changes as other systems post them.
pub fn messages(data: &[u8]) {
    let headers = BTreeMap::new();
    let posted = Posted { source: "fuzz", headers: &headers, body: data, now: NOW };
    drop(read_message(&posted, &Mappings::default()));
}

/// OTLP as JSON, of every signal.
pub fn otlp_json(data: &[u8]) {
    for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
        drop(decode_json(signal, data, NOW));
    }
}

/// OTLP as protobuf, of every signal.
pub fn otlp_protobuf(data: &[u8]) {
    for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
        drop(decode_protobuf(signal, data, NOW));
    }
}

/// A remote write of the first version.
pub fn remote_write_v1(data: &[u8]) {
    let room = &mut Room::unasked();
    at_worst_the_senders_fault(remote_write::decode(remote_write::Version::V1, data, room));
}

/// A remote write of the second version.
pub fn remote_write_v2(data: &[u8]) {
    let room = &mut Room::unasked();
    at_worst_the_senders_fault(remote_write::decode(remote_write::Version::V2, data, room));
}

/// Syslog messages, one a line.
pub fn syslog(data: &[u8]) {
    let Ok(zone) = Zone::named("Europe/Berlin") else { return };
    let messages = data.split(|byte| *byte == b'\n').map(|message| (message, None));
    drop(decode_syslog(messages, NOW, &zone));
}

/// A message whose template is looked for: the same each time.
pub fn templates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(template_of(text), template_of(text));
}

/// Spans as Jaeger and Zipkin say them.
pub fn traces(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(decode_jaeger(text));
    drop(decode_zipkin(text));
}

/// Insists that what is refused is so for a reason that lies with its sender.
fn at_worst_the_senders_fault<T>(decoded: Result<T, HttpRefusal>) {
    if let Err(refusal) = decoded {
        assert!(refusal.status().is_client_error(), "{refusal}");
    }
}
