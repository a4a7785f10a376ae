//! Our own log: to stderr, filtered, without tokens, addresses of people or raw bodies.
//!
//! The model client's own messages are off unless asked for by name, because it logs the bodies of bad replies.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::LogSettings;

/// Starts logging; `verbosity` counts `-v`. Call once.
pub fn start(settings: &LogSettings, verbosity: u8) {
    let directives = match verbosity {
        0 => settings.filter.clone(),
        1 => "info,async_openai=off".to_owned(),
        2 => "info,async_openai=off,groundcrew=debug,groundcrew_store=debug,groundcrew_indexer=debug,groundcrew_llm=debug".to_owned(),
        _ => "debug,async_openai=off".to_owned(),
    };
    let filter = EnvFilter::try_new(&directives).unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    let started =
        if settings.json { subscriber.json().try_init() } else { subscriber.compact().try_init() };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
}
