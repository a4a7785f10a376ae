//! A segment of the write-ahead log, as it is and with the bytes as the payload of a whole frame.

#![no_main]

use groundcrew_fuzz::store_with_segment;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let payload = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&payload);
    hasher.update(data);
    let mark = [0xF7, b'g', b'c', 0x1A];
    let framed =
        [&mark[..], &payload[..], &hasher.finalize().to_le_bytes()[..], data].concat();
    for content in [data, &framed] {
        drop(store_with_segment(content).search_logs(&groundcrew_store::LogQuery::within(
            groundcrew_telemetry::TimeRange::ALL,
        )));
    }
});
