//! `cost_of`: what it costs, per request and per incident.

use groundcrew_telemetry::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::arguments::CostOf;
use super::said::{Said, Wrong, counted, left_out};
use crate::finops::{
    Amounts, CostAsked, CostError, CostView, DayCost, IncidentCost, UnitCost, cost_of,
};
use crate::investigate::Investigator;

/// Rows by day that are given; of a longer time the last.
const DAYS_MAX: usize = 62;

/// Costs of a time. Amounts are decimal texts.
#[derive(Serialize, JsonSchema)]
pub(super) struct CostShape {
    /// Start of the time.
    from: String,
    /// Its end.
    to: String,
    /// Which charges are meant.
    what: String,
    /// Charges that are meant.
    charges: u64,
    /// What they come to, by currency.
    total: Vec<AmountsShape>,
    /// Groups, dearest first.
    groups: Vec<GroupShape>,
    /// Groups that are not given.
    groups_left_out: u64,
    /// The last days that have charges, UTC.
    days: Vec<DayShape>,
    /// Cost per request, by currency; empty where a note says what is missing.
    per_request: Vec<UnitShape>,
    /// What the incident cost that was asked about.
    incident: Option<IncidentShape>,
    /// What to know about the figures, and what is missing.
    notes: Vec<String>,
}

/// Amounts in one currency.
#[derive(Serialize, JsonSchema)]
struct AmountsShape {
    /// ISO 4217; XXX where an export says none.
    currency: String,
    /// What is on the invoice.
    billed: String,
    /// What it costs when what was paid in advance is spread over its use.
    effective: String,
}

/// Charges that belong together.
#[derive(Serialize, JsonSchema)]
struct GroupShape {
    /// What they have in common.
    name: String,
    /// How many.
    charges: u64,
    /// What they come to.
    total: Vec<AmountsShape>,
}

/// Costs of a day.
#[derive(Serialize, JsonSchema)]
struct DayShape {
    /// The day.
    day: String,
    /// ISO 4217.
    currency: String,
    /// What is on the invoice.
    billed: String,
    /// What its use costs.
    effective: String,
}

/// Cost per request.
#[derive(Serialize, JsonSchema)]
struct UnitShape {
    /// ISO 4217.
    currency: String,
    /// Cost of one request.
    per_request: String,
    /// The cost that is divided.
    cost: String,
    /// Requests to the services.
    requests: u64,
    /// Of them failed.
    failed: u64,
    /// The services.
    services: Vec<String>,
    /// What it rests on.
    rests_on: String,
}

/// What an incident cost.
#[derive(Serialize, JsonSchema)]
struct IncidentShape {
    /// Its code.
    incident: String,
    /// The services that it hit.
    services: Vec<String>,
    /// Start of its hours.
    from: String,
    /// Their end.
    to: String,
    /// The money, by currency.
    money: Vec<MoneyShape>,
    /// Requests while it lasted; null when unknown.
    requests: Option<u64>,
    /// Of them failed.
    failed: Option<u64>,
    /// What is missing for more.
    missing: Vec<String>,
}

/// What an incident cost in one currency.
#[derive(Serialize, JsonSchema)]
struct MoneyShape {
    /// ISO 4217.
    currency: String,
    /// What its services cost in its hours.
    spent: String,
    /// The median of the same hours on the days before; null when unknown.
    usual: Option<String>,
    /// What was spent beyond that.
    excess: Option<String>,
    /// The part of `spent` that went into requests that failed.
    on_failed_requests: Option<String>,
}

impl From<CostError> for Wrong {
    fn from(error: CostError) -> Self {
        let hint = match &error {
            CostError::Bad(_) => "correct the argument; the tool's inputSchema says what it takes",
            CostError::NoIncident => "its code stands in the answer, such as 7Q2",
            CostError::Store(_) => "the person who runs it should run `groundcrew doctor`",
        };
        Self::new(error.to_string(), hint)
    }
}

/// What it costs.
pub(super) fn of(from: &Investigator, given: CostOf, now: Timestamp) -> Result<Said, Wrong> {
    let asked = CostAsked {
        service: given.service.unwrap_or_default(),
        tag: given.tag.unwrap_or_default(),
        resource: given.resource.unwrap_or_default(),
        from: given.from.unwrap_or_default(),
        to: given.to.unwrap_or_default(),
        by: given.group_by.unwrap_or_default(),
        incident: given.incident.unwrap_or_default(),
    };
    let view = cost_of(&from.store, &asked, now)?;
    let summary = format!(
        "{} between {} and {}{}. Currencies are never added to each other.",
        counted(view.charges as usize, "charge"),
        view.from,
        view.to,
        left_out(view.groups_left_out)
    );
    let recorded = lines(&view);
    Ok(Said::new(&shape(view), summary, &recorded))
}

fn lines(view: &CostView) -> Vec<String> {
    let amounts = |total: &[Amounts]| {
        let told = total.iter().map(|one| {
            format!("{} {} billed, {} effective", one.currency, one.billed, one.effective)
        });
        told.collect::<Vec<String>>().join("; ")
    };
    let mut lines = vec![format!("{}: {}", view.what, amounts(&view.total))];
    lines.extend(view.groups.iter().map(|one| format!("{}: {}", one.name, amounts(&one.total))));
    lines.extend(view.units.iter().map(|unit| {
        format!("per request: {} {}, {}", unit.currency, unit.per_request, unit.rests_on)
    }));
    if let Some(incident) = &view.incident {
        lines.extend(incident.money.iter().map(|money| {
            let usual = money.usual.as_deref().unwrap_or("not known");
            format!(
                "incident {}: {} {} spent by its services in its hours, usually {usual}",
                incident.incident, money.currency, money.spent
            )
        }));
        if let (Some(requests), Some(failed)) = (incident.requests, incident.failed) {
            lines.push(format!("incident: {failed} of {requests} requests failed"));
        }
        lines.extend(incident.missing.iter().map(|one| format!("missing: {one}")));
    }
    lines.extend(view.notes.iter().map(|note| format!("note: {note}")));
    lines
}

fn shape(view: CostView) -> CostShape {
    let surplus = view.days.len().saturating_sub(DAYS_MAX);
    CostShape {
        from: view.from,
        to: view.to,
        what: view.what,
        charges: view.charges,
        total: amounts(view.total),
        groups: view
            .groups
            .into_iter()
            .map(|group| GroupShape {
                name: group.name,
                charges: group.charges,
                total: amounts(group.total),
            })
            .collect(),
        groups_left_out: view.groups_left_out,
        days: view.days.into_iter().skip(surplus).map(day).collect(),
        per_request: view.units.into_iter().map(unit).collect(),
        incident: view.incident.map(incident),
        notes: view.notes,
    }
}

fn amounts(amounts: Vec<Amounts>) -> Vec<AmountsShape> {
    let shapes = amounts.into_iter().map(|one| AmountsShape {
        currency: one.currency,
        billed: one.billed,
        effective: one.effective,
    });
    shapes.collect()
}

fn day(day: DayCost) -> DayShape {
    DayShape { day: day.day, currency: day.currency, billed: day.billed, effective: day.effective }
}

fn unit(unit: UnitCost) -> UnitShape {
    UnitShape {
        currency: unit.currency,
        per_request: unit.per_request,
        cost: unit.cost,
        requests: unit.requests,
        failed: unit.failed,
        services: unit.services,
        rests_on: unit.rests_on,
    }
}

fn incident(cost: IncidentCost) -> IncidentShape {
    let money = cost.money.into_iter().map(|money| MoneyShape {
        currency: money.currency,
        spent: money.spent,
        usual: money.usual,
        excess: money.excess,
        on_failed_requests: money.on_failed_requests,
    });
    IncidentShape {
        incident: cost.incident,
        services: cost.services,
        from: cost.from,
        to: cost.to,
        money: money.collect(),
        requests: cost.requests,
        failed: cost.failed,
        missing: cost.missing,
    }
}
