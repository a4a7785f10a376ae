//! An answer as text for a terminal and as Markdown. Everything untrusted is made visible first.

use anstyle::{AnsiColor, Style};

use crate::investigate::answer::{
    Answer, ClaimStatus, Confidence, Hypothesis, HypothesisStatus, SeenBefore, ToldBy, Verdict,
};
use crate::investigate::evidence::{Evidence, clip};
use crate::investigate::format::count;
use crate::text::{in_markdown, visible};

/// Lines of an evidence item's content shown below its title.
const PREVIEW_LINES: usize = 3;
/// Longest line of it, in bytes.
const PREVIEW_LINE_BYTES: usize = 160;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const CITE: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default().bold();

/// The answer for a person at a terminal. Colours are taken out again where stdout is not one.
#[must_use]
pub(super) fn text(answer: &Answer) -> String {
    let mut page = headline(answer);
    if let Some(notice) = &answer.notice {
        page.push_str(&format!("{UNSURE}!{UNSURE:#} {}\n", visible(notice)));
    }
    if let Some(understood) = &answer.understood {
        page.push_str(&format!("{DIM}read as: {}{DIM:#}\n", visible(understood)));
    }
    for claim in &answer.claims {
        let mark = match claim.status {
            ClaimStatus::Verified => String::new(),
            ClaimStatus::Unverifiable => format!(" {DIM}(not verified){DIM:#}"),
        };
        page.push_str(&format!("  {}{}{mark}\n", visible(&claim.text), cites(&claim.cites)));
    }
    suspects(&mut page, answer);
    section(
        &mut page,
        "Ruled out",
        answer
            .ruled_out
            .iter()
            .map(|ruled| format!("{}{}", visible(&ruled.text), cites(&ruled.cites))),
    );
    section(&mut page, "Seen before", answer.seen_before.iter().flat_map(seen_lines));
    section(
        &mut page,
        "Next",
        answer.next.iter().map(|step| {
            let command = step
                .cmd
                .as_deref()
                .map(|cmd| format!("\n      {}", visible(cmd)))
                .unwrap_or_default();
            format!("{}{}{command}", visible(&step.label), cites(&step.cites))
        }),
    );
    section(
        &mut page,
        "Could not see",
        answer.unknowns.iter().map(|unknown| {
            let fix = unknown
                .fix
                .as_deref()
                .map(|fix| format!(" {DIM}→ {}{DIM:#}", visible(fix)))
                .unwrap_or_default();
            format!("{}{fix}", visible(&unknown.what))
        }),
    );
    evidence(&mut page, answer);
    page.push_str(&format!("\n{DIM}{}{DIM:#}\n", receipt(answer)));
    page
}

fn headline(answer: &Answer) -> String {
    let (mark, style) = match answer.verdict {
        Verdict::LikelyCause => ("● likely cause:", BAD),
        Verdict::Lookup => ("●", GOOD),
        Verdict::NotEnoughEvidence => ("○", UNSURE),
    };
    let confidence = match answer.confidence {
        Some(confidence) => format!("  {DIM}confidence {}{DIM:#}", confidence.name()),
        None => String::new(),
    };
    let code = match answer.verdict {
        Verdict::LikelyCause => format!("  {DIM}{}{DIM:#}", visible(&answer.incident)),
        Verdict::Lookup | Verdict::NotEnoughEvidence => String::new(),
    };
    let headline = visible(&answer.headline);
    format!(
        "{style}{mark}{style:#} {BOLD}{headline}{BOLD:#}{}{confidence}{code}\n",
        cites(&answer.headline_cites)
    )
}

fn cites(ids: &[String]) -> String {
    if ids.is_empty() {
        return String::new();
    }
    format!(" {CITE}[{}]{CITE:#}", ids.join(", "))
}

fn section(page: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    page.push_str(&format!("{BOLD}{title}{BOLD:#}\n"));
    for line in lines {
        page.push_str(&format!("  {line}\n"));
    }
}

/// One past incident: what it was and what ended it, then what matches and what differs this time.
fn seen_lines(seen: &SeenBefore) -> Vec<String> {
    let code = seen.incident.as_deref().map(|code| format!("{code} ")).unwrap_or_default();
    let date = seen.at.map(|at| format!(" ({})", clip(&at.to_string(), 10))).unwrap_or_default();
    let alike = seen.similarity.map(|alike| format!(" {DIM}{alike:.2}{DIM:#}")).unwrap_or_default();
    let mut lines = vec![format!(
        "{}{}{date}{alike}{}",
        visible(&code),
        visible(&seen.title),
        cites(&seen.cites)
    )];
    if let Some(cause) = &seen.cause {
        lines.push(format!("  cause: {}", visible(cause)));
    }
    let took = seen.took.as_deref().map(|took| format!(", took {}", visible(took)));
    match (&seen.fixed_by, took) {
        (Some(fix), took) => {
            lines.push(format!("  fixed by: {}{}", visible(fix), took.unwrap_or_default()))
        }
        (None, Some(took)) => lines.push(format!("  {}", took.trim_start_matches(", "))),
        (None, None) => {}
    }
    for (mark, signs) in [("=", &seen.matches), ("≠", &seen.differs)] {
        for sign in signs {
            lines.push(format!("  {mark} {}{}", visible(&sign.text), cites(&sign.cites)));
        }
    }
    lines
}

fn suspects(page: &mut String, answer: &Answer) {
    let others = answer
        .hypotheses
        .iter()
        .filter(|hypothesis| hypothesis.status != HypothesisStatus::Supported);
    section(page, "Other suspects", others.map(suspect_line));
}

fn suspect_line(hypothesis: &Hypothesis) -> String {
    let (mark, ids) = match hypothesis.status {
        HypothesisStatus::Supported => ("✓", &hypothesis.supporting),
        HypothesisStatus::Possible => ("?", &hypothesis.supporting),
        HypothesisStatus::Refuted => ("✗", &hypothesis.against),
    };
    let shown: Vec<String> = ids.iter().take(3).cloned().collect();
    format!(
        "{mark} {} {:.2}: {}{}",
        visible(&hypothesis.title),
        hypothesis.score,
        visible(&hypothesis.why),
        cites(&shown)
    )
}

/// The cited items in full, the others only counted.
fn evidence(page: &mut String, answer: &Answer) {
    let cited = cited(answer);
    if cited.is_empty() {
        return;
    }
    page.push_str(&format!("{BOLD}Evidence{BOLD:#}\n"));
    for item in &cited {
        let spark = item
            .series
            .as_deref()
            .map(|series| format!("  {}", sparkline(series)))
            .unwrap_or_default();
        page.push_str(&format!(
            "  {CITE}{}{CITE:#} {DIM}{}{DIM:#} {}{spark}\n",
            item.id,
            item.kind.label(),
            visible(&item.title)
        ));
        let title = item.title.as_str();
        let lines = item.preview.lines().map(str::trim_end).filter(|line| {
            !line.is_empty() && !title.contains(line.trim()) && !line.starts_with(title)
        });
        for line in lines.take(PREVIEW_LINES) {
            page.push_str(&format!(
                "     {DIM}{}{DIM:#}\n",
                visible(clip(line, PREVIEW_LINE_BYTES))
            ));
        }
    }
    let others = answer.evidence.len() - cited.len();
    if others > 0 {
        page.push_str(&format!("  {DIM}and {others} more items in -o json{DIM:#}\n"));
    }
}

fn cited(answer: &Answer) -> Vec<&Evidence> {
    let ids: Vec<&String> = answer
        .claims
        .iter()
        .flat_map(|claim| &claim.cites)
        .chain(&answer.headline_cites)
        .chain(answer.ruled_out.iter().flat_map(|ruled| &ruled.cites))
        .chain(answer.next.iter().flat_map(|step| &step.cites))
        .chain(answer.seen_before.iter().flat_map(|seen| {
            let signs = seen.matches.iter().chain(&seen.differs);
            seen.cites.iter().chain(signs.flat_map(|sign| &sign.cites))
        }))
        .collect();
    answer.evidence.iter().filter(|item| ids.contains(&&item.id)).collect()
}

/// A small chart of one line.
#[must_use]
pub(super) fn sparkline(values: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let top = values.iter().copied().filter(|value| value.is_finite()).fold(0.0_f64, f64::max);
    let bar = |value: &f64| {
        let level = if top > 0.0 && value.is_finite() {
            (value.max(0.0) / top * 7.0).round() as usize
        } else {
            0
        };
        BARS.get(level).copied().unwrap_or('█')
    };
    values.iter().map(bar).collect()
}

fn receipt(answer: &Answer) -> String {
    let receipt = &answer.receipt;
    let told = match (&answer.told_by, &answer.usage.model) {
        (ToldBy::Model, Some(model)) => {
            format!("told by {}, checked{}", visible(model), spent(answer))
        }
        (ToldBy::Plain, Some(model)) => {
            format!("facts only, {} did not help{}", visible(model), spent(answer))
        }
        _ => "facts only, no model".to_owned(),
    };
    let in_prompt = match receipt.in_prompt {
        0 => String::new(),
        items => format!(", {items} in the prompt"),
    };
    format!(
        "{} log records, {} templates ({} changed), {} spans, {} series · {} items{in_prompt}, {} tokens, {} left out · {:.2} s · {told}",
        count(receipt.log_records),
        count(receipt.templates),
        count(receipt.templates_changed),
        count(receipt.spans),
        count(receipt.series),
        receipt.items,
        count(receipt.bundle_tokens),
        count(receipt.left_out),
        answer.usage.ms as f64 / 1_000.0,
    )
}

/// What the model took: `, 6,104 + 310 tokens, 2 queries, 0.012, explain v2 5f0a9c01`.
fn spent(answer: &Answer) -> String {
    let usage = &answer.usage;
    let tokens = |count_of: Option<u32>| count(u64::from(count_of.unwrap_or(0)));
    let mut text =
        format!(", {} + {} tokens", tokens(usage.input_tokens), tokens(usage.output_tokens));
    if usage.queries > 0 {
        text.push_str(&format!(", {} queries", usage.queries));
    }
    if let Some(cost) = usage.cost {
        text.push_str(&format!(", {cost:.4}"));
    }
    if let Some(prompt) = &usage.prompt {
        text.push_str(&format!(", {}", visible(prompt)));
    }
    text
}

/// The answer as Markdown, for a ticket or a chat.
#[must_use]
pub(super) fn markdown(answer: &Answer) -> String {
    let confidence = answer
        .confidence
        .map(Confidence::name)
        .map(|name| format!(" _(confidence {name})_"))
        .unwrap_or_default();
    let mut page = format!(
        "**{}**{}{confidence}\n\n",
        in_markdown(&answer.headline),
        markdown_cites(&answer.headline_cites)
    );
    if let Some(notice) = &answer.notice {
        page.push_str(&format!("> {}\n\n", in_markdown(notice)));
    }
    for claim in &answer.claims {
        page.push_str(&format!("- {}{}\n", in_markdown(&claim.text), markdown_cites(&claim.cites)));
    }
    let ruled_out: Vec<String> = answer
        .ruled_out
        .iter()
        .map(|ruled| format!("{}{}", in_markdown(&ruled.text), markdown_cites(&ruled.cites)))
        .collect();
    let next: Vec<String> = answer
        .next
        .iter()
        .map(|step| format!("{}{}", in_markdown(&step.label), markdown_cites(&step.cites)))
        .collect();
    let unknowns: Vec<String> =
        answer.unknowns.iter().map(|unknown| in_markdown(&unknown.what)).collect();
    let seen: Vec<String> = answer.seen_before.iter().flat_map(markdown_seen).collect();
    for (title, lines) in [
        ("Ruled out", ruled_out),
        ("Seen before", seen),
        ("Next", next),
        ("Could not see", unknowns),
    ] {
        if !lines.is_empty() {
            page.push_str(&format!("\n**{title}**\n\n"));
            lines.iter().for_each(|line| page.push_str(&format!("- {line}\n")));
        }
    }
    page.push_str("\n**Evidence**\n\n");
    for item in cited(answer) {
        page.push_str(&format!(
            "- {}: {} {}\n",
            item.id,
            item.kind.label(),
            in_markdown(&item.title)
        ));
    }
    page.push_str(&format!("\n_{}_\n", in_markdown(&receipt(answer))));
    page
}

fn markdown_seen(seen: &SeenBefore) -> Vec<String> {
    let code = seen.incident.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let fix = seen.fixed_by.as_deref().map(|fix| format!(", fixed by: {fix}")).unwrap_or_default();
    let took = seen.took.as_deref().map(|took| format!(", took {took}")).unwrap_or_default();
    let head = format!("{code}{}{fix}{took}", seen.title);
    let mut lines = vec![format!("{}{}", in_markdown(&head), markdown_cites(&seen.cites))];
    for sign in seen.matches.iter().chain(&seen.differs) {
        lines.push(format!("{}{}", in_markdown(&sign.text), markdown_cites(&sign.cites)));
    }
    lines
}

fn markdown_cites(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(" \\[{}\\]", ids.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_take_any_values() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0]), "▁▅█");
        assert_eq!(sparkline(&[f64::NAN, -1.0, f64::INFINITY]), "▁▁▁");
        assert_eq!(sparkline(&[]), "");
    }
}
