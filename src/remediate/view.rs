//! A proposal as surfaces show it, and what is kept of it beside its plan.

use std::collections::BTreeMap;

use groundcrew_store::StoredProposal;
use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use super::declared::{Action, Catalogue};
use super::plan::Plan;
use super::{Principal, Refused};
use crate::investigate::answer::{optional_time, time};

/// A proposed action.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Proposal {
    /// `ap_` and a part that cannot be guessed.
    pub id: String,
    /// The action's id.
    pub action: String,
    /// In a few words.
    pub title: String,
    /// What it does.
    pub does: String,
    /// Whom it hits, in the runbook's words.
    pub blast_radius: String,
    /// Services that were seen calling those that it is done to, the most calls first.
    pub callers: Vec<String>,
    /// How to undo it.
    pub undo: String,
    /// The runbook that declares it.
    pub runbook: String,
    /// The arguments, by parameter.
    pub arguments: BTreeMap<String, String>,
    /// Who does it: `dry run`, or `webhook` and its name.
    pub actuator: String,
    /// What is measured afterwards, in words.
    pub check: Option<String>,
    /// The plan, to the letter.
    pub plan: String,
    /// Its hash. Whoever approves approves this.
    pub hash: String,
    /// What was tried without doing anything.
    pub dry_run: Vec<String>,
    /// What speaks for it.
    pub rests_on: RestsOn,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    #[serde(with = "time")]
    #[cfg_attr(test, ts(as = "String"), schemars(with = "String"))]
    pub at: Timestamp,
    /// From when on it may not be approved any more.
    #[serde(with = "time")]
    #[cfg_attr(test, ts(as = "String"), schemars(with = "String"))]
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: ProposalState,
    /// What became of it.
    pub course: Course,
}

/// An action that may be proposed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ActionRow {
    /// Its name.
    pub id: String,
    /// In a few words.
    pub title: String,
    /// What it does.
    pub does: String,
    /// Whom it hits.
    pub blast_radius: String,
    /// How to undo it.
    pub undo: String,
    /// The services that it is for.
    pub services: Vec<String>,
    /// The kinds of fault that it is for; empty for all.
    pub kinds: Vec<String>,
    /// What is chosen, each with the values it may have, in words.
    pub parameters: BTreeMap<String, String>,
    /// Who does it.
    pub actuator: String,
    /// The runbook that declares it.
    pub runbook: String,
}

/// All that may be proposed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ActionsView {
    /// By id.
    pub actions: Vec<ActionRow>,
    /// What runbooks declare that could not be used, in words.
    pub problems: Vec<String>,
}

impl From<Catalogue> for ActionsView {
    fn from(catalogue: Catalogue) -> Self {
        let row = |action: Action| ActionRow {
            actuator: action.actuator.words(),
            parameters: action
                .parameters
                .iter()
                .map(|(name, parameter)| (name.clone(), parameter.words()))
                .collect(),
            id: action.id,
            title: action.title,
            does: action.does,
            blast_radius: action.blast_radius,
            undo: action.undo,
            services: action.services,
            kinds: action.kinds,
            runbook: action.runbook,
        };
        Self {
            actions: catalogue.actions.into_values().map(row).collect(),
            problems: catalogue.problems,
        }
    }
}

/// Where a proposal stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// It waits for a person.
    Open,
    /// Nobody approved it in time.
    Expired,
    /// A person declined it.
    Declined,
    /// It is approved and being done.
    Acting,
    /// It was done, or rehearsed.
    Done,
    /// It was not done: nothing was sent, or the receiver refused it.
    Failed,
    /// Nobody here can say whether it was done. It is not tried again.
    Unknown,
}

impl ProposalState {
    /// The word for it, in the store and for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::Acting => "acting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Declined, Self::Acting, Self::Done, Self::Failed, Self::Unknown]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// What speaks for a proposal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct RestsOn {
    /// The answer.
    pub answer: Option<String>,
    /// Its incident's code.
    pub incident: Option<String>,
    /// The suspect that it is about.
    pub suspect: Option<String>,
    /// The evidence that speaks for the suspect.
    pub evidence: Vec<String>,
    /// Whether all of that is words that anybody may have written, and nothing that was measured.
    pub is_tainted: bool,
    /// The same in one sentence.
    pub words: String,
}

/// Whether an action helped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Helped {
    /// The figure is where it should be.
    Better,
    /// It is not.
    Not,
    /// It could not be measured.
    Unknown,
}

/// What became of a proposal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub struct Course {
    /// Who approved or declined it.
    pub decided_by: Option<String>,
    /// When.
    #[serde(default, with = "optional_time")]
    #[cfg_attr(test, ts(as = "Option<String>"), schemars(with = "Option<String>"))]
    pub decided_at: Option<Timestamp>,
    /// What came of doing it.
    pub outcome: Option<String>,
    /// When the check is due; it has been made when `helped` is there.
    #[serde(default, with = "optional_time")]
    #[cfg_attr(test, ts(as = "Option<String>"), schemars(with = "Option<String>"))]
    pub check_at: Option<Timestamp>,
    /// Whether it helped.
    pub helped: Option<Helped>,
    /// What was measured for that.
    pub measured: Option<String>,
}

/// What is kept of a proposal beside its plan, as it was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) callers: Vec<String>,
    pub(super) dry_run: Vec<String>,
    pub(super) rests_on: RestsOn,
    pub(super) by: Principal,
}

/// A stored proposal, read.
pub(super) struct Read {
    pub(super) stored: StoredProposal,
    pub(super) plan: Plan,
    pub(super) about: About,
    pub(super) course: Course,
    pub(super) state: ProposalState,
}

impl Read {
    pub(super) fn of(stored: StoredProposal) -> Result<Self, Refused> {
        let unreadable = || {
            Refused::Stale(format!("the proposal `{}` was changed since it was made", stored.id))
        };
        let plan = serde_json::from_str(&stored.plan).map_err(|_| unreadable())?;
        let about = serde_json::from_str(&stored.about).map_err(|_| unreadable())?;
        let course = serde_json::from_str(&stored.course).map_err(|_| unreadable())?;
        let state = ProposalState::from_name(&stored.state).ok_or_else(unreadable)?;
        Ok(Self { plan, about, course, state, stored })
    }

    /// As it stands at a time.
    pub(super) fn shown(self, now: Timestamp) -> Proposal {
        let Self { stored, plan, about, course, state } = self;
        let is_late = state == ProposalState::Open && stored.expires_at <= now;
        Proposal {
            id: stored.id,
            action: plan.action,
            title: plan.title,
            does: plan.does,
            blast_radius: plan.blast_radius,
            callers: about.callers,
            undo: plan.undo,
            runbook: plan.runbook,
            arguments: plan.arguments,
            actuator: plan.actuator.words(),
            check: plan.check.as_ref().map(super::plan::PlannedCheck::words),
            plan: stored.plan,
            hash: stored.hash,
            dry_run: about.dry_run,
            rests_on: about.rests_on,
            proposed_by: about.by.words(),
            at: stored.at,
            expires_at: stored.expires_at,
            state: if is_late { ProposalState::Expired } else { state },
            course,
        }
    }
}

impl Proposal {
    /// What became of it, in one sentence.
    #[must_use]
    pub fn standing(&self) -> String {
        let by = self.course.decided_by.as_deref().unwrap_or("somebody");
        let outcome = self.course.outcome.as_deref().unwrap_or_default();
        let mut words = match self.state {
            ProposalState::Open => "waits for a person to approve it".to_owned(),
            ProposalState::Expired => "expired; nobody approved it in time".to_owned(),
            ProposalState::Declined => format!("declined by {by}"),
            ProposalState::Acting => format!("approved by {by}, being done"),
            ProposalState::Done => format!("approved by {by}; {outcome}"),
            ProposalState::Failed => format!("approved by {by}, not done: {outcome}"),
            ProposalState::Unknown => format!(
                "approved by {by}; whether it was done is not known, and it is not tried again: {outcome}"
            ),
        };
        match (self.course.helped, self.course.measured.as_deref()) {
            (Some(helped), measured) => {
                let verdict = match helped {
                    Helped::Better => "It is better",
                    Helped::Not => "It is not better",
                    Helped::Unknown => "Whether it helped is not known",
                };
                words.push_str(&format!(". {verdict}: {}", measured.unwrap_or_default()));
            }
            (None, _) if self.course.check_at.is_some() => {
                words.push_str(". Whether it helped is measured in a while");
            }
            (None, _) => {}
        }
        words
    }

    /// Whether nothing more will become of it by itself.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let is_checked = self.course.check_at.is_none() || self.course.helped.is_some();
        self.state != ProposalState::Acting && is_checked
    }
}
