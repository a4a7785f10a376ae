//! One action with its arguments, to the letter. What is approved is the hash of this text, and what is sent is this text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Refused;
use super::declared::{Action, Actuator, CheckMeasure, Parameter};

/// A plan. Its JSON has its fields in the order of the alphabet and no white space, so that the same plan is always the
/// same text.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The action's id.
    pub action: String,
    /// Who does it.
    pub actuator: Actuator,
    /// The arguments, by parameter.
    pub arguments: BTreeMap<String, String>,
    /// Whom it hits, in the runbook's words.
    pub blast_radius: String,
    /// What is measured afterwards.
    pub check: Option<PlannedCheck>,
    /// Hash of the action as it was declared.
    pub declaration: String,
    /// What it does.
    pub does: String,
    /// The proposal that it belongs to: no approval of another is one of this.
    pub proposal: String,
    /// The runbook that declares it.
    pub runbook: String,
    /// In a few words.
    pub title: String,
    /// How to undo it.
    pub undo: String,
}

/// A check whose service is known.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCheck {
    /// Seconds to wait.
    pub after_secs: u64,
    /// It is better below this.
    pub below: f64,
    /// What is measured.
    pub measure: CheckMeasure,
    /// Seconds over which it is measured.
    pub over_secs: u64,
    /// Whose.
    pub service: String,
}

impl PlannedCheck {
    /// `error ratio of checkout below 5 % for 3m, 2m after`.
    #[must_use]
    pub fn words(&self) -> String {
        use crate::investigate::format::{duration, milliseconds, percent};
        let (what, below) = match self.measure {
            CheckMeasure::ErrorRatio => ("error ratio", percent(self.below)),
            CheckMeasure::LatencyP95Ms => ("p95", milliseconds(self.below)),
        };
        format!(
            "{what} of {} below {below} over {}, from {} after",
            self.service,
            duration(self.over_secs),
            duration(self.after_secs)
        )
    }
}

impl Plan {
    /// The plan of an action with these arguments, which were chosen by `choose`.
    #[must_use]
    pub fn new(action: &Action, arguments: BTreeMap<String, String>, proposal: &str) -> Self {
        let check = action.check.as_ref().and_then(|check| {
            let (after, over) = check.times()?;
            let named = check.service.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            let service = named.map_or(Some(&check.service), |name| arguments.get(name))?;
            Some(PlannedCheck {
                after_secs: after.as_secs(),
                below: check.below,
                measure: check.measure,
                over_secs: over.as_secs(),
                service: service.clone(),
            })
        });
        Self {
            action: action.id.clone(),
            actuator: action.actuator.clone(),
            arguments,
            blast_radius: action.blast_radius.clone(),
            check,
            declaration: action.hash(),
            does: action.does.clone(),
            proposal: proposal.to_owned(),
            runbook: action.runbook.clone(),
            title: action.title.clone(),
            undo: action.undo.clone(),
        }
    }

    /// The plan as text.
    ///
    /// # Errors
    /// Never, but for a bug.
    pub fn canonical(&self) -> Result<String, Refused> {
        serde_json::to_string(self)
            .map_err(|error| Refused::Bug(format!("the plan cannot be written: {error}")))
    }
}

/// The hash of a plan's text: BLAKE3, hex.
#[must_use]
pub fn plan_hash(canonical: &str) -> String {
    blake3::hash(canonical.as_bytes()).to_hex().to_string()
}

/// Chooses the argument of every parameter: what is given where it is in the closed set, else what is usual, else the
/// only value there is.
///
/// # Errors
/// When one is missing, not known, or outside its set.
pub(super) fn choose(
    action: &Action,
    given: &BTreeMap<String, String>,
    known_services: &[String],
) -> Result<BTreeMap<String, String>, Refused> {
    let wrong = |message: String| Refused::BadArgument(message);
    if let Some(name) = given.keys().find(|name| !action.parameters.contains_key(*name)) {
        return Err(wrong(format!("`{}` has no parameter `{}`", action.id, shown(name))));
    }
    let mut chosen = BTreeMap::new();
    for (name, parameter) in &action.parameters {
        let value = match given.get(name) {
            Some(value) => checked(action, parameter, value, known_services).ok_or_else(|| {
                wrong(format!("{name} is {}, not `{}`", parameter.words(), shown(value)))
            })?,
            None => usual(action, parameter, known_services)
                .ok_or_else(|| wrong(format!("choose {name}: {}", parameter.words())))?,
        };
        chosen.insert(name.clone(), value);
    }
    Ok(chosen)
}

/// A text that somebody gave, for a message.
fn shown(text: &str) -> String {
    crate::investigate::evidence::shorten(&crate::text::visible(text), 60)
}

/// The value as it stands in the closed set: never the text that was given.
fn checked(
    action: &Action,
    parameter: &Parameter,
    value: &str,
    known_services: &[String],
) -> Option<String> {
    match parameter {
        Parameter::Enum { values, .. } => values.iter().find(|one| *one == value).cloned(),
        Parameter::Service {} => {
            let own = action.services.iter().find(|one| *one == value)?;
            known_services.contains(own).then(|| own.clone())
        }
        Parameter::Integer { min, max, .. } => {
            let number: i64 = value.parse().ok()?;
            (*min..=*max).contains(&number).then(|| number.to_string())
        }
    }
}

fn usual(action: &Action, parameter: &Parameter, known_services: &[String]) -> Option<String> {
    match parameter {
        Parameter::Enum { values, default } => match (default, values.as_slice()) {
            (Some(default), _) => Some(default.clone()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        },
        Parameter::Service {} => match action.services.as_slice() {
            [only] => known_services.contains(only).then(|| only.clone()),
            _ => None,
        },
        Parameter::Integer { min, max, default } => {
            default.or((min == max).then_some(*min)).map(|number| number.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remediate::Check;

    fn action() -> Action {
        Action {
            id: "recycle".to_owned(),
            title: "Recycle".to_owned(),
            does: "recycles".to_owned(),
            blast_radius: "one pod".to_owned(),
            undo: "none".to_owned(),
            services: vec!["checkout".to_owned(), "cart".to_owned()],
            kinds: Vec::new(),
            parameters: BTreeMap::from([
                ("service".to_owned(), Parameter::Service {}),
                ("step".to_owned(), Parameter::Integer { min: 1, max: 5, default: Some(2) }),
                (
                    "zone".to_owned(),
                    Parameter::Enum { values: vec!["a".to_owned(), "b".to_owned()], default: None },
                ),
            ]),
            check: Some(Check {
                measure: CheckMeasure::ErrorRatio,
                service: "{service}".to_owned(),
                below: 0.05,
                after: "2m".to_owned(),
                over: "3m".to_owned(),
            }),
            actuator: Actuator::DryRun,
            runbook: "a.md".to_owned(),
        }
    }

    fn chosen(given: &[(&str, &str)]) -> Result<BTreeMap<String, String>, Refused> {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        choose(&action(), &given.collect(), &["checkout".to_owned(), "evil".to_owned()])
    }

    #[test]
    fn arguments_come_out_of_their_sets() {
        let found = chosen(&[("service", "checkout"), ("zone", "b")]).unwrap();
        assert_eq!(found["step"], "2");
        assert_eq!(
            chosen(&[("service", "checkout"), ("zone", "a"), ("step", "+5")]).unwrap()["step"],
            "5"
        );
        for bad in [
            &[("service", "checkout")][..],
            &[("service", "evil"), ("zone", "a")],
            &[("service", "cart"), ("zone", "a")],
            &[("service", "checkout; reboot"), ("zone", "a")],
            &[("service", "checkout"), ("zone", "c")],
            &[("service", "checkout"), ("zone", "a"), ("step", "6")],
            &[("service", "checkout"), ("zone", "a"), ("step", "2; reboot")],
            &[("service", "checkout"), ("zone", "a"), ("url", "http://evil.example")],
        ] {
            assert!(matches!(chosen(bad), Err(Refused::BadArgument(_))), "{bad:?}");
        }
    }

    #[test]
    fn the_same_plan_is_the_same_text_and_another_is_another() {
        let arguments = chosen(&[("service", "checkout"), ("zone", "a")]).unwrap();
        let plan = Plan::new(&action(), arguments.clone(), "ap_1");
        let text = plan.canonical().unwrap();
        assert_eq!(text, Plan::new(&action(), arguments.clone(), "ap_1").canonical().unwrap());
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        let sorted: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&sorted).unwrap(), text, "fields are in order");
        assert_ne!(
            plan_hash(&text),
            plan_hash(&Plan::new(&action(), arguments, "ap_2").canonical().unwrap())
        );
        assert_eq!(plan.check.unwrap().service, "checkout");
    }
}
