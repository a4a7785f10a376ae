//! A generated system of any size that breaks in known ways: layers of services, shared stores, outside providers.
//!
//! Read in this order: `graph` and `build` (who calls whom), `fault` (what can break), `wound` (where it strikes), `state`
//! (what condition everything is in), `effects` (what a fault does to one step of one request), `request`, `page` (what
//! customers notice), and [`Mesh`], which lets it run.

mod build;
mod changes;
mod cluster;
mod effects;
mod fault;
mod graph;
mod metrics;
mod names;
mod page;
mod request;
mod run;
mod state;
#[cfg(test)]
mod tests;
mod wording;
mod wound;

pub use fault::{MeshFault, MeshPlan, MeshTruth};
pub use run::{Mesh, MeshOptions};
