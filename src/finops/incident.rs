//! What an incident cost: what its services spent beyond the usual, and on requests that failed.

use groundcrew_store::{Charge, Store};
use groundcrew_telemetry::{TimeRange, Timestamp};
use rust_decimal::Decimal;

use super::CostError;
use super::matching::KnownServices;
use super::requests;
use super::sums::{Sums, money};
use super::unit::is_usage;
use super::view::{IncidentCost, IncidentMoney};
use crate::investigate::answer::Answer;
use crate::memory::{self, Found, MemoryError};

const HOUR_SECS: i64 = 3_600;
const DAY_SECS: i64 = 86_400;
/// Days before whose same hours say what is usual, and how many must be known.
const DAYS_BEFORE: i64 = 7;
const DAYS_MIN: usize = 3;
/// Charges read.
const CHARGES_MAX: usize = 1_000_000;

/// An incident that money is asked about.
pub(super) struct Hit {
    code: String,
    services: Vec<String>,
    /// While it lasted.
    time: TimeRange,
}

impl Hit {
    /// Finds an incident by its code.
    pub(super) fn find(store: &Store, code: &str) -> Result<Self, CostError> {
        let state = store.state();
        let unreadable = |error: String| CostError::Bad(format!("the incident: {error}"));
        let answer = match memory::find(state, code) {
            Ok(Found::Answer(answer)) => *answer,
            Ok(Found::Record(record)) => {
                let json = state.answer(&record.answer_id)?.ok_or(CostError::NoIncident)?;
                serde_json::from_str(&json).map_err(|error| unreadable(error.to_string()))?
            }
            Err(MemoryError::NotFound(_)) => return Err(CostError::NoIncident),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        Ok(Self::of(answer))
    }

    fn of(answer: Answer) -> Self {
        let services =
            if answer.impact.services.is_empty() { answer.scope } else { answer.impact.services };
        let start = answer.impact.since.unwrap_or(answer.from);
        let end = answer.to.max(start.plus_secs(1));
        Self { code: answer.incident, services, time: TimeRange::new(start, end) }
    }

    /// The whole hours in which it lies: charges are told by the hour at best.
    pub(super) fn hours(&self) -> TimeRange {
        let whole =
            |time: Timestamp| time.plus_nanos(-time.nanos().rem_euclid(HOUR_SECS * 1_000_000_000));
        TimeRange::new(whole(self.time.start), whole(self.time.end.plus_secs(HOUR_SECS - 1)))
    }

    /// What it cost.
    pub(super) fn cost(&self, store: &Store) -> Result<IncidentCost, CostError> {
        let hours = self.hours();
        let mut missing = Vec::new();
        if self.services.is_empty() {
            missing.push("the answer names no service that it hit".to_owned());
        }
        let requests = requests::count(store, &self.services, &[self.time])?;
        let is_traced = !self.services.is_empty() && requests.count > 0;
        if !is_traced {
            missing.push(
                "requests that failed: there are no traces of its services and time".to_owned(),
            );
        }
        let failed_share = is_traced
            .then(|| Decimal::from(requests.failed).checked_div(requests.count.into()))
            .flatten();
        let charges = self.charges(store, hours, &mut missing)?;
        let money = money_of(&charges, hours, failed_share, &mut missing)?;
        Ok(IncidentCost {
            incident: self.code.clone(),
            services: self.services.clone(),
            from: hours.start.to_string(),
            to: hours.end.to_string(),
            money,
            requests: is_traced.then_some(requests.count),
            failed: is_traced.then_some(requests.failed),
            missing,
        })
    }

    /// Usage charges by the hour of its services, of its hours and of the days before.
    fn charges(
        &self,
        store: &Store,
        hours: TimeRange,
        missing: &mut Vec<String>,
    ) -> Result<Vec<Charge>, CostError> {
        let state = store.state();
        let ends = state.charge_coverage()?.map(|known| known.range.end);
        if ends.is_none_or(|ends| ends < hours.end) {
            let until =
                ends.map_or_else(|| "none is known".to_owned(), |end| format!("it ends at {end}"));
            missing.push(format!("billing of the incident's hours: {until}; providers bill a day or more later, so ingest a newer export"));
        }
        let whole = TimeRange::new(hours.start.plus_secs(-DAYS_BEFORE * DAY_SECS), hours.end);
        let Some(mut charges) = state.charges(whole, CHARGES_MAX)? else {
            missing.push("money: the days before hold too many charges to compare".to_owned());
            return Ok(Vec::new());
        };
        let known = KnownServices::new(&self.services);
        charges.retain(|charge| is_usage(charge) && known.of(&charge.subject).is_some());
        if charges.is_empty() {
            missing.push("money: no charge carries a tag `service`, `app` or the like that names one of its services".to_owned());
        }
        let before = charges.len();
        charges.retain(|charge| charge.period.secs() <= HOUR_SECS as f64);
        if charges.len() < before {
            missing.push(format!("{} charges are told by the day or longer, which says nothing of hours; export by the hour", before - charges.len()));
        }
        Ok(charges)
    }
}

fn money_of(
    charges: &[Charge],
    hours: TimeRange,
    failed_share: Option<Decimal>,
    missing: &mut Vec<String>,
) -> Result<Vec<IncidentMoney>, CostError> {
    let within = |shift: i64| {
        let start = hours.start.plus_secs(-shift * DAY_SECS);
        let time = TimeRange::new(start, hours.end.plus_secs(-shift * DAY_SECS));
        let inside = charges.iter().filter(move |charge| time.contains(charge.period.start));
        inside.collect::<Vec<&Charge>>()
    };
    let spent = Sums::of(within(0))?;
    let mut before = Vec::new();
    for day in 1..=DAYS_BEFORE {
        let day = within(day);
        if !day.is_empty() {
            before.push(Sums::of(day)?);
        }
    }
    if !charges.is_empty() && before.len() < DAYS_MIN {
        missing.push(format!("what is usual: the same hours are billed on {} of the {DAYS_BEFORE} days before, {DAYS_MIN} are needed", before.len()));
    }
    let of_currency = |(currency, sum): (&str, super::sums::Sum)| {
        let usual = (before.len() >= DAYS_MIN)
            .then(|| median(before.iter().map(|day| day.effective(currency)).collect()))
            .flatten();
        let product = |share: Decimal| sum.effective.checked_mul(share).map(super::sums::quotient);
        IncidentMoney {
            currency: currency.to_owned(),
            spent: money(sum.effective),
            usual: usual.map(money),
            excess: usual.and_then(|usual| sum.effective.checked_sub(usual)).map(money),
            on_failed_requests: failed_share.and_then(product),
        }
    };
    Ok(spent.iter().map(of_currency).collect())
}

fn median(mut values: Vec<Decimal>) -> Option<Decimal> {
    values.sort_unstable();
    let (low, high) =
        (values.get((values.len().checked_sub(1)?) / 2)?, values.get(values.len() / 2)?);
    low.checked_add(*high)?.checked_div(Decimal::TWO)
}
