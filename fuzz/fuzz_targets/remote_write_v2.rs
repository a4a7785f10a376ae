//! A remote write of the second version.

#![no_main]

use groundcrew_fuzz::refused_as_the_senders_fault;
use groundcrew_indexer::sources::http_body::Room;
use groundcrew_indexer::sources::remote_write::{Version, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    refused_as_the_senders_fault(decode(Version::V2, data, &mut Room::unasked()));
});
