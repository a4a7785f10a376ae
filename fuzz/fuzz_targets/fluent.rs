//! A message of the forward protocol.

#![no_main]

use groundcrew_fuzz::NOW;
use groundcrew_indexer::sources::fluent::decode_forward;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| drop(decode_forward(data, NOW)));
