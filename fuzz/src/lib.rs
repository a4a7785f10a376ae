//! What the fuzz targets share.

use groundcrew_indexer::sources::http_body::HttpRefusal;
use groundcrew_store::{Access, Store, StoreOptions};
use groundcrew_telemetry::Timestamp;

/// The time of receipt.
pub const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// Insists that what is refused is so for a reason that lies with its sender.
pub fn refused_as_the_senders_fault<T>(decoded: Result<T, HttpRefusal>) {
    if let Err(refusal) = decoded {
        assert!(refusal.status().is_client_error(), "{refusal}");
    }
}

/// A store whose log has one segment, with a good head and `content` behind it. Opening it must never fail.
#[must_use]
pub fn store_with_segment(content: &[u8]) -> Store {
    let dir = tempfile::tempdir().expect("a directory for a store");
    let wal = dir.path().join("wal");
    std::fs::create_dir(&wal).expect("a directory for its log");
    let length_before = 20_u64.to_le_bytes();
    let checksum = crc32fast::hash(&length_before).to_le_bytes();
    let format = 5_u32.to_le_bytes();
    let segment = [&b"GCwl"[..], &format, &length_before, &checksum, content].concat();
    std::fs::write(wal.join("00000000000000000000.wal"), segment).expect("its only segment");
    let dir = dir.path().to_owned();
    let options = StoreOptions { dir, access: Access::ReadOnly, memory_bytes_max: 1 << 20 };
    Store::open(options).expect("damage does not keep a store from opening")
}
