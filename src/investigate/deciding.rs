//! The one look that would tell the live suspects apart, run at once: whoever is asked to check something gets to see it.

use super::evidence::clip;
use super::look::{Look, LookFor};
use super::material::{Deciding, Diagnosis};
use super::retrieve::{Stores, look};
use crate::text::Tainted;

/// Suspects below this are not live.
const SCORE_LIVE_MIN: f64 = 0.10;
/// From this score on a suspect is named; below it every look helps.
const SCORE_NAMED_MIN: f64 = 0.30;
/// What is looked up unasked must not push out what is asked for.
const ITEM_BYTES_MAX: usize = 1_200;
/// A second suspect with this share of the first one's score is as likely.
const CLOSE: f64 = 0.67;

/// Looks it up; `None` when one suspect stands out, or when there is nothing to see.
#[must_use]
pub fn decide(stores: Stores<'_>, diagnosis: &Diagnosis) -> Option<Deciding> {
    let live: Vec<_> = diagnosis
        .analysis
        .suspects
        .iter()
        .filter(|suspect| suspect.score >= SCORE_LIVE_MIN && !suspect.reasons.is_empty())
        .take(2)
        .collect();
    let first = live.first()?;
    let second = live.get(1);
    let is_open = first.score < SCORE_NAMED_MIN
        || second.is_some_and(|second| second.score >= CLOSE * first.score);
    if !is_open {
        return None;
    }
    let (name, other) = (first.subject.service(), second.map(|second| second.subject.service()));
    let other = other.filter(|other| *other != name);
    let service = || Some(Tainted::new(name.to_owned()));
    let trace = |words: &str| Look {
        service: service(),
        words: Some(Tainted::new(words.to_owned())),
        ..Look::new(LookFor::GetTrace)
    };
    let told = match other {
        Some(other) => format!("to tell {name} from {other}"),
        None => format!("to see what {name} does"),
    };
    let looks = [
        (trace("failed"), "follow a request that failed"),
        (trace("slow"), "follow the slowest request"),
        (Look { service: service(), ..Look::new(LookFor::SearchLogs) }, "read its newest lines"),
    ];
    looks.into_iter().find_map(|(query, what)| {
        let mut item = look(stores, &query).ok()?.into_iter().next()?;
        item.text = clip(&item.text, ITEM_BYTES_MAX).to_owned();
        Some(Deciding { label: format!("{told}: {what}"), item })
    })
}
