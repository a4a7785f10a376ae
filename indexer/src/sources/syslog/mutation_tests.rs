//! No message and no stream makes the reader panic, whatever is in it.

use groundcrew_telemetry::Timestamp;

use super::decode_syslog;
use super::framing::Framer;
use crate::sources::Zone;
use crate::test_mutations::mutations;

const SEEDS: [&str; 6] = [
    "<165>1 2026-10-11T22:14:15.003Z host.example app 8710 ID47 [a@1 k=\"v\\\"]\"][b c=\"d\"] text",
    "<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed for lonvick",
    "<189>29: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured",
    "<30>2026-11-02T03:04:05.678901+01:00 web-1 cart[1]: {\"level\":\"error\",\"msg\":\"no\"}",
    "<166>Feb 29 2026 03:04:05 fw1 : %ASA-6-302013: Built",
    "<13>Jan 31 23:59:60 -1400 a b: c",
];

#[test]
fn no_message_makes_it_panic() {
    let zone = Zone::named("").unwrap();
    let now = Timestamp::from_secs(1_790_000_000);
    for seed in SEEDS {
        for mutated in mutations(seed.as_bytes(), 20_000) {
            let batches = decode_syslog([(mutated.as_slice(), None)], now, &zone);
            assert!(batches.len() <= 1);
        }
    }
}

#[test]
fn no_stream_makes_it_panic_or_hold_more_than_it_got() {
    let stream = SEEDS.map(|seed| format!("{} {seed}{seed}\n", seed.len())).concat();
    for mutated in mutations(stream.as_bytes(), 100_000) {
        let mut framer = Framer::default();
        let mut bytes = 0;
        for chunk in mutated.chunks(97) {
            framer.push(chunk);
            while let Some(message) = framer.next() {
                bytes += message.len();
            }
        }
        bytes += framer.last().map_or(0, |message| message.len());
        assert!(bytes <= mutated.len());
    }
}
