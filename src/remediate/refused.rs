//! Why something is not proposed, not approved or not done. Nothing is changed when one of these is returned.

use groundcrew_store::StoreError;
use thiserror::Error;

/// A step that is not taken.
#[derive(Debug, Error)]
pub enum Refused {
    /// Nobody named runbooks that may declare actions.
    #[error(
        "no actions are configured\nhint: name the directories whose runbooks may declare some, in actions.runbooks"
    )]
    NotConfigured,
    /// No runbook declares it.
    #[error(
        "no runbook declares an action `{0}`\nhint: `groundcrew actions` lists those that are declared"
    )]
    NoSuchAction(String),
    /// Nothing was proposed under that name.
    #[error("there is no proposal `{0}`\nhint: `groundcrew actions` lists the latest")]
    NoSuchProposal(String),
    /// The answer it should rest on is not there.
    #[error("there is no answer `{0}` to rest on")]
    NoSuchAnswer(String),
    /// An argument is missing, unknown or outside its closed set.
    #[error("{0}\nhint: `groundcrew actions` shows the parameters of each action and their values")]
    BadArgument(String),
    /// A name that is none.
    #[error(
        "say who you are: a name of 1 to 80 characters\nhint: give --as NAME, or `by` over the API"
    )]
    BadName,
    /// A program's word where a person's is needed, or a person whose word is not enough.
    #[error("{0}")]
    NotTheirs(String),
    /// Only what anybody may have written speaks for it.
    #[error("{0}")]
    Tainted(String),
    /// The plan is not the one that was shown, or not one that should be carried out any more.
    #[error("{0}\nhint: nothing was done; propose it again if it is still wanted")]
    Stale(String),
    /// It was decided already.
    #[error("{0}")]
    Decided(String),
    /// The state or the telemetry could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug.
    #[error("{0}, which is a bug")]
    Bug(String),
}

impl Refused {
    /// A word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "no_actions",
            Self::NoSuchAction(_) => "no_such_action",
            Self::NoSuchProposal(_) => "no_such_proposal",
            Self::NoSuchAnswer(_) => "no_such_answer",
            Self::BadArgument(_) => "bad_argument",
            Self::BadName => "bad_name",
            Self::NotTheirs(_) => "not_theirs",
            Self::Tainted(_) => "tainted",
            Self::Stale(_) => "stale",
            Self::Decided(_) => "decided",
            Self::Store(_) => "store",
            Self::Bug(_) => "bug",
        }
    }

    /// What is wrong and what to do, apart.
    #[must_use]
    pub fn parts(&self) -> (String, String) {
        let text = self.to_string();
        match text.split_once("\nhint: ") {
            Some((message, hint)) => (message.to_owned(), hint.to_owned()),
            None => (text, "see GET /v1/proposals".to_owned()),
        }
    }
}
