//! `groundcrew actions`, `propose`, `approve` and `audit`: what may be done, and a person's word on it.
//!
//! They work on the state of the data directory, whether a server runs on it or not: of all who approve the same plan,
//! here or over any surface, one has it done.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use groundcrew_telemetry::SystemClock;

use super::arguments::DoctorOutput;
use super::exit::Exit;
use super::print;
use crate::app;
use crate::config::{Environment, Settings};
use crate::investigate::answer::Answer;
use crate::investigate::format::time;
use crate::remediate::{
    ActionsView, AuditEntry, Helped, Principal, Proposal, ProposalState, Remediation, Wanted,
    audit_report, heads_file,
};
use crate::text::visible;

/// Rows of the trail read at a time.
const PAGE: u32 = 1_000;

#[derive(Args, Debug)]
#[command(
    after_help = "Runbooks below the directories of actions.runbooks declare actions; runbooks/README.md says how.\n\n\
Examples:\n  groundcrew actions\n  groundcrew actions ap_5f0a9c01..."
)]
pub(super) struct ActionsArguments {
    /// Show this proposal in full, instead of all that is declared and proposed
    #[arg(value_name = "PROPOSAL")]
    pub proposal: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Nothing is done by proposing. Example:\n  groundcrew propose recycle-checkout -i 7Q2 step=2"
)]
pub(super) struct ProposeArguments {
    /// The action's id
    #[arg(value_name = "ACTION")]
    pub action: String,
    /// Arguments; what is left out is taken as usual
    #[arg(value_name = "NAME=VALUE")]
    pub arguments: Vec<String>,
    /// The incident that speaks for it: the code beside an answer's headline
    #[arg(short, long, value_name = "CODE")]
    pub incident: Option<String>,
    /// Who proposes it [default: $USER]
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Shows the plan and asks before anything is done. What is approved is done once, by whoever approves first.\n\n\
Exit codes: 0 done, or declined as asked; 1 not approved, not done, or not known whether it was done; 2 refused."
)]
pub(super) struct ApproveArguments {
    /// The proposal
    #[arg(value_name = "PROPOSAL")]
    pub proposal: String,
    /// Do not ask; with --hash the plan must be the one with that hash
    #[arg(long)]
    pub yes: bool,
    /// The hash of the plan that you were shown
    #[arg(long, value_name = "HASH")]
    pub hash: Option<String>,
    /// Decline it instead
    #[arg(long, conflicts_with_all = ["yes", "hash"])]
    pub decline: bool,
    /// Who approves [default: $USER]
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "--verify reckons every hash anew and looks for every head that was written down. Heads that lie on the same machine\n\
can be changed together with the trail: keep them elsewhere (actions.audit_file, or GET /v1/audit/head)."
)]
pub(super) struct AuditArguments {
    /// Say whether the trail is as it was written (exit code 1 if not)
    #[arg(long)]
    pub verify: bool,
    /// Heads to hold it against [default: actions.audit_file]
    #[arg(long, value_name = "FILE", requires = "verify")]
    pub against: Option<PathBuf>,
    /// Print where the trail ends, and nothing else
    #[arg(long, conflicts_with = "verify")]
    pub head: bool,
}

fn open(settings: &Settings) -> Result<Remediation> {
    if !settings.data.dir.exists() {
        bail!(
            "there is no data directory at {}\nhint: ask something first",
            settings.data.dir.display()
        );
    }
    let store = app::open_store_beside(settings)?;
    Ok(Remediation::new(store, Arc::new(SystemClock), settings))
}

fn person(given: Option<&str>, environment: &Environment) -> Result<Principal> {
    let name = given.or_else(|| environment.get("USER")).unwrap_or_default();
    Ok(Principal::named(Principal::CommandLine, name)?)
}

/// `groundcrew actions`.
pub(super) async fn list(settings: Settings, arguments: ActionsArguments) -> Result<Exit> {
    let actions = open(&settings)?;
    actions.look_after().await;
    if let Some(id) = &arguments.proposal {
        let proposal = actions.get(id).await?;
        let page = match arguments.output {
            DoctorOutput::Json => format!("{}\n", serde_json::to_string_pretty(&proposal)?),
            DoctorOutput::Text => visible(&shown(&proposal)),
        };
        print::out(&page)?;
        return Ok(Exit::Success);
    }
    let declared = ActionsView::from(actions.catalogue().await?);
    let proposals = actions.latest().await?;
    if arguments.output == DoctorOutput::Json {
        let all = serde_json::json!({"actions": declared.actions, "problems": declared.problems,
            "proposals": proposals});
        print::out(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
        return Ok(Exit::Success);
    }
    let mut page = String::new();
    for action in &declared.actions {
        let kinds = match action.kinds.as_slice() {
            [] => String::new(),
            kinds => format!(" ({})", kinds.join(", ")),
        };
        page.push_str(&format!(
            "{}  {}\n  {}\n  for {}{kinds}, by {}, declared in {}\n  hits: {}\n  undo: {}\n",
            action.id,
            action.title,
            action.does,
            action.services.join(", "),
            action.actuator,
            action.runbook,
            action.blast_radius,
            action.undo
        ));
        for (name, values) in &action.parameters {
            page.push_str(&format!("  {name}: {values}\n"));
        }
    }
    for proposal in &proposals {
        page.push_str(&format!("{}  {}: {}\n", proposal.id, proposal.title, proposal.standing()));
    }
    print::out(&visible(&page))?;
    declared
        .problems
        .iter()
        .for_each(|problem| print::note(visible(&format!("not used: {problem}"))));
    Ok(if declared.actions.is_empty() { Exit::NotEnoughEvidence } else { Exit::Success })
}

/// `groundcrew propose`.
pub(super) async fn propose(
    settings: Settings,
    arguments: ProposeArguments,
    environment: &Environment,
) -> Result<Exit> {
    let by = person(arguments.name.as_deref(), environment)?;
    let pair = |text: &String| {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("`{text}` is no argument\nhint: write NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    let given: BTreeMap<String, String> =
        arguments.arguments.iter().map(pair).collect::<Result<_>>()?;
    let (action, answer) = (arguments.action, arguments.incident);
    let wanted = Wanted { action, arguments: given, answer, by };
    let proposal = open(&settings)?.propose(wanted).await?;
    print::out(&visible(&shown(&proposal)))?;
    Ok(Exit::Success)
}

/// `groundcrew approve`.
pub(super) async fn approve(
    settings: Settings,
    arguments: ApproveArguments,
    environment: &Environment,
) -> Result<Exit> {
    let by = person(arguments.name.as_deref(), environment)?;
    let actions = open(&settings)?;
    if arguments.decline {
        let proposal = actions.decline(&arguments.proposal, by).await?;
        print::out(&visible(&format!("{}\n", proposal.standing())))?;
        return Ok(Exit::Success);
    }
    let proposal = actions.get(&arguments.proposal).await?;
    let hash = arguments.hash.clone().unwrap_or_else(|| proposal.hash.clone());
    // What cannot be approved any more is refused without a question.
    if proposal.state == ProposalState::Open && !arguments.yes {
        print::note(visible(&shown(&proposal)));
        if !confirmed(&proposal)? {
            print::note("not approved; nothing was done");
            return Ok(Exit::NotEnoughEvidence);
        }
    }
    let done = actions.approve(&arguments.proposal, &hash, by).await?;
    print::out(&visible(&format!("{}\n", done.standing())))?;
    if done.course.check_at.is_some() {
        print::note(format!(
            "a running server measures it; `groundcrew actions {}` tells",
            done.id
        ));
    }
    let is_done = done.state == ProposalState::Done;
    Ok(if is_done { Exit::Success } else { Exit::NotEnoughEvidence })
}

/// Asks at the terminal. Where nobody can answer, nobody has.
fn confirmed(proposal: &Proposal) -> Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("nobody can be asked here\nhint: give --yes --hash {}", proposal.hash);
    }
    print::note(visible(&format!("Have “{}” done? Type yes:", proposal.title)));
    let mut line = String::new();
    stdin.lock().read_line(&mut line).context("failed to read the answer")?;
    Ok(line.trim().eq_ignore_ascii_case("yes"))
}

/// A proposal in full.
fn shown(proposal: &Proposal) -> String {
    let mut page = format!("{}  {}\n", proposal.id, proposal.title);
    let mut add = |label: &str, text: &str| {
        if !text.is_empty() {
            page.push_str(&format!("  {label:<10} {text}\n"));
        }
    };
    add("does", &proposal.does);
    for (name, value) in &proposal.arguments {
        add("with", &format!("{name}={value}"));
    }
    add("by", &proposal.actuator);
    add("hits", &proposal.blast_radius);
    add("called by", &proposal.callers.join(", "));
    add("undo", &proposal.undo);
    proposal.dry_run.iter().for_each(|line| add("dry run", line));
    add("check", proposal.check.as_deref().unwrap_or_default());
    add("rests on", &proposal.rests_on.words);
    add("runbook", &proposal.runbook);
    add("proposed", &format!("by {}, {}", proposal.proposed_by, time(proposal.at)));
    add("expires", &time(proposal.expires_at));
    add("plan", &proposal.plan);
    add("hash", &proposal.hash);
    let helped = proposal.course.helped.map(|helped| match helped {
        Helped::Better => "better",
        Helped::Not => "not better",
        Helped::Unknown => "not known",
    });
    add("helped", helped.unwrap_or_default());
    add("stands", &proposal.standing());
    page
}

/// What is proposed under an answer that was just printed; nothing where no actions are configured.
/// `program` is how this program is called for the same data.
pub(super) async fn offer(settings: &Settings, answer: &Answer, program: &str) -> Result<()> {
    if settings.actions.runbooks.is_empty() || !settings.data.dir.exists() {
        return Ok(());
    }
    let offered = open(settings)?.of_answer(&answer.answer_id).await;
    match offered {
        Ok(Some(proposal)) if proposal.state == ProposalState::Open => {
            let undo = if proposal.undo.is_empty() {
                String::new()
            } else {
                format!("; undo: {}", proposal.undo)
            };
            print::out(&visible(&format!(
                "Could be done: {} ({}{undo})\n  {program} approve {}\n",
                proposal.title, proposal.actuator, proposal.id
            )))?;
        }
        Ok(_) => {}
        // The answer stands; what could be done about it is an extra.
        Err(error) => print::note(visible(&format!("no action is offered: {error}"))),
    }
    Ok(())
}

/// `groundcrew audit`.
pub(super) fn audit(settings: &Settings, arguments: &AuditArguments) -> Result<Exit> {
    let state = app::open_state(settings)?;
    if arguments.head {
        print::out(&format!("{}\n", state.audit_head()?))?;
        return Ok(Exit::Success);
    }
    if arguments.verify {
        let file = arguments.against.clone().unwrap_or_else(|| heads_file(settings));
        let report = audit_report(&state, &file)?;
        for broken in &report.broken {
            print::out(&visible(&format!("{broken}\n")))?;
        }
        if !report.broken.is_empty() {
            return Ok(Exit::Differs);
        }
        print::out(&format!(
            "{} rows, as they were written; {} heads of {} were found in them\n",
            report.head.seq,
            report.matched,
            file.display()
        ))?;
        return Ok(Exit::Success);
    }
    let mut after = 0;
    loop {
        let rows = state.audit(after, PAGE)?;
        let Some(last) = rows.last() else { return Ok(Exit::Success) };
        after = last.seq;
        for row in rows {
            let words = match serde_json::from_str::<AuditEntry>(&row.entry) {
                Ok(entry) => entry.words(),
                Err(_) => row.entry.clone(),
            };
            print::out(&visible(&format!("{}  {}  {words}\n", row.seq, time(row.at))))?;
        }
    }
}
