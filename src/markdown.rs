//! An answer as Markdown, for a ticket or for a chat of somebody else. Nothing that was recorded becomes markup, a link, an
//! image or a mention.

use crate::investigate::answer::{Answer, Confidence, SeenBefore, ToldBy};
use crate::investigate::evidence::Evidence;
use crate::investigate::format::count;
use crate::text::{in_markdown, visible};

/// How a sentence names the evidence that it stands on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Citing {
    /// `[E1, E2]`, and a list of the items at the end.
    Brackets,
    /// Footnotes, which most programs that show Markdown make clickable.
    Footnotes,
}

/// The answer as Markdown.
#[must_use]
pub fn markdown(answer: &Answer, citing: Citing) -> String {
    let sentence = |text: &str, cites: &[String]| in_markdown(text) + &citing.marks(cites);
    let confidence = answer
        .confidence
        .map(Confidence::name)
        .map(|name| format!(" _(confidence {name})_"))
        .unwrap_or_default();
    let mut page = format!(
        "**{}**{}{confidence}\n\n",
        in_markdown(&answer.headline),
        citing.marks(&answer.headline_cites)
    );
    for said in answer.notice.iter().chain(&answer.understood) {
        page.push_str(&format!("> {}\n\n", in_markdown(said)));
    }
    for claim in &answer.claims {
        page.push_str(&format!("- {}\n", sentence(&claim.text, &claim.cites)));
    }
    let ruled_out = answer.ruled_out.iter().map(|ruled| sentence(&ruled.text, &ruled.cites));
    let seen = answer.seen_before.iter().flat_map(|seen| seen_lines(seen, citing));
    let next = answer.next.iter().map(|step| sentence(&step.label, &step.cites));
    let unknowns = answer.unknowns.iter().map(|unknown| in_markdown(&unknown.what));
    section(&mut page, "Ruled out", ruled_out);
    section(&mut page, "Seen before", seen);
    section(&mut page, "Next", next);
    section(&mut page, "Could not see", unknowns);
    let items = cited(answer).into_iter().map(|item| (item, in_markdown(&item.title)));
    match citing {
        Citing::Brackets => section(
            &mut page,
            "Evidence",
            items.map(|(item, title)| format!("{}: {} {title}", item.id, item.kind.label())),
        ),
        Citing::Footnotes => {
            page.push('\n');
            for (item, title) in items {
                page.push_str(&format!("[^{}]: {} {title}\n", item.id, item.kind.label()));
            }
        }
    }
    page.push_str(&format!("\n_{}_\n", in_markdown(&receipt(answer))));
    page
}

fn section(page: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        page.push_str(&format!("\n**{title}**\n\n"));
        lines.for_each(|line| page.push_str(&format!("- {line}\n")));
    }
}

fn seen_lines(seen: &SeenBefore, citing: Citing) -> Vec<String> {
    let code = seen.incident.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let fix = seen.fixed_by.as_deref().map(|fix| format!(", fixed by: {fix}")).unwrap_or_default();
    let took = seen.took.as_deref().map(|took| format!(", took {took}")).unwrap_or_default();
    let head = format!("{code}{}{fix}{took}", seen.title);
    let mut lines = vec![in_markdown(&head) + &citing.marks(&seen.cites)];
    for sign in seen.matches.iter().chain(&seen.differs) {
        lines.push(in_markdown(&sign.text) + &citing.marks(&sign.cites));
    }
    lines
}

impl Citing {
    fn marks(self, ids: &[String]) -> String {
        match self {
            _ if ids.is_empty() => String::new(),
            Self::Brackets => format!(" \\[{}\\]", ids.join(", ")),
            Self::Footnotes => ids.iter().map(|id| format!("[^{id}]")).collect(),
        }
    }
}

/// The items that the answer's sentences cite, in order of id.
#[must_use]
pub fn cited(answer: &Answer) -> Vec<&Evidence> {
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

/// What the answer was made from and who told it, in one line.
#[must_use]
pub fn receipt(answer: &Answer) -> String {
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
