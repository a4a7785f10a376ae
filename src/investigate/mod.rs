//! The question path. Read [`investigate`] first: plan, retrieve, suspects, explain, verify, each taking the value
//! before and returning the next, none calling back.
//!
//! The steps never name each other; what travels between them stands in `question`, `material`, `evidence`, `draft` and
//! `answer`. They meet here, and once more in `tell`, where a model tells what was found.

pub mod answer;
pub mod assertion;
pub mod context;
pub mod deciding;
pub mod draft;
pub mod evidence;
pub mod explain;
pub mod followup;
pub mod format;
pub mod look;
pub mod material;
pub mod neighbours;
pub mod owners;
pub mod plan;
pub mod question;
pub mod recall;
#[cfg(test)]
mod recall_tests;
pub mod record;
pub mod remembered;
pub mod retell;
pub mod retrieve;
pub mod signs;
pub mod source;
pub mod spoken;
pub mod suspects;
mod tell;
pub mod verify;
mod words;

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use groundcrew_llm::LanguageModel;
use groundcrew_telemetry::TimeRange;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use answer::{Answer, AnswerEvent, Impact, Step, StepStatus, ToldBy, Usage, Verdict};
pub use context::{
    Emit, Investigator, LazyEmbedder, ModelLimits, QuestionError, RunIds, Tools, admit,
};
use draft::Draft;
use evidence::Gap;
use explain::{Bundle, Material, Packed};
use look::Look;
use material::{Deciding, Diagnosis, Gathered, Passage};
use plan::Known;
use question::{Plan, Question};
use record::{Asked, Record};
use retrieve::Stores;
use source::Source;
use verify::{Grounds, Measurer};

/// What is looked up unasked must not push out what is asked for.
const UNASKED_BYTES_MAX: usize = 1_200;
/// Pages that are in the bundle whatever else is.
const PAGES_FIRST: usize = 2;

/// Questions whose facts are found at the same time, over the whole process. It is work for the processor: more of them
/// than cores would answer none sooner, and everybody's messages would wait behind them.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// What code alone finds: the value between the deterministic steps and the telling.
pub struct Facts {
    /// Where it looked.
    pub plan: Plan,
    /// What it found. Shared, because a replay measures in it.
    pub gathered: Arc<Gathered>,
    /// What may have caused it.
    pub diagnosis: Diagnosis,
    /// The evidence chosen for the budget.
    pub bundle: Bundle,
    /// The plain account.
    pub draft: Draft,
    /// Names that the check treats as names although they look like words.
    pub known: Vec<String>,
}

/// What was read for one question, before anything is concluded from it.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// Where it was looked.
    pub plan: Plan,
    /// What was found there.
    pub gathered: Arc<Gathered>,
    /// Services that ever sent telemetry.
    pub services: Vec<String>,
}

/// An answer, and what is kept of how it came about. It is stored in this form: what is kept stands beside the answer's
/// own fields, so that readers of answers need not know of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Investigated {
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// What was struck, and every word to and from a model.
    #[serde(default)]
    pub record: Record,
    /// What it was asked with; `None` for answers that were stored by earlier versions.
    #[serde(default)]
    pub asked: Option<Asked>,
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
) -> Result<Investigated, QuestionError> {
    let started = Instant::now();
    let question = admit(investigator, question)?;
    let work = {
        let (investigator, question, ids, emit) =
            (Arc::clone(investigator), question.clone(), ids.clone(), Arc::clone(&emit));
        move || {
            let facts = find_facts(&investigator, &question, &ids, emit.as_ref());
            let investigated = facts_answer(&investigator, &question, &ids, &facts);
            (facts, investigated)
        }
    };
    let found = async {
        // It is never closed; without a permit the facts are found all the same.
        let turn = TURNS.acquire().await.ok();
        let kept = investigator.processors.keep();
        let done = tokio::task::spawn_blocking(work).await;
        drop((turn, kept));
        done
    };
    let (facts, Investigated { mut answer, mut record, asked }) = tokio::select! {
        done = found => done.map_err(|_| QuestionError::Bug(ids.run_id.clone()))?,
        () = cancel.cancelled() => return Err(QuestionError::Cancelled),
    };
    answer.usage.ms = elapsed_ms(started);
    emit(AnswerEvent::Answer(Box::new(answer.clone())));
    if let Some(model) = &investigator.model
        && !question.budget.facts_only
    {
        let telling = tell::Telling {
            tools: investigator.tools(),
            source: &investigator.source(),
            question: &question,
            model: model.as_ref(),
            neighbours: investigator.neighbours.as_ref(),
            facts: &facts,
            cancel: &cancel,
            emit: &emit,
        };
        telling.tell(&mut answer, &mut record).await;
        answer.usage.ms = elapsed_ms(started);
        emit(AnswerEvent::Answer(Box::new(answer.clone())));
    }
    Ok(Investigated { answer, record, asked })
}

/// Lets `model` tell once more what was found before, from `source` alone. The answer is the facts card, with a notice,
/// when the model does not help.
pub async fn tell_again(
    model: &dyn LanguageModel,
    tools: Tools<'_>,
    source: &Source,
    question: &Question,
    (facts, card): (&Facts, &mut Investigated),
) {
    let emit: Emit = Arc::new(|_| {});
    let cancel = CancellationToken::new();
    let (cancel, emit) = (&cancel, &emit);
    // Nobody else is asked: what they would say now is not what they said then.
    let neighbours = None;
    let telling = tell::Telling { tools, source, question, model, neighbours, facts, cancel, emit };
    telling.tell(&mut card.answer, &mut card.record).await;
}

/// What a model would be sent first, and nothing is sent. Blocking and CPU-bound.
///
/// # Errors
/// In words, when the question cannot be asked or the prompt does not hold it.
pub fn first_prompt(investigator: &Investigator, question: Question) -> Result<Packed, String> {
    let question = admit(investigator, question).map_err(|error| error.to_string())?;
    let facts = find_facts(investigator, &question, &RunIds::random(), &|_| {});
    tell::first_request(investigator.tools(), &question, &facts, &neighbours::Offer::default())
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
    let covered = [coverage.counts.range, coverage.spans.range, coverage.points.range]
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
        let gathered = collect(investigator, question, &plan, &known.services);
        let receipt = &gathered.receipt;
        let detail = format!(
            "{} log records, {} spans, {} series",
            format::count(receipt.log_records),
            format::count(receipt.spans),
            format::count(receipt.series)
        );
        (gathered, detail)
    });
    let seen = Seen { plan, gathered: Arc::new(gathered), services: known.services };
    conclude(&investigator.source(), question, (ids, seen), emit)
}

/// Reads once more what a plan asks for. The stores may hold more or less by now than they did. Blocking and CPU-bound.
#[must_use]
pub fn look_again(investigator: &Investigator, question: &Question, plan: Plan) -> Seen {
    let services = investigator.store.coverage().unwrap_or_default().services;
    let gathered = collect(investigator, question, &plan, &services);
    Seen { plan, gathered: Arc::new(gathered), services }
}

/// Reads what a plan asks for: what surrounds the trouble, and what the question asks to see.
fn collect(
    investigator: &Investigator,
    question: &Question,
    plan: &Plan,
    services: &[String],
) -> Gathered {
    let (store, embedder) = (&investigator.store, &investigator.embedder);
    let mut gathered = retrieve::retrieve(store, embedder, question, plan);
    let source = &investigator.source();
    for look in &plan.looks {
        match retrieve::look(Stores { source, plan, services }, look) {
            Ok(found) => gathered.looked.extend(found),
            Err(why) => gathered.gaps.push(Gap::unfixable(format!("{}: {why}", look.told()))),
        }
    }
    gathered
}

/// What follows from what was read: suspects, past incidents alike, bundle, plain account. The same follows whenever the
/// same was seen; `source` is asked only for what tells live suspects apart.
#[must_use]
pub fn conclude(
    source: &Source,
    question: &Question,
    (ids, Seen { plan, gathered, services }): (&RunIds, Seen),
    emit: &(dyn Fn(AnswerEvent) + Send + Sync),
) -> Facts {
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
    let stores = Stores { source, plan: &plan, services: &services };
    let deciding = look_at_once(stores, deciding::looks(&diagnosis));
    let (bundle, draft) = step(emit, "explain", "Choosing what matters", || {
        let rest = gathered.candidates.clone();
        let mut first = gathered.looked.clone();
        first.extend(explain::choose(&plan, &diagnosis).into_iter().map(|item| {
            match gathered.differing.get(&item.key) {
                Some(values) => item.recording(values),
                None => item,
            }
        }));
        first.extend(deciding.iter().map(|deciding| deciding.item.clone()));
        first.extend(helpful_pages(&gathered));
        let bundle = explain::pack(&ids.answer_id, first, rest, question.budget.bundle_tokens_max);
        let material = Material {
            plan: &plan,
            diagnosis: &diagnosis,
            passages: &gathered.passages,
            gaps: &gathered.gaps,
            looked: &gathered.looked,
            deciding: deciding.as_ref(),
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
    let mut names = services;
    names.extend(diagnosis.analysis.graph.services.iter().map(|service| service.name.clone()));
    names.sort();
    names.dedup();
    Facts { plan, gathered, diagnosis, bundle, draft, known: names }
}

/// What the first of `looks` that finds something brings.
fn look_at_once(stores: Stores<'_>, looks: Vec<(Look, String)>) -> Option<Deciding> {
    looks.into_iter().find_map(|(query, label)| {
        let mut item = retrieve::look(stores, &query).ok()?.into_iter().next()?;
        item.text = evidence::clip(&item.text, UNASKED_BYTES_MAX).to_owned();
        Some(Deciding { label, item })
    })
}

/// The pages that answer the question, as items: a step that says to follow one needs it at hand.
fn helpful_pages(gathered: &Gathered) -> Vec<evidence::Candidate> {
    let keys = gathered.passages.iter().filter(|passage| passage.helps()).map(Passage::key);
    keys.take(PAGES_FIRST)
        .filter_map(|key| {
            gathered.candidates.iter().find(|candidate| candidate.key == key).cloned()
        })
        .collect()
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

/// The facts card: the plain account, checked against the stores.
#[must_use]
pub fn facts_answer(
    investigator: &Investigator,
    question: &Question,
    ids: &RunIds,
    facts: &Facts,
) -> Investigated {
    answer_from(&investigator.source(), question, ids, facts)
}

/// The facts card, checked against `source`.
#[must_use]
pub fn answer_from(
    source: &Source,
    question: &Question,
    ids: &RunIds,
    facts: &Facts,
) -> Investigated {
    let mut answer = blank_answer(question, ids, facts);
    let measurer = Measurer::new(source, &facts.plan);
    let grounds = Grounds {
        evidence: &facts.bundle.items,
        known: &facts.known,
        measurer: &measurer,
        wording: None,
    };
    let struck = verify::verify(facts.draft.clone(), &grounds, &mut answer);
    let record = Record { struck, ..Record::default() };
    let asked = Asked { question: question.clone(), plan: facts.plan.clone() };
    Investigated { answer, record, asked: Some(asked) }
}

/// How a follow-up was understood, in words: whom it is about and when.
fn understood(question: &Question, plan: &Plan) -> Option<String> {
    let when = question.understood.as_ref()?;
    let whom =
        if plan.services.is_empty() { "all services".to_owned() } else { plan.services.join(", ") };
    let (from, to) = (format::time(plan.window.start), format::time(plan.window.end));
    Some(format!("{whom}, {from} to {to}, {when}"))
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
        scope: facts.plan.services.clone(),
        understood: understood(question, &facts.plan),
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
