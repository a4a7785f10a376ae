//! Values that changed in lines that are otherwise the same: a lifetime that went from 3600 to 60, one tenant among many.
//!
//! A template says what a line says, its count how often, three lines what it looks like. What those three have in common
//! may still differ in the ten thousand others, so columns that look constant are read.

use std::collections::BTreeMap;

use groundcrew_store::{Line, LinesQuery, Store};
use groundcrew_telemetry::{TemplateId, TimeRange, Timestamp};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, shorten};
use super::super::question::Plan;
use crate::text::Tainted;

/// Templates that are looked into: those that matter most here.
const TEMPLATES_MAX: usize = 6;
/// Lines of one, in the window and before it.
const LINES_MAX: usize = 2_000;
/// Blocks that are read for them: half a million lines of all kinds. What changed is in nearly every line that came after.
const BLOCKS_MAX: usize = 128;
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
    let mut looked_into: Vec<(&mut Candidate, (String, TemplateId), &Text)> = candidates
        .iter_mut()
        .filter_map(|candidate| {
            let key = key_of(candidate)?;
            let text = texts.get(&key).filter(|text| text.may_hide())?;
            Some((candidate, key, text))
        })
        .take(TEMPLATES_MAX)
        .collect();
    let of: Vec<(String, TemplateId)> = looked_into.iter().map(|(_, key, _)| key.clone()).collect();
    let read = |range: TimeRange, newest_first: bool| {
        let (limit, blocks_max) = (LINES_MAX, BLOCKS_MAX);
        let query = LinesQuery { range, of: of.clone(), newest_first, limit, blocks_max };
        // What changed only sharpens what counts say already.
        store.lines_of(&query).unwrap_or_default().into_iter()
    };
    let mut before = read(TimeRange::new(plan.whole().start, plan.window.start), true);
    let mut window = read(plan.window, false);
    for (candidate, _, text) in &mut looked_into {
        let (before, window) = (before.next(), window.next());
        let lines = [before.unwrap_or_default(), window.unwrap_or_default()];
        let told: Vec<String> = columns(text, &lines).into_iter().filter_map(told).collect();
        if !told.is_empty() {
            let line = Tainted::new(format!("values that differ: {}", told.join("; ")));
            **candidate = candidate.clone().recording(&line);
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

/// The columns of which lines before the window and in it have several values.
fn columns(text: &Text, [before, window]: &[Vec<Line>; 2]) -> Vec<Column> {
    let words: Vec<&str> = text.text.split_whitespace().collect();
    let mut columns: Vec<Column> = Vec::new();
    for position in text.constant_columns() {
        let mut values: BTreeMap<String, Seen> = BTreeMap::new();
        let lines =
            before.iter().map(|line| (line, false)).chain(window.iter().map(|line| (line, true)));
        for (line, is_window) in lines {
            let Some(own) = aligned(&line.body, &words) else { continue };
            let Some(value) = own.get(position) else { continue };
            let seen = values.entry(shorten(value, VALUE_BYTES_MAX)).or_default();
            *(if is_window { &mut seen.window } else { &mut seen.before }) += 1;
            seen.first = Some(seen.first.map_or(line.time, |first| first.min(line.time)));
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
