//! `groundcrew show`: an answer that was given, or one item of its evidence in full.

use anstyle::Style;
use anyhow::{Context, Result, bail};
use clap::Args;

use super::arguments::Output;
use super::exit::Exit;
use super::terminal::Terminal;
use super::{ask, print, render, stores};
use crate::config::Settings;
use crate::explore;
use crate::investigate::answer::Answer;
use crate::investigate::evidence::Evidence;
use crate::text::visible;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  groundcrew show 7Q2\n  groundcrew show 7Q2 E3\n  groundcrew show 7Q2 -o md > 7Q2.md"
)]
pub(super) struct ShowArguments {
    /// The code beside an answer's headline, or the answer's id
    #[arg(value_name = "CODE")]
    pub code: String,
    /// One item of its evidence
    #[arg(value_name = "E3")]
    pub evidence: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

pub(super) fn run(
    settings: &Settings,
    arguments: &ShowArguments,
    terminal: &Terminal,
) -> Result<Exit> {
    let store = stores::open(settings)?;
    let answer = explore::answer_of(store.state(), &arguments.code).with_context(|| {
        format!(
            "no answer with the code `{}` is kept\nhint: `groundcrew incident list` and the panel list them",
            arguments.code
        )
    })?;
    let Some(id) = &arguments.evidence else {
        return ask::shown(&answer, arguments.output, terminal);
    };
    let item = item(&answer, id)?;
    match arguments.output {
        Output::Text | Output::Md => print::out(&page(&answer, item, terminal))?,
        Output::Json | Output::Jsonl => print::out(&format!("{}\n", serde_json::to_string(item)?))?,
    }
    Ok(Exit::Success)
}

/// The item that a person means by `E3`, `e3` or `3`.
pub(super) fn item<'a>(answer: &'a Answer, name: &str) -> Result<&'a Evidence> {
    let number = name.trim_start_matches(['E', 'e']);
    match answer.evidence(&format!("E{number}")) {
        Some(item) => Ok(item),
        None => {
            bail!("{} has no evidence `{name}`\nhint: it has {}", answer.incident, listed(answer))
        }
    }
}

fn listed(answer: &Answer) -> String {
    let ids: Vec<&str> = answer.evidence.iter().map(|item| item.id.as_str()).collect();
    match ids.as_slice() {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        [first, .., last] => format!("{first} to {last}"),
    }
}

/// One item in full.
pub(super) fn page(answer: &Answer, item: &Evidence, terminal: &Terminal) -> String {
    let mut page = format!(
        "{BOLD}{} {}{BOLD:#} {}\n",
        terminal.link(&item.id, &item.permalink),
        item.kind.label(),
        visible(&item.title)
    );
    let time = match (item.from, item.to) {
        (Some(from), Some(to)) => {
            Some(format!("{} to {}", stores::moment(from), stores::moment(to)))
        }
        (Some(at), None) | (None, Some(at)) => Some(stores::moment(at)),
        (None, None) => None,
    };
    let cited = answer.claims.iter().filter(|claim| claim.cites.contains(&item.id));
    for (name, value) in [
        ("service", item.service.clone()),
        ("time", time),
        ("query", item.query.clone()),
        ("over it", item.series.as_deref().map(render::sparkline)),
        ("hash", Some(item.hash.clone())),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            page.push_str(&format!("{DIM}{name:<8}{DIM:#} {}\n", visible(&value)));
        }
    }
    for claim in cited {
        page.push_str(&format!("{DIM}says{DIM:#}     {}\n", visible(&claim.text)));
    }
    // What was recorded keeps its lines: breaking them would change what is quoted.
    let mut page = terminal.fit(&page);
    page.push('\n');
    page.push_str(visible(&item.preview).trim_end());
    page.push('\n');
    page
}
