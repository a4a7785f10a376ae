//! Requests as senders write them, well and badly, through both encodings.

use groundcrew_telemetry::{Batch, LogRecord, MetricKind, Severity, Signal, Span, Timestamp};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use prost::Message;
use serde::de::DeserializeOwned;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

const LOGS: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},
  "scopeLogs":[{"scope":{"name":"pool"},"logRecords":[
    {"timeUnixNano":"1544712660300000000","observedTimeUnixNano":"1544712660300000000","severityNumber":17,"severityText":"Error",
     "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","body":{"stringValue":"lost \"it\""},
     "attributes":[{"key":"n","value":{"intValue":"10"}},{"key":"list","value":{"arrayValue":{"values":[{"boolValue":true}]}}}]},
    {"timeUnixNano":"1544712660400000000","severityText":"Warning","body":{"stringValue":"slow"}}]}]}]}"#;

const TRACES: &str = r#"{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"spans":[
    {"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"EEE19B7EC3C1B173","name":"GET /","kind":2,
     "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","status":{"code":2,"message":"no"},
     "events":[{"timeUnixNano":"1544712660500000000","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]}]}]}]}]}"#;

const METRICS: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[]},"scopeMetrics":[{"metrics":[
    {"name":"requests","unit":"1","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"5","timeUnixNano":"1544712660000000000"}]}},
    {"name":"latency","unit":"s","histogram":{"aggregationTemporality":1,"dataPoints":[{"count":"3","sum":1.5,"bucketCounts":["1","2"],"explicitBounds":[0.5],"timeUnixNano":"1544712660000000000"}]}},
    {"name":"sizes","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":9,"scale":0,"zeroCount":"1","positive":{"offset":0,"bucketCounts":["2"]},"timeUnixNano":"1544712660000000000"}]}},
    {"name":"old","summary":{"dataPoints":[{"count":"2","sum":3,"quantileValues":[{"quantile":0.5,"value":1.25}],"timeUnixNano":"1544712660000000000"}]}},
    {"name":"load","gauge":{"dataPoints":[{"asDouble":0.25,"timeUnixNano":"1544712660000000000"}]}}]}]}]}"#;

fn decode(text: &str) -> Decoded {
    decode_json_text(None, text, NOW).unwrap()
}

fn logs<'a>(decoded: &'a Decoded) -> Vec<&'a LogRecord> {
    let records = |batch: &'a Batch| match batch {
        Batch::Logs(logs) => logs.records.iter().collect(),
        _ => Vec::new(),
    };
    decoded.batches.iter().flat_map(records).collect()
}

fn spans<'a>(decoded: &'a Decoded) -> Vec<&'a Span> {
    let spans = |batch: &'a Batch| match batch {
        Batch::Spans(spans) => spans.spans.iter().collect(),
        _ => Vec::new(),
    };
    decoded.batches.iter().flat_map(spans).collect()
}

/// The protobuf bytes of a request given in JSON, by the official types.
fn protobuf<R: Message + DeserializeOwned>(json: &str) -> Vec<u8> {
    serde_json::from_str::<R>(json).unwrap().encode_to_vec()
}

#[test]
fn both_encodings_of_a_request_come_to_the_same() {
    let pairs = [
        (Signal::Logs, LOGS, protobuf::<ExportLogsServiceRequest>(LOGS)),
        (Signal::Traces, TRACES, protobuf::<ExportTraceServiceRequest>(TRACES)),
        (Signal::Metrics, METRICS, protobuf::<ExportMetricsServiceRequest>(METRICS)),
    ];
    for (signal, json, bytes) in pairs {
        let from_json = decode_json(signal, json.as_bytes(), NOW).unwrap();
        let from_protobuf = decode_protobuf(signal, &bytes, NOW).unwrap();
        assert_eq!(from_json.batches, from_protobuf.batches, "{}", signal.name());
        assert_eq!(from_json.rejected.count, 0, "{:?}", from_json.rejected);
        assert!(!from_json.batches.is_empty());
    }
}

#[test]
fn records_carry_what_was_sent() {
    let decoded = decode(LOGS);
    let records = logs(&decoded);
    assert_eq!((records[0].severity, records[0].body.as_str()), (Severity::ERROR, "lost \"it\""));
    assert_eq!(records[0].attributes.get("n").and_then(|n| n.as_f64()), Some(10.0));
    assert_eq!(records[1].severity, Severity::WARN);
    let decoded = decode(METRICS);
    let Batch::Metrics(metrics) = &decoded.batches[0] else { panic!("no metrics") };
    let names: Vec<&str> = metrics.series.iter().map(|series| series.name.as_str()).collect();
    let expected = [
        "requests",
        "latency.bucket",
        "latency.bucket",
        "latency.sum",
        "latency.count",
        "sizes.bucket",
        "sizes.bucket",
        "sizes.bucket",
        "sizes.sum",
        "sizes.count",
        "old",
        "old.sum",
        "old.count",
        "load",
    ];
    assert_eq!(names, expected);
    assert_eq!(metrics.series[0].kind, MetricKind::CumulativeSum);
    assert_eq!(metrics.series[1].kind, MetricKind::DeltaSum);
}

#[test]
fn snake_case_nulls_numbers_and_names_are_understood() {
    let decoded = decode(
        r#"{"resource_spans":[{"resource":null,"scope_spans":[{"scope":null,"spans":[
        {"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","parent_span_id":null,"name":null,
        "kind":"SPAN_KIND_CLIENT","start_time_unix_nano":1544712660000000000,"end_time_unix_nano":1.544712661e18,
        "status":{"code":"STATUS_CODE_ERROR"},"attributes":null,"links":[{"traceId":"x"}],"future":{"a":[1]}}]}]}]}"#,
    );
    assert_eq!(decoded.rejected.count, 0, "{:?}", decoded.rejected);
    let span = spans(&decoded)[0];
    assert_eq!(span.duration_nanos(), 1_000_000_000);
    assert!(span.is_error());
}

#[test]
fn one_bad_record_costs_itself_alone() {
    let cases = [
        (r#""severityNumber":17"#, r#""severityNumber":{"a":1}"#),
        (r#""timeUnixNano":"1544712660300000000""#, r#""timeUnixNano":"soon""#),
        (r#""timeUnixNano":"1544712660300000000""#, r#""timeUnixNano":"18446744073709551615""#),
        (r#"{"stringValue":"lost \"it\""}"#, r#"7"#),
        (r#"{"intValue":"10"}"#, r#"{"intValue":"ten"}"#),
        (r#""attributes":[{"key":"n""#, r#""attributes":[{"key":{}"#),
    ];
    for (good, bad) in cases {
        let text = LOGS.replacen(good, bad, 1);
        assert_ne!(text, LOGS);
        let decoded = decode(&text);
        let bodies: Vec<&str> = logs(&decoded).iter().map(|log| log.body.as_str()).collect();
        assert_eq!((bodies, decoded.rejected.count), (vec!["slow"], 1), "{bad}");
        assert!(decoded.rejected.message().unwrap().starts_with("rejected 1: "));
    }
}

#[test]
fn ids_in_base64_are_understood_and_counted() {
    let text = TRACES
        .replace("5B8EFFF798038103D269B633813FC60C", "W47/95gDgQPSabYzgT/GDA==")
        .replace("EEE19B7EC3C1B174", "7uGbfsPBsXQ=");
    let decoded = decode(&text);
    assert_eq!(spans(&decoded)[0].trace_id, spans(&decode(TRACES))[0].trace_id);
    assert_eq!(decoded.notes.base64_ids, 2);
}

#[test]
fn what_is_no_request_is_refused_as_a_whole() {
    for text in ["", "{", "[]", "7", "null", "{\"a\":1}", "{\"resourceLogs\":7}"] {
        assert!(decode_json_text(None, text, NOW).is_err(), "{text}");
    }
    assert!(decode_json(Signal::Traces, LOGS.as_bytes(), NOW).is_err());
    assert_eq!(decode_json(Signal::Logs, b"{}", NOW).unwrap().record_count(), 0);
    assert_eq!(decode_json(Signal::Logs, b"\xef\xbb\xbf{}", NOW).unwrap().record_count(), 0);
}

#[test]
fn points_without_a_finite_value_are_dropped_and_counted() {
    let decoded = decode(
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[
        {"asDouble":"NaN","timeUnixNano":"1"},{"asDouble":null,"timeUnixNano":"2"},{"flags":1,"asDouble":3,"timeUnixNano":"3"},
        {"timeUnixNano":"4"},{"asDouble":"Infinity","timeUnixNano":"5"},{"asDouble":6,"timeUnixNano":"6"}]}}]}]}]}"#,
    );
    assert_eq!((decoded.record_count(), decoded.notes.points_without_value), (1, 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
            drop(decode_protobuf(signal, &bytes, NOW));
            drop(decode_json(signal, &bytes, NOW));
        }
    }

    #[test]
    fn no_damage_to_a_json_request_makes_it_panic(at in any::<usize>(), with in "[\\[\\]{}\",:0-9a-z-]{0,4}") {
        for (text, count) in [(LOGS, 2), (TRACES, 1), (METRICS, 14)] {
            let mut damaged = text.to_owned();
            let at = at % text.len();
            damaged.replace_range(at..=at, &with);
            if let Ok(decoded) = decode_json_text(None, &damaged, NOW) {
                prop_assert_eq!(decoded.record_count().min(count), decoded.record_count());
            }
        }
    }

    #[test]
    fn no_damage_to_a_protobuf_request_makes_it_panic(at in any::<usize>(), byte in any::<u8>()) {
        let requests = [
            (Signal::Logs, protobuf::<ExportLogsServiceRequest>(LOGS)),
            (Signal::Traces, protobuf::<ExportTraceServiceRequest>(TRACES)),
            (Signal::Metrics, protobuf::<ExportMetricsServiceRequest>(METRICS)),
        ];
        for (signal, mut bytes) in requests {
            let at = at % bytes.len();
            bytes[at] = byte;
            drop(decode_protobuf(signal, &bytes, NOW));
        }
    }

    #[test]
    fn logs_are_read_as_the_generated_code_reads_them(at in any::<usize>(), byte in any::<u8>(), whole in any::<bool>()) {
        let mut bytes = protobuf::<ExportLogsServiceRequest>(LOGS);
        if !whole {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let theirs = ExportLogsServiceRequest::decode(bytes.as_slice());
        let theirs = theirs.map(|request| logs_from_protobuf(request, NOW));
        let ours = decode_protobuf(Signal::Logs, &bytes, NOW);
        // As text, because a number that is none is unlike itself.
        let told = |decoded: &Decoded| format!("{:?} {:?}", decoded.batches, decoded.rejected);
        prop_assert_eq!(ours.as_ref().ok().map(told), theirs.as_ref().ok().map(told));
    }
}
