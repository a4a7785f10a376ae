//! `get_incident`: what was answered, what people said, and when what happened.

use groundcrew_store::StateDb;
use groundcrew_telemetry::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{self, AnswerShape};
use super::arguments::GetIncident;
use super::said::{Said, Wrong};
use crate::explore::{self, ExploreError};
use crate::investigate::Investigator;
use crate::investigate::answer::Answer;
use crate::investigate::remembered::IncidentRecord;
use crate::memory::{self, Found, MemoryError};

/// Moments that are given.
const MOMENTS_MAX: usize = 60;

/// One incident.
#[derive(Serialize, JsonSchema)]
pub(super) struct IncidentShape {
    /// Its code.
    code: String,
    /// What people said of it; null while nobody has.
    remembered: Option<RecordShape>,
    /// The answer it rests on; null when it is no longer kept.
    answer: Option<AnswerShape>,
    /// What happened when, oldest first.
    timeline: Vec<MomentShape>,
}

/// What people said.
#[derive(Serialize, JsonSchema)]
struct RecordShape {
    /// What it was, in one line.
    title: String,
    /// The cause that was suspected.
    suspected: Option<String>,
    /// The cause that a person confirmed or named.
    cause: Option<String>,
    /// The cause in a person's words.
    cause_words: Option<String>,
    /// The change that triggered it.
    change: Option<String>,
    /// What fixed it, in a person's words.
    fix: Option<String>,
    /// Seconds from beginning to end.
    duration_secs: Option<u64>,
    /// Whether it is struck and no longer used.
    struck: bool,
}

/// One moment.
#[derive(Serialize, JsonSchema)]
struct MomentShape {
    /// When.
    at: String,
    /// What.
    what: String,
    /// The evidence for it.
    cites: Vec<String>,
}

/// The incident.
pub(super) fn get(from: &Investigator, given: GetIncident, _now: Timestamp) -> Result<Said, Wrong> {
    let state = from.store.state();
    let Incident { record, answer } = find(state, &given.code)?;
    let code = match (&answer, &record) {
        (Some(answer), _) => answer::code(answer),
        (None, Some(record)) => record.code.clone(),
        (None, None) => given.code,
    };
    let timeline = timeline(record.as_ref(), answer.as_ref());
    let mut recorded = answer.as_ref().map(answer::lines).unwrap_or_default();
    recorded.extend(record.iter().flat_map(record_lines));
    recorded.extend(timeline.iter().map(|moment| format!("{} {}", moment.at, moment.what)));
    let summary = answer.as_ref().map_or_else(
        || format!("Incident {code}. The answer it rested on is no longer kept."),
        answer::summary,
    );
    let shape = IncidentShape {
        code,
        remembered: record.as_ref().map(remembered),
        answer: answer.as_ref().map(AnswerShape::of),
        timeline,
    };
    let said = Said::new(&shape, summary, &recorded);
    Ok(match &answer {
        Some(answer) => said.linking(answer::links(answer)),
        None => said,
    })
}

/// What is known of an incident; at least one of the two is there.
pub(super) struct Incident {
    /// What people said.
    pub(super) record: Option<IncidentRecord>,
    /// What was answered.
    pub(super) answer: Option<Answer>,
}

/// Finds an incident by its code or an answer's id.
pub(super) fn find(state: &StateDb, code: &str) -> Result<Incident, Wrong> {
    match memory::find(state, code) {
        Ok(Found::Answer(answer)) => Ok(Incident { record: None, answer: Some(*answer) }),
        Ok(Found::Record(record)) => {
            let answer = match explore::answer_of(state, &record.answer_id) {
                Ok(answer) => Some(answer),
                Err(ExploreError::NotFound(_) | ExploreError::Bad(_)) => None,
                Err(error) => return Err(error.into()),
            };
            Ok(Incident { record: Some(*record), answer })
        }
        Err(MemoryError::NotFound(name)) => Err(Wrong::new(
            format!("there is no incident or answer `{name}`"),
            "`investigate` makes one; the resources list names those that there are",
        )),
        Err(MemoryError::Ambiguous { name, codes }) => Err(Wrong::new(
            format!("`{name}` may be any of {}", codes.join(", ")),
            "write more of the code",
        )),
        Err(error) => Err(Wrong::new(error.to_string(), "ask for another one")),
    }
}

fn remembered(record: &IncidentRecord) -> RecordShape {
    RecordShape {
        title: record.title.clone(),
        suspected: record.suspected.as_ref().map(|cause| cause.words()),
        cause: record.cause.as_ref().map(|cause| cause.words()),
        cause_words: record.cause_words.clone(),
        change: record.change.clone(),
        fix: record.fix.clone(),
        duration_secs: record.duration_secs,
        struck: record.struck.is_some(),
    }
}

fn record_lines(record: &IncidentRecord) -> Vec<String> {
    let said = remembered(record);
    let fields = [
        ("People say the cause was", &said.cause),
        ("In their words", &said.cause_words),
        ("Fixed by", &said.fix),
    ];
    let told =
        fields.iter().filter_map(|(name, value)| Some(format!("{name}: {}", value.as_ref()?)));
    let struck = said.struck.then(|| "Struck: no longer used.".to_owned());
    told.chain(struck).collect()
}

/// Cited items that have a time, the beginning of the trouble, and what people said.
fn timeline(record: Option<&IncidentRecord>, answer: Option<&Answer>) -> Vec<MomentShape> {
    let mut moments: Vec<(Timestamp, String, Vec<String>)> = Vec::new();
    if let Some(answer) = answer {
        let cited = answer.claims.iter().flat_map(|claim| &claim.cites);
        let cited: Vec<&String> = cited.chain(&answer.headline_cites).collect();
        let items = answer.evidence.iter().filter(|item| cited.contains(&&item.id));
        moments.extend(
            items.filter_map(|item| Some((item.from?, item.title.clone(), vec![item.id.clone()]))),
        );
        let began = "the trouble begins, as far as telemetry shows".to_owned();
        moments.extend(answer.impact.since.map(|since| (since, began, Vec::new())));
    }
    let said = record.into_iter().flat_map(|record| &record.feedback);
    moments.extend(said.map(|said| {
        let what = format!("a person says: {}, {}", said.opinion.name(), said.cause.words());
        (said.at, what, Vec::new())
    }));
    moments.sort();
    moments.truncate(MOMENTS_MAX);
    let shape = |(at, what, cites): (Timestamp, String, Vec<String>)| MomentShape {
        at: at.to_string(),
        what,
        cites,
    };
    moments.into_iter().map(shape).collect()
}
