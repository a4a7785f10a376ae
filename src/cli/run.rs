//! Argument vector to exit code: parses, loads settings, runs the command, prints what went wrong.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use toml::Value;

use super::arguments::{Arguments, Command};
use super::exit::Exit;
use super::terminal::Terminal;
use super::{
    actions, ask, changes, chat, config, cost, demo, doctor, eval, export, hook, incident, index,
    ingest, logs, manual, mcp, print, replay, serve, show, slack, trace, vectors, watch,
};
use crate::config::{Environment, Settings, load};
use crate::observe;

/// Runs one command.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are data; usage errors are not. clap knows which stream.
            if error.print().is_err() {
                return ExitCode::from(2);
            }
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    match dispatch(arguments) {
        Ok(exit) => exit.into(),
        Err(error) => {
            print::note(format!("error: {}", crate::text::visible(&chain(&error))));
            ExitCode::from(2)
        }
    }
}

/// The error and its causes in one line each, hints last.
fn chain(error: &anyhow::Error) -> String {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // A transparent wrapper says the same as what it wraps.
        if lines.last().is_none_or(|last| !last.contains(&text)) {
            lines.push(text);
        }
    }
    lines.join("\n  because: ")
}

fn dispatch(arguments: Arguments) -> Result<Exit> {
    match &arguments.command {
        Command::ReadPdf => return read_pdf(),
        Command::Completions(arguments) => return manual::completions(arguments),
        Command::Man(arguments) => return manual::man(arguments),
        _ => {}
    }
    let environment = Environment::of_process();
    if let Command::Config(command) = &arguments.command
        && let Some(exit) = config::without_settings(command)?
    {
        return Ok(exit);
    }
    let settings = settings(&arguments, &environment)?;
    observe::start(&settings.log, arguments.verbose);
    let terminal = Terminal::of_stdout(&environment);
    match arguments.command {
        Command::Ask(ask) => block_on(ask::run(settings, ask, terminal)),
        Command::Chat(chat) => block_on(chat::run(settings, chat, terminal)),
        Command::Show(arguments) => show::run(&settings, &arguments, &terminal),
        Command::Trace(arguments) => trace::run(&settings, &arguments, &terminal),
        Command::Logs(arguments) => logs::run(&settings, arguments),
        Command::WhatChanged(arguments) => changes::run(&settings, arguments, &terminal),
        Command::Cost(arguments) => cost::run(&settings, arguments),
        Command::Watch(arguments) => block_on(watch::run(settings, arguments)),
        Command::Ingest(arguments) => ingest::run(&settings, &arguments),
        Command::Index(arguments) if arguments.watch => {
            block_on(index::watch(settings, arguments.directories))
        }
        Command::Index(arguments) => index::run(&settings, &arguments),
        Command::Vectors(command) => vectors::run(&settings, &command),
        Command::ReadPdf => read_pdf(),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::man(&arguments),
        Command::Incident(command) => incident::run(&settings, command),
        Command::Actions(arguments) => block_on(actions::list(settings, arguments)),
        Command::Propose(arguments) => {
            block_on(actions::propose(settings, arguments, &environment))
        }
        Command::Approve(arguments) => {
            block_on(actions::approve(settings, arguments, &environment))
        }
        Command::Audit(arguments) => actions::audit(&settings, &arguments),
        Command::Hook(command) => hook::run(&settings, &command),
        Command::Export(arguments) => export::run(&settings, &arguments),
        Command::Replay(arguments) => block_on(replay::run(settings, arguments)),
        Command::Mcp => block_on(mcp::run(settings)),
        Command::Serve => block_on(serve::run(settings)),
        Command::Demo(arguments) => block_on(demo::run(settings, arguments, terminal)),
        Command::Eval(command) => eval::run(&settings, command),
        Command::Doctor(arguments) => block_on(doctor::run(settings, arguments)),
        Command::Slack(command) => block_on(slack::run(settings, command)),
        Command::Config(command) => config::run(&settings, &command),
    }
}

/// What `index` starts for each PDF: text of stdin to stdout, or the reason there, with exit code 1.
fn read_pdf() -> Result<Exit> {
    match groundcrew_indexer::docs::read_pdf(std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(()) => Ok(Exit::Success),
        Err(reason) => {
            print::out(&reason)?;
            Ok(Exit::NotEnoughEvidence)
        }
    }
}

fn settings(arguments: &Arguments, environment: &Environment) -> Result<Settings> {
    let mut flags = Vec::new();
    if let Some(directory) = &arguments.data_dir {
        let directory = directory.to_str().context("--data-dir is not valid UTF-8")?;
        flags.push(("data.dir", Value::String(directory.to_owned())));
    }
    Ok(load(environment, arguments.config.as_deref(), &flags)?)
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    // Once per process, before anything may want TLS; a second choice would be the same one.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS implementation had been chosen before");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let result = runtime.block_on(work);
    // A blocking read of stdin must not hold up the end.
    runtime.shutdown_background();
    result
}
