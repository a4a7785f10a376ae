//! Charges of a time: what they come to, by group and day, per request and per incident.

use std::collections::BTreeMap;

use groundcrew_store::{Charge, Store};
use groundcrew_telemetry::{TimeRange, Timestamp};

use super::incident::Hit;
use super::matching::matching;
use super::sums::{Days, Sums};
use super::unit::unit_costs;
use super::view::{CostGroup, CostView, KnownCharges};
use super::{CostAsked, CostError};

/// Charges read for one view.
const CHARGES_MAX: usize = 1_000_000;
/// Groups that are given.
const GROUPS_MAX: usize = 20;
const DAY_SECS: f64 = 86_400.0;
/// Said where there is no billing.
const HOW: &str = "no billing has been taken in: `groundcrew ingest EXPORT.csv` reads billing exports in the FOCUS format (CSV, also .gz), which AWS, Azure, Google Cloud, Oracle and others write";

/// What is charged for what is asked for.
///
/// # Errors
/// When the question or the store cannot be read, or there is no such incident.
pub fn cost_of(store: &Store, asked: &CostAsked, now: Timestamp) -> Result<CostView, CostError> {
    let by = asked.group()?;
    let hit = match asked.incident.trim() {
        "" => None,
        code => Some(Hit::find(store, code)?),
    };
    let known = store.state().charge_coverage()?;
    let usual = match (&hit, &known) {
        (Some(hit), _) => hit.hours(),
        (None, Some(known)) => TimeRange::new(Timestamp::MIN, known.range.end),
        (None, None) => TimeRange::new(Timestamp::MIN, now),
    };
    let range = asked.range(usual, hit.is_some())?;
    let charges = store.state().charges(range, CHARGES_MAX)?.ok_or_else(|| {
        let many = crate::investigate::format::count(CHARGES_MAX as u64);
        CostError::Bad(format!(
            "more than {many} charges begin in that time; ask for a shorter one"
        ))
    })?;
    let (meant, what) = matching(asked, &charges);
    let mut notes = Vec::new();
    if known.is_none() {
        notes.push(HOW.to_owned());
    } else if meant.is_empty() {
        notes.push("no charge of that kind begins in that time".to_owned());
    }
    let is_long = |charge: &&&Charge| charge.period.secs() > DAY_SECS;
    match meant.iter().filter(is_long).count() {
        0 => {}
        long => notes.push(format!("{long} of the charges have periods longer than a day; each stands whole on the day on which its period begins")),
    }
    let total = Sums::of(meant.iter().copied())?;
    if total.amounts().len() > 1 {
        notes.push("there are several currencies, which are not added to each other".to_owned());
    }
    let mut days = Days::default();
    meant.iter().try_for_each(|charge| days.add(charge))?;
    let (groups, groups_left_out) = groups(&meant, |charge| by.group(&charge.subject))?;
    let units =
        if meant.is_empty() { Vec::new() } else { unit_costs(store, asked, &meant, &mut notes)? };
    Ok(CostView {
        from: range.start.to_string(),
        to: range.end.to_string(),
        what,
        known: known.map(|known| KnownCharges {
            charges: known.count,
            from: known.range.start.to_string(),
            to: known.range.end.to_string(),
            taken_in: known.taken_in.to_string(),
        }),
        charges: meant.len() as u64,
        total: total.amounts(),
        groups,
        groups_left_out,
        days: days.rows(),
        units,
        incident: hit.map(|hit| hit.cost(store)).transpose()?,
        notes,
    })
}

#[derive(Default)]
struct Group {
    charges: u64,
    sums: Sums,
    days: Days,
}

/// The dearest groups, and how many more there are.
fn groups<'a>(
    charges: &[&'a Charge],
    name: impl Fn(&'a Charge) -> &'a str,
) -> Result<(Vec<CostGroup>, u64), CostError> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for charge in charges.iter().copied() {
        let group = groups.entry(name(charge)).or_default();
        group.charges += 1;
        group.sums.add(charge)?;
        group.days.add(charge)?;
    }
    let mut groups: Vec<(&str, Group)> = groups.into_iter().collect();
    groups.sort_by(|(a, left), (b, right)| {
        right.sums.largest().cmp(&left.sums.largest()).then_with(|| a.cmp(b))
    });
    let left_out = groups.len().saturating_sub(GROUPS_MAX) as u64;
    let shown = groups.into_iter().take(GROUPS_MAX).map(|(name, group)| CostGroup {
        name: name.to_owned(),
        charges: group.charges,
        total: group.sums.amounts(),
        days: group.days.rows(),
    });
    Ok((shown.collect(), left_out))
}
