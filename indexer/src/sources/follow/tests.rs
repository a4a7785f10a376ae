//! Files that grow, rotate, shrink and vanish, with restarts in between: every line comes in, once.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use groundcrew_masking::Masker;
use groundcrew_store::{Access, LogQuery, Store, StoreOptions};
use groundcrew_telemetry::{Clock, TimeRange, Timestamp};
use tempfile::TempDir;

use super::rounds::{FollowOptions, Rounds};
use crate::{Intake, IntakeSettings};

/// A clock that the test moves.
#[derive(Debug, Clone)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }
}

struct Yard {
    folder: TempDir,
    hand: Hand,
    intake: Intake,
    options: FollowOptions,
}

impl Yard {
    /// Follows `pattern` in a folder of its own.
    fn new(pattern: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store");
        let options = StoreOptions { dir, access: Access::ReadWrite, memory_bytes_max: 64 << 20 };
        let hand = Hand(Arc::new(AtomicI64::new(1_790_000_000)));
        let settings =
            IntakeSettings { clock: Arc::new(hand.clone()), ..IntakeSettings::default() };
        let store = Arc::new(Store::open(options).unwrap());
        let intake = Intake::new(store, Arc::new(Masker::new()), settings);
        fs::create_dir(folder.path().join("logs")).unwrap();
        let pattern = folder.path().join("logs").join(pattern).to_str().unwrap().to_owned();
        let options = FollowOptions { patterns: vec![pattern], service: None };
        Self { folder, hand, intake, options }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn rounds(&self) -> Rounds<'_> {
        Rounds::new(&self.intake, &self.options).unwrap()
    }

    /// Lets time pass and goes round until nothing comes any more.
    fn settle(&self, rounds: &mut Rounds<'_>) {
        for _ in 0..3 {
            self.hand.0.fetch_add(5, Ordering::Relaxed);
            while rounds.once(&|| false).unwrap() {}
        }
    }

    /// Every stored body.
    fn bodies(&self) -> Vec<String> {
        let query = LogQuery { limit: 100_000, ..LogQuery::within(TimeRange::ALL) };
        let rows = self.intake.store().search_logs(&query).unwrap();
        let mut bodies: Vec<String> = rows.into_iter().map(|row| row.record.body).collect();
        bodies.sort();
        bodies
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

fn lines(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("{}\n", line(n))).collect()
}

fn line(n: u32) -> String {
    format!("2026-09-21T14:{:02}:{:02}Z INFO order {n:05} shipped to the customer", n / 60, n % 60)
}

fn expected(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(line).collect()
}

#[test]
fn lines_come_in_as_a_file_grows_and_the_last_waits_until_it_is_whole() {
    let yard = Yard::new("*.log");
    let mut rounds = yard.rounds();
    append(&yard.path("a.log"), &lines(0..100));
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), expected(0..100));
    let whole = line(100);
    let (begun, rest) = whole.split_at(30);
    append(&yard.path("a.log"), begun);
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies().len(), 100);
    append(&yard.path("a.log"), &format!("{rest}\n"));
    append(&yard.path("b.log"), &lines(101..110));
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), expected(0..110));
}

#[test]
fn a_trace_is_one_record_although_it_is_written_slowly() {
    let yard = Yard::new("*.log");
    let mut rounds = yard.rounds();
    let path = yard.path("a.log");
    append(&path, "2026-09-21T14:00:00Z ERROR failed\n");
    rounds.once(&|| false).unwrap();
    append(&path, "java.lang.IllegalStateException: no\n\tat c.e.Pool.get(Pool.java:5)\n");
    rounds.once(&|| false).unwrap();
    // A restart before the record is whole reads it again from its first line.
    drop(rounds);
    let mut rounds = yard.rounds();
    append(&path, "\tat c.e.Main.main(Main.java:1)\n");
    yard.settle(&mut rounds);
    let bodies = yard.bodies();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(bodies[0].lines().count(), 4);
}

#[test]
fn rotation_by_renaming_loses_and_doubles_nothing() {
    for pattern in ["app.log", "app.log*"] {
        let yard = Yard::new(pattern);
        let mut rounds = yard.rounds();
        append(&yard.path("app.log"), &lines(0..50));
        yard.settle(&mut rounds);
        let mut old = OpenOptions::new().append(true).open(yard.path("app.log")).unwrap();
        fs::rename(yard.path("app.log"), yard.path("app.log.1")).unwrap();
        append(&yard.path("app.log"), &lines(60..70));
        rounds.once(&|| false).unwrap();
        // Its writer has not noticed yet.
        old.write_all(lines(50..60).as_bytes()).unwrap();
        yard.settle(&mut rounds);
        assert_eq!(yard.bodies(), expected(0..70), "{pattern}");
        drop(rounds);
        let mut rounds = yard.rounds();
        yard.settle(&mut rounds);
        assert_eq!(yard.bodies(), expected(0..70), "{pattern}, after a restart");
    }
}

#[test]
fn a_file_that_was_renamed_while_nobody_followed_is_read_to_its_end() {
    let yard = Yard::new("app.log");
    let mut rounds = yard.rounds();
    append(&yard.path("app.log"), &lines(0..50));
    yard.settle(&mut rounds);
    drop(rounds);
    append(&yard.path("app.log"), &lines(50..60));
    fs::rename(yard.path("app.log"), yard.path("app.log.1")).unwrap();
    append(&yard.path("app.log"), &lines(60..70));
    let mut rounds = yard.rounds();
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), expected(0..70));
}

#[test]
fn copying_and_truncating_loses_and_doubles_nothing_where_the_copy_is_followed_too() {
    let yard = Yard::new("app.log*");
    let mut rounds = yard.rounds();
    append(&yard.path("app.log"), &lines(0..50));
    yard.settle(&mut rounds);
    append(&yard.path("app.log"), &lines(50..60));
    fs::copy(yard.path("app.log"), yard.path("app.log.1")).unwrap();
    File::create(yard.path("app.log")).unwrap();
    append(&yard.path("app.log"), &lines(60..70));
    fs::write(yard.path("app.log.2.gz"), b"\x1f\x8b of old ones").unwrap();
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), expected(0..70));
}

#[test]
fn a_file_that_was_truncated_and_has_outgrown_itself_is_another_file() {
    let yard = Yard::new("app.log");
    let mut rounds = yard.rounds();
    append(&yard.path("app.log"), &lines(0..50));
    yard.settle(&mut rounds);
    fs::write(yard.path("app.log"), lines(50..150)).unwrap();
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), expected(0..150));
    fs::remove_file(yard.path("app.log")).unwrap();
    yard.settle(&mut rounds);
    append(&yard.path("app.log"), &lines(150..160));
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), expected(0..160));
    drop(rounds);
    let mut rounds = yard.rounds();
    fs::write(yard.path("app.log"), lines(160..400)).unwrap();
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), expected(0..400));
}

#[test]
fn containers_lines_are_freed_of_what_their_runtime_wrote() {
    let yard = Yard::new("**/*.log");
    let mut rounds = yard.rounds();
    let folder = "pods/prod_cart-7d9_8f1b/server";
    fs::create_dir_all(yard.path(folder)).unwrap();
    let cri = "2026-09-21T14:00:00.5Z stdout P half \n2026-09-21T14:00:00.6Z stdout F of it\n";
    append(&yard.path(&format!("{folder}/0.log")), cri);
    let docker =
        "{\"log\":\"from docker\\n\",\"stream\":\"stderr\",\"time\":\"2026-09-21T14:00:00.7Z\"}\n";
    append(&yard.path("abc-json.log"), docker);
    yard.settle(&mut rounds);
    assert_eq!(yard.bodies(), ["from docker", "half of it"]);
}
