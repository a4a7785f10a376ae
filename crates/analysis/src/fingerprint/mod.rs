//! Symptom fingerprints: what an incident looks like, in a form that can be kept for years and compared with another.
//!
//! A [`Fingerprint`] is a set of [`Sign`]s: lines that are new or gone, calls that fail or are slow, metrics that moved
//! with their direction, states of cluster objects, what bad requests have in common. Figures are left out, because the
//! same trouble has other figures each time. [`Fingerprint::of`] makes one from an [`crate::Analysis`],
//! [`Fingerprint::of_report`] from a report, [`compare()`] says how alike two are and what is the same and what differs.

mod compare;
mod make;
mod report;
mod terms;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use compare::{Likeness, Match, Nearness, compare};
pub use make::sign_of;
pub use report::{Report, fault_kind};
pub use terms::Rarity;

/// Most signs that are kept; the most telling stay.
const SIGNS_MAX: usize = 48;
/// Longest text of a sign, in bytes.
const TEXT_BYTES_MAX: usize = 240;

/// What is different from normal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    /// A log line that was not there before. Detail: the template's id.
    LineNew,
    /// A log line that comes much more often. Detail: the template's id.
    LineMore,
    /// A log line that no longer comes. Detail: the template's id.
    LineGone,
    /// Requests of the service fail. No detail.
    ServiceFails,
    /// The service itself is slow. No detail.
    ServiceSlow,
    /// Calls fail. Detail: who is called.
    EdgeFails,
    /// The way to another service is slow. Detail: who is called.
    EdgeSlow,
    /// It calls another more often. Detail: who is called.
    CallsMore,
    /// It repeats calls that failed. Detail: who is called.
    Retries,
    /// It calls another less often. Detail: who is called.
    CallsFewer,
    /// More requests come. No detail.
    LoadMore,
    /// Fewer requests come. No detail.
    LoadLess,
    /// A metric went up. Detail: its name.
    MetricUp,
    /// A metric went down. Detail: its name.
    MetricDown,
    /// A limit is reached. Detail: the metric of what is used.
    Saturated,
    /// A metric that a report speaks of. Detail: its name.
    MetricNamed,
    /// Bad requests have an attribute in common. Detail: attribute and value.
    Cohort,
    /// A cluster object is not as it should be. Detail: its status.
    ObjectState,
    /// The cluster warned. Detail: the reason.
    ClusterWarning,
    /// A change is likely to have triggered it. Detail: what sort of change.
    Change,
    /// An alert went off. Detail: its name.
    Alert,
    /// The kind of fault: suspected, confirmed or told. Detail: a word of [`crate::FaultKind`].
    Fault,
    /// A service that a report speaks of. No detail.
    ServiceNamed,
}

/// Where a service stands among those that call each other.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nobody calls it: requests enter here.
    Entry,
    /// It is called and calls others.
    Middle,
    /// It is called and calls no service that is seen.
    Leaf,
    /// It sends no telemetry of its own: a database, a provider.
    Dependency,
    /// Its calls are not known.
    #[default]
    Unknown,
}

impl Role {
    /// The word in keys.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Middle => "middle",
            Self::Leaf => "leaf",
            Self::Dependency => "dependency",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that is different from normal, without its figures.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sign {
    /// What sort of difference.
    pub kind: SignKind,
    /// Of what exactly; see [`SignKind`].
    #[serde(default)]
    pub detail: String,
    /// The detail in a form that other systems share: what a metric measures, the callee's role, an attribute's name.
    #[serde(default)]
    pub class: String,
    /// The service it was seen on, `""` for none.
    #[serde(default)]
    pub service: String,
    /// Where that service stands.
    #[serde(default)]
    pub role: Role,
    /// How much it says about the trouble, 0 to 1.
    pub weight: f64,
    /// The line, message or title behind it. Untrusted.
    #[serde(default)]
    pub text: String,
}

/// What an incident looks like.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Signs, the most telling first; no two with the same kind, detail and service.
    pub signs: Vec<Sign>,
    /// Whether it was read from a report, which tells less than telemetry shows.
    #[serde(default)]
    pub told: bool,
}

impl Fingerprint {
    /// The position of the sign that a finding gives, if it was telling enough to be kept.
    #[must_use]
    pub fn position_of(&self, sign: &Sign) -> Option<usize> {
        self.signs.iter().position(|kept| {
            (kept.kind, &kept.service, &kept.detail) == (sign.kind, &sign.service, &sign.detail)
        })
    }

    /// Whether it says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.signs.is_empty()
    }

    /// Adds a sign; of two with the same kind, detail and service the heavier stays.
    pub fn add(&mut self, sign: Sign) {
        self.signs.push(sign);
        self.tidy();
    }

    /// Says which kind of fault it was on which service, in place of what was suspected.
    pub fn set_fault(&mut self, service: &str, kind: crate::FaultKind) {
        let role = self.signs.iter().find(|sign| sign.service == service).map(|sign| sign.role);
        self.signs.retain(|sign| sign.kind != SignKind::Fault);
        self.add(make::fault_sign(service, role.unwrap_or_default(), kind));
    }

    /// Sorts, removes what stands twice and keeps the most telling.
    fn tidy(&mut self) {
        self.signs.retain(|sign| sign.weight.is_finite() && sign.weight > 0.0);
        self.signs.iter_mut().for_each(|sign| sign.weight = sign.weight.min(1.0));
        self.signs.sort_by(|a, b| {
            (b.weight.total_cmp(&a.weight))
                .then_with(|| (a.kind, &a.service, &a.detail).cmp(&(b.kind, &b.service, &b.detail)))
                .then_with(|| a.text.cmp(&b.text))
        });
        let mut seen = std::collections::BTreeSet::new();
        self.signs
            .retain(|sign| seen.insert((sign.kind, sign.service.clone(), sign.detail.clone())));
        self.signs.truncate(SIGNS_MAX);
    }
}

/// The beginning of a text, at most [`TEXT_BYTES_MAX`] bytes of its first line.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or("").trim();
    line.get(..line.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(line).to_owned()
}
