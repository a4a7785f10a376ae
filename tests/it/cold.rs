//! Old telemetry in a bucket: a directory always, an S3 server where one can be had.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use groundcrew_store::{Access, Store, StoreOptions};
use groundcrew_telemetry::{FixedClock, Timestamp};
use serde_json::Value;

use crate::retention::seal_declined;
use crate::support::{PATIENCE, Program, text};

const START: i64 = 1_790_000_000;
const DAY: i64 = 86_400;
const DAYS: i64 = 6;

/// Six days on which checkout fails for ten minutes, long ago; a split each.
fn old_days(dir: &Path) {
    for day in 0..DAYS {
        let now = Timestamp::from_secs(START + day * DAY);
        let options = StoreOptions {
            dir: dir.to_owned(),
            access: Access::ReadWrite,
            memory_bytes_max: 16 << 20,
        };
        let store = Store::open_by(options, Box::new(FixedClock(now))).unwrap();
        let lines =
            (0..600).map(|second| (now.plus_secs(second - 600), format!("day{day}x{second}")));
        seal_declined(&store, lines);
    }
}

/// Splits of which the rows are here.
fn here(data: &Path) -> usize {
    let splits = std::fs::read_dir(data.join("logs")).into_iter().flatten().flatten();
    splits.filter(|split| split.path().join("rows.bin").exists()).count()
}

fn lines_of(program: &Program, day: i64) -> String {
    let at = Timestamp::from_secs(START + day * DAY).to_string();
    let words = format!("day{day}x42");
    let output = program.run(&["logs", &words, "--at", &at, "--since", "10m"]);
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn said(answer: &Value) -> Vec<String> {
    let unknowns = answer["unknowns"].as_array().unwrap();
    unknowns.iter().map(|unknown| unknown["what"].as_str().unwrap().to_owned()).collect()
}

/// Runs servers and kills them while they move splits, until all are moved.
fn move_all_with_kills(program: &Program, objects: &dyn Fn() -> usize) {
    let began = Instant::now();
    let mut kills = 0;
    while here(&program.data()) > 0 {
        assert!(began.elapsed() < PATIENCE, "{} are still here", here(&program.data()));
        let server = program.serve();
        let before = objects();
        // The first few die right after an object was put, between it and the manifest if it hits so.
        while kills < 4 && objects() == before && here(&program.data()) > 0 {
            assert!(began.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(2));
        }
        if kills < 4 {
            kills += 1;
            server.signal("KILL");
            continue;
        }
        while here(&program.data()) > 0 && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        server.signal("TERM");
    }
    assert!(kills > 0);
}

fn check_everything_is_there(program: &Program) {
    for day in 0..DAYS {
        let found = lines_of(program, day);
        let line = format!("payment day{day}x42 failed");
        assert!(found.contains(&line), "day {day}: {found}");
    }
    let answer = program.asked("why does checkout fail?", START + 3 * DAY);
    assert!(answer.to_string().contains("card declined"));
    assert!(!said(&answer).iter().any(|gap| gap.contains("bucket")), "{:?}", said(&answer));
}

/// With the bucket away and nothing fetched before: the counts are still there, and it is said what is not.
fn check_the_gap(program: &Program) {
    std::fs::remove_dir_all(program.data().join("cold")).unwrap();
    let answer = program.asked("why does checkout fail?", START + 3 * DAY);
    let gaps = said(&answer);
    assert!(
        gaps.iter().any(|gap| gap.contains("lie in a bucket that cannot be read now")),
        "{gaps:?}"
    );
    assert!(answer.to_string().contains("card declined"), "counts and their samples are here");
}

fn files_below(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

fn moving(url: &str) -> Program {
    Program::new()
        .with("GROUNDCREW__COLD__URL", url)
        .with("GROUNDCREW__COLD__TIMEOUT_SECS", "2")
        .with("GROUNDCREW__DATA__SEAL_AFTER_SECS", "1")
}

#[test]
fn a_directory_takes_old_splits_through_kills_and_its_absence_is_a_gap() {
    let bucket = tempfile::tempdir().unwrap();
    let root = bucket.path().join("archive");
    let program = moving(&format!("file://{}", root.display()));
    old_days(&program.data());
    move_all_with_kills(&program, &|| files_below(&root));
    check_everything_is_there(&program);
    std::fs::rename(&root, bucket.path().join("unmounted")).unwrap();
    std::fs::write(&root, "in the way").unwrap();
    check_the_gap(&program);
    std::fs::remove_file(&root).unwrap();
    std::fs::rename(bucket.path().join("unmounted"), &root).unwrap();
    check_everything_is_there(&program);
}

/// An S3 server; ended when dropped.
struct S3 {
    child: Child,
    address: String,
}

impl S3 {
    /// `None` where there is none to be had.
    fn start() -> Option<Self> {
        let program = std::env::var_os("GROUNDCREW_TEST_S3").map(PathBuf::from)?;
        if !program.exists() {
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let child = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, address: format!("http://127.0.0.1:{port}") })
    }

    /// Makes a bucket as soon as the server answers.
    async fn make_bucket(&self, name: &str) {
        let began = Instant::now();
        let url = format!("{}/{name}", self.address);
        let client = crate::support::client();
        while !client.put(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(began.elapsed() < PATIENCE, "the S3 server does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_takes_old_splits_through_kills_and_its_end_is_a_gap() {
    let Some(server) = S3::start() else {
        println!("skipped: GROUNDCREW_TEST_S3 does not name moto_server");
        return;
    };
    server.make_bucket("telemetry").await;
    let program = moving("s3://telemetry/groundcrew")
        .with("AWS_ENDPOINT_URL", &server.address)
        .with("AWS_REGION", "us-east-1")
        .with("AWS_ACCESS_KEY_ID", "somebody")
        .with("GROUNDCREW__COLD__SECRET_ACCESS_KEY", "something");
    old_days(&program.data());
    let (handle, client) = (tokio::runtime::Handle::current(), crate::support::client());
    let url = format!("{}/telemetry?list-type=2", server.address);
    let objects = || {
        let listed = async { client.get(&url).send().await.unwrap().text().await.unwrap() };
        handle.block_on(listed).matches("<Key>").count()
    };
    tokio::task::block_in_place(|| {
        move_all_with_kills(&program, &objects);
        assert!(objects() >= 2 * DAYS as usize, "rows and what says that they are there");
        check_everything_is_there(&program);
        drop(server);
        check_the_gap(&program);
    });
}
