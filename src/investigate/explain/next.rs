//! What to do next, and what could not be seen.

use groundcrew_store::DocumentKind;

use super::super::answer::{NextStep, Unknown};
use super::super::evidence::{EvidenceKind, Gap};
use super::super::material::{Deciding, Diagnosis, Passage, SCORE_NAMED_MIN};
use super::super::question::Plan;
use super::Bundle;
use super::narrator::{Material, named_suspects};

/// How sure a second runbook must be beside the best, to be shown at all: two are shown when either may be it.
const SECOND_MIN: f32 = 0.85;

/// What to do next: the best runbook, whoever owns what is blamed, what tells the live suspects apart; else what would
/// close a gap.
pub(super) fn steps(material: Material<'_>, bundle: &Bundle) -> Vec<NextStep> {
    let is_runbook = |passage: &&Passage| passage.chunk.kind == DocumentKind::Runbook;
    let best = material.passages.iter().filter(is_runbook).map(|passage| passage.confidence);
    let bar = SECOND_MIN * best.fold(0.0, f32::max);
    let mut steps: Vec<NextStep> = material
        .passages
        .iter()
        .filter(|passage| passage.helps() && passage.confidence >= bar)
        .filter_map(|passage| {
            let id = bundle.id_of(&passage.key())?;
            let item = bundle.items.iter().find(|item| item.id == id)?;
            (item.kind == EvidenceKind::Runbook).then(|| NextStep {
                label: format!("follow the runbook “{}”", passage.chunk.title),
                kind: "runbook".to_owned(),
                cmd: None,
                cites: vec![id.to_owned()],
            })
        })
        .take(2)
        .collect();
    steps.extend(owner_step(material.diagnosis, bundle));
    steps.extend(material.deciding.and_then(|deciding| deciding_step(deciding, bundle)));
    let gaps = material.gaps.iter().filter_map(|gap| {
        let fix = gap.fix.as_ref()?;
        Some(NextStep {
            label: fix.clone(),
            kind: "check".to_owned(),
            cmd: None,
            cites: Vec::new(),
        })
    });
    if steps.is_empty() {
        steps.extend(gaps.take(2));
    }
    steps
}

/// To call whoever owns what is blamed.
fn owner_step(diagnosis: &Diagnosis, bundle: &Bundle) -> Option<NextStep> {
    let is_named = named_suspects(diagnosis).next()?.score >= SCORE_NAMED_MIN;
    let owner = diagnosis.owner.as_ref().filter(|_| is_named)?;
    let id = bundle.id_of(&owner.item.key)?;
    Some(NextStep {
        label: format!("call {}: it owns {}", owner.name, owner.service),
        kind: "owner".to_owned(),
        cmd: None,
        cites: vec![id.to_owned()],
    })
}

/// What could not be seen.
pub(super) fn unknowns(plan: &Plan, gaps: &[Gap]) -> Vec<Unknown> {
    let notes = plan.notes.iter().map(|note| Unknown { what: note.clone(), fix: None });
    notes
        .chain(gaps.iter().map(|gap| Unknown { what: gap.what.clone(), fix: gap.fix.clone() }))
        .collect()
}

/// What was looked up already, for the reader to judge.
fn deciding_step(deciding: &Deciding, bundle: &Bundle) -> Option<NextStep> {
    let id = bundle.id_of(&deciding.item.key)?;
    Some(NextStep {
        label: deciding.label.clone(),
        kind: "look".to_owned(),
        cmd: None,
        cites: vec![id.to_owned()],
    })
}
