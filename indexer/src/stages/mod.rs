//! The stages between a source and the store, in order: [`decode`], [`mask`], [`enrich`], [`mod@write`].
//!
//! Each is a plain function on values; [`crate::Intake`] strings the last three together behind one bounded door.

pub mod decode;
pub mod enrich;
pub mod mask;
pub mod write;
