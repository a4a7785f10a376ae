//! Settings: the only reader of environment variables and configuration files.
//!
//! Layers, later ones win: built-in defaults, `/etc/groundcrew/groundcrew.toml`, `./groundcrew.toml` (or the file given
//! with `--config`, which must exist), `GROUNDCREW__SECTION__KEY` environment variables, command line flags. Every
//! setting stands once in [`SETTINGS`], from which the reference page is printed.

mod actions;
mod cold;
mod intake;
mod layers;
mod reference;
mod retention;
mod slack;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use groundcrew_store::Durability;
use serde::Deserialize;
use thiserror::Error;

pub use actions::{ActionsSettings, Webhook};
pub use cold::ColdSettings;
pub use intake::{IntakeSettings, KafkaMechanism, OptionalAddress, StreamsBegin};
pub use layers::{Environment, load};
pub use reference::{SETTINGS, Setting, environment_name, reference};
pub use retention::RetentionSettings;
pub use slack::{SlackMode, SlackSettings};

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("failed to read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or variable holds something that is not a setting.
    #[error("{place}: {message}\nhint: `groundcrew config reference` lists every setting")]
    Invalid {
        /// The file or variable.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// Settings that do not go together.
    #[error("{message}\nhint: {hint}")]
    Conflict {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
}

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Format of the file; always 1.
    pub config_version: u32,
    /// Where things are stored.
    pub data: DataSettings,
    /// How long it is kept.
    pub retention: RetentionSettings,
    /// Where what is old lies.
    pub cold: ColdSettings,
    /// What is listened on.
    pub server: ServerSettings,
    /// Sources beside OTLP.
    pub intake: IntakeSettings,
    /// Alerts and changes of other systems.
    pub hooks: HooksSettings,
    /// The web panel.
    pub panel: PanelSettings,
    /// The language model.
    pub llm: LlmSettings,
    /// The embedding model.
    pub embedding: EmbeddingSettings,
    /// Runbooks, past incidents and other documents.
    pub documents: DocumentsSettings,
    /// Slack.
    pub slack: SlackSettings,
    /// Other systems that may be asked.
    pub mcp: McpSettings,
    /// What may be done about an outage.
    pub actions: ActionsSettings,
    /// Our own log.
    pub log: LogSettings,
}

/// Our own log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// Tracing directives.
    pub filter: String,
    /// Whether lines are JSON.
    pub json: bool,
}

/// Where things are stored.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// The data directory.
    pub dir: PathBuf,
    /// Telemetry held in memory before it is sealed, in MiB.
    pub memory_mib_max: usize,
    /// Seconds after which held telemetry is sealed although it is little.
    pub seal_after_secs: u64,
    /// How sure what is acknowledged is.
    pub durability: DurabilitySetting,
    /// What merging small splits may read and write per second, in MiB; 0 for as much as it can.
    pub merge_mib_per_sec: u64,
    /// Whether raw logs and spans are kept for a short while only.
    pub ephemeral: bool,
    /// How long that is.
    pub ephemeral_window: String,
}

/// How sure it is that what a sender got an OK for is still there later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurabilitySetting {
    /// Synced to the disk: survives a power cut.
    Fsync,
    /// Handed to the kernel: survives a kill of the process, not a power cut.
    Os,
}

impl DurabilitySetting {
    /// As it is written in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
        }
    }

    /// What the store knows it as.
    #[must_use]
    pub const fn of_appends(self) -> Durability {
        match self {
            Self::Fsync => Durability::Synced,
            Self::Os => Durability::Written,
        }
    }

    /// What it is good for, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fsync => "what is acknowledged survives a kill and a power cut",
            Self::Os => "what is acknowledged survives a kill; a power cut may lose some",
        }
    }
}

/// What is listened on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// Panel, chat and API.
    pub listen: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// Bearer token that every request must carry; demanded off loopback.
    pub token: Secret,
    /// File that holds the token.
    pub token_file: PathBuf,
    /// Further browser origins that may open the chat, such as `https://ops.example`.
    pub allowed_origins: Vec<String>,
    /// Questions answered at the same time.
    pub questions_max: usize,
    /// Address at which people reach the panel; empty when nobody said it.
    pub public_url: String,
}

/// Alerts and changes of other systems.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HooksSettings {
    /// TOML file that says how messages of further sources are read; empty for none.
    pub mappings: PathBuf,
    /// Secret by which GitHub signs what it posts to `/hooks/github`.
    pub github_secret: Secret,
    /// File that holds it.
    pub github_secret_file: PathBuf,
    /// Secret by which PagerDuty signs what it posts to `/hooks/pagerduty`.
    pub pagerduty_secret: Secret,
    /// File that holds it.
    pub pagerduty_secret_file: PathBuf,
}

/// The web panel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanelSettings {
    /// Where else a thing can be opened: `trace Jaeger https://jaeger.example/trace/{trace}`.
    pub links: Vec<String>,
    /// Pages that may embed an incident, such as `https://portal.example`.
    pub frame_ancestors: Vec<String>,
}

/// The language model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlmSettings {
    /// Base URL of an OpenAI-compatible API.
    pub base_url: String,
    /// Key for it.
    pub api_key: Secret,
    /// File that holds the key.
    pub api_key_file: PathBuf,
    /// Model name.
    pub model: String,
    /// Seconds until the first token must have come.
    pub first_token_secs: u64,
    /// Seconds until the whole answer must have come.
    pub total_secs: u64,
    /// Directory whose `explain.md` replaces the prompt that is shipped; empty for none.
    pub prompts_dir: PathBuf,
    /// Tokens that the model's window holds, prompt and reply together.
    pub context_tokens: usize,
    /// Queries by which the model may look further, for one question.
    pub queries_max: u32,
    /// Tokens sent and received for one question.
    pub tokens_max: usize,
    /// Price of a million tokens sent; 0 when unknown.
    pub input_price: f64,
    /// Price of a million tokens received.
    pub output_price: f64,
    /// What one question may cost, in the currency of the prices; 0 for no limit.
    pub cost_max: f64,
}

impl LlmSettings {
    /// Whether a model is configured at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.base_url.is_empty() || !self.api_key.is_empty()
    }

    /// Deadlines for the first token and for the whole answer.
    #[must_use]
    pub fn timeouts(&self) -> (Duration, Duration) {
        (Duration::from_secs(self.first_token_secs), Duration::from_secs(self.total_secs))
    }
}

/// The embedding model: one that runs here, or one behind an OpenAI-compatible API where `model` names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// Directory with `model.safetensors` and `tokenizer.json`.
    pub model_dir: PathBuf,
    /// Model name at an OpenAI-compatible API; empty for the model in `model_dir`.
    pub model: String,
    /// Base URL of that API.
    pub base_url: String,
    /// Key for it.
    pub api_key: Secret,
    /// File that holds the key.
    pub api_key_file: PathBuf,
    /// Length of the vectors to ask for; 0 for the model's own.
    pub dimensions: usize,
    /// Seconds until the vectors of a batch of texts must have come, retries included.
    pub timeout_secs: u64,
}

/// Runbooks, past incidents and other documents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentsSettings {
    /// Hosts of git remotes that links to the lines of documents may lead to.
    pub permalink_hosts: Vec<String>,
    /// A Qdrant server that may have the vectors.
    pub qdrant: QdrantSettings,
}

/// A Qdrant server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QdrantSettings {
    /// Its gRPC address; empty for none.
    pub url: String,
    /// The beginning of our collections' names there.
    pub collection: String,
    /// Its key.
    pub api_key: Secret,
    /// File that holds the key.
    pub api_key_file: PathBuf,
}

/// Other systems that may be asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpSettings {
    /// Servers of the Model Context Protocol.
    pub servers: Vec<McpServer>,
    /// Whether other programs' models may propose actions.
    pub propose: bool,
}

/// A server of the Model Context Protocol: at an address, or a program that is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// What it is called in answers: letters, digits, `-` and `_`.
    pub name: String,
    /// Its address.
    #[serde(default)]
    pub url: String,
    /// A program and its arguments, where there is no address.
    #[serde(default)]
    pub command: Vec<String>,
    /// Bearer token for the address.
    #[serde(default)]
    pub token: Secret,
    /// File that holds the token.
    #[serde(default)]
    pub token_file: PathBuf,
    /// Tools that may be asked although they do not say that they only read.
    #[serde(default)]
    pub tools: Vec<String>,
}

/// A text that never shows itself.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, to be sent or compared and never logged.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "unset" } else { "[set]" })
    }
}

impl Settings {
    /// Whether every address is a loopback one.
    #[must_use]
    pub fn is_loopback_only(&self) -> bool {
        [self.server.listen, self.server.otlp_grpc, self.server.otlp_http]
            .iter()
            .all(|address| address.ip().is_loopback())
    }

    /// Refuses settings that would open the server to others without a token.
    ///
    /// # Errors
    /// When an address is not loopback and no token is set.
    pub fn check_exposure(&self) -> Result<(), ConfigError> {
        self.intake.check_exposure()?;
        if self.is_loopback_only() || !self.server.token.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Conflict {
            message: "an address other than loopback needs a token".to_owned(),
            hint: "set server.token_file (or GROUNDCREW__SERVER__TOKEN), or listen on 127.0.0.1"
                .to_owned(),
        })
    }
}
