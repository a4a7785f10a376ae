//! OTLP as protobuf, of every signal.

#![no_main]

use groundcrew_indexer::stages::decode::decode_protobuf;
use groundcrew_telemetry::{Signal, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let now = Timestamp::from_secs(0);
    for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
        drop(decode_protobuf(signal, data, now));
    }
});
