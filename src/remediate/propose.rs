//! A plan for the leading suspect of an answer, or for whoever asks for one.

use std::collections::BTreeMap;

use groundcrew_store::{Store, StoredProposal};
use groundcrew_telemetry::Timestamp;

use super::audit::AuditEntry;
use super::declared::{Action, Actuator, Catalogue, Parameter};
use super::plan::{Plan, choose, plan_hash};
use super::view::{About, Course, ProposalState, RestsOn};
use super::{Principal, Refused};
use crate::config::ActionsSettings;
use crate::explore::{self, Asked};
use crate::investigate::answer::{Answer, Confidence, HypothesisStatus, Verdict};
use crate::investigate::evidence::EvidenceKind;

/// How far back calls are looked at, in seconds.
const CALLS_SECS: i64 = 15 * 60;
/// Callers that are named.
const CALLERS_MAX: usize = 8;
/// Evidence that is named.
const EVIDENCE_MAX: usize = 12;

/// What somebody wants to have proposed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The action's id.
    pub action: String,
    /// Arguments, by parameter; what is left out is taken as usual.
    pub arguments: BTreeMap<String, String>,
    /// The answer it rests on, by id or code.
    pub answer: Option<String>,
    /// Who wants it.
    pub by: Principal,
}

/// What proposals are made of.
pub(super) struct Grounds<'a> {
    pub(super) store: &'a Store,
    pub(super) settings: &'a ActionsSettings,
    pub(super) catalogue: &'a Catalogue,
    pub(super) now: Timestamp,
}

/// A proposal to be stored, with its entry in the trail.
pub(super) struct Made {
    pub(super) stored: StoredProposal,
    pub(super) entry: AuditEntry,
}

/// The suspect of an answer that something may be done about.
pub(super) struct Leading<'a> {
    pub(super) service: &'a str,
    pub(super) fault_kind: &'a str,
    supporting: &'a [String],
}

/// The suspect that leads, where the answer stands by one.
pub(super) fn leading(answer: &Answer) -> Option<Leading<'_>> {
    let cause = answer.imprint.suspects.first()?;
    let hypothesis = answer.hypotheses.first()?;
    let stands = answer.verdict == Verdict::LikelyCause
        && hypothesis.status == HypothesisStatus::Supported
        && hypothesis.fault_kind == cause.fault_kind;
    stands.then_some(Leading {
        service: &cause.service,
        fault_kind: &cause.fault_kind,
        supporting: &hypothesis.supporting,
    })
}

/// The one action to offer under an answer: of a runbook that it cites as the next step, for its leading suspect, with
/// nothing left to choose, resting on something that was measured.
pub(super) fn for_answer(grounds: &Grounds<'_>, answer: &Answer) -> Result<Option<Made>, Refused> {
    let Some(suspect) = leading(answer) else { return Ok(None) };
    if answer.confidence.is_none_or(|sure| sure < Confidence::Medium) {
        return Ok(None);
    }
    let rests_on = rests_on(answer);
    if rests_on.is_tainted {
        return Ok(None);
    }
    let services = services(grounds)?;
    let runbooks = cited_runbooks(answer);
    for runbook in &runbooks {
        let fitting = grounds.catalogue.actions.values().filter(|action| {
            is_same_page(runbook, &action.runbook)
                && action.is_for(suspect.service, suspect.fault_kind)
                && has_actuator(grounds, action)
        });
        for action in fitting {
            let given = for_suspect(action, suspect.service);
            let Ok(arguments) = choose(action, &given, &services) else { continue };
            let about = (rests_on, Principal::Groundcrew);
            return made(grounds, action, arguments, about).map(|made| {
                let answer_id = Some(answer.answer_id.clone());
                Some(Made { stored: StoredProposal { answer_id, ..made.stored }, ..made })
            });
        }
    }
    Ok(None)
}

/// The plan that somebody asks for.
pub(super) fn asked(grounds: &Grounds<'_>, wanted: &Wanted) -> Result<Made, Refused> {
    let action = grounds
        .catalogue
        .actions
        .get(&wanted.action)
        .ok_or_else(|| Refused::NoSuchAction(crate::text::visible(&wanted.action)))?;
    if !has_actuator(grounds, action) {
        return Err(Refused::BadArgument(format!(
            "`{}` is done by a webhook that actions.webhooks does not name",
            action.id
        )));
    }
    let answer = match &wanted.answer {
        Some(name) => Some(
            explore::answer_of(grounds.store.state(), name)
                .map_err(|_| Refused::NoSuchAnswer(crate::text::visible(name)))?,
        ),
        None => None,
    };
    let rests_on = match &answer {
        Some(answer) => rests_on(answer),
        None => RestsOn {
            words: format!("no evidence: {} asks for it", wanted.by.words()),
            ..RestsOn::default()
        },
    };
    // A person may know what we do not; a model has read what anybody may have written.
    if wanted.by.person().is_none() {
        if answer.is_none() {
            return Err(Refused::Tainted(
                "a program's proposal rests on an answer; name one".to_owned(),
            ));
        }
        if rests_on.is_tainted {
            return Err(Refused::Tainted(rests_on.words));
        }
    }
    let arguments = choose(action, &wanted.arguments, &services(grounds)?)?;
    made(grounds, action, arguments, (rests_on, wanted.by.clone()))
}

fn made(
    grounds: &Grounds<'_>,
    action: &Action,
    arguments: BTreeMap<String, String>,
    (rests_on, by): (RestsOn, Principal),
) -> Result<Made, Refused> {
    let id = format!("ap_{}", uuid::Uuid::new_v4().simple());
    let plan = Plan::new(action, arguments, &id);
    let text = plan.canonical()?;
    let hash = plan_hash(&text);
    let entry = AuditEntry::Proposed {
        proposal: id.clone(),
        by: by.clone(),
        hash: hash.clone(),
        plan: text.clone(),
        answer: rests_on.answer.clone(),
        evidence: rests_on.evidence.clone(),
    };
    let about = About {
        callers: callers(grounds, action, &plan),
        dry_run: rehearsed(grounds, action, &plan, &text),
        rests_on,
        by,
    };
    let write = |error| Refused::Bug(format!("the proposal cannot be written: {error}"));
    let minutes = i64::try_from(grounds.settings.expire_minutes).unwrap_or(30);
    let stored = StoredProposal {
        id,
        answer_id: None,
        at: grounds.now,
        expires_at: grounds.now.plus_secs(minutes * 60),
        state: ProposalState::Open.name().to_owned(),
        hash,
        plan: text,
        about: serde_json::to_string(&about).map_err(write)?,
        due: None,
        course: serde_json::to_string(&Course::default()).map_err(write)?,
    };
    Ok(Made { stored, entry })
}

fn has_actuator(grounds: &Grounds<'_>, action: &Action) -> bool {
    match &action.actuator {
        Actuator::DryRun => true,
        Actuator::Webhook(name) => grounds.settings.webhook(name).is_some(),
    }
}

/// Services that sent telemetry.
pub(super) fn services(grounds: &Grounds<'_>) -> Result<Vec<String>, Refused> {
    Ok(grounds.store.coverage()?.services)
}

/// The suspect as the argument of each parameter that is a service.
fn for_suspect(action: &Action, service: &str) -> BTreeMap<String, String> {
    let is_service = |parameter: &Parameter| matches!(parameter, Parameter::Service {});
    let of = action.parameters.iter().filter(|(_, parameter)| is_service(parameter));
    of.map(|(name, _)| (name.clone(), service.to_owned())).collect()
}

/// Ids of the runbooks that the answer says to follow.
fn cited_runbooks(answer: &Answer) -> Vec<String> {
    let steps = answer.next.iter().filter(|step| step.kind == "runbook");
    let items = steps.flat_map(|step| &step.cites).filter_map(|id| answer.evidence(id));
    items
        .filter(|item| item.kind == EvidenceKind::Runbook)
        .filter_map(|item| {
            let place = item.query.as_deref()?.strip_prefix("documents ")?;
            place.rsplit_once(':').map(|(document, _)| document.to_owned())
        })
        .collect()
}

/// Whether a document's id and a runbook's path are one page: the same below what was indexed and below what is named in
/// the settings, which may be different directories of one tree.
fn is_same_page(document: &str, runbook: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    ends(document, runbook) || ends(runbook, document)
}

/// What speaks for the leading suspect. Figures from traces and metrics are measured; a line, an alert, a change or a
/// page is somebody's words, however often it comes.
pub(super) fn rests_on(answer: &Answer) -> RestsOn {
    let suspect = leading(answer);
    let evidence: Vec<String> = suspect
        .as_ref()
        .map(|suspect| suspect.supporting.iter().take(EVIDENCE_MAX).cloned().collect())
        .unwrap_or_default();
    let measured: Vec<&String> = evidence
        .iter()
        .filter(|id| {
            answer.evidence(id).is_some_and(|item| {
                let is_figure = matches!(
                    item.kind,
                    EvidenceKind::Span | EvidenceKind::Trace | EvidenceKind::Metric
                );
                is_figure && item.own > 0
            })
        })
        .collect();
    let listed = |ids: &[&String]| ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    let all: Vec<&String> = evidence.iter().collect();
    let words = match (evidence.is_empty(), measured.is_empty()) {
        (true, _) => "no evidence: the answer stands by no suspect".to_owned(),
        (false, true) => format!(
            "only words that anybody may have written: {}; nothing measured speaks for it",
            listed(&all)
        ),
        (false, false) => format!("{}, of which {} is measured", listed(&all), listed(&measured)),
    };
    RestsOn {
        answer: Some(answer.answer_id.clone()),
        incident: Some(answer.incident.clone()).filter(|code| !code.is_empty()),
        suspect: suspect.map(|suspect| suspect.service.to_owned()),
        is_tainted: measured.is_empty(),
        evidence,
        words,
    }
}

/// The services that it is done to: those that are its arguments, else those that it is for.
pub(super) fn targets<'a>(plan: &'a Plan, action: &'a Action) -> Vec<&'a String> {
    let is_service =
        |name: &str| matches!(action.parameters.get(name), Some(Parameter::Service {}));
    let chosen: Vec<&String> = plan
        .arguments
        .iter()
        .filter(|(name, _)| is_service(name))
        .map(|(_, value)| value)
        .collect();
    if chosen.is_empty() { action.services.iter().collect() } else { chosen }
}

/// Who was seen calling what it is done to. What cannot be read is not guessed.
fn callers(grounds: &Grounds<'_>, action: &Action, plan: &Plan) -> Vec<String> {
    let asked = Asked {
        from: grounds.now.plus_secs(-CALLS_SECS).to_string(),
        to: grounds.now.to_string(),
        ..Asked::default()
    };
    let view = match explore::services(grounds.store, &asked, grounds.now) {
        Ok(view) => view,
        Err(error) => {
            tracing::warn!(%error, "who calls the service of a proposal could not be read");
            return Vec::new();
        }
    };
    let targets = targets(plan, action);
    let mut calls: Vec<_> =
        view.edges.into_iter().filter(|edge| targets.contains(&&edge.callee)).collect();
    calls.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.caller.cmp(&b.caller)));
    let mut callers: Vec<String> = calls.into_iter().map(|edge| edge.caller).collect();
    callers.dedup();
    callers.truncate(CALLERS_MAX);
    callers
}

/// The dry run: what would be sent where, and what was checked for it. Nothing is sent.
fn rehearsed(grounds: &Grounds<'_>, action: &Action, plan: &Plan, text: &str) -> Vec<String> {
    let arguments: Vec<String> =
        plan.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut lines = vec![match arguments.as_slice() {
        [] => "it takes no arguments".to_owned(),
        some => format!("arguments are in their closed sets: {}", some.join(", ")),
    }];
    lines.push(match &action.actuator {
        Actuator::DryRun => "nothing would be sent: this action is a dry run".to_owned(),
        Actuator::Webhook(name) => {
            let address = grounds.settings.webhook(name).and_then(crate::config::Webhook::address);
            let host = address.as_ref().and_then(|url| url.host_str()).unwrap_or("nowhere");
            format!("would post the plan, {} bytes, to {name} at {host}, once", text.len())
        }
    });
    if let Some(check) = &plan.check {
        let end = grounds.now;
        let now = super::afterwards::measured(grounds.store, check, end);
        lines.push(format!("afterwards: {}; now {}", check.words(), now.words()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_same_below_either_directory_and_no_other() {
        assert!(is_same_page("checkout/pool.md", "checkout/pool.md"));
        assert!(is_same_page("runbooks/checkout/pool.md", "checkout/pool.md"));
        assert!(is_same_page("pool.md", "checkout/pool.md"));
        assert!(!is_same_page("checkout/whirlpool.md", "pool.md"));
        assert!(!is_same_page("other.md", "pool.md"));
    }
}
