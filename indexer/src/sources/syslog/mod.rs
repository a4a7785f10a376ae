//! Syslog: RFC 5424 and 3164 over UDP, TCP and TLS.
//!
//! [`decode_syslog`] reads messages, [`serve_udp`] and [`serve_stream`] take them from sockets. A stream is not read
//! while the intake is busy, so its sender waits; datagrams that find no room are counted and said.

mod framing;
mod message;
mod record;
mod stream;
mod structured;
mod udp;

#[cfg(test)]
mod mutation_tests;

pub use record::decode_syslog;
pub use stream::serve_stream;
pub use udp::serve_udp;
