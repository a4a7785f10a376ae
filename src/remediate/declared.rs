//! Actions as runbooks declare them in their front matter, read from the directories that the settings name.
//!
//! This is the only way an action comes to be. It is read from the files themselves each time, not from the index of
//! documents: what is indexed may come from anywhere, and the body of a page holds lines that were pasted into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_telemetry::{Attributes, Value};
use serde::{Deserialize, Serialize};

use crate::investigate::plan::parse_duration;
use crate::text::is_unsafe;

/// Files read in all directories together, how deep, and how much of each: front matter stands at the beginning.
const FILES_MAX: usize = 2_000;
const DEPTH_MAX: usize = 8;
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Actions in all.
const ACTIONS_MAX: usize = 200;
/// Longest text that is shown, and longest name or value, in bytes.
const TEXT_BYTES_MAX: usize = 300;
const NAME_BYTES_MAX: usize = 100;
/// Services, parameters and values of one action.
const SERVICES_MAX: usize = 50;
const PARAMETERS_MAX: usize = 8;
const VALUES_MAX: usize = 50;
/// Longest wait before a check, and longest stretch it measures.
const CHECK_SECS_MAX: u64 = 3_600;

/// An action as a runbook declares it. Its texts are the runbook's own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Its name among all actions: letters, digits and `-`.
    pub id: String,
    /// In a few words, for a button.
    pub title: String,
    /// What it does.
    pub does: String,
    /// Whom it hits, in words.
    pub blast_radius: String,
    /// How to undo it.
    pub undo: String,
    /// The services that it is for.
    pub services: Vec<String>,
    /// The kinds of fault that it is for; empty for all.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// What is chosen when it is proposed.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// How to see afterwards whether it helped.
    #[serde(default)]
    pub check: Option<Check>,
    /// Who does it.
    pub actuator: Actuator,
    /// The runbook that declares it, as a path below its directory.
    #[serde(skip)]
    pub runbook: String,
}

/// What may be chosen: always out of a closed set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Parameter {
    /// One of these.
    Enum {
        /// The values.
        values: Vec<String>,
        /// The one that is taken when none is chosen.
        #[serde(default)]
        default: Option<String>,
    },
    /// One of the action's services, which must have sent telemetry.
    Service {},
    /// A whole number in a range, both ends in it.
    Integer {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
        /// The one that is taken when none is chosen.
        #[serde(default)]
        default: Option<i64>,
    },
}

/// Who does it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actuator {
    /// Nobody: it is shown what would be done.
    DryRun,
    /// The webhook of that name in the settings.
    Webhook(String),
}

impl Actuator {
    /// `dry run`, or `webhook` and its name.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::DryRun => "dry run".to_owned(),
            Self::Webhook(name) => format!("webhook {name}"),
        }
    }
}

/// What is measured afterwards.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What of the service.
    pub measure: CheckMeasure,
    /// The service, or `{name}` for the one chosen as the parameter of that name.
    pub service: String,
    /// It is better when the figure is less than this.
    pub below: f64,
    /// How long to wait before measuring: `2m`.
    pub after: String,
    /// Over how long it is measured: `3m`.
    #[serde(rename = "for")]
    pub over: String,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckMeasure {
    /// The share of a service's requests that failed, 0 to 1.
    ErrorRatio,
    /// The time within which 95 of 100 of its requests were answered, in milliseconds.
    LatencyP95Ms,
}

impl Check {
    /// How long to wait, and over how long to measure then.
    #[must_use]
    pub fn times(&self) -> Option<(Duration, Duration)> {
        let read = |text| parse_duration(text).filter(|time| time.as_secs() <= CHECK_SECS_MAX);
        let (after, over) = (read(&self.after)?, read(&self.over)?);
        (!over.is_zero()).then_some((after, over))
    }
}

impl Action {
    /// A hash over everything that is declared: a runbook that says something else by now is noticed.
    #[must_use]
    pub fn hash(&self) -> String {
        let json = serde_json::to_string(&(&self.runbook, self)).unwrap_or_default();
        blake3::hash(json.as_bytes()).to_hex().to_string()
    }

    /// Whether it is for this service and kind of fault.
    #[must_use]
    pub fn is_for(&self, service: &str, fault_kind: &str) -> bool {
        self.services.iter().any(|own| own == service)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == fault_kind))
    }

    /// What is wrong with it, if anything.
    fn problem(&self) -> Option<String> {
        let is_id = |text: &str| {
            (1..=40).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !is_id(&self.id) {
            return Some("id has 1 to 40 small letters, digits and -".to_owned());
        }
        let texts = [
            ("title", &self.title),
            ("does", &self.does),
            ("blast_radius", &self.blast_radius),
            ("undo", &self.undo),
        ];
        if let Some((name, _)) = texts.iter().find(|(_, text)| !is_text(text, TEXT_BYTES_MAX)) {
            return Some(format!("{name} is a line of at most {TEXT_BYTES_MAX} bytes"));
        }
        let are_names = |names: &[String]| names.iter().all(|name| is_text(name, NAME_BYTES_MAX));
        if !(1..=SERVICES_MAX).contains(&self.services.len()) || !are_names(&self.services) {
            return Some(format!("services names 1 to {SERVICES_MAX} services"));
        }
        let is_kind = |kind: &String| groundcrew_analysis::FaultKind::from_name(kind).is_some();
        if let Some(kind) = self.kinds.iter().find(|kind| !is_kind(kind)) {
            return Some(format!("`{kind}` is no kind of fault"));
        }
        if self.parameters.len() > PARAMETERS_MAX {
            return Some(format!("there are more than {PARAMETERS_MAX} parameters"));
        }
        let wrong = self.parameters.iter().find(|(name, kind)| !is_id(name) || !kind.is_usable());
        if let Some((name, _)) = wrong {
            return Some(format!(
                "the parameter `{name}` has no closed set of values with its default in it"
            ));
        }
        if let Actuator::Webhook(name) = &self.actuator
            && !is_text(name, NAME_BYTES_MAX)
        {
            return Some("the webhook has no name".to_owned());
        }
        self.check.as_ref().and_then(|check| self.problem_of_check(check))
    }

    fn problem_of_check(&self, check: &Check) -> Option<String> {
        if check.times().is_none() {
            return Some(
                "check.after and check.for are durations of at most 1h, such as 2m".to_owned(),
            );
        }
        if !check.below.is_finite() || check.below <= 0.0 {
            return Some("check.below is a number above 0".to_owned());
        }
        let named = check.service.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let is_known = match named {
            Some(name) => matches!(self.parameters.get(name), Some(Parameter::Service {})),
            None => is_text(&check.service, NAME_BYTES_MAX),
        };
        (!is_known)
            .then(|| "check.service is a service, or {name} of a parameter that is one".to_owned())
    }
}

impl Parameter {
    fn is_usable(&self) -> bool {
        match self {
            Self::Enum { values, default } => {
                (1..=VALUES_MAX).contains(&values.len())
                    && values.iter().all(|value| is_text(value, NAME_BYTES_MAX))
                    && default.as_ref().is_none_or(|default| values.contains(default))
            }
            Self::Service {} => true,
            Self::Integer { min, max, default } => {
                min <= max && default.is_none_or(|default| (*min..=*max).contains(&default))
            }
        }
    }

    /// The values that may be chosen, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let or = |default: Option<String>| {
            default.map(|default| format!(", usually {default}")).unwrap_or_default()
        };
        match self {
            Self::Enum { values, default } => {
                format!("one of {}{}", values.join(", "), or(default.clone()))
            }
            Self::Service {} => "one of its services".to_owned(),
            Self::Integer { min, max, default } => {
                format!("{min} to {max}{}", or(default.map(|number| number.to_string())))
            }
        }
    }
}

/// One line that a person can read to its end and nothing hides in.
fn is_text(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || is_unsafe(c))
}

/// All that is declared, and what could not be used.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Catalogue {
    /// By id.
    pub actions: BTreeMap<String, Action>,
    /// Files and what is wrong with what they declare.
    pub problems: Vec<String>,
}

impl Catalogue {
    /// Reads the runbooks of these directories. Blocks on the disk.
    #[must_use]
    pub fn read(directories: &[PathBuf]) -> Self {
        let mut catalogue = Self::default();
        let mut files = Vec::new();
        for directory in directories {
            let mut found = Vec::new();
            if let Err(error) = walk(directory, DEPTH_MAX, &mut found) {
                catalogue.problems.push(format!("{}: {error}", directory.display()));
            }
            found.sort();
            files.extend(found.into_iter().map(|file| (directory, file)));
        }
        if files.len() > FILES_MAX {
            catalogue.problems.push(format!("more than {FILES_MAX} files; the rest is not read"));
        }
        let mut twice = Vec::new();
        for (directory, file) in files.into_iter().take(FILES_MAX) {
            let below = file.strip_prefix(directory).unwrap_or(&file);
            let runbook = below.to_string_lossy().replace('\\', "/");
            let read = read_file(&file).unwrap_or_else(|why| vec![Err(why)]);
            read.into_iter().for_each(|action| catalogue.add(&runbook, action, &mut twice));
        }
        // Which of them was meant nobody could say later.
        for id in twice {
            catalogue.actions.remove(&id);
            catalogue
                .problems
                .push(format!("`{id}` is declared more than once, so none of them is used"));
        }
        catalogue
    }

    /// Adds what a runbook declares; ids that are known already are noted in `twice`.
    fn add(&mut self, runbook: &str, action: Result<Action, String>, twice: &mut Vec<String>) {
        match action {
            Ok(_) if self.actions.len() >= ACTIONS_MAX => {
                self.problems.push(format!("{runbook}: there are {ACTIONS_MAX} actions already"));
            }
            Ok(action) => {
                let id = action.id.clone();
                let action = Action { runbook: runbook.to_owned(), ..action };
                if self.actions.insert(id.clone(), action).is_some() {
                    twice.push(id);
                }
            }
            Err(why) => self.problems.push(format!("{runbook}: {why}")),
        }
    }
}

/// The Markdown files below a directory. Links are not followed.
fn walk(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && depth > 0 && !is_hidden {
            walk(&path, depth - 1, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
        if found.len() > FILES_MAX {
            break;
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<Result<Action, String>>, String> {
    use std::io::Read;
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&text);
    let attributes = match groundcrew_indexer::docs::front_matter(&text) {
        Ok(attributes) => attributes,
        // Said by `index --check` for pages that declare nothing.
        Err(_) if !text.contains("\nactions:") => return Ok(Vec::new()),
        Err((line, why)) => return Err(format!("line {line}: {why}")),
    };
    Ok(actions_of(&attributes))
}

fn actions_of(attributes: &Attributes) -> Vec<Result<Action, String>> {
    match attributes.get("actions") {
        None => Vec::new(),
        Some(Value::List(actions)) => actions.iter().map(action_of).collect(),
        Some(_) => vec![Err("actions is a list".to_owned())],
    }
}

fn action_of(value: &Value) -> Result<Action, String> {
    let action: Action =
        serde_json::from_value(json_of(value)).map_err(|error| format!("an action: {error}"))?;
    match action.problem() {
        Some(problem) => Err(format!("the action `{}`: {problem}", action.id)),
        None => Ok(action),
    }
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Str(text) => serde_json::Value::from(text.as_str()),
        Value::Int(number) => serde_json::Value::from(*number),
        Value::Double(number) => serde_json::Value::from(*number),
        Value::Bool(flag) => serde_json::Value::from(*flag),
        Value::Bytes(_) => serde_json::Value::Null,
        Value::List(values) => values.iter().map(json_of).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), json_of(value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "---\ntitle: Pool\nactions:\n  - id: recycle\n    title: Recycle\n    does: Recycles pods\n    \
        blast_radius: one pod at a time\n    undo: nothing to undo\n    services: [checkout]\n    kinds: [config]\n    \
        parameters:\n      service: {type: service}\n      step: {type: integer, min: 1, max: 5, default: 2}\n      \
        zone: {type: enum, values: [a, b]}\n    check: {measure: error_ratio, service: \"{service}\", below: 0.05, after: 2m, for: 3m}\n    \
        actuator: {webhook: recycler}\n---\n# Pool\n";

    fn read(pages: &[(&str, &str)]) -> Catalogue {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in pages {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Catalogue::read(&[directory.path().to_owned()])
    }

    #[test]
    fn front_matter_declares_an_action() {
        let catalogue = read(&[("db/pool.md", PAGE), ("other.md", "# nothing\n")]);
        assert_eq!(catalogue.problems, [""; 0]);
        let action = &catalogue.actions["recycle"];
        assert_eq!(action.runbook, "db/pool.md");
        assert_eq!(action.actuator, Actuator::Webhook("recycler".to_owned()));
        assert!(action.is_for("checkout", "config") && !action.is_for("checkout", "disk"));
        assert!(!action.is_for("checkout-evil", "config"));
        assert_eq!(action.parameters["step"].words(), "1 to 5, usually 2");
    }

    #[test]
    fn the_body_of_a_page_declares_nothing() {
        let front = PAGE.trim_start_matches("---\n").split("---\n").next().unwrap();
        let body = format!("# Pasted\n\n```\n---\n{front}---\n```\n");
        assert_eq!(read(&[("pool.md", &body)]), Catalogue::default());
    }

    #[test]
    fn what_is_open_or_unknown_is_refused_with_its_reason() {
        for (from, to, why) in [
            ("type: service", "type: text", "unknown variant"),
            ("values: [a, b]", "values: []", "zone"),
            ("default: 2", "default: 9", "step"),
            ("min: 1", "min: 7", "step"),
            ("below: 0.05", "below: -1", "below"),
            ("after: 2m", "after: 2d", "after"),
            ("\"{service}\"", "\"{zone}\"", "service"),
            ("[checkout]", "[]", "services"),
            ("kinds: [config]", "kinds: [gremlins]", "gremlins"),
            ("id: recycle", "id: \"rm -rf\"", "id"),
            ("does: Recycles pods", "does: \"a\\u202Eb\"", "does"),
            ("undo: nothing to undo", "url: http://evil.example", "url"),
            ("{webhook: recycler}", "{url: \"http://evil.example\"}", "url"),
        ] {
            assert!(PAGE.contains(from), "{from}");
            let catalogue = read(&[("pool.md", &PAGE.replace(from, to))]);
            assert!(catalogue.actions.is_empty(), "{to}");
            assert!(catalogue.problems[0].contains(why), "{to}: {:?}", catalogue.problems);
        }
    }

    #[test]
    fn an_action_that_is_declared_twice_is_not_used() {
        let catalogue = read(&[("a.md", PAGE), ("b.md", PAGE)]);
        assert!(catalogue.actions.is_empty());
        assert!(catalogue.problems[0].contains("more than once"));
    }

    #[test]
    fn a_change_of_any_word_changes_the_hash() {
        let one = read(&[("a.md", PAGE)]).actions["recycle"].hash();
        assert_eq!(one, read(&[("a.md", PAGE)]).actions["recycle"].hash());
        for (from, to) in [("2m", "3m"), ("one pod", "all pods"), ("max: 5", "max: 6")] {
            assert_ne!(one, read(&[("a.md", &PAGE.replace(from, to))]).actions["recycle"].hash());
        }
    }
}
