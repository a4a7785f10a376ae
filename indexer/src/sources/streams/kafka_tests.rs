//! Kafka against librdkafka's own cluster for tests, which speaks the real protocol over real sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_telemetry::Signal;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::format::{Format, Topic};
use super::kafka::{KafkaOptions, KafkaSource};
use super::killed_tests::{PATIENCE, bodies, expected, line, until};
use crate::sources::serving::Serving;
use crate::test_bench::Bench;
use crate::{Intake, IntakeSettings};

type Cluster = MockCluster<'static, DefaultProducerContext>;

pub(super) fn cluster(partitions: i32) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("app", partitions, 1).unwrap();
    cluster
}

pub(super) fn options(cluster: &Cluster) -> KafkaOptions {
    options_of(&cluster.bootstrap_servers())
}

pub(super) fn options_of(brokers: &str) -> KafkaOptions {
    KafkaOptions {
        brokers: brokers.to_owned(),
        topics: vec!["app=lines".parse().unwrap()],
        group: "groundcrew".to_owned(),
        begins_at_end: false,
        login: None,
        tls: false,
        tls_ca: std::path::PathBuf::new(),
        session: Duration::from_secs(3),
    }
}

/// Sends these messages, number modulo partitions, and waits until the cluster has them.
pub(super) fn send(cluster: &Cluster, compression: &str, partitions: i32, messages: &[Vec<u8>]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("compression.codec", compression)
        .create()
        .unwrap();
    for (number, message) in messages.iter().enumerate() {
        let partition = number as i32 % partitions;
        let record = BaseRecord::<(), _>::to("app").partition(partition).payload(message);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

fn lines(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(|number| line(number).into_bytes()).collect()
}

/// An ingester that reads until it is stopped, or until a test that failed lets go of it: its thread would hold that up.
pub(super) struct Ingester {
    shutdown: DropGuard,
    reading: JoinHandle<Result<(), String>>,
}

impl Ingester {
    pub(super) fn start(intake: &Intake, options: KafkaOptions) -> Self {
        let shutdown = CancellationToken::new();
        let serving = Serving::new(intake.clone(), shutdown.clone());
        let source = KafkaSource::new(options, &serving).unwrap();
        let reading = tokio::task::spawn_blocking(move || source.run(&serving));
        Self { shutdown: shutdown.drop_guard(), reading }
    }

    pub(super) async fn stop(self) {
        drop(self.shutdown);
        tokio::time::timeout(PATIENCE, self.reading).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_every_compression_are_stored_and_a_restart_goes_on() {
    let cluster = cluster(3);
    let bench = Bench::new();
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    for (number, codec) in (0..).zip(codecs) {
        send(&cluster, codec, 3, &lines(number * 100..number * 100 + 100));
    }
    let ingester = Ingester::start(&bench.intake, options(&cluster));
    until(|| bench.logs().len() >= 500).await;
    ingester.stop().await;
    send(&cluster, "none", 3, &lines(500..600));
    let ingester = Ingester::start(&bench.intake, options(&cluster));
    until(|| bench.logs().len() >= 600).await;
    ingester.stop().await;
    assert_eq!(bodies(&bench.intake), expected(600));
    assert!(bench.logs().iter().all(|row| row.resource.service() == "app"));
}

#[tokio::test(flavor = "multi_thread")]
async fn otlp_of_a_collector_is_read_by_the_name_of_its_topic() {
    let cluster = cluster(1);
    let bench = Bench::new();
    let topic = Topic { name: Arc::from("app"), format: Format::Otlp(Signal::Logs) };
    let json = br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#;
    let protobuf = [10, 9, 18, 7, 18, 5, 42, 3, 10, 1, b'y'];
    send(&cluster, "zstd", 1, &[json.to_vec(), protobuf.to_vec()]);
    let options = KafkaOptions { topics: vec![topic], ..options(&cluster) };
    let ingester = Ingester::start(&bench.intake, options);
    until(|| bench.logs().len() >= 2).await;
    ingester.stop().await;
    assert_eq!(bodies(&bench.intake), ["x", "y"]);
    assert!(bench.logs().iter().any(|row| row.resource.service() == "cart"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_but_never_committed_is_not_stored_again() {
    let cluster = cluster(2);
    let bench = Bench::new();
    // Every commit fails, as for one that is killed between the disk and the commit.
    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; 10_000];
    cluster.request_errors(RDKafkaApiKey::OffsetCommit, &refused);
    send(&cluster, "none", 2, &lines(0..400));
    let ingester = Ingester::start(&bench.intake, options(&cluster));
    until(|| bench.logs().len() >= 400).await;
    ingester.stop().await;
    cluster.clear_request_errors(RDKafkaApiKey::OffsetCommit);
    // The group begins anew; the store knows better.
    send(&cluster, "none", 2, &lines(400..500));
    let ingester = Ingester::start(&bench.intake, options(&cluster));
    until(|| bench.logs().len() >= 500).await;
    ingester.stop().await;
    assert_eq!(bodies(&bench.intake), expected(500));
    // Whoever knows nothing of it and joins the group after that finds nothing left to read.
    let other = Bench::new();
    let ingester = Ingester::start(&other.intake, options(&cluster));
    send(&cluster, "none", 2, &lines(500..502));
    until(|| other.logs().len() >= 2).await;
    ingester.stop().await;
    assert_eq!(bodies(&other.intake), ["line 500 happened", "line 501 happened"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ingesters_share_the_partitions_and_one_takes_over() {
    let cluster = cluster(6);
    let (one, other) = (Bench::new(), Bench::new());
    let first = Ingester::start(&one.intake, options(&cluster));
    send(&cluster, "none", 6, &lines(0..60));
    until(|| one.logs().len() >= 60).await;
    let second = Ingester::start(&other.intake, options(&cluster));
    // Sends until both get something: the group is settled then.
    let mut sent = 60;
    let begun = Instant::now();
    while other.logs().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "the second one never got a partition");
        send(&cluster, "none", 6, &lines(sent..sent + 60));
        sent += 60;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stored = || (one.logs().len() + other.logs().len()) as u64;
    until(|| stored() >= sent).await;
    first.stop().await;
    send(&cluster, "none", 6, &lines(sent..sent + 60));
    sent += 60;
    until(|| stored() >= sent).await;
    second.stop().await;
    let mut all = [bodies(&one.intake), bodies(&other.intake)].concat();
    all.sort_unstable();
    assert_eq!(all, expected(sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_is_left_out_and_stops_nothing() {
    let cluster = cluster(1);
    let bench = Bench::new();
    let mut messages = lines(0..50);
    messages.insert(20, vec![0, 159, 146, 150]);
    messages.insert(30, Vec::new());
    send(&cluster, "none", 1, &messages);
    let ingester = Ingester::start(&bench.intake, options(&cluster));
    until(|| bench.logs().len() >= 50).await;
    ingester.stop().await;
    assert_eq!(bodies(&bench.intake), expected(50));
}

/// Cuts the connection at the next two requests of each of these kinds.
fn cut(cluster: &Cluster) {
    for kind in [
        RDKafkaApiKey::Metadata,
        RDKafkaApiKey::FindCoordinator,
        RDKafkaApiKey::JoinGroup,
        RDKafkaApiKey::Fetch,
    ] {
        cluster.request_errors(kind, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT; 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_waited_for() {
    let cluster = cluster(1);
    let bench = Bench::new();
    send(&cluster, "none", 1, &lines(0..10));
    cut(&cluster);
    let ingester = Ingester::start(&bench.intake, options(&cluster));
    until(|| bench.logs().len() >= 10).await;
    cut(&cluster);
    send(&cluster, "none", 1, &lines(10..20));
    until(|| bench.logs().len() >= 20).await;
    // It is not there when the ingester ends, either.
    cluster.broker_down(1).unwrap();
    ingester.stop().await;
    assert_eq!(bodies(&bench.intake), expected(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_intake_is_busy_messages_wait_and_none_is_lost() {
    let cluster = cluster(2);
    let bench =
        Bench::with(IntakeSettings { bytes_in_flight_max: 1 << 20, ..IntakeSettings::default() });
    let held = bench.intake.admit(1 << 20).unwrap();
    send(&cluster, "none", 2, &lines(0..25_000));
    let ingester = Ingester::start(&bench.intake, options(&cluster));
    // Longer than is waited before the partitions are paused.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(bench.logs().is_empty());
    drop(held);
    until(|| bench.logs().len() >= 25_000).await;
    ingester.stop().await;
    assert_eq!(bodies(&bench.intake), expected(25_000));
}
