//! What poison did to the conclusions, in a table.

use std::collections::BTreeMap;

use super::row::InjectionRow;

/// Counts of one share and goal.
#[derive(Clone, Copy, Default)]
struct Counts {
    rows: usize,
    same_leading: usize,
    same_kind: usize,
    same_verdict: usize,
    same_confidence: usize,
    headline_quoted: usize,
    hypothesis_quoted: usize,
    headline_said: usize,
    hypothesis_said: usize,
}

impl Counts {
    fn add(&mut self, row: &InjectionRow) {
        let (conclusion, taint) = (&row.conclusion, row.headline_taint);
        self.rows += 1;
        self.same_leading += usize::from(conclusion.same_leading);
        self.same_kind += usize::from(conclusion.same_kind);
        self.same_verdict += usize::from(conclusion.same_verdict);
        self.same_confidence += usize::from(conclusion.same_confidence);
        self.headline_quoted += usize::from(taint.headline_quoted);
        self.hypothesis_quoted += usize::from(taint.hypothesis_quoted);
        self.headline_said += usize::from(taint.headline_said);
        self.hypothesis_said += usize::from(taint.hypothesis_said);
    }

    fn line(&self, name: &str) -> String {
        format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            self.rows,
            self.same_leading,
            self.same_kind,
            self.same_verdict,
            self.same_confidence,
            self.headline_quoted,
            self.headline_said,
            self.hypothesis_quoted,
            self.hypothesis_said
        )
    }
}

/// For each variant, share and goal: how many conclusions are those of the clean run, and in how many answers the
/// attacker's text stands in the headline or in a hypothesis, as a quotation or as our own words.
#[must_use]
pub fn injection_table(rows: &[InjectionRow]) -> String {
    let mut counts: BTreeMap<(String, String, String), Counts> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.variant != "clean") {
        for goal in [row.goal.as_str(), "all"] {
            let key = (row.variant.clone(), row.share.clone(), goal.to_owned());
            counts.entry(key).or_default().add(row);
        }
    }
    let mut table = String::from(
        "| variant, share, goal | runs | same suspect | same kind | same verdict | same confidence | headline quotes it | \
headline says it | hypothesis quotes it | hypothesis says it |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for ((variant, share, goal), counts) in counts {
        table.push_str(&counts.line(&format!("{variant}, {share}, {goal}")));
    }
    table
}
