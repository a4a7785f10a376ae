//! `groundcrew ask`: against a running server, or with none straight on the data directory.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use groundcrew_telemetry::{Clock, SystemClock};
use serde_json::json;

use super::arguments::{AskArguments, Output};
use super::asking::{Here, OnFrame, Place};
use super::exit::Exit;
use super::interrupt::Interrupts;
use super::terminal::Terminal;
use super::{actions, piped, print, render};
use crate::config::Settings;
use crate::explore;
use crate::investigate::answer::{Answer, StepStatus, Verdict};
use crate::investigate::followup::Thread;
use crate::investigate::question::Question;
use crate::investigate::{Investigated, first_prompt};
use crate::markdown::{Citing, markdown};
use crate::surfaces::wire::{Ask, Envelope, Scope};

/// The question when only logs are piped in.
const PIPED_QUESTION: &str = "what went wrong?";
const NO_QUESTION: &str = "there is no question\nhint: groundcrew ask \"why is checkout slow?\"";

pub(super) async fn run(
    mut settings: Settings,
    arguments: AskArguments,
    mut terminal: Terminal,
) -> Result<Exit> {
    let source = source(&arguments);
    let ask = asked(&arguments, &source)?;
    // Wrong times are told before anything is opened.
    let question = question(&ask)?;
    if arguments.facts_only {
        settings.llm.base_url.clear();
        settings.llm.api_key = crate::config::Secret::default();
    }
    // Large stores take a moment to open; whoever waits hears at once that it is being looked into.
    if matches!(arguments.output, Output::Text | Output::Md) && !arguments.dry_run {
        print::note(crate::text::visible(&format!("looking into: {}", ask.text)));
    }
    let interrupts = Interrupts::listen();
    let work = async {
        // What was read for one question lives as long as its answer is looked for.
        let (mut place, question, read) = place(&settings, source, question, &arguments).await?;
        if arguments.dry_run {
            return dry_run(&place, question, arguments.output).map(|()| Some(Ok(Exit::Success)));
        }
        terminal.server = place.server();
        let on_frame = progress(arguments.output);
        let answer = place.answer(&ask, question, &interrupts.stop, on_frame).await?;
        let exit = answer.as_ref().map(|answer| shown(answer, arguments.output, &terminal));
        if let (Some(answer), None, Output::Text) = (&answer, &read, arguments.output) {
            actions::offer(&settings, answer, "groundcrew").await?;
        }
        Ok::<_, anyhow::Error>(exit)
    };
    let exit = tokio::select! {
        shown = work => shown?.transpose()?,
        () = interrupts.now.cancelled() => None,
    };
    match exit {
        Some(exit) if !interrupts.happened() => Ok(exit),
        _ => Ok(Exit::Interrupted),
    }
}

/// What is asked.
enum Source {
    /// Files, or what is piped in as `-`, about itself alone.
    Files(Vec<PathBuf>),
    /// What may be piped in; when it turns out to be nothing, as without it.
    Pipe,
    /// The data directory, without a server, whose model or conversation nobody asked for.
    Directory,
    /// A running server if there is one.
    ServerOrDirectory,
}

fn source(arguments: &AskArguments) -> Source {
    let is_dash = |word: &String| word == "-";
    let mut files = arguments.file.clone();
    if arguments.words.iter().any(is_dash) {
        files.push("-".into());
    }
    if !files.is_empty() {
        return Source::Files(files);
    }
    // Whoever names an incident or a conversation asks about that.
    let is_about_stored = arguments.incident.is_some() || arguments.conversation.is_some();
    if !is_about_stored && piped::comes_through_a_pipe() {
        return Source::Pipe;
    }
    if arguments.facts_only || arguments.dry_run || arguments.incident.is_some() {
        Source::Directory
    } else {
        Source::ServerOrDirectory
    }
}

fn asked(arguments: &AskArguments, source: &Source) -> Result<Ask> {
    let words = arguments.words.iter().map(String::as_str).filter(|word| *word != "-");
    let text = words.collect::<Vec<&str>>().join(" ");
    let text = match source {
        Source::Files(_) | Source::Pipe if text.is_empty() => PIPED_QUESTION.to_owned(),
        Source::Directory | Source::ServerOrDirectory if text.is_empty() => {
            bail!(NO_QUESTION)
        }
        _ => text,
    };
    let scope = Scope {
        services: arguments.service.clone(),
        at: arguments.at.clone(),
        since: arguments.since.clone(),
        as_of: arguments.as_of.clone(),
    };
    let sid = arguments.conversation.clone();
    let mode = arguments.deep.then(|| "deep".to_owned());
    Ok(Ask { text, sid, mode, scope, ..Ask::default() })
}

/// The question, asked now; mistakes are told in words of the command line.
pub(super) fn question(ask: &Ask) -> Result<Question> {
    ask.question(SystemClock.now()).map_err(|message| {
        anyhow::anyhow!(message.replace("scope.as_of", "--as-of").replace("scope.", "--"))
    })
}

/// Where it is answered, the question as it is understood there, and what must live as long.
async fn place(
    settings: &Settings,
    source: Source,
    question: Question,
    arguments: &AskArguments,
) -> Result<(Place, Question, Option<tempfile::TempDir>)> {
    let read = match &source {
        Source::Files(files) => Some(piped::must_read(settings, files, question.clone())?),
        Source::Pipe => {
            let read = piped::read(settings, &["-".into()], question.clone())?;
            if read.is_none() && arguments.words.is_empty() {
                bail!(NO_QUESTION);
            }
            read
        }
        Source::Directory | Source::ServerOrDirectory => None,
    };
    if let Some(read) = read {
        let place = Place::Here(Box::new(Here::on(read.investigator)));
        return Ok((place, read.question, Some(read.directory)));
    }
    let is_local = matches!(source, Source::Directory) || arguments.facts_only || arguments.dry_run;
    let place = if is_local {
        let mut here = Here::on_directory(settings)?;
        if let Some(code) = &arguments.incident {
            here.thread = Some(thread_of(&here, code)?);
        }
        Place::Here(Box::new(here))
    } else {
        Place::find(settings).await?
    };
    if arguments.conversation.is_some() && matches!(place, Place::Here(_)) {
        bail!("a conversation lives in a running server; start one with `groundcrew serve`");
    }
    Ok((place, question, None))
}

/// What an incident is about.
fn thread_of(here: &Here, code: &str) -> Result<Thread> {
    let state = here.investigator().store.state();
    let answer = explore::answer_of(state, code)
        .with_context(|| format!("no answer with the code `{code}` is kept"))?;
    let kept = state.answer(&answer.answer_id)?;
    let kept = kept.and_then(|json| serde_json::from_str::<Investigated>(&json).ok());
    let asked = kept.and_then(|kept| kept.asked).map(|asked| asked.question);
    let asked = asked.unwrap_or_else(|| Question::new(answer.question.clone(), answer.to));
    // Its time was given: by the code.
    Ok(Thread { time_given: true, ..Thread::after(&asked, &answer) })
}

/// Prints what a model would be sent, and sends nothing.
fn dry_run(place: &Place, question: Question, output: Output) -> Result<()> {
    let Place::Here(here) = place else {
        bail!("a running server asks its own model\nhint: --dry-run reads the data directory");
    };
    let question = here.resolved(question);
    let investigator = here.investigator();
    let packed = first_prompt(investigator, question).map_err(anyhow::Error::msg)?;
    let request = &packed.request;
    let (tokens, reply) = (request.input_tokens(), request.output_tokens_max);
    let model = investigator.model.as_ref().map(|model| model.name().to_owned());
    if output == Output::Text || output == Output::Md {
        let messages =
            request.messages().map(|(who, text)| format!("--- {}\n{text}\n", who.as_str()));
        print::out(&crate::text::visible(&messages.collect::<String>()))?;
        print::note(format!(
            "{tokens} tokens, {} items of evidence, at most {reply} tokens in reply; nothing was sent{}",
            packed.items,
            model.map_or(" and no model is configured".to_owned(), |name| format!(" to {name}")),
        ));
        return Ok(());
    }
    let messages: Vec<_> = request
        .messages()
        .map(|(who, text)| json!({"role": who.as_str(), "content": text}))
        .collect();
    let told = json!({"model": model, "messages": messages, "input_tokens": tokens,
        "output_tokens_max": reply, "items": packed.items});
    Ok(print::out(&format!("{told}\n"))?)
}

/// Prints the answer.
pub(super) fn shown(answer: &Answer, output: Output, terminal: &Terminal) -> Result<Exit> {
    match output {
        Output::Text => print::out(&render::text(answer, terminal))?,
        Output::Json => print::out(&format!("{}\n", serde_json::to_string_pretty(answer)?))?,
        Output::Md => print::out(&markdown(answer, Citing::Brackets))?,
        Output::Jsonl => {}
    }
    Ok(exit_of(answer))
}

fn exit_of(answer: &Answer) -> Exit {
    if answer.verdict == Verdict::NotEnoughEvidence {
        Exit::NotEnoughEvidence
    } else {
        Exit::Success
    }
}

/// Shows how far it is.
pub(super) fn progress(output: Output) -> OnFrame {
    let is_terminal = std::io::stderr().is_terminal();
    Arc::new(move |envelope: &Envelope| {
        if output == Output::Jsonl {
            let line = serde_json::to_string(envelope).map(|line| format!("{line}\n"));
            if let Ok(line) = line
                && let Err(error) = print::out(&line)
            {
                tracing::debug!(%error, "stdout is gone");
            }
            return;
        }
        if is_terminal && envelope.t == "step" {
            let field =
                |name: &str| envelope.d.get(name).and_then(|value| value.as_str()).unwrap_or("");
            let done = serde_json::to_value(StepStatus::Complete)
                .is_ok_and(|complete| envelope.d.get("status") == Some(&complete));
            if done {
                let (title, detail) = (field("title"), field("detail"));
                print::note(crate::text::visible(&format!("  ✓ {title} {detail}")));
            }
        }
    })
}
