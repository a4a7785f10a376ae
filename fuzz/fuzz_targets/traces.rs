//! Spans as Jaeger and Zipkin say them.

#![no_main]

use groundcrew_indexer::stages::decode::{decode_jaeger, decode_zipkin};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(decode_jaeger(text));
    drop(decode_zipkin(text));
});
