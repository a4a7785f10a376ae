//! `groundcrew demo`: breaks a simulated shop and asks what happened.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use groundcrew_simulator::Fault;
use groundcrew_telemetry::{Clock, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::arguments::DemoArguments;
use super::client::Client;
use super::exit::Exit;
use super::serve::until_signalled;
use super::terminal::Terminal;
use super::{actions, print, render};
use crate::app::{self, AppError, Running};
use crate::config::Settings;
use crate::demo::{DemoOptions, Played, index_shipped_runbooks, play, write_shipped_runbooks};
use crate::investigate::answer::Verdict;

/// What breaks when nothing else is asked for.
const FAULT_DEFAULT: &str = "pool-exhaustion";
/// The question when nothing breaks.
const QUESTION_HEALTHY: &str = "is anything wrong with the shop?";
/// Marks a directory as one that the demo may clear.
const MARKER: &str = "this-is-a-groundcrew-demo";

pub(super) async fn run(
    mut settings: Settings,
    arguments: DemoArguments,
    terminal: Terminal,
) -> Result<Exit> {
    let name = arguments.fault.as_deref().unwrap_or(FAULT_DEFAULT);
    if name == "list" {
        let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        print::out(&format!("{}\nnone\n", names.join("\n")))?;
        return Ok(Exit::Success);
    }
    let fault = match Fault::from_name(name) {
        Some(fault) => Some(fault),
        None if name == "none" => None,
        None => bail!("there is no fault `{name}`\nhint: `groundcrew demo --fault list`"),
    };
    settings.data.dir = fresh_directory(&settings.data.dir)?;
    // A demo is no reason to write to a server.
    settings.documents.qdrant.url.clear();
    // What the shipped runbooks declare is a dry run; a demo is no reason to call anybody's webhook either.
    let runbooks = settings.data.dir.join("runbooks");
    write_shipped_runbooks(&runbooks)?;
    settings.actions.runbooks = vec![runbooks];
    settings.actions.webhooks.clear();
    write_settings(&settings)?;
    let running = start(&mut settings).await?;
    print::note(format!("panel   http://{}", running.addresses.http));
    index_runbooks(&running).await?;
    let options = DemoOptions { fault, seed: arguments.seed, end: SystemClock.now() };
    let played = simulate(&settings, &running, options).await?;
    if let Some(alert) = &played.alert {
        print::note(format!("alert   {}: {}", alert.name, alert.text));
    }
    let verdict = ask(&settings, &arguments, &played, terminal).await?;
    reveal(&played);
    if !arguments.once {
        print::note(format!(
            "\nstill serving: open http://{} or, in another terminal,\n  groundcrew --data-dir {} ask \"which change did it?\"\nstop with Ctrl-C",
            running.addresses.http,
            settings.data.dir.display()
        ));
        until_signalled().await?;
    }
    running.stop().await;
    Ok(if verdict == Verdict::NotEnoughEvidence { Exit::NotEnoughEvidence } else { Exit::Success })
}

/// A directory beside the real data, emptied only if a demo made it.
fn fresh_directory(data_dir: &Path) -> Result<PathBuf> {
    let directory = data_dir.join("demo");
    if directory.exists() {
        if !directory.join(MARKER).exists() {
            bail!(
                "{} exists and no demo made it\nhint: choose another place with --data-dir",
                directory.display()
            );
        }
        std::fs::remove_dir_all(&directory)
            .with_context(|| format!("failed to clear {}", directory.display()))?;
    }
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("failed to make {}", directory.display()))?;
    std::fs::write(directory.join(MARKER), "")
        .with_context(|| format!("failed to write to {}", directory.display()))?;
    Ok(directory)
}

/// What other commands need to know of the demo: which runbooks may declare actions.
fn settings_file(settings: &Settings) -> PathBuf {
    settings.data.dir.join("groundcrew.toml")
}

fn write_settings(settings: &Settings) -> Result<()> {
    let runbooks: Vec<_> =
        settings.actions.runbooks.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let mut actions = toml::Table::new();
    actions.insert("runbooks".to_owned(), runbooks.into());
    let mut table = toml::Table::new();
    table.insert("config_version".to_owned(), 1.into());
    table.insert("actions".to_owned(), actions.into());
    let file = settings_file(settings);
    std::fs::write(&file, table.to_string())
        .with_context(|| format!("failed to write {}", file.display()))
}

/// Starts the server; where a port is taken, on ports that are free.
async fn start(settings: &mut Settings) -> Result<Running> {
    match app::start(settings).await {
        Err(AppError::Listen { address, .. }) => {
            print::note(format!("{address} is taken, so free ports are used"));
            let server = &mut settings.server;
            for address in [&mut server.listen, &mut server.otlp_grpc, &mut server.otlp_http] {
                address.set_port(0);
            }
            Ok(app::start(settings).await?)
        }
        started => Ok(started?),
    }
}

async fn index_runbooks(running: &Running) -> Result<()> {
    let investigator = Arc::clone(running.sessions.investigator());
    let indexed = tokio::task::spawn_blocking(move || {
        let embedder = investigator.embedder.get();
        if let Err(reason) = &embedder {
            print::note(format!(
                "no embedding model, documents are searched by words alone: {reason}"
            ));
        }
        index_shipped_runbooks(&investigator.store, &investigator.masker, embedder.ok())
    });
    let summary = indexed.await.context("the task that indexes runbooks died")??;
    print::note(format!("indexed {} runbooks and past incidents", summary.documents));
    Ok(())
}

async fn simulate(settings: &Settings, running: &Running, options: DemoOptions) -> Result<Played> {
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) =
        ProgressStyle::with_template("playing the outage  {bar:30} {pos}/{len} steps of 10 s")
    {
        bar.set_style(style);
    }
    let played = play(running, settings.server.token.expose(), options, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    Ok(played?)
}

/// Asks as anybody would: over the WebSocket of the running server.
async fn ask(
    settings: &Settings,
    arguments: &DemoArguments,
    played: &Played,
    mut terminal: Terminal,
) -> Result<Verdict> {
    let own = played.truth.as_ref().map_or(QUESTION_HEALTHY, |truth| truth.question);
    let text = arguments.question.clone().unwrap_or_else(|| own.to_owned());
    print::note(format!("asked   {text}\n"));
    let mut client =
        Client::connect(settings).await.context("the demo's own server does not answer")?;
    let never = CancellationToken::new();
    let answer = client.ask(json!({"text": text}), &never, Arc::new(|_| {}));
    let answer = answer.await?.context("the run ended without an answer")?;
    terminal.server = Some(client.address().to_owned());
    print::out(&render::text(&answer, &terminal))?;
    let (directory, file) = (settings.data.dir.display(), settings_file(settings));
    let program = format!("groundcrew --data-dir {directory} --config {}", file.display());
    actions::offer(settings, &answer, &program).await?;
    Ok(answer.verdict)
}

/// The simulator knows what it broke, so the answer can be judged.
fn reveal(played: &Played) {
    let Some(truth) = &played.truth else {
        print::note("what really broke: nothing");
        return;
    };
    let change = truth.change.as_deref().map(|id| format!(", by change {id}")).unwrap_or_default();
    print::note(format!(
        "what really broke: {} ({}) at {}{change}",
        truth.service,
        truth.fault.name(),
        truth.since.clock_time()
    ));
}
