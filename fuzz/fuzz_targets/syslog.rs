//! Syslog messages, one a line.

#![no_main]

use groundcrew_fuzz::NOW;
use groundcrew_indexer::sources::Zone;
use groundcrew_indexer::sources::syslog::decode_syslog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(zone) = Zone::named("Europe/Berlin") else { return };
    let messages = data.split(|byte| *byte == b'\n').map(|message| (message, None));
    drop(decode_syslog(messages, NOW, &zone));
});
