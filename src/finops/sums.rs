//! Sums of money: decimal, and one for each currency.

use std::collections::BTreeMap;

use groundcrew_store::Charge;
use groundcrew_telemetry::Timestamp;
use rust_decimal::Decimal;

use super::CostError;
use super::view::{Amounts, DayCost};

/// What charges of one currency come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sum {
    pub(super) billed: Decimal,
    pub(super) effective: Decimal,
}

impl Sum {
    fn add(&mut self, charge: &Charge) -> Result<(), CostError> {
        let add = |sum: Decimal, amount| {
            let too_large = || CostError::Bad("the sum is too large to be told".to_owned());
            sum.checked_add(amount).ok_or_else(too_large)
        };
        self.billed = add(self.billed, charge.billed)?;
        self.effective = add(self.effective, charge.effective)?;
        Ok(())
    }
}

/// Sums by currency.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sums(BTreeMap<String, Sum>);

impl Sums {
    pub(super) fn of<'a>(charges: impl IntoIterator<Item = &'a Charge>) -> Result<Self, CostError> {
        let mut sums = Self::default();
        charges.into_iter().try_for_each(|charge| sums.add(charge))?;
        Ok(sums)
    }

    pub(super) fn add(&mut self, charge: &Charge) -> Result<(), CostError> {
        match self.0.get_mut(&charge.subject.currency) {
            Some(sum) => sum.add(charge),
            None => self.0.entry(charge.subject.currency.clone()).or_default().add(charge),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Sum)> {
        self.0.iter().map(|(currency, sum)| (currency.as_str(), *sum))
    }

    pub(super) fn effective(&self, currency: &str) -> Decimal {
        self.0.get(currency).map(|sum| sum.effective).unwrap_or_default()
    }

    /// The largest effective cost in any currency, for an order among groups; no sum is made of it.
    pub(super) fn largest(&self) -> Decimal {
        self.0.values().map(|sum| sum.effective.max(sum.billed)).max().unwrap_or_default()
    }

    pub(super) fn amounts(&self) -> Vec<Amounts> {
        let amounts = self.0.iter().map(|(currency, sum)| Amounts {
            currency: currency.clone(),
            billed: money(sum.billed),
            effective: money(sum.effective),
        });
        amounts.collect()
    }
}

/// Sums by day, UTC.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Days(BTreeMap<String, Sums>);

impl Days {
    pub(super) fn add(&mut self, charge: &Charge) -> Result<(), CostError> {
        self.0.entry(day(charge.period.start)).or_default().add(charge)
    }

    pub(super) fn rows(&self) -> Vec<DayCost> {
        let rows = self.0.iter().flat_map(|(day, sums)| {
            sums.amounts().into_iter().map(|amounts| DayCost {
                day: day.clone(),
                currency: amounts.currency,
                billed: amounts.billed,
                effective: amounts.effective,
            })
        });
        rows.collect()
    }
}

fn day(time: Timestamp) -> String {
    time.to_string().get(..10).unwrap_or_default().to_owned()
}

/// An amount as it is told: every digit, no needless zeros.
pub(super) fn money(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// A quotient as it is told: six digits that count.
pub(super) fn quotient(amount: Decimal) -> String {
    money(amount.round_sf(6).unwrap_or(amount))
}
