//! `eval templates`: raw log lines in, the group of each out; where labels lie beside them, how well the groups agree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use groundcrew_analysis::templates::{TemplateGroups, Templates};
use groundcrew_telemetry::TemplateId;
use serde::Serialize;

use super::case::{EvalError, name_of};
use super::csv;
use super::grouping::{Agreement, agreement};

/// How a log of two thousand lines is called; what stands before is its system's name.
const LOG_ENDING: &str = "_2k.log";
/// What a log's labels are called: the log's own name and this.
const LABELS_ENDING: &str = "_structured.csv";
/// Folders below the one given in which logs are looked for.
const DEPTH_MAX: usize = 2;
/// Times the lines are read to tell the speed; the fastest counts, the others shared their core.
const SPEED_ROUNDS: usize = 5;

/// The group of one raw line.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateLine {
    system: String,
    /// Counted from one.
    line: usize,
    template_id: String,
}

/// How one system's lines were grouped.
#[derive(Clone, Debug)]
pub struct SystemTemplates {
    /// The system.
    pub system: String,
    /// Its lines.
    pub lines: usize,
    /// What its labels say, when there are any.
    pub labelled: Option<Labelled>,
}

/// Agreement with a system's labels.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// Labelled groups.
    pub groups: usize,
    /// Of whole lines, headers and all, by the ids that records are stored with.
    pub raw_ids: Agreement,
    /// Of whole lines, by the groups of those ids.
    pub raw: Agreement,
    /// Of messages alone.
    pub messages: Agreement,
}

/// The whole measurement.
#[derive(Clone, Debug)]
pub struct TemplatesRun {
    /// One row per raw line.
    pub rows: Vec<TemplateLine>,
    /// One per system.
    pub systems: Vec<SystemTemplates>,
    /// Raw lines per second on one core: their ids, and from those their groups.
    pub lines_per_sec: f64,
}

/// Groups the lines of every `*_2k.log` in `dir`, each system by itself.
///
/// # Errors
/// When there is no such file, or one cannot be read, or labels are not of the lines beside them.
pub fn templates(dir: &Path, progress: &dyn Fn(&str)) -> Result<TemplatesRun, EvalError> {
    let mut run = TemplatesRun { rows: Vec::new(), systems: Vec::new(), lines_per_sec: 0.0 };
    let (mut lines_total, mut took) = (0_usize, Duration::ZERO);
    for path in find_logs(dir)? {
        let system = name_of(&path).trim_end_matches(LOG_ENDING).to_owned();
        progress(&system);
        let text = read_text(&path)?;
        let lines: Vec<&str> = text.lines().collect();
        let (ids, groups) = ids_and_groups(&lines);
        let labels = read_labels(&path, lines.len())?;
        took += fastest(&lines);
        lines_total += lines.len();
        let labelled = labels.map(|labels| labels.compare(&ids, &groups));
        run.rows.extend(groups.iter().enumerate().map(|(position, id)| TemplateLine {
            system: system.clone(),
            line: position + 1,
            template_id: id.to_string(),
        }));
        run.systems.push(SystemTemplates { system, lines: lines.len(), labelled });
    }
    run.lines_per_sec = lines_total as f64 / took.as_secs_f64().max(1e-9);
    Ok(run)
}

/// The template of each line by itself, and the group that the template is in beside the others.
fn ids_and_groups(lines: &[&str]) -> (Vec<TemplateId>, Vec<TemplateId>) {
    let mut templates = Templates::new();
    let mut groups = TemplateGroups::new();
    let mut ids = Vec::with_capacity(lines.len());
    for line in lines {
        let id = templates.id_of(line);
        groups.add(id, templates.text());
        ids.push(id);
    }
    let grouping = groups.finish();
    let grouped = ids.iter().map(|id| grouping.group_of(*id)).collect();
    (ids, grouped)
}

fn fastest(lines: &[&str]) -> Duration {
    let time = |_| {
        let started = Instant::now();
        std::hint::black_box(ids_and_groups(lines));
        started.elapsed()
    };
    (0..SPEED_ROUNDS).map(time).min().unwrap_or_default()
}

fn find_logs(dir: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let mut logs = Vec::new();
    let mut open = vec![(dir.to_owned(), 0)];
    while let Some((folder, level)) = open.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|source| EvalError::File { path: folder.clone(), source })?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && level < DEPTH_MAX {
                open.push((path, level + 1));
            } else if path.is_file() && name_of(&path).ends_with(LOG_ENDING) {
                logs.push(path);
            }
        }
    }
    logs.sort();
    if logs.is_empty() {
        return Err(EvalError::NoLogs(dir.to_owned()));
    }
    Ok(logs)
}

/// A log's text; bytes that are no text become marks, as on the way in.
fn read_text(path: &Path) -> Result<String, EvalError> {
    let bytes =
        std::fs::read(path).map_err(|source| EvalError::File { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the labels say of each line.
struct Labels {
    messages: Vec<String>,
    events: Vec<String>,
}

impl Labels {
    fn compare(&self, ids: &[TemplateId], groups: &[TemplateId]) -> Labelled {
        let messages: Vec<&str> = self.messages.iter().map(String::as_str).collect();
        let (_, message_groups) = ids_and_groups(&messages);
        let distinct: BTreeSet<&String> = self.events.iter().collect();
        Labelled {
            groups: distinct.len(),
            raw_ids: agreement(ids, &self.events),
            raw: agreement(groups, &self.events),
            messages: agreement(&message_groups, &self.events),
        }
    }
}

/// The labels beside a log, `None` when there are none.
fn read_labels(log: &Path, lines: usize) -> Result<Option<Labels>, EvalError> {
    let path = log.with_file_name(format!("{}{LABELS_ENDING}", name_of(log)));
    if !path.is_file() {
        return Ok(None);
    }
    let wrong = |message: String| EvalError::Format { path: path.clone(), message };
    let mut rows = csv::rows(&read_text(&path)?).into_iter();
    let head = rows.next().unwrap_or_default();
    let column = |name: &str| {
        head.iter()
            .position(|field| field.trim_start_matches('\u{feff}') == name)
            .ok_or_else(|| wrong(format!("no column {name}\nhint: it needs Content and EventId")))
    };
    let (content, event) = (column("Content")?, column("EventId")?);
    let mut labels = Labels { messages: Vec::new(), events: Vec::new() };
    for mut row in rows {
        let field = |row: &mut Vec<String>, at: usize| row.get_mut(at).map(std::mem::take);
        labels.messages.push(field(&mut row, content).unwrap_or_default());
        labels.events.push(field(&mut row, event).unwrap_or_default());
    }
    if labels.events.len() != lines {
        let message = format!(
            "{} labels for {lines} lines\nhint: the labels must be of the log beside them",
            labels.events.len()
        );
        return Err(wrong(message));
    }
    Ok(Some(labels))
}
