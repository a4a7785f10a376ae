//! Groundcrew.
