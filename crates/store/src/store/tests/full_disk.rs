//! A full disk refuses appends, loses nothing, and is over when there is space again.

use std::path::Path;
use std::process::Command;

use super::fixtures::{TINY, all_bodies, any_logs, log_batch, open, record, writer};
use crate::{Access, Durability, Store, StoreError};

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

fn append(store: &Store, number: i64) -> Result<(), StoreError> {
    let body = format!("line {number} {}", "z".repeat(500));
    store.append(vec![log_batch("cart", vec![record(number, &body)])], Durability::Synced)
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
    let acked = fill_up(&store, 0);
    assert!(acked > 100);
    assert_eq!(fill_up(&store, acked), acked, "it stays full");
    assert!(matches!(store.flush(), Err(StoreError::Full { .. })));
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
    let mut acked = 0;
    let refused = (0..100_000_i64).find_map(|number| {
        // Random-looking, so that it does not shrink.
        let noise: String = (0..40)
            .map(|part| {
                format!("{:x}", (number * 40 + part).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64))
            })
            .collect();
        let batch = log_batch("cart", vec![record(number, &noise)]);
        let result = store.append(vec![batch], Durability::OnFlush);
        acked += i64::from(result.is_ok());
        result.err()
    });
    assert!(matches!(refused, Some(StoreError::Full { .. })));
    assert!(store.live().memories().map(crate::memory::Memory::bytes).sum::<usize>() < 10 * TINY);
    assert_eq!(all_bodies(&store).len() as i64, acked);
}
