//! A bulk request of Elasticsearch.

#![no_main]

use groundcrew_fuzz::{NOW, refused_as_the_senders_fault};
use groundcrew_indexer::sources::elastic::decode;
use groundcrew_indexer::sources::http_body::Room;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    refused_as_the_senders_fault(decode(data, "logs-app-prod", NOW, &mut Room::unasked()));
});
