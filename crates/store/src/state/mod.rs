//! What must be remembered between runs: the answers given, the incidents that people vouched for, the files taken in,
//! what was proposed and approved, and the audit trail of that.

mod audit;
mod charges;
mod database;
mod incidents;
mod marks;
mod opened;
mod proposals;
mod schema;
#[cfg(test)]
mod tests;

pub use audit::{AuditHead, AuditRow, AuditVerdict};
pub use charges::{Charge, ChargeCoverage, ChargeSubject, Published};
pub use database::StateDb;
pub use opened::{OpenedAlert, OpenedIncident};
pub use proposals::{ProposalStep, StoredProposal};

/// The database's name in a data directory.
pub const FILE: &str = "state.db";
