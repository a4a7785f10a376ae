//! The ranking on small made-up systems, one mechanism at a time, and on noise.

mod any_input;
mod changes;
mod cohorts;
mod courses;
mod habits;
mod mechanisms;
mod paths;
mod scene;
mod seasons;
