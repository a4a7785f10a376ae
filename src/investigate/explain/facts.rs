//! Answers that name no cause: what was asked for, and what stands out where nothing carries a conclusion.

use groundcrew_telemetry::TimeRange;

use super::super::answer::Verdict;
use super::super::draft::{Draft, Sentence};
use super::super::evidence::{Evidence, EvidenceKind, shorten};
use super::super::question::Plan;
use super::super::words::speaks_of_failure;
use super::Bundle;
use super::narrator::{Material, REASONS_MAX};

/// Longest line quoted in a fact, in bytes.
const LINE_BYTES_MAX: usize = 240;
/// Sentences of an answer to a question for facts.
const FACTS_MAX: usize = 8;

/// What was asked for, from the best items.
pub(super) fn tell(draft: &mut Draft, material: Material<'_>, bundle: &Bundle) {
    let plan = material.plan;
    if !plan.looks.is_empty() && material.looked.is_empty() {
        // Something else in its place would be no answer; why there is none stands with what could not be seen.
        "Nothing of what was asked for was found".clone_into(&mut draft.headline.text);
        return;
    }
    let asked: Vec<&str> =
        material.looked.iter().filter_map(|item| bundle.id_of(&item.key)).collect();
    let wanted = |item: &&Evidence| asked.is_empty() || asked.contains(&item.id.as_str());
    let mut items: Vec<&Evidence> = bundle.items.iter().filter(wanted).collect();
    items.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| number(&a.id).cmp(&number(&b.id)))
    });
    let facts: Vec<Sentence> = items.iter().take(FACTS_MAX).map(|item| fact(item)).collect();
    let Some(first) = facts.first() else {
        "Nothing was found".clone_into(&mut draft.headline.text);
        return;
    };
    if let Some(missing) = missing_name(plan, bundle) {
        draft.headline = Sentence::new(format!("Nothing about {missing} was found"), Vec::new());
        draft.claims = facts;
        return;
    }
    let scope = if plan.services.is_empty() {
        String::new()
    } else {
        format!(" about {}", plan.services.join(", "))
    };
    draft.verdict = Verdict::Lookup;
    draft.headline = Sentence::new(format!("What was found{scope}"), first.cites.clone());
    draft.claims = facts;
}

/// A name that the question asks about and no evidence holds, when the question names nothing else that is known.
///
/// Names are told from words by their parts: `video-streamer`, `app_57`, `orders.v2`.
fn missing_name<'a>(plan: &'a Plan, bundle: &Bundle) -> Option<&'a str> {
    if !plan.services.is_empty() {
        return None;
    }
    let is_name = |term: &&String| {
        let parts: Vec<&str> = term.split(['-', '_', '.']).collect();
        parts.len() > 1 && parts.iter().all(|part| !part.is_empty()) && term.len() >= 6
    };
    let holds = |item: &Evidence, name: &str| {
        [&item.title, &item.preview].iter().any(|text| text.to_lowercase().contains(name))
    };
    plan.terms
        .iter()
        .filter(is_name)
        .find(|name| !bundle.items.iter().any(|item| holds(item, name)))
        .map(String::as_str)
}

/// No suspect carries: what stands out is shown, and that it is no conclusion.
pub(super) fn tell_what_stands_out(draft: &mut Draft, window: TimeRange, bundle: &Bundle) {
    draft.verdict = Verdict::NotEnoughEvidence;
    draft.confidence = None;
    // Raw output is for those who open it; what speaks of failure comes first.
    let mut items: Vec<(bool, &Evidence)> = bundle
        .items
        .iter()
        .filter(|item| item.score >= 0.4 && !matches!(item.kind.signal(), "documents" | "signs"))
        .map(|item| (is_telling(item), item))
        .collect();
    items.sort_by(|(a_fails, a), (b_fails, b)| {
        b_fails
            .cmp(a_fails)
            .then_with(|| b.score.total_cmp(&a.score))
            .then_with(|| number(&a.id).cmp(&number(&b.id)))
    });
    // What was written before is no news.
    let is_news = |item: &Evidence| item.from.is_some_and(|from| window.contains(from));
    let first = items
        .first()
        .filter(|(fails, item)| *fails && item.kind.signal() == "logs" && is_news(item));
    let telling = first.and_then(|(_, item)| {
        let (service, since) = (item.service.as_deref()?, item.from?);
        Some((format!("; {service} logs failures since {}", since.clock_time()), item.id.clone()))
    });
    let (more, cites) = telling.map_or((String::new(), Vec::new()), |(more, id)| (more, vec![id]));
    draft.headline = Sentence::new(format!("Not enough evidence for a cause{more}"), cites);
    draft.claims = items.into_iter().take(REASONS_MAX + 1).map(|(_, item)| fact(item)).collect();
}

/// Whether what was seen speaks of failure. A change tells what was meant to be, in whatever words.
fn is_telling(item: &Evidence) -> bool {
    matches!(item.kind.signal(), "logs" | "traces" | "cluster") && speaks_of_failure(&item.preview)
}

fn number(id: &str) -> usize {
    id.trim_start_matches('E').parse().unwrap_or(usize::MAX)
}

/// One item as a sentence: its title, and the recorded line that says it best.
fn fact(item: &Evidence) -> Sentence {
    // What stands first in an item is the engine's own, and says nothing that the title does not.
    let recorded = match usize::try_from(item.own) {
        Ok(own) if own > 0 => item.preview.get(own..).unwrap_or_default(),
        _ => item.preview.split_once('\n').map_or("", |(_, rest)| rest),
    };
    let line = recorded.lines().map(str::trim).find(|line| !line.is_empty());
    let always = matches!(
        item.kind,
        EvidenceKind::LogTemplate | EvidenceKind::Log | EvidenceKind::ClusterState
    );
    // The title of a pattern that quotes it says it already.
    let quotes = item.kind == EvidenceKind::LogTemplate && item.title.contains('“');
    let line = line.filter(|line| !quotes && (always || !item.title.contains(*line)));
    let text = match line {
        Some(line) => format!("{}: “{}”", item.title, shorten(line, LINE_BYTES_MAX)),
        None => item.title.clone(),
    };
    Sentence::new(text, vec![item.id.clone()])
}
