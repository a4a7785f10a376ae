//! `groundcrew serve`: everything that listens, until a signal.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use super::print;
use crate::app;
use crate::config::Settings;

pub(super) async fn run(settings: Settings) -> Result<Exit> {
    let running = app::start(&settings).await?;
    let addresses = &running.addresses;
    print::note(format!(
        "panel and chat   http://{}\nOTLP over gRPC   {}\nOTLP over HTTP   http://{}\ndata directory   {}\ndurability       {}, {}\nstop with Ctrl-C",
        addresses.http,
        addresses.otlp_grpc,
        addresses.otlp_http,
        settings.data.dir.display(),
        settings.data.durability.name(),
        settings.data.durability.meaning()
    ));
    let sources = &addresses.sources;
    for (name, address) in [
        ("syslog over UDP ", sources.syslog_udp),
        ("syslog over TCP ", sources.syslog_tcp),
        ("syslog over TLS ", sources.syslog_tls),
        ("fluent forward  ", sources.fluent),
    ] {
        if let Some(address) = address {
            print::note(format!("{name} {address}"));
        }
    }
    until_signalled().await?;
    print::note("stopping: finishing what runs, sealing memory");
    tokio::select! {
        () = running.stop() => Ok(Exit::Success),
        again = until_signalled() => { again?; Ok(Exit::Interrupted) }
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub(super) async fn until_signalled() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("failed to listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
