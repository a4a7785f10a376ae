//! Old telemetry in a bucket: a directory always, servers of S3 and Azure where they can be had.

use std::path::Path;
use std::time::{Duration, Instant};

use groundcrew_store::{Access, Store, StoreOptions};
use groundcrew_telemetry::{FixedClock, Timestamp};
use serde_json::Value;

use crate::bucket_servers::{
    ACCOUNT, ACCOUNT_KEY, BUCKET, BucketServer, google_in_front_of, keys_for_a_pod,
};
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

/// Moves everything into the bucket that `program` is told of, and has it back while `server` runs.
fn a_server_takes_old_splits_through_kills_and_its_end_is_a_gap(
    program: &Program,
    server: BucketServer,
) {
    old_days(&program.data());
    tokio::task::block_in_place(|| {
        move_all_with_kills(program, &|| server.objects());
        assert!(server.objects() >= 2 * DAYS as usize, "rows and what says that they are there");
        check_everything_is_there(program);
        drop(server);
        check_the_gap(program);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_takes_old_splits() {
    let Some(server) = BucketServer::s3().await else { return };
    let program = moving(&format!("s3://{BUCKET}/groundcrew"))
        .with("AWS_ENDPOINT_URL", &server.address)
        .with("AWS_REGION", "us-east-1")
        .with("AWS_ACCESS_KEY_ID", "somebody")
        .with("GROUNDCREW__COLD__SECRET_ACCESS_KEY", "something");
    a_server_takes_old_splits_through_kills_and_its_end_is_a_gap(&program, server);
}

/// Google's storage is asked by an interface that is S3's but for the signature; and a machine of Google's has its tokens
/// from a server beside it.
#[tokio::test(flavor = "multi_thread")]
async fn the_interface_of_google_storage_takes_old_splits() {
    let Some(server) = BucketServer::s3().await else { return };
    let (address, asked) = google_in_front_of(&server.address).await;
    let program = moving(&format!("gs://{BUCKET}/groundcrew"))
        .with("GROUNDCREW__COLD__GOOGLE_ENDPOINT", &format!("http://{address}"))
        .with("GCE_METADATA_HOST", &address);
    a_server_takes_old_splits_through_kills_and_its_end_is_a_gap(&program, server);
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty() && asked.iter().all(|token| token == "Bearer of the machine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_azure_storage_takes_old_splits() {
    let Some(server) = BucketServer::azure().await else { return };
    let program = moving(&format!("az://{BUCKET}/groundcrew"))
        .with("AZURE_STORAGE_ENDPOINT", &server.address)
        .with("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
        .with("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY);
    a_server_takes_old_splits_through_kills_and_its_end_is_a_gap(&program, server);
}

/// As Kubernetes gives a role on Amazon: a file with a token, and an address where keys are had for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_a_platform_gives_the_process_opens_the_bucket() {
    let Some(server) = BucketServer::s3().await else { return };
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "the token of the pod").unwrap();
    let (address, asked) = keys_for_a_pod().await;
    let program = moving(&format!("s3://{BUCKET}/groundcrew"))
        .with("AWS_ENDPOINT_URL", &server.address)
        .with("AWS_REGION", "us-east-1")
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("http://{address}/keys"))
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path().to_str().unwrap());
    old_days(&program.data());
    tokio::task::block_in_place(|| {
        let (running, began) = (program.serve(), Instant::now());
        while here(&program.data()) > 0 {
            assert!(began.elapsed() < PATIENCE, "{} are still here", here(&program.data()));
            std::thread::sleep(Duration::from_millis(20));
        }
        running.signal("TERM");
        check_everything_is_there(&program);
    });
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty() && asked.iter().all(|token| token == "the token of the pod"));
}
