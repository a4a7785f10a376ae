//! Doing what was approved. The approval is on disk before this begins, and whatever happens here it is not begun again:
//! where nobody can say whether something arrived, that is what is said.

use super::Principal;
use super::declared::Actuator;
use super::plan::Plan;
use super::view::ProposalState;
use super::webhook::{self, Order, Unsent};
use crate::config::ActionsSettings;
use groundcrew_telemetry::Timestamp;

/// What came of it.
pub(super) struct Report {
    pub(super) state: ProposalState,
    pub(super) outcome: String,
}

/// An approved plan.
pub(super) struct Approved<'a> {
    pub(super) plan: &'a Plan,
    pub(super) text: &'a str,
    pub(super) hash: &'a str,
    pub(super) by: &'a Principal,
    pub(super) at: Timestamp,
}

/// Does it, by whoever the runbook says.
pub(super) async fn carry_out(settings: &ActionsSettings, approved: &Approved<'_>) -> Report {
    let failed = |outcome: String| Report { state: ProposalState::Failed, outcome };
    let name = match &approved.plan.actuator {
        Actuator::DryRun => {
            let outcome = "a dry run: nothing was sent".to_owned();
            return Report { state: ProposalState::Done, outcome };
        }
        Actuator::Webhook(name) => name,
    };
    let Some(webhook) = settings.webhook(name) else {
        return failed(format!("nothing was sent: there is no webhook `{name}`"));
    };
    let by = approved.by.words();
    let order = Order {
        proposal: &approved.plan.proposal,
        plan: approved.text,
        hash: approved.hash,
        approved_by: &by,
        approved_at: approved.at.to_string(),
    };
    match webhook::post(webhook, &order).await {
        Ok(status @ 200..=299) => {
            Report { state: ProposalState::Done, outcome: format!("{name} answered {status}") }
        }
        // It had the order, and something behind it broke.
        Ok(status @ 500..) => {
            Report { state: ProposalState::Unknown, outcome: format!("{name} answered {status}") }
        }
        Ok(status) => failed(format!("{name} refused it with {status}")),
        Err(error @ Unsent::Before(_)) => failed(error.to_string()),
        Err(error @ Unsent::Maybe(_)) => {
            Report { state: ProposalState::Unknown, outcome: error.to_string() }
        }
    }
}
