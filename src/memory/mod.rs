//! The memory of incidents, as people write it: what an investigation came to, what they think of it, what they strike.
//!
//! Reading is part of an investigation (`crate::investigate::recall`); writing never is. [`state_opinion`] and [`strike`]
//! are called for the command line and for the authorised API, so whatever stands in telemetry, documents or a model's
//! answer cannot become memory by itself. Free texts are masked, bounded, and shown as untrusted text only.

mod diff;
mod find;
mod postmortem;
mod runbook;
mod write;

pub use find::{Found, find, incidents, similar};
pub use postmortem::postmortem;
pub use runbook::{Runbook, RunbookChange, propose_change};
pub use write::{MemoryError, Statement, state_opinion, strike};
