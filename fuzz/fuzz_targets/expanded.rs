//! Compressed bytes in every encoding, under a cap.

#![no_main]

use groundcrew_indexer::sources::capped_reader::{CappedReader, Encoding};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Snappy] {
        let reader = CappedReader::encoded(data, encoding, 1 << 20);
        let read = reader.and_then(|mut reader| std::io::copy(&mut reader, &mut std::io::sink()));
        assert!(read.is_err() || read.is_ok_and(|bytes| bytes <= 1 << 20));
    }
});
