//! Whether a described object is well, and what ails it.

use std::collections::BTreeSet;

use groundcrew_telemetry::Timestamp;

use super::age;
use super::conditions;
use super::describe::Page;
use super::outline::Node;
use super::telling::Trouble;
use super::verdict::{self, Verdict};

/// A container that ended with an error so long ago no longer speaks against its pod.
const LAST_ERROR_SECONDS_RECENT: f64 = 3_600.0;

/// What an object's text says about its state.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Judged {
    /// Its status word.
    pub(super) status: String,
    /// Whether it is well.
    pub(super) healthy: Option<bool>,
    /// What is wrong.
    pub(super) troubles: BTreeSet<Trouble>,
}

/// Judges one described object of `kind` as seen at `now`.
pub(super) fn judge(kind: &str, page: &Page<'_>, now: Timestamp) -> Judged {
    let mut judging = Judging::default();
    judging.status_fields(page);
    let finished = matches!(judging.status.as_str(), "Succeeded" | "Completed");
    for (index, node) in page.nodes() {
        match node.key {
            "State" => judging.state(page, index, node),
            "Last State" => judging.last_state(page, index, node, now),
            "Ready" if node.value.eq_ignore_ascii_case("false") && !finished => {
                judging.not_ready(page, node)
            }
            _ => judging.other_signs(node),
        }
    }
    if let Some((index, _)) = page.top("Conditions").filter(|_| !finished) {
        judging.conditions(page, index);
    }
    judging.replicas(page);
    if matches!(kind, "Service" | "Endpoints") {
        judging.endpoints(page);
    }
    if kind == "ResourceQuota" {
        judging.quota(page);
    }
    Judged {
        status: judging.status,
        healthy: judging.verdict.healthy(),
        troubles: judging.troubles,
    }
}

#[derive(Default)]
struct Judging {
    status: String,
    verdict: Verdict,
    troubles: BTreeSet<Trouble>,
    /// Whether `status` already is a container's own word, which says more than the phase.
    status_is_final: bool,
}

impl Judging {
    fn bad(&mut self, word: &str) {
        self.verdict.add_bad(true);
        self.troubles.extend(Trouble::of_word(word));
        if !self.status_is_final && !word.is_empty() {
            word.clone_into(&mut self.status);
            self.status_is_final = true;
        }
    }

    /// Fields at the margin: `Status: Running`, `Health Status: Degraded`, `Reason: Evicted`.
    fn status_fields(&mut self, page: &Page<'_>) {
        for key in ["Status", "Phase", "Health Status", "Sync Status"] {
            let Some(value) = page.field(key).filter(|value| !value.is_empty()) else { continue };
            let word = value.split_once(" (").map_or(value, |(word, _)| word);
            if self.status.is_empty() {
                word.clone_into(&mut self.status);
            }
            self.verdict.add(verdict::of_status(word, None));
            let lasts = value
                .split_once("(lasts ")
                .and_then(|(_, rest)| age::seconds(rest.trim_end_matches(')')));
            self.verdict.add_bad(lasts.is_some_and(|seconds| seconds > 120));
            self.troubles.extend(Trouble::of_word(word));
        }
        if let Some(reason) = page.field("Reason").filter(|reason| verdict::is_bad_word(reason)) {
            self.bad(reason);
        }
    }

    fn state(&mut self, page: &Page<'_>, index: usize, node: &Node<'_>) {
        let reason = ending_reason(page, index, node);
        if node.value.starts_with("Waiting") {
            let starting = matches!(reason.as_str(), "ContainerCreating" | "PodInitializing");
            self.troubles.extend(Trouble::of_word(&reason));
            if verdict::is_bad_word(&reason) {
                self.bad(&reason);
            } else if starting && !self.status_is_final {
                self.status = reason;
            }
        } else if node.value.starts_with("Terminated") && !ended_well(page, index, node) {
            self.bad(if reason.is_empty() { "Error" } else { &reason });
        }
    }

    fn last_state(&mut self, page: &Page<'_>, index: usize, node: &Node<'_>, now: Timestamp) {
        let reason = ending_reason(page, index, node);
        if node.value.is_empty() || ended_well(page, index, node) {
            return;
        }
        let finished = child(page, index, "Finished").and_then(age::date);
        let recent = finished.is_none_or(|time| now.secs_since(time) <= LAST_ERROR_SECONDS_RECENT);
        if recent || self.verdict.healthy() == Some(false) {
            self.verdict.add_bad(true);
            self.troubles.extend(Trouble::of_word(&reason));
        }
    }

    fn not_ready(&mut self, page: &Page<'_>, node: &Node<'_>) {
        let Some((container, _)) = page.above(node) else { return };
        let running =
            child(page, container, "State").is_some_and(|state| state.starts_with("Running"));
        self.verdict.add_bad(running);
        if running {
            self.troubles.insert(Trouble::NotReady);
        }
    }

    fn other_signs(&mut self, node: &Node<'_>) {
        let missing_backend = node.value.contains("<error: ");
        let unknown_metric = node.value.starts_with("<unknown> /");
        self.verdict.add_bad(missing_backend || unknown_metric);
    }

    fn conditions(&mut self, page: &Page<'_>, index: usize) {
        for (_, row) in page.below(index) {
            let text = format!("{} {}", row.key, row.value);
            let sign = conditions::sign_of_row(text.trim());
            self.verdict.add(sign);
            let first = text.split_whitespace().next().unwrap_or("");
            if sign == Some(false) && first == "PodScheduled" {
                self.troubles.insert(Trouble::Scheduling);
            }
        }
    }

    /// `1 desired | 0 available | 1 unavailable`, `0 Running / 1 Waiting / 0 Failed`.
    fn replicas(&mut self, page: &Page<'_>) {
        if let Some(text) = page.field("Replicas") {
            let unavailable = count_before(text, "unavailable").unwrap_or(0) > 0;
            let desired = count_before(text, "desired").unwrap_or(0);
            let current = count_before(text, "current").or_else(|| count_before(text, "total"));
            self.verdict.add_bad(unavailable || current.is_some_and(|current| current < desired));
            let available = count_before(text, "available").unwrap_or(0);
            self.verdict.add((desired > 0 && available >= desired).then_some(true));
        }
        let Some(text) = page.field("Pods Status").or_else(|| page.field("Pods Statuses")) else {
            return;
        };
        let count = |word| count_before(text, word).unwrap_or(0);
        let done = count("Succeeded") > 0;
        self.verdict.add_bad(count("Waiting") > 0 || (count("Failed") > 0 && !done));
        self.verdict.add((done || count("Running") > 0).then_some(true));
    }

    fn endpoints(&mut self, page: &Page<'_>) {
        let selects = page.field("Selector").is_none_or(|selector| selector != "<none>");
        for (_, node) in page.all("Endpoints").filter(|_| selects) {
            let none = node.value.is_empty() || node.value == "<none>";
            self.verdict.add(Some(!none));
            if none && self.status.is_empty() {
                "no endpoints".clone_into(&mut self.status);
            }
        }
    }

    /// Rows `pods  10  10` below `Resource Used Hard`.
    fn quota(&mut self, page: &Page<'_>) {
        for (_, node) in page.nodes().filter(|(_, node)| node.key.is_empty()) {
            let words: Vec<&str> = node.value.split_whitespace().collect();
            let [resource, used, hard] = words.as_slice() else { continue };
            let (Some(used), Some(hard)) = (quantity(used), quantity(hard)) else { continue };
            self.verdict.add(Some(used < hard));
            if used >= hard && self.status.is_empty() {
                self.status = format!("{resource} used up");
            }
        }
    }
}

fn child<'a>(page: &Page<'a>, parent: usize, key: &str) -> Option<&'a str> {
    page.below(parent).find(|(_, node)| node.key == key).map(|(_, node)| node.value)
}

/// The reason below a state, or within it: `Waiting (CrashLoopBackOff)`, `Terminated (Reason: Error, Exit Code: 2)`.
fn ending_reason(page: &Page<'_>, index: usize, node: &Node<'_>) -> String {
    if let Some(reason) = child(page, index, "Reason") {
        return reason.to_owned();
    }
    let inside = node.value.split_once('(').map_or("", |(_, rest)| rest);
    let words = inside.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty() && *word != "Reason")
        .find(|word| verdict::is_bad_word(word))
        .unwrap_or("")
        .to_owned()
}

fn ended_well(page: &Page<'_>, index: usize, node: &Node<'_>) -> bool {
    let code = child(page, index, "Exit Code");
    code == Some("0")
        || node.value.contains("Exit Code: 0")
        || child(page, index, "Reason") == Some("Completed")
}

/// The number right before `word`: 2 in `2 desired | 1 updated` for `desired`.
fn count_before(text: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).find_map(|pair| match pair {
        [number, found] if *found == word => number.parse().ok(),
        _ => None,
    })
}

/// `500m`, `2Gi`, `10` as a number.
pub(super) fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: &[(&str, f64)] = &[
        ("Ki", 1_024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("m", 0.001),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    let (digits, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|digits| (digits, *factor)))
        .unwrap_or((text, 1.0));
    let looks_right = digits.starts_with(|c: char| c.is_ascii_digit());
    digits.parse::<f64>().ok().filter(|_| looks_right).map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_quantities() {
        let text = "1 desired | 1 updated | 1 total | 0 available | 1 unavailable";
        assert_eq!(count_before(text, "unavailable"), Some(1));
        assert_eq!(count_before("0 Active (0 Ready) / 0 Succeeded / 1 Failed", "Failed"), Some(1));
        assert_eq!(quantity("500m"), Some(0.5));
        assert_eq!(quantity("2Gi"), Some(2_147_483_648.0));
        assert_eq!(quantity("inf"), None);
        assert_eq!(quantity("<none>"), None);
    }
}
