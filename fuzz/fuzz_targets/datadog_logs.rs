//! Logs as Datadog takes them, as JSON and as text.

#![no_main]

use groundcrew_fuzz::{NOW, refused_as_the_senders_fault};
use groundcrew_indexer::sources::datadog::{Said, decode};
use groundcrew_indexer::sources::http_body::Room;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let said = Said::default();
    for is_text in [false, true] {
        let decoded = decode(data, is_text, &said, NOW, &mut Room::unasked());
        refused_as_the_senders_fault(decoded);
    }
});
