//! What must be remembered between runs: the answers given, the incidents that people vouched for, the files taken in.

mod charges;
mod database;
mod incidents;
mod marks;
mod opened;
mod schema;
#[cfg(test)]
mod tests;

pub use charges::{Charge, ChargeCoverage, ChargeSubject, Published};
pub use database::StateDb;
pub use opened::{OpenedAlert, OpenedIncident};

/// The database's name in a data directory.
pub const FILE: &str = "state.db";
