#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundcrew_fuzz::loki_protobuf(data));
