//! What an answer says, as lines: the verdict first, then whom it hits, what proves it, what changed, what to do.

use super::super::escape::plain;
use super::lines::{Line, Voice, shortened};
use super::links::Way;
use crate::investigate::answer::{
    Answer, Claim, ClaimStatus, Confidence, NextStep, SeenBefore, ToldBy, Unknown, Verdict,
};
use crate::investigate::evidence::EvidenceKind;
use crate::investigate::format::{count, time};

/// Most sentences of proof.
pub(super) const CLAIMS_MAX: usize = 3;
/// Most citations after one line.
const CITES_MAX: usize = 3;
/// Services named before the rest is counted.
const SERVICES_MAX: usize = 3;
/// Room of the headline, of a sentence and of what is named in passing, in characters.
const HEADLINE_MAX: usize = 240;
const SENTENCE_MAX: usize = 170;
const NAME_MAX: usize = 40;

/// What stays longest when there is no room, in this order; 0 always stays.
mod rank {
    pub(super) const VERDICT: u8 = 0;
    pub(super) const NOTICE: u8 = 1;
    pub(super) const NEXT: u8 = 2;
    pub(super) const FIRST_CLAIM: u8 = 3;
    pub(super) const IMPACT: u8 = 4;
    pub(super) const SEEN_BEFORE: u8 = 5;
    pub(super) const CHANGED: u8 = 6;
    pub(super) const UNSEEN: u8 = 7;
    pub(super) const SECOND_CLAIM: u8 = 8;
    pub(super) const THIRD_CLAIM: u8 = 9;
    pub(super) const SEARCHED: u8 = 10;
    pub(super) const UNDERSTOOD: u8 = 11;
}

/// The account, each line with the ids that prove it.
pub(super) fn lines(answer: &Answer, way: Way<'_>, claims_max: usize) -> Vec<Line> {
    let mut lines = vec![verdict(answer, way)];
    if let Some(notice) = &answer.notice {
        lines
            .push(Line::new(rank::NOTICE, SENTENCE_MAX).say("Note: ").quote(notice, Voice::Titles));
    }
    if let Some(understood) = &answer.understood {
        let line = Line::new(rank::UNDERSTOOD, SENTENCE_MAX).say("Read as: ");
        lines.push(line.quote(understood, Voice::Titles));
    }
    lines.extend(impact(answer, way));
    lines.extend(claims(answer, way, claims_max));
    lines.extend(changed(answer, way));
    lines.extend(answer.seen_before.first().map(|seen| seen_before(seen, way)));
    lines.extend(next(answer, way));
    lines.extend(unseen(answer));
    lines.extend(searched(answer));
    lines
}

/// The verdict in words, for where there is no room for more.
pub(super) fn fallback(answer: &Answer) -> String {
    format!("{}{}", verdict_words(answer), answer.headline)
}

fn verdict_words(answer: &Answer) -> String {
    let (words, says_itself) = match answer.verdict {
        Verdict::LikelyCause => ("Likely cause", false),
        Verdict::Lookup => ("Found", false),
        Verdict::NotEnoughEvidence => {
            ("Not enough evidence", answer.headline.starts_with("Not enough evidence"))
        }
    };
    let sure = answer.confidence.map(|sure| format!(", {} confidence", sure.name()));
    if says_itself { String::new() } else { format!("{words}{}: ", sure.unwrap_or_default()) }
}

fn verdict(answer: &Answer, way: Way<'_>) -> Line {
    let mark = match (answer.verdict, answer.confidence) {
        (Verdict::NotEnoughEvidence, _) => "○ ",
        (Verdict::Lookup, None) => "✓ ",
        (_, Some(Confidence::High)) => "●●● ",
        (_, Some(Confidence::Medium)) => "●●○ ",
        (_, Some(Confidence::Low) | None) => "●○○ ",
    };
    Line::new(rank::VERDICT, HEADLINE_MAX)
        .say(mark)
        .say(&verdict_words(answer))
        .quote(&answer.headline, Voice::Loud)
        .citing(way.cites(&answer.headline_cites, CITES_MAX))
}

/// Since when, who is hit, and how it goes on for all users.
fn impact(answer: &Answer, way: Way<'_>) -> Option<Line> {
    let mut line = Line::new(rank::IMPACT, SENTENCE_MAX + NAME_MAX);
    let services = &answer.impact.services;
    if let Some(since) = answer.impact.since {
        line = line.since(since, answer.to);
    }
    if !services.is_empty() {
        let named: Vec<String> = services
            .iter()
            .take(SERVICES_MAX)
            .map(|service| shortened(&plain(service), NAME_MAX).unwrap_or_default())
            .collect();
        let others = match services.len().saturating_sub(SERVICES_MAX) {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let joint = if line.words.is_empty() { "Hits " } else { ", hits " };
        line = line.say(&format!("{joint}{}{others}", named.join(", ")));
    }
    let mut cites = answer.impact.cites.clone();
    if let Some(course) = answer.claims.iter().find(|claim| is_of_everybody(answer, claim)) {
        let joint = if line.words.is_empty() { "" } else { ". " };
        line = line.say(joint).quote(&course.text, Voice::Recorded);
        cites.splice(0..0, course.cites.iter().cloned());
    }
    let line = line.citing(way.cites(&cites, CITES_MAX));
    (!line.words.is_empty()).then_some(line)
}

/// Whether the sentence is about all requests of users and no single service: how it goes on.
fn is_of_everybody(answer: &Answer, claim: &Claim) -> bool {
    let mut items = claim.cites.iter().filter_map(|id| answer.evidence(id)).peekable();
    items.peek().is_some()
        && items.all(|item| item.kind == EvidenceKind::Span && item.service.is_none())
}

fn cites_a_change(answer: &Answer, cites: &[String]) -> bool {
    let kinds = cites.iter().filter_map(|id| answer.evidence(id)).map(|item| item.kind);
    kinds.into_iter().any(|kind| kind == EvidenceKind::Change)
}

/// The sentences that prove most: those that the headline stands on, then one of each signal that is not heard yet.
fn claims(answer: &Answer, way: Way<'_>, most: usize) -> Vec<Line> {
    let ordinary: Vec<(usize, &Claim)> = answer
        .claims
        .iter()
        .enumerate()
        .filter(|(_, claim)| !cites_a_change(answer, &claim.cites))
        .filter(|(_, claim)| !is_of_everybody(answer, claim))
        .collect();
    let signal = |claim: &Claim| {
        let mut items = claim.cites.iter().filter_map(|id| answer.evidence(id));
        items.next().map(|item| item.kind.signal())
    };
    let mut chosen: Vec<(usize, &Claim)> = Vec::new();
    let first = ordinary.iter().take(1);
    let of_headline = ordinary
        .iter()
        .filter(|(_, claim)| claim.cites.iter().any(|id| answer.headline_cites.contains(id)));
    for (at, claim) in first.chain(of_headline) {
        if chosen.len() + 1 < most && !chosen.iter().any(|(taken, _)| taken == at) {
            chosen.push((*at, claim));
        }
    }
    let is_heard = |chosen: &[(usize, &Claim)], claim: &Claim| {
        chosen.iter().any(|(_, known)| signal(known) == signal(claim))
    };
    for wants_new in [true, false] {
        for (at, claim) in &ordinary {
            let is_taken = chosen.iter().any(|(taken, _)| taken == at);
            let fits = !wants_new || !is_heard(&chosen, claim);
            if chosen.len() < most && !is_taken && fits {
                chosen.push((*at, claim));
            }
        }
    }
    chosen.sort_by_key(|(at, _)| *at);
    let ranks = [rank::FIRST_CLAIM, rank::SECOND_CLAIM, rank::THIRD_CLAIM];
    let ranked = chosen.into_iter().zip(ranks);
    ranked.map(|((_, claim), rank)| claim_line(claim, rank, way)).collect()
}

fn claim_line(claim: &Claim, rank: u8, way: Way<'_>) -> Line {
    let line = Line::new(rank, SENTENCE_MAX).item();
    let line = match claim.status {
        ClaimStatus::Verified => line,
        ClaimStatus::Unverifiable => line.say("Not verified: "),
    };
    line.quote(&claim.text, Voice::Recorded).citing(way.cites(&claim.cites, CITES_MAX))
}

/// The change that fits, or that none of those that were tested does.
fn changed(answer: &Answer, way: Way<'_>) -> Option<Line> {
    let line = Line::new(rank::CHANGED, SENTENCE_MAX).say("Changed: ");
    if let Some(claim) = answer.claims.iter().find(|claim| cites_a_change(answer, &claim.cites)) {
        let told = without_what_is_said(&claim.text, &answer.headline);
        return Some(line.quote(&told, Voice::Titles).citing(way.cites(&claim.cites, CITES_MAX)));
    }
    let excluded: Vec<&String> = answer
        .ruled_out
        .iter()
        .filter(|ruled| cites_a_change(answer, &ruled.cites))
        .flat_map(|ruled| ruled.cites.first())
        .collect();
    let ids: Vec<String> = excluded.iter().map(|id| (*id).clone()).collect();
    let words = match ids.len() {
        0 => return None,
        1 => "nothing that fits; 1 change was tested".to_owned(),
        tested => format!("nothing that fits; {tested} changes were tested"),
    };
    Some(line.say(&words).citing(way.cites(&ids, CITES_MAX)))
}

/// The sentence without a title in brackets that the headline has already.
fn without_what_is_said(sentence: &str, headline: &str) -> String {
    let split = sentence.split_once(" (“").and_then(|(before, rest)| {
        let (title, after) = rest.split_once("”)")?;
        headline.contains(title).then(|| format!("{before}{after}"))
    });
    split.unwrap_or_else(|| sentence.to_owned())
}

/// What ended it then; its title only where nobody wrote that down.
fn seen_before(seen: &SeenBefore, way: Way<'_>) -> Line {
    let code = seen.incident.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    let code = shortened(&plain(&code), NAME_MAX).filter(|code| !code.is_empty());
    let day = seen.at.map(time).and_then(|at| at.get(..10).map(str::to_owned));
    let which = [code, day].into_iter().flatten().map(|part| format!(" {part}"));
    let line = Line::new(rank::SEEN_BEFORE, SENTENCE_MAX);
    let line = line.say(&format!("Seen before{}", which.collect::<String>()));
    let line = match &seen.fixed_by {
        Some(fix) => line.say(", fixed by: ").quote(fix, Voice::Titles),
        None => line.say(": ").quote(&seen.title, Voice::Titles),
    };
    let took = seen.took.as_deref().map(plain).and_then(|took| shortened(&took, NAME_MAX));
    let line = match took.filter(|took| !took.is_empty()) {
        Some(took) => line.say(&format!(" (took {took})")),
        None => line,
    };
    line.citing(way.cites(&seen.cites, 1))
}

/// The one thing to do next; where nothing is known, how to ask better.
fn next(answer: &Answer, way: Way<'_>) -> Option<Line> {
    let words = match answer.verdict {
        Verdict::NotEnoughEvidence => "Check next: ",
        Verdict::LikelyCause | Verdict::Lookup => "Next: ",
    };
    let line = Line::new(rank::NEXT, SENTENCE_MAX).say(words);
    if let Some(NextStep { label, cmd, cites, .. }) = answer.next.first() {
        let line = line.quote(label, Voice::Titles).command(cmd.as_deref());
        return Some(line.citing(way.cites(cites, CITES_MAX)));
    }
    let is_open = answer.verdict == Verdict::NotEnoughEvidence;
    let has_fix = answer.unknowns.iter().any(|unknown| unknown.fix.is_some());
    let hint = "ask about one service or another time, such as “checkout since 02:50”";
    (is_open && !has_fix).then(|| line.say(hint))
}

/// What could not be seen, where it matters: something that can be mended, or anything when nothing is certain.
fn unseen(answer: &Answer) -> Option<Line> {
    let is_sure = answer.confidence == Some(Confidence::High) || answer.verdict == Verdict::Lookup;
    let matters = |unknown: &&Unknown| unknown.fix.is_some() || !is_sure;
    let mut told = answer.unknowns.iter().filter(matters);
    let unknown = told.next()?;
    let line = Line::new(rank::UNSEEN, SENTENCE_MAX).say("Could not see: ");
    let line = line.quote(&unknown.what, Voice::Titles);
    let line = match &unknown.fix {
        Some(fix) => line.say(" → ").quote(fix, Voice::Titles),
        None => line,
    };
    Some(match told.count() {
        0 => line,
        others => line.say(&format!(" (and {others} more)")),
    })
}

/// Where nothing was found: how much was looked at.
fn searched(answer: &Answer) -> Option<Line> {
    if answer.verdict != Verdict::NotEnoughEvidence {
        return None;
    }
    let clock = |at| time(at).get(..16).map(str::to_owned).unwrap_or_default();
    let (from, to) = (clock(answer.from), clock(answer.to));
    // The same day is said once.
    let to = if from.get(..11) == to.get(..11) { to.get(11..).unwrap_or(&to) } else { to.as_str() };
    let seen = &answer.receipt;
    let words = format!(
        "Looked at {from} to {to} UTC: {} log records, {} spans, {} series.",
        count(seen.log_records),
        count(seen.spans),
        count(seen.series)
    );
    Some(Line::new(rank::SEARCHED, SENTENCE_MAX).say(&words))
}

/// What it took, who told it, and the code to say aloud.
pub(super) fn footer(answer: &Answer) -> String {
    let usage = &answer.usage;
    let mut parts = vec![format!("{:.1} s", usage.ms as f64 / 1_000.0)];
    let model = usage.model.as_deref().map(plain).and_then(|name| shortened(&name, NAME_MAX));
    parts.push(match (answer.told_by, model) {
        (ToldBy::Model, Some(model)) => format!("told by {model}, checked"),
        (ToldBy::Model, None) => "told by a model, checked".to_owned(),
        (ToldBy::Plain, Some(model)) => format!("facts only, {model} did not help"),
        (ToldBy::Plain, None) => "facts only".to_owned(),
    });
    let cost = usage.cost.filter(|cost| cost.is_finite() && cost.abs() < 1e9);
    parts.extend(cost.map(|cost| format!("cost {cost:.4}")));
    // Sentences name times as the telemetry has them.
    parts.push("times in UTC".to_owned());
    let code = plain(&answer.incident);
    if !code.is_empty() {
        parts.push(shortened(&code, super::links::CODE_MAX).unwrap_or_default());
    }
    parts.join(" · ")
}
