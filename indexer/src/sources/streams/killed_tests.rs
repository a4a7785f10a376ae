//! Ingesters in processes of their own that are killed again and again: every message is stored, once.
//!
//! The process is this test program, told by its environment to ingest.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use groundcrew_masking::Masker;
use groundcrew_store::{Access, LogQuery, Store, StoreOptions};
use groundcrew_telemetry::TimeRange;
use tokio_util::sync::CancellationToken;

use crate::sources::serving::Serving;
use crate::{Intake, IntakeSettings};

/// Longest wait for anything in a test; only a hang reaches it.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

const DIR: &str = "GROUNDCREW_TEST_INGEST_INTO";
#[cfg(feature = "kafka")]
const KAFKA: &str = "GROUNDCREW_TEST_INGEST_KAFKA";
const NATS: &str = "GROUNDCREW_TEST_INGEST_NATS";

/// The intake of a data directory.
pub(super) fn intake(dir: &Path) -> Intake {
    let options = StoreOptions {
        dir: dir.to_owned(),
        access: Access::ReadWrite,
        // Sealed every few hundred lines, so that kills hit seals, too.
        memory_bytes_max: 64 << 10,
    };
    let store = Arc::new(Store::open(options).unwrap());
    Intake::new(store, Arc::new(Masker::new()), IntakeSettings::default())
}

/// Every stored line.
pub(super) fn bodies(intake: &Intake) -> Vec<String> {
    let query = LogQuery { limit: 100_000, ..LogQuery::within(TimeRange::ALL) };
    let rows = intake.store().search_logs(&query).unwrap();
    let mut bodies: Vec<String> = rows.into_iter().map(|row| row.record.body).collect();
    bodies.sort_unstable();
    bodies
}

/// What is stored of lines 0 to `count`.
pub(super) fn expected(count: u64) -> Vec<String> {
    let mut lines: Vec<String> = (0..count).map(line).collect();
    lines.sort_unstable();
    lines
}

/// A line that tells where it is from.
pub(super) fn line(number: u64) -> String {
    format!("line {number} happened")
}

/// Waits until something is so.
pub(super) async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it never came to be");
}

/// An ingester in a process of its own.
struct Process(Child);

impl Process {
    fn start(dir: &Path, (source, address): (&str, &str)) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sources::streams::killed_tests::ingests_where_it_is_told_to"])
            .env(DIR, dir)
            .env(source, address)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    /// After a failed test it would run on.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn told(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

/// Nothing by itself: what runs in the processes.
#[tokio::test(flavor = "multi_thread")]
async fn ingests_where_it_is_told_to() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    let intake = intake(&dir);
    let serving = Serving::new(intake, CancellationToken::new());
    if let Some(url) = told(NATS) {
        let options = super::nats_tests::options_of(&url);
        super::nats::consume_nats(options, serving.clone()).await.unwrap().await;
    }
    #[cfg(feature = "kafka")]
    if let Some(brokers) = told(KAFKA) {
        let source =
            super::kafka::KafkaSource::new(super::kafka_tests::options_of(&brokers), &serving);
        let source = source.unwrap();
        tokio::task::spawn_blocking(move || source.run(&serving)).await.unwrap().unwrap();
    }
}

/// Lines that are stored in `dir`, by what is on its disk.
fn stored(dir: &Path) -> usize {
    let options =
        StoreOptions { dir: dir.to_owned(), access: Access::ReadOnly, memory_bytes_max: 1 << 20 };
    // Before the process has made it, there is none.
    let Ok(store) = Store::open(options) else { return 0 };
    let query = LogQuery { limit: 100_000, ..LogQuery::within(TimeRange::ALL) };
    store.search_logs(&query).map_or(0, |rows| rows.len())
}

/// Kills ingesters of `dir` as soon as they have stored something new, or a moment later; `send` sends more lines for each.
async fn killed_again_and_again(dir: &Path, source: (&str, &str), send: impl AsyncFn()) {
    for cycle in 0..6 {
        let before = stored(dir);
        let process = Process::start(dir, source);
        send().await;
        until(|| stored(dir) > before).await;
        tokio::time::sleep(Duration::from_millis(cycle % 3 * 20)).await;
        process.kill();
        println!("killed with {} stored", stored(dir));
    }
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread")]
async fn of_kafka_nothing_is_lost_or_doubled_however_often_it_is_killed() {
    use super::kafka_tests::{Ingester, cluster, options, send};
    use std::sync::atomic::{AtomicU64, Ordering};

    let cluster = cluster(3);
    let folder = tempfile::tempdir().unwrap();
    let sent = AtomicU64::new(0);
    let more = async || {
        let first = sent.fetch_add(300, Ordering::Relaxed);
        let lines: Vec<Vec<u8>> = (first..first + 300).map(|n| line(n).into_bytes()).collect();
        send(&cluster, "lz4", 3, &lines);
    };
    killed_again_and_again(folder.path(), (KAFKA, &cluster.bootstrap_servers()), &more).await;
    let intake = intake(folder.path());
    let stored_before = bodies(&intake).len();
    let ingester = Ingester::start(&intake, options(&cluster));
    let sent = sent.load(Ordering::Relaxed);
    until(|| bodies(&intake).len() as u64 >= sent).await;
    ingester.stop().await;
    println!("{stored_before} of {sent} were stored when the last one was killed");
    assert_eq!(bodies(&intake), expected(sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nats_nothing_is_lost_or_doubled_however_often_it_is_killed() {
    use super::nats_tests::{Ingester, Server, send};
    use std::sync::atomic::{AtomicU64, Ordering};

    let Some(server) = Server::start() else { return };
    let sender = server.sender().await;
    let folder = tempfile::tempdir().unwrap();
    let sent = AtomicU64::new(0);
    let more = async || {
        let first = sent.fetch_add(300, Ordering::Relaxed);
        send(&sender, first..first + 300).await;
    };
    killed_again_and_again(folder.path(), (NATS, &server.url()), &more).await;
    let intake = intake(folder.path());
    let stored_before = bodies(&intake).len();
    let ingester = Ingester::start(&intake, server.options()).await;
    let sent = sent.load(Ordering::Relaxed);
    until(|| bodies(&intake).len() as u64 >= sent).await;
    // What is delivered again after the last kill has come by then.
    tokio::time::sleep(Duration::from_secs(3)).await;
    ingester.stop().await;
    println!("{stored_before} of {sent} were stored when the last one was killed");
    assert_eq!(bodies(&intake), expected(sent));
}
