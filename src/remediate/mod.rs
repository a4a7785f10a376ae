//! What can be done about an outage, and that nothing is done without a person.
//!
//! In reading order: `declared` (runbooks name actions, and nothing else does), `plan` (one action with its arguments, to
//! the letter), `propose` (a plan for an answer, or for whoever asks), `stale` (why a plan is not carried out any more),
//! `carry_out` and `webhook` (once, and never again by itself), `afterwards` (whether it helped), `audit` (the trail).
//! [`Remediation`] is what surfaces hold. Telemetry, documents, alerts, chat and models choose among what is declared at
//! most; they add no action, no value, no address.

mod afterwards;
mod audit;
mod carry_out;
mod declared;
mod plan;
mod principal;
mod propose;
mod refused;
mod remediation;
mod stale;
mod view;
mod webhook;

pub use audit::{AuditEntry, AuditReport, heads_file, report as audit_report};
pub use declared::{Action, Actuator, Catalogue, Check, Parameter};
pub use plan::{Plan, plan_hash};
pub use principal::Principal;
pub use propose::Wanted;
pub use refused::Refused;
pub use remediation::Remediation;
pub use view::{ActionRow, ActionsView, Course, Helped, Proposal, ProposalState, RestsOn};
