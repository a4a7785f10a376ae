//! Reads Kubernetes state, as people and scripts save it, into [`ClusterSnapshot`]s.
//!
//! Takes `kubectl get` tables, `kubectl describe` pages, event tables, YAML and JSON manifests, and the output of other
//! command-line tools, whose text is kept whole and whose objects are taken when a table plainly shows a status. Reading never
//! fails: what is not understood stays in the snapshot's text. Everything read here is hostile input; a command line is
//! parsed for what it asked, never run.
//!
//! [`looks_like`] says whether a file is of this kind, [`read_snapshot`] reads it, [`broken_selectors`] checks objects of
//! several snapshots against each other.
//!
//! [`ClusterSnapshot`]: groundcrew_telemetry::ClusterSnapshot

mod age;
mod command;
mod conditions;
mod describe;
mod describe_health;
mod events;
mod kinds;
mod manifest;
mod manifest_facts;
mod manifest_health;
mod outline;
mod recognise;
mod secrets;
mod selectors;
mod snapshot;
mod table;
mod table_objects;
mod telling;
mod verdict;

#[cfg(test)]
mod tests;

pub use recognise::looks_like;
pub use selectors::{BrokenSelector, broken_selectors};
pub use snapshot::read_snapshot;
