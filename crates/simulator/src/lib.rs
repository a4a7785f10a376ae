//! A deterministic simulated shop that speaks OTLP and knows what it broke.
//!
//! A [`Simulation`] is an iterator of [`Step`]s, ten seconds of virtual time each: spans, lines and measurements of eight
//! services, their gateway and their stores on Kubernetes, with deploys and saved `kubectl` output. After a while of good
//! health one [`Fault`] strikes and spreads along the calls; a few minutes later the page goes out, in words of what
//! customers notice. [`Simulation::truth`] says what it was.
//!
//! A [`Mesh`] does the same for a generated system of any size, with more ways to break, decoys, and windows in which
//! nothing is wrong.
//!
//! Read in this order: `shop` (who calls whom), `world` (what state everything is in), `effects` (what a fault does to one
//! step of one request), `request` (one request followed through the shop), `simulation`.
//!
//! No clock, no input, no output: the same options give the same run.

mod changes;
mod cluster;
mod effects;
mod fault;
mod mesh;
mod metrics;
mod otlp;
mod outbox;
mod random;
mod request;
mod shop;
mod simulation;
#[cfg(test)]
mod tests;
mod wording;
mod world;

pub use fault::{Fault, Truth};
pub use mesh::{Mesh, MeshFault, MeshOptions, MeshPlan, MeshTruth};
pub use simulation::{STEP_SECONDS, Simulation, SimulationOptions, Step};
