//! JetStream against a real server, where `GROUNDCREW_TEST_NATS` says where one is.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use groundcrew_store::StreamName;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::killed_tests::{PATIENCE, bodies, expected, line, until};
use super::nats::{NatsLogin, NatsOptions, consume_nats};
use crate::Intake;
use crate::sources::serving::Serving;
use crate::test_bench::Bench;

/// A server with a directory of its own; it is killed when it is dropped.
pub(super) struct Server {
    program: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

/// Where a server is; `None`, and said, where there is none.
pub(super) fn program() -> Option<PathBuf> {
    let Some(program) = std::env::var_os("GROUNDCREW_TEST_NATS").map(PathBuf::from) else {
        println!("skipped: GROUNDCREW_TEST_NATS does not name a nats-server");
        return None;
    };
    if !program.is_file() {
        println!("skipped: there is no {}", program.display());
        return None;
    }
    Some(program)
}

impl Server {
    pub(super) fn start() -> Option<Self> {
        let program = program()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(&program, &folder, port);
        Some(Self { program, folder, port, child })
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = spawn(&self.program, &self.folder, self.port);
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(super) fn options(&self) -> NatsOptions {
        options_of(&self.url())
    }

    async fn context(&self) -> Context {
        let client = async_nats::ConnectOptions::new()
            .user_and_password("crew".to_owned(), "s3cret".to_owned())
            .retry_on_initial_connect()
            .connect(self.url())
            .await
            .unwrap();
        client.flush().await.unwrap();
        jetstream::new(client)
    }

    /// A sender on a stream that is there.
    pub(super) async fn sender(&self) -> Context {
        let context = self.context().await;
        let config = jetstream::stream::Config {
            name: "telemetry".to_owned(),
            subjects: vec!["app.>".to_owned(), "otlp_logs".to_owned()],
            ..Default::default()
        };
        context.get_or_create_stream(config).await.unwrap();
        context
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(super) fn options_of(url: &str) -> NatsOptions {
    NatsOptions {
        url: url.to_owned(),
        stream: "telemetry".to_owned(),
        consumer: "groundcrew".to_owned(),
        subject: String::new(),
        format: None,
        begins_at_end: false,
        login: Some(NatsLogin::User("crew".to_owned(), "s3cret".to_owned())),
        tls_ca: PathBuf::new(),
        ack_wait: Duration::from_secs(2),
    }
}

fn spawn(program: &PathBuf, folder: &tempfile::TempDir, port: u16) -> Child {
    Command::new(program)
        .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream"])
        .args(["--user", "crew", "--pass", "s3cret", "--store_dir"])
        .arg(folder.path())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

pub(super) async fn send(context: &Context, numbers: std::ops::Range<u64>) {
    for number in numbers {
        context.publish("app.shop", line(number).into()).await.unwrap().await.unwrap();
    }
}

pub(super) struct Ingester {
    shutdown: CancellationToken,
    reading: JoinHandle<()>,
}

impl Ingester {
    pub(super) async fn start(intake: &Intake, options: NatsOptions) -> Self {
        let shutdown = CancellationToken::new();
        let serving = Serving::new(intake.clone(), shutdown.clone());
        let reading = tokio::spawn(consume_nats(options, serving).await.unwrap());
        Self { shutdown, reading }
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.reading).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_stored_and_a_server_that_is_killed_is_waited_for() {
    let Some(mut server) = Server::start() else { return };
    let sender = server.sender().await;
    let bench = Bench::new();
    send(&sender, 0..700).await;
    sender.publish("app.shop", vec![0, 159, 146, 150].into()).await.unwrap().await.unwrap();
    let otlp = [10_u8, 9, 18, 7, 18, 5, 42, 3, 10, 1, b'y'];
    sender.publish("otlp_logs", otlp.to_vec().into()).await.unwrap().await.unwrap();
    let ingester = Ingester::start(&bench.intake, server.options()).await;
    until(|| bench.logs().len() > 350).await;
    server.kill();
    server.restart();
    let sender = server.sender().await;
    send(&sender, 700..800).await;
    until(|| bench.logs().len() >= 801).await;
    ingester.stop().await;
    let mut all = expected(800);
    all.push("y".to_owned());
    all.sort_unstable();
    assert_eq!(bodies(&bench.intake), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_again_is_known_by_its_number() {
    let Some(server) = Server::start() else { return };
    let sender = server.sender().await;
    let bench = Bench::new();
    send(&sender, 0..20).await;
    let ingester = Ingester::start(&bench.intake, server.options()).await;
    until(|| bench.logs().len() >= 20).await;
    ingester.stop().await;
    let stream = sender.get_stream("telemetry").await.unwrap();
    let mut consumer: jetstream::consumer::PullConsumer =
        stream.get_consumer("groundcrew").await.unwrap();
    let info = consumer.info().await.unwrap();
    assert_eq!(info.ack_floor.stream_sequence, 20, "all of it is acknowledged");
    let made = info.created.unix_timestamp_nanos().to_string();
    let name = StreamName::of(&["nats", "telemetry", "groundcrew", &made]);
    assert_eq!(bench.intake.store().stream_position(&name), Some(20 + 1));
    // As after a kill when another ingester had every second message: these are stored here, the others are not.
    send(&sender, 20..60).await;
    let part = |numbers: std::ops::Range<u64>| groundcrew_store::StreamPart {
        stream: name.clone(),
        messages: numbers.step_by(2).map(|number| number..number + 1).collect(),
        settled: 21,
    };
    let store = bench.intake.store();
    let durability = groundcrew_store::Durability::Synced;
    store.append_streamed(Vec::new(), durability, vec![part(21..61)]).unwrap();
    let ingester = Ingester::start(&bench.intake, server.options()).await;
    until(|| bench.logs().len() >= 40).await;
    ingester.stop().await;
    assert_eq!(consumer.info().await.unwrap().ack_floor.stream_sequence, 60);
    let odd = (20..60).filter(|number| number % 2 == 1);
    let mut all: Vec<String> = (0..20).chain(odd).map(line).collect();
    all.sort_unstable();
    assert_eq!(bodies(&bench.intake), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ingesters_share_a_consumer_and_one_goes_on_alone() {
    let Some(server) = Server::start() else { return };
    let sender = server.sender().await;
    let (one, other) = (Bench::new(), Bench::new());
    // On a busy machine storing may take longer than the others' wait; what is delivered again then goes to the other one.
    let options = || NatsOptions { ack_wait: Duration::from_secs(60), ..server.options() };
    let first = Ingester::start(&one.intake, options()).await;
    let second = Ingester::start(&other.intake, options()).await;
    let mut sent = 0;
    while one.logs().is_empty() || other.logs().is_empty() {
        send(&sender, sent..sent + 200).await;
        sent += 200;
    }
    first.stop().await;
    send(&sender, sent..sent + 100).await;
    sent += 100;
    until(|| (one.logs().len() + other.logs().len()) as u64 >= sent).await;
    second.stop().await;
    let mut all = [bodies(&one.intake), bodies(&other.intake)].concat();
    all.sort_unstable();
    assert_eq!(all, expected(sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_there_yet_is_waited_for() {
    let Some(server) = Server::start() else { return };
    let bench = Bench::new();
    let ingester = Ingester::start(&bench.intake, server.options()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sender = server.sender().await;
    send(&sender, 0..5).await;
    until(|| bench.logs().len() >= 5).await;
    ingester.stop().await;
    assert_eq!(bodies(&bench.intake), expected(5));
}
