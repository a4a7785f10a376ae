//! The stages between a source and the store, in order: [`decode`], [`caps`], [`mask`], [`enrich`], [`mod@write`].
//!
//! Each is a plain function on values; [`crate::Intake`] strings the last four together behind one bounded door.

pub mod caps;
pub mod clock;
pub mod decode;
pub mod enrich;
pub mod mask;
pub mod write;
