//! The ranking: from observations to findings, suspects and verdicts on changes.
//!
//! [`pipeline`] is the order of steps. Signals are read into small tables (`spans`, `operations`, `series`), each kind of
//! trouble has a file that turns them into findings and clues (`slowness`, `errors`, `flow`, `logs`, `resources`,
//! `golden`, `load`, `cluster`), and `combine` weighs the clues.

mod changes;
mod cluster;
mod cohorts;
mod combine;
mod course;
mod ends;
mod errors;
mod evidence;
mod fallback;
mod family;
mod flow;
mod golden;
mod harm;
mod invariants;
mod kind;
mod limits;
mod load;
mod logs;
mod meaning;
mod moved;
mod names;
mod nodes;
mod onset;
mod operations;
mod outside;
mod path;
mod period;
mod pipeline;
mod resources;
mod retries;
mod saturation;
mod season;
mod series;
mod shape;
mod shift;
mod slowness;
mod spans;
mod stats;
mod topology;

pub(crate) use meaning::{Meaning, meaning};
pub use path::critical_path;
pub use pipeline::rank;

#[cfg(test)]
mod tests;
