//! Entries of the journal in its export format.

#![no_main]

use groundcrew_fuzz::NOW;
use groundcrew_indexer::sources::journal::decode_journal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| drop(decode_journal(data, NOW)));
