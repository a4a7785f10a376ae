//! Lines of text and JSON.

#![no_main]

use groundcrew_fuzz::{NOW, refused_as_the_senders_fault};
use groundcrew_indexer::sources::http_body::Room;
use groundcrew_indexer::sources::lines_http::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    refused_as_the_senders_fault(decode(data, "app", NOW, &mut Room::unasked()));
});
