//! Vectors on a Qdrant server.
//!
//! Each generation of the index has a collection of its own, called `NAME-OWNER-GENERATION-FINGERPRINT`, which is filled before
//! the generation serves and removed after it has been replaced. A server that goes away half-way leaves what serves as
//! it was. An alias called `NAME` is moved to a collection once it is complete; it is for people and other programs, as
//! searches name the collection of the very generation that they read.
//!
//! A point's payload is what filters need and the position of its chunk; texts stay in the data directory.

mod client;
mod points;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

pub use client::{QdrantSettings, QdrantVectors};
