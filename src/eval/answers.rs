//! `eval answers`: recorded cases in, checked answers out; and once more with the evidence taken away that they cite.
//!
//! An answer that still names a cause when all that it cited is gone did not need what it cited.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_telemetry::{SeriesRow, TemplateId, TemplateRow};
use serde::Serialize;

use super::bundles::{ItemRow, feed, question};
use super::case::{EvalError, FreshStore, each_of, find_cases, name_of};
use super::rca::{Prepared, prepare};
use crate::investigate::answer::{Answer, Confidence, Verdict};
use crate::investigate::assertion::{Measure, Outcome};
use crate::investigate::evidence::{Evidence, EvidenceKind};
use crate::investigate::explain::render;
use crate::investigate::material::Gathered;
use crate::investigate::question::Question;
use crate::investigate::source::Source;
use crate::investigate::{
    Facts, Investigated, Investigator, RunIds, Seen, answer_from, conclude, facts_answer,
    find_facts,
};

/// What to measure.
#[derive(Clone, Debug)]
pub struct AnswersRun {
    /// Folder of `<case>/` or of `<set>/<case>/`.
    pub cases: PathBuf,
    /// Tokens per bundle.
    pub budget: usize,
    /// Only cases whose path contains this.
    pub only: Option<String>,
    /// Answer once more without what was cited.
    pub ablate: bool,
    /// Cases at the same time.
    pub jobs: usize,
}

/// An answer as the grader reads it.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerRow {
    case: String,
    answer: String,
    claims: Vec<ClaimRow>,
    abstain: bool,
    confidence: Option<Confidence>,
    items: Vec<ItemRow>,
    /// Sentences that did not hold.
    struck: Vec<String>,
    /// Assertions that were measured again: held, unclear, failed.
    measured: [usize; 3],
    /// The answer without what was cited, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    ablated: Option<Ablated>,
    /// The same with the list of further signs left in place: what does not rest on the sentences of the cause alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    ablated_cause: Option<Ablated>,
}

/// What is left of an answer.
#[derive(Clone, Debug, Serialize)]
struct Ablated {
    answer: String,
    abstain: bool,
    confidence: Option<Confidence>,
}

#[derive(Clone, Debug, Serialize)]
struct ClaimRow {
    text: String,
    cites: Vec<String>,
}

/// Answers every case from facts alone.
///
/// # Errors
/// When a case cannot be read.
pub fn answers(
    like: &Investigator,
    run: &AnswersRun,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Vec<AnswerRow>, EvalError> {
    let cases = find_cases(&run.cases, 2, run.only.as_deref())?;
    each_of(&cases, run.jobs, &|folder| {
        let row = answer(like, run, folder)?;
        progress(&row.case);
        Ok(row)
    })
}

/// The figures of all rows in a few lines.
#[must_use]
pub fn answers_table(rows: &[AnswerRow]) -> String {
    let claims: Vec<(&AnswerRow, &ClaimRow)> =
        rows.iter().flat_map(|row| row.claims.iter().map(move |claim| (row, claim))).collect();
    let exists = |row: &AnswerRow, id: &String| row.items.iter().any(|item| item.id == *id);
    let cited = claims.iter().filter(|(_, claim)| !claim.cites.is_empty()).count();
    let resolved =
        claims.iter().filter(|(row, claim)| claim.cites.iter().all(|id| exists(row, id))).count();
    let sum =
        |which: usize| -> usize { rows.iter().filter_map(|row| row.measured.get(which)).sum() };
    let named = rows.iter().filter(|row| !row.abstain).count();
    let mut table = format!(
        "{} answers, {named} name a cause or facts; {} claims, {cited} cite, {resolved} cite what exists; {} struck\nmeasured again: {} held, {} unclear, {} failed\n",
        rows.len(),
        claims.len(),
        rows.iter().map(|row| row.struck.len()).sum::<usize>(),
        sum(0),
        sum(1),
        sum(2),
    );
    let all = |row: &AnswerRow| row.ablated.clone();
    let cause = |row: &AnswerRow| row.ablated_cause.clone();
    table.push_str(&ablated_line("without what they cite", rows, &all));
    table.push_str(&ablated_line("without what they cite for the cause itself", rows, &cause));
    table
}

/// How many still name a cause, in a line; nothing where none was asked again.
fn ablated_line(
    what: &str,
    rows: &[AnswerRow],
    ablated: &dyn Fn(&AnswerRow) -> Option<Ablated>,
) -> String {
    let ablated: Vec<Ablated> = rows.iter().filter_map(ablated).collect();
    if ablated.is_empty() {
        return String::new();
    }
    let still = ablated.iter().filter(|left| !left.abstain).count();
    format!("{what}: {still} of {} still name a cause\n", ablated.len())
}

fn answer(like: &Investigator, run: &AnswersRun, folder: &Path) -> Result<AnswerRow, EvalError> {
    let (store, question) = case(like, run, folder)?;
    let ids = RunIds::random();
    let facts = find_facts(&store.investigator, &question, &ids, &|_| {});
    let Investigated { answer, record, .. } =
        facts_answer(&store.investigator, &question, &ids, &facts);
    let outcomes = answer.claims.iter().flat_map(|claim| &claim.checks).map(|check| check.outcome);
    let outcomes: Vec<Outcome> = outcomes.collect();
    let counted = |which: Outcome| outcomes.iter().filter(|outcome| **outcome == which).count();
    let names_cause = answer.verdict == Verdict::LikelyCause;
    let ablate = |counts: &dyn Fn(&Evidence) -> bool| {
        (run.ablate && names_cause).then(|| ablated(&question, &facts, &answer, counts))
    };
    Ok(AnswerRow {
        case: name_of(folder),
        abstain: answer.verdict == Verdict::NotEnoughEvidence,
        confidence: answer.confidence,
        struck: record.struck.iter().map(|cut| format!("{} ({})", cut.text, cut.why)).collect(),
        measured: [counted(Outcome::Held), counted(Outcome::Unclear), counted(Outcome::Failed)],
        items: answer
            .evidence
            .iter()
            .map(|item| ItemRow { id: item.id.clone(), text: render(item) })
            .collect(),
        ablated: ablate(&|_| true),
        ablated_cause: ablate(&|item| item.kind != EvidenceKind::Signs),
        claims: answer
            .claims
            .iter()
            .map(|claim| ClaimRow { text: claim.text.clone(), cites: claim.cites.clone() })
            .collect(),
        answer: answer.headline,
    })
}

/// A case of either layout, in a store of its own.
fn case(
    like: &Investigator,
    run: &AnswersRun,
    folder: &Path,
) -> Result<(FreshStore, Question), EvalError> {
    if folder.join("evidence").is_dir() {
        let store = FreshStore::new(like)?;
        feed(&store, folder)?;
        return Ok((store, question(folder, run.budget)?));
    }
    let signals = ["logs", "traces", "metrics"].map(str::to_owned);
    match prepare(like, folder, &signals, false)? {
        Some(Prepared { store, mut question, .. }) => {
            question.budget.bundle_tokens_max = run.budget;
            Ok((store, question))
        }
        None => Err(EvalError::NoCases(folder.to_owned())),
    }
}

/// The answer when all that it cites and that `counts` is gone.
fn ablated(
    question: &Question,
    facts: &Facts,
    answer: &Answer,
    counts: &dyn Fn(&Evidence) -> bool,
) -> Ablated {
    let cited: Vec<&String> = answer
        .headline_cites
        .iter()
        .chain(answer.claims.iter().flat_map(|claim| &claim.cites))
        .collect();
    let gone = answer.evidence.iter().filter(|item| cited.contains(&&item.id) && counts(item));
    let gone: Vec<&Evidence> = gone.collect();
    let mut gathered = (*facts.gathered).clone();
    gone.iter()
        .filter_map(|item| item.measure.as_ref())
        .for_each(|measure| forget(&mut gathered, measure));
    let is_cited =
        |key: &str| facts.bundle.id_of(key).is_some_and(|id| gone.iter().any(|item| item.id == id));
    gathered.candidates.retain(|candidate| !is_cited(&candidate.key));
    gathered.passages.retain(|passage| !is_cited(&passage.key()));
    let gathered = Arc::new(gathered);
    let source = Source::Slices(Arc::clone(&gathered));
    let ids = RunIds::random();
    let seen = Seen { plan: facts.plan.clone(), gathered, services: facts.known.clone() };
    let facts = conclude(&source, question, (&ids, seen), &|_| {});
    let left = answer_from(&source, question, &ids, &facts).answer;
    Ablated {
        abstain: left.verdict != Verdict::LikelyCause,
        confidence: left.confidence,
        answer: left.headline,
    }
}

/// Takes away what was measured.
fn forget(gathered: &mut Gathered, measure: &Measure) {
    let seen = &mut gathered.observations;
    match measure {
        Measure::Template { service, template } => {
            let template = TemplateId::from_text(template);
            let other =
                |row: &TemplateRow| row.service != *service || Some(row.template) != template;
            seen.templates_window.retain(other);
            seen.templates_baseline.retain(other);
            seen.templates_seasons.iter_mut().for_each(|season| season.retain(other));
            seen.log_links
                .retain(|link| link.service != *service || Some(link.template) != template);
        }
        Measure::Requests { service, .. } => {
            seen.spans.retain(|row| row.resource.service() != service);
        }
        Measure::Calls { caller, callee } => {
            // The call is told by both ends.
            seen.spans
                .retain(|row| row.resource.service() != callee && row.resource.service() != caller);
        }
        Measure::Series { service, metric, .. } => {
            let other =
                |row: &SeriesRow| row.resource.service() != service || row.series.name != *metric;
            seen.series.retain(other);
            seen.series_seasons.retain(other);
        }
        Measure::Trace { trace } => {
            seen.spans.retain(|row| row.span.trace_id.to_string() != *trace);
        }
        Measure::Change { id } => seen.changes.retain(|change| change.name() != id),
        Measure::Object { object } => {
            let name = object.rsplit('/').next().unwrap_or(object);
            seen.objects.retain(|known| known.name != name);
            seen.cluster_events.retain(|event| !event.object.ends_with(name));
        }
        Measure::Several { each } => each.iter().for_each(|one| forget(gathered, one)),
        Measure::Document { .. } => {}
    }
}
