//! A full disk refuses appends, loses nothing, and is over when there is space again.

use std::path::Path;
use std::process::Command;

use super::fixtures::{TINY, all_bodies, any_logs, log_batch, open, record, writer};
use crate::{Access, Durability, Retention, Store, StoreError, Upkeep};

/// A small file system that is unmounted when the test ends.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount(kibibytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "tmpfs"])
            .arg(dir.path())
            .output()
            .ok()?;
        mounted.status.success().then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).output();
        assert!(unmounted.is_ok_and(|output| output.status.success()));
    }
}

/// Random-looking, so that it does not shrink.
fn noise(number: i64) -> String {
    let mut state = number as u64;
    (0..40)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            format!("{:016x}", mixed ^ (mixed >> 27))
        })
        .collect()
}

fn append(store: &Store, number: i64) -> Result<(), StoreError> {
    store.append(vec![log_batch("cart", vec![record(number, &noise(number))])], Durability::Synced)
}

fn fill_up(store: &Store, from: i64) -> i64 {
    for number in from.. {
        match append(store, number) {
            Ok(()) => {}
            Err(StoreError::Full { .. }) => return number,
            Err(error) => panic!("{error}"),
        }
    }
    from
}

/// A refusal may have made some room by sealing, so it is full only when a second one follows at once.
fn fill_to_the_brim(store: &Store) -> i64 {
    let mut acked = 0;
    loop {
        let before = acked;
        acked = fill_up(store, before);
        if acked == before {
            return acked;
        }
    }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let Some(disk) = SmallDisk::mount(3072) else {
        println!("skipped: mounting a small file system is not allowed here");
        return;
    };
    let dir = disk.path().join("store");
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 1024 * 1024]).unwrap();
    let store = open(&dir, Access::ReadWrite, 16 * TINY);
    let acked = fill_to_the_brim(&store);
    assert!(acked > 100);
    assert_eq!(all_bodies(&store).len() as i64, acked, "reading goes on");

    std::fs::remove_file(&ballast).unwrap();
    append(&store, acked).unwrap();
    assert_eq!(all_bodies(&store).len() as i64, acked + 1);
    store.flush().unwrap();
    assert_eq!(store.search_logs(&any_logs()).unwrap().len() as i64, acked + 1);
    drop(store);
    let store = writer(&dir);
    assert_eq!(all_bodies(&store).len() as i64, acked + 1);
    assert_eq!(store.warnings(), Vec::<String>::new());
}

#[test]
fn memory_that_cannot_be_sealed_is_kept_within_bounds() {
    let Some(disk) = SmallDisk::mount(1024) else {
        println!("skipped: mounting a small file system is not allowed here");
        return;
    };
    let dir = disk.path().join("store");
    let store = open(&dir, Access::ReadWrite, 4 * TINY);
    let (mut acked, mut refused) = (0, 0);
    for number in 0..20_000 {
        let batch = log_batch("cart", vec![record(number, &noise(number))]);
        match store.append(vec![batch], Durability::OnFlush) {
            Ok(()) => acked += 1,
            Err(StoreError::Full { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        if refused > 30 {
            break;
        }
    }
    assert_eq!(refused, 31);
    assert!(store.live().memories().map(crate::memory::Memory::bytes).sum::<usize>() < 10 * TINY);
    assert_eq!(all_bodies(&store).len(), acked);
}

#[test]
fn what_is_too_much_can_be_dropped_although_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount(4096) else {
        println!("skipped: mounting a small file system is not allowed here");
        return;
    };
    let dir = disk.path().join("store");
    let store = open(&dir, Access::ReadWrite, TINY);
    let acked = fill_to_the_brim(&store);
    // To the last page.
    let mut rest = std::fs::File::create(disk.path().join("rest")).unwrap();
    while std::io::Write::write_all(&mut rest, &[1; 512]).is_ok() {}
    let retention = Retention { bytes_max: Some(1024 * 1024), ..Retention::default() };
    let upkeep = Upkeep { retention, ..Upkeep::default() };
    let tended = store.tend(&upkeep, &|| false).unwrap();
    assert!(tended.removed + tended.thinned > 0 && tended.bytes_freed > 1024 * 1024, "{tended:?}");
    let more = fill_up(&store, acked);
    assert!(more > acked + 100, "there is room again: {acked}, {more}");
    drop((store, rest));
}
