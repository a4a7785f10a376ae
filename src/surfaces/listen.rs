//! Serves a router on a socket with limits: so many connections, so long for the first bytes, for the headers and for
//! each piece of a body, so many streams and resets, and an orderly end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyTimeout;

use super::prompt_stream::PromptStream;

/// Connections of one listener; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 10_000;
/// Time for a client to send its request's head; one that trickles it is closed.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// What a connection over HTTP/1 is read ahead by. It keeps a buffer as large as its last body had use for, between
/// requests too.
const READ_AHEAD_BYTES: usize = 64 * 1024;
/// Time between two pieces of a request's body; one that trickles less is refused.
const BODY_PAUSE_MAX: Duration = Duration::from_secs(20);
/// Requests that one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 250;
/// Streams that one HTTP/2 connection may reset before they were looked at, and that we may reset for its errors, before
/// it is closed.
const RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 200;
/// Headers of one HTTP/2 request, in bytes.
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// What one HTTP/2 connection may send ahead of being read, per stream and in all.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Time for running requests to end after the shutdown began.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `router` until `shutdown`, then lets running requests end.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Mostly too many open files: give others time to close theirs.
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let router = router.clone().layer(Extension(ConnectInfo(peer)));
        let connection = graceful.watch(connection(stream, router));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still open at the end of the drain time");
    }
}

fn connection(
    stream: TcpStream,
    router: Router,
) -> auto::UpgradeableConnection<
    'static,
    TokioIo<PromptStream<TcpStream>>,
    TowerToHyperService<RequestBodyTimeout<Router>>,
    TokioExecutor,
> {
    // Small frames must not wait for each other; without it they only come a little later.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to set TCP_NODELAY");
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(READ_AHEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    let stream = TokioIo::new(PromptStream::new(stream, HEADER_READ_TIMEOUT));
    let service = TowerToHyperService::new(RequestBodyTimeout::new(router, BODY_PAUSE_MAX));
    builder.serve_connection_with_upgrades(stream, service).into_owned()
}
