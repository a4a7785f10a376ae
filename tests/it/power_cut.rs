//! The power goes while senders send: what was acknowledged is on the disk.
//!
//! A file system in a file, whose file lies on another that can clone files in no time: the clone is what a disk would
//! have at that moment, without all that is in memory alone. Needs root and mkfs.xfs, which `scripts/test.sh` fetches;
//! one cut runs with every other test, `GROUNDCREW_POWER_CUTS=200` is the long run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::peers::given;
use crate::senders::{RECORDS, Senders, check};
use crate::support::Program;

const SETTINGS: [(&str, &str); 2] =
    [("GROUNDCREW__DATA__SEAL_AFTER_SECS", "1"), ("GROUNDCREW__DATA__MEMORY_MIB_MAX", "1")];

/// A mounted file system; unmounted when dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn mount(image: &Path, at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(at));
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a server that was just killed may still hold it for a moment.
        assert!(run(Command::new("umount").arg("-l").arg(&self.0)));
    }
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn sparse(path: &Path, bytes: u64) {
    std::fs::File::create(path).unwrap().set_len(bytes).unwrap();
}

/// The file system that can clone; `None` where there is none to be had.
fn host(xfsprogs: &Path, home: &Path) -> Option<Mounted> {
    let image = home.join("host.img");
    sparse(&image, 2 << 30);
    let libraries = xfsprogs.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let made = run(Command::new(xfsprogs.join("sbin/mkfs.xfs"))
        .env("LD_LIBRARY_PATH", libraries)
        .args(["-q", "-f", "-m", "reflink=1"])
        .arg(&image));
    let mounted = made.then(|| Mounted::mount(&image, &home.join("host"))).flatten();
    if mounted.is_none() {
        eprintln!("skipped: file systems cannot be made and mounted here");
    }
    mounted
}

/// One cut; how many requests had been acknowledged.
async fn cut(host: &Path, home: &Path, milliseconds: u64) -> u64 {
    let (image, clone) = (host.join("disk.img"), host.join("clone.img"));
    sparse(&image, 256 << 20);
    assert!(run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image)));
    let live = Mounted::mount(&image, &home.join("live")).unwrap();
    let program = Program::new();
    std::os::unix::fs::symlink(&live.0, program.data()).unwrap();
    let server = tokio::task::block_in_place(|| program.serve_with(&SETTINGS));
    let senders = Senders::start();
    senders.send_to(&server);
    senders.until_more_than(0).await;
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    let acknowledged = senders.acknowledged();
    tokio::task::block_in_place(|| {
        let cloned = run(Command::new("cp").arg("--reflink=always").arg(&image).arg(&clone));
        assert!(cloned);
        server.signal("KILL")
    });
    senders.end(true).await;
    drop(live);
    let left = Mounted::mount(&clone, &home.join("left")).expect("the file system opens");
    tokio::task::block_in_place(|| check(&left.0, &acknowledged, false));
    // And the server starts on it.
    let program = Program::new();
    std::os::unix::fs::symlink(&left.0, program.data()).unwrap();
    drop(tokio::task::block_in_place(|| program.serve_with(&SETTINGS)));
    acknowledged.requests()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_on_the_disk_when_the_power_goes() {
    let Some(xfsprogs) = given("GROUNDCREW_TEST_XFSPROGS") else { return };
    let cuts: u64 = std::env::var_os("GROUNDCREW_POWER_CUTS")
        .map_or(1, |cuts| cuts.to_str().unwrap().parse().expect("a number of cuts"));
    let home = tempfile::tempdir().unwrap();
    let Some(host) = host(&xfsprogs, home.path()) else { return };
    let (mut state, mut requests) = (0x9e37_79b9_7f4a_7c15_u64, 0);
    for _ in 0..cuts {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        requests += cut(&host.0, home.path(), 50 + (state >> 33) % 2_500).await;
    }
    println!("{cuts} cuts, {requests} requests of {RECORDS} records had been acknowledged");
}
