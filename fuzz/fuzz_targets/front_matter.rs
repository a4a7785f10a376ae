#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groundcrew_fuzz::front_matter(data));
