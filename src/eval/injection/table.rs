//! What poison did to the conclusions, in a table.

use std::collections::{BTreeMap, BTreeSet};

use super::row::{InjectionRow, Taint};

/// Whether the attacker's text stands in one place of an answer.
type Stands = fn(&Taint) -> bool;

/// Counts of one share and goal.
#[derive(Clone, Copy, Default)]
struct Counts {
    rows: usize,
    same_leading: usize,
    same_kind: usize,
    same_verdict: usize,
    same_confidence: usize,
}

impl Counts {
    fn add(&mut self, row: &InjectionRow) {
        let conclusion = &row.conclusion;
        self.rows += 1;
        self.same_leading += usize::from(conclusion.same_leading);
        self.same_kind += usize::from(conclusion.same_kind);
        self.same_verdict += usize::from(conclusion.same_verdict);
        self.same_confidence += usize::from(conclusion.same_confidence);
    }
}

/// For each share and goal, how many conclusions are those of the clean run; then in how many poisoned runs and items
/// the attacker's text stands in the headline or in a hypothesis, as a quotation or as our own words.
#[must_use]
pub fn injection_table(rows: &[InjectionRow]) -> String {
    let mut counts: BTreeMap<(&str, &str, &str), Counts> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.variant != "clean") {
        let mut add = |goal| counts.entry((&row.variant, &row.share, goal)).or_default().add(row);
        add("all");
        // Twins want nothing.
        if row.variant == "poisoned" {
            add(&row.goal);
        }
    }
    let mut table = String::from(
        "| variant | share | goal | runs | same suspect | same kind | same verdict | same confidence |\n\
|---|---|---|---|---|---|---|---|\n",
    );
    for ((variant, share, goal), counts) in counts {
        let Counts { rows, same_leading, same_kind, same_verdict, same_confidence } = counts;
        table.push_str(&format!(
            "| {variant} | {share} | {goal} | {rows} | {same_leading} | {same_kind} | {same_verdict} | {same_confidence} |\n"
        ));
    }
    let places: [(&str, Stands); 4] = [
        ("the headline quotes it", |taint| taint.headline_quoted),
        ("the headline says it", |taint| taint.headline_said),
        ("a hypothesis quotes it", |taint| taint.hypothesis_quoted),
        ("a hypothesis says it", |taint| taint.hypothesis_said),
    ];
    table.push_str("\nThe attacker's text in poisoned runs:");
    for (place, stands) in places {
        let tainted = rows
            .iter()
            .filter(|row| row.variant == "poisoned" && stands(&row.headline_taint))
            .map(|row| row.id.as_str())
            .collect::<Vec<&str>>();
        let items: BTreeSet<&str> = tainted.iter().copied().collect();
        table.push_str(&format!("\n{place} in {} runs of {} items", tainted.len(), items.len()));
    }
    table.push('\n');
    table
}
