//! `eval rca`: telemetry of a labelled incident and its page in, a ranking out.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::Deserialize;

use super::case::{EvalError, FreshStore, each_of, find_cases, name_of, read_json};
use crate::investigate::answer::{Confidence, Verdict};
use crate::investigate::question::Question;
use crate::investigate::{Facts, Investigator, RunIds, facts_answer, find_facts};

/// What to rank and how much to say.
#[derive(Clone, Debug)]
pub struct RcaOptions {
    /// Folder of `SET/CASE/`.
    pub cases: PathBuf,
    /// Only cases whose path contains this.
    pub only: Option<String>,
    /// Cases at a time.
    pub jobs: usize,
    /// Ask about the time before the trouble instead, when nothing was wrong: what is blamed then is blamed wrongly.
    pub quiet: bool,
    /// The signals that are fed in, of `logs`, `traces` and `metrics`: what each of them alone can say.
    pub signals: Vec<String>,
}

#[derive(Deserialize)]
struct Case {
    alert: Page,
    #[serde(default)]
    segments: Vec<Segment>,
    #[serde(default)]
    topology: Topology,
    #[serde(default)]
    changes: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    time: String,
    for_s: u64,
    text: String,
    #[serde(default)]
    service: Option<String>,
}

#[derive(Deserialize)]
struct Segment {
    start: String,
    end: String,
    #[serde(default)]
    known_fault_free: bool,
}

/// What a case says is right; read for the score alone, after the ranking.
#[derive(Deserialize)]
struct Truth {
    accepted: Vec<String>,
    #[serde(default)]
    root_cause_commit: Option<String>,
}

#[derive(Deserialize, Default)]
struct Topology {
    #[serde(default)]
    calls: Vec<(String, String)>,
}

/// One ranked case.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// `<set>/<case>`.
    pub key: String,
    /// Services, or change ids where the case asks for a change; best first.
    pub ranking: Vec<String>,
    /// From the question to the facts card.
    pub took: Duration,
    /// How sure the answer is; `None` when it names no cause.
    pub confidence: Option<Confidence>,
    /// The first suspect's score, 0 to 1.
    pub score: f64,
    /// Whether the first of the ranking is right; `None` when the case does not say, or nothing was wrong.
    pub right: Option<bool>,
    /// The plain account, for `--explain`.
    pub account: Vec<String>,
}

/// Ranks every case; `progress` hears of each.
///
/// # Errors
/// When a case cannot be read. A case never fails the measurement by what it contains.
pub fn rca(
    like: &Investigator,
    options: &RcaOptions,
    progress: &(dyn Fn(&Ranked) + Sync),
) -> Result<Vec<Ranked>, EvalError> {
    let cases = find_cases(&options.cases, 2, options.only.as_deref())?;
    let ranked = each_of(&cases, options.jobs, &|case| {
        let ranked = rank_case(like, case, options)?;
        ranked.iter().for_each(progress);
        Ok(ranked)
    })?;
    Ok(ranked.into_iter().flatten().collect())
}

/// A recorded case, fed to a store of its own.
pub(super) struct Prepared {
    pub(super) store: FreshStore,
    pub(super) question: Question,
    /// Whether the cause that is asked for is a change.
    wants_change: bool,
}

/// Reads a case and feeds it in; `None` when a quiet time is asked for and the case does not tell it apart.
pub(super) fn prepare(
    like: &Investigator,
    folder: &Path,
    signals: &[String],
    quiet: bool,
) -> Result<Option<Prepared>, EvalError> {
    let case: Case = read_json(&folder.join("case.json"))?;
    let wrong_time = |text: &str| EvalError::Format {
        path: folder.join("case.json"),
        message: format!("`{text}` is no time"),
    };
    let time = |text: &str| Timestamp::parse(text).ok_or_else(|| wrong_time(text));
    let mut at = time(&case.alert.time)?;
    if quiet {
        let Some(end) = quiet_end(&case, at, &time)? else { return Ok(None) };
        at = end;
    }
    let store = FreshStore::new(like)?;
    let mut files: Vec<PathBuf> =
        signals.iter().map(|signal| folder.join(format!("{signal}.otlp.jsonl.gz"))).collect();
    files.push(folder.join("changes.json"));
    files.retain(|file| file.is_file());
    store.ingest(&files, at)?;
    let mut question = Question::new(case.alert.text.clone(), at);
    question.at_given = true;
    question.since = Some(Duration::from_secs(case.alert.for_s));
    question.services = case.alert.service.iter().cloned().collect();
    question.topology = case.topology.calls;
    let window_start = at.plus_secs(-i64::try_from(case.alert.for_s).unwrap_or(0));
    for segment in &case.segments {
        let range = TimeRange::new(time(&segment.start)?, time(&segment.end)?.min(window_start));
        if !range.is_empty() {
            question.normal.push(range);
        }
    }
    Ok(Some(Prepared { store, question, wants_change: case.changes.is_some() }))
}

fn rank_case(
    like: &Investigator,
    folder: &Path,
    options: &RcaOptions,
) -> Result<Option<Ranked>, EvalError> {
    let quiet = options.quiet;
    let prepared = prepare(like, folder, &options.signals, quiet)?;
    let Some(Prepared { store, question, wants_change }) = prepared else { return Ok(None) };
    let ids = RunIds::random();
    let started = Instant::now();
    let facts = find_facts(&store.investigator, &question, &ids, &|_| {});
    let took = started.elapsed();
    let answer = facts_answer(&store.investigator, &question, &ids, &facts).answer;
    let is_cause = answer.verdict == Verdict::LikelyCause;
    let confidence = answer.confidence.filter(|_| is_cause);
    let score = facts.diagnosis.analysis.suspects.first().map_or(0.0, |first| first.score);
    let set = folder.parent().map(name_of).unwrap_or_default();
    let ranking = if wants_change { changes(&facts) } else { services(&facts) };
    let account = account(&facts);
    let truth: Option<Truth> = read_json(&folder.join("truth.json")).ok().filter(|_| !quiet);
    let right = truth.map(|truth| {
        let first = ranking.first().map_or("", String::as_str);
        match truth.root_cause_commit.filter(|_| wants_change) {
            Some(commit) => commit == first,
            None => truth.accepted.iter().any(|name| name == first),
        }
    });
    let key = format!("{set}/{}", name_of(folder));
    Ok(Some(Ranked { key, ranking, took, confidence, score, right, account }))
}

/// When the time before the trouble ends; `None` when the case does not tell it apart.
fn quiet_end(
    case: &Case,
    at: Timestamp,
    time: &dyn Fn(&str) -> Result<Timestamp, EvalError>,
) -> Result<Option<Timestamp>, EvalError> {
    if case.segments.is_empty() {
        return Ok(None);
    }
    let free = case.segments.iter().filter(|segment| segment.known_fault_free);
    let ends: Result<Vec<Timestamp>, EvalError> = free.map(|segment| time(&segment.end)).collect();
    let before_page = at.plus_secs(-i64::try_from(case.alert.for_s).unwrap_or(0));
    Ok(Some(ends?.into_iter().max().map_or(before_page, |end| end.min(before_page))))
}

fn services(facts: &Facts) -> Vec<String> {
    let mut ranking: Vec<String> = Vec::new();
    for suspect in &facts.diagnosis.analysis.suspects {
        let name = suspect.subject.service();
        if !name.is_empty() && !ranking.iter().any(|known| known == name) {
            ranking.push(name.to_owned());
        }
    }
    ranking
}

fn changes(facts: &Facts) -> Vec<String> {
    facts.diagnosis.analysis.changes.iter().map(|verdict| verdict.id.clone()).collect()
}

fn account(facts: &Facts) -> Vec<String> {
    let draft = &facts.draft;
    std::iter::once(&draft.headline)
        .chain(&draft.claims)
        .chain(&draft.ruled_out)
        .map(|sentence| format!("{} [{}]", sentence.text, sentence.cites.join(", ")))
        .collect()
}
