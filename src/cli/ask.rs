//! `groundcrew ask`: against a running server, or with none straight on the data directory.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use groundcrew_indexer::sources::files::{IngestOptions, ingest_paths};
use groundcrew_indexer::{Intake, IntakeSettings};
use groundcrew_store::Access;
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::arguments::{AskArguments, Output};
use super::client::Client;
use super::exit::Exit;
use super::{print, render};
use crate::app;
use crate::config::Settings;
use crate::investigate::answer::{Answer, AnswerEvent, StepStatus, Verdict};
use crate::investigate::question::Question;
use crate::investigate::{Investigated, Investigator, RunIds, investigate};
use crate::session::{Logged, RunEvent, RunStatus};
use crate::surfaces::wire::{self, Ask, Envelope, Scope};

/// The question when only logs are piped in.
const PIPED_QUESTION: &str = "what went wrong?";

pub(super) async fn run(mut settings: Settings, arguments: AskArguments) -> Result<Exit> {
    let piped = arguments.words.iter().any(|word| word == "-");
    let words: Vec<&str> =
        arguments.words.iter().map(String::as_str).filter(|word| *word != "-").collect();
    let text = if words.is_empty() && piped { PIPED_QUESTION.to_owned() } else { words.join(" ") };
    let scope = Scope {
        services: arguments.service.clone(),
        at: arguments.at.clone(),
        since: arguments.since.clone(),
        as_of: arguments.as_of.clone(),
    };
    let ask = Ask {
        text,
        sid: arguments.conversation.clone(),
        mode: arguments.deep.then(|| "deep".to_owned()),
        scope,
        ..Ask::default()
    };
    // Wrong times are told before anything is opened.
    let question = ask.question(SystemClock.now()).map_err(|message| {
        anyhow::anyhow!(message.replace("scope.as_of", "--as-of").replace("scope.", "--"))
    })?;
    if arguments.facts_only {
        settings.llm.base_url.clear();
        settings.llm.api_key = crate::config::Secret::default();
    }
    let source = match (piped, arguments.facts_only) {
        (true, _) => Source::Stdin,
        (false, true) => Source::Directory,
        (false, false) => Source::ServerOrDirectory,
    };
    let progress =
        Progress { output: arguments.output, is_terminal: std::io::stderr().is_terminal() };
    let answer = tokio::select! {
        answer = answered(&settings, &ask, question, source, progress) => answer?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("failed to listen for Ctrl-C")?;
            return Ok(Exit::Interrupted);
        }
    };
    match arguments.output {
        Output::Text => print::out(&render::text(&answer))?,
        Output::Json => print::out(&format!("{}\n", serde_json::to_string_pretty(&answer)?))?,
        Output::Md => print::out(&render::markdown(&answer))?,
        Output::Jsonl => {}
    }
    Ok(if answer.verdict == Verdict::NotEnoughEvidence {
        Exit::NotEnoughEvidence
    } else {
        Exit::Success
    })
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// What is piped in, about itself alone: other telemetry would only get in the way.
    Stdin,
    /// The data directory, without a server, whose model nobody asked for.
    Directory,
    /// A running server if there is one.
    ServerOrDirectory,
}

async fn answered(
    settings: &Settings,
    ask: &Ask,
    question: Question,
    source: Source,
    progress: Progress,
) -> Result<Answer> {
    if source == Source::ServerOrDirectory
        && let Some(mut client) = Client::connect(settings).await
    {
        let scope = json!({"services": ask.scope.services, "at": ask.scope.at, "since": ask.scope.since, "as_of": ask.scope.as_of});
        let asked = json!({"text": ask.text, "ask_id": uuid::Uuid::new_v4().simple().to_string(),
            "sid": ask.sid, "mode": ask.mode, "scope": scope});
        return client.ask(asked, |envelope| progress.frame(envelope)).await;
    }
    if ask.sid.is_some() {
        bail!("a conversation lives in a running server; start one with `groundcrew serve`");
    }
    let is_kept = source != Source::Stdin;
    let (investigator, question, _guard) = match source {
        Source::Stdin => over_stdin(settings, question)?,
        Source::ServerOrDirectory | Source::Directory => {
            (over_directory(settings)?, question, None)
        }
    };
    let ids = RunIds::random();
    let emit = {
        let ids = ids.clone();
        let sequence = std::sync::atomic::AtomicU64::new(1);
        Arc::new(move |event: AnswerEvent| {
            let seq = sequence.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let event = RunEvent::Progress {
                run_id: ids.run_id.clone(),
                answer_id: ids.answer_id.clone(),
                event: Box::new(event),
            };
            progress.frame(&wire::frame("cli", &Logged { seq, event }));
        })
    };
    let run_id = ids.run_id.clone();
    let investigated =
        investigate(&investigator, question, ids, CancellationToken::new(), emit).await?;
    let finished = RunEvent::Finished { run_id, status: RunStatus::Done, error: None };
    progress.frame(&wire::frame("cli", &Logged { seq: u64::MAX, event: finished }));
    if is_kept {
        keep(settings, &investigated);
    }
    Ok(investigated.answer)
}

/// Stores the answer, so that it can be confirmed. One that cannot be stored is still given.
fn keep(settings: &Settings, investigated: &Investigated) {
    let stored =
        serde_json::to_string(investigated).map_err(anyhow::Error::from).and_then(|json| {
            let state = app::open_state(settings)?;
            Ok(state.put_answer(&investigated.answer.answer_id, "cli", SystemClock.now(), &json)?)
        });
    if let Err(error) = stored {
        tracing::info!(%error, "the answer could not be stored, so it cannot be confirmed later");
    }
}

fn over_directory(settings: &Settings) -> Result<Arc<Investigator>> {
    if !settings.data.dir.exists() {
        bail!(
            "there is no data directory at {}\nhint: `groundcrew ingest FILE` feeds telemetry in, `groundcrew demo` brings its own",
            settings.data.dir.display()
        );
    }
    let store = app::open_store(settings, Access::ReadOnly)?;
    Ok(app::build_investigator(settings, store)?)
}

type OverStdin = (Arc<Investigator>, Question, Option<tempfile::TempDir>);

/// Reads logs from stdin into a store of their own and asks about all of them.
fn over_stdin(settings: &Settings, mut question: Question) -> Result<OverStdin> {
    let directory = tempfile::tempdir().context("failed to make a temporary directory")?;
    let mut settings = settings.clone();
    settings.data.dir = directory.path().to_owned();
    let store = app::open_store(&settings, Access::ReadWrite)?;
    let investigator = app::build_investigator(&settings, Arc::clone(&store))?;
    let intake = Intake::new(
        Arc::clone(&store),
        Arc::clone(&investigator.masker),
        IntakeSettings::default(),
    );
    let options = IngestOptions::at(question.at);
    let summary =
        ingest_paths(&["-".into()], &intake, &options, &|_| {}).context("failed to read stdin")?;
    store.flush()?;
    if summary.records.total() == 0 {
        bail!("nothing was piped in\nhint: kubectl logs deploy/NAME | groundcrew ask -");
    }
    let coverage = store.coverage()?;
    if let Some(range) = coverage.logs.range.or(coverage.spans.range).or(coverage.points.range)
        && !question.at_given
    {
        question.at = range.end.min(question.at.max(Timestamp::MIN));
        question.at_given = true;
    }
    Ok((investigator, question, Some(directory)))
}

/// Shows how far it is.
#[derive(Clone, Copy)]
struct Progress {
    output: Output,
    is_terminal: bool,
}

impl Progress {
    fn frame(&self, envelope: &Envelope) {
        if self.output == Output::Jsonl {
            let line = serde_json::to_string(envelope).map(|line| format!("{line}\n"));
            if let Ok(line) = line
                && let Err(error) = print::out(&line)
            {
                tracing::debug!(%error, "stdout is gone");
            }
            return;
        }
        if self.is_terminal && envelope.t == "step" {
            let field = |name: &str| {
                envelope.d.get(name).and_then(|value| value.as_str()).unwrap_or("").to_owned()
            };
            let done = serde_json::to_value(StepStatus::Complete)
                .is_ok_and(|complete| envelope.d.get("status") == Some(&complete));
            if done {
                print::note(format!("  ✓ {} {}", field("title"), field("detail")));
            }
        }
    }
}
