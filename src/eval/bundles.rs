//! `eval bundles`: a question and a folder of evidence in, the bundle that a model would get out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use groundcrew_llm::count_tokens;
use groundcrew_masking::Masker;
use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use super::case::{EvalError, FreshStore, find_cases, name_of, read_json};
use crate::investigate::answer::{AnswerEvent, StepStatus};
use crate::investigate::explain::render;
use crate::investigate::question::Question;
use crate::investigate::{Investigator, RunIds, find_facts};

#[derive(Deserialize)]
struct Case {
    question: String,
    time: String,
}

/// What to measure.
#[derive(Clone, Debug)]
pub struct BundleRun {
    /// Folder of `<case>/`.
    pub cases: PathBuf,
    /// Tokens per bundle.
    pub budget: usize,
    /// All cases in one store.
    pub pooled: bool,
    /// Only cases whose path contains this.
    pub only: Option<String>,
}

/// A bundle as the grader reads it.
#[derive(Clone, Debug, Serialize)]
pub struct BundleRow {
    case: String,
    budget: usize,
    items: Vec<ItemRow>,
    tokens: usize,
    ms: u64,
    steps_ms: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ItemRow {
    pub(super) id: String,
    pub(super) text: String,
}

/// Builds the bundle of every case.
///
/// # Errors
/// When a case cannot be read.
pub fn bundles(
    like: &Investigator,
    run: &BundleRun,
    progress: &dyn Fn(&str),
) -> Result<Vec<BundleRow>, EvalError> {
    each(like, run, progress, |name, question, store| {
        let started = Instant::now();
        let steps: Mutex<BTreeMap<String, u64>> = Mutex::default();
        let facts = find_facts(&store.investigator, question, &RunIds::random(), &|event| {
            note_step(event, &steps);
        });
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let items: Vec<ItemRow> = facts
            .bundle
            .items
            .iter()
            .map(|item| ItemRow { id: item.id.clone(), text: render(item) })
            .collect();
        let tokens = items.iter().map(|item| count_tokens(&item.text)).sum();
        let steps_ms = steps.into_inner().unwrap_or_default();
        BundleRow { case: name, budget: run.budget, items, tokens, ms, steps_ms }
    })
}

/// Keeps how long a step took.
pub(super) fn note_step(event: AnswerEvent, steps: &Mutex<BTreeMap<String, u64>>) {
    if let AnswerEvent::Step(step) = event
        && step.status == StepStatus::Complete
        && let Ok(mut steps) = steps.lock()
    {
        steps.insert(step.id, step.ms.unwrap_or(0));
    }
}

fn each<T>(
    like: &Investigator,
    run: &BundleRun,
    progress: &dyn Fn(&str),
    measure: impl Fn(String, &Question, &FreshStore) -> T,
) -> Result<Vec<T>, EvalError> {
    let cases = find_cases(&run.cases, 1, run.only.as_deref())?;
    // A server that runs has both loaded.
    count_tokens(".");
    let _loaded = like.embedder.get();
    let pool = if run.pooled {
        let store = FreshStore::new(like)?;
        for folder in &cases {
            feed(&store, folder)?;
        }
        Some(store)
    } else {
        None
    };
    let mut rows = Vec::new();
    for folder in &cases {
        let name = name_of(folder);
        let question = question(folder, run.budget)?;
        let own = match &pool {
            Some(_) => None,
            None => {
                let store = FreshStore::new(like)?;
                feed(&store, folder)?;
                Some(store)
            }
        };
        if let Some(store) = own.as_ref().or(pool.as_ref()) {
            rows.push(measure(name.clone(), &question, store));
        }
        progress(&name);
    }
    Ok(rows)
}

pub(super) fn question(folder: &Path, budget: usize) -> Result<Question, EvalError> {
    let (case, at) = read_case(folder)?;
    let mut question = Question::new(case.question, at);
    question.at_given = true;
    question.budget.bundle_tokens_max = budget;
    Ok(question)
}

fn read_case(folder: &Path) -> Result<(Case, Timestamp), EvalError> {
    let path = folder.join("case.json");
    let case: Case = read_json(&path)?;
    let message = format!("`{}` is no time", case.time);
    let at = Timestamp::parse(&case.time).ok_or(EvalError::Format { path, message })?;
    Ok((case, at))
}

/// Feeds a case's evidence in: runbooks as documents, everything else as telemetry and state.
pub(super) fn feed(store: &FreshStore, folder: &Path) -> Result<(), EvalError> {
    let (_, at) = read_case(folder)?;
    let evidence = folder.join("evidence");
    let entries = std::fs::read_dir(&evidence)
        .map_err(|source| EvalError::File { path: evidence.clone(), source })?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| !path.ends_with("runbooks"))
        .collect();
    paths.sort();
    store.ingest(&paths, at)?;
    let runbooks = evidence.join("runbooks");
    if runbooks.is_dir() {
        let embedder = store.investigator.embedder.get().ok();
        groundcrew_indexer::docs::index_directory(
            groundcrew_indexer::docs::DocumentSource::at(&runbooks),
            store.store().documents(),
            &Masker::new(),
            embedder,
            &|_| {},
        )
        .map_err(|error| EvalError::Ingest { path: runbooks, message: error.to_string() })?;
    }
    Ok(())
}
