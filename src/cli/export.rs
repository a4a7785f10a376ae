//! `groundcrew export`: an answer with everything it was made from, as one file.
//!
//! Reads the data directory, whether a server runs on it or not.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use groundcrew_store::{Access, StateDb};
use serde_json::json;

use super::arguments::DoctorOutput;
use super::exit::Exit;
use super::{print, replay};
use crate::app;
use crate::capsule::make;
use crate::config::{Secret, Settings};
use crate::investigate::Investigated;
use crate::memory::{self, Found};
use crate::text::visible;

/// Answers whose id is looked at, the newest.
const ANSWERS_MAX: usize = 10_000;
/// Shortest beginning of an answer's id that stands for it.
const PREFIX_CHARS_MIN: usize = 8;

#[derive(Args, Debug)]
#[command(
    after_help = "Secrets and personal data are masked before anything is stored, and once more here. Read-only, beside a running server, too.\n\n\
Examples:\n  groundcrew export 7Q2\n  groundcrew export ans_0123456789abcdef --out ./capsules"
)]
pub(super) struct ExportArguments {
    /// The code beside an answer's headline, or the answer's id; the beginning of either if only one begins so
    #[arg(value_name = "CODE")]
    pub code: String,
    /// Folder to write it to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// How to print what was written
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,
}

pub(super) fn run(settings: &Settings, arguments: &ExportArguments) -> Result<Exit> {
    if !settings.data.dir.exists() {
        bail!(
            "there is no data directory at {}\nhint: ask something first; an answer shows its code",
            settings.data.dir.display()
        );
    }
    let mut settings = settings.clone();
    // Nobody is asked anything.
    settings.llm.base_url.clear();
    settings.llm.api_key = Secret::default();
    let store = app::open_store(&settings, Access::ReadOnly)?;
    let answer_id = answer_id(store.state(), &arguments.code)?;
    let json = store
        .state()
        .answer(&answer_id)?
        .with_context(|| format!("the answer {answer_id} is no longer stored\nhint: ask again"))?;
    let kept: Investigated = serde_json::from_str(&json).context("a stored answer is damaged")?;
    let investigator = app::build_investigator(&settings, store)?;
    let code = kept.answer.incident.clone();
    let made = make(&investigator, kept)?;
    std::fs::create_dir_all(&arguments.out)
        .with_context(|| format!("failed to make {}", arguments.out.display()))?;
    let path = made.packed.write(&arguments.out)?;
    let bytes = made.packed.bytes().len();
    match arguments.output {
        DoctorOutput::Json => {
            let told = json!({"file": path, "incident": code, "answer_id": answer_id, "bytes": bytes,
                "withheld": made.withheld, "same": made.comparison.differences.is_empty(),
                "differences": made.comparison.differences});
            print::out(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
        }
        DoctorOutput::Text => {
            print::out(&visible(&format!("{}\n", path.display())))?;
            print::note(format!("{} kB", bytes.div_ceil(1_000)));
            if made.withheld > 0 {
                print::note(format!(
                    "{} texts could not be masked and are left out",
                    made.withheld
                ));
            }
            if !made.comparison.differences.is_empty() {
                print::note(
                    "asked again now, it does not come out as it was given; both are in the capsule:",
                );
                print::note(replay::differences(&made.comparison).trim_end());
            }
        }
    }
    Ok(Exit::Success)
}

/// The answer that a code, an id or the beginning of one stands for.
fn answer_id(state: &StateDb, name: &str) -> Result<String> {
    let name = name.trim();
    if name.starts_with("ans_") && name.len() >= PREFIX_CHARS_MIN {
        let ids = state.answer_ids(None, ANSWERS_MAX)?;
        let mut fitting = ids.into_iter().filter(|id| id.starts_with(name));
        match (fitting.next(), fitting.next()) {
            (Some(id), None) => return Ok(id),
            (Some(_), Some(_)) => {
                bail!("several answers begin with `{name}`\nhint: write more of it")
            }
            (None, _) => {}
        }
    }
    Ok(match memory::find(state, name)? {
        Found::Record(record) => record.answer_id,
        Found::Answer(answer) => answer.answer_id,
    })
}
