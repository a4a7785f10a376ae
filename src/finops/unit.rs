//! Cost per request: what a service's use costs, divided by the requests of the same time.

use std::collections::BTreeSet;

use groundcrew_store::{Charge, Store};
use groundcrew_telemetry::TimeRange;
use rust_decimal::Decimal;

use super::matching::KnownServices;
use super::requests::{self, Requests};
use super::sums::{Sums, money, quotient};
use super::view::UnitCost;
use super::{CostAsked, CostError};

/// Stretches of time in which requests are counted.
const STRETCHES_MAX: usize = 24;

/// The cost per request by currency; where there is none, a note says what is missing.
pub(super) fn unit_costs(
    store: &Store,
    asked: &CostAsked,
    charges: &[&Charge],
    notes: &mut Vec<String>,
) -> Result<Vec<UnitCost>, CostError> {
    let coverage = store.coverage()?;
    let Some(seen) = coverage.spans.range else {
        notes.push(
            "no cost per request: there are no traces to count requests in; send spans over OTLP"
                .to_owned(),
        );
        return Ok(Vec::new());
    };
    let known = KnownServices::new(&coverage.services);
    let named: Vec<(&Charge, &str)> = charges
        .iter()
        .filter(|charge| is_usage(charge))
        .filter_map(|charge| Some((*charge, known.of(&charge.subject)?)))
        .collect();
    if named.is_empty() {
        let whose = match asked.service.trim() {
            "" => "no charge carries".to_owned(),
            service => format!("of `{service}` no charge carries"),
        };
        notes.push(format!("no cost per request: {whose} a tag `service`, `app` or the like that names a service known from traces; tag the resources, and activate the tag for the billing export"));
        return Ok(Vec::new());
    }
    let inside: Vec<(&Charge, &str)> =
        named.iter().copied().filter(|(charge, _)| is_within(charge, seen)).collect();
    let times = stretches(inside.iter().map(|(charge, _)| charge.period));
    let counted: Vec<(&Charge, &str)> = inside
        .into_iter()
        .filter(|(charge, _)| times.iter().any(|time| is_within(charge, *time)))
        .collect();
    if counted.is_empty() {
        notes.push(format!(
            "no cost per request: traces are kept from {} to {}, and no charge period lies wholly inside",
            seen.start, seen.end
        ));
        return Ok(Vec::new());
    }
    let services: BTreeSet<String> =
        counted.iter().map(|(_, service)| (*service).to_owned()).collect();
    let services: Vec<String> = services.into_iter().collect();
    let requests = requests::count(store, &services, &times)?;
    if requests.count == 0 {
        notes.push(format!(
            "no cost per request: no request reached {} in the time of its charges",
            services.join(", ")
        ));
        return Ok(Vec::new());
    }
    let charges: Vec<&Charge> = counted.iter().map(|(charge, _)| *charge).collect();
    let left_out = named.len() - charges.len();
    let rests_on = rests_on(&charges, left_out, &times);
    let divided = Sums::of(charges)?;
    let units = divided
        .iter()
        .map(|(currency, sum)| unit(currency, sum.effective, &services, &requests, &rests_on));
    Ok(units.collect())
}

pub(super) fn is_usage(charge: &Charge) -> bool {
    let category = &charge.subject.category;
    category.is_empty() || category.eq_ignore_ascii_case("usage")
}

fn is_within(charge: &Charge, time: TimeRange) -> bool {
    time.start <= charge.period.start && charge.period.end <= time.end
}

fn unit(
    currency: &str,
    cost: Decimal,
    services: &[String],
    requests: &Requests,
    rests_on: &str,
) -> UnitCost {
    let per = |number: u64| cost.checked_div(Decimal::from(number)).map(quotient);
    let good = requests.count.saturating_sub(requests.failed);
    UnitCost {
        currency: currency.to_owned(),
        per_request: per(requests.count).unwrap_or_default(),
        per_good_request: per(good),
        cost: money(cost),
        requests: requests.count,
        failed: requests.failed,
        services: services.to_vec(),
        rests_on: rests_on.to_owned(),
    }
}

fn rests_on(charges: &[&Charge], left_out: usize, times: &[TimeRange]) -> String {
    let hours: f64 = times.iter().map(TimeRange::secs).sum::<f64>() / 3_600.0;
    let ends =
        times.iter().map(|time| time.start).min().zip(times.iter().map(|time| time.end).max());
    let ends = ends.map(|(start, end)| format!(" between {start} and {end}")).unwrap_or_default();
    let others = match left_out {
        0 => String::new(),
        number => {
            format!(
                "; {number} more usage charges lie outside the time of the traces and are left out"
            )
        }
    };
    format!(
        "effective cost of {} usage charges over {hours:.0} hours{ends}; requests as all spans counted them{others}",
        charges.len()
    )
}

/// The times of these periods, those that touch as one; the longest, when there are too many.
fn stretches(periods: impl Iterator<Item = TimeRange>) -> Vec<TimeRange> {
    let mut periods: Vec<TimeRange> = periods.filter(|period| !period.is_empty()).collect();
    periods.sort_by_key(|period| (period.start, period.end));
    let mut times: Vec<TimeRange> = Vec::new();
    for period in periods {
        match times.last_mut() {
            Some(last) if period.start <= last.end => last.end = last.end.max(period.end),
            _ => times.push(period),
        }
    }
    times.sort_by_key(|time| std::cmp::Reverse((time.end.nanos_since(time.start), time.start)));
    times.truncate(STRETCHES_MAX);
    times
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::Timestamp;

    use super::*;

    #[test]
    fn periods_that_touch_are_one_time() {
        let hour = |from: i64, to: i64| {
            TimeRange::new(Timestamp::from_secs(from * 3_600), Timestamp::from_secs(to * 3_600))
        };
        let periods = [hour(5, 6), hour(0, 1), hour(1, 2), hour(0, 1), hour(1, 4), hour(9, 9)];
        assert_eq!(stretches(periods.into_iter()), [hour(0, 4), hour(5, 6)]);
        let many = (0..100).map(|number| hour(number * 2, number * 2 + 1));
        assert_eq!(stretches(many).len(), STRETCHES_MAX);
    }
}
