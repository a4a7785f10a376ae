//! The one look that would tell the live suspects apart. It is run at once: whoever is asked to check something gets to
//! see it.

use super::look::{Look, LookFor};
use super::material::{Diagnosis, SCORE_NAMED_MIN};
use crate::text::Tainted;

/// Suspects below this are not live.
const SCORE_LIVE_MIN: f64 = 0.10;
/// A second suspect with this share of the first one's score is as likely.
const CLOSE: f64 = 0.67;

/// Queries of which the first that finds something is shown, and what to look at it for; none when one suspect stands out.
#[must_use]
pub fn looks(diagnosis: &Diagnosis) -> Vec<(Look, String)> {
    let live: Vec<_> = diagnosis
        .analysis
        .suspects
        .iter()
        .filter(|suspect| suspect.score >= SCORE_LIVE_MIN && !suspect.reasons.is_empty())
        .take(2)
        .collect();
    let Some(first) = live.first() else { return Vec::new() };
    let second = live.get(1);
    let is_open = first.score < SCORE_NAMED_MIN
        || second.is_some_and(|second| second.score >= CLOSE * first.score);
    // Below the bar nobody is named, and every look helps.
    if !is_open {
        return Vec::new();
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
    looks.into_iter().map(|(look, what)| (look, format!("{told}: {what}"))).collect()
}
