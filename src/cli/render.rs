//! An answer as text for a terminal. Everything untrusted is made visible first.

use anstyle::{AnsiColor, Style};

use super::terminal::Terminal;
use crate::investigate::answer::{
    Answer, ClaimStatus, Hypothesis, HypothesisStatus, SeenBefore, Verdict,
};
use crate::investigate::evidence::clip;
use crate::markdown::{cited, receipt};
use crate::text::visible;

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
pub(super) fn text(answer: &Answer, terminal: &Terminal) -> String {
    let cites = &|ids: &[String]| cites(answer, ids, terminal);
    let mut page = headline(answer, cites);
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
    suspects(&mut page, answer, cites);
    section(
        &mut page,
        "Ruled out",
        answer
            .ruled_out
            .iter()
            .map(|ruled| format!("{}{}", visible(&ruled.text), cites(&ruled.cites))),
    );
    section(
        &mut page,
        "Seen before",
        answer.seen_before.iter().flat_map(|seen| seen_lines(seen, cites)),
    );
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
    evidence(&mut page, answer, terminal);
    page.push_str(&format!("\n{DIM}{}{DIM:#}\n", receipt(answer)));
    terminal.fit(&page)
}

fn headline(answer: &Answer, cites: Cites<'_>) -> String {
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

/// How evidence is named.
type Cites<'a> = &'a dyn Fn(&[String]) -> String;

fn cites(answer: &Answer, ids: &[String], terminal: &Terminal) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let named = |id: &String| match answer.evidence(id) {
        Some(item) => terminal.link(id, &item.permalink),
        None => id.clone(),
    };
    let named: Vec<String> = ids.iter().map(named).collect();
    format!(" {CITE}[{}]{CITE:#}", named.join(", "))
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
fn seen_lines(seen: &SeenBefore, cites: Cites<'_>) -> Vec<String> {
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

fn suspects(page: &mut String, answer: &Answer, cites: Cites<'_>) {
    let others = answer
        .hypotheses
        .iter()
        .filter(|hypothesis| hypothesis.status != HypothesisStatus::Supported);
    section(page, "Other suspects", others.map(|other| suspect_line(other, cites)));
}

fn suspect_line(hypothesis: &Hypothesis, cites: Cites<'_>) -> String {
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
fn evidence(page: &mut String, answer: &Answer, terminal: &Terminal) {
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
            terminal.link(&item.id, &item.permalink),
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
