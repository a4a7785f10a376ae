//! What a field of log records holds: its commonest values, and, where they are numbers, how they are spread.

use std::collections::HashMap;
use std::time::Instant;

use groundcrew_store::Store;
use groundcrew_telemetry::{LogRow, Timestamp, Value};

use super::logs::{SEARCH_TIME_MAX, query_of, words};
use super::view::{Numbers, Time, ValueCount, ValuesView};
use super::when::{Asked, ExploreError, given};

/// Different values that are counted; of the rest it is known how many records have them.
const DISTINCT_MAX: usize = 10_000;
/// Values listed unless another number is asked for.
const LISTED_USUAL: usize = 20;
/// Values listed at most.
const LISTED_MAX: usize = 1_000;
/// Numbers that are kept to be ordered.
const NUMBERS_MAX: usize = 1_000_000;
/// Longest value that is told whole, in bytes.
const VALUE_BYTES_MAX: usize = 256;

/// The values of one field of the log records that match.
///
/// # Errors
/// When no field is named, or the question or the store cannot be read.
pub fn values(store: &Store, asked: &Asked, now: Timestamp) -> Result<ValuesView, ExploreError> {
    let field = given(&asked.field).ok_or_else(|| {
        ExploreError::Bad(
            "`field` names an attribute of log records, `service` or `level`".to_owned(),
        )
    })?;
    let range = asked.range(store, now)?;
    let query = query_of(asked, range, usize::MAX)?;
    let until = Instant::now() + SEARCH_TIME_MAX;
    let mut seen = Seen::default();
    let complete = store.visit_logs(&query, &mut || Instant::now() < until, &mut |row| {
        seen.records += 1;
        if let Some(value) = value_of(&row, field) {
            seen.add(&value);
        }
    })?;
    let listed = asked.limit.unwrap_or(LISTED_USUAL).clamp(1, LISTED_MAX);
    Ok(seen.view(
        listed,
        ValuesView {
            from: Time(range.start),
            to: Time(range.end),
            query: words(&query),
            field: field.to_owned(),
            records: 0,
            holding: 0,
            complete,
            values: Vec::new(),
            others: 0,
            numbers: None,
        },
    ))
}

fn value_of(row: &LogRow, field: &str) -> Option<Value> {
    match field {
        "service" => Some(Value::from(row.resource.service())),
        "level" | "severity" => Some(Value::from(row.record.severity.name())),
        _ => row
            .record
            .attributes
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, value)| value.clone()),
    }
}

/// What was counted so far.
#[derive(Default)]
struct Seen {
    records: u64,
    holding: u64,
    counts: HashMap<String, u64>,
    /// Records whose value came after the counted ones were too many.
    uncounted: u64,
    numbers: Vec<f64>,
}

impl Seen {
    fn add(&mut self, value: &Value) {
        self.holding += 1;
        if let Some(number) = value.as_f64().filter(|number| number.is_finite())
            && self.numbers.len() < NUMBERS_MAX
        {
            self.numbers.push(number);
        }
        let text = value.text();
        let text = text.get(..text.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
        if let Some(count) = self.counts.get_mut(text) {
            *count += 1;
        } else if self.counts.len() < DISTINCT_MAX {
            self.counts.insert(text.to_owned(), 1);
        } else {
            self.uncounted += 1;
        }
    }

    fn view(mut self, listed: usize, view: ValuesView) -> ValuesView {
        let mut values: Vec<ValueCount> =
            self.counts.drain().map(|(value, count)| ValueCount { value, count }).collect();
        values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        let beyond: u64 = values.iter().skip(listed).map(|value| value.count).sum();
        values.truncate(listed);
        ValuesView {
            records: self.records,
            holding: self.holding,
            others: beyond + self.uncounted,
            numbers: numbers(self.numbers, self.holding),
            values,
            ..view
        }
    }
}

/// How numbers are spread, where most values are some.
fn numbers(mut numbers: Vec<f64>, holding: u64) -> Option<Numbers> {
    if numbers.is_empty() || (numbers.len() as u64) < holding.min(NUMBERS_MAX as u64).div_ceil(2) {
        return None;
    }
    numbers.sort_by(f64::total_cmp);
    // The smallest number that so many are not above.
    let at = |percent: usize| {
        let position = (numbers.len() * percent).div_ceil(100).saturating_sub(1);
        numbers.get(position).copied().unwrap_or_default()
    };
    Some(Numbers {
        count: numbers.len() as u64,
        min: at(0),
        p50: at(50),
        p90: at(90),
        p99: at(99),
        max: at(100),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_they_are_spread() {
        let told = numbers((1..=200).rev().map(f64::from).collect(), 200).unwrap();
        assert_eq!(
            (told.min, told.p50, told.p90, told.p99, told.max),
            (1.0, 100.0, 180.0, 198.0, 200.0)
        );
        let one = numbers(vec![7.0], 1).unwrap();
        assert_eq!((one.min, one.p50, one.max), (7.0, 7.0, 7.0));
        assert!(numbers(vec![1.0; 4], 100).is_none(), "mostly words");
    }

    #[test]
    fn the_commonest_come_first_and_the_rest_is_counted() {
        let mut seen = Seen::default();
        for value in ["b", "a", "b", "c", "d"] {
            seen.add(&Value::from(value));
        }
        let view = seen.view(2, ValuesView::default());
        let listed: Vec<(&str, u64)> =
            view.values.iter().map(|value| (value.value.as_str(), value.count)).collect();
        assert_eq!(listed, [("b", 2), ("a", 1)]);
        assert_eq!((view.others, view.holding), (2, 5));
    }
}
