//! The one tool that does not only read: it asks a person to have an action done. It never does anything itself, and what
//! it may ask for is what runbooks declare, resting on an answer that something measured speaks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use groundcrew_telemetry::SystemClock;
use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arguments::read;
use super::desk::Desk;
use super::said::{Said, Wrong};
use super::schema;
use crate::config::Settings;
use crate::remediate::{Principal, Proposal, Remediation, Wanted};

/// What it is called.
pub(super) const NAME: &str = "propose_action";

/// What it takes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProposeAction {
    /// The action's id, as a runbook declares it.
    action: String,
    /// Arguments by parameter, each out of its closed set; what is left out is taken as usual.
    arguments: Option<BTreeMap<String, String>>,
    /// Code of the incident, or id of the answer, that speaks for it.
    answer: String,
}

/// What it gives.
#[derive(Serialize, JsonSchema)]
struct ProposalShape {
    /// Its id. A person approves it by this name, elsewhere.
    proposal: String,
    /// What would be done.
    does: String,
    /// Whom it would hit.
    blast_radius: String,
    /// Who was seen calling what it is done to.
    callers: Vec<String>,
    /// How to undo it.
    undo: String,
    /// What was tried without doing anything.
    dry_run: Vec<String>,
    /// What speaks for it.
    rests_on: String,
    /// Until when it may be approved, RFC 3339.
    expires_at: String,
    /// How it stands.
    standing: String,
}

/// As it is listed.
pub(super) fn tool() -> Tool {
    let annotations = ToolAnnotations::with_title("Propose an action")
        .read_only(false)
        .destructive(false)
        .idempotent(false)
        .open_world(false);
    let description = "Asks a person to have an action of a runbook done: the person sees the plan, its blast radius and its undo, and decides. Nothing is done by this call. It needs an answer whose evidence was measured.";
    Tool::new(NAME, description, schema::of::<ProposeAction>())
        .with_title("Propose an action")
        .with_raw_output_schema(schema::of::<ProposalShape>())
        .with_annotations(annotations)
}

/// Calls it.
pub(super) async fn call(
    desk: &Desk,
    settings: &Settings,
    given: Option<JsonObject>,
) -> CallToolResult {
    match proposed(desk, settings, given).await {
        Ok(result) => result,
        Err(wrong) => wrong.result(),
    }
}

async fn proposed(
    desk: &Desk,
    settings: &Settings,
    given: Option<JsonObject>,
) -> Result<CallToolResult, Wrong> {
    let given: ProposeAction = read(given)?;
    let sessions = desk.sessions().await?;
    let investigator = sessions.investigator();
    let actions =
        Remediation::new(Arc::clone(&investigator.store), Arc::new(SystemClock), settings);
    let wanted = Wanted {
        action: given.action,
        arguments: given.arguments.unwrap_or_default(),
        answer: Some(given.answer),
        by: Principal::Mcp,
    };
    let proposal = actions.propose(wanted).await.map_err(|refused| {
        let (message, hint) = refused.parts();
        Wrong::new(message, hint)
    })?;
    let summary = format!(
        "{} waits for a person: groundcrew approve {}. Nothing was done.",
        proposal.title, proposal.id
    );
    let shape = shape(proposal);
    Ok(Said::new(&shape, summary, &[]).result(&investigator.masker))
}

fn shape(proposal: Proposal) -> ProposalShape {
    ProposalShape {
        standing: proposal.standing(),
        proposal: proposal.id,
        does: proposal.does,
        blast_radius: proposal.blast_radius,
        callers: proposal.callers,
        undo: proposal.undo,
        dry_run: proposal.dry_run,
        rests_on: proposal.rests_on.words,
        expires_at: proposal.expires_at.to_string(),
    }
}
