//! Alerts and changes as other systems post them.

#![no_main]

use std::collections::BTreeMap;

use groundcrew_fuzz::NOW;
use groundcrew_indexer::sources::messages::{Mappings, Posted, read_message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let headers = BTreeMap::new();
    let posted = Posted { source: "fuzz", headers: &headers, body: data, now: NOW };
    drop(read_message(&posted, &Mappings::default()));
});
