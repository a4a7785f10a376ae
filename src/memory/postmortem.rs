//! A draft of a postmortem: what is known is filled in with its evidence, what only people know is asked.

use groundcrew_telemetry::Timestamp;

use super::runbook::quoted;
use crate::investigate::answer::Answer;
use crate::investigate::evidence::Evidence;
use crate::investigate::format::{duration, time};
use crate::investigate::remembered::{IncidentRecord, Opinion};
use crate::text::in_markdown;

/// Writes the draft as Markdown that `groundcrew index` takes back as a past incident. `answer` is the stored one that
/// the record rests on; without it the timeline is short.
#[must_use]
pub fn postmortem(record: &IncidentRecord, answer: Option<&Answer>) -> String {
    let mut page = front_matter(record);
    page.push_str(&format!("\n# {}\n", in_markdown(&record.title)));
    page.push_str(
        "\nA draft. What is cited was measured; what is in _italics_ only people know.\n",
    );
    section(&mut page, "Impact", impact(record, answer));
    section(&mut page, "Timeline", timeline(record, answer));
    section(&mut page, "Cause", cause(record, answer));
    let mut fix: Vec<String> = record.fix.iter().map(|fix| in_markdown(fix)).collect();
    fix.extend(record.duration_secs.map(|secs| format!("It took {}.", duration(secs))));
    section(&mut page, "Fix", fix);
    section(&mut page, "Ruled out", ruled_out(record, answer));
    section(&mut page, "Open questions", questions(record, answer));
    section(&mut page, "Evidence", evidence(record, answer));
    page
}

fn front_matter(record: &IncidentRecord) -> String {
    let mut page = format!("---\ntitle: {}\nkind: incident\n", quoted(&record.title));
    page.push_str(&format!("incident: {}\n", quoted(&record.code)));
    page.push_str(&format!("date: {}\n", record.since.unwrap_or(record.recorded_at)));
    let services: Vec<String> = record
        .cause
        .iter()
        .map(|cause| cause.service.clone())
        .chain(record.services.iter().cloned())
        .map(|service| quoted(&service))
        .collect();
    page.push_str(&format!("services: [{}]\n", services.join(", ")));
    let cause = match (&record.cause, &record.cause_words) {
        (Some(cause), Some(words)) => Some(format!("{}: {words}", cause.words())),
        (Some(cause), None) => Some(cause.words()),
        (None, words) => words.clone(),
    };
    let took = record.duration_secs.map(duration);
    for (key, value) in [("root_cause", &cause), ("fix", &record.fix), ("duration", &took)] {
        if let Some(value) = value {
            page.push_str(&format!("{key}: {}\n", quoted(value)));
        }
    }
    page.push_str("---\n");
    page
}

fn section(page: &mut String, title: &str, lines: Vec<String>) {
    page.push_str(&format!("\n## {title}\n\n"));
    if lines.is_empty() {
        page.push_str("_To be written._\n");
    }
    lines.iter().for_each(|line| page.push_str(&format!("- {line}\n")));
}

fn cites(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(" \\[{}\\]", ids.join(", ")) }
}

fn impact(record: &IncidentRecord, answer: Option<&Answer>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(since) = record.since {
        lines.push(format!("Began at {} UTC, as far as telemetry shows.", time(since)));
    }
    if !record.services.is_empty() {
        lines.push(format!("Shown by {}.", in_markdown(&record.services.join(", "))));
    }
    let figures = answer.into_iter().flat_map(|answer| &answer.claims);
    let figures = figures.filter(|claim| claim.text.contains("users' requests"));
    lines.extend(
        figures.map(|claim| format!("{}{}", in_markdown(&claim.text), cites(&claim.cites))),
    );
    lines.push("_Who noticed, what it cost, what was promised._".to_owned());
    lines
}

/// What happened when, oldest first: cited items that have a time, and what people did.
fn timeline(record: &IncidentRecord, answer: Option<&Answer>) -> Vec<String> {
    let mut events: Vec<(Timestamp, String)> = cited(record, answer)
        .filter_map(|item| {
            let text =
                format!("{} {}", in_markdown(&item.title), cites(std::slice::from_ref(&item.id)));
            Some((item.from?, text))
        })
        .collect();
    events.extend(record.since.map(|since| (since, "the trouble begins".to_owned())));
    for said in &record.feedback {
        let what = match said.opinion {
            Opinion::Right => "the cause is confirmed",
            Opinion::Wrong => "the suspected cause is rejected",
            Opinion::OtherCause => "another cause is named",
        };
        events.push((said.at, format!("{what}: {}", in_markdown(&said.cause.words()))));
    }
    events.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    events.dedup();
    events.into_iter().map(|(at, text)| format!("{} {text}", time(at))).collect()
}

/// The items that the record links to, as the stored answer has them.
fn cited<'a>(
    record: &'a IncidentRecord,
    answer: Option<&'a Answer>,
) -> impl Iterator<Item = &'a Evidence> {
    let items = answer.into_iter().flat_map(|answer| &answer.evidence);
    items.filter(|item| record.evidence.iter().any(|link| link.id == item.id))
}

fn cause(record: &IncidentRecord, answer: Option<&Answer>) -> Vec<String> {
    let mut lines = Vec::new();
    match (&record.cause, &record.suspected) {
        (Some(cause), _) => {
            lines.push(format!("Confirmed: {}", in_markdown(&cause.words())));
        }
        (None, Some(suspected)) => {
            lines.push(format!("Suspected and not confirmed: {}", in_markdown(&suspected.words())))
        }
        (None, None) => {}
    }
    lines.extend(record.cause_words.iter().map(|words| in_markdown(words)));
    lines.extend(
        record.change.iter().map(|change| format!("Triggered by: {}", in_markdown(change))),
    );
    // What speaks for a suspect that was none is no part of the cause.
    let is_as_suspected = record.cause.as_ref().is_none_or(|cause| {
        record.suspected.as_ref().is_some_and(|suspected| suspected.service == cause.service)
    });
    let claims = answer.into_iter().flat_map(|answer| &answer.claims);
    lines.extend(
        claims
            .filter(|_| is_as_suspected)
            .map(|claim| format!("{}{}", in_markdown(&claim.text), cites(&claim.cites))),
    );
    lines
}

fn ruled_out(record: &IncidentRecord, answer: Option<&Answer>) -> Vec<String> {
    record
        .ruled_out
        .iter()
        .map(|text| {
            let found = answer.into_iter().flat_map(|answer| &answer.ruled_out);
            let ids = found.filter(|ruled| ruled.text == *text).flat_map(|ruled| &ruled.cites);
            let ids: Vec<String> = ids.cloned().collect();
            format!("{}{}", in_markdown(text), cites(&ids))
        })
        .collect()
}

fn questions(record: &IncidentRecord, answer: Option<&Answer>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let unknowns = answer.into_iter().flat_map(|answer| &answer.unknowns);
    lines.extend(
        unknowns.map(|unknown| format!("Could not be seen: {}", in_markdown(&unknown.what))),
    );
    if record.cause.is_none() {
        lines.push("_What was the cause?_".to_owned());
    }
    if record.fix.is_none() {
        lines.push("_What ended it?_".to_owned());
    }
    if record.duration_secs.is_none() {
        lines.push("_When was it over?_".to_owned());
    }
    lines.push("_What would have shown it sooner? What keeps it from coming back?_".to_owned());
    lines
}

/// Each item with its content hash, so that it can be checked whether what the link opens is still the same.
fn evidence(record: &IncidentRecord, answer: Option<&Answer>) -> Vec<String> {
    record
        .evidence
        .iter()
        .map(|link| {
            let stored = answer.and_then(|answer| answer.evidence(&link.id));
            let state = match stored {
                Some(item) if item.hash == link.hash => "",
                Some(_) => " **changed since**",
                None => " (no longer stored)",
            };
            format!(
                "{} {}: {} `{}` blake3 `{}`{state}",
                link.id,
                link.kind.label(),
                in_markdown(&link.title),
                link.permalink,
                link.hash
            )
        })
        .collect()
}
