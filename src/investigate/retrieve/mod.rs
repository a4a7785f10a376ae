//! Plan to evidence: everything around the incident that the stores hold, and the gaps where they hold nothing.
//!
//! One file per kind of evidence. Each reads its store, adds candidates and fills its part of the
//! observations for the analysis; a store that fails becomes a gap, never an error.

mod changes;
mod cluster;
mod documents;
mod dropped;
mod incidents;
mod logs;
mod looks;
mod metrics;
mod relevance;
mod trace_view;
mod traces;
mod values;

pub use looks::{Stores, look};

use groundcrew_analysis::{Observations, Symptom};
use groundcrew_store::Store;
use groundcrew_telemetry::TimeRange;

use super::context::LazyEmbedder;
use super::evidence::Gap;
use super::material::{Gathered, Passage};
use super::question::{Plan, Question};

/// Reads everything that the plan asks for. Blocking; call it off the async runtime.
#[must_use]
pub fn retrieve(
    store: &Store,
    embedder: &LazyEmbedder,
    question: &Question,
    plan: &Plan,
) -> Gathered {
    let mut gathered = Gathered {
        observations: Observations {
            window: plan.window,
            baseline: plan.baseline.clone(),
            seasons: plan.seasons.clone(),
            topology: question.topology.clone(),
            symptom: Symptom {
                service: plan.services.first().cloned(),
                text: question.text.clone(),
            },
            ..Observations::default()
        },
        ..Gathered::default()
    };
    // The question is embedded beside the reading, and the symptoms beside the question: that is what takes long.
    let asked = std::thread::scope(|scope| {
        let meaning = scope.spawn(|| documents::meaning_of(store, embedder, &question.text));
        read_telemetry(store, question, plan, &mut gathered);
        let symptoms = documents::Symptoms::of(&gathered.candidates);
        let seen = documents::meaning_of(store, embedder, &symptoms.meaning);
        let stopped =
            |_| Some(Err(("embedding stopped unexpectedly".to_owned(), "groundcrew doctor")));
        let meaning = meaning.join().unwrap_or_else(stopped);
        documents::Asked { text: &question.text, meaning, symptoms, seen }
    });
    let query = documents::query(asked, &mut gathered.gaps);
    if let Some(query) = &query {
        let mut passages: Vec<Passage> = documents::find(store, query, &mut gathered.gaps);
        passages.retain(|passage| plan.knows(passage.chunk.date));
        gathered.candidates.extend(passages.iter().map(documents::candidate));
        gathered.passages = passages;
    }
    incidents::gather(store, query, plan, &mut gathered);
    // That documents cannot be read was said when they were searched.
    gathered.catalog = store.documents().entities().unwrap_or_default();
    gathered
}

/// Everything but documents, as candidates best first and as observations.
fn read_telemetry(store: &Store, question: &Question, plan: &Plan, gathered: &mut Gathered) {
    let texts = logs::gather(store, plan, gathered);
    traces::gather(store, question, plan, gathered);
    metrics::gather(store, question, plan, gathered);
    changes::gather(store, plan, gathered);
    cluster::gather(store, plan, gathered);
    note_missing_signals(store, plan, gathered);
    relevance::score(plan, &mut gathered.candidates);
    gathered.differing = values::tell(store, plan, &mut gathered.candidates, &texts);
}

/// Says which signals the examined time lacks, with what would bring them.
fn note_missing_signals(store: &Store, plan: &Plan, gathered: &mut Gathered) {
    let observations = &gathered.observations;
    let seen_in_window = [
        ("logs", !observations.templates_window.is_empty()),
        ("traces", observations.spans.iter().any(|row| plan.window.contains(row.span.start))),
        ("metrics", !observations.series.is_empty()),
    ];
    let coverage = match store.coverage() {
        Ok(coverage) => coverage,
        Err(error) => {
            gathered
                .gaps
                .push(Gap::unfixable(format!("the store could not say what it covers: {error}")));
            return;
        }
    };
    let ranges = [coverage.logs.range, coverage.spans.range, coverage.points.range];
    let dropped = dropped::gaps(&coverage.dropped, plan);
    for ((signal, seen), range) in seen_in_window.into_iter().zip(ranges) {
        let is_explained = dropped.iter().any(|gap| gap.signal == signal && gap.is_in_window);
        if !seen && !is_explained {
            gathered.gaps.push(missing_signal(signal, range, plan.window));
        }
    }
    gathered.gaps.extend(dropped.into_iter().map(|dropped| dropped.gap));
    gathered.gaps.extend(dropped::unreachable(coverage.unreachable, plan));
}

/// A stretch of time to the second.
fn spoken(range: TimeRange, to: &str) -> String {
    format!("{} {to} {}", range.start.whole_secs(), range.end.whole_secs())
}

fn missing_signal(signal: &str, covered: Option<TimeRange>, window: TimeRange) -> Gap {
    match covered {
        None => Gap::new(
            format!("no {signal} were ever sent"),
            format!(
                "send {signal} as OTLP to port 4317 or 4318, or `groundcrew ingest` a file of them"
            ),
        ),
        Some(range) => Gap::new(
            format!(
                "no {signal} between {}; what there is covers {}",
                spoken(window, "and"),
                spoken(range, "to")
            ),
            "ask about another time with --at and --since, or check the sender",
        ),
    }
}
