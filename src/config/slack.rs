//! Slack's settings, and which of them go together.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, Secret};

/// Slack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackSettings {
    /// The app's bot token.
    pub bot_token: Secret,
    /// File that holds it.
    pub bot_token_file: PathBuf,
    /// The app-level token, for Socket Mode.
    pub app_token: Secret,
    /// File that holds it.
    pub app_token_file: PathBuf,
    /// The signing secret, for HTTP mode.
    pub signing_secret: Secret,
    /// File that holds it.
    pub signing_secret_file: PathBuf,
    /// Channels to which alerts may be posted.
    pub channels: Vec<String>,
    /// Address of the Web API.
    pub api_url: String,
    /// State database that several servers share; empty for the data directory's.
    pub shared_state: PathBuf,
}

/// How Slack's events come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlackMode {
    /// Over a connection that is opened from here.
    Socket,
    /// By signed requests to this server.
    Http,
}

impl SlackSettings {
    /// How events come in; `None` without Slack.
    ///
    /// # Errors
    /// When the tokens and the secret do not go together.
    pub fn mode(&self) -> Result<Option<SlackMode>, ConfigError> {
        let conflict = |message: &str, hint: &str| {
            Err(ConfigError::Conflict { message: message.to_owned(), hint: hint.to_owned() })
        };
        let (bot, app, secret) = (&self.bot_token, &self.app_token, &self.signing_secret);
        match (bot.is_empty(), app.is_empty(), secret.is_empty()) {
            (true, true, true) => return Ok(None),
            (true, ..) => {
                return conflict(
                    "Slack is set up without its bot token",
                    "set slack.bot_token_file to a file with the Bot User OAuth Token (xoxb-...) of OAuth & Permissions",
                );
            }
            (false, true, true) => {
                return conflict(
                    "slack.bot_token alone lets no events in",
                    "for Socket Mode set slack.app_token_file (an app-level token, xapp-..., with connections:write); for HTTP mode set slack.signing_secret_file",
                );
            }
            (false, false, false) => {
                return conflict(
                    "slack.app_token means Socket Mode and slack.signing_secret means HTTP mode, and an app has one of them",
                    "keep the one that the app's settings at api.slack.com say, and leave the other empty",
                );
            }
            _ => {}
        }
        let begins =
            |secret: &Secret, start: &str| secret.is_empty() || secret.expose().starts_with(start);
        if !begins(bot, "xoxb-") {
            return conflict(
                "slack.bot_token is not a bot token",
                "it begins with xoxb-; find it under OAuth & Permissions",
            );
        }
        if !begins(app, "xapp-") {
            return conflict(
                "slack.app_token is not an app-level token",
                "it begins with xapp-; make one under Basic Information, App-Level Tokens, with connections:write",
            );
        }
        Ok(Some(if app.is_empty() { SlackMode::Http } else { SlackMode::Socket }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(bot: &str, app: &str, secret: &str) -> Result<Option<SlackMode>, String> {
        let settings = SlackSettings {
            bot_token: Secret::new(bot),
            bot_token_file: PathBuf::new(),
            app_token: Secret::new(app),
            app_token_file: PathBuf::new(),
            signing_secret: Secret::new(secret),
            signing_secret_file: PathBuf::new(),
            channels: Vec::new(),
            api_url: String::new(),
            shared_state: PathBuf::new(),
        };
        settings.mode().map_err(|error| error.to_string())
    }

    #[test]
    fn tokens_that_go_together_say_how_events_come_in() {
        assert_eq!(mode("", "", ""), Ok(None));
        assert_eq!(mode("xoxb-1", "xapp-1", ""), Ok(Some(SlackMode::Socket)));
        assert_eq!(mode("xoxb-1", "", "s"), Ok(Some(SlackMode::Http)));
    }

    #[test]
    fn tokens_that_do_not_are_refused_with_a_hint() {
        for (bot, app, secret, word) in [
            ("", "xapp-1", "", "bot token"),
            ("", "", "s", "bot token"),
            ("xoxb-1", "", "", "lets no events in"),
            ("xoxb-1", "xapp-1", "s", "one of them"),
            ("xapp-1", "xapp-1", "", "not a bot token"),
            ("xoxb-1", "xoxb-1", "", "not an app-level token"),
        ] {
            let error = mode(bot, app, secret).unwrap_err();
            assert!(error.contains(word) && error.contains("hint:"), "{error}");
            assert!(!error.contains("xoxb-1"), "secrets do not show: {error}");
        }
    }
}
