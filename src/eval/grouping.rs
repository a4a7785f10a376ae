//! How well groups of lines agree with labelled groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Agreement of groups with labels. A group counts only when it holds the very lines of one labelled group.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Agreement {
    /// Groups that were found.
    pub groups: usize,
    /// Share of lines whose group is right: grouping accuracy.
    pub accuracy: f64,
    /// Harmonic mean of the shares of found and of labelled groups that are right.
    pub f1: f64,
}

/// Compares `found` with `labels`, one of each per line; where one is shorter the rest of the other is left out.
pub(super) fn agreement<F: Ord, L: Ord>(found: &[F], labels: &[L]) -> Agreement {
    let found = members(found.iter().zip(labels).map(|(group, _)| group));
    let labelled = members(labels.iter().take(found.values().map(Vec::len).sum()));
    let right: BTreeSet<&Vec<usize>> = labelled.values().collect();
    let exact: Vec<&Vec<usize>> = found.values().filter(|lines| right.contains(lines)).collect();
    let exact_lines: usize = exact.iter().map(|lines| lines.len()).sum();
    let lines: usize = found.values().map(Vec::len).sum();
    Agreement {
        groups: found.len(),
        accuracy: share(exact_lines, lines),
        // Harmonic mean of exact/found and exact/labelled.
        f1: share(2 * exact.len(), found.len() + labelled.len()),
    }
}

/// The positions at which each value stands.
fn members<T: Ord>(values: impl Iterator<Item = T>) -> BTreeMap<T, Vec<usize>> {
    let mut members: BTreeMap<T, Vec<usize>> = BTreeMap::new();
    for (position, value) in values.enumerate() {
        members.entry(value).or_default().push(position);
    }
    members
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_only_when_it_is_whole_and_alone() {
        let labels = ["a", "a", "a", "b", "c"];
        let perfect = agreement(&[7, 7, 7, 1, 2], &labels);
        assert_eq!((perfect.groups, perfect.accuracy, perfect.f1), (3, 1.0, 1.0));
        let split = agreement(&[7, 7, 8, 1, 2], &labels);
        assert_eq!((split.groups, split.accuracy), (4, 0.4));
        assert!((split.f1 - 4.0 / 7.0).abs() < 1e-12);
        let merged = agreement(&[7, 7, 7, 1, 1], &labels);
        assert_eq!((merged.groups, merged.accuracy, merged.f1), (2, 0.6, 0.4));
    }

    #[test]
    fn nothing_agrees_with_nothing() {
        let none = agreement::<u8, u8>(&[], &[]);
        assert_eq!((none.groups, none.accuracy, none.f1), (0, 0.0, 0.0));
    }
}
