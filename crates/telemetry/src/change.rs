//! Changes that people and machines made.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What sort of change it was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A version began to run.
    Deploy,
    /// Source changed; it acts only once deployed.
    Commit,
    /// A feature flag flipped.
    Flag,
    /// Configuration changed.
    Config,
    /// More or fewer replicas.
    Scaling,
    /// Anything else, such as a migration or a provider's status notice.
    Other,
}

impl ChangeKind {
    /// The word used in sentences and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Commit => "commit",
            Self::Flag => "flag",
            Self::Config => "config",
            Self::Scaling => "scaling",
            Self::Other => "change",
        }
    }
}

/// One change event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// What sort.
    pub kind: ChangeKind,
    /// When it took effect.
    pub time: Timestamp,
    /// The sender's own id (a commit hash, a deploy number); `""` when it has none.
    pub id: String,
    /// The service it acts on, when known.
    pub service: Option<String>,
    /// One line: commit subject, flag name, deploy description.
    pub title: String,
    /// Who or what did it.
    pub actor: Option<String>,
    /// The state before: version, flag value.
    pub from: Option<String>,
    /// The state after.
    pub to: Option<String>,
    /// Commits that a deploy carries.
    pub commits: Vec<String>,
    /// Files that a commit touches.
    pub files: Vec<String>,
    /// The diff's text, as far as it was given.
    pub diff: String,
    /// Where to look at it.
    pub link: Option<String>,
}

impl ChangeEvent {
    /// What it is called by: its id, else its title.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.id.is_empty() { &self.title } else { &self.id }
    }

    /// Calls `visit` with every free text inside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("", &mut self.title);
        visit("", &mut self.diff);
        for text in
            [&mut self.actor, &mut self.from, &mut self.to, &mut self.link].into_iter().flatten()
        {
            visit("", text);
        }
        self.files.iter_mut().for_each(|file| visit("", file));
    }
}
