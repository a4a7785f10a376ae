//! Requests as Prometheus and its agents write them, in both versions.

use groundcrew_store::MetricQuery;
use groundcrew_telemetry::{MetricKind, TimeRange};
use prost::Message;

use super::messages::{BucketSpan, Histogram, Label, Metadata, Sample};
use super::{Version, decode};
use crate::sources::http_bench::{Reply, post, snappy, survives};
use crate::sources::http_body::{HttpRefusal, Room};
use crate::test_bench::{Bench, NOW_SECS};

const WRITE: &str = "/api/v1/write";
const V1: (&str, &str) = ("content-type", "application/x-protobuf");
const V2: (&str, &str) =
    ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
const SNAPPY: (&str, &str) = ("content-encoding", "snappy");
const STALE: f64 = f64::from_bits(super::request::STALE);

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<SeriesV1>,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesV1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct RequestV2 {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    series: Vec<SeriesV2>,
}

#[derive(Clone, PartialEq, Message)]
struct SeriesV2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<Metadata>,
}

fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    let own = |(name, value): &(&str, &str)| Label { name: (*name).into(), value: (*value).into() };
    pairs.iter().map(own).collect()
}

fn sample(value: f64) -> Sample {
    Sample { value, timestamp: NOW_SECS * 1_000 }
}

fn native() -> Histogram {
    Histogram {
        count_int: Some(6),
        sum: 9.0,
        zero_count_int: Some(1),
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
        positive_deltas: vec![2, 1],
        timestamp: NOW_SECS * 1_000,
        ..Histogram::default()
    }
}

fn first_version() -> WriteRequest {
    let scraped = [("instance", "h:9090"), ("job", "cart")];
    let of =
        |name, more: &[(&str, &str)]| labels(&[&[("__name__", name)], &scraped[..], more].concat());
    let (samples, histograms) = (vec![sample(2.5)], Vec::new());
    WriteRequest {
        series: vec![
            SeriesV1 { labels: of("requests_total", &[("code", "500")]), samples, histograms },
            SeriesV1 {
                labels: of("up", &[]),
                samples: vec![sample(STALE), sample(1.0)],
                histograms: Vec::new(),
            },
            SeriesV1 {
                labels: of("latency_seconds", &[]),
                samples: Vec::new(),
                histograms: vec![native()],
            },
        ],
    }
}

fn second_version() -> RequestV2 {
    let symbols = ["", "__name__", "requests", "job", "cart", "bytes", "code", "500"];
    let metadata = Some(Metadata { kind: 1, unit_ref: 5 });
    let series = |labels: &[u32], samples| SeriesV2 {
        labels: labels.to_vec(),
        samples,
        histograms: Vec::new(),
        metadata,
    };
    RequestV2 {
        symbols: symbols.map(str::to_owned).to_vec(),
        series: vec![
            series(&[1, 2, 3, 4, 6, 7], vec![sample(7.0)]),
            SeriesV2 { histograms: vec![native()], ..series(&[1, 2, 3, 4], Vec::new()) },
        ],
    }
}

/// Every stored series: service, name, kind, unit, and the last value.
fn stored(bench: &Bench) -> Vec<(String, String, MetricKind, String, f64)> {
    let query =
        MetricQuery { range: TimeRange::ALL, services: Vec::new(), name: None, series_max: 1_000 };
    let rows = bench.intake.store().metrics(&query).unwrap();
    let mut found: Vec<_> = rows
        .iter()
        .map(|row| {
            let series = &row.series;
            let value = series.points.last().unwrap().value;
            let (service, unit) = (row.resource.service().to_owned(), series.unit.clone());
            (service, series.name.clone(), series.kind, unit, value)
        })
        .collect();
    found.sort_by(|a, b| (&a.1, a.4).partial_cmp(&(&b.1, b.4)).unwrap());
    found
}

fn written(reply: &Reply) -> (u16, String, String) {
    let header = |name: &str| {
        let name = format!("x-prometheus-remote-write-{name}-written");
        reply.headers[name.as_str()].to_str().unwrap().to_owned()
    };
    (reply.status, header("samples"), header("histograms"))
}

#[tokio::test]
async fn the_first_version_is_stored_by_job_and_instance() {
    let bench = Bench::new();
    let body = snappy(&first_version().encode_to_vec());
    let reply = post(&bench, WRITE, &[V1, SNAPPY], body).await;
    assert_eq!(written(&reply), (204, "3".to_owned(), "1".to_owned()));
    let names: Vec<(String, MetricKind, String, f64)> = stored(&bench)
        .into_iter()
        .map(|(_, name, kind, unit, value)| (name, kind, unit, value))
        .collect();
    let sum = MetricKind::CumulativeSum;
    let expected = [
        ("latency_seconds.bucket", sum, "1", 1.0),
        ("latency_seconds.bucket", sum, "1", 3.0),
        ("latency_seconds.bucket", sum, "1", 6.0),
        ("latency_seconds.bucket", sum, "1", 6.0),
        ("latency_seconds.count", sum, "1", 6.0),
        ("latency_seconds.sum", sum, "s", 9.0),
        ("requests_total", sum, "", 2.5),
        ("up", MetricKind::Gauge, "", 1.0),
    ];
    let expected =
        expected.map(|(name, kind, unit, value)| (name.to_owned(), kind, unit.to_owned(), value));
    assert_eq!(names, expected);
    assert!(stored(&bench).iter().all(|(service, ..)| service == "cart"));
}

#[tokio::test]
async fn the_second_version_is_stored_with_what_its_metadata_says() {
    let bench = Bench::new();
    let body = snappy(&second_version().encode_to_vec());
    let reply = post(&bench, WRITE, &[V2, SNAPPY], body).await;
    assert_eq!(written(&reply), (204, "1".to_owned(), "1".to_owned()));
    let found = stored(&bench);
    let requests = found.iter().find(|(_, name, ..)| name == "requests").unwrap();
    let expected = ("cart", MetricKind::CumulativeSum, "By", 7.0);
    assert_eq!((requests.0.as_str(), requests.2, requests.3.as_str(), requests.4), expected);
    assert!(found.iter().any(|(_, name, ..)| name == "requests.count"));
}

#[tokio::test]
async fn a_bad_series_costs_itself_and_is_told() {
    let bench = Bench::new();
    let mut request = first_version();
    request.series[0].labels.remove(0);
    request.series[2].histograms[0].schema = 99;
    let reply = post(&bench, WRITE, &[V1, SNAPPY], snappy(&request.encode_to_vec())).await;
    assert_eq!(written(&reply), (400, "2".to_owned(), "0".to_owned()));
    let said = reply.text();
    assert!(said.contains("no name") && said.contains("schema 99"), "{said}");
    assert_eq!(stored(&bench).len(), 1);
    let mut second = second_version();
    second.series[0].labels = vec![1, 2, 3];
    second.series[1].labels = vec![1, 999];
    let reply = post(&bench, WRITE, &[V2, SNAPPY], snappy(&second.encode_to_vec())).await;
    assert_eq!(written(&reply), (400, "0".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn other_types_are_not_spoken_and_a_busy_intake_says_when() {
    let bench = Bench::new();
    let body = snappy(&first_version().encode_to_vec());
    let kinds = ["application/json", "application/x-protobuf;proto=prometheus.ReadRequest"];
    for kind in kinds {
        let reply = post(&bench, WRITE, &[("content-type", kind), SNAPPY], body.clone()).await;
        assert_eq!(reply.status, 415, "{kind}");
    }
    assert_eq!(post(&bench, WRITE, &[V1, SNAPPY], "nonsense").await.status, 400);
    assert_eq!(post(&bench, WRITE, &[V1, SNAPPY], snappy(b"\x0a\xff")).await.status, 400);
    assert_eq!(
        post(&bench, WRITE, &[V2, SNAPPY], body.clone()).await.status,
        400,
        "another version"
    );
    let busy = Bench::with_room(1_000);
    let _held = busy.intake.admit(990).unwrap();
    let reply = post(&busy, WRITE, &[V1, SNAPPY], body).await;
    assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (429, "1"));
}

#[test]
fn one_symbol_referred_to_a_million_times_is_refused() {
    let symbols = vec![String::new(), "__name__".to_owned(), "x".repeat(1 << 20)];
    let series = SeriesV2 { labels: [1, 2].repeat(1_000), ..SeriesV2::default() };
    let request = RequestV2 { symbols, series: vec![series] }.encode_to_vec();
    let refused = decode(Version::V2, &request, &mut Room::unasked()).map(drop);
    assert_eq!(refused.unwrap_err().status(), 413);
}

#[test]
fn damaged_requests_are_the_senders_fault() {
    let decoded = |version, bytes: &[u8]| -> Result<(), HttpRefusal> {
        decode(version, bytes, &mut Room::unasked()).map(drop)
    };
    let first = first_version().encode_to_vec();
    survives(&[&first], 50_000, |bytes| decoded(Version::V1, bytes));
    let second = second_version().encode_to_vec();
    survives(&[&second], 50_000, |bytes| decoded(Version::V2, bytes));
}
