//! Chooses evidence for a token budget, by exact count: the prompt cannot overflow.
//!
//! Greedy by value: what must be in goes first, then the best of the rest. The value of a candidate falls with every
//! item of the same kind and service that is already in (after the submodular selection of Lin and Bilmes, 2011), so
//! that the tenth line of one service makes room for the first of another.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use groundcrew_llm::{count_tokens, truncate_to_tokens};
use groundcrew_telemetry::TimeRange;

use super::super::evidence::{Candidate, Evidence, PREVIEW_BYTES_MAX, clip, shorten};

/// No item may take more than this share of the budget.
const SHARE_MAX: usize = 5;
/// How fast the value of further items of the same kind and service falls.
const REPETITION: f64 = 0.06;
/// Candidates tried after the first one that no longer fits.
const MISSES_MAX: usize = 60;

/// Longest title of an item, in bytes.
const TITLE_BYTES_MAX: usize = 200;
/// Telemetry has at least this many bytes a token where it is densest, ids and numbers ...
const TOKEN_BYTES_MIN: usize = 2;
/// ... and no more than this on the average of a line.
const TOKEN_BYTES_MAX: usize = 8;

/// Evidence chosen for one answer, with ids.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Bundle {
    /// The items in order of id.
    pub items: Vec<Evidence>,
    /// Tokens of all rendered items together.
    pub tokens: usize,
    /// Candidates that are not in.
    pub left_out: usize,
    ids: BTreeMap<String, String>,
}

impl Bundle {
    /// Adds an item that was looked up later; the id of the one that is in already when it is.
    pub fn extend(&mut self, answer_id: &str, candidate: Candidate) -> String {
        if let Some(known) = self.ids.get(&candidate.key) {
            return known.clone();
        }
        let key = candidate.key.clone();
        let item = candidate.into_evidence(answer_id, self.items.len() + 1);
        let id = item.id.clone();
        self.tokens += count_tokens(&render(&item));
        self.ids.insert(key, id.clone());
        self.items.push(item);
        id
    }

    /// The id of the item with this key.
    #[must_use]
    pub fn id_of(&self, key: &str) -> Option<&str> {
        self.ids.get(key).map(String::as_str)
    }
}

/// An item as it stands in a prompt, and as its tokens are counted.
#[must_use]
pub fn render(item: &Evidence) -> String {
    format!("[{}] {}: {}\n{}\n", item.id, item.kind.label(), item.title, item.preview)
}

/// Packs `first` in order, then the best of `rest`, into `tokens_max`.
#[must_use]
pub fn pack(
    answer_id: &str,
    first: Vec<Candidate>,
    rest: Vec<Candidate>,
    tokens_max: usize,
) -> Bundle {
    let total = first.len() + rest.len();
    let mut packing =
        Packing { answer_id, tokens_max, bundle: Bundle::default(), seen: BTreeSet::new() };
    let drawings: BTreeMap<String, (Option<Vec<f64>>, Option<TimeRange>)> = rest
        .iter()
        .filter(|candidate| candidate.series.is_some())
        .map(|candidate| (candidate.key.clone(), (candidate.series.clone(), candidate.drawn)))
        .collect();
    for mut candidate in first {
        // What tells of the same thing goes in once; what only one of the two can draw is not lost.
        if candidate.series.is_none()
            && let Some((series, drawn)) = drawings.get(&candidate.key)
        {
            (candidate.series, candidate.drawn) = (series.clone(), *drawn);
        }
        packing.add(candidate);
    }
    let mut taken: BTreeMap<(&'static str, String), u32> = BTreeMap::new();
    let mut heap: BinaryHeap<Ranked> =
        rest.into_iter().map(|candidate| Ranked { value: candidate.score, candidate }).collect();
    let mut misses = 0;
    while let Some(mut ranked) = heap.pop() {
        let group =
            (ranked.candidate.kind.signal(), ranked.candidate.service.clone().unwrap_or_default());
        let repeats = taken.get(&group).copied().unwrap_or(0);
        let value = ranked.candidate.score / (1.0 + REPETITION * f64::from(repeats));
        if heap.peek().is_some_and(|next| next.value > value) {
            ranked.value = value;
            heap.push(ranked);
            continue;
        }
        match packing.add(ranked.candidate) {
            Added::Yes => *taken.entry(group).or_default() += 1,
            Added::AlreadyIn => {}
            Added::NoRoom => misses += 1,
        }
        if misses > MISSES_MAX {
            break;
        }
    }
    let mut bundle = packing.bundle;
    bundle.left_out = total.saturating_sub(bundle.items.len());
    bundle
}

struct Packing<'a> {
    answer_id: &'a str,
    tokens_max: usize,
    bundle: Bundle,
    seen: BTreeSet<String>,
}

enum Added {
    Yes,
    AlreadyIn,
    NoRoom,
}

impl Packing<'_> {
    fn add(&mut self, mut candidate: Candidate) -> Added {
        if self.seen.contains(&candidate.key) {
            return Added::AlreadyIn;
        }
        let room = self.tokens_max.saturating_sub(self.bundle.tokens);
        let item_max = self.tokens_max / SHARE_MAX;
        candidate.title = shorten(&candidate.title, TITLE_BYTES_MAX);
        candidate.text = clip(&candidate.text, PREVIEW_BYTES_MAX).to_owned();
        // Counting is what packing costs, so what cannot fit by far is not counted.
        if candidate.text.len().min(item_max * TOKEN_BYTES_MIN) > room * TOKEN_BYTES_MAX {
            return Added::NoRoom;
        }
        // No text has more tokens than bytes.
        if candidate.text.len() > item_max {
            candidate.text = truncate_to_tokens(&candidate.text, item_max).to_owned();
        }
        let key = candidate.key.clone();
        let item = candidate.into_evidence(self.answer_id, self.bundle.items.len() + 1);
        let tokens = count_tokens(&render(&item));
        if tokens > room {
            return Added::NoRoom;
        }
        self.bundle.tokens += tokens;
        self.bundle.ids.insert(key.clone(), item.id.clone());
        self.seen.insert(key);
        self.bundle.items.push(item);
        Added::Yes
    }
}

struct Ranked {
    value: f64,
    candidate: Candidate,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value
            .total_cmp(&other.value)
            .then_with(|| other.candidate.key.cmp(&self.candidate.key))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::Timestamp;

    use super::super::super::evidence::{EvidenceKind, Own};
    use super::*;

    fn candidate(key: &str, service: &str, score: f64, text: &str) -> Candidate {
        Candidate {
            kind: EvidenceKind::LogTemplate,
            title: key.to_owned(),
            service: Some(service.to_owned()),
            range: None,
            query: None,
            text: text.to_owned(),
            score,
            own: Own::Nothing,
            measure: None,
            series: None,
            drawn: None,
            key: key.to_owned(),
        }
    }

    #[test]
    fn the_budget_holds_at_every_size() {
        let rest: Vec<Candidate> = (0..200)
            .map(|n| candidate(&format!("k{n}"), "a", 0.5, &"pool timed out ".repeat(n)))
            .collect();
        for budget in [0, 10, 100, 1_000, 8_000] {
            let bundle =
                pack("ans_1", vec![candidate("must", "a", 0.0, "x")], rest.clone(), budget);
            let counted: usize = bundle.items.iter().map(|item| count_tokens(&render(item))).sum();
            assert_eq!(bundle.tokens, counted);
            assert!(counted <= budget);
            assert_eq!(bundle.items.len() + bundle.left_out, 201);
        }
    }

    #[test]
    fn what_must_be_in_comes_first_and_once() {
        let first = vec![candidate("a", "s", 0.1, "one"), candidate("a", "s", 0.1, "one")];
        let bundle = pack(
            "ans_1",
            first,
            vec![candidate("a", "s", 0.9, "one"), candidate("b", "s", 0.2, "two")],
            500,
        );
        assert_eq!(bundle.id_of("a"), Some("E1"));
        assert_eq!(bundle.id_of("b"), Some("E2"));
        assert_eq!(bundle.items.len(), 2);
    }

    #[test]
    fn what_must_be_in_keeps_what_only_its_double_can_draw() {
        let range = TimeRange::new(Timestamp::from_secs(60), Timestamp::from_secs(240));
        let mut double = candidate("a", "s", 0.9, "counted");
        (double.series, double.drawn) = (Some(vec![0.0, 4.0, 9.0]), Some(range));
        let bundle = pack("ans_1", vec![candidate("a", "s", 0.1, "told")], vec![double], 500);
        let item = bundle.items.first().unwrap();
        assert_eq!((bundle.items.len(), item.preview.as_str()), (1, "told"));
        assert_eq!(item.series, Some(vec![0.0, 4.0, 9.0]));
        assert_eq!((item.series_from, item.series_to), (Some(range.start), Some(range.end)));
    }

    #[test]
    fn another_service_gets_its_turn() {
        let mut rest: Vec<Candidate> =
            (0..40).map(|n| candidate(&format!("a{n}"), "a", 0.50, "line")).collect();
        rest.push(candidate("b", "b", 0.40, "line"));
        let bundle = pack("ans_1", Vec::new(), rest, 400);
        let position = bundle.items.iter().position(|item| item.title == "b").unwrap();
        assert!(position < 10, "{position}");
    }
}
