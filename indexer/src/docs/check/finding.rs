//! What a check finds.

use std::path::PathBuf;

/// Something wrong with documents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What is wrong.
    pub kind: FindingKind,
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1; zero for the file as a whole.
    pub line: u32,
    /// In words, without file and line. Holds foreign text.
    pub what: String,
}

/// The ways in which documents can be wrong, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FindingKind {
    /// An alert that no runbook answers.
    AlertWithoutRunbook,
    /// A link to a file that is not there.
    DeadLink,
    /// A link to a place that its page does not have.
    DeadAnchor,
    /// A runbook that no page, alert or service leads to.
    OrphanRunbook,
    /// Two pages give themselves the same id.
    DuplicateId,
    /// A page whose review is overdue.
    StalePage,
    /// A file that cannot be read, in whole or in part.
    Unreadable,
}

impl FindingKind {
    /// All kinds in order.
    pub const ALL: [Self; 7] = [
        Self::AlertWithoutRunbook,
        Self::DeadLink,
        Self::DeadAnchor,
        Self::OrphanRunbook,
        Self::DuplicateId,
        Self::StalePage,
        Self::Unreadable,
    ];

    /// Its name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AlertWithoutRunbook => "alert_without_runbook",
            Self::DeadLink => "dead_link",
            Self::DeadAnchor => "dead_anchor",
            Self::OrphanRunbook => "orphan_runbook",
            Self::DuplicateId => "duplicate_id",
            Self::StalePage => "stale_page",
            Self::Unreadable => "unreadable",
        }
    }

    /// Its heading for people.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::AlertWithoutRunbook => "alerts without a runbook",
            Self::DeadLink => "dead links",
            Self::DeadAnchor => "dead anchors",
            Self::OrphanRunbook => "runbooks that nothing leads to",
            Self::DuplicateId => "ids that two pages share",
            Self::StalePage => "pages whose review is overdue",
            Self::Unreadable => "files that cannot be read as they are",
        }
    }
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckReport {
    /// Pages that were looked at.
    pub pages: u64,
    /// Alerts that are known.
    pub alerts: u64,
    /// What is wrong, by kind, file and line.
    pub findings: Vec<Finding>,
}
