//! A push of Loki as protobuf.

#![no_main]

use groundcrew_fuzz::{NOW, refused_as_the_senders_fault};
use groundcrew_indexer::sources::http_body::Room;
use groundcrew_indexer::sources::loki::{PushFormat, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    refused_as_the_senders_fault(decode(PushFormat::Protobuf, data, NOW, &mut Room::unasked()));
});
