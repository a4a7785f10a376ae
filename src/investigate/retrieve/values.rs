//! Values that changed in lines that are otherwise the same: a lifetime that went from 3600 to 60, one tenant among many.
//!
//! A template says what a line says, its count how often, three lines what it looks like. What those three have in common
//! may still differ in the ten thousand others, so columns that look constant are read.

use std::collections::BTreeMap;

use groundcrew_store::{LogQuery, Store};
use groundcrew_telemetry::{TemplateId, TimeRange, Timestamp};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, shorten};
use super::super::question::Plan;
use crate::text::Tainted;

/// Templates that are looked into: those that matter most here.
const TEMPLATES_MAX: usize = 6;
/// Lines of one, in the window and before it.
const LINES_MAX: usize = 2_000;
/// With fewer lines the exemplars show them all.
const COUNT_MIN: u64 = 4;
/// A column with more values is an id or a time.
const VALUES_MAX: usize = 4;
/// Longest value shown, in bytes.
const VALUE_BYTES_MAX: usize = 60;

/// One value of a column.
#[derive(Default)]
struct Seen {
    before: u32,
    window: u32,
    first: Option<Timestamp>,
}

/// Adds what changed to the candidates that matter most; they are sorted, best first. Returns what was added, by key, for
/// other items about the same lines.
pub(super) fn tell(
    store: &Store,
    plan: &Plan,
    candidates: &mut [Candidate],
    texts: &Texts,
) -> BTreeMap<String, Tainted<String>> {
    let mut differing = BTreeMap::new();
    let worth_it = |candidate: &&mut Candidate| {
        key_of(candidate).and_then(|key| texts.get(&key)).is_some_and(Text::may_hide)
    };
    for candidate in candidates.iter_mut().filter(worth_it).take(TEMPLATES_MAX) {
        let Some((service, template)) = key_of(candidate) else { continue };
        let Some(text) = texts.get(&(service.clone(), template)) else { continue };
        let columns = columns(store, plan, (&service, template), text);
        let told: Vec<String> = columns.into_iter().filter_map(told).collect();
        if !told.is_empty() {
            let line = Tainted::new(format!("values that differ: {}", told.join("; ")));
            *candidate = candidate.clone().recording(&line);
            differing.insert(candidate.key.clone(), line);
        }
    }
    differing
}

/// What is known of each template: its text and the lines that are shown of it.
pub(super) type Texts = BTreeMap<(String, TemplateId), Text>;

/// A template's text.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) exemplars: Vec<String>,
    pub(super) count: u64,
}

impl Text {
    /// Whether there are more lines than are shown, and a column that is the same in all that are.
    fn may_hide(&self) -> bool {
        self.count >= COUNT_MIN && !self.constant_columns().is_empty()
    }

    /// Positions of variables that are alike in every line that is shown.
    fn constant_columns(&self) -> Vec<usize> {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let rows: Vec<Option<Vec<&str>>> =
            self.exemplars.iter().map(|line| aligned(line, &words)).collect();
        let variable = words.iter().enumerate().filter(|(_, word)| word.contains("<*>"));
        variable
            .map(|(position, _)| position)
            .filter(|position| {
                let mut values = rows.iter().map(|row| row.as_ref()?.get(*position).copied());
                let first = values.next().flatten();
                first.is_some() && values.all(|value| value == first)
            })
            .collect()
    }
}

/// The words of a line that a template's words stand for; `None` for a line of another form. A template begins behind
/// the line's header, so they are matched from the end.
fn aligned<'a>(line: &'a str, words: &[&str]) -> Option<Vec<&'a str>> {
    let all: Vec<&str> = line.lines().next()?.split_whitespace().collect();
    let own = all.get(all.len().checked_sub(words.len())?..)?;
    let fits = own.iter().zip(words).all(|(own, word)| word.contains("<*>") || own == word);
    fits.then(|| own.to_vec())
}

fn key_of(candidate: &Candidate) -> Option<(String, TemplateId)> {
    let Some(Measure::Template { service, template }) = &candidate.measure else { return None };
    Some((service.clone(), TemplateId::from_text(template)?))
}

type Column = (String, BTreeMap<String, Seen>);

fn columns(
    store: &Store,
    plan: &Plan,
    (service, template): (&str, TemplateId),
    text: &Text,
) -> Vec<Column> {
    let words: Vec<&str> = text.text.split_whitespace().collect();
    let read = |range: TimeRange, newest_first: bool| {
        let query = LogQuery {
            services: vec![service.to_owned()],
            template: Some(template),
            newest_first,
            limit: LINES_MAX,
            ..LogQuery::within(range)
        };
        store.search_logs(&query).unwrap_or_default()
    };
    let whole = plan.whole();
    let before = read(TimeRange::new(whole.start, plan.window.start), true);
    let window = read(plan.window, false);
    let mut columns: Vec<Column> = Vec::new();
    for position in text.constant_columns() {
        let mut values: BTreeMap<String, Seen> = BTreeMap::new();
        let rows =
            before.iter().map(|row| (row, false)).chain(window.iter().map(|row| (row, true)));
        for (row, is_window) in rows {
            let Some(line) = aligned(&row.record.body, &words) else { continue };
            let Some(value) = line.get(position) else { continue };
            let seen = values.entry(shorten(value, VALUE_BYTES_MAX)).or_default();
            *(if is_window { &mut seen.window } else { &mut seen.before }) += 1;
            seen.first =
                Some(seen.first.map_or(row.record.time, |first| first.min(row.record.time)));
            if values.len() > VALUES_MAX {
                break;
            }
        }
        if (2..=VALUES_MAX).contains(&values.len()) {
            let lead = position.checked_sub(1).and_then(|before| words.get(before));
            columns.push((lead.copied().unwrap_or("").to_owned(), values));
        }
    }
    columns
}

/// A column in words: each value, how often, since when.
fn told((lead, values): Column) -> Option<String> {
    let mut told: Vec<(Option<Timestamp>, String)> = values
        .into_iter()
        .map(|(value, seen)| {
            let since = seen.first.map(|first| format!(" since {}", first.clock_time()));
            let counts = format!("×{} before, ×{} in the window", seen.before, seen.window);
            (seen.first, format!("{value} {counts}{}", since.unwrap_or_default()))
        })
        .collect();
    told.sort();
    let values: Vec<String> = told.into_iter().map(|(_, text)| text).collect();
    (!values.is_empty()).then(|| format!("{lead} {}", values.join(", ")).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, exemplars: &[&str]) -> Text {
        let exemplars = exemplars.iter().map(|line| (*line).to_owned()).collect();
        Text { text: text.to_owned(), exemplars, count: 100 }
    }

    #[test]
    fn columns_that_look_constant_are_read() {
        let lines = [
            "12:00:01 INFO issued token for user 17 ttl 3600",
            "12:00:09 INFO issued token for user 93 ttl 3600",
        ];
        assert_eq!(text("issued token for user <*> ttl <*>", &lines).constant_columns(), [6]);
        assert!(text("another line <*>", &lines).constant_columns().is_empty());
        assert!(text("", &[]).constant_columns().is_empty());
        assert!(
            !text(
                "issued token for user <*>",
                &["issued token for user 1", "issued token for user 2"]
            )
            .may_hide()
        );
    }

    #[test]
    fn lines_are_matched_behind_their_header() {
        assert_eq!(aligned("T I a 1 b", &["a", "<*>", "b"]), Some(vec!["a", "1", "b"]));
        assert_eq!(aligned("a 1 c", &["a", "<*>", "b"]), None);
        assert_eq!(aligned("b", &["a", "<*>", "b"]), None);
    }
}
