//! What costs look like. Times are RFC 3339; amounts are decimal texts, since a program's numbers would round them.

use serde::Serialize;

/// Costs of a time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CostView {
    /// Start of the time.
    pub from: String,
    /// Its end.
    pub to: String,
    /// Which charges are meant, in words.
    pub what: String,
    /// What charges are known at all; null when no billing was taken in.
    pub known: Option<KnownCharges>,
    /// Charges that are meant.
    pub charges: u64,
    /// What they come to, by currency.
    pub total: Vec<Amounts>,
    /// Groups, dearest first.
    pub groups: Vec<CostGroup>,
    /// Groups that are not given.
    pub groups_left_out: u64,
    /// What they come to by day.
    pub days: Vec<DayCost>,
    /// Cost per request.
    pub units: Vec<UnitCost>,
    /// Cost of the incident that was asked about.
    pub incident: Option<IncidentCost>,
    /// What to know about the figures: what is missing and how it would come.
    pub notes: Vec<String>,
}

/// Charges that were taken in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KnownCharges {
    /// How many.
    pub charges: u64,
    /// Start of the first charge period.
    pub from: String,
    /// End of the last.
    pub to: String,
    /// When the newest export was taken in.
    pub taken_in: String,
}

/// Amounts in one currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Amounts {
    /// ISO 4217; `XXX` where an export says none.
    pub currency: String,
    /// What is on the invoice.
    pub billed: String,
    /// What it costs when what was paid in advance is spread over its use.
    pub effective: String,
}

/// Charges that belong together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CostGroup {
    /// What they have in common; `(not said)` for those that do not say.
    pub name: String,
    /// How many.
    pub charges: u64,
    /// What they come to, by currency.
    pub total: Vec<Amounts>,
    /// The same by day.
    pub days: Vec<DayCost>,
}

/// Costs of a day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DayCost {
    /// The day, UTC: charges stand on the day on which their periods begin.
    pub day: String,
    /// ISO 4217.
    pub currency: String,
    /// What is on the invoice.
    pub billed: String,
    /// What its use costs.
    pub effective: String,
}

/// Cost per request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnitCost {
    /// ISO 4217.
    pub currency: String,
    /// Cost of one request.
    pub per_request: String,
    /// Cost of one request that did not fail; null when all failed.
    pub per_good_request: Option<String>,
    /// The cost that is divided.
    pub cost: String,
    /// Requests from outside to the services.
    pub requests: u64,
    /// Of them failed.
    pub failed: u64,
    /// The services.
    pub services: Vec<String>,
    /// What it rests on, in words.
    pub rests_on: String,
}

/// What an incident cost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IncidentCost {
    /// Its code.
    pub incident: String,
    /// The services that it hit.
    pub services: Vec<String>,
    /// Start of the hours that are looked at.
    pub from: String,
    /// Their end.
    pub to: String,
    /// The money, by currency.
    pub money: Vec<IncidentMoney>,
    /// Requests to its services while it lasted; null when there are no traces of it.
    pub requests: Option<u64>,
    /// Of them failed.
    pub failed: Option<u64>,
    /// What is missing for more, and how it would come.
    pub missing: Vec<String>,
}

/// What an incident cost in one currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IncidentMoney {
    /// ISO 4217.
    pub currency: String,
    /// What the services cost in its hours.
    pub spent: String,
    /// The median of the same hours on the days before; null when too few are known.
    pub usual: Option<String>,
    /// What was spent beyond that; below zero when less was.
    pub excess: Option<String>,
    /// The part of `spent` that went into requests that failed; null when requests are not known.
    pub on_failed_requests: Option<String>,
}
