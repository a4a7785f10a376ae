//! `groundcrew replay`: exported answers run again, offline, by the present code.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use groundcrew_masking::Masker;
use serde_json::{Value, json};

use super::arguments::DoctorOutput;
use super::exit::Exit;
use super::print;
use crate::app::{self, Teller};
use crate::capsule::{
    Capsule, Comparison, Difference, Outcome, compare, pack, read, replay, replay_told,
};
use crate::config::Settings;
use crate::text::visible;

#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 the same conclusion (verdict, leading suspect, kind of fault), 1 another one, 2 error.\n\n\
Examples:\n  groundcrew replay groundcrew-7Q2-0123456789ab.capsule\n  groundcrew replay capsules/*.capsule\n  \
groundcrew replay --model qwen3:8b groundcrew-7Q2-0123456789ab.capsule"
)]
pub(super) struct ReplayArguments {
    /// Files that `groundcrew export` wrote
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Let this model of the configured server tell it; without, what a model said then is checked again
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Where the conclusion is meant to be another: put a capsule that expects it in the place of the old one
    #[arg(long, conflicts_with = "model")]
    pub renew: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,
}

pub(super) async fn run(mut settings: Settings, arguments: ReplayArguments) -> Result<Exit> {
    let teller = match &arguments.model {
        Some(name) => {
            settings.llm.model.clone_from(name);
            Some(app::build_teller(&settings)?.context(
                "no model server is configured\nhint: set llm.base_url, as `groundcrew config reference` shows",
            )?)
        }
        None => None,
    };
    let (mut reports, mut failed, mut differs) = (Vec::new(), 0, 0);
    for path in &arguments.files {
        match again(path, teller.as_ref()).await {
            Ok((capsule, now, comparison)) => {
                differs += usize::from(!comparison.is_same_conclusion());
                match arguments.output {
                    DoctorOutput::Text => print::out(&text(path, &capsule, &comparison))?,
                    DoctorOutput::Json => reports.push(report(path, &capsule, &comparison)),
                }
                if arguments.renew && !comparison.differences.is_empty() {
                    renew(path, capsule, now)?;
                }
            }
            Err(error) => {
                failed += 1;
                let path = path.display().to_string();
                let told = error.to_string();
                // Some errors name the file themselves.
                let whose = if told.contains(&path) { String::new() } else { path + ": " };
                print::note(visible(&format!("error: {whose}{told}")));
            }
        }
    }
    if arguments.output == DoctorOutput::Json {
        print::out(&format!("{}\n", serde_json::to_string_pretty(&reports)?))?;
    }
    if failed > 0 {
        bail!("{failed} of {} capsules could not be run", arguments.files.len());
    }
    Ok(if differs > 0 { Exit::Differs } else { Exit::Success })
}

async fn again(path: &Path, teller: Option<&Teller>) -> Result<(Capsule, Outcome, Comparison)> {
    let path = path.to_owned();
    // What a file holds is anybody's; a step that stops at it is told, not the end of all.
    let run = tokio::task::spawn_blocking(move || {
        let capsule = read(&path)?;
        let now = replay(&capsule);
        Ok::<_, anyhow::Error>((capsule, now))
    });
    let (capsule, mut now) = run.await.context("the replay stopped unexpectedly, a bug")??;
    if let Some(teller) = teller {
        now = replay_told(&capsule, teller.model.as_ref(), teller.tools()).await;
        if let Some(notice) = &now.answer.notice {
            print::note(visible(notice));
        }
    }
    let comparison = compare(capsule.expected(), &now);
    Ok((capsule, now, comparison))
}

/// Puts a capsule that expects what it comes to now in the place of the old one.
fn renew(path: &Path, mut capsule: Capsule, now: Outcome) -> Result<()> {
    capsule.again = Some(now);
    let packed = pack(capsule, &Masker::new())?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = packed.write(folder.unwrap_or(Path::new(".")))?;
    if written.file_name() != path.file_name() {
        std::fs::remove_file(path)
            .with_context(|| format!("failed to remove {}", path.display()))?;
    }
    print::note(visible(&format!("renewed as {}", written.display())));
    Ok(())
}

/// One capsule in a few lines.
fn text(path: &Path, capsule: &Capsule, comparison: &Comparison) -> String {
    let name =
        path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let stands = match (comparison.is_same_conclusion(), comparison.differences.is_empty()) {
        (true, true) => "same",
        (true, false) => "same conclusion",
        (false, _) => "DIFFERS",
    };
    let mut page = visible(&format!("{name}  {stands}  {}\n", comparison.now.words()));
    if capsule.again.is_some() {
        page.push_str(
            "  compared with what the data said at the export, which was not as it was given\n",
        );
    }
    page + &differences(comparison)
}

/// What differs, a line each.
pub(super) fn differences(comparison: &Comparison) -> String {
    let line = |Difference { what, then, now }: &Difference| match (then, now) {
        (Some(then), Some(now)) => format!("  {what}: {then}\n    now: {now}\n"),
        (Some(then), None) => format!("  - {what}: {then}\n"),
        (None, Some(now)) => format!("  + {what}: {now}\n"),
        (None, None) => String::new(),
    };
    visible(&comparison.differences.iter().map(line).collect::<String>())
}

fn report(path: &Path, capsule: &Capsule, comparison: &Comparison) -> Value {
    json!({
        "file": path,
        "question": capsule.question.text,
        "answer_id": capsule.given.answer.answer_id,
        "made_by": {"groundcrew": capsule.groundcrew, "prompt": capsule.prompt},
        "differed_at_export": capsule.again.is_some(),
        "withheld": capsule.withheld,
        "same_conclusion": comparison.is_same_conclusion(),
        "then": comparison.then,
        "now": comparison.now,
        "differences": comparison.differences,
    })
}
