//! Settings of what may be done about an outage, and which of them cannot be used.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use super::{ConfigError, Secret};

/// Longest wait for a webhook.
const TIMEOUT_SECS_MAX: u64 = 120;

/// What may be done about an outage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionsSettings {
    /// Directories whose runbooks may declare actions; empty for no actions at all.
    pub runbooks: Vec<PathBuf>,
    /// Where approved actions are sent.
    pub webhooks: Vec<Webhook>,
    /// Whether a person may not approve what they proposed.
    pub two_people: bool,
    /// Who may approve: names, Slack's user ids among them; empty for everybody who can reach a surface.
    pub approvers: Vec<String>,
    /// Minutes after which a proposal may not be approved any more.
    pub expire_minutes: u64,
    /// File to which the head of the audit trail is added with each entry; empty for one in the data directory.
    pub audit_file: PathBuf,
}

/// One place to which approved actions are sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// What runbooks call it.
    pub name: String,
    /// Its address: https, or http on this machine.
    pub url: String,
    /// Bearer token for it.
    #[serde(default)]
    pub token: Secret,
    /// File that holds the token.
    #[serde(default)]
    pub token_file: PathBuf,
    /// Seconds until it must have answered.
    #[serde(default = "usual_timeout")]
    pub timeout_secs: u64,
}

const fn usual_timeout() -> u64 {
    15
}

impl ActionsSettings {
    /// The webhook of that name.
    #[must_use]
    pub fn webhook(&self, name: &str) -> Option<&Webhook> {
        self.webhooks.iter().find(|webhook| webhook.name == name)
    }

    /// Reads tokens from their files, and refuses what cannot be used.
    pub(super) fn fill_in(&mut self) -> Result<(), ConfigError> {
        if !(1..=24 * 60).contains(&self.expire_minutes) {
            return Err(wrong("actions.expire_minutes is 1 to 1440".to_owned()));
        }
        let mut names: Vec<&str> = self.webhooks.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(wrong("two webhooks have the same name".to_owned()));
        }
        self.webhooks.iter_mut().try_for_each(Webhook::fill_in)
    }
}

fn wrong(message: String) -> ConfigError {
    ConfigError::Invalid { place: "actions".to_owned(), message }
}

impl Webhook {
    /// Its address, taken apart.
    #[must_use]
    pub fn address(&self) -> Option<Url> {
        let url = Url::parse(&self.url).ok()?;
        let is_here = match url.host_str()? {
            "localhost" => true,
            host => host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
        };
        let is_plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_here)))
            .then_some(url)
    }

    /// Seconds until it must have answered.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }

    fn fill_in(&mut self) -> Result<(), ConfigError> {
        let name = &self.name;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=40).contains(&name.len()) || !name.bytes().all(is_name) {
            return Err(wrong("a webhook's name has 1 to 40 letters, digits, - or _".to_owned()));
        }
        if self.address().is_none() {
            return Err(wrong(format!(
                "the url of the webhook `{name}` is none that is called: https, or http on this machine, without a user or fragment"
            )));
        }
        if !(1..=TIMEOUT_SECS_MAX).contains(&self.timeout_secs) {
            return Err(wrong(format!("timeout_secs of `{name}` is 1 to {TIMEOUT_SECS_MAX}")));
        }
        if self.token.is_empty() && !self.token_file.as_os_str().is_empty() {
            let path = self.token_file.clone();
            let text = std::fs::read_to_string(&path)
                .map_err(|source| ConfigError::Read { path, source })?;
            self.token = Secret::new(text.trim());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str) -> Webhook {
        Webhook {
            name: "roll-back".to_owned(),
            url: url.to_owned(),
            token: Secret::default(),
            token_file: PathBuf::new(),
            timeout_secs: 15,
        }
    }

    #[test]
    fn only_addresses_that_nobody_can_listen_in_on_are_called() {
        for url in [
            "https://ops.example/act",
            "http://127.0.0.1:9/act",
            "http://localhost/x",
            "http://[::1]:7/x",
        ] {
            assert!(webhook(url).fill_in().is_ok(), "{url}");
        }
        for url in [
            "",
            "ops.example",
            "http://ops.example/act",
            "ftp://ops.example/",
            "file:///etc/passwd",
            "https://user:pass@ops.example/",
            "https://ops.example/#x",
            "http://127.0.0.1.evil.example/",
            "http://127.0.0.1@evil.example/",
            "javascript:alert(1)",
        ] {
            assert!(webhook(url).fill_in().is_err(), "{url}");
        }
    }
}
