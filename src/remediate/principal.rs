//! Who said it: a person by name, or a program that no word of approval is taken from.

use serde::{Deserialize, Serialize};

use super::Refused;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 80;

/// Who proposes, approves or declines. A name is what the surface knows: Slack vouches for its users' ids; a name given
/// on the command line or in the panel is the word of somebody who holds the data directory or the token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Principal {
    /// A user of Slack, by id.
    Slack(String),
    /// Somebody at the command line.
    CommandLine(String),
    /// Somebody who calls the API, by the panel or otherwise.
    Api(String),
    /// Another program's model.
    Mcp,
    /// This program, for an answer.
    Groundcrew,
}

impl Principal {
    /// The one who is named so: made by `of`, such as [`Principal::Api`].
    ///
    /// # Errors
    /// When the name is none.
    pub fn named(of: fn(String) -> Self, name: &str) -> Result<Self, Refused> {
        let name = name.trim();
        let is_name = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && !name.chars().any(|c| c.is_control() || crate::text::is_unsafe(c));
        if is_name {
            return Ok(of(name.to_owned()));
        }
        Err(Refused::BadName)
    }

    /// The name of the person; `None` for a program.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Slack(name) | Self::CommandLine(name) | Self::Api(name) => Some(name),
            Self::Mcp | Self::Groundcrew => None,
        }
    }

    /// Whether both are the same person, as far as names tell: one who is `ana` here and there is.
    #[must_use]
    pub fn is_same_person(&self, other: &Self) -> bool {
        match (self.person(), other.person()) {
            (Some(one), Some(another)) => one.eq_ignore_ascii_case(another),
            _ => false,
        }
    }

    /// `ana (command line)`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Slack(name) => format!("{name} (Slack)"),
            Self::CommandLine(name) => format!("{name} (command line)"),
            Self::Api(name) => format!("{name} (API)"),
            Self::Mcp => "another program's model".to_owned(),
            Self::Groundcrew => "groundcrew".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_names_somebody() {
        assert_eq!(Principal::named(Principal::Api, " ana ").unwrap().words(), "ana (API)");
        for bad in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(81)] {
            assert!(Principal::named(Principal::Api, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_person_is_the_same_on_every_surface_and_programs_are_nobody() {
        let ana = Principal::Api("Ana".to_owned());
        assert!(ana.is_same_person(&Principal::CommandLine("ana".to_owned())));
        assert!(!ana.is_same_person(&Principal::Slack("U1".to_owned())));
        assert!(!Principal::Mcp.is_same_person(&Principal::Mcp));
    }
}
