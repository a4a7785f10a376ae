//! What it costs: cloud charges beside telemetry, as cost per request and as the cost of an incident.
//!
//! Charges come from billing exports (FOCUS) that were ingested. Money is decimal throughout, currencies are never added
//! to each other, and a figure that cannot be had is named with what is missing, never guessed (ADR 21).

mod asked;
mod cost;
mod incident;
mod matching;
mod requests;
mod sums;
mod unit;
mod view;

pub use asked::{CostAsked, CostError};
pub use cost::cost_of;
pub use view::{
    Amounts, CostGroup, CostView, DayCost, IncidentCost, IncidentMoney, KnownCharges, UnitCost,
};
