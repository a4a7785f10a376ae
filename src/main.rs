//! Groundcrew.
fn main() {}
