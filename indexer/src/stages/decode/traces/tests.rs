//! Jaeger's and Zipkin's spans: parents, kinds, failures, events, resources; recorded ones; broken ones.

use std::fs;
use std::path::{Path, PathBuf};

use groundcrew_telemetry::{Batch, Span, SpanKind, StatusCode, Timestamp, Value};

use super::{decode_jaeger, decode_zipkin};
use crate::stages::decode::Decoded;
use crate::test_mutations::mutations;

const JAEGER: &str = r#"{"data":[{"traceID":"a1","spans":[
    {"traceID":"a1","spanID":"b1","operationName":"GET /","references":[],"startTime":1790000000000000,"duration":2500,
     "tags":[{"key":"span.kind","type":"string","value":"server"},{"key":"http.status_code","type":"int64","value":"503"}],
     "logs":[{"timestamp":1790000000000100,"fields":[{"key":"event","type":"string","value":"retry"},{"key":"n","type":"int64","value":2}]}],
     "processID":"p1"},
    {"traceID":"a1","spanID":"b2","operationName":"query","startTime":1790000000000500,"duration":1000,
     "references":[{"refType":"FOLLOWS_FROM","traceID":"ff","spanID":"c1"},{"refType":"CHILD_OF","traceID":"a1","spanID":"b1"}],
     "tags":[{"key":"span.kind","type":"string","value":"client"},{"key":"error","type":"bool","value":true},
             {"key":"otel.SCOPE.name","type":"string","value":"sqlx"}],
     "logs":[{"timestamp":1790000000000600,"fields":[{"key":"event","type":"string","value":"error"},{"key":"message","type":"string","value":"pool exhausted"}]}],
     "processID":"p2"}],
    "processes":{"p1":{"serviceName":"web","tags":[{"key":"hostname","type":"string","value":"h1"}]},"p2":{"serviceName":"cart","tags":[]}}}]}"#;

const ZIPKIN: &str = r#"[
    {"traceId":"a1","id":"1","name":"get","kind":"CLIENT","timestamp":1790000000000000,"duration":9000,
     "localEndpoint":{"serviceName":"web","ipv4":"10.0.0.1"},"remoteEndpoint":{"serviceName":"cart","port":80}},
    {"traceId":"a1","id":"1","name":"get","kind":"SERVER","timestamp":1790000000001000,"duration":7000,"shared":true,
     "localEndpoint":{"serviceName":"cart"},"annotations":[{"timestamp":1790000000001500,"value":"cache miss"}]},
    {"traceId":"a1","parentId":"1","id":"2","name":"select","kind":"CLIENT","timestamp":1790000000002000,"duration":500,
     "localEndpoint":{"serviceName":"cart"},"tags":{"error":"pool exhausted","db.system":"mysql"}},
    {"traceId":"a1","parentId":"1","id":"3","timestamp":1790000000000100,"localEndpoint":{"serviceName":"web"}}]"#;

/// Service and span, in order of start.
fn spans(decoded: &Decoded) -> Vec<(String, Span)> {
    let mut spans = Vec::new();
    for batch in &decoded.batches {
        let Batch::Spans(batch) = batch else { panic!("{batch:?}") };
        let service = batch.resource.service();
        spans.extend(batch.spans.iter().map(|span| (service.to_owned(), span.clone())));
    }
    spans.sort_by_key(|(_, span)| span.start);
    spans
}

#[test]
fn the_scope_of_a_span_has_two_names() {
    for name in ["scope", "library"] {
        let decoded = decode_jaeger(&JAEGER.replace("SCOPE", name)).unwrap();
        let mut scopes = decoded.batches.iter().filter_map(|batch| match batch {
            Batch::Spans(batch) => Some(batch.scope.as_str()),
            _ => None,
        });
        assert!(scopes.any(|scope| scope == "sqlx"), "{name}");
    }
}

#[test]
fn jaegers_spans_keep_what_questions_need() {
    let decoded = decode_jaeger(&JAEGER.replace("SCOPE", "scope")).unwrap();
    let spans = spans(&decoded);
    let [(web, root), (cart, child)] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((web.as_str(), root.kind, root.parent_span_id), ("web", SpanKind::Server, None));
    assert_eq!(root.start, Timestamp::from_secs(1_790_000_000));
    assert_eq!(root.duration_nanos(), 2_500_000);
    assert_eq!(root.attributes.get("http.status_code"), Some(&Value::Int(503)));
    assert_eq!(root.events[0].name, "retry");
    assert_eq!(root.events[0].attributes.get("n"), Some(&Value::Int(2)));
    assert_eq!((cart.as_str(), child.parent_span_id), ("cart", Some(root.span_id)));
    assert_eq!(child.status.code, StatusCode::Error);
    assert_eq!(child.status.message, "pool exhausted");
    assert!(decoded.batches.iter().any(|batch| match batch {
        Batch::Spans(batch) => batch.scope == "sqlx" && batch.resource.service() == "cart",
        _ => false,
    }));
}

#[test]
fn a_span_that_zipkins_client_and_server_share_becomes_two() {
    let decoded = decode_zipkin(ZIPKIN).unwrap();
    let spans = spans(&decoded);
    let [(_, client), (web, other), (cart, server), (_, query)] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!((client.kind, client.parent_span_id), (SpanKind::Client, None));
    assert_eq!(client.attributes.str("peer.service"), Some("cart"));
    assert_eq!((server.kind, server.parent_span_id), (SpanKind::Server, Some(client.span_id)));
    assert_ne!(server.span_id, client.span_id);
    assert_eq!((cart.as_str(), server.events[0].name.as_str()), ("cart", "cache miss"));
    assert_eq!(query.parent_span_id, Some(server.span_id));
    assert_eq!(
        (query.status.code, query.status.message.as_str()),
        (StatusCode::Error, "pool exhausted")
    );
    assert_eq!((web.as_str(), other.parent_span_id), ("web", Some(client.span_id)));
}

#[test]
fn recorded_traces_of_jaeger_are_all_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/payloads/jaeger");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in [folder.clone(), folder.join("ui")] {
        files.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    let (mut understood, mut parents) = (0, 0);
    for path in files {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if !text.contains("operationName") {
            continue;
        }
        let decoded = decode_jaeger(&text).unwrap();
        assert_eq!(decoded.rejected.count, 0, "{}: {:?}", path.display(), decoded.rejected);
        let all = spans(&decoded);
        assert!(all.iter().all(|(service, _)| !service.is_empty()), "{}", path.display());
        parents += all.iter().filter(|(_, span)| span.parent_span_id.is_some()).count();
        understood += 1;
    }
    assert!(understood >= 10 && parents >= 40, "{understood} files, {parents} parents");
}

#[test]
fn what_is_no_trace_is_said_to_be_none() {
    for text in ["{", "[]", "{\"data\":[]}", "3", "{\"spans\":[1,2]}"] {
        assert!(decode_jaeger(text).is_err(), "{text}");
    }
    assert!(decode_zipkin("{\"traceId\"").is_err());
    assert_eq!(decode_zipkin("[{\"traceId\":5}]").unwrap().rejected.count, 1);
}

#[test]
fn no_text_makes_the_decoders_panic() {
    for mutated in mutations(JAEGER.as_bytes(), 100_000) {
        drop(decode_jaeger(&String::from_utf8_lossy(&mutated)));
    }
    for mutated in mutations(ZIPKIN.as_bytes(), 100_000) {
        drop(decode_zipkin(&String::from_utf8_lossy(&mutated)));
    }
}
