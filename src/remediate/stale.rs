//! Why a plan is not carried out although somebody approves it: it is not what was shown, or the world has moved on.

use super::Refused;
use super::declared::Actuator;
use super::plan::plan_hash;
use super::propose::{Grounds, leading, services, targets};
use super::view::Read;
use crate::investigate::answer::{Answer, HypothesisStatus, Verdict};
use crate::investigate::format::time;
use crate::memory::{self, Found};

/// Answers looked at that were given since.
const ANSWERS_MAX: u32 = 100;

/// Refuses a plan that was edited, has expired, is not declared so any more, is for a service that is gone, or that newer
/// evidence speaks against. Blocks on the store.
pub(super) fn check(grounds: &Grounds<'_>, read: &Read, shown_hash: &str) -> Result<(), Refused> {
    let stale = |why: String| Err(Refused::Stale(why));
    let (stored, plan) = (&read.stored, &read.plan);
    if plan_hash(&stored.plan) != stored.hash || plan.proposal != stored.id {
        return stale("the stored plan is not the one that was proposed".to_owned());
    }
    if shown_hash != stored.hash {
        return stale(
            "the plan that was shown is not the one that would be carried out".to_owned(),
        );
    }
    if stored.expires_at <= grounds.now {
        return stale(format!("the proposal expired at {}", time(stored.expires_at)));
    }
    let Some(action) = grounds.catalogue.actions.get(&plan.action) else {
        return stale(format!("no runbook declares `{}` any more", plan.action));
    };
    if action.hash() != plan.declaration {
        return stale(format!("{} declares `{}` otherwise by now", action.runbook, plan.action));
    }
    if let Actuator::Webhook(name) = &plan.actuator
        && grounds.settings.webhook(name).is_none()
    {
        return stale(format!("the webhook `{name}` is not in the settings any more"));
    }
    let known = services(grounds)?;
    let chosen = targets(plan, action);
    if !chosen.iter().any(|service| known.contains(service)) {
        return stale("no telemetry is known of the service any more".to_owned());
    }
    contradicted(grounds, read)
}

/// Refuses what a person said was wrong, and what an answer given since excludes or explains otherwise.
fn contradicted(grounds: &Grounds<'_>, read: &Read) -> Result<(), Refused> {
    let rests_on = &read.about.rests_on;
    let (Some(answer_id), Some(suspect)) = (&rests_on.answer, &rests_on.suspect) else {
        return Ok(());
    };
    let state = grounds.store.state();
    if let Ok(Found::Record(record)) = memory::find(state, answer_id) {
        let is_other = record.cause.as_ref().is_some_and(|cause| cause.service != *suspect);
        let is_wrong = record.cause.is_none() && !record.feedback.is_empty();
        if record.struck.is_none() && (is_other || is_wrong) {
            return Err(Refused::Stale(format!(
                "somebody said since that {suspect} was not the cause"
            )));
        }
    }
    let Some((conversation, at)) = state.place_of_answer(answer_id)? else {
        return Err(Refused::Stale("the answer that it rests on is gone".to_owned()));
    };
    for (place, json) in state.answers_after(at, ANSWERS_MAX)? {
        let Ok(newer) = serde_json::from_str::<Answer>(&json) else { continue };
        if let Some(why) = speaks_against(&newer, suspect, place == conversation) {
            return Err(Refused::Stale(format!("a newer answer, {}, {why}", newer.incident)));
        }
    }
    Ok(())
}

/// Why a newer answer speaks against a suspect: it refutes it, or, in the same conversation, it names another.
fn speaks_against(newer: &Answer, suspect: &str, is_same_conversation: bool) -> Option<String> {
    let is_refuted = newer.hypotheses.iter().any(|hypothesis| {
        hypothesis.subject == suspect && hypothesis.status == HypothesisStatus::Refuted
    });
    if is_refuted {
        return Some(format!("excludes {suspect}"));
    }
    if newer.verdict != Verdict::LikelyCause || !is_same_conversation {
        return None;
    }
    let other = leading(newer)?.service;
    (other != suspect).then(|| format!("suspects {other} instead"))
}
