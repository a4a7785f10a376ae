//! A server that is killed again and again: nothing acknowledged is lost, nothing is there twice.
//!
//! A few cycles run with every other test; `GROUNDCREW_KILL_CYCLES=500` is the long run.

use std::time::Duration;

use crate::senders::{RECORDS, Senders, check};
use crate::support::Program;

/// Memory is sealed all the time, so that kills hit seals and merges too.
const SETTINGS: [(&str, &str); 2] =
    [("GROUNDCREW__DATA__SEAL_AFTER_SECS", "1"), ("GROUNDCREW__DATA__MEMORY_MIB_MAX", "1")];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_however_often_it_is_killed() {
    let cycles: u64 = std::env::var_os("GROUNDCREW_KILL_CYCLES")
        .map_or(4, |cycles| cycles.to_str().unwrap().parse().expect("a number of cycles"));
    let program = Program::new();
    let senders = Senders::start();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..cycles {
        let server = tokio::task::block_in_place(|| program.serve_with(&SETTINGS));
        let before = senders.acknowledged().requests();
        senders.send_to(&server);
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::time::sleep(Duration::from_millis(100 + (state >> 33) % 900)).await;
        senders.until_more_than(before).await;
        assert!(tokio::task::block_in_place(|| server.signal("KILL")).code().is_none());
    }
    let server = tokio::task::block_in_place(|| program.serve_with(&SETTINGS));
    senders.send_to(&server);
    let acknowledged = senders.end(false).await;
    assert!(tokio::task::block_in_place(|| server.signal("TERM")).success());
    let requests = acknowledged.requests();
    println!("{cycles} kills, {requests} requests of {RECORDS} records acknowledged");
    tokio::task::block_in_place(|| check(&program.data(), &acknowledged, true));
}
