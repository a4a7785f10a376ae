//! Alerts in one shape, whoever sent them.

use serde::{Deserialize, Serialize};

use crate::{Attributes, Timestamp};

/// Whether an alert still holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum AlertStatus {
    /// It holds.
    #[default]
    Firing,
    /// It no longer holds.
    Resolved,
}

/// One alert.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Alert {
    /// Who sent it: `alertmanager`, `file`, ...
    pub source: String,
    /// Same fingerprint, same alert.
    pub fingerprint: String,
    /// Whether it holds.
    pub status: AlertStatus,
    /// The rule's name.
    pub name: String,
    /// The sender's word for how bad it is.
    pub severity: String,
    /// The service it names, when it does.
    pub service: Option<String>,
    /// Labels: what the alert is about.
    pub labels: Attributes,
    /// Annotations: what the rule's author wrote.
    pub annotations: Attributes,
    /// Since when it holds.
    pub starts_at: Timestamp,
    /// When it stopped, if it did.
    pub ends_at: Option<Timestamp>,
    /// Summary or description in one text.
    pub text: String,
    /// Where its author says to look.
    pub runbook_url: Option<String>,
}

impl Alert {
    /// Calls `visit` with every free text inside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("", &mut self.name);
        visit("", &mut self.text);
        self.labels.for_each_text_mut(visit);
        self.annotations.for_each_text_mut(visit);
        if let Some(url) = &mut self.runbook_url {
            visit("", url);
        }
    }
}
