//! The command line, as clap sees it. Help leads with examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::actions::{ActionsArguments, ApproveArguments, AuditArguments, ProposeArguments};
use super::changes::ChangesArguments;
use super::chat::ChatArguments;
use super::cost::CostArguments;
use super::eval_arguments::EvalCommand;
use super::export::ExportArguments;
use super::hook::HookCommand;
use super::logs::LogsArguments;
use super::manual::{CompletionsArguments, ManArguments};
use super::replay::ReplayArguments;
use super::show::ShowArguments;
use super::slack::SlackCommand;
use super::trace::TraceArguments;
use super::watch::WatchArguments;

const EXAMPLES: &str = "\
Examples:
  groundcrew demo                                    a simulated outage, and what caused it
  groundcrew ingest ./telemetry/*.jsonl.gz           feed in what the OpenTelemetry Collector wrote
  groundcrew index ./runbooks                        feed in runbooks and past incidents
  groundcrew ask \"why is checkout slow?\"             ask
  kubectl logs deploy/checkout | groundcrew ask \"what broke?\"
                                                     ask about what is piped in
  groundcrew chat                                    ask and follow up
  groundcrew incident confirm 7Q2 --fix \"rolled back\"  remember what it was and what ended it
  groundcrew serve                                   receive OTLP on :4317 and :4318, chat on http://127.0.0.1:7717

Exit codes: 0 answered with evidence, 1 not enough evidence, 2 error, 130 interrupted.";

/// Says what most likely caused an outage, every sentence tied to evidence.
#[derive(Parser, Debug)]
#[command(name = "groundcrew", version, about, before_help = EXAMPLES, max_term_width = 110)]
pub(super) struct Arguments {
    /// Data directory [default: $XDG_DATA_HOME/groundcrew]; also GROUNDCREW_DATA_DIR
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file, instead of the usual places
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log more to stderr; twice for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Ask what is wrong, or about what is piped in
    Ask(AskArguments),
    /// Ask and follow up, with commands to look at what was answered
    Chat(ChatArguments),
    /// Show an answer that was given, or one item of its evidence
    Show(ShowArguments),
    /// Show what is different from the time before: changes, services, log patterns
    WhatChanged(ChangesArguments),
    /// Show log records
    Logs(LogsArguments),
    /// Show one trace as a waterfall
    Trace(TraceArguments),
    /// Show what was charged, per request and per incident, too
    Cost(CostArguments),
    /// Follow what fires and what is answered
    Watch(WatchArguments),
    /// Feed in telemetry, logs, changes, alerts, cluster state and billing from files or `-`
    Ingest(IngestArguments),
    /// Feed in runbooks and past incidents
    Index(IndexArguments),
    /// Move the vectors of documents between this machine and a Qdrant server
    #[command(subcommand)]
    Vectors(VectorsCommand),
    /// Read one PDF from stdin, for `index`
    #[command(hide = true)]
    ReadPdf,
    /// The memory of incidents: confirm, correct, list, compare, strike; drafts from them
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Show the actions that runbooks declare, and what was proposed
    Actions(ActionsArguments),
    /// Propose an action; nothing is done by that
    Propose(ProposeArguments),
    /// Have a proposed action done, after a look at its plan
    Approve(ApproveArguments),
    /// Show what was proposed, approved and done, and by whom
    Audit(AuditArguments),
    /// Try out messages of other systems: alerts and changes
    #[command(subcommand)]
    Hook(HookCommand),
    /// Write an answer with everything it was made from into one file
    Export(ExportArguments),
    /// Run exported answers again, offline, and show what differs
    Replay(ReplayArguments),
    /// Receive OTLP, serve the chat and the panel
    Serve,
    /// Serve the tools of the Model Context Protocol over stdin and stdout
    #[command(
        after_help = "A client starts it by itself: command `groundcrew`, arguments `mcp`. It reads the data directory, whether or not a server runs;\n\
over HTTP a running server has the same tools at /mcp."
    )]
    Mcp,
    /// Break a simulated shop and ask what happened
    Demo(DemoArguments),
    /// Measure on labelled cases
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Install the app in Slack, and see whether it works
    #[command(subcommand)]
    Slack(SlackCommand),
    /// Check what is configured, reachable and missing, each with its fix
    Doctor(DoctorArguments),
    /// Show and check settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a script that completes commands and options in a shell
    Completions(CompletionsArguments),
    /// Print the manual page, or write a page for every command
    Man(ManArguments),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  groundcrew ask \"why is checkout slow?\"\n  groundcrew ask --at 2026-11-22T03:12:00Z --since 20m \"what broke?\"\n  \
groundcrew ask -o json \"new errors?\" | jq .verdict\n  kubectl logs deploy/checkout | groundcrew ask \"what broke?\"\n  \
groundcrew ask -f app.log \"what broke?\"\n  groundcrew ask -i 7Q2 \"what should I do?\"\n\n\
Ctrl-C cancels and prints what is proven so far; twice ends at once."
)]
pub(super) struct AskArguments {
    /// The question; what is piped in is asked about, and `-` insists on it
    #[arg(value_name = "QUESTION")]
    pub words: Vec<String>,
    /// Ask about this file alone, as about what is piped in; may be given more than once
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Ask about this incident: the code beside an answer's headline
    #[arg(short, long, value_name = "CODE", conflicts_with_all = ["conversation", "file"])]
    pub incident: Option<String>,
    /// How far back the trouble may lie: 90s, 15m, 2h, 1d
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// The clock: answer as if it were then (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// What was known then: as --at, without documents and memories of later
    #[arg(long, value_name = "TIME", conflicts_with = "at")]
    pub as_of: Option<String>,
    /// Look at this service; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
    /// Go on with a conversation of the running server, or begin one of this name
    #[arg(short, long, value_name = "ID")]
    pub conversation: Option<String>,
    /// Fill the model's whole window instead of what a first answer takes
    #[arg(long)]
    pub deep: bool,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Do not ask the model, even if one is configured
    #[arg(long)]
    pub facts_only: bool,
    /// Print what the model would be sent and how many tokens that are, and send nothing
    #[arg(long, conflicts_with = "conversation")]
    pub dry_run: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Output {
    /// For a person at a terminal
    Text,
    /// One object: the answer with its evidence
    Json,
    /// One event per line, as they happen
    Jsonl,
    /// Markdown
    Md,
}

#[derive(Subcommand, Debug)]
pub(super) enum VectorsCommand {
    /// Compare vectors there from now on; what was left is cleaned up
    Move {
        /// Where to: the server is the one of documents.qdrant.url
        #[arg(long, value_enum, value_name = "WHERE")]
        to: VectorPlace,
    },
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum VectorPlace {
    /// In this process, exactly
    Embedded,
    /// On a Qdrant server
    Qdrant,
}

#[derive(Args, Debug)]
pub(super) struct IngestArguments {
    /// Files or directories; `-` for stdin
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The service of log lines that do not name one
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// The time of what carries none (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Take files again that were ingested before
    #[arg(long)]
    pub again: bool,
    /// Go on as the files grow, until Ctrl-C; paths may be patterns
    #[arg(long, conflicts_with_all = ["at", "again"])]
    pub follow: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Reads Markdown, reStructuredText, AsciiDoc, HTML, plain text and PDF, exports of PagerDuty incidents and GitHub issues (JSON),\n\
and Backstage catalog-info.yaml. Only what changed is read again.\n\n\
Examples:\n  groundcrew index ./runbooks\n  groundcrew index --watch ./runbooks\n  groundcrew index --check ./runbooks ./rules"
)]
pub(super) struct IndexArguments {
    /// Directories, or single files
    #[arg(required = true, value_name = "DIR")]
    pub directories: Vec<PathBuf>,
    /// Index, then follow changes until Ctrl-C
    #[arg(long, conflicts_with = "check")]
    pub watch: bool,
    /// Index nothing; report dead links, orphan runbooks, alerts without a runbook and the like (exit code 1 if any)
    #[arg(long)]
    pub check: bool,
    /// Print what --check found as JSON
    #[arg(long, requires = "check")]
    pub json: bool,
}

#[derive(Args, Debug)]
pub(super) struct DemoArguments {
    /// What breaks; `list` to see all
    #[arg(long, value_name = "NAME")]
    pub fault: Option<String>,
    /// Seed of the simulation
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Stop after the first answer instead of going on serving
    #[arg(long)]
    pub once: bool,
    /// The question, instead of the demo's own
    #[arg(long, value_name = "TEXT")]
    pub question: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct DoctorArguments {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DoctorOutput {
    /// For a person
    Text,
    /// A list of checks
    Json,
}

#[derive(Subcommand, Debug)]
#[command(
    after_help = "An incident is named by the code beside an answer's headline, such as 7Q2, or by the answer's id.\n\nExamples:\n  \
groundcrew incident confirm 7Q2 --fix \"rolled back checkout to 2.10.6\" --took 23m\n  \
groundcrew incident confirm 7Q2 --cause orders-db --kind disk --why \"the volume was full\"\n  \
groundcrew incident wrong 7Q2\n  groundcrew incident postmortem 7Q2 > 2026-03-14-checkout.md\n  \
groundcrew incident runbook 7Q2 | git apply --check"
)]
pub(super) enum IncidentCommand {
    /// Say that the answer was right, or with --cause what it was instead
    Confirm(ConfirmArguments),
    /// Say that the answer's cause is not it
    Wrong {
        /// The incident
        #[arg(value_name = "CODE")]
        code: String,
        /// Anything else, in your words
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Show all incidents that people spoke about
    List {
        /// How to print it
        #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
        output: DoctorOutput,
    },
    /// Show one in full
    Show {
        /// The incident
        #[arg(value_name = "CODE")]
        code: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
        output: DoctorOutput,
    },
    /// Show those that are like it, with what matches and what differs
    Similar {
        /// The incident
        #[arg(value_name = "CODE")]
        code: String,
    },
    /// Stop using a memory that is wrong; it is kept and marked
    Strike {
        /// The incident
        #[arg(value_name = "CODE")]
        code: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
    /// Print a draft of the postmortem, as Markdown
    Postmortem {
        /// The incident
        #[arg(value_name = "CODE")]
        code: String,
        /// Write it there instead; an existing file is not overwritten
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print a proposed change of the runbook that fits, as a diff; nothing is changed
    Runbook {
        /// The incident
        #[arg(value_name = "CODE")]
        code: String,
        /// Write it there instead; an existing file is not overwritten
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(super) struct ConfirmArguments {
    /// The incident
    #[arg(value_name = "CODE")]
    pub code: String,
    /// The service, node or dependency that it was, when it is not the suspected one
    #[arg(long, value_name = "SERVICE")]
    pub cause: Option<String>,
    /// The kind of fault: cpu, memory, disk, network, config, load, ...
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// The cause in your words
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// What fixed it
    #[arg(long, value_name = "TEXT")]
    pub fix: Option<String>,
    /// How long it took: 40s, 23m, 2h
    #[arg(long, value_name = "DURATION")]
    pub took: Option<String>,
    /// Anything else, in your words
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(super) enum ConfigCommand {
    /// Print the settings in force, secrets hidden
    Show,
    /// Say whether the settings can be used
    Check,
    /// Print every setting with its default, as a configuration file
    Reference,
}
