//! Streams that keep their messages: topics of Kafka, and streams of NATS JetStream.
//!
//! Both are read the same way. Messages are gathered into a `Parcel` (`parcel.rs`), which is stored with the numbers of its
//! messages in one append; only when that is on disk is the sender told. What is delivered again after a crash is known by
//! its number and not stored twice. While the intake is busy nothing more is fetched.

mod format;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kafka")]
mod kafka_group;
mod nats;
mod parcel;

#[cfg(test)]
#[cfg(feature = "kafka")]
mod kafka_tests;
#[cfg(test)]
mod killed_tests;
#[cfg(test)]
mod nats_secure_tests;
#[cfg(test)]
mod nats_tests;

pub use format::{BadTopic, Format, Topic};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaLogin, KafkaOptions, KafkaSource};
pub use nats::{NatsLogin, NatsOptions, consume_nats};
