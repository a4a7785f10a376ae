//! `groundcrew incident`: what people say about incidents, and the drafts that are made from it.
//!
//! Works on the state of the data directory, whether a server runs on it or not.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use groundcrew_masking::Masker;
use groundcrew_store::{Access, DocumentFilter, DocumentKind, DocumentQuery, StateDb};
use groundcrew_telemetry::{Clock, SystemClock};

use super::arguments::{ConfirmArguments, DoctorOutput, IncidentCommand};
use super::exit::Exit;
use super::print;
use crate::app;
use crate::config::Settings;
use crate::investigate::answer::Answer;
use crate::investigate::format::{duration, time};
use crate::investigate::plan::parse_duration;
use crate::investigate::remembered::IncidentRecord;
use crate::investigate::signs;
use crate::memory::{self, Found, Runbook, Statement};
use crate::text::visible;

/// How sure a search must be that a runbook is about the incident.
const RUNBOOK_CONFIDENCE_MIN: f32 = 0.5;
/// The same for a runbook that says it is about the service at fault.
const OWN_CONFIDENCE_MIN: f32 = 0.2;
/// Similar incidents that are shown.
const SIMILAR_MAX: usize = 5;

pub(super) fn run(settings: &Settings, command: IncidentCommand) -> Result<Exit> {
    if !settings.data.dir.exists() {
        bail!(
            "there is no data directory at {}\nhint: ask something first; an answer shows the code of its incident",
            settings.data.dir.display()
        );
    }
    let state = app::open_state(settings)?;
    match command {
        IncidentCommand::Confirm(arguments) => confirm(&state, arguments),
        IncidentCommand::Wrong { code, note } => {
            let statement = Statement {
                is_wrong: true,
                text: note.unwrap_or_default(),
                ..Statement::default()
            };
            tell(&state, &code, &statement)
        }
        IncidentCommand::List { output } => list(&state, output),
        IncidentCommand::Show { code, output } => show(&state, &code, output),
        IncidentCommand::Similar { code } => similar(&state, &code),
        IncidentCommand::Strike { code, why } => {
            let record = memory::strike(&state, &Masker::new(), SystemClock.now(), &code, &why)?;
            print::note(format!("{} is kept and no longer used", record.code));
            Ok(Exit::Success)
        }
        IncidentCommand::Postmortem { code, out } => {
            let record = record(&state, &code)?;
            let answer = answer_of(&state, &record);
            deliver(&memory::postmortem(&record, answer.as_ref()), out.as_deref())
        }
        IncidentCommand::Runbook { code, out } => {
            let record = record(&state, &code)?;
            let runbook = fitting_runbook(settings, &state, &record)?;
            let change = memory::propose_change(&record, runbook.as_ref());
            let what = if change.is_new { "no runbook fits; a new one" } else { "a change of" };
            print::note(visible(&format!("{what} {}; nothing was changed", change.path)));
            deliver(&change.diff, out.as_deref())
        }
    }
}

fn confirm(state: &StateDb, arguments: ConfirmArguments) -> Result<Exit> {
    let duration_secs = match &arguments.took {
        Some(took) => Some(
            parse_duration(took)
                .ok_or_else(|| anyhow!("--took `{took}` is not a duration such as 40s, 23m or 2h"))?
                .as_secs(),
        ),
        None => None,
    };
    let statement = Statement {
        is_wrong: false,
        service: arguments.cause,
        fault_kind: arguments.kind,
        cause_words: arguments.why,
        fix: arguments.fix,
        duration_secs,
        text: arguments.note.unwrap_or_default(),
    };
    tell(state, &arguments.code, &statement)
}

fn tell(state: &StateDb, code: &str, statement: &Statement) -> Result<Exit> {
    let now = SystemClock.now();
    let record = memory::state_opinion(state, &Masker::new(), now, code, statement)?;
    print::out(&visible(&format!("{}\n", line(&record))))?;
    Ok(Exit::Success)
}

/// One incident in one line.
fn line(record: &IncidentRecord) -> String {
    let at = record.since.unwrap_or(record.recorded_at);
    let cause = match (&record.cause, &record.suspected) {
        (Some(cause), _) => cause.words(),
        (None, Some(suspected)) => format!("not {}", suspected.words()),
        (None, None) => "unknown".to_owned(),
    };
    let fix = record.fix.as_deref().map(|fix| format!(", fixed by: {fix}")).unwrap_or_default();
    let took = record.duration_secs.map(|secs| format!(", took {}", duration(secs)));
    let struck = if record.struck.is_some() { "  (struck)" } else { "" };
    format!("{}  {}  {cause}{fix}{}{struck}", record.code, time(at), took.unwrap_or_default())
}

fn list(state: &StateDb, output: DoctorOutput) -> Result<Exit> {
    let records = memory::incidents(state)?;
    match output {
        DoctorOutput::Json => {
            print::out(&format!("{}\n", serde_json::to_string_pretty(&records)?))?;
        }
        DoctorOutput::Text => {
            for record in &records {
                print::out(&visible(&format!("{}\n", line(record))))?;
            }
        }
    }
    Ok(if records.is_empty() { Exit::NotEnoughEvidence } else { Exit::Success })
}

fn show(state: &StateDb, code: &str, output: DoctorOutput) -> Result<Exit> {
    let record = record(state, code)?;
    if output == DoctorOutput::Json {
        print::out(&format!("{}\n", serde_json::to_string_pretty(&record)?))?;
        return Ok(Exit::Success);
    }
    let mut page = format!("{}\n  {}\n", line(&record), record.title);
    let mut add = |label: &str, text: &str| page.push_str(&format!("  {label}: {text}\n"));
    for (label, text) in [("cause", &record.cause_words), ("change", &record.change)] {
        text.iter().for_each(|text| add(label, text));
    }
    for said in &record.feedback {
        let words =
            if said.text.is_empty() { String::new() } else { format!(" “{}”", said.text) };
        let opinion = said.opinion.name();
        add(opinion, &format!("{}, {}{words}", said.cause.words(), time(said.at)));
    }
    record.ruled_out.iter().for_each(|text| add("ruled out", text));
    let seen = record.fingerprint.signs.iter().filter_map(signs::words).take(12);
    seen.for_each(|words| add("seen", &words));
    if let Some(struck) = &record.struck {
        add("struck", &format!("{} {}", time(struck.at), struck.why));
    }
    add("answer", &record.answer_id);
    print::out(&visible(&page))?;
    Ok(Exit::Success)
}

fn similar(state: &StateDb, code: &str) -> Result<Exit> {
    let record = record(state, code)?;
    let found = memory::similar(state, &record)?;
    let mut page = String::new();
    for (other, likeness) in found.iter().take(SIMILAR_MAX) {
        page.push_str(&format!("{:.2}  {}\n", likeness.score, line(other)));
        let words = |prefix: &str, sign: Option<&groundcrew_analysis::fingerprint::Sign>| {
            sign.and_then(signs::words).map(|words| format!("      {prefix} {words}\n"))
        };
        let (here, there) = (&record.fingerprint.signs, &other.fingerprint.signs);
        let matching = likeness.matching.iter().filter_map(|one| words("=", there.get(one.then)));
        matching.take(4).for_each(|line| page.push_str(&line));
        let then =
            likeness.only_then.iter().filter_map(|at| words("≠ only there:", there.get(*at)));
        then.take(2).for_each(|line| page.push_str(&line));
        let now = likeness.only_now.iter().filter_map(|at| words("≠ only here:", here.get(*at)));
        now.take(2).for_each(|line| page.push_str(&line));
    }
    print::out(&visible(&page))?;
    Ok(if found.is_empty() { Exit::NotEnoughEvidence } else { Exit::Success })
}

/// The record of that name. An answer that nobody spoke about is none yet.
fn record(state: &StateDb, code: &str) -> Result<IncidentRecord> {
    match memory::find(state, code)? {
        Found::Record(record) => Ok(*record),
        Found::Answer(answer) => bail!(
            "nobody has said yet whether {} was right\nhint: groundcrew incident confirm {}",
            answer.incident,
            answer.incident
        ),
    }
}

fn answer_of(state: &StateDb, record: &IncidentRecord) -> Option<Answer> {
    let json = state.answer(&record.answer_id).ok()??;
    serde_json::from_str(&json).ok()
}

/// The runbook that the answer pointed to, else the one whose words fit the incident best.
fn fitting_runbook(
    settings: &Settings,
    state: &StateDb,
    record: &IncidentRecord,
) -> Result<Option<Runbook>> {
    let answer = answer_of(state, record);
    let pointed_to: Option<String> = answer.as_ref().and_then(|answer| {
        let step = answer.next.iter().find(|step| step.kind == "runbook")?;
        let item = answer.evidence(step.cites.first()?)?;
        item.query
            .as_deref()?
            .strip_prefix("documents ")?
            .rsplit_once(':')
            .map(|(id, _)| id.to_owned())
    });
    let store = app::open_store(settings, Access::ReadOnly)?;
    let service = record.cause.as_ref().or(record.suspected.as_ref()).map(|cause| &cause.service);
    let mut text = record.cause.as_ref().map(|cause| cause.words()).unwrap_or_default();
    for sign in record.fingerprint.signs.iter().take(6) {
        text.push_str(&format!("\n{} {}", sign.service, sign.text));
    }
    let filter = DocumentFilter { kinds: vec![DocumentKind::Runbook], ..DocumentFilter::default() };
    let query = DocumentQuery { text, vector: None, filter, limit: 20 };
    let hits = store.documents().search(&query).context("failed to search the runbooks")?;
    let chosen = hits
        .iter()
        .find(|hit| pointed_to.as_deref() == Some(hit.chunk.document.as_str()))
        .or_else(|| {
            hits.iter().find(|hit| {
                let is_its = service.is_some_and(|service| hit.chunk.services.contains(service));
                hit.confidence() >= if is_its { OWN_CONFIDENCE_MIN } else { RUNBOOK_CONFIDENCE_MIN }
            })
        });
    // A page that has gone since it was indexed cannot be changed.
    Ok(chosen.and_then(|hit| {
        let text = std::fs::read_to_string(&hit.chunk.path).ok()?;
        Some(Runbook { path: hit.chunk.document.clone(), text })
    }))
}

/// To stdout, or into a file that is not there yet.
fn deliver(text: &str, out: Option<&Path>) -> Result<Exit> {
    let Some(path) = out else {
        print::out(text)?;
        return Ok(Exit::Success);
    };
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = opened.with_context(|| {
        format!("failed to write {}\nhint: an existing file is not overwritten", path.display())
    })?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("failed to write {}", path.display()))?;
    print::note(format!("wrote {}", path.display()));
    Ok(Exit::Success)
}
