//! What is written into the audit trail, and holding the trail against heads that were written down elsewhere.

use std::io::Write;
use std::path::{Path, PathBuf};

use groundcrew_store::{AuditHead, StateDb, StoreError};
use groundcrew_telemetry::Timestamp;
use serde::{Deserialize, Serialize};

use super::Principal;
use super::view::Helped;
use crate::config::Settings;

/// The file of heads in the data directory.
const HEADS_FILE: &str = "audit-heads.txt";
/// Heads that are read of a file.
const HEADS_MAX: usize = 1_000_000;

/// One thing that happened to a proposal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum AuditEntry {
    /// It was proposed.
    Proposed {
        /// The proposal.
        proposal: String,
        /// Who.
        by: Principal,
        /// Hash of the plan.
        hash: String,
        /// The plan, to the letter.
        plan: String,
        /// The answer it rests on.
        answer: Option<String>,
        /// The evidence it rests on.
        evidence: Vec<String>,
    },
    /// A person approved it; it is written before anything is sent.
    Approved {
        /// The proposal.
        proposal: String,
        /// Who.
        by: Principal,
        /// Hash of the plan that they were shown.
        hash: String,
    },
    /// A person declined it.
    Declined {
        /// The proposal.
        proposal: String,
        /// Who.
        by: Principal,
    },
    /// An approval that was turned down.
    Refused {
        /// The proposal.
        proposal: String,
        /// Whose.
        by: Principal,
        /// The hash that they gave.
        hash: String,
        /// Why.
        why: String,
    },
    /// What came of doing it.
    Ended {
        /// The proposal.
        proposal: String,
        /// `done`, `failed` or `unknown`.
        state: String,
        /// In words.
        outcome: String,
    },
    /// What was measured afterwards.
    Checked {
        /// The proposal.
        proposal: String,
        /// Whether it helped.
        helped: Helped,
        /// In words.
        measured: String,
    },
}

impl AuditEntry {
    /// As it is stored.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// One line for people.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Proposed { proposal, by, hash, .. } => {
                format!("{proposal} proposed by {}, plan {}", by.words(), short(hash))
            }
            Self::Approved { proposal, by, hash } => {
                format!("{proposal} approved by {}, plan {}", by.words(), short(hash))
            }
            Self::Declined { proposal, by } => format!("{proposal} declined by {}", by.words()),
            Self::Refused { proposal, by, why, .. } => {
                format!("{proposal} approval by {} refused: {why}", by.words())
            }
            Self::Ended { proposal, state, outcome } => format!("{proposal} {state}: {outcome}"),
            Self::Checked { proposal, measured, .. } => format!("{proposal} checked: {measured}"),
        }
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// Where heads are written down.
#[must_use]
pub fn heads_file(settings: &Settings) -> PathBuf {
    let configured = &settings.actions.audit_file;
    if configured.as_os_str().is_empty() {
        return settings.data.dir.join(HEADS_FILE);
    }
    configured.clone()
}

/// Writes a head down, in the file and in our own log. A file that cannot be written is told and stops nothing: what
/// was decided is in the trail already.
pub(super) fn export(head: &AuditHead, at: Timestamp, file: &Path) {
    tracing::info!(target: "groundcrew::audit", seq = head.seq, hash = head.hash, "the audit trail has a new head");
    let line = format!("{head} {at}\n");
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    if let Err(error) = opened.and_then(|mut file| file.write_all(line.as_bytes())) {
        tracing::error!(%error, file = %file.display(), "the head of the audit trail could not be written down");
    }
}

/// What came of checking the trail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditReport {
    /// Where the trail ends.
    pub head: AuditHead,
    /// Heads that were found in it as they were written down.
    pub matched: usize,
    /// What does not hold, in words; empty when all does.
    pub broken: Vec<String>,
}

/// Holds the trail against itself and against the heads in `file`, if it is there.
///
/// # Errors
/// When the trail cannot be read.
pub fn report(state: &StateDb, file: &Path) -> Result<AuditReport, StoreError> {
    let mut broken = Vec::new();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            broken.push(format!("{} cannot be read: {error}", file.display()));
            String::new()
        }
    };
    let mut heads = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(HEADS_MAX) {
        match line.parse() {
            Ok(head) => heads.push(head),
            Err(why) => broken.push(why),
        }
    }
    let verdict = state.verify_audit(&heads)?;
    if heads.is_empty() && verdict.head.seq > 0 {
        broken.push(format!(
            "{} names no head, so nothing tells whether the whole trail was written anew",
            file.display()
        ));
    }
    broken.extend(verdict.broken);
    Ok(AuditReport { head: verdict.head, matched: verdict.matched, broken })
}
