//! How to reach a model server, and the one place that holds the key.

use crate::LlmError;
use async_openai::config::{Config, OPENAI_API_BASE};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Where the model is and how long to wait for it.
#[derive(Clone)]
pub struct LlmSettings {
    /// Base URL of an OpenAI-compatible server, up to and with `/v1`; none means the service of that name itself.
    pub base_url: Option<String>,
    /// The key; none for servers that need none.
    pub api_key: Option<String>,
    /// Name of the model.
    pub model: String,
    /// Longest wait for the first piece of text.
    pub first_token_timeout: Duration,
    /// Longest wait for the whole answer, retries included.
    pub total_timeout: Duration,
}

impl std::fmt::Debug for LlmSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A base URL can carry a user name and a password, so it is left out as well as the key.
        formatter
            .debug_struct("LlmSettings")
            .field("model", &self.model)
            .field("api_key", &self.api_key.as_ref().map(|_| "[redacted]"))
            .field("first_token_timeout", &self.first_token_timeout)
            .field("total_timeout", &self.total_timeout)
            .finish_non_exhaustive()
    }
}

/// Names of the settings that an address and a key come from, for messages.
pub(crate) struct SettingNames {
    pub(crate) base_url: &'static str,
    pub(crate) api_key: &'static str,
}

/// Checked address and key of one server, in the form the client library asks for.
#[derive(Clone)]
pub(crate) struct ServerConfig {
    api_base: String,
    api_key: SecretString,
    headers: HeaderMap,
}

impl ServerConfig {
    /// Checks the address and the key, so that no later step can fail on them.
    pub(super) fn new(settings: &LlmSettings) -> Result<Self, LlmError> {
        if settings.model.trim().is_empty() {
            return Err(bad_setting("llm.model", "it is empty"));
        }
        let names = SettingNames { base_url: "llm.base_url", api_key: "llm.api_key" };
        Self::at(settings.base_url.as_deref(), settings.api_key.as_deref(), &names)
    }

    /// Checks an address (none means the service that gave the API its name) and a key.
    pub(crate) fn at(
        base_url: Option<&str>,
        api_key: Option<&str>,
        names: &SettingNames,
    ) -> Result<Self, LlmError> {
        let api_base = base_url.unwrap_or(OPENAI_API_BASE).trim();
        let api_base = api_base.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&api_base)
            .map_err(|error| bad_setting(names.base_url, &error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad_setting(names.base_url, "it must start with http:// or https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad_setting(names.base_url, "it must not have a query or a fragment"));
        }
        let key = api_key.unwrap_or_default().trim();
        let mut headers = HeaderMap::new();
        if !key.is_empty() {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
                bad_setting(names.api_key, "it has characters that no HTTP header can carry")
            })?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        Ok(Self { api_base, api_key: SecretString::from(key.to_owned()), headers })
    }

    /// Whether this is the service that gave the API its name, which refuses the older name of the output limit.
    pub(super) fn is_first_party(&self) -> bool {
        self.api_base == OPENAI_API_BASE
    }

    /// Replaces the key in a text that came from the server.
    pub(crate) fn without_key(&self, text: &str) -> String {
        match self.api_key.expose_secret() {
            "" => text.to_owned(),
            key => text.replace(key, "[redacted]"),
        }
    }
}

impl Config for ServerConfig {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api_base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.api_base
    }

    fn api_key(&self) -> &SecretString {
        &self.api_key
    }
}

pub(crate) fn bad_setting(setting: &'static str, detail: &str) -> LlmError {
    LlmError::Settings { setting, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{LlmSettings, ServerConfig};
    use async_openai::config::Config as _;
    use std::time::Duration;

    fn settings(base_url: &str, api_key: &str) -> LlmSettings {
        LlmSettings {
            base_url: Some(base_url.to_owned()),
            api_key: Some(api_key.to_owned()),
            model: "m".to_owned(),
            first_token_timeout: Duration::from_secs(1),
            total_timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_key_is_in_no_printed_form() {
        let printed = format!("{:?}", settings("http://u:pass@localhost/v1", "sk-secret"));
        assert!(!printed.contains("sk-secret") && !printed.contains("pass"), "{printed}");
        let config = ServerConfig::new(&settings("http://localhost/v1", "sk-secret")).unwrap();
        assert!(!format!("{:?}", config.headers()).contains("sk-secret"));
        assert!(!format!("{:?}", config.api_key()).contains("sk-secret"));
        assert_eq!(config.without_key("bad key sk-secret"), "bad key [redacted]");
    }

    #[test]
    fn bad_settings_are_told_at_once() {
        for (url, key) in [
            ("localhost:8080", "k"),
            ("ftp://localhost", "k"),
            ("", "k"),
            ("http://localhost/v1?x=1", "k"),
            ("http://localhost", "a\nb"),
        ] {
            let error = ServerConfig::new(&settings(url, key)).err().expect("refused");
            assert_eq!(error.kind(), "settings", "{url}");
            assert!(!error.to_string().contains("a\nb"));
        }
    }

    #[test]
    fn a_trailing_slash_and_white_space_do_not_matter() {
        let config = ServerConfig::new(&settings(" http://localhost:1/v1/ ", " key\n")).unwrap();
        assert_eq!(config.url("/chat/completions"), "http://localhost:1/v1/chat/completions");
        assert_eq!(config.headers()["authorization"], "Bearer key");
        let without = ServerConfig::new(&settings("http://localhost", "")).unwrap();
        assert!(without.headers().is_empty());
    }
}
