//! `groundcrew mcp`: the tools of the Model Context Protocol over stdin and stdout, for one client.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use groundcrew_telemetry::SystemClock;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use crate::app;
use crate::config::Settings;
use crate::investigate::Investigator;
use crate::session::{Sessions, SessionsOptions};
use crate::surfaces::mcp::Mcp;

/// How long one look at the data directory serves: a client stays for hours, and what a server writes meanwhile is seen
/// by looking again.
const FRESH_FOR: Duration = Duration::from_secs(5);

pub(super) async fn run(settings: Settings) -> Result<Exit> {
    let shutdown = CancellationToken::new();
    let proposing = settings.clone();
    let directory = Directory { settings, shutdown: shutdown.clone(), opened: Mutex::new(None) };
    let mcp = Mcp::new(Arc::new(move || {
        directory.sessions().map_err(|error| error.to_string().replace("\nhint", "; hint"))
    }))
    .proposing(&proposing);
    let served = tokio::select! {
        served = mcp.over_stdio() => served.context("the client does not speak the protocol"),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("failed to listen for Ctrl-C")?;
            return Ok(Exit::Interrupted);
        }
    };
    shutdown.cancel();
    served?;
    Ok(Exit::Success)
}

/// The data directory, looked at anew now and then.
struct Directory {
    settings: Settings,
    shutdown: CancellationToken,
    opened: Mutex<Option<(Instant, Sessions)>>,
}

impl Directory {
    fn sessions(&self) -> Result<Sessions, app::AppError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, sessions)) = opened.as_ref()
            && at.elapsed() < FRESH_FOR
        {
            return Ok(sessions.clone());
        }
        let store = app::open_store_beside(&self.settings)?;
        let investigator = match opened.as_ref() {
            // All but the store stays: the weights of the embedding model are most of what is in memory.
            Some((_, before)) => {
                Arc::new(Investigator { store, ..before.investigator().as_ref().clone() })
            }
            None => app::build_investigator(&self.settings, store)?,
        };
        let sessions = Sessions::new(SessionsOptions {
            investigator,
            clock: Arc::new(SystemClock),
            questions_max: self.settings.server.questions_max,
            shutdown: self.shutdown.clone(),
        });
        *opened = Some((Instant::now(), sessions.clone()));
        Ok(sessions)
    }
}
