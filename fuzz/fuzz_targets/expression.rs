//! What somebody looks for in logs.

#![no_main]

use groundcrew_store::Expression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(Expression::parse(text));
    drop(Expression::words(text.split_whitespace()));
});
