//! The question path. Read [`investigate`] first: plan, retrieve, suspects, explain, verify, each taking the value
//! before and returning the next, none calling back.
//!
//! The steps never name each other; what travels between them stands in `question`, `evidence`, `draft` and `answer`.

pub mod answer;
pub mod context;
pub mod draft;
pub mod evidence;
pub mod explain;
pub mod format;
pub mod material;
pub mod owners;
pub mod plan;
pub mod question;
pub mod recall;
#[cfg(test)]
mod recall_tests;
pub mod remembered;
pub mod retrieve;
pub mod signs;
pub mod suspects;
pub mod verify;

use std::sync::Arc;
use std::time::Instant;

use groundcrew_llm::LanguageModel;
use groundcrew_telemetry::TimeRange;
use tokio_util::sync::CancellationToken;

use answer::{Answer, AnswerEvent, Impact, Step, StepStatus, ToldBy, Usage, Verdict};
pub use context::{Emit, Investigator, LazyEmbedder, QuestionError, RunIds, admit};
use draft::{Draft, Sentence};
use explain::{Bundle, Material};
use material::{Diagnosis, Gathered};
use plan::Known;
use question::{Plan, Question};
use verify::Support;

/// What code alone finds: the value between the deterministic steps and the telling.
pub struct Facts {
    /// Where it looked.
    pub plan: Plan,
    /// What it found.
    pub gathered: Gathered,
    /// What may have caused it.
    pub diagnosis: Diagnosis,
    /// The evidence chosen for the budget.
    pub bundle: Bundle,
    /// The plain account.
    pub draft: Draft,
    /// Names that the check treats as names although they look like words.
    pub known: Vec<String>,
}

/// Answers a question: the facts card as soon as code has it, then once more told by the model if there is one.
///
/// # Errors
/// When the question cannot be investigated at all. A dead store, model or signal is no error but a gap in the answer.
pub async fn investigate(
    investigator: &Arc<Investigator>,
    question: Question,
    ids: RunIds,
    cancel: CancellationToken,
    emit: Emit,
) -> Result<Answer, QuestionError> {
    let started = Instant::now();
    let question = admit(investigator, question)?;
    let work = {
        let (investigator, question, ids, emit) =
            (Arc::clone(investigator), question.clone(), ids.clone(), Arc::clone(&emit));
        move || find_facts(&investigator, &question, &ids, emit.as_ref())
    };
    let facts = tokio::select! {
        facts = tokio::task::spawn_blocking(work) => facts.map_err(|_| QuestionError::Bug(ids.run_id.clone()))?,
        () = cancel.cancelled() => return Err(QuestionError::Cancelled),
    };
    let mut answer = facts_answer(&question, &ids, &facts);
    answer.usage.ms = elapsed_ms(started);
    emit(AnswerEvent::Answer(Box::new(answer.clone())));
    if let Some(model) = &investigator.model {
        let telling = Telling {
            investigator,
            model: model.as_ref(),
            facts: &facts,
            cancel: &cancel,
            emit: &emit,
        };
        telling.tell(&mut answer).await;
        answer.usage.ms = elapsed_ms(started);
        emit(AnswerEvent::Answer(Box::new(answer.clone())));
    }
    Ok(answer)
}

/// The deterministic part: plan, retrieve, suspects, bundle, plain account. Blocking and CPU-bound.
#[must_use]
pub fn find_facts(
    investigator: &Investigator,
    question: &Question,
    ids: &RunIds,
    emit: &(dyn Fn(AnswerEvent) + Send + Sync),
) -> Facts {
    let store = &investigator.store;
    let coverage = store.coverage().unwrap_or_default();
    let covered = [coverage.logs.range, coverage.spans.range, coverage.points.range]
        .into_iter()
        .flatten()
        .reduce(|a, b| TimeRange::new(a.start.min(b.start), a.end.max(b.end)));
    let known = Known { services: coverage.services, covered };
    let plan = step(emit, "plan", "Reading the question", || {
        let plan = plan::plan(question, &known);
        let detail = format!("{}", plan.window);
        (plan, detail)
    });
    let gathered = step(emit, "retrieve", "Collecting evidence", || {
        let gathered = retrieve::retrieve(store, &investigator.embedder, question, &plan);
        let receipt = &gathered.receipt;
        let detail = format!(
            "{} log records, {} spans, {} series",
            format::count(receipt.log_records),
            format::count(receipt.spans),
            format::count(receipt.series)
        );
        (gathered, detail)
    });
    let diagnosis = step(emit, "suspects", "Comparing with normal", || {
        let mut diagnosis = suspects::diagnose(&gathered.observations);
        recall::recall(&mut diagnosis, &gathered, plan.intent);
        owners::name_owner(&mut diagnosis, &gathered);
        let detail = format!(
            "{} differences, {} past incidents alike",
            diagnosis.findings.len(),
            diagnosis.similar.len()
        );
        (diagnosis, detail)
    });
    let (bundle, draft) = step(emit, "explain", "Choosing what matters", || {
        let rest = gathered.candidates.clone();
        let first = explain::choose(&diagnosis);
        let bundle = explain::pack(&ids.answer_id, first, rest, question.budget.bundle_tokens_max);
        let material = Material {
            plan: &plan,
            diagnosis: &diagnosis,
            passages: &gathered.passages,
            gaps: &gathered.gaps,
        };
        let draft = explain::narrate(material, &bundle);
        let detail = format!("{} items, {} tokens", bundle.items.len(), bundle.tokens);
        ((bundle, draft), detail)
    });
    bundle.items.iter().for_each(|item| emit(AnswerEvent::Evidence(item.clone())));
    draft
        .hypotheses
        .iter()
        .for_each(|hypothesis| emit(AnswerEvent::Hypothesis(hypothesis.clone())));
    let mut names = known.services;
    names.extend(diagnosis.analysis.graph.services.iter().map(|service| service.name.clone()));
    names.sort();
    names.dedup();
    Facts { plan, gathered, diagnosis, bundle, draft, known: names }
}

/// Runs one step and reports its beginning, its end and how long it took.
fn step<T>(
    emit: &(dyn Fn(AnswerEvent) + Send + Sync),
    id: &str,
    title: &str,
    work: impl FnOnce() -> (T, String),
) -> T {
    let started = Instant::now();
    let report = |status, detail, ms| {
        emit(AnswerEvent::Step(Step {
            id: id.to_owned(),
            title: title.to_owned(),
            status,
            detail,
            ms,
        }));
    };
    report(StepStatus::InProgress, None, None);
    let (value, detail) = work();
    report(StepStatus::Complete, Some(detail), Some(elapsed_ms(started)));
    value
}

fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The facts card: the plain account, checked.
#[must_use]
pub fn facts_answer(question: &Question, ids: &RunIds, facts: &Facts) -> Answer {
    let mut answer = blank_answer(question, ids, facts);
    verify::verify(facts.draft.clone(), &facts.known, &mut answer);
    answer
}

/// An answer that says nothing yet, with everything that does not depend on who tells it.
fn blank_answer(question: &Question, ids: &RunIds, facts: &Facts) -> Answer {
    let mut receipt = facts.gathered.receipt.clone();
    receipt.items = facts.bundle.items.len() as u64;
    receipt.left_out = facts.bundle.left_out as u64;
    receipt.bundle_tokens = facts.bundle.tokens as u64;
    receipt.templates_changed = facts
        .diagnosis
        .findings
        .iter()
        .filter(|told| told.item.kind == evidence::EvidenceKind::LogTemplate)
        .count() as u64;
    Answer {
        incident: remembered::incident_code(&ids.answer_id)
            .chars()
            .take(remembered::CODE_CHARS)
            .collect(),
        answer_id: ids.answer_id.clone(),
        run_id: ids.run_id.clone(),
        question: question.text.clone(),
        verdict: Verdict::NotEnoughEvidence,
        confidence: None,
        headline: String::new(),
        headline_cites: Vec::new(),
        from: facts.plan.window.start,
        to: facts.plan.window.end,
        impact: Impact::default(),
        claims: Vec::new(),
        hypotheses: Vec::new(),
        ruled_out: Vec::new(),
        next: Vec::new(),
        seen_before: Vec::new(),
        unknowns: Vec::new(),
        evidence: facts.bundle.items.clone(),
        receipt,
        usage: Usage::default(),
        told_by: ToldBy::Plain,
        notice: None,
        imprint: facts.diagnosis.imprint.clone(),
    }
}

/// What the model needs to tell the facts.
struct Telling<'a> {
    investigator: &'a Investigator,
    model: &'a dyn LanguageModel,
    facts: &'a Facts,
    cancel: &'a CancellationToken,
    emit: &'a Emit,
}

impl Telling<'_> {
    /// Lets the model tell the facts; what it says is checked sentence by sentence, and the facts card stays when it
    /// fails.
    async fn tell(&self, answer: &mut Answer) {
        let started = Instant::now();
        let title = format!("Asking {}", self.model.name());
        let report = |status, detail, ms| {
            (self.emit)(AnswerEvent::Step(Step {
                id: "tell".to_owned(),
                title: title.clone(),
                status,
                detail,
                ms,
            }));
        };
        report(StepStatus::InProgress, None, None);
        let told = self.ask(&answer.question).await;
        let outcome = match told {
            _ if self.cancel.is_cancelled() => {
                Err("stopped before the model had told it; these are the facts alone".to_owned())
            }
            Err(failure) => {
                Err(format!("the model did not help ({failure}); these are the facts alone"))
            }
            Ok(draft) => accept(draft, self.facts, answer),
        };
        match outcome {
            Ok(cut) => report(
                StepStatus::Complete,
                Some(format!("{cut} sentences cut")),
                Some(elapsed_ms(started)),
            ),
            Err(notice) => {
                answer.notice = Some(notice.clone());
                report(StepStatus::Error, Some(notice), Some(elapsed_ms(started)));
            }
        }
    }

    async fn ask(&self, question: &str) -> Result<Draft, explain::ModelFailure> {
        let facts = self.facts;
        let (prompt, masker) = (&self.investigator.prompt, &self.investigator.masker);
        let request = explain::request(prompt, masker, question, &facts.draft, &facts.bundle)?;
        let mut block = 0;
        let mut on_claim = |claim: &Sentence| {
            // Only what holds is shown, even while it streams.
            if !matches!(
                verify::support(claim, &facts.bundle.items, &facts.known),
                Support::Refuted(_)
            ) {
                (self.emit)(AnswerEvent::Text { block, text: claim.text.clone() });
                block += 1;
            }
        };
        explain::tell_with_model(self.model, &request, &facts.draft, self.cancel, &mut on_claim)
            .await
    }
}

/// Takes the model's account if most of it holds. Returns how many sentences were cut.
fn accept(mut draft: Draft, facts: &Facts, answer: &mut Answer) -> Result<usize, String> {
    let total = draft.claims.len();
    if matches!(
        verify::support(&draft.headline, &facts.bundle.items, &facts.known),
        Support::Refuted(_)
    ) {
        draft.headline = facts.draft.headline.clone();
    }
    let usage = draft.usage.clone();
    let mut told = answer.clone();
    let cut = verify::verify(draft, &facts.known, &mut told);
    if told.claims.is_empty() || 2 * cut > total {
        return Err(format!(
            "the model's account did not hold ({cut} of {total} sentences cut); these are the facts alone"
        ));
    }
    *answer = told;
    answer.usage = Usage { ms: answer.usage.ms, ..usage };
    if cut > 0 {
        answer.notice =
            Some(format!("{cut} of {total} sentences of the model did not hold and were cut"));
    }
    Ok(cut)
}
