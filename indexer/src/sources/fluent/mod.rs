//! The forward protocol of Fluentd and Fluent Bit: MessagePack over TCP or TLS, in its modes Message, Forward,
//! PackedForward and CompressedPackedForward.
//!
//! [`decode_forward`] reads one message, [`serve_forward`] takes them from connections. A sender that asks for an
//! acknowledgement (`chunk`) gets it when the records are on disk; who asks for none is slowed down while the intake is
//! busy. With a shared key, senders must prove that they know it before anything else is read.

mod connection;
mod handshake;
mod message;
mod msgpack;
mod record;

#[cfg(test)]
mod mutation_tests;

pub use connection::{ForwardOptions, serve_forward};
pub use message::{Forwarded, decode_forward};
